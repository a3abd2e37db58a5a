#!/usr/bin/env bats
# --between with names of marks: a window that is exact to the event, in every
# program that has the option.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mk t.mp <"$data/marks.tsv"
}

# bytes PROGRAM WINDOW: what it sees; each size of marks.tsv has a digit of its own
bytes() {
    local program=$1
    shift
    "$program" --json --between "$@" t.mp | jq -s 'map(.bytes) | add // 0'
}

with_between() {
    for p in $(programs); do
        if "$p" --list-options | grep -q '^--between='; then echo "$p"; fi
    done
}

@test "from a mark to a mark: the events between them, though all have one time" {
    same "$(bytes mp-leaks start,step)" 20
    same "$(bytes mp-leaks start,stop)" 54000
    same "$(bytes mp-top start,stop --view total)" 54320
    same "$(bytes mp-temp start,stop)" 320
    # of the peak of a window what was there before is a part
    same "$(bytes mp-peak start,step#2)" 321
}

@test "NAME is the first, for T2 the first behind T1; NAME#K the part's K-th" {
    same "$(bytes mp-leaks step,step)" 300
    same "$(bytes mp-leaks step#1,step#2)" 300
    same "$(bytes mp-leaks step#2,)" 54000
    same "$(bytes mp-leaks ,step)" 21
    same "$(bytes mp-leaks start,step#2)" 300
    # a name that reads like a time
    same "$(bytes mp-leaks start,10#1)" 4300
    same "$(bytes mp-leaks start,10)" 54000
}

@test "a mark on one side, a time on the other" {
    same "$(bytes mp-leaks 2ms,stop)" 54000
    same "$(bytes mp-leaks 1500us,step)" 0
    same "$(bytes mp-leaks start,2500us)" 4000
}

@test "each part has marks of its own, from a pipe as well" {
    cat t.mp t.mp t.mp >three.mp
    same "$(mp-leaks --json --between start,step three.mp | jq .bytes)" 60
    # shellcheck disable=SC2002
    same "$(cat three.mp | mp-leaks --json --between start,step | jq .bytes)" 60
    sed 's/stop/end/' "$data/marks.tsv" | mk other.mp
    cat t.mp other.mp >two.mp
    run -2 mp-leaks --between start,stop two.mp
    same "$output" "mp-leaks: two.mp: no mark 'stop'"
}

@test "a mark that is not there: exit 2, and which" {
    for p in $(with_between); do
        # shellcheck disable=SC2046
        status=0
        "$p" --between 'start,no such' $(input "$p" t.mp) 2>err >out || status=$?
        [ $status = 2 ]
        same "$(cat err)" "$p: t.mp: no mark 'no such'"
        # what streams has written by then, and does not end it
        case $p in mp-filter) run -8 mp-check out ;; *) [ ! -s out ] ;; esac
    done
    run -2 mp-leaks --between step#3, t.mp
    same "$output" "mp-leaks: t.mp: no mark 3 of 'step', only 2"
    run -2 mp-leaks --between stop,start t.mp
    same "$output" "mp-leaks: t.mp: no mark 'start' behind the beginning of the window"
    for window in step#2,step#1 stop,1ms stop,start#1; do
        run -2 mp-leaks --between $window t.mp
        same "$output" 'mp-leaks: t.mp: the window ends before it begins'
    done
}

@test "what cannot be a window is refused before anything is read" {
    for window in a a,b,c 'step#0,' '#1,' 2s,1s 'a#99999999999,'; do
        run --separate-stderr -2 mp-leaks --between "$window" no-such-file
        [[ ${stderr_lines[0]} == "mp-leaks: --between: "*"'" ]]
    done
}

@test "samples, written behind later events: by the time of the marks" {
    sed '/^mark.*stop/a sample\t500000\t1\t7\t\t\tg\nsample\t2500000\t1\t7\t\t\tg' \
        "$data/marks.tsv" | mk s.mp
    same "$(mp-top --json --view samples --between step,stop s.mp | jq -s '.[0].samples')" 1
    same "$(mp-top --json --view samples --between ,stop s.mp | jq -s '.[0].samples')" 2
}

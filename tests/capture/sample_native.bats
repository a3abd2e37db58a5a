#!/usr/bin/env bats
# mp-sample --native: native frames in their places, and nobody is left stopped.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    targets=$here/tests/targets
    pythons >list
    [ -s list ]
    python=$(tail -n 1 list)
    started=
}

teardown() {
    exec 5>&-
    for p in $started; do
        kill -CONT "$p" 2>/dev/null && kill -KILL "$p" 2>/dev/null && wait "$p" 2>/dev/null || true
    done
}

# start COMMAND...: in the background, its number in $pid; out says "ready"
start() {
    rm -f in out
    mkfifo in
    "$@" <in >out 2>start.err 3>&- &
    pid=$!
    started="$started $pid"
    exec 5>in
    for ((i = 0; i < 300; i++)); do
        grep -q '^ready' out && return
        sleep 0.05
    done
    cat out start.err >&2
    return 1
}

clean() {
    mp-check "$1" >check || { cat check; return 1; } >&2
    grep -q ': clean, 1 trace' check
}

# states: of all threads of $pid
states() {
    awk '/^State:/ { print $2 }' /proc/$pid/task/*/status | sort -u | tr -d '\n'
}

@test "a program without Python: shares by function, threads that wait" {
    run -7 mp-sample -o s.mp --native -r 200 -- "$build/targets/spin" 5
    clean s.mp
    echo "$output" | awk '/^much/ { print $2 / ($2 + $4) }' >want
    mp-fold --by function s.mp | grep -v '^\[not copied\] ' >folded
    awk -v want="$(cat want)" '{ n = $NF } /(^|;)main;much;burn [0-9]*$/ { much += n }
        /(^|;)main;little;burn [0-9]*$/ { little += n } { all += n }
        END { share = much / (much + little); print share, want, all
            exit !(all > 100 && (much + little) / all > 0.93 && share - want < .08 && want - share < .08) }' folded \
        >got || { cat got folded; return 1; } >&2
    # no option is needed where there is no Python; what waits is idle
    start "$build/targets/spin" 60
    mp-sample -p $pid -d 0.6 -o a.mp 2>err
    clean a.mp
    mp-cat --json a.mp >a.json
    jq -se 'map(select(.op == "sample" and .state % 2 == 1)) | length > 2 and
        all(.stack | map(.func) | index("waits_here"))' a.json
    jq -se 'map(select(.op == "sample" and .state % 2 == 0)) | length > 20 and
        (map(select(.stack | map(.func) | index("main"))) | length) > 20' a.json
    mp-stat a.mp >stat
    grep -q 'native stacks by p[a-z_]*: [1-9]' err
}

@test "Python frames stand where the eval function ran them" {
    cat >mixed.py <<'PY'
import functools, sys, time
def inner(x):
    for i in range(20):
        x = -x
    return x
def outer(data):
    sorted(data, key=inner)
def hashing(data):
    import hashlib
    hashlib.sha256(data)
def generated(n):
    return sum(i * i for i in range(n))
end = time.time() + float(sys.argv[1])
data, big = list(range(20000)), bytes(1 << 22)
while time.time() < end:
    outer(data)
    hashing(big)
    generated(100000)
PY
    while read -r p; do
        rm -f stacks
        # by ptrace and by perf events; on a busy machine few are made, and it takes more runs
        for way in --stop --native --stop --native --stop --native; do
            mp-sample -q $way -r 150 -o m.mp -- "$p" mixed.py 1.2
            clean m.mp
            mp-cat --json m.mp | jq -r 'select(.op == "sample" and .state % 2 == 0) | .stack |
                map(if .lang == "python" then "p:" + .func else .func // "?" end) | join(";")' |
                grep -v '^p:\|^\[torn\]$' >>stacks || true
            # native frames between the two Python ones, and inside of the innermost
            awk '/[^;];p:<module>;(.*;)?p:outer;[^p].*;p:inner/ { sorted++ }
                /[^;];p:<module>;(.*;)?p:hashing;[^p]/ { hashed++ }
                /[^;];p:<module>;(.*;)?p:generated;[^p].*;p:(generated.<locals>.)?<genexpr>/ { generated++ }
                /\[unjoined\]/ { apart++ }
                END { print NR, sorted, hashed, generated, apart + 0
                    exit !(sorted > 3 && hashed > 3 && generated > 3 && apart * 20 < NR) }' stacks >got && good=1 || good=
            [ $way = --stop ] || [ ! "$good" ] || break
        done
        [ "$good" ] || { echo "$p"; cat got; sort stacks | uniq -c | sort -rn | head -n 9; return 1; } >&2
    done <list
}

@test "threads that wait are looked at without being stopped" {
    start "$python" "$targets/asleep.py"
    mp-sample --stop -p $pid -d 0.5 -o i.mp 2>err
    clean i.mp
    mp-cat --json i.mp | jq -se 'map(select(.op == "sample")) | group_by(.tid) | length >= 17 and
        all(any(.stack[-1].lang == "native" and any(.stack[]; .lang == "python")))'
    stops=$(sed -n 's/.*stops by ptrace: \([0-9]*\),.*/\1/p' err)
    [ "${stops:-0}" -lt 20 ] || { cat err; return 1; } >&2
}

@test "no more than one part in a hundred of the time stopped, and what was not made is told" {
    start "$build/targets/spin" 60
    for way in --stop --native; do
        mp-sample $way -r 10000 -p $pid -d 2 -o s.mp 2>err
        clean s.mp
        held=$(sed -n 's/.*stops by ptrace: .*, \([0-9.]*\) % of the time/\1/p' err)
        awk -v h="${held:-0}" 'BEGIN { exit !(h <= 1.6) }' || { cat err; return 1; } >&2
        spared=$(sed -n 's/.*of its time \([0-9]*\)$/\1/p' err)
        [ "$spared" -gt 0 ]
        # they are samples all the same
        n=$(mp-fold s.mp | awk '/\[not copied\] [0-9]*$/ { n += $NF } END { print n + 0 }')
        [ "$n" -ge "$spared" ]
    done
    [ -n "$held" ] || grep -q 'by perf_event: [1-9]' err
}

@test "killed 200 times, it leaves no thread stopped" {
    start "$python" "$targets/burn.py" 120 4
    for ((k = 0; k < 200; k++)); do
        mp-sample -q $([ $((k % 4)) = 0 ] && echo --native || echo --stop) -r 10000 -p $pid -o k.mp &
        sampler=$!
        sleep 0.0$((k % 5 + 1))
        kill -KILL $sampler
        wait $sampler 2>/dev/null || true
    done
    sleep 0.05
    [[ $(states) =~ ^[RS]+$ ]] || { states; return 1; } >&2
    same "$(awk '/^TracerPid/ { print $2 }' /proc/$pid/task/*/status | sort -u)" 0
    before=$(awk '{ print $14 }' /proc/$pid/stat)
    sleep 0.3
    [ "$(awk '{ print $14 }' /proc/$pid/stat)" -gt "$before" ]
}

@test "signals reach the program, and a stopped one stays stopped" {
    run -7 mp-sample -q -o s.mp --stop -r 10000 -- "$build/targets/spin" 2 1000
    echo "$output" | awk '/^much/ { exit !($6 == $8 && $6 > 100) }'
    start "$build/targets/spin" 60
    mp-sample -q --stop -r 2000 -p $pid -o t.mp &
    sampler=$!
    sleep 0.2
    kill -STOP $pid
    sleep 0.3
    same "$(states)" T
    kill -TERM $sampler
    wait $sampler
    same "$(states)" T
    clean t.mp
    kill -CONT $pid
    sleep 0.1
    [[ $(states) =~ ^RS?$ ]]
}

@test "two at once, and one that another traces: told, nothing breaks" {
    start "$build/targets/spin" 60
    mp-sample -q --stop -r 5000 -p $pid -d 0.6 -o a.mp &
    first=$!
    mp-sample --stop -r 5000 -p $pid -d 0.6 -o b.mp 2>err
    wait $first
    clean a.mp
    clean b.mp
    [[ $(states) =~ ^RS?$ ]]
}

@test "a program that means no good" {
    for what in 0 1 2 3 4 5 6 7 8 8; do
        way=$([ "$way" = --native ] && echo --stop || echo --native)
        start "$build/targets/hostile" $what
        run --separate-stderr timeout 20 mp-sample $way -p $pid -d 0.3 -o h.mp
        [ "$status" = 0 ] || { echo "$what: $status $stderr"; return 1; }
        clean h.mp
        kill -KILL $pid
        wait $pid || true
    done
}

#!/usr/bin/env bats
# mp-sample: what it sees is what the interpreter says, and the program does not notice.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    targets=$here/tests/targets
    pythons 15 >list
    [ -s list ]
    python=$(tail -n 1 list)
    started=
}

teardown() {
    exec 5>&-
    for p in $started; do
        kill -KILL "$p" 2>/dev/null && wait "$p" 2>/dev/null || true
    done
}

# start COMMAND...: in the background, its number in $pid; out says "ready"
start() {
    mkfifo in 2>/dev/null || true
    "$@" <in >out 2>start.err 3>&- &
    pid=$!
    started="$started $pid"
    exec 5>in
    ready
}

ready() {
    for ((i = 0; i < 300; i++)); do
        grep -q '^ready' out && return
        sleep 0.05
    done
    cat out start.err >&2
    return 1
}

# runs PID: it is there, and not stopped
runs() {
    [[ $(awk '/^State:/ { print $2 }' "/proc/$1/status") == [RS] ]]
}

clean() {
    mp-check "$1" >check || { cat check; return 1; } >&2
    grep -q ': clean, 1 trace' check
}

@test "stacks of all shapes, with their lines, as each interpreter has them" {
    while read -r p; do
        # how long a shape is there: on a busy machine it takes a longer look
        for seconds in 0.015 0.03 0.1; do
            mp-sample -q --idle -r 1000 -o s.mp -- "$p" "$targets/shapes.py" $seconds >want
            clean s.mp
            mp-cat --json s.mp | python3 "$here/tests/capture/sampled.py" want >got
            [ "$(wc -l <got)" -gt 1 ] || break
        done
        [ "$(head -n 1 got)" -ge 60 ] && [ "$(wc -l <got)" = 1 ] || { echo "$p"; cat got; return 1; } >&2
    done <list
}

@test "threads that wait: each with its number, its stack, and as idle" {
    while read -r p; do
        start "$p" "$targets/asleep.py"
        mp-sample -q -d 0.4 -p $pid -o a.mp
        exec 5>&-
        wait $pid
        clean a.mp
        mp-cat --json a.mp >a.json
        python3 "$here/tests/capture/sampled.py" out <a.json >got
        [ "$(head -n 1 got)" = 17 ] && [ "$(wc -l <got)" = 1 ] || { echo "$p"; cat got; return 1; } >&2
        jq -se 'map(select(.op == "sample")) | length > 17 and all(.state == 1 and .rss > 1000000)' a.json
        # the time of each thread adds up to the time it was watched
        jq -se 'map(select(.op == "sample")) | group_by(.tid) |
            all(map(.weight) | add | . > 200000000 and . < 1000000000)' a.json
        rm out in
    done <list
}

@test "two chains of calls in turn: a stack of both, unmarked, is one in a hundred at most" {
    while read -r p; do
        mp-sample -q -r 1000 -o c.mp -- "$p" "$targets/chains.py" 0.8 >out
        mp-fold --by function c.mp | grep '^<module>;run' >got
        grep -q '^<module>;run;middle_[ab] ' got
        # both copies of a snapshot can be torn alike
        awk '{ n += $NF; sub(/ [0-9]*$/, "") }
            !/^<module>;run(;middle_a(;leaf_a)?|;middle_b(;leaf_b)?)?(;\[torn\])?$/ { bad++; print }
            END { exit n < 100 || bad * 100 > n }' got || { cat got; return 1; } >&2
        # what is marked is counted
        n=$(mp-fold c.mp | awk '/\[torn\] [0-9]*$/ { n += $NF } END { print n + 0 }')
        mp-cat --json c.mp | jq -se --argjson n "$n" \
            '([.[] | select(.op == "mark" and .name == "samples torn") | .value] | add // 0) == $n'
    done <list
}

@test "the share of functions is that of their CPU time" {
    mp-sample -r 1000 -o b.mp -- "$python" "$targets/burn.py" 3 5 >out 2>err
    mp-fold --by function b.mp | awk '{ n = $NF; for (i in f) delete f[i]
        if ($0 ~ /;(much|some|little)[; ]/) { match($0, /;(much|some|little)[; ]/)
            name = substr($0, RSTART + 1, RLENGTH - 2); sum[name] += n; all += n } }
        END { for (name in sum) print name, int(1000 * sum[name] / all + .5); exit all < 500 }' >got
    sort got >got.sorted
    grep -v ready out | sort | join - got.sorted >both
    same "$(wc -l <both)" 3
    awk '{ d = $2 - $3; if (d > 50 || d < -50) bad = 1 } END { exit bad }' both || { cat both; return 1; } >&2
    grep -q 'threads 6' err
}

@test "idle threads are in the trace, and counted only where asked for" {
    start "$python" "$targets/burn.py" 20 4
    mp-sample -q -p $pid -d 1 -o i.mp
    j '[.[] | select(.op == "sample")] | (map(select(.state % 2 == 1)) | group_by(.tid) |
        length == 4 and all(length >= 5 and length <= 12)) and
        (map(select(.state % 2 == 0)) | (map(.tid) | unique == ['$pid']) and length > 40)' mp-cat i.mp
    mp-sample -q -p $pid -d 1 --idle -o all.mp
    j '[.[] | select(.op == "sample" and .state % 2 == 1)] | group_by(.tid) |
        length == 4 and all(length > 40)' mp-cat all.mp
    mp-sample -q -p $pid -d 1 --gil -o gil.mp
    j '[.[] | select(.op == "sample")] | length > 20 and all(.state == 2)' mp-cat gil.mp
    # sinks: running ones, or all
    mp-svg i.mp >running.svg
    mp-svg --idle i.mp >idle.svg
    python3 "$here/tests/svg.py" running.svg lines >running
    python3 "$here/tests/svg.py" idle.svg lines >idle
    grep -q much running && ! grep -qw bootstrap running || false
    grep -q much idle && grep -q bootstrap idle
    grep -q '"rss","B"' running.svg && grep -q '"rss_growth","B"' running.svg
    runs $pid
}

@test "the example: leaky uses its time, then sleeps" {
    cp "$targets/leaky.py" .
    mp-sample -q -d 2 -r 500 -- "$python" leaky.py >l.mp
    clean l.mp
    mp-svg l.mp >l.svg
    python3 "$here/tests/svg.py" l.svg lines | grep -q 'leaky (.*leaky.py:[56])'
    mp-svg --idle l.mp >i.svg
    python3 "$here/tests/svg.py" i.svg lines | sort -rn | head -n 1 | grep 'leaky (.*leaky.py:7)'
    j 'map(select(.op == "series" and .metric == "rss") | .value) |
        length > 100 and max > 10000000' mp-cat l.mp
    j 'any(.op == "series" and .metric == "pss" and .value > 1000000)' mp-cat l.mp
    mp-stat l.mp | grep -q '^resident  *[0-9.]* MiB at most'
    mp-time l.mp >time
    head -n 1 time | grep -qw rss
}

@test "a reader sees it while it is made" {
    start "$python" "$targets/burn.py" 60
    mp-sample -q -p $pid 5>&- | cat >live.mp 5>&- &
    reader=$!
    for ((i = 0; i < 200; i++)); do
        mp-cat -q --json live.mp 2>/dev/null | grep -q '"op":"sample"' && break
        sleep 0.05
    done
    [ $i -lt 200 ]
    kill -0 $reader
    kill $pid
    exec 5>&-
    wait $reader
    clean live.mp
}

@test "SIGINT and SIGTERM end it with a whole trace, the program runs on" {
    start "$python" "$targets/burn.py" 60 2
    for s in INT TERM HUP; do
        env --default-signal=INT mp-sample -p $pid -o $s.mp 2>err 5>&- &
        sampler=$!
        for ((i = 0; i < 200; i++)); do
            [ -s $s.mp ] && break
            sleep 0.05
        done
        kill -$s $sampler
        wait $sampler
        clean $s.mp
        grep -q 'samples running' err
        runs $pid
    done
    # not even a killed one leaves a trace in it
    mp-sample -q -p $pid -o k.mp 5>&- &
    sleep 0.2
    kill -KILL $!
    wait $! || true
    runs $pid
    # a reader that goes away
    mp-sample -q -p $pid | head -c 1 >one
    runs $pid
    same "$(awk '/^TracerPid/ { print $2 }' /proc/$pid/status)" 0
}

@test "a launched program: its status, its output, and it runs on" {
    run -3 mp-sample -q -o t.mp -- "$python" -c 'print("said"); import time; time.sleep(.3); raise SystemExit(3)'
    same "$output" said
    clean t.mp
    j 'any(.op == "mark" and .name == "exit status" and .value == 3)' mp-cat t.mp
    run -137 mp-sample -q -o t.mp -- "$python" -c 'import os, time; time.sleep(.3); os.kill(os.getpid(), 9)'
    run -127 mp-sample -o t.mp -- ./missing
    same "$output" 'mp-sample: ./missing: command not found'
    touch plain
    run -126 mp-sample -o t.mp -- ./plain
    # stdout is the trace's; the program's goes to stderr
    mp-sample -q -- "$python" -c 'print("said"); import time; time.sleep(.3)' >t.mp 2>err
    clean t.mp
    same "$(cat err)" said
    # it outlives its sampling
    mp-sample -d 0.3 -o t.mp -- "$python" -c 'import sys, time
print("ready", flush=True)
time.sleep(30)' >out 2>err
    clean t.mp
    pid=$(sed -n 's/.*the program runs on as process //p' err)
    started=$pid
    runs "$pid"
    # a program without Python
    run -0 --separate-stderr mp-sample -q -o t.mp -- sleep 0.1
    [[ $stderr == 'mp-sample: sleep: nothing was sampled: no Python interpreter'* ]]
}

@test "a program that executes another interpreter is followed" {
    other=$(head -n 1 list)
    cat >first.py <<'PY'
import os, sys
def first():
    sum(range(1 << 22))
first()
if sys.argv[1] != '0':
    os.execv(sys.executable, [sys.executable, sys.argv[0], str(int(sys.argv[1]) - 1), *sys.argv[2:]])
os.execv(sys.argv[2], sys.argv[2:])
PY
    # three times the same, then another; what is lost is lost in the moment of it
    mp-sample -q -r 500 -o e.mp -- sh -c "exec '$python' first.py 2 '$other' '$targets/chains.py' 0.5" \
        >out 2>err
    clean e.mp
    lost=$(sed -n 's/.*, \([0-9]*\) lost events*$/\1/p' check)
    [ "${lost:-0}" -le 20 ] || { cat check err; return 1; } >&2
    mp-fold --by function e.mp >folded
    grep -q '^<module>;first ' folded && grep -q '^<module>;run' folded
    j '[.[] | select(.op == "sample") | .process] | unique | length >= 1' mp-cat e.mp
    mp-stat --json e.mp | jq -e '.processes | length >= 2 and length <= 4'
}

@test "two interpreters in one process: the later one's frames inside of the first one's" {
    set -- "$HOME"/.pyenv/versions/3.{8,9,10,12,13}.*/lib/libpython3.*.so.1.0
    n=0         # 3.11 as the second one crashes, sampled or not
    for library; do
        home=$(dirname "$(dirname "$library")")
        [ -e "$library" ] || continue
        while read -r p; do
            [[ $p == "$home"/* ]] && continue
            [ -e "$(dirname "$(dirname "$p")")"/lib/libpython3.*.so.1.0 ] || continue
            # every one as the second, with one other as the first
            "$p" "$targets/two.py" "$library" "$home" 0 >out 2>&1 || continue
            mp-sample -q -o two.mp -- "$p" "$targets/two.py" "$library" "$home" 1.2 >out
            grep -q ready out
            clean two.mp
            mp-fold --by function two.mp >folded
            mp-cat --json two.mp | jq -r 'select(.op == "sample" and .state % 2 == 1) |
                .stack | map(.func) | join(";")' >idle
            awk '/^<module>;outer;<module>;inner [0-9]*$/ { n += $NF } { all += $NF }
                END { exit !(n > 50 && n * 10 > all * 8) }' folded &&
                grep -q ';own;<module>;alone$' idle && grep -q ';waiting$' idle && ! grep -q 'waiting;.' idle ||
                { echo "$p $library"; cat folded; sort idle | uniq -c; return 1; } >&2
            n=$((n + 1))
            break
        done < <(shuf list)
    done
    [ $n -gt 1 ] || skip 'no two shared interpreters here'
}

@test "a deleted binary, another namespace" {
    [ -x /usr/bin/python3.11 ] || skip 'no Python to copy'
    cp /usr/bin/python3.11 gone
    start ./gone "$targets/burn.py" 20
    rm gone
    mp-sample -q -p $pid -d 0.5 -o g.mp
    mp-fold --by function g.mp | grep -q ';much;burn '
    kill $pid
    unshare -p -f true 2>/dev/null || return 0
    while read -r p; do
        rm out in
        start unshare -p -f --kill-child "$p" "$targets/burn.py" 20
        inner=$(cat /proc/$pid/task/$pid/children)
        mp-sample -q -p $inner -d 0.5 -o n.mp
        mp-fold --by function n.mp | grep -q ';much;burn '
        kill -KILL $inner
        wait $pid || true
    done <list
}

@test "what cannot be sampled is refused with one line, before anything is written" {
    echo keep >t.mp
    refused() { # refused PID TEXT
        run --separate-stderr timeout 10 mp-sample -p "$1" -o t.mp
        [ "$status" = 125 ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" = 1 ] &&
            [[ $stderr == "mp-sample: process $1: "*"$2"* ]] || { echo "$1: $status $stderr"; return 1; }
        same "$(cat t.mp)" keep
    }
    refused $((1 << 22)) 'no such process'
    for old in ~/.pyenv/versions/3.7.*/bin/python3; do
        [ -x "$old" ] || continue
        start "$old" -c 'import sys; print("ready", flush=True); sys.stdin.read()'
        refused $pid 'no CPython 3.8 to 3.15'
        exec 5>&-
        wait $pid
        rm in out
    done
    start "$python" "$targets/burn.py" 60 1
    refused "$(ls /proc/$pid/task | grep -vx $pid)" 'that is a thread'
    for o in '' '-p 1 -- true' '-p 0' '-r 0 -p 1' '-r 100000 -p 1' '-d 0 -p 1' '-d x -p 1'; do
        run --separate-stderr mp-sample $o
        [ "$status" = 125 ] && [ "${#stderr_lines[@]}" = 2 ] || { echo "$o: $status $stderr"; return 1; }
    done
    [ "$(id -u)" = 0 ] || skip 'the rest needs root'
    # another user; who may not read the build can run a copy
    cp "$build/bin/mp-sample" /tmp/mp-sample.$$
    run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups /tmp/mp-sample.$$ -p $pid
    rm /tmp/mp-sample.$$
    [ "$status" = 125 ] && [[ $stderr == *"process $pid: it belongs to user 0: "*SYS_PTRACE* ]]
    run --separate-stderr setpriv --bounding-set=-sys_ptrace --inh-caps=-all mp-sample -p $pid
    [ "$status" = 125 ] && [[ $stderr == *"capability CAP_SYS_PTRACE is missing"*docker*kubectl* ]]
    if unshare -U -r true 2>/dev/null; then
        run --separate-stderr unshare -U -r "$build/bin/mp-sample" -p $pid
        [ "$status" = 125 ] && [[ $stderr == *"user namespace"* ]]
    fi
    runs $pid
}

@test "a process that means no good: it comes to an end, and says what it did not see" {
    for what in 0 1 2 3 4 5 6 7; do
        rm -f in out
        start "$build/targets/hostile" $what
        run --separate-stderr timeout 20 mp-sample -p $pid -d 0.3 -o h.mp
        [ "$status" = 0 ] || { echo "$what: $status $stderr"; return 1; }
        clean h.mp
        case $what in
        0) mp-fold h.mp | grep -q '^function (function)\(;function (function)\)\{9\} [0-9]*$' ;;
        1 | 2) [[ $stderr == *'moments were lost'* ]] && grep -q 'lost event' check ;;
        *) [[ $stderr == *'torn samples: '[1-9]* ]] && mp-fold h.mp | grep -q '\[torn\]' ;;
        esac
        kill -KILL $pid
        wait $pid || true
    done
}

@test "CPython 3.14 and 3.15, by what they say of themselves, and what says it wrongly" {
    # lie NUMBER TEXT: refused before anything is written
    lie() {
        run --separate-stderr mp-sample -p $pid -d 0.3 -o no.mp
        [ "$status" = 125 ] && [ "${#stderr_lines[@]}" = 1 ] && [ ! -e no.mp ] &&
            [ "$stderr" = "mp-sample: process $pid: $2" ] || { echo "$1: $status $stderr"; return 1; }
    }
    for v in 14 15; do
        changed="CPython 3.$v with changed structures cannot be read:"
        for what in 0 1 2 3 4 5 6 7 8 9 10; do
            rm -f in out
            start "$build/targets/debug_offsets" $v $what
            case $what in
            1) lie 1 'its interpreter is no CPython 3.8 to 3.15' ;;
            2) lie 2 'CPython 3.16 cannot be read, only 3.8 to 3.15' ;;
            3) lie 3 "CPython 3.$v built free-threaded cannot be read" ;;
            4) lie 4 "CPython 3.$v before its release cannot be read" ;;
            5) lie 5 "$changed interpreter_frame.owner does not fit" ;;
            6) lie 6 "$changed thread_state.next does not fit" ;;
            7) lie 7 "$changed thread_state.current_frame does not fit" ;;
            *)
                run --separate-stderr timeout 20 mp-sample -p $pid -d 0.3 --gil -o o.mp
                [ "$status" = 0 ] || { echo "$what: $status $stderr"; return 1; }
                clean o.mp
                mp-fold o.mp | sed 's/ [0-9]*$//' >got
                ;;
            esac
            case $what in
            0 | 8) same "$(cat got)" '<module> (fake.py:6);größe (fake.py:24);K.函数 (fake.py:43)' ;;
            9 | 10) same "$(cat got)" '[torn]' && [[ $stderr == *'torn samples: '[1-9]* ]] ;;
            esac
            kill -KILL $pid
            wait $pid || true
        done
    done
}

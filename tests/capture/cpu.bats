#!/usr/bin/env bats
# mp-capture --cpu: samples in a trace of allocations, with its processes and threads.

load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    targets=$here/tests/targets
    pythons >list
    python=$(tail -n 1 list)
}

@test "the share of functions is that of their CPU time; allocations are as without" {
    while read -r p; do
        mp-capture --cpu 1000 -o b.mp -- "$p" "$targets/burn.py" 2 2>err >out
        mp-check b.mp
        mp-fold --view samples --by function b.mp | awk '{ n = $NF
            if ($0 ~ /;(much|some|little)[; ]/) { match($0, /;(much|some|little)[; ]/)
                name = substr($0, RSTART + 1, RLENGTH - 2); sum[name] += n; all += n } }
            END { for (name in sum) print name, int(1000 * sum[name] / all + .5); exit all < 300 }' >got
        sort got >got.sorted
        grep -v ready out | sort | join - got.sorted >both
        same "$(wc -l <both)" 3
        awk '{ d = $2 - $3; if (d > 60 || d < -60) bad = 1 } END { exit bad }' both || { cat both; return 1; } >&2
        grep -q ' samples running, ' err
    done <list
}

@test "the threads of the trace, and its resident set" {
    mp-capture -q --no-objects --cpu 200 --rss 5 -o t.mp -- "$python" -c '
import threading, time
def spin():
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        bytes(10000 + len(range(sum(range(3000)) % 3)))
t = threading.Thread(target=spin); t.start(); t.join()'
    mp-cat --json t.mp | jq -c 'select(.op == "sample" or .op == "series")' >t.json
    mp-cat --json t.mp | jq -c 'select(.op == "alloc") | .tid' | sort -u >tids
    # of two threads, which allocate too, one sleeps; each sample has its resident set
    same "$(jq 'select(.op == "sample") | .tid' t.json | sort -u)" "$(cat tids)"
    jq -se 'map(select(.op == "sample" and .state % 2 == 0)) | length > 30 and all(.rss > 1000000)' t.json
    jq -se '(map(select(.op == "sample").rss) - map(select(.op == "series" and .metric == "rss").value)) == []' t.json
    # time goes forward, and what was watched adds up
    jq -se 'map(select(.op == "sample").time) | . == sort' t.json
    jq -se 'map(select(.op == "sample")) | group_by(.tid) | all(map(.weight) | add | . > 400e6 and . < 3e9)' t.json
}

@test "children are sampled, each as itself; what cannot be is told" {
    cat >fork.py <<'END'
import os, sys, time
def spin(n):
    end = time.monotonic() + n
    while time.monotonic() < end:
        pass
def parent(): spin(0.5)
def child(): spin(0.5)
pid = os.fork()
parent() if pid else child()
if pid:
    os.wait()
    os.execv("/bin/sleep", ["sleep", "0.2"])
END
    mp-capture -q --cpu 200 -o t.mp -- "$python" fork.py
    mp-check t.mp
    mp-fold --view samples --by function --keep process t.mp >rows
    same "$(mp-cat --json t.mp | jq -s '[.[] | select(.op == "sample") | .pid] | unique | length')" 2
    for f in parent child; do
        same "$(mp-cat --json t.mp | jq -s --arg f $f '[.[] | select(.op == "sample") |
            select([.stack[].func] | index($f)) | .pid] | unique | length')" 1
    done
    mp-capture --cpu 100 -o s.mp -- sleep 0.3 2>err
    grep -q ': 0 samples running, 0 idle: ' err
    mp-check s.mp
    run -125 mp-capture --cpu 10001 -o s.mp -- true
}

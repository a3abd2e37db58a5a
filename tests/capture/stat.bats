#!/usr/bin/env bats
# mp-stat on real traces: its sums are those of the views, and memray's.
load ../helper

targets=$build/targets

setup_file() {
    load ../helper
    export VENV=$build/venv
    if ! "$VENV/bin/python3" -c 'import memray' 2>/dev/null; then
        { python3 -m venv "$VENV" && "$VENV/bin/pip" install -q memray; } >/dev/null 2>&1 || true
    fi
}

@test "C, threads: as the views" {
    mp-capture -q -o t.mp -- "$targets/script4" >out
    agrees t.mp
    j '.[0] | .implicit_frees == 0 and .unknown_frees == 0 and .threads == 5' mp-stat t.mp
}

@test "mappings and processes that fork, exec and end: as the views" {
    mp-capture -q -o maps.mp -- "$targets/maps" >out
    agrees maps.mp
    mp-capture -q -o forks.mp -- python3 "$here/tests/targets/forks.py" >out
    agrees forks.mp
    j '.[0] | (.processes | length) > 1' mp-stat forks.mp
}

@test "Python: as the views; what was live is within what was resident" {
    mp-capture -q -o t.mp -- python3 "$here/tests/targets/leaky.py" >out
    agrees t.mp
    j '.[0] | .rss.readings > 0 and .rss.time <= .duration and .rss.live <= .peak.bytes and
        .rss.live >= 0 and .rss.bytes == .rss.anon + .rss.file + .rss.shmem' mp-stat t.mp
    # what was live then, event by event
    mp-cat --json --no-stacks t.mp | python3 -c '
import json, sys
when, live = int(sys.argv[1]), {}
for e in map(json.loads, sys.stdin):
    if e.get("time", 0) > when:
        continue
    if e["op"] == "alloc" and e["kind"] not in ("arena", "runtime"):
        live[e["block"]] = e["size"], e["pid"]
    elif e["op"] == "free":
        live.pop(e["block"], None)
    elif e["op"] == "procend":
        live = {b: v for b, v in live.items() if v[1] != e["pid"]}
print(sum(size for size, pid in live.values()))
' "$(jq .rss.time j.out)" >by_hand
    same "$(jq .rss.live j.out)" "$(cat by_hand)"
}

@test "total and peak agree with memray's within 1 %" {
    "$VENV/bin/python3" -c 'import memray' 2>/dev/null || skip "memray cannot be installed here"
    cat >app.py <<'PY'
keep = []
def hold():
    keep.extend(bytes(20000 + i) for i in range(2000))
def churn():
    for i in range(20000):
        x = bytearray(5000 + i % 100)
hold()
churn()
PY
    echo pass >pass.py
    for f in app pass; do
        "$VENV/bin/python3" -m memray run -q -f --trace-python-allocators -o $f.bin $f.py
        "$VENV/bin/python3" -m memray stats --json -f -o $f.memray $f.bin >/dev/null
        mp-capture -q -o $f.mp -- "$VENV/bin/python3" $f.py
        mp-stat --json $f.mp >$f.mp-stat
    done
    # less what an empty script takes: memray sees nothing of the interpreter's start
    "$VENV/bin/python3" - <<'PY'
import json, sys
def read(f, *path):
    x = json.load(open(f))
    for k in path:
        x = x[k]
    return x
def ours(*path):
    return read("app.mp-stat", *path) - read("pass.mp-stat", *path)
def theirs(*path):
    return read("app.memray", *path) - read("pass.memray", *path)
bad = 0
for a, b in ((ours("allocated", "bytes"), theirs("total_bytes_allocated")),
             (ours("peak", "bytes"), theirs("metadata", "peak_memory"))):
    print(a, b, "%+.3f %%" % (100 * (a - b) / b))
    bad |= not 0.99 < a / b < 1.01
sys.exit(bad)
PY
}

#!/usr/bin/env bats
# Totals by line beside memray's, on the same script.  Runs where memray is or
# can be installed.

load ../helper

setup_file() {
    export VENV=$MP_BUILD/venv
    if ! "$VENV/bin/python3" -c 'import memray' 2>/dev/null; then
        { python3 -m venv "$VENV" && "$VENV/bin/pip" install -q memray; } >/dev/null 2>&1 || true
    fi
}

setup() {
    PATH=$MP_BUILD/bin:$PATH
    cd "$BATS_TEST_TMPDIR"
}

@test "totals by line agree with memray --trace-python-allocators within 1 %" {
    "$VENV/bin/python3" -c 'import memray' 2>/dev/null || skip "memray cannot be installed here"
    cp "$BATS_TEST_DIRNAME/../targets/lines.py" .
    "$VENV/bin/python3" -m memray run -q -f --trace-python-allocators -o m.bin lines.py
    mp-capture -q -o t.mp -- "$VENV/bin/python3" lines.py
    # memray: every allocation, summed by the innermost Python line of lines.py
    "$VENV/bin/python3" - <<'PY' >memray.txt
import collections, memray
free = {memray.AllocatorType.FREE, memray.AllocatorType.PYMALLOC_FREE, memray.AllocatorType.MUNMAP}
total = collections.Counter()
for r in memray.FileReader("m.bin").get_allocation_records():
    if r.allocator in {int(f) for f in free}:
        continue
    try:
        stack = r.stack_trace(1)
    except Exception:
        continue
    if stack and stack[0][1].endswith("lines.py"):
        total[stack[0][2]] += r.size
for line, n in sorted(total.items()):
    print(line, n)
PY
    mp-top --view total --by line -n 1000000 --json t.mp |
        jq -r 'select(.name | test("lines.py:[0-9]+\\)$")) | "\(.name | capture(":(?<l>[0-9]+)\\)$").l) \(.bytes)"' |
        awk '{n[$1] += $2} END {for (l in n) print l, n[l]}' | sort -n >ours.txt
    join <(sort memray.txt) <(sort ours.txt) >both.txt
    # every line that matters is in both, and within 1 %
    awk '$2 > 100000' memray.txt | while read -r l n; do grep -q "^$l " both.txt || { echo "line $l missing" >&2; exit 1; }; done
    awk '$2 > 100000 {d = ($3 - $2) / $2; if (d < 0) d = -d; if (d > 0.01) {print "line", $1, $2, $3 > "/dev/stderr"; bad = 1} n++}
        END {exit bad || n < 5}' both.txt
}

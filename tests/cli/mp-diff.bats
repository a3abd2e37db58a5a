#!/usr/bin/env bats
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mk old.mp <"$data/old.tsv"
    mk new.mp <"$data/new.tsv"
}

@test "rows match by function, file, line and module name, not by address or build" {
    j 'map({f: .stack[-1].func, bytes, old, new}) | sort_by(.f) == [
        {f: "fresh", bytes: 50, old: 0, new: 50},
        {f: "gone", bytes: -500, old: 500, new: 0},
        {f: "load", bytes: 800, old: 1000, new: 1800}]' mp-diff old.mp new.mp
}

@test "a row has the stack of NEW where it has the row" {
    j 'map(select(.stack[-1].func == "load"))[0].stack[-1] | .module == "/new/lib/x.so" and .build_id == "bb22"' \
        mp-diff old.mp new.mp
    j 'map(select(.stack[-1].func == "gone"))[0].stack[-1].module == "/old/bin/app"' mp-diff old.mp new.mp
}

@test "a program against itself is no difference" {
    j 'length == 1 and .[0].bytes == 0 or all(.bytes == 0)' mp-diff old.mp old.mp
    run -0 mp-diff -e old.mp old.mp -o d.mp
}

@test "columns: bytes of view diff, old, new" {
    mp-diff -t old.mp new.mp | grep '^##column' >got
    printf '##column=%s\tB\tdiff\tsum\n' bytes old new | diff - got
    mp-diff -t old.mp new.mp | grep -Fx '##program=mp-diff'
}

@test "-k compares another column" {
    j 'map(.count) | add == 1' mp-diff -k count old.mp new.mp
    run -2 --separate-stderr mp-diff -k nothing old.mp new.mp
}

@test "-e and --budget: growth of the total, in bytes or per cent of old" {
    run -1 mp-diff -e -o d.mp old.mp new.mp
    run -1 mp-diff -e --budget 349 -o d.mp old.mp new.mp
    run -0 mp-diff -e --budget 350 -o d.mp old.mp new.mp
    run -1 mp-diff -e --budget 23% -o d.mp old.mp new.mp
    run -0 mp-diff -e --budget 24% -o d.mp old.mp new.mp
    run -0 mp-diff -e -o d.mp new.mp old.mp
}

@test "one of the two may be stdin, both may not; one is not enough" {
    same "$(mp-diff -t old.mp - <new.mp)" "$(mp-diff -t old.mp new.mp)"
    run -2 mp-diff - - <new.mp
    run -2 mp-diff old.mp
    run -2 mp-diff old.mp new.mp new.mp
}

@test "traces at their peak; trace and profile of one view compare" {
    mk t.mp <"$data/small.tsv"
    sed 's/^alloc\t50\t1\t4\t500/alloc\t50\t1\t4\t9500/' "$data/small.tsv" | mk u.mp
    j 'map(.bytes) | add == 8500' mp-diff t.mp u.mp
    mp-leaks u.mp >l.mp
    j 'map(.bytes) | add == 9000' mp-diff --view live t.mp l.mp
    run -2 --separate-stderr mp-diff t.mp l.mp
    [[ $stderr == *peak*live* ]]
}

@test "mp-top ranks a difference by size and shows the sign" {
    mp-diff old.mp new.mp | mp-top >got
    head -n 1 got | grep -q '^diff: +350 B, old 1.5 KiB, new 1.8 KiB'
    same "$(awk 'NR > 2 { print $1, $NF }' got | head -n 3)" '+800 (a.c:20)
-500 (a.c:30)
+50 (a.c:40)'
}

@test "loss of both inputs is in the result" {
    sed '1a ##loss=lost_events 3' "$data/old.tsv" >a.tsv
    sed '1a ##loss=lost_events 4 truncated 1' "$data/new.tsv" >b.tsv
    run --separate-stderr bash -c 'mp-diff -q a.tsv b.tsv | mp-top'
    [[ $output == *"incomplete: 1 truncated part, 7 lost events"* ]]
}

@test "on a terminal: the table" {
    tty 'mp-diff old.mp new.mp' | grep -q '+800 B'
}

#!/usr/bin/env bats
# One trace for a whole tree of processes.
load ../helper

family=$build/targets/family
ends=$build/targets/ends

# sizes of what family_keep kept, one each
kept() {
    mp-leaks --keep pid --json t.mp | jq -s -r 'map(select(any(.stack[]; .func == "family_keep")))
        | map(range(.count) as $i | .bytes / .count) | sort | map(tostring) | join(" ")'
}

@test "fork: both sides, and what the child inherits is not its own" {
    mp-capture -q -o t.mp -- "$family" fork
    same "$(kept)" "1000 2000"
    # the child's free of an inherited block is outside
    same "$(mp-cat --json t.mp | jq -s 'map(select(.op == "free" and .block == 0)) | length')" 1
    same "$(mp-cat --json t.mp | jq -s 'map(select(.op == "alloc") | .pid) | unique | length')" 2
    mp-check t.mp
}

@test "twenty children at once" {
    mp-capture -q -o t.mp -- "$family" many
    same "$(kept | wc -w)" 20
    same "$(mp-cat --json t.mp | jq -s 'map(select(.op == "alloc") | .pid) | unique | length')" 20
    mp-check t.mp
}

@test "exec: two images, both traced" {
    mp-capture -q -o t.mp -- "$family" exec "$family"
    same "$(kept)" "50 300"
    mp-check t.mp
}

@test "exec into an empty environment" {
    mp-capture -q -o t.mp -- env -i "$family"
    same "$(kept)" "50"
}

@test "a shell in front, and commands one after the other" {
    mp-capture -q -o t.mp -- sh -c "'$family'; '$family' exec '$family'; true"
    same "$(kept)" "50 50 300"
}

@test "a script is traced through its first line" {
    printf '#!/bin/sh\n"%s"\n' "$family" >script
    chmod +x script
    mp-capture -q -o t.mp -- ./script
    same "$(kept)" "50"
}

@test "a child that outlives the program is waited for" {
    mp-capture -q -o t.mp -- "$family" orphan
    same "$(kept)" "700"
    mp-check t.mp
}

@test "live at end is the sum over all processes" {
    mp-capture -q -o t.mp -- "$family" fork
    same "$(mp-leaks --json t.mp | jq -s 'map(.bytes) | add')" 3000
    same "$(mp-leaks t.mp | mp-top --by process | grep -c family)" 1
}

@test "a static program further down runs untraced, counted and named once" {
    printf '#include <unistd.h>\nint main(void) { usleep(200000); return 7; }\n' >s.c
    cc -static -o static s.c 2>/dev/null || skip "no static libc"
    run -7 mp-capture -o t.mp -- sh -c './static; ./static; exec ./static'
    mp-check t.mp
    same "$(grep -c 'static cannot be traced' <<<"$output")" 1
    [[ $output == *"processes ran programs that cannot be traced"* ]]
}

@test "a static daemon is not waited for" {
    printf '#include <unistd.h>\nint main(void) { sleep(20); return 0; }\n' >s.c
    cc -static -o static s.c 2>/dev/null || skip "no static libc"
    mp-capture -q -o t.mp -- sh -c './static >/dev/null 2>&1 & echo $! >pid' 3>&-
    kill "$(cat pid)"
    mp-check t.mp
}

@test "the program that was killed left a whole trace" {
    run -137 mp-capture -q -o t.mp -- "$ends" signal 9
    mp-check t.mp
    same "$(mp-leaks --json t.mp | jq -s 'map(.bytes) | add')" 1234
}

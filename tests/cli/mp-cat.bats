#!/usr/bin/env bats
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mk t.mp <"$data/small.tsv"
    mk old.mp <"$data/old.tsv"
    mk new.mp <"$data/new.tsv"
}

@test "text to binary to text is the same text" {
    mp-cat -t t.mp >one
    mp-cat one | mp-cat -t >two
    cmp one two
    mp-cat -t old.mp >one
    mp-cat one | mp-cat -t >two
    cmp one two
}

@test "traces: part after part, as cat would" {
    mp-cat --level 1 t.mp t.mp >got
    cat t.mp t.mp >want
    cmp want got
    j 'map(select(.op == "alloc")) | length == 8' mp-cat t.mp t.mp
}

@test "profiles are added into one" {
    same "$(mp-cat -t old.mp new.mp | grep -c '^##mp=')" 1
    j 'map(.bytes) | add == 3350' mp-cat old.mp new.mp
    cat old.mp new.mp | mp-cat >one
    mp-cat old.mp new.mp >two
    cmp one two
    mp-cat new.mp old.mp >two
    cmp one two
}

@test "a trace and a profile cannot be joined" {
    run -2 --separate-stderr mp-cat t.mp old.mp
    [[ $stderr == "mp-cat: old.mp: a profile cannot follow a trace" ]]
    run -2 --separate-stderr mp-cat old.mp t.mp
    [[ $stderr == "mp-cat: t.mp: a trace cannot follow a profile" ]]
    run -2 --separate-stderr bash -c 'cat old.mp t.mp | mp-cat'
    [[ $stderr == "mp-cat: stdin: a trace cannot follow a profile" ]]
}

@test "--json: every event" {
    j 'map(.op) == ["head", "alloc", "alloc", "alloc", "free", "alloc", "free", "end"]' mp-cat t.mp
    j '.[1].size == 1000 and .[1].stack[-1].func == "load" and .[1].stack[-1].line == 20' mp-cat t.mp
}

@test "a profile is compressed to a file, stored to a pipe, --level for both" {
    awk 'BEGIN { print "##mp=trace 1"; print "P\t1\t1\t0\t0\tp"; print "T\t1\t1\t1\t0\tt"
        for (i = 1; i <= 5000; i++) printf "alloc\t%d\t1\t%d\t%d\tmalloc\tf%d (a.c:%d)\n", i, i, i % 50, i % 7, i % 9
        print "end" }' >big.tsv
    mp-leaks big.tsv >leaks
    mp-cat leaks >file
    mp-cat leaks | cat >pipe
    [ "$(wc -c <file)" -lt "$(wc -c <pipe)" ]
    mp-cat --level 0 leaks >stored
    cmp stored pipe
    mp-cat --level 1 leaks | cat >packed
    cmp packed file
    zstd -qt file && zstd -qt pipe
    run -2 mp-cat --level 99 big.tsv
}

@test "on a terminal: text, a screen of it, and how much more there is" {
    awk 'BEGIN { print "##mp=trace 1"; print "P\t1\t1\t0\t0\tp"; print "T\t1\t1\t1\t0\tt"
        for (i = 1; i <= 500; i++) printf "alloc\t%d\t1\t%d\t10\tmalloc\tf (a.c:1)\n", i, i
        print "end" }' | mk big.mp
    tty 'mp-cat big.mp' >got
    [ "$(wc -l <got)" -le 24 ]
    grep -q '^alloc' got
    shown=$(grep -c '^alloc' got)
    same "$(tail -n 1 got)" "... $((500 - shown)) more; -t for all"
    tty 'mp-cat -t big.mp' | grep -c '^alloc' | grep -qx 500
    # a small one is shown whole
    rows=60 tty 'mp-cat t.mp' | grep -qx end
}

@test "binary is never written to a terminal" {
    tty 'mp-cat old.mp' >got
    grep -q '^##mp=profile 1' got
    run script -qec 'mp-leaks --color=never -o /dev/tty t.mp' /dev/null
    ! grep -q 'mp.*\x1a' <<<"$output"
}

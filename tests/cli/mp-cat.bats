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
    ! grep -q 'mp.*\x1a' <<<"$output" || false
}

@test "the end line of JSON has all that was lost, wherever" {
    printf '##mp=trace 1\nP\t1\t5\t0\t0\tx\nT\t1\t1\t5\t0\tmain\nlost\t7\t900\nalloc\t20\t1\t2\t50\tmalloc\tmain\nend\n' |
        mp-cat --json - 2>err | tail -n 1 | jq -e '.op == "end" and .lost_events == 7 and .lost_bytes == 900'
}

# late: a trace whose names stand behind the events that need them
late() {
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' '##mp=trace 1' '' '' '' '' '' '' P 1 1 0 0 p '' \
        T 1 1 1 0 early '' M 1 /lib/x.so ab '' '' '' F 1 native 1 0x10 '' '' N 1 0 1 '' '' '' \
        S 1 1 1 100 malloc '' alloc 1 1 1 100 malloc @1 mark 2 1 1 here 0 '' \
        L 1 outer a.c 7 '' '' L 2 inner a.h 3 '' '' f 1 2 1 '' '' '' t 1 late '' '' '' '' \
        alloc 3 1 2 100 malloc @1 end '' '' '' '' '' '' | sed 's/\t*$//'
}

@test "--json: names that come late are in every event, from a file or a pipe" {
    late >late.tsv
    mk late.mp <late.tsv
    cat late.mp t.mp late.mp >three.mp
    mp-cat --json three.mp >want
    jq -s -e 'map(select(.op == "alloc" and .thread == "late" and (.stack | map(.func)) ==
        ["outer", "inner"])) | length == 4' want
    [ "$(grep -c '"func":"0x' want)" = 0 ]
    mp-cat --json <three.mp | cmp want -
    cat three.mp | mp-cat --json | cmp want -
    zstd -qc three.mp | mp-cat --json | cmp want -
    cat late.tsv "$data/small.tsv" late.tsv | mp-cat --json | cmp want -
    cat late.tsv "$data/small.tsv" late.tsv >three.tsv
    mp-cat --json three.tsv | cmp want -
}

@test "--json: what is wrong behind the spooled lines is still told" {
    (late | grep -v ^end && echo nonsense) >bad.tsv
    run -2 --separate-stderr bash -c 'cat bad.tsv | mp-cat --json'
    [[ $stderr == "mp-cat: stdin: byte "*": line 15: "* ]]
    mk late.mp < <(late)
    head -c -10 late.mp >cut.mp
    run -0 bash -c 'cat cut.mp | mp-cat --json 2>err | tail -n 1'
    [[ $output == '{"op":"end",'*'"truncated":1,'* ]]
    run -2 --separate-stderr env TMPDIR=/nonexistent bash -c 'cat late.mp | mp-cat --json'
    [[ $stderr == "mp-cat: "*"/nonexistent: No such file or directory" ]]
    TMPDIR=/nonexistent mp-cat --json late.mp >/dev/null
}

@test "--no-stacks: a site in place of every stack" {
    j '.[1].size == 1000 and .[1].site == "load (a.c:20)" and
        (map(has("stack")) | any | not)' mp-cat --no-stacks t.mp
    j 'all(has("site") and (has("stack") | not))' mp-cat --no-stacks old.mp
    run -2 --separate-stderr mp-cat --no-stacks t.mp
    [[ $stderr == *"--no-stacks needs --json"* ]]
}

@test "a trace: text to a file is compressed, a level asked for is given" {
    awk 'BEGIN { print "##mp=trace 1"; print "P\t1\t1\t0\t0\tp"; print "T\t1\t1\t1\t0\tt"
        for (i = 1; i <= 5000; i++) printf "alloc\t%d\t1\t%d\t%d\tmalloc\tf%d (a.c:%d)\n", i, i, i % 50, i % 7, i % 9
        print "end" }' >big.tsv
    mp-cat big.tsv >file
    mp-cat big.tsv | cat >pipe
    [ "$(wc -c <file)" -lt "$(wc -c <pipe)" ]
    mp-cat file >same
    cmp file same
    mp-cat --level 0 file >stored
    cmp stored pipe
    mp-cat --level 19 file >small
    [ "$(wc -c <small)" -lt "$(wc -c <file)" ]
    mp-cat --level 1 small | cmp - file
    mp-check -q small stored
}

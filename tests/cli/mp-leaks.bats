#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    mk "$BATS_FILE_TMPDIR/t.mp" <"$data/small.tsv"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/t.mp" .
}

@test "what was not freed, by stack, largest first" {
    mp-leaks -t t.mp | grep -v '^##' >got
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
        '#bytes' count process thread kind type stack \
        2000 1 python3 MainThread malloc '' 'main (a.c:10);load (a.c:21)' \
        500 1 python3 MainThread PyObject_Malloc '' '<module> (app.py:3) [py:1];fill (app.py:9) [py:8]' >want
    diff want got
}

@test "the view is live and the profile says who made it" {
    mp-leaks -t t.mp | grep -Fx $'##column=bytes\tB\tlive\tsum'
    mp-leaks -t t.mp | grep -Fx '##program=mp-leaks'
    mp-leaks -t t.mp | grep -Fx '##command=python3 app.py'
}

@test "--json: an object a row, exact" {
    j 'length == 2 and (map(.bytes) | add) == 2500 and .[0].stack[-1].func == "load"' mp-leaks t.mp
}

@test "-e: 1 when anything is left, 0 within the budget" {
    run -1 mp-leaks -e -o l.mp t.mp
    run -1 mp-leaks -e --budget 2499 -o l.mp t.mp
    run -0 mp-leaks -e --budget 2500 -o l.mp t.mp
    run -0 mp-leaks -e --budget=1M -o l.mp t.mp
    run -0 mp-leaks -o l.mp t.mp
    grep -v '^alloc.*\(2000\|500\)' "$data/small.tsv" | sed 's/^free\t60\t2\t3/&/' | mk none.mp
    run -0 mp-leaks -e -o l.mp none.mp
}

@test "-m folds small rows into [rest], nothing is lost" {
    j 'length == 2 and (map(.bytes) | add) == 2500 and
        (map(select(.stack[-1].func == "[rest]")) | map(.bytes) == [500])' mp-leaks -m 1K t.mp
    j 'map(.stack[-1].func) | index("[rest]") != null' mp-leaks -m 50% t.mp
    j 'map(.stack[-1].func) | index("[rest]") == null' mp-leaks -m 10% t.mp
}

@test "a profile as input is an error that names who made it" {
    mp-leaks t.mp >l.mp
    run --separate-stderr -2 mp-leaks l.mp
    same "$stderr" 'mp-leaks: l.mp: needs a trace, this is a profile (made by mp-leaks)'
    run --separate-stderr -2 bash -c "mp-leaks <'$data/old.tsv'"
    same "$stderr" 'mp-leaks: stdin: needs a trace, this is a profile'
}

@test "several traces are added, as files and as one stream" {
    mp-leaks -t t.mp t.mp | grep -v '^#' >files
    cat t.mp t.mp | mp-leaks -t | grep -v '^#' >stream
    diff files stream
    j '(map(.bytes) | add) == 5000 and (map(.count) | add) == 4 and length == 2' mp-leaks t.mp t.mp
}

@test "--keep: labels on request" {
    j 'all(.pid == 100 and .tid == 100)' mp-leaks --keep pid,tid t.mp
    j 'all(.process == "" and .thread == "" and .kind == "")' mp-leaks --keep none t.mp
    j 'all(.thread == "MainThread" and .process == "")' mp-leaks --keep none,thread t.mp
}

@test "--between: allocated from T1 to T2, alive at T2" {
    j 'length == 1 and .[0].bytes == 4096' mp-leaks --between 25ns,55ns t.mp -m 4K --keep none || true
    j '(map(.bytes) | add) == 4596' mp-leaks --between 25ns,55ns t.mp
    j '(map(.bytes) | add) == 500' mp-leaks --between 25ns, t.mp
    j '(map(.bytes) | add) == 3000' mp-leaks --between ,25ns t.mp
}

@test "on a terminal: the table of mp-top, never binary" {
    tty 'mp-leaks t.mp' >got
    grep -q '2.0 KiB' got && grep -q 'load (a.c:21)' got
    ! grep -q 'KD' got || false
    grep -q $'\033\[1m' got
}

@test "row by row in order: text is sorted by size, so head shows the largest" {
    mp-leaks -t t.mp | sort -rn | head -n 1 | grep -q '^2000'
}

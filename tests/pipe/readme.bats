#!/usr/bin/env bats
# The README's CI job, word for word.

load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    sed -n '/^A CI job/,/^`man mp`/s/^    //p' "$here/README.md" >job
    grep -q 'mp-diff -e' job
    app 0 0
    mp-capture -q -o first.mp -- python3 app.py
    mp-peak -o stored.mp first.mp
}

# app KEPT MORE: a program that keeps KEPT bytes and has MORE at its peak than before
app() {
    printf 'held = bytearray(20000000)\ndel held\nkept = bytearray(%d)\npeak = bytearray(%d)\ndel peak\n' \
        "$1" $((20000000 + $2)) >app.py
}

@test "nothing changed: the job passes" {
    run -0 bash job
    app 1000000 0
    run -0 bash job
}

@test "more than 1 MB is left: it fails and says where" {
    app 1048576 0
    run -1 bash job
    grep -q 'app.py:3' <<<"$output"
}

@test "the peak is more than 5 % higher: it fails and says where" {
    app 0 2000000
    run -1 bash job
    grep -q 'app.py:4' <<<"$output"
}

@test "the program fails: the job ends with its status" {
    echo 'raise SystemExit(7)' >app.py
    run -7 bash job
}

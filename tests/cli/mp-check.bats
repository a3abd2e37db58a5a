#!/usr/bin/env bats
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mk t.mp <"$data/small.tsv"
    mk p.mp <"$data/old.tsv"
}

@test "clean: what it holds, status 0" {
    run -0 mp-check t.mp p.mp
    same "${lines[0]}" 't.mp: clean, 1 trace, 6 events'
    same "${lines[1]}" 'p.mp: clean, 1 profile, 2 rows'
    cat t.mp t.mp >tt.mp
    run -0 mp-check tt.mp
    same "$output" 'tt.mp: clean, 2 traces, 12 events'
    run -0 mp-check "$data/small.tsv"
}

@test "bits: 2 unreadable, 4 damaged, 8 truncated, and their sum" {
    echo nothing >text
    run -2 mp-check text
    [[ $output == "text: unreadable: "* ]]
    run -2 mp-check missing
    [[ $output == "missing: unreadable: "* ]]
    head -c -10 t.mp >cut.mp
    run -8 mp-check cut.mp
    [[ $output == "cut.mp: truncated, 1 trace"* ]]
    cp t.mp bad.mp
    flip bad.mp $(($(wc -c <t.mp) / 2))
    run mp-check bad.mp
    [ $((status & 4)) = 4 ] && [[ $output == "bad.mp: damaged"*": byte "* ]]
    run mp-check text cut.mp t.mp
    [ "$status" = 10 ] && [ "${#lines[@]}" = 3 ]
}

@test "-q: by exit status only" {
    run -0 mp-check -q t.mp
    [ -z "$output" ]
    head -c -10 t.mp >cut.mp
    run -8 mp-check -q cut.mp
    [ -z "$output" ]
}

@test "any flipped byte of a trace is noticed, and named" {
    size=$(wc -c <t.mp)
    for ((i = 0; i < size; i += 7)); do
        cp t.mp bad.mp
        flip bad.mp $i
        run mp-check bad.mp
        [ "$status" != 0 ] && [ "$status" -lt 16 ] || { echo "byte $i: $status $output"; return 1; }
        [ "${#lines[@]}" = 1 ]
    done
}

@test "any cut of a trace is noticed" {
    size=$(wc -c <t.mp)
    for ((i = 0; i < size; i += 13)); do
        head -c $i t.mp >cut.mp
        run mp-check cut.mp
        [ "$status" != 0 ] && [ "$status" -lt 16 ] || { echo "$i bytes: $status $output"; return 1; }
    done
}

@test "a whole file made from a damaged one is not clean" {
    sed '1a ##loss=damaged_blocks 1' "$data/old.tsv" | mk d.mp || true
    run -4 mp-check d.mp
    sed '1a ##loss=truncated 1' "$data/old.tsv" | mk c.mp
    run -8 mp-check c.mp
}

@test "a process that ends again and again takes no time" {
    awk 'BEGIN {
        OFS = "\t"
        print "##mp=trace 1"; print "P", 1, 1; print "T", 1, 1, 1; print "S", 1, 1, 0, 8, "malloc"
        for (i = 1; i <= 600000; i++) {
            print "alloc", 0, 1, i, 8, "malloc", "@1"
            print "procend", 0, 1
        }
        print "end"
    }' | mk ends.mp
    run -0 timeout 20 mp-check ends.mp
    same "$output" 'ends.mp: clean, 1 trace, 600000 events'
    same "$(timeout 20 mp-cat -t ends.mp | tail -n 2)" $'procend\t0\t1\nend'
}

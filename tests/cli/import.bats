#!/usr/bin/env bats
# What other programs write is read by every one of ours, told by its bytes.
load ../helper

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# ---- gzip ---------------------------------------------------------------------

@test "gzip: around any form, from a file or a pipe, several members" {
    mk t.mp <"$data/trace.tsv"
    want=$(mp-top t.mp)
    gzip -k t.mp
    same "$(mp-top t.mp.gz)" "$want"
    same "$(gzip <"$data/trace.tsv" | mp-top)" "$want"
    same "$(gzip <"$data/stacks.folded" | mp-top)" "$(mp-top "$data/stacks.folded")"
    cat t.mp.gz t.mp.gz | mp-cat -t >two
    mp-cat -t t.mp t.mp | cmp - two
    # one layer, no more
    run -2 --separate-stderr mp-top <(gzip <t.mp.gz)
    [[ $stderr == *": not a trace or profile" ]]
}

@test "gzip: cut anywhere, or followed by something else, is told" {
    mk t.mp <"$data/small.tsv"
    gzip t.mp
    size=$(wc -c <t.mp.gz)
    for cut in $(seq 3 11 $((size - 1))); do
        run -2 --separate-stderr mp-top <(head -c $cut t.mp.gz)
        [[ $stderr == *": byte $cut: gzip data are cut off" ]]
    done
    run -2 --separate-stderr mp-top <(cat t.mp.gz; echo xx)
    [[ $stderr == *": byte $size: incorrect header check" ]]
}

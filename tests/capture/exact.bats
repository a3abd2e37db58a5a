#!/usr/bin/env bats
# Scripts whose sums are known: what the trace says is equal to the byte.
load ../helper

targets=$build/targets

# below FUNCTION VIEW COLUMN: what stacks through functions named so hold in t.mp
below() {
    mp-fold --by function --view "$2" -k "$3" t.mp |
        awk -v f=";$1" 'index($0, f) { s += $NF } END { printf "%d\n", s }'
}

@test "four threads, 100,000 allocations: total, live, peak and who holds it" {
    run -0 --separate-stderr mp-capture -o t.mp -- "$targets/script4"
    read -r count bytes live live_bytes peak four <<<"$output"
    [ "$count" -gt 100000 ]
    mp-check t.mp
    # every allocation of the script, by its own functions
    same "$(below script_ total count) $(below script_ total bytes)" "$count $bytes"
    same "$(below script_ live count) $(below script_ live bytes)" "$live $live_bytes"
    same "$(below script_ peak bytes)" "$peak"
    same "$(below script_peak_ peak bytes)" "$four"
    # and each of the four by name
    for f in a b c d; do
        echo "$(below "script_peak_$f;" peak count) $(below "script_peak_$f;" peak bytes)"
    done | sort >by
    same "$(cat by)" "$(for k in 1 2 3 4; do echo "1 $(((8 << 20) + k * 4096))"; done)"
    # nothing strange was seen on the way
    [[ $stderr != *"over a live block"* ]]
    same "$(mp-cat --json t.mp | jq -s 'map(select(.op == "free" and .block == 0)) | length')" 0
}

@test "every thread has its own name" {
    mp-capture -q -o t.mp -- "$targets/script4" >out
    mp-cat --json t.mp | jq -r 'select(.op == "alloc") | .thread' | sort -u >names
    same "$(cat names)" "$(printf '%s\n' main thread-1 thread-2 thread-3 thread-4)"
}

@test "mappings: holes, fixed ones, mremap, a file, the break" {
    run -0 --separate-stderr mp-capture -o t.mp -- "$targets/maps"
    read -r _ pages _ file _ brk <<<"$output"
    mp-check t.mp
    mp-leaks --json t.mp >rows
    sum() {
        jq -s -r --arg k "$1" '[.[] | select(.kind | test($k)) | .bytes] | add // 0' rows
    }
    same "$(sum '^(mmap|mremap)$')" $((pages * 4096))
    same "$(sum ' file$')" $((file * 4096))
    same "$(sum '^brk$')" $((brk * 4096))
}

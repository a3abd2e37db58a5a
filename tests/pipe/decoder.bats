#!/usr/bin/env bats
# An independent reader, written from formats/mp.md alone, agrees with ours.

load ../helper

decoder() {
    /usr/bin/python3 "$BATS_TEST_DIRNAME/../decoder.py" "$1"
}

# agree FILE: event by event, and the totals
agree() {
    decoder "$1" >theirs
    mp-cat --json "$1" | jq -c 'select(.op == "alloc" or .op == "free") |
        [.op, .time, .pid, .tid, .block, .size, .kind, (.stack // [] | map([.func, .file // "", .line // 0]))]' >a
    jq -c 'select(.op == "alloc" or .op == "free") |
        [.op, .time, .pid, .tid, .block, .size, .kind, (.stack // [])]' theirs >b
    [ -s a ]
    cmp a b
    tail -n 1 theirs | jq -e --argjson live "$(mp-leaks --json "$1" | jq -s 'map(.bytes) | add // 0')" '.live == $live'
    tail -n 1 theirs | jq -e --argjson peak "$(mp-top --json --by kind --view peak "$1" | jq -s 'map(.bytes // .self) | add // 0')" '.peak == $peak'
    tail -n 1 theirs | jq -e --argjson all "$(mp-top --json --by kind --view total "$1" | jq -s 'map(.bytes // .self) | add // 0')" '.allocated == $all'
}

@test "a Python program" {
    mp-capture -q -o t.mp -- /usr/bin/python3 -c 'import json; x = json.loads("[" + ",".join(["1.5"] * 3000) + "]")'
    agree t.mp
}

@test "threads, forks, mappings, reallocs" {
    mp-capture -q -o t.mp -- "$build/targets/script4" >out
    agree t.mp
    mp-capture -q -o t.mp -- "$build/targets/maps" >out
    agree t.mp
    mp-capture -q -o t.mp -- /usr/bin/python3 "$BATS_TEST_DIRNAME/../targets/forks.py" >out
    agree t.mp
}

@test "hand-written traces" {
    for f in "$data"/trace*.tsv; do
        mp-cat --level 1 -o t.mp "$f"
        decoder t.mp >theirs
        [ -s theirs ]
    done
}

@test "golden files of every released version" {
    for f in "$BATS_TEST_DIRNAME"/../../formats/samples/good/*.mp; do
        [ -e "$f" ]
        mp-check "$f"
        mp-cat -t "$f" >twin
        cmp twin "${f%.mp}.tsv"
    done
}

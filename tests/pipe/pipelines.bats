#!/usr/bin/env bats
# The pipelines of the README, on real captures.

load ../helper

setup_file() {
    export DIR=$BATS_FILE_TMPDIR
    PATH=$MP_BUILD/bin:$PATH
    local t=$BATS_TEST_DIRNAME/../targets
    sed 's/100_000/20_000/' "$t/leaks.py" >"$DIR/app.py"
    sed 's/100_000/10_000/' "$t/leaks.py" >"$DIR/old.py"
    # -I -S: a short start-up keeps the JSON of the whole trace small
    (cd "$DIR" && mp-capture -q -- python3 -I -S app.py >t.mp &&
        mp-capture -q -- python3 -I -S old.py >old.mp)
}

setup() {
    PATH=$MP_BUILD/bin:$PATH
    cd "$DIR"
}

@test "mp-capture -- python app.py > t.mp is a clean trace" {
    run mp-check t.mp
    [ "$status" -eq 0 ]
    [[ $output == *clean* ]]
}

@test "mp-leaks < t.mp | mp-top -n 10 names the leaking line first" {
    mp-leaks <t.mp | mp-top -n 10 >out
    grep -m 1 -E '\(.*:[0-9]+\)' out >first
    grep -q 'remember (.*app.py:6)' first
    grep -E ' 2000[0-9] ' first
}

@test "mp-fold t.mp: every line parses, for flamegraph.pl too" {
    mp-fold t.mp >folded
    [ -s folded ]
    ! grep -vE '^[^ ;][^;]*(;[^;]+)* [0-9]+$' folded || false
    if command -v flamegraph.pl >/dev/null; then
        flamegraph.pl folded >f.svg
        grep -q '<svg' f.svg
    fi
}

@test "mp-fold of leaks sums to the exact live bytes" {
    mp-leaks t.mp >l.mp
    a=$(mp-fold l.mp | awk '{n += $NF} END {printf "%d", n}')
    b=$(mp-leaks --json t.mp | jq -s 'map(.bytes) | add')
    [ "$a" = "$b" ]
}

@test "mp-diff old.mp new.mp | mp-top shows what grew" {
    mp-diff old.mp t.mp | mp-top >out
    grep -m 1 -E ':[0-9]+\)' out | grep -q 'remember'
}

@test "mp-cat --json t.mp | jq counts allocations and frees" {
    mp-cat --json t.mp | jq -r 'select(.op == "alloc" or .metric == "rss") | .op' | sort | uniq -c >ops
    [ "$(awk '$2 == "alloc" {print $1}' ops)" -gt 20000 ]
    [ "$(awk '$2 == "series" {print $1}' ops)" -gt 0 ]
}

@test "mp-leaks -t t.mp | sort -rn | head starts with the largest row" {
    mp-leaks -t t.mp | sort -rn | head -n 1 >first
    grep -q remember first
}

@test "mp-leaks -t | grep -v | mp-top takes the rest" {
    mp-leaks -t t.mp | grep -v remember | mp-top >out
    ! grep -q remember out || false
    grep -q ':[0-9]' out
}

@test "mp-leaks t.mp | mp-top --by thread has one thread with it all" {
    mp-leaks t.mp | mp-top --by thread >out
    grep -q '100.0' out
}

@test "mp-leaks -e --budget 1M fails on a leak and passes without one" {
    run mp-leaks -e --budget 1M t.mp
    [ "$status" -eq 1 ]
    run mp-leaks -e --budget 1G t.mp
    [ "$status" -eq 0 ]
}

@test "cat a.mp b.mp | mp-top adds" {
    a=$(mp-cat t.mp | mp-leaks --json | jq -s 'map(.bytes) | add')
    b=$(mp-leaks --json old.mp | jq -s 'map(.bytes) | add')
    c=$(cat t.mp old.mp | mp-leaks --json | jq -s 'map(.bytes) | add')
    [ $((a + b)) = "$c" ]
    cat t.mp old.mp | mp-top >out
    grep -q remember out
}

@test "a trace cut short is used, with one warning" {
    head -c $(($(stat -c %s t.mp) * 2 / 3)) t.mp >cut.mp
    run --separate-stderr bash -c 'mp-top cut.mp'
    [ "$status" -eq 0 ]
    [ "$(printf '%s\n' "$stderr" | grep -c truncated)" -eq 1 ]
    run mp-top --strict cut.mp
    [ "$status" -eq 2 ]
}

@test "a flipped byte: told with its offset, the rest read, 2 down the pipe" {
    cp t.mp bad.mp
    at=$(($(stat -c %s t.mp) / 2))
    b=$(dd if=t.mp bs=1 skip=$at count=1 status=none | od -An -tu1)
    # shellcheck disable=SC2059
    printf "$(printf '\\x%02x' $((b ^ 255)))" | dd of=bad.mp bs=1 seek=$at conv=notrunc status=none
    run --separate-stderr bash -c 'mp-leaks bad.mp 2>err | mp-top; echo "${PIPESTATUS[@]}"'
    [[ $output == *"2 2"* ]]
    [[ $output == *remember* ]]
    grep -qE 'bad.mp: byte [0-9]+: ' err
}

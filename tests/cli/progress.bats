#!/usr/bin/env bats
# What is shown while work takes more than a second: on a terminal only, gone at the end.
load ../helper

setup_file() {
    load ../helper
    cd "$BATS_FILE_TMPDIR" || return
    awk 'BEGIN { print "##mp=trace 1\nP\t1\t1\t0\t0\tp\nT\t1\t1\t1\t0\tmain"
        for (i = 1; i < 60000; i++) printf "alloc\t%d\t1\t%d\t%d\tmalloc\tf%d\n", i * 1000, i, i % 7919, i % 997
        print "end" }' | mp-cat --level 0 -o t.mp
    # one that takes its time
    cat >slow <<'END'
head -c 300000 t.mp
sleep 1.1
tail -c +300001 t.mp
END
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    out=$BATS_TEST_TMPDIR/out
}

# terminal COMMAND: with a terminal for all three, to $out
terminal() {
    script -qec "$1" /dev/null </dev/null >"$out"
}

@test "a pipe: bytes so far; a file: of how many, in percent; erased before the result" {
    size=$(stat -c %s t.mp)
    [ "$size" -gt 600000 ]
    terminal 'bash slow | mp-top -n 1'
    grep -q $'\rmp-top: stdin: [0-9.]* [KM]iB\033\[K' "$out"
    grep -q $'\r\033\[Kpeak: ' "$out"
    # time counts from the first input on
    terminal "bash -c 'mp-diff <(bash slow) t.mp'"
    grep -qE $'\rmp-diff: t.mp: [0-9.]+ [KM]iB of [0-9.]+ [KM]iB, [0-9.]+%' "$out"
    ! tr '\r' '\n' <"$out" | grep -A 1 'mp-diff: ' | tail -n 1 | grep -q 'mp-diff' || false
}

@test "every program that reads has it" {
    for p in $(readers); do
        case $p in mp-diff) with='<(bash slow) t.mp' ;; *) with='<(bash slow)' ;; esac
        out=$BATS_TEST_TMPDIR/$p terminal "bash -c '$p $with >/dev/null'" &
    done
    wait
    for p in $(readers); do
        out=$BATS_TEST_TMPDIR/$p
        grep -q $'\r'"$p: /dev/fd/[0-9]*: " "$out" || { echo "$p: $(cat -v "$out")"; return 1; }
        # the last thing said of it is that it is gone
        tr '\r' '\n' <"$out" | grep . | tail -n 1 | grep -q $'^\033\[K' || { echo "$p: $(cat -v "$out")"; return 1; }
    done
}

@test "not with -q, not in TERM=dumb, not without a terminal, not in the middle of a pipe" {
    terminal 'bash slow | mp-top -q -n 1'
    ! grep -q 'mp-top: stdin: ' "$out" || false
    terminal 'bash slow | TERM=dumb mp-top -n 1'
    ! grep -q 'mp-top: stdin: ' "$out" || false
    terminal 'bash slow | mp-cat | mp-top -n 1'
    ! grep -q 'mp-cat: stdin: ' "$out" || false
    bash slow | mp-top -n 1 2>"$out" >/dev/null
    [ ! -s "$out" ]
    # text goes to the same terminal
    terminal 'bash slow | mp-cat --json'
    ! grep -q 'mp-cat: stdin: ' "$out" || false
}

@test "short work shows nothing" {
    terminal 'mp-top -n 1 t.mp'
    ! grep -q 'mp-top: ' "$out" || false
}

@test "a message does not run into it" {
    terminal 'bash -c "(head -c 300000 t.mp; sleep 1.1; tail -c +300001 t.mp | head -c 300000) | mp-top -n 1"'
    grep -q $'\r\033\[Kmp-top: stdin: incomplete: 1 truncated part' "$out"
}

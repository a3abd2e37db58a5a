#!/usr/bin/env bats
# mp-top -f: a stream seen while it is written.  follow.py is the terminal and the writer.
load ../helper

setup_file() {
    load ../helper
    cd "$BATS_FILE_TMPDIR" || return
    # blocks: 0 HEAD, 1 to 3 samples, 4 checkpoint, 5 END
    mk s.mp <<'TSV'
##mp=trace 1
P	1	100	0	0	app	app	x86_64	4096	
T	1	1	100	0	main
T	2	1	101	0	worker
sample	10000000	1	10000000	2	1048576	work (w.py:3) [py:1]
sample	10000000	2	90000000	1	1048576	wait (w.py:9) [py:7]
sample	1600000000	1	90000000	0	2097152	work (w.py:4) [py:1]
sample	3200000000	2	10000000	2	2097152	wait (w.py:8) [py:7]
end
TSV
    # blocks: 0 HEAD, 1 and 2 events
    mk a.mp <<'TSV'
##mp=trace 1
P	1	100	0	0	app	app	x86_64	4096	
T	1	1	100	0	main
alloc	10	1	1	1000	malloc	f (a.c:1)
alloc	20	1	2	500	calloc	g (a.c:2)
alloc	30	1	3	100	calloc	g (a.c:2)
alloc	2000000000	1	4	3000	malloc	h (a.c:3)
free	2000000000	1	1
end
TSV
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    out=$BATS_TEST_TMPDIR
}

# on STEPS: mp-top -f fed with a file on a terminal
on() {
    "$here/tests/follow.py" "$@"
}

# until FILE REGEX: it gets there
until_in() {
    for _ in {1..300}; do
        grep -q -e "$2" "$1" && return
        sleep 0.1
    done
    cat "$1"
    return 1
}

# the last table, without the figures above it
last() {
    awk -v RS= 'END { print }' "$1" | tail -n +2
}

# blocks FILE FROM [TO]
blocks() {
    python3 - "$@" <<'END'
import re, sys
data = open(sys.argv[1], 'rb').read()
at = [m.start() - 8 for m in re.finditer(re.escape(bytes.fromhex('d76d700d0a1a9e43b158e62fc48a7015')), data)]
end = at[int(sys.argv[3]) + 1] if len(sys.argv) > 3 else len(data)
sys.stdout.buffer.write(data[at[int(sys.argv[2])]:end])
END
}

@test "on a pipe: a table a second while nothing comes, the last one that of mp-top" {
    mkfifo "$out/fifo"
    mp-top -f <"$out/fifo" >"$out/got" &
    pid=$!
    exec 7>"$out/fifo"
    blocks s.mp 0 1 >&7
    until_in "$out/got" '^samples: 10.0 ms$'
    n=$(grep -c '^samples: ' "$out/got")
    for _ in {1..300}; do
        [ "$(grep -c '^samples: ' "$out/got")" -ge $((n + 2)) ] && break
        sleep 0.1
    done
    [ "$(grep -c '^samples: ' "$out/got")" -ge $((n + 2)) ]
    same "$(sed -n 1p "$out/got")" '10.0 ms, RSS 1.0 MiB, threads 2 (1 running), CPU 100.0%, GIL 100.0%, 100 samples/s'
    blocks s.mp 2 >&7
    exec 7>&-
    wait $pid
    same "$(last "$out/got")" "$(mp-top -k time s.mp)"
    same "$(awk -v RS= 'END { print }' "$out/got" | head -n 1)" \
        '3.2 s, RSS 2.0 MiB, threads 2 so far, CPU 3.4%, GIL 0.6%, 1 samples/s'
}

@test "what is live, of allocations; --view, -k, --by, -n and -m as ever" {
    mkfifo "$out/fifo"
    mp-top -f <"$out/fifo" >"$out/got" &
    pid=$!
    exec 7>"$out/fifo"
    blocks a.mp 0 1 >&7
    until_in "$out/got" '^live: 1.6 KiB in 3 blocks$'
    blocks a.mp 2 >&7
    exec 7>&-
    wait $pid
    same "$(last "$out/got")" "$(mp-top --view live a.mp)"
    for options in '--view peak' '--view total -k count' '--by kind' '-n 1' '-m 600' '--view total --total'; do
        [[ $options == *view* ]] && view= || view='--view live'
        same "$(mp-top -f $options <a.mp | tail -n +2)" "$(mp-top $view $options a.mp)"
    done
    # at the peak: what is live now beside it
    mp-top -f --view peak -n 1 a.mp | head -n 1 | grep -q '^2.0 s, threads 1 so far, 2 allocations/s$'
}

@test "a file that grows is followed until its last part is complete" {
    blocks s.mp 0 1 >"$out/g.mp"
    mp-top -f "$out/g.mp" >"$out/got" &
    pid=$!
    until_in "$out/got" '^samples: 10.0 ms$'
    blocks s.mp 2 2 >>"$out/g.mp"
    until_in "$out/got" '^samples: 100.0 ms$'
    blocks s.mp 3 >>"$out/g.mp"
    wait $pid
    same "$(last "$out/got")" "$(mp-top -k time s.mp)"
    # one that gets shorter is no longer that stream
    blocks s.mp 0 1 >"$out/g.mp"
    mp-top -f "$out/g.mp" >"$out/got" 2>"$out/err" &
    pid=$!
    until_in "$out/got" '^samples: 10.0 ms$'
    : >"$out/g.mp"
    status=0
    wait $pid || status=$?
    [ $status = 2 ]
    same "$(cat "$out/err")" "mp-top: $out/g.mp: became shorter while it was read"
    # an empty one is about to be written
    : >"$out/e.mp"
    mp-top -f "$out/e.mp" >"$out/got" &
    pid=$!
    cat s.mp >>"$out/e.mp"
    wait $pid
    same "$(last "$out/got")" "$(mp-top -k time s.mp)"
}

@test "several parts are added up, also while the next is awaited" {
    mkfifo "$out/fifo"
    mp-top -f <"$out/fifo" >"$out/got" &
    pid=$!
    exec 7>"$out/fifo"
    cat s.mp >&7
    until_in "$out/got" '^samples: 110.0 ms$'
    blocks s.mp 0 1 >&7
    until_in "$out/got" '^samples: 120.0 ms$'
    blocks s.mp 2 >&7
    exec 7>&-
    wait $pid
    same "$(last "$out/got")" "$(cat s.mp s.mp | mp-top -k time)"
}

@test "what does not grow ends where it does: text, folded stacks, zstd, profiles" {
    mp-cat -t s.mp >"$out/s.tsv"
    zstd -q s.mp -o "$out/s.zst"
    for f in "$out/s.tsv" "$out/s.zst" s.mp; do
        same "$(mp-top -f "$f" | tail -n +2)" "$(mp-top -k time s.mp)"
    done
    printf 'a;b 3\n' >"$out/folded"
    same "$(mp-top -f "$out/folded")" "$(mp-top "$out/folded")"
    mp-leaks a.mp >"$out/p.mp"
    same "$(mp-top -f "$out/p.mp")" "$(mp-top "$out/p.mp")"
}

@test "damage and truncation are told, with the same status" {
    { blocks s.mp 0 2; blocks s.mp 3 | tr '\240-\377' '\000-\137'; } >"$out/d.mp"
    status=0
    mp-top -k time "$out/d.mp" >"$out/want" 2>"$out/err" || status=$?
    [ $status = 2 ]
    cat "$out/d.mp" | {
        status=0
        mp-top -f >"$out/got" 2>"$out/told" || status=$?
        [ $status = 2 ]
    }
    same "$(tail -n +2 "$out/got")" "$(cat "$out/want")"
    same "$(cat "$out/told")" "$(sed "s|$out/d.mp|stdin|" "$out/err")"
    blocks s.mp 0 2 | mp-top -f >"$out/got" 2>"$out/err"
    same "$(cat "$out/err")" 'mp-top: stdin: incomplete: 1 truncated part'
    same "$(tail -n +2 "$out/got")" "$(blocks s.mp 0 2 | mp-top -q -k time)"
}

@test "-f takes one stream, and prints no -t or --json" {
    for o in -t --json; do
        run -2 --separate-stderr mp-top -f $o s.mp
        [[ $stderr == "mp-top: -f prints tables only, not -t or --json"* ]]
    done
    run -2 --separate-stderr mp-top -f s.mp a.mp
    [[ $stderr == "mp-top: -f follows one stream"* ]]
    mp-top -f -o "$out/file" s.mp
    same "$(tail -n +2 "$out/file")" "$(mp-top -k time s.mp)"
    run -2 --separate-stderr mp-top -f -o "$out/file" "$out/file"
    [[ $stderr == *"input file is output file" ]]
}

@test "a terminal: shares of the last interval, times since the start, redrawn when idle" {
    on -f s.mp mp-top -f :: see '^waiting' :: feed 0-1 :: see '^samples: 10.0 ms' :: \
        see '^10.0 ms, RSS 1.0 MiB, threads 2 \(1 running\), CPU 100.0%, GIL 100.0%' :: \
        see '^ +10.0 ms +- +10.0 ms +-  work \(w.py:3\)$' :: frames 3 :: feed 2-2 :: \
        see '^ +90.0 ms  100.0% +90.0 ms  100.0%  work \(w.py:4\)
 +10.0 ms +0.0% +10.0 ms +0.0%  work \(w.py:3\)$' :: \
        feed 3- :: close :: end 0 >"$out/got"
    same "$(tail -n +2 "$out/got" | sed 's/\x1b\[[0-9;]*m//g')" "$(mp-top -k time s.mp)"
}

@test "keys: sort, group, pause, quit" {
    on -f s.mp mp-top -f :: feed 0-2 :: see '^by line, sorted by self % now ' :: \
        key s :: see 'sorted by total % now ' :: key s :: see 'sorted by self time ' :: \
        key s :: see 'sorted by total time ' :: key s :: see 'sorted by self % now ' :: \
        key g :: see '^by function' :: key g :: see '^by file' :: key g :: see '^by module' :: \
        key g :: see '^by thread' :: see '^ +100.0 ms +.*  main$' :: key g :: see '^by process' :: \
        key g :: see '^by stack' :: key g :: see '^by line' :: \
        key p :: see '\[paused\]' :: feed 3- :: key s :: see 'sorted by total % now \[paused\]' :: \
        see '^samples: 100.0 ms' :: key p :: see '^samples: 110.0 ms' :: not paused :: \
        key q :: end 0 >"$out/got"
    same "$(tail -n +2 "$out/got" | sed 's/\x1b\[[0-9;]*m//g')" "$(mp-top -k time --total s.mp)"
    # kinds, where rows have them; -k and --total are where it begins
    on -f a.mp mp-top -f -k count --total :: feed 0-1 :: see 'sorted by total count ' :: \
        key s :: see 'sorted by self bytes ' :: key s :: see 'sorted by total bytes ' :: \
        key s :: see 'sorted by self count ' :: key gggggg :: see '^by kind' :: \
        see ' calloc$' :: close :: end 0
}

@test "the terminal is as it was: after the end, q, signals, errors, and while stopped" {
    for signal in TERM HUP QUIT; do
        number=$(kill -l $signal)
        on -f s.mp mp-top -f :: feed 0-1 :: see '^samples: 10.0' :: kill $signal :: end "-$number"
    done
    # the first Ctrl-C is for who writes the pipe
    on -f s.mp mp-top -f :: feed 0-1 :: see '^samples: 10.0' :: kill INT :: feed 2-2 :: \
        see '^samples: 100.0' :: kill INT :: end -2
    on mp-top -f "$out/none.mp" :: end 2
    blocks s.mp 0 1 >"$out/g.mp"
    on mp-top -f "$out/g.mp" :: see '^samples: 10.0' :: kill INT :: end -2
    on -f s.mp mp-top -f :: feed 0-1 :: see '^samples: 10.0' :: kill TSTP :: stopped :: \
        frames 2 :: kill TSTP :: stopped :: frames 2 :: key q :: end 0
    # what fails in the middle is told on the screen that stays
    on -f s.mp mp-top -f -k none :: feed 0-1 :: see '^samples: ' :: feed 2- :: close :: end 2 >"$out/got"
    grep -q "^mp-top: no column 'none' in this profile" "$out/got"
}

@test "no frame is larger than the screen, at any size; names are escaped and cut" {
    { printf '##mp=trace 1\nP\t1\t100\t0\t0\tapp\tapp\tx86_64\t4096\t\nT\t1\t1\t100\t0\tmain\n'
        for i in {1..60}; do
            printf 'alloc\t%d\t1\t%d\t%d\tmalloc\t%s%d%0200d (a.c:%d)\n' "$i" "$i" $((1000 - i)) $'e\\x1b[2J' "$i" 0 "$i"
        done
        printf 'end\n'; } | mk "$out/wide.mp"
    on -s 30x100 -f "$out/wide.mp" mp-top -f :: feed 0-1 :: see 'e.*\\x1b\[2J' :: fits :: \
        see '\[36 more\]' :: size 12x80 :: kill WINCH :: see '\[54 more\]' :: fits :: \
        key q :: end 0 >"$out/got"
    # its own text is all that has escapes
    ! sed 's/\x1b\[[0-9]*m//g' "$out/got" | grep -q $'\x1b' || false
    on -s 30x100 -f "$out/wide.mp" mp-top -f -n 3 :: feed 0-1 :: see '\[57 more\]' :: key q :: end 0
}

@test "TERM=dumb: one table after the other" {
    TERM=dumb on -f s.mp mp-top -f :: feed 0- :: close :: end 0 >"$out/got"
    same "$(tail -n +2 "$out/got")" "$(mp-top -k time s.mp)"
}

@test "the real thing: mp-sample and mp-capture of a program, live" {
    cat >"$out/busy.py" <<'END'
import time
end = time.time() + 2.5
kept = []
while time.time() < end:
    kept.append(bytearray(100000))
    sum(range(100000))
END
    mp-sample -q -- python3 "$out/busy.py" | mp-top -f >"$out/got"
    [ "$(grep -c '^samples: ' "$out/got")" -ge 3 ]
    last "$out/got" | grep -q '  <module> (.*busy.py:6)$'
    grep -qE '^[0-9.]+ s, RSS [0-9.]+ MiB, threads 1 \(1 running\), CPU [0-9.]+%, GIL [0-9.]+%, [0-9]+ samples/s$' "$out/got"
    mp-capture -q -- python3 "$out/busy.py" | mp-top -f >"$out/got"
    [ "$(grep -c '^live: ' "$out/got")" -ge 3 ]
    last "$out/got" | grep -q '  <module> (.*busy.py:5)$'
    grep -qE '^[0-9.]+ s, RSS [0-9.]+ MiB, threads [0-9]+ so far, [0-9]+ allocations/s$' "$out/got"
    # idle programs
    mp-capture -q -- sleep 2.5 | mp-top -f >"$out/got"
    [ "$(grep -c '^live: ' "$out/got")" -ge 2 ]
}

#!/usr/bin/env bats
load ../helper

good=$BATS_TEST_DIRNAME/../../formats/samples/good

setup_file() {
    load ../helper
    mk "$BATS_FILE_TMPDIR/t.mp" <"$data/small.tsv"
    # two processes, a mapping cut in two, uncounted ones, readings, a clock
    mk "$BATS_FILE_TMPDIR/two.mp" <<'TSV'
##mp=trace 1
##command=app --two
##objects=1
K	1	1700000000000000000	5	6
P	1	100	0	0	one	one --x
P	2	200	1	40	two	two
T	1	1	100	0	main
T	2	2	200	40	main
series	0	1	rss	100
series	0	1	rss_anon	60
series	0	1	rss_file	40
series	0	1	rss_shmem	0
alloc	10	1	1	1000	malloc	a (a.c:1)
alloc	10	1	2	8192	mmap	map (a.c:2)
alloc	20	1	3	65536	arena	map (a.c:3)
alloc	20	1	4	4096	runtime	map (a.c:4)
free	30	1	2	8192	mmap	@2	partial
alloc	30	1	5	4096	mmap	map (a.c:2)	partial
alloc	40	2	6	300	PyObject_Malloc	b (b.py:1) [py:1]
alloc	45	2	7	512	mmap file	b (b.c:2)
series	45	1	rss	20000
series	45	1	rss_anon	15000
series	45	1	rss_file	5000
series	45	1	rss_shmem	0
series	45	2	rss	700
series	45	2	rss_anon	600
series	45	2	rss_file	100
series	45	2	rss_shmem	0
alloc	50	2	8	7	malloc	c (b.c:3)
free	50	2	8
free	60	1	0
mark	60	1	1	stacks cut	3
procend	70	2
series	80	1	rss	20000
series	80	1	rss_anon	20000
mark	90	0	0	exit status	3
end
TSV
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.mp .
}

@test "a summary: figures, then tables" {
    mp-stat two.mp >got
    cat >want <<'TEXT'
command     app --two
time        2023-11-14T22:13:20Z, 90 ns; order between threads to 1 ns
processes   2, 2 threads, exit status 3
events      8 allocations, 3 frees, 1 of unknown blocks
allocated   9.8 KiB in 5 blocks
temporary   7 B in 1 block: 0.1% of bytes, 20.0% of blocks
peak        9.0 KiB in 2 blocks, 10 ns after the start
live        5.8 KiB in 4 blocks at the end
resident    20.2 KiB at most, 45 ns after the start, 2 processes
            15.2 KiB anonymous, 5.0 KiB of files, 0 B shared
            5.8 KiB live then: 1.3 KiB in blocks, 4.0 KiB mapped, 512 B of files
            64.0 KiB in arenas, 4.0 KiB by the C library: not counted
            10.0 KiB more anonymous than live: kept free, stacks, data
marks       stacks cut 3

      bytes       %       count  lines by bytes
    8.0 KiB   81.8%           1  map (a.c:2)
     1000 B   10.0%           1  a (a.c:1)
      512 B    5.1%           1  b (b.c:2)
      300 B    3.0%           1  b (b.py:1)
        7 B    0.1%           1  c (b.c:3)

      bytes       %       count  lines by count
     1000 B   20.0%           1  a (a.c:1)
      512 B   20.0%           1  b (b.c:2)
      300 B   20.0%           1  b (b.py:1)
        7 B   20.0%           1  c (b.c:3)
    8.0 KiB   20.0%           1  map (a.c:2)

      bytes       %       count  files by bytes
    9.0 KiB   91.8%           2  a.c
      519 B    5.2%           2  b.c
      300 B    3.0%           1  b.py

      bytes       %       count  modules by bytes
    9.5 KiB   97.0%           4  [no module]
      300 B    3.0%           1  [no native frame]

      bytes       %       count  size of block
        7 B    0.1%           1  from 4 B
      300 B    3.0%           1  from 256 B
    1.5 KiB   15.1%           2  from 512 B
    8.0 KiB   81.8%           1  from 8.0 KiB

      bytes       %       count  allocator
    8.0 KiB   81.8%           1  mmap
     1007 B   10.1%           2  malloc
      512 B    5.1%           1  mmap file
      300 B    3.0%           1  PyObject_Malloc
   64.0 KiB                   1  arena (not counted)
    4.0 KiB                   1  runtime (not counted)

      bytes       %       count  process
    9.0 KiB   91.8%           2  100 one
      819 B    8.2%           3  200 two
TEXT
    diff -u want got
    [ "$(awk '{ print length }' got | sort -n | tail -n 1)" -le 80 ]
}

@test "--json: one object, exact" {
    j 'length == 1' mp-stat two.mp
    grep -q '"start_ns":1700000000000000000,' j.out
    jq -c 'del(.start_ns, .top_bytes, .top_count, .files, .modules, .kinds, .sizes)' j.out >got
    cat >want <<'JSON'
{"kind":"trace","parts":1,"command":"app --two","start":"2023-11-14T22:13:20Z","duration":90,"tick":1,"threads":2,"events":11,"frees":3,"unknown_frees":1,"implicit_frees":0,"allocated":{"bytes":10011,"count":5},"temporary":{"bytes":7,"count":1},"peak":{"bytes":9192,"count":2,"time":10},"live":{"bytes":5908,"count":4},"paused":{"count":0,"ns":0},"samples":{"count":0,"idle":0,"ns":0},"rss":{"readings":3,"time":45,"processes":2,"bytes":20700,"anon":15600,"file":5100,"shmem":0,"live":5908,"live_mapped":4096,"live_mapped_file":512,"arenas":65536,"runtime":4096},"top_bytes_more":{"rows":0,"bytes":0,"count":0},"top_count_more":{"rows":0,"bytes":0,"count":0},"files_more":{"rows":0,"bytes":0,"count":0},"modules_more":{"rows":0,"bytes":0,"count":0},"marks":[{"count":1,"value":3,"name":"stacks cut"},{"count":1,"value":3,"name":"exit status"}],"processes":[{"pid":100,"start":0,"allocated":{"bytes":9192,"count":2},"live":{"bytes":5096,"count":2},"name":"one","command":"one --x"},{"pid":200,"start":40,"allocated":{"bytes":819,"count":3},"live":{"bytes":812,"count":2},"name":"two","command":"two"}],"loss":{"lost_events":0,"lost_bytes":0,"damaged_blocks":0,"truncated":0,"sample_interval":0}}
JSON
    diff -u want got
    jq -e '.sizes[0] == {from: 4, to: 7, bytes: 7, count: 1} and
        .kinds[0] == {bytes: 8192, count: 1, counted: true, kind: "mmap"} and
        (.kinds | map(.counted)) == [true, true, true, true, false, false] and
        .top_bytes[0] == {bytes: 8192, count: 1, name: "map (a.c:2)"}' j.out
}

@test "-t: a line a figure, the same ones" {
    mp-stat -t two.mp >got
    for line in $'kind\ttrace' $'peak.bytes\t9192' $'rss.anon\t15600' $'top_bytes\t8192\t1\tmap (a.c:2)' \
        $'sizes\t4\t7\t7\t1' $'kinds\t65536\t1\t0\tarena' \
        $'processes\t200\t40\t819\t3\t812\t2\ttwo\ttwo'; do
        grep -Fxq "$line" got || { echo "$line"; return 1; }
    done
    # keys in the order of JSON
    cut -f1 got | uniq >keys
    mp-stat --json two.mp | jq -r 'to_entries[] | .key as $k | .value |
        if type == "object" then keys_unsorted[] | "\($k).\(.)"
        elif type == "array" then (if length > 0 then $k else empty end) else $k end' | diff keys -
}

@test "its sums are those of the views, to the byte, on every trace there is" {
    for f in "$data"/*.tsv "$good"/*.mp two.mp; do
        head -c 16 "$f" | grep -q '##mp=profile' && continue
        [[ $(mp-check "$f") == *" trace"* || $f == *.tsv ]] || continue
        agrees "$f"
    done
}

@test "pauses: how often and how long; the end of a process or of the trace ends one" {
    cat >head.tsv <<'TSV'
##mp=trace 1
P	1	100	0	0	one	one
P	2	200	1	0	two	two
P	3	300	1	0	three	three
T	1	1	100	0	main
T	2	2	200	0	main
T	3	3	300	0	main
mark	10	1	1	resume	0
mark	20	1	1	pause	0
alloc	25	2	1	7	malloc	c (b.c:3)
mark	50	1	1	resume	0
mark	60	2	2	pause	0
mark	61	1	1	pause	0
alloc	65	3	2	8	malloc	c (b.c:3)
procend	70	2
alloc	90	3	3	9	malloc	c (b.c:3)
TSV
    { cat head.tsv && echo end; } | mp-cat --level 1 -o p.mp -
    # 30 of one, 10 until the end of two, 29 until the end of the trace
    same "$(mp-stat --json p.mp | jq -c .paused)" '{"count":3,"ns":69}'
    same "$(mp-stat p.mp p.mp | grep -A 1 '^recorded')" 'recorded    paused 6 times, 138 ns
            what was allocated meanwhile is in no figure'
    mp-stat p.mp | grep '^marks' && return 1
    mp-stat -t p.mp >text
    grep -qx $'paused.ns\t69' text
    # no time passes
    printf '%s\n' '##mp=trace 1' $'P\t1\t100\t0\t0\tone\tone' $'T\t1\t1\t100\t0\tmain' \
        $'mark\t5\t1\t1\tpause\t0' $'mark\t5\t1\t1\tresume\t0' end | mp-cat -o q.mp -
    same "$(mp-stat q.mp | grep '^recorded')" 'recorded    paused 1 time, too short for the clock'
}

@test "an exit status from a figure, with jq" {
    mp-stat --json t.mp | jq -e '.peak.bytes == 7096'
    run -1 bash -c 'mp-stat --json t.mp | jq -e ".peak.bytes < 7000"'
}

@test "-n: rows of rankings, the rest as one" {
    mp-stat -n 1 two.mp >got
    same "$(sed -n '/lines by bytes/,/^$/p' got)" "      bytes       %       count  lines by bytes
    8.0 KiB   81.8%           1  map (a.c:2)
    1.8 KiB   18.2%           4  [4 more]"
    same "$(sed -n '/process$/,/^$/p' got)" "      bytes       %       count  process
    9.0 KiB   91.8%           2  100 one
      819 B    8.2%           3  [1 more]"
    j '.[0] | .top_bytes == [] and .top_bytes_more == {rows: 5, bytes: 10011, count: 5}' mp-stat -n 0 two.mp
}

@test "several traces and parts: sums; the peak is the sum of peaks, and says so" {
    mp-stat two.mp t.mp | grep -Fx 'peak        15.9 KiB in 5 blocks, sum of 2 peaks'
    cat two.mp t.mp | mp-stat --json | jq -S 'del(.top_bytes, .top_count, .files)' >stream
    mp-stat --json two.mp t.mp | jq -S 'del(.top_bytes, .top_count, .files)' | diff stream -
    j '.[0] | .parts == 2 and .allocated == {bytes: 17607, count: 9} and
        .peak == {bytes: 16288, count: 5, time: null} and .duration == 150 and
        .rss.bytes == 20700 and (.processes | length) == 3' mp-stat t.mp two.mp
}

@test "live is what mp-leaks says: at finalization, or with --at-exit the very end" {
    mk fin.mp <<'TSV'
##mp=trace 1
P	1	100	0	0	python3	python3
T	1	1	100	0	main
alloc	10	1	1	1000	malloc	a (a.c:1)
mark	20	1	1	finalize	0
free	30	1	1
end
TSV
    j '.[0].live == {bytes: 1000, count: 1}' mp-stat fin.mp
    j '.[0].live == {bytes: 0, count: 0}' mp-stat --at-exit fin.mp
    agrees fin.mp
}

@test "a resident set without events before it, or with more live than resident" {
    mk rss.mp <<'TSV'
##mp=trace 1
P	1	100	0	0	a	a
T	1	1	100	0	main
alloc	10	1	1	1048576	malloc	a (a.c:1)
series	5	1	rss	8192
series	10	1	rss	4096
series	10	1	rss_anon	4096
series	20	1	rss	9000
series	20	1	rss_anon	5000
end
TSV
    j '.[0].rss | .time == 20 and .live == 1048576 and .file == null' mp-stat rss.mp
    mp-stat rss.mp | grep -F '1019.1 KiB more live than anonymous: never touched, or swapped'
    sed 's/^series\t20.*//' <(mp-cat -t rss.mp) | mk early.mp
    j '.[0].rss | .time == 5 and .live == 0 and .bytes == 8192' mp-stat early.mp
    grep -v series <(mp-cat -t rss.mp) | mk none.mp
    j '.[0].rss | .readings == 0 and .bytes == null and .live == null' mp-stat none.mp
    ! mp-stat none.mp | grep -q resident || false
}

@test "CPU samples are counted, and their resident set is used" {
    mk cpu.mp <<'TSV'
##mp=trace 1
P	1	100	0	0	a	a
T	1	1	100	0	main
sample	10	1	5000000	0	4096	main (a.c:1)
sample	20	1	5000000	0	8192	main (a.c:2)
sample	30	1	5000000	1	8192	main (a.c:2)
end
TSV
    j '.[0] | .samples == {count: 3, idle: 1, ns: 10000000} and .rss.bytes == 8192 and
        .rss.time == 20 and .rss.live == null and .allocated.count == 0' mp-stat cpu.mp
    mp-stat cpu.mp | grep -Fx 'samples     3, 1 idle, 10.0 ms'
    run ! grep -E '^(events|allocated|temporary|peak|live)' <(mp-stat cpu.mp)
    { mp-stat two.mp; mp-stat two.mp cpu.mp; } | grep -c '^live' | grep -Fx 2
}

@test "a profile: what is known of it, columns and rankings" {
    mp-leaks two.mp >l.mp
    mp-stat l.mp >got
    same "$(sed '/^$/,$d' got)" 'command     app --two
view        live
made by     mp-leaks
rows        4
total       5.8 KiB bytes
total       4 count'
    grep -q 'files by bytes' got
    ! grep -q 'size of block' got || false
    j '.[0] | .kind == "profile" and .rows == 4 and .program == "mp-leaks" and
        .columns[0] == {total: 5908, unit: "B", view: "live", name: "bytes"} and
        .top_bytes[0] == {value: 4096, count: 1, name: "map (a.c:2)"}' mp-stat l.mp
    j '.[0].columns[0].total == 11816' mp-stat l.mp l.mp
    run -0 mp-stat "$data/stacks.folded"
}

@test "traces and profiles are not summed" {
    mp-leaks two.mp >l.mp
    run -2 --separate-stderr mp-stat two.mp l.mp
    same "$stderr" 'mp-stat: l.mp: a profile cannot be summed with traces'
    run -2 --separate-stderr mp-stat l.mp two.mp
    same "$stderr" 'mp-stat: two.mp: a trace cannot be summed with profiles'
    run -2 --separate-stderr bash -c 'cat two.mp l.mp | mp-stat'
    same "$stderr" 'mp-stat: stdin: needs a trace, this is a profile'
    [ -z "$output" ]
}

@test "what is missing is in the summary" {
    sed '/^free.*40/i lost\t5\t100' "$data/small.tsv" | grep -v ^end | mk lossy.mp 2>/dev/null
    run -0 --separate-stderr mp-stat -q lossy.mp
    [[ $output == *"incomplete: 1 truncated part, 5 lost events, 100 lost bytes"* ]]
    j '.[0].loss == {lost_events: 5, lost_bytes: 100, damaged_blocks: 0, truncated: 1, sample_interval: 0}' mp-stat -q lossy.mp
}

@test "frees nobody saw are told" {
    mk over.mp <<'TSV'
##mp=trace 1
T	1	0	1	0	main
alloc	10	1	1	100	malloc	a (a.c:1)
free	20	1	1	100	malloc	@1	overlap
alloc	20	1	2	100	malloc	a (a.c:1)	overlap
free	30	1	0
end
TSV
    j '.[0] | .implicit_frees == 1 and .unknown_frees == 1 and .frees == 2' mp-stat over.mp
    mp-stat over.mp | grep -Fx 'events      2 allocations, 2 frees, 1 of unknown blocks, 1 not seen'
}

@test "a process may end in the block that defines it, however many there are" {
    {
        printf '##mp=trace 1\nP\t1\t1\nT\t1\t1\t1\nalloc\t1\t1\t1\t8\tmalloc\ta\n'
        seq 2 3000 | sed 's/.*/P\t&\t&/'
        printf 'procend\t2\t2990\nfree\t2\t1\t1\nend\n'
    } >t.tsv
    mp-stat t.tsv | grep -qx 'allocated   8 B in 1 block'
}

@test "sums over 63 bits are an error, not a wrong number" {
    mk big.mp <<'TSV'
##mp=trace 1
T	1	0	1	0	main
alloc	10	1	1	9000000000000000000	malloc	a (a.c:1)
free	20	1	1
alloc	30	1	2	9000000000000000000	malloc	a (a.c:1)
end
TSV
    run -2 --separate-stderr mp-stat big.mp
    same "$stderr" 'mp-stat: big.mp: a sum is over 63 bits'
}

@test "on a terminal: bold headings, names cut to its width" {
    long=$(printf 'x%.0s' {1..300})
    printf '##mp=trace 1\n##command=%s\nT\t1\t0\t1\t0\tmain\nalloc\t1\t1\t1\t10\tmalloc\tf%s (a.c:1)\nend\n' "$long" "$long" | mk long.mp
    cols=80 tty 'mp-stat long.mp' >got
    grep -q $'\033\[1mcommand' got
    sed 's/\x1b\[[0-9;]*m//g' got >plain
    [ "$(awk '{ print length }' plain | sort -n | tail -n 1)" -le 80 ]
}

#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    mk "$BATS_FILE_TMPDIR/t.mp" <"$data/small.tsv"
    mk "$BATS_FILE_TMPDIR/p.mp" <<'TSV'
##mp=profile 1
##column=bytes	B	live	sum
##column=count	count	live	sum
#bytes	count	process	thread	kind	type	stack
6000	3	app	main	malloc		main (a.c:1);f (a.c:5);g (b.c:7)
3000	1	app	main	malloc		main (a.c:1);f (a.c:5)
1000	4	app	pool	calloc		main (a.c:1);f (a.c:5);f (a.c:5);g (b.c:8)
TSV
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.mp .
}

# value COLUMN NAME PROGRAM...: a cell of the -t table
cell() {
    local column=$1 name=$2
    shift 2
    "$@" -t | awk -F'\t' -v c="$column" -v n="$name" 'NR == 1 { sub("#", ""); for (i = 1; i <= NF; i++) if ($i == c) k = i } $NF == n { print $k }'
}

@test "by line: self is the leaf's, total counts a line once a stack" {
    same "$(cell bytes 'g (b.c:7)' mp-top p.mp)" 6000
    same "$(cell bytes 'f (a.c:5)' mp-top p.mp)" 3000
    same "$(cell total_bytes 'f (a.c:5)' mp-top p.mp)" 10000
    same "$(cell total_bytes 'main (a.c:1)' mp-top p.mp)" 10000
    same "$(cell bytes 'main (a.c:1)' mp-top p.mp)" 0
    same "$(cell count 'g (b.c:8)' mp-top p.mp)" 4
}

@test "--by: function, file, thread, process, kind" {
    same "$(cell bytes 'g (b.c)' mp-top --by function p.mp)" 7000
    same "$(cell bytes b.c mp-top --by file p.mp)" 7000
    same "$(cell bytes pool mp-top --by thread p.mp)" 1000
    same "$(cell bytes app mp-top --by process p.mp)" 10000
    same "$(cell bytes malloc mp-top --by kind p.mp)" 9000
    same "$(mp-top -t --by stack p.mp | wc -l)" 4
}

@test "ranked by self; --total by total; -k by another column" {
    same "$(mp-top -t p.mp | awk -F'\t' 'NR == 2 { print $NF }')" 'g (b.c:7)'
    same "$(mp-top -t --total --by function p.mp | awk -F'\t' 'NR <= 3 && NR > 1 { print $3 }' | sort -u)" 10000 ||
        same "$(mp-top -t --total --by function p.mp | awk -F'\t' 'NR <= 3 && NR > 1 { print $2 }' | sort -u)" 10000
    same "$(mp-top -t -k count p.mp | awk -F'\t' 'NR == 2 { print $NF }')" 'g (b.c:8)'
    run -2 --separate-stderr mp-top -k nothing p.mp
    [[ $stderr == "mp-top: no column 'nothing' in this profile"* ]]
}

@test "the table: title, header, percentages, rounded sizes" {
    mp-top p.mp >got
    cat >want <<'TEXT'
live: 9.8 KiB in 8 blocks
       self       %        total       %       count  line
    5.9 KiB   60.0%      5.9 KiB   60.0%           3  g (b.c:7)
    2.9 KiB   30.0%      9.8 KiB  100.0%           1  f (a.c:5)
     1000 B   10.0%       1000 B   10.0%           4  g (b.c:8)
        0 B    0.0%                                0  [1 more]
TEXT
    diff want got
}

@test "-n: the last row holds what is not shown, self adds up" {
    mp-top -n 1 p.mp >got
    same "$(sed -n 3,9p got)" '    5.9 KiB   60.0%      5.9 KiB   60.0%           3  g (b.c:7)
    3.9 KiB   40.0%                                5  [3 more]'
    same "$(mp-top -n 1 -t p.mp | wc -l)" 2
    same "$(mp-top -n 0 p.mp | tail -n 1 | awk '{ print $3 }')" 100.0%
}

@test "-m leaves smaller rows to the last one" {
    mp-top -m 2K p.mp | grep -q '\[2 more\]'
    mp-top -m 50% p.mp | grep -q '\[3 more\]'
    same "$(mp-top -m 50% -t p.mp | wc -l)" 2
}

@test "a trace is seen at its peak, --view says otherwise" {
    mp-top t.mp | head -n 1 | grep -q '^peak: 6.9 KiB in 3 blocks'
    j '(map(.bytes) | add) == 7096' mp-top t.mp
    j '(map(.bytes) | add) == 2500' mp-top --view live t.mp
    j '(map(.bytes) | add) == 7596 and (map(.count) | add) == 4' mp-top --view total t.mp
    j '(map(.bytes) | add) == 7596' mp-top --view=total --by kind t.mp
}

@test "--json: self and total of every column, then the name" {
    j '.[0] == {bytes: 6000, total_bytes: 6000, count: 3, total_count: 3, name: "g (b.c:7)"}' mp-top p.mp
}

@test "--frames: Python's by default where there are any" {
    mk mixed.mp <<'TSV'
##mp=profile 1
#bytes	stack
10	run (app.py:1) [py:1];alloc_it (x.c:2) [/lib/x.so+0x10]
TSV
    same "$(cell bytes 'run (app.py:1)' mp-top mixed.mp)" 10
    same "$(cell bytes 'alloc_it (x.c:2)' mp-top --frames native mixed.mp)" 10
    same "$(cell bytes 'alloc_it (x.c:2)' mp-top --frames all mixed.mp)" 10
    same "$(cell total_bytes 'run (app.py:1)' mp-top --frames all mixed.mp)" 10
}

@test "a label that is not there: exit 2, naming the option that keeps it" {
    for what in thread process kind; do
        run -2 --separate-stderr mp-top --keep none --by $what p.mp
        [[ $stderr == "mp-top: no row has a $what; --keep $what keeps it" ]]
    done
    mp-leaks --keep none t.mp >l.mp
    run -2 --separate-stderr mp-top --by thread l.mp
    [[ $stderr == "mp-top: no row has a thread; --keep thread keeps it" ]]
}

@test "on a terminal no line is wider than it, and names keep both ends" {
    long=$(printf 'x%.0s' {1..300})
    printf '##mp=profile 1\n#bytes\tstack\n5\tbegin%s (dir/end.c:7)\n' "$long" | mk long.mp
    cols=80 tty 'mp-top long.mp' | sed 's/\x1b\[[0-9;]*m//g' >got
    [ "$(awk '{ print length }' got | sort -n | tail -n 1)" -le 80 ]
    grep -q 'begin.*\.\.\..*end.c:7)' got
    mp-top long.mp | grep -q "begin$long (dir/end.c:7)"
}

@test "profiles of two views in one table are refused" {
    mp-leaks t.mp >l.mp
    run -2 --separate-stderr mp-top l.mp t.mp
    [[ $stderr == "mp-top: "*live*peak* || $stderr == "mp-top: "*peak*live* ]]
}

@test "peaks of several traces are added, and the title says so" {
    mp-top t.mp t.mp | head -n 1 | grep -q 'sum of 2 peaks'
    cat t.mp t.mp | mp-top | head -n 1 | grep -q 'sum of 2 peaks'
}

@test "no rows: a title and nothing else" {
    printf '##mp=profile 1\n#bytes\tstack\n' | mk none.mp
    run -0 mp-top none.mp
    [ "${#lines[@]}" = 2 ]
}

@test "metadata of as many keys and values as there may be" {
    awk 'BEGIN {
        print "##mp=profile 1"
        for (i = 0; i < 32000; i++) { print "##key" i "=v"; print "##many=v" i }
        print "#bytes\tstack\n5\ta"
    }' >meta.tsv
    timeout 20 mp-top meta.tsv >/dev/null
    timeout 20 mp-diff meta.tsv meta.tsv >/dev/null
}

@test "a site whose definition comes back with the checkpoint has its size again" {
    # the HEAD that defined it is damaged; at the end one block of it is live
    cp "$here/formats/samples/good/tiny.mp" head.mp
    printf '\377' | dd of=head.mp bs=1 seek=30 conv=notrunc status=none
    run --separate-stderr mp-top -t head.mp
    [ "$status" = 2 ]
    same "$output" "$(printf '#bytes\ttotal_bytes\tcount\ttotal_count\tname\n100\t100\t1\t1\tmain (a.py:7)')"
}

@test "samples: the resident set, its sum, and how it grew meanwhile" {
    cat >t.tsv <<'TSV'
##mp=trace 1
P	1	100	0	0	one	one	x86_64	4096	
P	2	200	0	0	two	two	x86_64	4096	
T	1	1	100	0	main
T	2	1	101	0	worker
T	3	2	200	0	main
sample	10	1	5	0	1000	a (x.c:1)
sample	10	2	5	0	1000	b (x.c:2)
sample	10	3	5	0	500	c (x.c:3)
sample	20	1	5	0	1101	a (x.c:1)
sample	20	2	5	0	1101	b (x.c:2)
sample	30	1	5	1	1201	a (x.c:1)
sample	40	1	5	0	1151	a (x.c:1)
sample	50	3	5	0	700	c (x.c:3)
sample	60	3	5	0	0	c (x.c:3)
sample	70	3	5	0	650	c (x.c:3)
end
TSV
    # two threads share a moment's growth; none is given for an idle one
    mp-top --json t.tsv | jq -c '[.name, .samples, .rss, .rss_sum, .rss_growth]' >got
    same "$(sort got)" '["a (x.c:1)",3,1151,3252,1]
["b (x.c:2)",2,1101,2101,50]
["c (x.c:3)",4,700,1850,150]'
    # from 20 on: what came before is known all the same
    mp-top --json --between 20ns,60ns t.tsv | jq -c '[.name, .rss_growth]' >got
    same "$(sort got)" '["a (x.c:1)",1]
["b (x.c:2)",50]
["c (x.c:3)",200]'
}

#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    mk "$BATS_FILE_TMPDIR/p.mp" <<'TSV'
##mp=profile 1
##column=bytes	B	live	sum
##column=count	count	live	sum
#bytes	count	stack
6000	3	main (a.c:1);f (a.c:5);g (b.c:7)
3000	1	main (a.c:1);f (a.c:5)
1000	4	main (a.c:1);f (a.c:5);h (b.c:9);i (b.c:10);g (b.c:8)
100	1	main (a.c:1);other (c.c:1)
50	1	init (z.c:1)
TSV
    mk "$BATS_FILE_TMPDIR/t.mp" <"$data/small.tsv"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.mp .
}

# adds_up PROGRAM...: every total is the self and the totals below, the top's the whole
adds_up() {
    "$@" --json >rows.json
    jq -s -e '. as $rows | (reduce .[] as $r ({}; .[$r.parent | tostring] += $r.total_bytes)) as $below |
        all($rows[]; .total_bytes == .bytes + ($below[.id | tostring] // 0)) and
        ([.[].id] == [range(1; length + 1)])' rows.json >/dev/null
}

@test "the tree: calls by total, chains without indenting" {
    mp-tree p.mp >got
    cat >want <<'TEXT'
live: 9.9 KiB in 10 blocks
      total       %         self       count  call
    9.9 KiB   99.5%          0 B           9  |- main (a.c:1)
    9.8 KiB   98.5%      2.9 KiB           8  |  |- f (a.c:5)
    5.9 KiB   59.1%      5.9 KiB           3  |  |  |- g (b.c:7)
     1000 B    9.9%          0 B           4  |  |  `- h (b.c:9)
     1000 B    9.9%          0 B           4  |  |     i (b.c:10)
     1000 B    9.9%       1000 B           4  |  |     g (b.c:8)
      100 B    1.0%        100 B           1  |  `- other (c.c:1)
       50 B    0.5%         50 B           1  `- init (z.c:1)
TEXT
    diff -u want got
}

@test "nothing is cut without -m or --depth; what is cut is a row" {
    ! mp-tree p.mp | grep -q more || false
    mp-tree -m 2% p.mp >got
    cat >want <<'TEXT'
live: 9.9 KiB in 10 blocks
      total       %         self       count  call
    9.9 KiB   99.5%          0 B           9  main (a.c:1)
    9.8 KiB   98.5%      2.9 KiB           8  f (a.c:5)
    5.9 KiB   59.1%      5.9 KiB           3  |- g (b.c:7)
     1000 B    9.9%          0 B           4  |- h (b.c:9)
     1000 B    9.9%          0 B           4  |  i (b.c:10)
     1000 B    9.9%       1000 B           4  |  g (b.c:8)
      150 B    1.5%                        2  `- [2 more]
TEXT
    diff -u want got
    mp-tree --depth 1 p.mp >got
    cat >want <<'TEXT'
live: 9.9 KiB in 10 blocks
      total       %         self       count  call
    9.9 KiB   99.5%          0 B           9  |- main (a.c:1)
    9.9 KiB   99.5%                        9  |  `- [2 more]
       50 B    0.5%         50 B           1  `- init (z.c:1)
TEXT
    diff -u want got
    mp-tree -m 100K p.mp | tail -n 1 | grep -q '100.0%.*`- \[2 more\]'
}

@test "--inverted: from the innermost frame to its callers" {
    mp-tree --inverted -t p.mp | cut -f 1-3,6 >got
    printf '%s\t%s\t%s\t%s\n' '#depth' total_bytes bytes name \
        1 6000 0 'g (b.c:7)' 2 6000 0 'f (a.c:5)' 3 6000 6000 'main (a.c:1)' \
        1 3000 0 'f (a.c:5)' 2 3000 3000 'main (a.c:1)' \
        1 1000 0 'g (b.c:8)' 2 1000 0 'i (b.c:10)' 3 1000 0 'h (b.c:9)' \
        4 1000 0 'f (a.c:5)' 5 1000 1000 'main (a.c:1)' \
        1 100 0 'other (c.c:1)' 2 100 100 'main (a.c:1)' \
        1 50 50 'init (z.c:1)' >want
    diff -u want got
    mp-tree --inverted --by function -t p.mp | grep -P '^1\t7000\t0\t7\t0\tg \(b.c\)$'
}

@test "-t: depth, then total and self of each column, then the name" {
    mp-tree -t p.mp | head -n 4 >got
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' '#depth' total_bytes bytes total_count count name \
        1 10100 0 9 0 'main (a.c:1)' 2 10000 3000 8 1 'f (a.c:5)' 3 6000 6000 3 3 'g (b.c:7)' >want
    diff -u want got
    same "$(mp-tree -t p.mp | wc -l)" 9
}

@test "--json: a node a line, with its parent's id" {
    j '.[1] == {id: 2, parent: 1, depth: 2, total_bytes: 10000, bytes: 3000, total_count: 8, count: 1, name: "f (a.c:5)"}' mp-tree p.mp
    j '.[-1] | .name == "[1 more]" and .parent == 0 and .total_bytes == 50 and .bytes == 50' mp-tree -m 60 p.mp
}

@test "totals are self and what is below, whatever is cut" {
    for f in p.mp t.mp "$data/trace.tsv" "$here"/formats/samples/good/{python,native,joined,profile}.mp; do
        for o in '' --inverted '--depth 2' '-m 5%' '--by function' '--frames all' '--frames native'; do
            column=
            [[ $f == *profile.mp ]] && column='-k bytes'
            # shellcheck disable=SC2086
            adds_up mp-tree -q $o $column "$f" || { echo "$f $o"; return 1; }
        done
        mp-tree -q --json "$f" | jq -s 'map(select(.parent == 0) | .total_bytes) | add' >top
        mp-top -q --json --by stack "$f" | jq -s 'map(.bytes) | add' | diff top -
    done
}

@test "a trace is seen at its peak, --view says otherwise; frames are chosen" {
    j '(map(select(.depth == 1) | .total_bytes) | add) == 7096' mp-tree t.mp
    j '(map(select(.depth == 1) | .total_bytes) | add) == 2500' mp-tree --view live t.mp
    mk mixed.mp <<'TSV'
##mp=profile 1
#bytes	stack
10	run (app.py:1) [py:1];alloc_it (x.c:2) [/lib/x.so+0x10]
5	start (x.c:1) [/lib/x.so+0x20]
TSV
    same "$(mp-tree -t mixed.mp | cut -f 4 | tail -n +2 | tr '\n' ' ')" 'run (app.py:1) start (x.c:1) '
    same "$(mp-tree -t --frames all mixed.mp | cut -f 4 | tail -n +2 | tr '\n' ' ')" \
        'run (app.py:1) alloc_it (x.c:2) start (x.c:1) '
    mp-tree -t --frames python mixed.mp | grep -q '\[no Python frame\]'
}

@test "-k and views with negative values: by magnitude" {
    mp-diff "$data/old.tsv" "$data/new.tsv" >d.mp
    adds_up mp-tree d.mp || jq -s . rows.json
    mp-tree -k count p.mp | sed -n 3p | grep -q 'main'
    run -2 --separate-stderr mp-tree -k nothing p.mp
    [[ $stderr == "mp-tree: no column 'nothing' in this profile"* ]]
}

@test "a very deep stack is one chain" {
    {
        printf '##mp=profile 1\n#bytes\tstack\n7\t'
        seq -s ';' 1 15000
    } | mk deep.mp
    mp-tree deep.mp >got
    same "$(wc -l <got)" 15002
    same "$(tail -n 1 got)" '        7 B  100.0%          7 B  15000'
    mp-tree --inverted -t deep.mp | tail -n 1 | grep -qx $'15000\t7\t7\t1'
}

@test "on a terminal: calls below 1% are left out, which is said; no line is wider" {
    cols=80 tty 'mp-tree p.mp' | sed 's/\x1b\[[0-9;]*m//g' >got
    ! grep -q 'init' got || false
    grep -q '\[2 more\]' got
    same "$(tail -n 1 got)" '[N more]: calls below 1%; -m 0 for all'
    cols=80 tty 'mp-tree -m 0 p.mp' | grep -q init
    ! cols=80 tty 'mp-tree -m 0 p.mp' | grep -q 'N more' || false
    {
        printf '##mp=profile 1\n#bytes\tstack\n'
        stack=
        for i in {1..30}; do
            stack+="${stack:+;}a_function_with_a_long_name_$i (file.c:$i)"
            printf '10\t%s\n10\t%s;x%d\n' "$stack" "$stack" "$i"
        done
    } | mk wide.mp
    cols=80 tty 'mp-tree wide.mp' | sed 's/\x1b\[[0-9;]*m//g' >got
    [ "$(awk '{ print length }' got | sort -n | tail -n 1)" -le 80 ]
    grep -q '\.\.\.|' got
}

@test "no rows: a title and a header" {
    printf '##mp=profile 1\n#bytes\tstack\n' | mk none.mp
    run -0 mp-tree none.mp
    [ "${#lines[@]}" = 2 ]
}

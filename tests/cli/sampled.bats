#!/usr/bin/env bats
# A sample's figures are scaled, and every program says that they are estimates: in
# sampled.mp two Python blocks stand for 5243 and 5244, a malloc for 524288.
load ../helper

sample=$here/formats/samples/good/sampled.mp
says='sampled, one allocation in about 512.0 KiB recorded'

@test "views count by weight, for every column" {
    same "$(mp-top -q -t --by kind --view total "$sample" | cut -f 1,3,5)" '#bytes	count	name
4194304	1	mmap
3524288	524291	malloc
1048700	10487	PyObject_Malloc'
    same "$(mp-top -q -t --by kind --view live "$sample" | cut -f 1,3,5)" '#bytes	count	name
4194304	1	mmap
524400	5244	PyObject_Malloc
524288	524288	malloc'
    # 5243 + 5244 objects, the mapping, and two blocks of a million bytes
    same "$(mp-top -q -t --by kind "$sample" | cut -f 1,3,5)" '#bytes	count	name
4194304	1	mmap
2000000	2	malloc
1048700	10487	PyObject_Malloc'
    j '.[0] | [.allocated.count, .peak.bytes, .live.count, .temporary.count, .events] ==
        [534779, 7243004, 529533, null, 11]' mp-stat "$sample"
    j 'map(.allocs) | add == 534779' mp-time "$sample"
    j 'map(.blocks) | max == 529535' mp-time "$sample"
}

@test "tables say it in their head, once" {
    for p in 'mp-top' 'mp-tree' 'mp-stat'; do
        run --separate-stderr $p "$sample"
        [ "$(grep -cxF "estimates: $says" <<<"$output")" = 1 ] || { echo "$p"; return 1; }
        [ -z "$stderr" ]
    done
    for p in mp-leaks mp-peak 'mp-diff -q'; do
        [ "$p" = 'mp-diff -q' ] && set -- "$sample" "$sample" || set -- "$sample"
        [[ $(tty "$p $*") == *"estimates: $says"* ]] || { echo "$p"; return 1; }
    done
    run mp-check "$sample"
    [[ $output == *": clean, "*", $says" ]]
}

@test "where rows have no place for it, stderr says it, once; -q silences it" {
    for p in 'mp-top -t' 'mp-tree -t' 'mp-time -t' mp-fold; do
        run --separate-stderr $p "$sample"
        same "$stderr" "${p%% *}: estimates: $says"
        run --separate-stderr $p -q "$sample"
        [ -z "$stderr" ] && [ -n "$output" ]
    done
}

@test "JSON has estimate and sample_interval in every object, or in its last one" {
    for p in mp-top mp-tree mp-time; do
        j 'length > 0 and all(.estimate == true and .sample_interval == 524288)' $p -q "$sample"
    done
    for p in mp-leaks mp-peak 'mp-temp --within-time 1s' 'mp-filter' 'mp-cat'; do
        j '.[-1] | .estimate == true and .sample_interval == 524288' $p "$sample"
    done
    j '.[0] | .op == "head" and .estimate' mp-cat "$sample"
    j '.[0].loss | .estimate and .sample_interval == 524288' mp-stat "$sample"
    j 'map(select(.op == "alloc") | .weight // 1) | add == 534779' mp-cat "$sample"
    same "$(mp-cat -t "$sample" | awk -F'\t' '$1 == "alloc" { s += $5 * ($9 ? $9 : 1) } END { print s }')" 8767292
}

@test "pictures and other programs' files say it" {
    for p in mp-svg 'mp-time --svg' mp-speedscope; do
        [ "$($p "$sample" | grep -oF "estimates: $says" | wc -l)" = 1 ] || { echo "$p"; return 1; }
    done
    mp-html -o t.html "$sample"
    mp-pprof -o t.pb "$sample"
    mp-cat -t t.pb >t.tsv
    grep -qxF "##estimates=$says" t.tsv
    grep -qx '##loss=sample_interval 524288' t.tsv
    # once, however often it is written and read
    mp-pprof -o u.pb t.pb
    same "$(mp-cat -t u.pb | grep -c estimates)" 1
}

@test "the mark travels through filters, down to the last program" {
    mp-leaks "$sample" | mp-filter --kind malloc | mp-cat | mp-sym | mp-top >got
    grep -qxF "estimates: $says" got
    grep -q 524288 got
    # of two, one a sample
    mk all.mp <<'TSV'
##mp=trace 1
P	1	42
T	1	1	42
alloc	1	1	1	4194304	mmap	<module> (app.py:20) [py:1]
end
TSV
    mp-diff all.mp "$sample" | mp-cat -t | grep -qx '##loss=sample_interval 524288'
    cat all.mp "$sample" | mp-top --view live | grep -qxF "estimates: $says"
    ! mp-top all.mp | grep -q estimates || false
    ! mp-stat --json all.mp | grep -q estimate || false
}

@test "mp-filter keeps weights; --size is the size of a block, not what it stands for" {
    mp-filter --size 100 "$sample" >t.mp
    mp-check -q t.mp
    j '.[0] | [.allocated.bytes, .allocated.count, .events] == [1048700, 10487, 4]' mp-stat t.mp
    mp-filter --between 3us,8us "$sample" | mp-check
    same "$(mp-filter --between 3us,100ms "$sample" | mp-cat -t | awk -F'\t' '$1 == "base" { print $4, $9 }')" '1 5243
2 5244'
    j '.[0].peak.bytes == 7243004' mp-stat <(mp-filter --between 3us,100ms "$sample")
}

@test "what was freed at once is not told by counting; by time it is" {
    run -2 mp-temp "$sample"
    [[ $output == "mp-temp: $sample: a sample does not tell "* ]]
    run -2 mp-top --view temporary "$sample"
    mp-stat "$sample" | grep -qx 'temporary   not told by a sample'
    j 'map(.count // 0) | add == 5243 + 5244 + 2 + 1' mp-temp --within-time 100ms "$sample"
}

@test "a text twin without its interval, or with another weight, is refused" {
    mp-cat -t "$sample" >t.tsv
    run -2 mp-top <(grep -v '^##loss' t.tsv)
    [[ $output == *"weight without a ##loss line"* ]]
    run -2 mp-top <(sed 's/^\(alloc.*\)5243$/\15245/' t.tsv)
    [[ $output == *"are not those of the site"* ]]
}

@test "what is called a sample only at its end has no weights, and stays so" {
    mp-cat -t "${sample%/*}/tiny.mp" | sed 's/^end/##loss=sample_interval 512\n&/' >t.tsv
    mp-cat -o t.mp t.tsv
    mp-cat -t t.mp | cmp - t.tsv
    run -2 mp-cat -o t.mp <(sed '$d' t.tsv; printf 'alloc\t9000\t1\t3\t100\tmalloc\tf (a.py:1)\t\t2\nend\n')
    [[ $output == *"weight without a ##loss line"* ]]
}

#!/usr/bin/env bats
load ../helper

@test "root to leaf, equal stacks in one line, largest first" {
    mk p.mp <<'TSV'
##mp=profile 1
#bytes	thread	stack
6	a	main (a.c:1);g (b.c:7)
5	b	main (a.c:1);g (b.c:7)
20	b	main (a.c:1)
0	b	zero (a.c:1)
TSV
    same "$(mp-fold p.mp)" 'main (a.c:1) 20
main (a.c:1);g (b.c:7) 11'
    same "$(mp-fold --by function p.mp)" 'main 20
main;g 11'
}

@test "every line is stack, space, number, whatever the names are" {
    printf '##mp=profile 1\n#bytes\tstack\n1\ta\\;b\\nc;\\xff 12\n2\toperator new 3\n3\t\n4\t x (my dir/f 1.c:9)\n' | mk p.mp
    mp-fold p.mp >got
    same "$(wc -l <got)" 4
    ! grep -vE '^[^;]+(;[^;]+)* [0-9]+$' got || false
    # flamegraph.pl takes a number before the last as a second value
    ! grep -E ' [0-9.]+ [0-9]+$' got || false
    same "$(grep -c 'a:b' got)" 1
}

@test "-k: another column, or two" {
    mk p.mp <<'TSV'
##mp=profile 1
#bytes	count	stack
6	2	main (a.c:1)
TSV
    same "$(mp-fold -k count p.mp)" 'main (a.c:1) 2'
    same "$(mp-fold -k count,bytes p.mp)" 'main (a.c:1) 2 6'
    run -2 --separate-stderr mp-fold -k a,b,c p.mp
    run -2 --separate-stderr mp-fold -k nothing p.mp
    [[ $stderr == "mp-fold: no column 'nothing'"* ]]
}

@test "negative values are refused, naming -k old,new" {
    run -2 --separate-stderr bash -c "mp-diff '$data/old.tsv' '$data/new.tsv' | mp-fold"
    [[ $stderr == *"-k old,new"* ]] && [ -z "$output" ]
    same "$(mp-diff "$data/old.tsv" "$data/new.tsv" | mp-fold --by function -k old,new)" 'main;load 1000 1800
main;gone 500 0
main;fresh 0 50'
}

@test "a trace is folded at its peak; --view live at its end" {
    same "$(mp-fold "$data/small.tsv" | awk '{ n += $NF } END { print n }')" 7096
    same "$(mp-fold --view live "$data/small.tsv" | awk '{ n += $NF } END { print n }')" 2500
    same "$(mp-leaks "$data/small.tsv" | mp-fold | awk '{ n += $NF } END { print n }')" 2500
}

@test "folded lines in are folded lines out" {
    printf 'main;f 3\nmain;g (x.c:7) 2\n' >in.folded
    same "$(mp-fold in.folded)" "$(cat in.folded)"
    same "$(printf 'a;b 1 4\n' | mp-fold -k old,new)" 'a;b 1 4'
}

@test "-m keeps the sum" {
    same "$(mp-fold -m 3K "$data/small.tsv" | awk '{ n += $NF } END { print n }')" 7096
    mp-fold -m 3K "$data/small.tsv" | grep -q '^\[rest\] 3000$'
}

@test "flamegraph.pl takes every line" {
    command -v flamegraph.pl || skip "flamegraph.pl is not on the PATH"
    mp-fold "$data/small.tsv" | flamegraph.pl >f.svg 2>err
    [ ! -s err ] && grep -q '</svg>' f.svg
}

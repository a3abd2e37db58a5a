#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    mk "$BATS_FILE_TMPDIR/t.mp" <"$data/small.tsv"
    # two processes whose peaks are at different times
    mk "$BATS_FILE_TMPDIR/two.mp" <<'TSV'
##mp=trace 1
P	1	100	0	0	one
P	2	200	1	0	two
T	1	1	100	0	main
T	2	2	200	0	main
alloc	10	1	1	1000	malloc	a (a.c:1)
alloc	20	2	2	300	malloc	b (b.c:1)
free	30	1	1
alloc	40	2	3	400	malloc	b (b.c:2)
alloc	50	1	4	500	malloc	a (a.c:2)
free	60	1	4
end
TSV
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.mp .
}

@test "what was live at the highest moment, by stack, largest first" {
    mp-peak -t t.mp | grep -v '^##' >got
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
        '#bytes' count process thread kind type stack \
        4096 1 python3 worker mmap '' 'main (a.c:11);pool (b.c:5)' \
        2000 1 python3 MainThread malloc '' 'main (a.c:10);load (a.c:21)' \
        1000 1 python3 MainThread malloc '' 'main (a.c:10);load (a.c:20)' >want
    diff want got
}

@test "the view is peak; its moment and who made it stand in the metadata" {
    mp-peak -t t.mp >got
    grep -Fx $'##column=bytes\tB\tpeak\tsum' got
    grep -Fx '##peak_time=30' got
    grep -Fx '##program=mp-peak' got
}

@test "it is what mp-top shows of a trace" {
    for t in t.mp two.mp; do
        mp-peak "$t" | mp-top --json >got
        mp-top --json "$t" | cmp - got
        mp-peak --each process "$t" | mp-top --json >got
        mp-top --each process --json "$t" | cmp - got
    done
}

@test "the first of equal peaks wins" {
    mk equal.mp <<'TSV'
##mp=trace 1
T	1	0	1	0	main
alloc	10	1	1	1000	malloc	a (a.c:1)
free	20	1	1
alloc	30	1	2	1000	malloc	b (b.c:1)
end
TSV
    same "$(mp-peak -t equal.mp | grep peak_time)" '##peak_time=10'
    j 'length == 1 and .[0].stack[0].func == "a"' mp-peak equal.mp
}

@test "--each process: the peaks of both, added" {
    j '(map(.bytes) | add) == 1300' mp-peak two.mp
    j '(map(.bytes) | add) == 1700' mp-peak --each process two.mp
    mp-peak -t --each process two.mp | grep -Fx '##peaks_added=2'
}

@test "--between: the highest moment of a window, what came before it counted" {
    j '(map(.bytes) | add) == 1200' mp-peak --between 35ns, two.mp
    j '(map(.bytes) | add) == 1000' mp-peak --between ,15ns two.mp
}

@test "several traces: the peaks are added, as files and as one stream" {
    mp-peak -t t.mp two.mp | grep -v '^#' | sort >files
    cat t.mp two.mp | mp-peak -t | grep -v '^#' | sort | diff files -
    j '(map(.bytes) | add) == 7096 + 1300' mp-peak t.mp two.mp
    mp-peak t.mp two.mp | mp-top | head -n 1 | grep -q 'sum of 2 peaks'
}

@test "a profile as input is an error that names who made it" {
    mp-peak t.mp >p.mp
    run --separate-stderr -2 mp-peak p.mp
    same "$stderr" 'mp-peak: p.mp: needs a trace, this is a profile (made by mp-peak)'
    [ -z "$output" ]
}

@test "the end does not matter: no --at-exit, no --view" {
    run -2 --separate-stderr mp-peak --at-exit t.mp
    run -2 --separate-stderr mp-peak --view live t.mp
}

@test "-m folds, --keep keeps, a terminal gets a table" {
    j 'length == 2 and (map(.bytes) | add) == 7096' mp-peak -m 3K t.mp
    j 'all(.pid == 100)' mp-peak --keep pid t.mp
    tty 'mp-peak t.mp' | grep -q 'peak: 6.9 KiB in 3 blocks'
}

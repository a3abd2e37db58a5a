#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    # a thread's own allocations between: a 0, b 1, c 2; d is freed by another thread
    mk "$BATS_FILE_TMPDIR/t.mp" <<'TSV'
##mp=trace 1
P	1	100	0	0	app
T	1	1	100	0	main
T	2	1	101	0	pool
alloc	10	1	1	1	malloc	a (a.c:1)
free	20	1	1
alloc	30	1	2	10	malloc	b (a.c:2)
alloc	40	1	3	100	malloc	c (a.c:3)
free	50	1	2
alloc	50	2	4	1000	malloc	d (a.c:4)
alloc	60	1	5	10000	malloc	e (a.c:5)
alloc	70	1	6	10000	malloc	e (a.c:5)
free	80	1	3
free	90	1	4
alloc	100	2	7	100000	malloc	f (a.c:6)
free	1000000000	2	7
alloc	1000000000	1	8	5	realloc	g (a.c:7)
free	1000000000	1	8	5	realloc	@7	realloc
alloc	1000000000	1	9	6	realloc	g (a.c:7)	realloc
end
TSV
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.mp .
}

# sum OPTION...: bytes of mp-temp
sum() {
    mp-temp --json "$@" t.mp | jq -s 'map(.bytes) | add'
}

@test "freed with at most one other allocation of its own thread between" {
    mp-temp -t --keep none t.mp | grep -v '^##' >got
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
        '#bytes' count process thread kind type stack \
        100000 1 '' '' '' '' 'f (a.c:6)' \
        10 1 '' '' '' '' 'b (a.c:2)' \
        5 1 '' '' '' '' 'g (a.c:7)' \
        1 1 '' '' '' '' 'a (a.c:1)' >want
    diff want got
}

@test "-N: as many others as asked for, 0 for none" {
    same "$(sum -N 0)" 100006
    same "$(sum -N 1)" 100016
    same "$(sum)" 100016
    same "$(sum -N 2)" 100116
    same "$(sum --within=1000000)" 100116
    run -2 --separate-stderr mp-temp -N x t.mp
    run -2 --separate-stderr mp-temp -N 4294967295 t.mp
    same "${stderr_lines[0]}" "mp-temp: -N: too large: '4294967295'"
}

@test "--within-time: by age, whatever was between and whoever freed it" {
    same "$(sum --within-time 10ns)" 6
    same "$(sum --within-time 20ns)" 16
    same "$(sum --within-time 39ns)" 16
    same "$(sum --within-time 40ns)" 1116
    same "$(sum --within-time 1s)" 101116
    for t in 0 0ms x 5y ''; do
        run -2 --separate-stderr mp-temp --within-time "$t" t.mp
        [[ $stderr == "mp-temp: --within-time: "* ]]
    done
    run -2 --separate-stderr mp-temp -N 1 --within-time 1s t.mp
    same "${stderr_lines[0]}" 'mp-temp: -N and --within-time exclude each other'
}

@test "--between: allocated and freed inside" {
    same "$(sum --between ,35ns)" 1
    same "$(sum --between 25ns,1s)" 10
}

@test "it is what mp-top --view temporary shows of a trace" {
    mp-temp t.mp | mp-top --json >got
    mp-top --view temporary --json t.mp | cmp - got
    mp-temp -t t.mp | grep -Fx $'##column=bytes\tB\ttemporary\tsum'
}

@test "several traces are added, as files and as one stream" {
    mp-temp -t t.mp t.mp | grep -v '^#' >files
    cat t.mp t.mp | mp-temp -t | grep -v '^#' | diff files -
    j '(map(.bytes) | add) == 200032' mp-temp t.mp t.mp
}

@test "a profile as input is an error that names who made it" {
    mp-temp t.mp >p.mp
    run --separate-stderr -2 mp-temp p.mp
    same "$stderr" 'mp-temp: p.mp: needs a trace, this is a profile (made by mp-temp)'
    [ -z "$output" ]
}

@test "nothing temporary: an empty profile" {
    mp-cat -t t.mp | sed '/^free/d; /^alloc\t1000000000/d' | mk none.mp
    j 'length == 0' mp-temp none.mp
    mp-temp none.mp | mp-top >/dev/null
}

#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    cd "$BATS_FILE_TMPDIR" || return
    mk t.mp <"$data/small.tsv"
    mk full.mp <"$data/trace.tsv"
    mp-capture -q -o forks.mp -- python3 "$here/tests/targets/forks.py" >/dev/null
    mp-capture -q -o churn.mp -- python3 "$here/tests/targets/churn.py" >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    ln -s "$BATS_FILE_TMPDIR"/*.mp .
}

# blocks OPTION...: the sizes of the allocations kept, in order
blocks() {
    mp-filter -t "$@" | awk -F'\t' '$1 == "alloc" || $1 == "base" { printf "%s%s", sep, $5; sep = " " }'
}

# rows FILE PROGRAM...: its rows into FILE, sorted, of each stack its site
rows() {
    local to=$1
    shift
    "$@" | mp-cat --json --no-stacks | grep -v '^{"op"' | LC_ALL=C sort >"$to"
}

# alike PROGRAM... -- FILE OPTION...: PROGRAM FILE and PROGRAM OPTION... have the same rows
alike() {
    local -a program=()
    while [ "$1" != -- ]; do
        program+=("$1")
        shift
    done
    rows got "${program[@]}" --keep pid,tid "$2"
    rows want "${program[@]}" --keep pid,tid "${@:3}"
    cmp got want || { echo "$*"; return 1; }
}

# last FILE: the time of its last allocation or free
last() {
    mp-cat -t "$1" | awk -F'\t' '$1 == "alloc" || $1 == "free" { t = $2 } END { printf "%.0f", t }'
}

@test "no condition: everything, clean" {
    for f in t.mp churn.mp forks.mp; do
        mp-filter -o one.mp "$f"
        mp-check one.mp
        alike mp-leaks -- one.mp "$f"
        alike mp-peak -- one.mp "$f"
        alike mp-temp -- one.mp "$f"
    done
    same "$(mp-filter -t t.mp | grep -E '^(alloc|free|##comm)')" "$(mp-cat -t t.mp | grep -E '^(alloc|free|##comm)')"
}

@test "each condition, its alternatives, and all of them together" {
    same "$(blocks t.mp)" '1000 2000 4096 500'
    same "$(blocks --thread worker t.mp)" 4096
    same "$(blocks --thread 100 t.mp)" '1000 2000 500'
    same "$(blocks --thread worker --thread MainThread t.mp)" '1000 2000 4096 500'
    same "$(blocks --process python3 t.mp)" '1000 2000 4096 500'
    same "$(blocks --process python t.mp)" ''
    same "$(blocks --pid 100 t.mp)" '1000 2000 4096 500'
    same "$(blocks --pid 101 t.mp)" ''
    same "$(blocks --function '^l' t.mp)" '1000 2000'
    same "$(blocks --function 'main|fill' t.mp)" '1000 2000 4096 500'
    same "$(blocks --file '\.py$' t.mp)" 500
    same "$(blocks --file b.c --file py t.mp)" '4096 500'
    same "$(blocks --size 1000..2000 t.mp)" '1000 2000'
    same "$(blocks --size ..1K t.mp)" '1000 500'
    same "$(blocks --size 4K t.mp)" 4096
    same "$(blocks --size 2K.. --size 500 t.mp)" '4096 500'
    same "$(blocks --kind malloc,map t.mp)" '1000 2000 4096'
    same "$(blocks --kind object --kind mmap t.mp)" '4096 500'
    same "$(blocks --lifetime 30ns t.mp)" '1000 4096'
    same "$(blocks --lifetime 31ns.. t.mp)" '2000 500'
    same "$(blocks --lifetime ..1h t.mp)" '1000 4096'
    same "$(blocks --kind malloc --lifetime 1h.. --thread MainThread t.mp)" 2000
}

@test "--drop turns the selection round" {
    same "$(blocks --drop --thread worker t.mp)" '1000 2000 500'
    same "$(blocks --drop --kind malloc --lifetime 1h.. t.mp)" '1000 4096 500'
    same "$(blocks --drop --function load --between 20ns, t.mp)" '4096 500'
    same "$(blocks --drop --process python3 t.mp)" ''
    run --separate-stderr -2 mp-filter --drop t.mp
    [[ ${stderr_lines[0]} == 'mp-filter: --drop: no condition says what' ]]
}

@test "--self looks at the innermost frame shown" {
    same "$(blocks --function main t.mp)" '1000 2000 4096'
    same "$(blocks --self --function main t.mp)" ''
    same "$(blocks --self --function pool --function fill t.mp)" '4096 500'
    same "$(mp-filter -t --function push_back full.mp | grep -c '^alloc')" 6
    # where there are Python frames the native ones are not shown
    same "$(mp-filter -t --self --function push_back full.mp | grep -c '^alloc')" 2
    same "$(mp-filter -t --self --function load full.mp | grep -c '^alloc')" 3
}

@test "modules, and names that come late" {
    [ "$(mp-filter -t --module libcore full.mp | grep -c '^alloc')" = 6 ]
    [ "$(mp-filter -t --thread child full.mp | grep -c '^alloc')" = 3 ]
    [ "$(mp-filter -t --function '^operator' full.mp | grep -c '^alloc')" = 6 ]
    same "$(mp-cat full.mp | mp-filter -t --thread child)" "$(mp-filter -t --thread child full.mp)"
}

@test "a free is kept iff its allocation is" {
    mp-filter -t --kind malloc t.mp >got
    same "$(grep -c '^free' got)" 1
    mp-filter -t full.mp >got
    ! grep -qP '^free\t\d+\t\d+\t0' got || false
    # every free names a block that was allocated
    awk -F'\t' '$1 == "alloc" { a[$4] = 1 } $1 == "free" && !a[$4] { bad = 1 } END { exit bad }' got
}

@test "half of a replacement is a plain event; what a partial unmap leaves is no allocation" {
    same "$(mp-filter -t full.mp | grep -cP '^(alloc|free)\t.*\t(realloc|partial)$')" 4
    same "$(mp-filter -t full.mp | grep -cP '\tmremap:1$')" 2
    same "$(mp-filter -t --size 128 full.mp | grep -cP '^(alloc|free)\t.*\trealloc$')" 0
    same "$(mp-filter -t --size 64 full.mp | grep -cP '^(alloc|free)\t.*\trealloc$')" 0
    mp-filter --size 65536 full.mp >free.mp
    mp-cat -t free.mp | grep -P '^free\t' | grep -qv partial
    mp-filter --size 49152 full.mp >rest.mp
    mp-cat -t rest.mp | grep -qP '^alloc\t460\t.*\tpartial:\d+$'
    # it is live, but not in the total
    same "$(mp-leaks -t --at-exit rest.mp | grep -v '^#' | cut -f1)" 49152
    same "$(mp-top -t --view total rest.mp | grep -v '^#')" ''
}

@test "--between: what was live before is a base: in the peak, not in leaks or total" {
    same "$(mp-filter -t --between 35ns,55ns t.mp | grep -P '^(base|alloc|free)' | cut -f1,2,5)" \
        $'base\t35\t1000\nbase\t35\t2000\nbase\t35\t4096\nfree\t40\t1000\nalloc\t50\t500'
    mp-filter --between 35ns,55ns t.mp >w.mp
    mp-check w.mp
    j 'map(.bytes) == [500]' mp-leaks w.mp
    j '(map(.bytes) | add) == 500' mp-top --view total w.mp
    j '(map(.bytes) | add) == 7096' mp-peak w.mp
    same "$(mp-top w.mp | head -n 1)" 'peak: 6.9 KiB in 3 blocks, 35 ns after the start'
    # as text, and filtered once more
    mp-cat -t w.mp | mp-filter | mp-cat -t | grep -P '^(base|alloc|free)' >again
    mp-cat -t w.mp | grep -P '^(base|alloc|free)' | diff - again
    same "$(blocks --since 35ns t.mp)" "$(blocks --between 35ns, t.mp)"
    same "$(blocks --between 1h, t.mp)" '2000 500'
}

@test "mp-filter --between | PROGRAM is PROGRAM --between, on real traces" {
    for f in churn.mp forks.mp; do
        end=$(last "$f")
        for part in 0,10 10,35 33,34 50,100 97,200 0,100; do
            w=$((end / 100 * ${part%,*}))ns,$((end / 100 * ${part#*,}))ns
            mp-filter --between $w "$f" >w.mp
            mp-check w.mp
            alike mp-leaks -- w.mp --between $w "$f"
            alike mp-leaks --at-exit -- w.mp --between $w "$f"
            alike mp-peak -- w.mp --between $w "$f"
            mp-top -n 99999 --view total w.mp >got
            mp-top -n 99999 --view total --between $w "$f" | cmp - got
        done
    done
}

@test "a window from mark to mark: its own marks stay in it" {
    mk m.mp <"$data/marks.tsv"
    for w in start,stop start, ,stop step#2,stop 'step,step' 1us,stop; do
        mp-filter --between "$w" m.mp >w.mp
        mp-check w.mp
        for p in mp-leaks mp-peak mp-temp; do
            alike $p -- w.mp --between "$w" m.mp
        done
    done
    same "$(mp-filter -t --between start,stop m.mp | grep '^mark' | cut -f5 | sed -n '1p;$p')" $'start\nstop'
    mp-filter -t --since start m.mp | cmp - <(mp-filter -t --between start, m.mp)
    run --separate-stderr -2 mp-filter --between start,nowhere -o w.mp m.mp
    same "$stderr" "mp-filter: m.mp: no mark 'nowhere'"
}

@test "a finalize mark before the window is known in it" {
    cat >tail.tsv <<'END'
##mp=trace 1
P	1	100	0	0	python3
T	1	1	100	0	MainThread
alloc	10	1	1	100	malloc	main
mark	20	1	1	finalize	0
alloc	30	1	2	200	malloc	main
free	40	1	2
alloc	50	1	3	300	malloc	teardown
end
END
    for w in 5ns, 25ns, 35ns, 45ns,55ns; do
        mp-filter --between $w tail.tsv >w.mp
        mp-check w.mp
        alike mp-leaks -- w.mp --between $w tail.tsv
        alike mp-leaks --at-exit -- w.mp --between $w tail.tsv
    done
}

@test "by thread, kind and size as jq and awk select, on real traces" {
    for f in churn.mp forks.mp; do
        mp-leaks "$f" >l.mp
        rows all cat l.mp
        for label in thread kind; do
            name=$(jq -r "select(.$label != \"\") | .$label" all | sort | uniq -c | sort -n | awk 'NR == 1 { $1 = ""; print substr($0, 2) }')
            [ -n "$name" ]
            jq -c "select(.$label == \"$name\")" all >want
            mp-filter --$label "$name" "$f" >f.mp
            rows got mp-leaks f.mp
            jq -c . got | cmp - want
            # a profile's rows alike, and the others with --drop
            rows got mp-filter --$label "$name" l.mp
            jq -c . got | cmp - want
            rows rest mp-filter --drop --$label "$name" l.mp
            sort got rest | cmp - all
        done
        mp-cat --json --no-stacks "$f" | jq -r 'select(.op == "alloc") | .size' |
            awk '$1 >= 1000 && $1 <= 5000 { n++; s += $1 } END { print n, s }' >want
        mp-filter --size 1000..5000 "$f" | mp-cat --json --no-stacks | jq -r 'select(.op == "alloc") | .size' |
            awk '{ n++; s += $1 } END { print n, s }' | cmp - want
    done
}

@test "processes: what belongs to others is gone" {
    pid=$(mp-cat -t forks.mp | awk -F'\t' '$1 == "P" && $4 != 0 && !p { p = $3 } END { print p }')
    mp-filter --pid "$pid" forks.mp >one.mp
    same "$(mp-cat --json --no-stacks one.mp | jq -r 'select(.pid) | .pid' | sort -u)" "$pid"
    for f in forks.mp one.mp; do
        mp-cat --json --no-stacks $f | jq -c "select(.op == \"procend\" and .pid == $pid)" >$f.end
    done
    [ -s one.mp.end ] && cmp forks.mp.end one.mp.end
    mp-filter --drop --pid "$pid" forks.mp >rest.mp
    ! mp-cat --json --no-stacks rest.mp | grep -q "\"pid\":$pid," || false
    # nothing is in both, or in neither
    rows got bash -c 'cat <(mp-leaks one.mp) <(mp-leaks rest.mp)'
    rows want mp-leaks forks.mp
    cmp got want
}

@test "samples and series: by stack, thread and time" {
    [ "$(mp-filter -t full.mp | grep -c '^sample')" = 2 ]
    [ "$(mp-filter -t --function push_back full.mp | grep -c '^sample')" = 1 ]
    [ "$(mp-filter -t --thread worker-1 full.mp | grep -c '^sample')" = 1 ]
    [ "$(mp-filter -t --between 8050ns, full.mp | grep -c '^sample')" = 1 ]
    [ "$(mp-filter -t --size 1.. full.mp | grep -c '^sample')" = 0 ]
    [ "$(mp-filter -t --drop --size 1.. full.mp | grep -c '^sample')" = 2 ]
    [ "$(mp-filter -t full.mp | grep -c '^series')" = 3 ]
    [ "$(mp-filter -t --between 400ns,600ns full.mp | grep -c '^series')" = 1 ]
    [ "$(mp-filter -t --pid 4101 full.mp | grep -c '^series')" = 1 ]
    [ "$(mp-filter -t --pid 4101 full.mp | grep -c '^mark')" = 1 ]
}

@test "what describes the trace stays: metadata, objects, clock, mappings, loss" {
    mp-filter -t full.mp >got
    for line in '##host=build;server' '##objects=1' $'K\t1\t1700000000000000000\t81000000000\t90000000000'; do
        grep -Fxq "$line" got
    done
    [ "$(grep -c '^A' got)" = 2 ]
    grep -q $'^lost\t2\t96' got
    same "$(grep '^##loss' got)" '##loss=lost_events 5 sample_interval 512'
}

@test "a profile: rows by label and frame; what it cannot answer is said" {
    mp-leaks t.mp >l.mp
    same "$(mp-filter -t --function load l.mp | grep -v '^#' | cut -f1)" 2000
    same "$(mp-filter -t --drop --kind malloc l.mp | grep -v '^#' | cut -f1)" 500
    same "$(mp-filter -t --process none l.mp | grep -v '^#')" ''
    mp-filter l.mp l.mp | mp-top | grep -q '^live: 4.9 KiB'
    run --separate-stderr -2 mp-filter --size 1.. l.mp
    same "$stderr" 'mp-filter: sizes, lifetimes and times are a trace'"'"'s, this is a profile'
    run --separate-stderr -2 mp-filter --pid 100 l.mp
    same "$stderr" 'mp-filter: no pid in this profile (--keep pid keeps it)'
    mp-leaks --keep none t.mp >n.mp
    for c in 'process x' 'thread x' 'kind malloc'; do
        run --separate-stderr -2 mp-filter --${c% *} ${c#* } n.mp
        [[ $stderr == "mp-filter: no ${c% *} in this profile"* ]]
    done
    run --separate-stderr -2 bash -c 'cat t.mp l.mp | mp-filter'
    same "$stderr" 'mp-filter: stdin: a profile cannot follow a trace'
}

@test "text and JSON are those of the binary" {
    mkdir spool
    export TMPDIR=$PWD/spool
    mp-filter --size 2000..3000 churn.mp >f.mp
    mp-filter --size 2000..3000 -t churn.mp | cmp - <(mp-cat -t f.mp)
    mp-filter --size 2000..3000 --json churn.mp | cmp - <(mp-cat --json f.mp)
    same "$(ls -A "$TMPDIR")" ''
}

@test "several parts are filtered one by one" {
    cat t.mp t.mp | mp-filter --thread worker >two.mp
    same "$(mp-check two.mp)" 'two.mp: clean, 2 traces, 4 events'
    mp-filter --thread worker -o files.mp t.mp t.mp
    cmp files.mp two.mp
}

@test "damage: the rest is kept, and it stays said" {
    cp -L churn.mp bad.mp
    flip bad.mp 300000
    run --separate-stderr -2 mp-filter -o f.mp bad.mp
    run -4 mp-check f.mp
    [ "$(mp-cat -t f.mp 2>err | grep -c '^alloc')" -gt 1000 ]
    grep -q '1 damaged block' err
}

@test "usage: one line says what is wrong" {
    for o in '--size x' '--size 5..1' '--size ..' '--lifetime 3x..' '--pid -1' '--pid 1..2' '--kind gc' \
        '--function (' '--between 2,1' '--self'; do
        run --separate-stderr -2 mp-filter $o t.mp
        [ "${#stderr_lines[@]}" = 2 ] && [[ ${stderr_lines[0]} == "mp-filter: ${o%% *}"* ]] || { echo "$o: $stderr"; return 1; }
    done
    run --separate-stderr -2 mp-filter --since 1 --between 1,2 t.mp
    [[ $stderr == *'exclude each other'* ]]
}

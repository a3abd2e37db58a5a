#!/usr/bin/env bats
load ../helper

decode() {
    python3 "$here/tests/pprof.py" "$@"
}

# table VIEW COLUMN FILE: self, total and name of every line, as mp-top has them
table() {
    local view=$1 column=$2
    shift 2
    mp-top -q $view --by line -t "$@" | awk -F '\t' -v c="$column" '
        NR == 1 { for (i = 1; i <= NF; i++) { sub(/^#/, "", $i); if ($i == c) at = i }; next }
        $at || $(at + 1) { print $at "\t" $(at + 1) "\t" $NF }' | sort -t $'\t' -k 3
}

# lines FILE TYPE: the same of a pprof file
lines() {
    decode lines "$1" "$2" | sort -t $'\t' -k 3
}

# go's own figures in the same form; line numbers 0 are left out as mp-top does
go_lines() {
    go tool pprof -top -lines -symbolize=none -trim_path=/nowhere -nodefraction=0 -edgefraction=0 \
        -nodecount=1000000 -unit="$3" -sample_index="$2" "$1" 2>go.err |
        sed '1,/flat%/d' | awk '{
            own = $1; all = $4; $1 = $2 = $3 = $4 = $5 = ""; sub(/^ */, "")
            sub(/ \(inline\)$/, ""); sub(/ \(partial-inline\)$/, "")
            print own + 0 "\t" all + 0 "\t" $0 }' | sort -t $'\t' -k 3
}

has_go() {
    PATH=$PATH:/usr/local/go/bin
    command -v go >/dev/null && [ -n "$(go tool -n pprof 2>/dev/null)" ] || skip 'no go tool pprof'
}

@test "a trace: what was allocated and what is live at the end, in one pass" {
    mp-pprof "$data/small.tsv" >p.pb.gz
    decode check p.pb.gz >got
    same "$(cat got)" 'alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes default inuse_space
period space bytes 1
time 0 duration 60
comment command: python3 app.py
function load | load | a.c 0
function main | main | a.c 0
function fill | fill | app.py 8
function <module> |  | app.py 1
function pool | pool | b.c 0
sample 1 2000 1 2000 load (a.c:21);main (a.c:10) kind=malloc process=python3 thread=MainThread
sample 1 500 1 500 fill (app.py:9);<module> (app.py:3) kind=PyObject_Malloc process=python3 thread=MainThread
sample 1 1000 0 0 load (a.c:20);main (a.c:10) kind=malloc process=python3 thread=MainThread
sample 1 4096 0 0 pool (b.c:5);main (a.c:11) kind=mmap process=python3 thread=worker'
    mp-cat "$data/small.tsv" | mp-pprof | cmp - p.pb.gz
    mp-pprof --view live "$data/small.tsv" | cmp - p.pb.gz
}

@test "--view: peak is what is in use, the others stand alone" {
    mp-pprof --view peak "$data/small.tsv" >p.pb.gz
    same "$(lines p.pb.gz inuse_space)" "$(table '--view peak' bytes "$data/small.tsv")"
    same "$(lines p.pb.gz alloc_space)" "$(table '--view total' bytes "$data/small.tsv")"
    mp-pprof --view total "$data/small.tsv" >p.pb.gz
    same "$(decode check p.pb.gz | head -n 1)" 'alloc_objects/count alloc_space/bytes default alloc_space'
    mp-pprof --view temporary "$data/small.tsv" >p.pb.gz
    same "$(decode check p.pb.gz | head -n 1)" \
        'temporary_objects/count temporary_space/bytes default temporary_space'
    same "$(lines p.pb.gz temporary_space)" "$(table '--view temporary' bytes "$data/small.tsv")"
}

@test "modules: build-ids, load addresses, inlined calls, what was found in them" {
    mp-pprof -q --frames all "$data/trace.tsv" >p.pb.gz || [ $? = 2 ]
    decode check p.pb.gz >got
    same "$(grep -v -e ^sample -e ^comment got)" 'alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes samples/count cpu/nanoseconds default inuse_space
period space bytes 512
time 1700000000000000000 duration 9900
mapping 400000-9a0000 /usr/bin/python3.11 5d7f3c9a0b1e has_functions has_filenames has_line_numbers
mapping 7f0000001000-7f0000200000 /usr/lib/libc.so.6 aa00bb11 has_functions
mapping 0-0 /opt/x (copy)/libcore.so c0ffee has_functions has_filenames has_line_numbers has_inline_frames
function load | load | app.py 3
function <module> |  | app.py 1
function main | main | /src/Programs/python.c 0
function __libc_start_main | __libc_start_main |  0
function std::vector<int>::push_back(int const&) |  | /usr/include/c++/12/vector 0
function fast_path | fast_path | /src/core/fast.h 0
function operator()(int) const |  | /src/core/run.cc 0
function <lambda (x)> |  | app.py 20
function [deeper] |  |  0
function [no stack] |  |  0'
    # 0x7ffe00001234 is in no module; 0x1f00 in one whose place is not known
    grep -q '^sample .* load (app.py:4);<module> (app.py:30);main (/src/Programs/python.c:15);__libc_start_main kind' got
}

@test "a trace of samples: samples and CPU time" {
    cat >t.tsv <<'TSV'
##mp=trace 1
##start=2026-11-25T16:33:39Z
P	1	100	0	0	app	app	x86_64	4096	
T	1	1	100	0	main
sample	10	1	3000000	0	1000	main (a.c:1);spin (a.c:9)
sample	20	1	2000000	0	3000	main (a.c:1);spin (a.c:9)
sample	30	1	1000000	0	2000	main (a.c:1)
end
TSV
    mp-pprof t.tsv >p.pb.gz
    same "$(decode check p.pb.gz | grep -v function)" 'samples/count cpu/nanoseconds default cpu
period cpu nanoseconds 2000000
time 1795624419000000000 duration 30
comment start: 2026-11-25T16:33:39Z
sample 2 5000000 spin (a.c:9);main (a.c:1) process=app thread=main
sample 1 1000000 main (a.c:1) process=app thread=main'
    mp-pprof --view samples t.tsv | cmp - p.pb.gz
    mp-pprof --view live t.tsv >p.pb.gz
    same "$(decode check p.pb.gz | head -n 1)" \
        'alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes default inuse_space'
}

@test "a profile: its columns, negative values too; a maximum does not add up" {
    mp-diff "$data/old.tsv" "$data/new.tsv" | mp-pprof >p.pb.gz
    same "$(decode check p.pb.gz | head -n 1)" 'bytes/bytes old/bytes new/bytes default bytes'
    for c in bytes old new; do
        same "$(lines p.pb.gz $c)" "$(mp-diff "$data/old.tsv" "$data/new.tsv" | table '' $c)"
    done
    mp-pprof -k count "$data/profile.tsv" >p.pb.gz
    same "$(decode check p.pb.gz | head -n 1)" 'bytes/bytes count/count default count'
    printf '##mp=profile 1\n##column=rss\tB\tsamples\tmax\n#rss\tstack\n5\tf (a.c:1)\n' >max.tsv
    run -2 --separate-stderr mp-pprof max.tsv
    [ "$stderr" = 'mp-pprof: no column of this profile adds up' ]
    run -2 --separate-stderr mp-pprof "$data/small.tsv" "$data/old.tsv"
    [[ $stderr == *"traces and profiles do not go into one" ]]
}

@test "several traces, and several parts, are added" {
    cat <(mp-cat "$data/small.tsv") <(mp-cat "$data/trace-inline.tsv") >two.mp
    mp-pprof two.mp >a.pb.gz
    mp-pprof "$data/small.tsv" "$data/trace-inline.tsv" >b.pb.gz
    cmp a.pb.gz b.pb.gz
    same "$(lines a.pb.gz alloc_space)" \
        "$(table '--view total' bytes "$data/small.tsv" "$data/trace-inline.tsv")"
}

@test "no stack, hostile names, pids where kept, loss in a comment" {
    printf '##mp=profile 1\n##loss=lost_events 3\n#bytes\tpid\ttid\ttype\tstack\n7\t0\t0\t\t\n5\t77\t78\tint\tev\\x1b[31mil\\x07\\xff\\x85 (x\\x1b.c:1);std::f\\(int) (y.cc:2)\n' >p.tsv
    mp-pprof -q --keep pid,tid p.tsv >p.pb.gz
    same "$(decode check p.pb.gz)" 'bytes/bytes default bytes
period space bytes 1
time 0 duration 0
comment incomplete: 3 lost events
function [no stack] |  |  0
function std::f(int) |  | y.cc 0
function ev\x1b[31mil\x07\xff\x85 |  | x\x1b.c 0
sample 7 [no stack]
sample 5 std::f(int) (y.cc:2);ev\x1b[31mil\x07\xff\x85 (x\x1b.c:1) pid=77 tid=78 type=int'
    mp-pprof -q --frames python p.tsv >p.pb.gz
    same "$(lines p.pb.gz bytes)" "$(table '--frames python' bytes p.tsv)"
}

@test "real captures: every figure is mp-top's, and go's" {
    for f in python native; do
        t=$here/formats/samples/good/$f.mp
        mp-pprof -q "$t" >$f.pb.gz
        decode check $f.pb.gz >/dev/null
        for c in objects:count space:bytes; do
            same "$(lines $f.pb.gz inuse_${c%:*})" "$(table '--view live' ${c#*:} "$t")"
            same "$(lines $f.pb.gz alloc_${c%:*})" "$(table '--view total' ${c#*:} "$t")"
        done
        mp-pprof -q --frames all --view peak "$t" >all.pb.gz
        same "$(lines all.pb.gz inuse_space)" "$(table '--frames all --view peak' bytes "$t")"
    done
}

@test "go tool pprof opens it: -raw, -top, the same figures" {
    has_go
    for f in python native; do
        t=$here/formats/samples/good/$f.mp
        mp-pprof -q "$t" >$f.pb.gz
        go tool pprof -raw -symbolize=none $f.pb.gz >raw
        grep -qx 'PeriodType: space bytes' raw
        grep -q '^alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes\[dflt\]$' raw
        # names as go prints them: no brackets
        for c in inuse_space:bytes:live alloc_space:bytes:total inuse_objects:count:live; do
            IFS=: read -r type column view <<<"$c"
            unit=$column
            [ $column = count ] && unit=
            table "--view $view" "$column" "$t" |
                sed -E 's/ \(([^()]*:[0-9]+)\)$/ \1/; s/ \(([^()]*)\)$/ \1/; s, \./([^/ ]+/\.\./)?, ,' | sort -t $'\t' -k 3 >want
            go_lines $f.pb.gz $type "${unit:-minimum}" >got
            diff want got | head
            cmp want got
        done
    done
}

@test "the same input gives the same bytes; a terminal is refused" {
    mp-pprof "$data/small.tsv" >a
    mp-pprof -o b "$data/small.tsv"
    cmp a b
    run tty "mp-pprof '$data/small.tsv'"
    [[ $output == *"not written to a terminal; -o FILE"* ]]
}

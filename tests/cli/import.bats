#!/usr/bin/env bats
# What other programs write is read by every one of ours, told by its bytes.
load ../helper

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# ---- gzip ---------------------------------------------------------------------

@test "gzip: around any form, from a file or a pipe, several members" {
    mk t.mp <"$data/trace.tsv"
    want=$(mp-top t.mp)
    gzip -k t.mp
    same "$(mp-top t.mp.gz)" "$want"
    same "$(gzip <"$data/trace.tsv" | mp-top)" "$want"
    same "$(gzip <"$data/stacks.folded" | mp-top)" "$(mp-top "$data/stacks.folded")"
    cat t.mp.gz t.mp.gz | mp-cat -t >two
    mp-cat -t t.mp t.mp | cmp - two
    # one layer, no more
    run -2 --separate-stderr mp-top <(gzip <t.mp.gz)
    [[ $stderr == *": not a trace or profile" ]]
}

@test "gzip: cut anywhere, or followed by something else, is told" {
    mk t.mp <"$data/small.tsv"
    gzip t.mp
    size=$(wc -c <t.mp.gz)
    for cut in $(seq 3 11 $((size - 1))); do
        run -2 --separate-stderr mp-top <(head -c $cut t.mp.gz)
        [[ $stderr == *": byte $cut: gzip data are cut off" ]]
    done
    run -2 --separate-stderr mp-top <(cat t.mp.gz; echo xx)
    [[ $stderr == *": byte $size: incorrect header check" ]]
}

# sum COLUMN of the rows of a profile on stdin
total() { mp-cat --json | jq -s "map(.$1) | add"; }
frames='[.[] | .func + " " + (.file // "") + ":" + ((.line // 0) | tostring) + " " + (.lang // "")]'

# ---- memray ---------------------------------------------------------------------

@test "memray's table: values, labels, odd names, the language of frames" {
    mp-cat --json "$data/memray.csv" >rows
    same "$(jq -c '[.bytes, .count, .thread, .kind]' rows)" '[4096,1,"merged thread","mmap"]
[3000,3,"","malloc"]
[100,1,"","calloc"]
[64,2,"wor,ker \"a\"","PyObject_Malloc"]'
    same "$(jq -c ".stack | $frames" rows)" '["g odd\nname.py:4 python","f a;b.py:3 python"]
["<module> /srv/app.py:12 python","main /srv/app.py:9 python","load /srv/app.py:5 python"]
[]
["malloc_it /lib/x.so:0 ","run <frozen runpy>:88 python","operator|(A, B) src/x.cc:7 "]'
    run -2 --separate-stderr mp-top --view live "$data/memray.csv"
    [[ $stderr == *"view live needs a trace, this is a profile of view peak" ]]
    sed 's/$/\r/' "$data/memray.csv" | zstd -q | mp-cat -t >crlf
    mp-cat -t "$data/memray.csv" | sed 's/odd.nname/odd\\r\\nname/' | cmp - crlf
}

@test "memray's table: fields by their names, wrong rows are told" {
    cat >head.csv <<'END'
allocator,num_allocations,size,colour,stack_trace
MALLOC,1,5,red,f;a.py;1
FUTURE,2,6,,f;a.py;1
END
    same "$(mp-top --by kind head.csv | tail -n 2 | awk '{ print $1, $NF }')" $'6 kind]\n5 malloc'
    while IFS='|' read -r row says; do
        { head -n 1 head.csv; printf '%b\n' "$row"; } >bad.csv
        run -2 --separate-stderr mp-top bad.csv
        same "$stderr" "mp-top: bad.csv: byte 50: line 2: $says"
    done <<'END'
MALLOC,1,5,red|a row without the fields of the header
MALLOC,1,5,red,f;a.py;1,6|a row without the fields of the header
MALLOC,1,5,red,"f;a.py;1"x|a row without the fields of the header
MALLOC,1,5,red,"f;a.py;1|a quote is not closed
MALLOC,1,5x,red,f;a.py;1|not a whole number, or too large
MALLOC,1,9223372036854775808,red,f;a.py;1|not a whole number, or too large
MALLOC,1,5,red,f;a.py|a frame is not FUNCTION;FILE;LINE
MALLOC,1,5,red,f;a.py;4294967296|a frame is not FUNCTION;FILE;LINE
END
    { head -n 1 head.csv; printf 'MALLOC,1,9223372036854775807,,f;a.py;1\nMALLOC,1,1,,f;a.py;1\n'; } >bad.csv
    run -2 --separate-stderr mp-top bad.csv
    same "$stderr" "mp-top: bad.csv: byte 89: line 3: the sum of bytes is over 63 bits"
}

@test "a table of memray's beside a trace of ours: the same lines" {
    cat >new.tsv <<'END'
##mp=trace 1
P	1	7	0	0	python3
T	1	1	7	0	main
alloc	1	1	1	4000	malloc	<module> (/srv/app.py:12) [py:1];main (/srv/app.py:9) [py:8];load (/srv/app.py:5) [py:4]
end
END
    mp-diff "$data/memray.csv" new.tsv | mp-top >table
    grep -E '^ *\+1000 B .* \+1000 B .* 2.9 KiB +3.9 KiB  load \(/srv/app.py:5\)$' table || { cat table; false; }
}

@test "memray itself: its sums, plain and native" {
    venv=$MP_BUILD/venv
    "$venv/bin/python3" -c 'import memray' 2>/dev/null || {
        { python3 -m venv "$venv" && "$venv/bin/pip" install -q memray; } >/dev/null 2>&1 || true
        "$venv/bin/python3" -c 'import memray' 2>/dev/null || skip "memray cannot be installed here"
    }
    cp "$BATS_TEST_DIRNAME/../targets/lines.py" .
    for flag in '' --native --trace-python-allocators; do
        "$venv/bin/python3" -m memray run -q -f $flag -o m.bin lines.py >/dev/null
        "$venv/bin/python3" -m memray transform -f -o m.csv csv m.bin >/dev/null
        # the sums that its own module reads from the file
        "$venv/bin/python3" - >want <<'PY'
import memray
rows = list(memray.FileReader("m.bin").get_high_watermark_allocation_records(merge_threads=False))
print(sum(r.size for r in rows), sum(r.n_allocations for r in rows))
PY
        same "$(total bytes <m.csv) $(total count <m.csv)" "$(cat want)"
        # each Python frame there is, is one here
        mp-cat --json m.csv | jq -r '.stack[] | select(.lang == "python") | .file' | sort -u >files
        grep -q 'lines.py$' files
        ! grep -qE '\.(c|h|S)$' files || false
    done
}

# ---- heaptrack ------------------------------------------------------------------

@test "heaptrack's data: events with times, a free ends the latest alike" {
    mp-cat -t "$data/heaptrack.txt" >t.tsv
    same "$(grep -E '^(alloc|free|series)' t.tsv)" "$(printf '%b\n' \
        'alloc\t0\t1\t1\t100\t\t@1' 'alloc\t0\t1\t2\t100\t\t@1' 'alloc\t0\t1\t3\t16\t\t@2' \
        'free\t10000000\t1\t2\t100\t\t@1' 'alloc\t10000000\t1\t4\t16\t\t@2' \
        'free\t10000000\t1\t4\t16\t\t@2' 'alloc\t20000000\t1\t5\t100\t\t@1' \
        'free\t20000000\t1\t5\t100\t\t@1' 'series\t10000000\t1\trss\t20480')"
    same "$(grep -E '^(##c|##tool|P)' t.tsv)" "$(printf '%b\n' '##tool=heaptrack 1.4.0' \
        '##command=/usr/bin/prog --all' 'P\t1\t0\t0\t0\tprog\t/usr/bin/prog --all\t\t4096')"
    for v in live:116 peak:216 total:332 temporary:216; do
        view=${v%:*}
        same "$view $(mp-top --view $view "$data/heaptrack.txt" | sed -n '1s/^[^:]*: \([0-9]*\) B.*/\1/p')" "$view ${v#*:}"
    done
    # a string of several lines, an inlined call, an address with no name
    mp-fold "$data/heaptrack.txt" >folded
    grep -qxF 'main (a.cc:7);main (a.cc:9);in\nto (a.cc:8) 200' folded
    grep -qF ';0x7f0000001234 16' folded
    mp-check "$data/heaptrack.txt"
}

@test "heaptrack's data: cut is truncated, wrong is told with its line" {
    head -n -2 "$data/heaptrack.txt" >cut
    run -8 mp-check cut
    same "$output" 'cut: truncated, 1 trace, 9 events'
    head -n 1 cut >head.txt
    while IFS='|' read -r line says; do
        { cat head.txt; printf '%b\n' "X a\ns 1 f\ni 401000 1\nt 1 0\na 64 1\n$line"; } >bad
        run -2 --separate-stderr mp-top bad
        same "$stderr" "mp-top: bad: byte 44: line 7: $says"
    done <<'END'
+ 1|a number is missing, wrong, or of nothing in the file
- 1|a number is missing, wrong, or of nothing in the file
+ x|a number is missing, wrong, or of nothing in the file
t 2 0|a number is missing, wrong, or of nothing in the file
t 1 2|a number is missing, wrong, or of nothing in the file
a 10000000000000000 1|a number is missing, wrong, or of nothing in the file
i 5 2|no such string
i 5 1 1 1 100000000|a line number over 32 bits
i 5 1 1 x|not a hexadecimal number
s 9 abc|a string is cut off
s 2 abc|a string is longer than it says
X b|a second command
m lib.so 0 1000|raw data of heaptrack; heaptrack --interpret reads them
hello|not a line of heaptrack's
END
    sed '1s/3$/4/' "$data/heaptrack.txt" >new
    run -2 --separate-stderr mp-top new
    [[ $stderr == *"line 1: a version of heaptrack's format that this program does not know" ]]
    # of version 2: a string is the rest of its line; folded lines are folded lines
    printf 'v 10100 2\nX a\ns f g\ni 5 0 1\nt 1 0\na 8 1\n+ 0\n# ips: 1\n' >two
    mp-fold two | grep -qxF 'f g 8'
    same "$(printf 'v 3\n' | mp-fold)" 'v 3'
}

@test "heaptrack itself: calls, peak, leaks, and each stack's" {
    command -v heaptrack >/dev/null && command -v heaptrack_print >/dev/null || skip "no heaptrack here"
    heaptrack -o ht "$MP_BUILD/targets/heap" >/dev/null 2>&1 || true
    [ -e ht.zst ] || [ -e ht.gz ] || skip "heaptrack does not run here"
    mp-check ht.*
    # its folded stacks: exact numbers
    for cost in allocations:total:count leaked:live:bytes peak:peak:bytes; do
        IFS=: read -r cost view column <<<"$cost"
        heaptrack_print --disable-builtin-suppressions --disable-embedded-suppressions \
            --flamegraph-cost-type $cost -F folded ht.* >print.txt
        mp-fold --view $view -k $column ht.* >ours
        same "$cost $(awk '{ sum += $NF } END { print sum }' ours)" \
            "$cost $(awk '{ sum += $NF } END { print sum }' folded)"
    done
    calls=$(sed -n 's/^calls to allocation functions: \([0-9]*\).*/\1/p' print.txt)
    same "$(mp-fold --view total -k count ht.* | awk '{ n += $NF } END { print n }')" "$calls"
    mp-cat --json ht.* | jq -se 'any(.op == "series" and .metric == "rss" and .value > 0)' >/dev/null
}

# ---- pprof -----------------------------------------------------------------------

@test "pprof: columns, stacks, mappings, labels, metadata, in any order of fields" {
    mp-cat -t "$data/heap.pb" >t.tsv
    python3 "$BATS_TEST_DIRNAME/../pprof_write.py" reversed | gzip | mp-cat -t | cmp - t.tsv
    same "$(grep '^##' t.tsv)" "$(printf '%b\n' '##mp=profile 1' '##command=prog --all' \
        '##comment=just so' '##start=2023-11-14T22:13:20Z' '##column=inuse_space\tB\tlive\tsum' \
        '##column=alloc_space\tB\ttotal\tsum' '##column=cpu\tns\tsamples\tsum' '##loss=sample_interval 512')"
    same "$(sed -n '/^#inuse/,$p' t.tsv)" "$(printf '%b\n' \
        '#inuse_space\talloc_space\tcpu\tprocess\tthread\tkind\ttype\tpid\tstack' \
        '50\t100\t7\t\tworker\tmalloc\t\t0\t [/usr/bin/prog+0x401000];main (main.c:9) [/usr/bin/prog {abcd}+0x1234];inner (inner.h:3) [inlined]' \
        '-20\t10\t0\t\t\t\t\t42\t [/usr/bin/prog+0x401000];_ZL1fv (:6);run (app.py:5) [py:4]' \
        '1\t1\t1\t\t\t\t\t0\t')"
    run -0 --separate-stderr mp-top -k alloc_space "$data/heap.pb"
    [[ ${lines[0]} == 'total: 111 B'* && ${lines[1]} == 'estimates: sampled, one allocation in about 512 B recorded' ]]
}

@test "pprof: what does not hold together is told with its place" {
    cat >make.py <<END
import sys
sys.path.insert(0, "$BATS_TEST_DIRNAME/..")
from pprof_write import *
t = msg(1, num(1, 1), num(2, 2))
s = msg(6) + msg(6, "space") + msg(6, "bytes")
bad = {
    "no such string": msg(1, num(1, 9)) + s,
    "the first string is not empty": t + msg(6, "x"),
    "an id twice": t + s + msg(5, num(1, 3)) + msg(5, num(1, 3)),
    "no id": t + s + msg(4, num(3, 5)),
    "no such function": t + s + msg(4, num(1, 1), msg(4, num(1, 5))),
    "no such mapping": t + s + msg(4, num(1, 1), num(2, 5)),
    "no such location": t + s + msg(2, packed(1, 5), packed(2, 1)),
    "a sample without a value of each type": t + s + msg(2, packed(2, 1, 2)),
    "two types of samples with one name": t + t + s,
    "no types of samples": msg(6) + s,
    "not a sample": t + s + msg(2, b"\x0a\x7f"),
    "not numbers": t + s + msg(2, msg(2, b"\xff")),
    "not a message of pprof's": t + s + b"\x12\x7f",
    "too many lines at one location": t + s + msg(4, num(1, 1), *[msg(4, num(2, 1))] * 257),
    "the sum of space is over 63 bits": t + s + msg(2, packed(2, 2**63 - 1)) * 2,
}
for i, (says, data) in enumerate(bad.items()):
    open("bad%d.pb" % i, "wb").write(data)
    print(says)
END
    python3 make.py >says
    bad=0
    while read -r says; do
        run -2 --separate-stderr mp-top bad$bad.pb
        [[ $stderr == "mp-top: bad$bad.pb: byte "*": $says" ]] || { echo "$says: $stderr"; return 1; }
        [ -z "$output" ]
        bad=$((bad + 1))
    done <says
    # cut anywhere: an error, or no pprof at all
    size=$(wc -c <"$data/heap.pb")
    for cut in $(seq 1 7 $((size - 1))); do
        run -2 --separate-stderr mp-top <(head -c "$cut" "$data/heap.pb")
    done
}

@test "go's own profiles: the sums of go tool pprof" {
    go=$(command -v go || echo /usr/local/go/bin/go)
    [ -x "$go" ] || skip "no go here"
    export HOME=$PWD GO111MODULE=off GOCACHE=$MP_BUILD/gocache
    cp "$BATS_TEST_DIRNAME/../targets/profiles.go" .
    "$go" build -o prog profiles.go
    ./prog
    for kind in heap:alloc_space heap:alloc_objects heap:inuse_space heap:inuse_objects cpu:cpu cpu:samples; do
        f=${kind%:*}.pb.gz column=${kind#*:}
        mp-check "$f"
        # a stack and its value in each line
        "$go" tool pprof -sample_index=$column -unit=bytes -raw "$f" 2>/dev/null |
            sed -n '1,/^Samples/d; /^Locations/q; s/^ *\([0-9 ]*\):.*/\1/p' >raw
        n=$("$go" tool pprof -raw "$f" 2>/dev/null | sed -n '/^Samples/{n;p;q}' |
            tr ' ' '\n' | sed 's/\[dflt\]//' | grep -n "^$column/" | cut -d: -f1)
        same "$kind $(mp-cat --json "$f" | jq -s "map(.$column) | add")" \
            "$kind $(awk -v n="$n" '{ sum += $n } END { print sum + 0 }' raw)"
    done
    # inlined calls and build-ids are there
    mp-cat --json heap.pb.gz | jq -se 'any(.stack[-1].func == "main.hold" and .stack[-1].line > 0)' >/dev/null
    mp-cat --json heap.pb.gz | jq -se 'any(.[].stack[]; .inlined and .build_id)' >/dev/null
    mp-top cpu.pb.gz | grep -q 'main.spin'
}

@test "pprof: what mp-pprof writes comes back, stack by stack" {
    good=$BATS_TEST_DIRNAME/../../formats/samples/good
    for f in native python tree; do
        mp-fold -q --frames all --view live "$good/$f.mp" | sort >want
        mp-pprof -q --frames all "$good/$f.mp" >p.pb.gz
        mp-fold -q --frames all p.pb.gz | sort | cmp - want
        same "$(mp-cat -q --json p.pb.gz | jq -r 'select(.op != "loss") | .thread' | sort -u)" \
            "$(mp-leaks -q --json "$good/$f.mp" | jq -r 'select(.op != "loss") | .thread' | sort -u)"
    done
}

# ---- austin ---------------------------------------------------------------------

mojo() { python3 "$here/tests/mojo_write.py" "$@"; }

@test "MOJO: threads, times, states, memory, frames that are none" {
    mp-cat --json "$data/stacks.mojo" >rows
    same "$(jq -c 'select(.op == "sample") | [.time, .pid, .tid, .thread, .weight, .state, .rss]' rows)" \
        '[1500000,42,42,"",1500000,0,4096]
[3000000,42,0,"7f0012345678",1500000,1,4096]
[5000000,42,42,"",2000000,0,3072]
[5010000,43,0,"worker",10000,0,0]'
    same "$(jq -c "select(.op == \"sample\") | .stack | $frames" rows)" \
        '["main app.py:10 python","work app.py:5 python"]
["main app.py:10 python","[torn] :0 note"]
["main app.py:10 python","<unknown> x.so:0 ","do_syscall_64 [kernel]:0 ","[GC] :0 note"]
["<unknown> other.py:3 python"]'
    same "$(mp-cat -t "$data/stacks.mojo" | grep '^##[to][op]')" $'##tool=austin 3.7.0\n##options=interval=100 mode=full'
    same "$(zstd -q <"$data/stacks.mojo" | mp-top --by thread | awk '{ print $1, $NF }' | tail -n 3 | sort)" \
        "$(mp-top --by thread "$data/stacks.mojo" | awk '{ print $1, $NF }' | tail -n 3 | sort)"
}

@test "MOJO: older and newer versions" {
    printf 'stack 1 1\nstring 2 a.py\nstring 3 f\nframe 1 2 3 7\nref 1\ntime 5\n' | mojo 1 | mp-cat -t |
        grep -c '^sample' | grep -qx 1
    # the last stack but for its native end; a task's frames are not the stack's
    printf '%s\n' 'stack 1 0 1' 'string 2 a.py' 'string 3 f' 'string 5 x.so' 'frame 1 2 3 1 0 0 0' \
        'frame 2 2 3 2 0 0 0' 'frame 3 5 3 0 0 0 0' 'ref 1' 'ref 2' 'ref 3' 'time 5' 'stack 1 0 1' 'ref 3' \
        repeat 'task_stack 7 0 2' 'ref 1' 'ref 2' 'task_waiter 7 8' 'task_running 7' 'time 6' | mojo 4 >r.mojo
    same "$(mp-cat --json r.mojo | jq -c "select(.op == \"sample\") | [.weight, (.stack | $frames)]")" \
        '[5000,["f a.py:1 python","f a.py:2 python","f x.so:0 "]]
[6000,["f a.py:1 python","f a.py:2 python","f x.so:0 "]]'
}

@test "MOJO: cut anywhere is truncated, wrong bytes are told" {
    size=$(wc -c <"$data/stacks.mojo")
    mp-cat --json "$data/stacks.mojo" | jq -c 'select(.op == "sample")' >whole
    for ((cut = 5; cut < size; cut += 7)); do
        head -c $cut "$data/stacks.mojo" >cut.mojo
        mp-cat --json cut.mojo 2>err | jq -c 'select(.op == "sample")' >got
        # whole samples, the last maybe without all its messages
        n=$(wc -l <got)
        [ "$n" -lt 2 ] || head -n $((n - 1)) whole | cmp - <(head -n $((n - 1)) got)
    done
    run -0 --separate-stderr mp-cat --json <(head -c $((size - 1)) "$data/stacks.mojo")
    [[ $stderr == *"1 truncated part"* ]]
    while IFS='|' read -r version lines says; do
        printf '%b\n' "$lines" | mojo "$version" >bad.mojo
        run -2 --separate-stderr mp-top bad.mojo
        [[ $stderr == "mp-top: bad.mojo: byte "*": $says" ]] || { echo "$lines: $stderr" >&2; false; }
    done <<'END'
5|stack 1 1|a version of MOJO that this program does not know
3|string 2 a|no stack, or not a message of MOJO
3|stack 1 0 1\nhex:11|not a message of MOJO
3|stack 1 0 1\nref 5|no such frame
3|stack 1 0 1\nframe 1 7 8 1 0 0 0|no such string
3|stack 1 0 1\nframe 1 0 0 -1 0 0 0|a negative number
3|stack 1 0 1\ntime -1|not a time
3|stack 1 0 1\nhex:09ffffffffffffffffffff7f|a number over 64 bits
3|stack 1 0 1\nmemory 9223372036854775807\nmemory 1|a sum of memory over 63 bits
4|stack 1 0 1\nrepeat\nrepeat|a stack repeated twice
END
}

@test "austin itself: its sums" {
    venv=$MP_BUILD/venv-austin
    "$venv/bin/austin" --version >/dev/null 2>&1 || {
        { python3 -m venv "$venv" && "$venv/bin/pip" install -q austin-dist==3.7.0 austin-python; } >/dev/null 2>&1 || true
        "$venv/bin/austin" --version >/dev/null 2>&1 || skip "austin cannot be installed here"
    }
    cat >w.py <<'END'
import threading, time
def work():
    e = time.time() + 0.5
    while time.time() < e:
        sum(i * i for i in range(2000))
threading.Thread(target=time.sleep, args=(0.4,)).start()
work()
END
    for flag in '' -s -f; do
        # on a busy machine it may give up before the interpreter is there
        for _ in 1 2 3 4; do
            "$venv/bin/austin" -b $flag -i 1ms -t 10s -o a.mojo /usr/bin/python3 w.py >/dev/null 2>&1 && break
        done
        "$venv/bin/mojo2austin" a.mojo a.txt
        mp-cat --json a.mojo | jq -s 'map(select(.op == "sample")) |
            [(map(.weight / 1000) | add), length] | @tsv' -r >got
        # with -f a line has the time, whether it was idle, and memory
        awk '/^P/ { split($NF, v, ","); n += v[1]; k++ } END { print n "\t" k }' a.txt | diff - got
        mp-top --by function a.mojo | grep -q work
    done
}

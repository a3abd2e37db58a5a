#!/usr/bin/env bats
load ../helper

# Ten seconds: a block of 1000 bytes a second, kept; each freed 300 ms after the next
# but for every third.  A reading of two processes' resident sets each 2 s.
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cat >t.tsv <<'END'
##mp=trace 1
##tick=1000000
##command=server <&>
P	1	100	0	0	server
P	2	101	1	0	worker
T	1	1	100	0	MainThread
alloc	1000000000	1	1	1000	malloc	main (a.c:1);load (a.c:2)
alloc	2000000000	1	2	2000	PyObject_Malloc	main (a.c:1);<module> (a.py:3) [py:1]
series	2000000000	1	rss	5000
series	2000000000	2	rss	700
free	2300000000	1	1
alloc	4000000000	1	3	4000	mmap	main (a.c:1);pool (a.c:9)
mark	4000000000	1	1	phase	7
alloc	5000000000	1	4	1000	malloc	main (a.c:1);load (a.c:2)
series	6000000000	1	rss	9000
free	7000000000	1	3
alloc	10000000000	1	5	500	malloc	main (a.c:1);load (a.c:2)
end
END
    mk t.mp <t.tsv
}

# rows JQ: over all rows of t.mp
rows() {
    j "$1" mp-time t.mp
}

@test "a row an interval, all of one width, to the end" {
    rows '(map(.time) | unique | length) == length and all(.part == 1) and
        .[0].time == 0 and (map(.until - .time) | unique | length) <= 2 and .[-1].until >= 1e10 and
        ([.[1:], .[:-1]] | transpose | all(.[0].time == .[1].until))'
    # distinct times are multiples of 100 ms
    rows '.[0].until == 1e8 and length == 101'
}

@test "what is live at the maximum, by kind, adds up" {
    rows 'all(.live == .heap + .objects + .maps + .files + .lost)'
    rows '(map(.live) | max) == 7000 and (map(select(.live == 7000)) | .[0].time) == 5e9'
    rows '.[50] | .heap == 1000 and .objects == 2000 and .maps == 4000 and .blocks == 3'
    rows '.[23] | .live == 3000 and .end == 2000 and .frees == 1 and .free_bytes == 1000'
    rows 'map(.allocs) | add == 5 and length == 101'
    rows '(map(.alloc_bytes) | add) == 8500 and (map(.free_bytes) | add) == 5000'
}

@test "series: the sum over processes read at one moment, null in between" {
    rows '.[20].rss == 5700 and .[60].rss == 9000 and ([.[] | select(.rss != null)] | length) == 2'
    mp-time t.mp | awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rss") c = i }
        NR > 1 && $c != "" { print $2, $c }' >got
    printf '2000000000 5700\n6000000000 9000\n' | diff - got
}

@test "text: the fields are named, and are those of JSON" {
    mp-time t.mp >a
    mp-time -t t.mp | cmp - a
    head -n 1 a | tr '\t' '\n' | sed 's/^#//' >names
    mp-time --json t.mp | head -n 1 | jq -r 'keys_unsorted[]' | diff names -
    awk -F'\t' 'NR > 1 && NF != n { exit 1 } { n = NF }' a
    run -0 mp-time --json t.mp
    mp-time --json t.mp | jq -r '[.[] | if . == null then "" else tostring end] | @tsv' | diff <(tail -n +2 a) -
}

@test "figures are those of the views" {
    life=$(mp-top --view total --by stack -t t.mp | awk -F'\t' 'NR > 1 { s += $1 } END { print s }')
    [ "$(mp-time t.mp | awk -F'\t' 'NR > 1 { s += $13 } END { print s }')" = "$life" ]
    peak=$(mp-peak --json t.mp | jq -s 'map(.bytes) | add')
    [ "$(mp-time --json t.mp | jq -s 'map(.live) | max')" = "$peak" ]
    left=$(mp-leaks --json t.mp | jq -s 'map(.bytes) | add')
    [ "$(mp-time --json t.mp | jq -s '.[-1].end')" = "$left" ]
}

@test "a window: intervals of its own, what was live before counts" {
    j '.[0].time == 3e9 and .[0].live == 2000 and .[0].allocs == 0 and .[-1].until <= 6e9 and
        (map(.allocs) | add) == 2' mp-time --between 3,6 t.mp
    j '.[0].time == 4e9 and (map(.allocs) | add) == 2' mp-time --since phase t.mp
    run --separate-stderr -2 mp-time --since nothing t.mp
    same "$stderr" "mp-time: t.mp: no mark 'nothing'"
}

@test "several traces are parts, one after the other" {
    cat t.mp t.mp | mp-time --json | jq -s 'map(.part) | group_by(.) | map(length)' | jq -e '. == [101, 101]'
    mp-time --json t.mp t.mp | jq -se 'map(.part) | unique == [1, 2]'
    run --separate-stderr -2 bash -c 'cat t.mp t.mp | mp-time --svg'
    same "$stderr" 'mp-time: stdin: a second trace: a picture is of one'
}

@test "--at T1,T2: the stacks that hold more at T2; --at T: what is live" {
    j 'length == 2 and (map(select(.stack[-1].func == "pool"))[0] | .bytes == 4000 and .old == 0 and .new == 4000)' \
        mp-time --at 2.5,6 t.mp
    j 'all(.stack[-1].func != "<module>")' mp-time --at 2.5,6 t.mp
    j '(map(.bytes) | add) == 3000 and length == 2' mp-time --at 2.2 t.mp
    j 'length == 0' mp-time --at 7,9 t.mp
    # as mp-diff says of two windows
    mp-leaks --between ,2.5 t.mp >a.mp
    mp-leaks --between ,6 t.mp >b.mp
    mp-diff a.mp b.mp --json | jq -cS 'select(.bytes > 0)' | sort >want
    mp-time --at 2.5,6 t.mp --json | jq -cS . | sort >got
    diff want got
    mp-time --at 2.5,6 t.mp | mp-top --json | jq -se '.[0] | .name == "pool (a.c:9)" and .bytes == 4000'
    mp-time --at 2.5,6 - <t.tsv | mp-fold -k new | grep '^main (a.c:1);pool (a.c:9) 4000$'
    for bad in x 1,2,3 5,4 5,5 0 1, ,1; do
        run -2 mp-time --at "$bad" t.mp
    done
}

# widest N: the longest line on stdin has N characters
widest() {
    python3 -c 'import re, sys
lines = [re.sub("\x1b\\[[0-9;]*[mK]", "", l.rstrip("\n")) for l in open(0, encoding="utf-8")]
sys.exit(max(map(len, lines)) != int(sys.argv[1]))' "$1"
}

@test "on a terminal: a plot, as wide as it" {
    cols=60 tty 'mp-time t.mp' >got
    for panel in 'resident set: 8.8 KiB at 6.0 s' 'live: 6.8 KiB at 5.0 s' 'live objects: 2.0 KiB at 2.0 s' \
        'live heap: 1.5 KiB at 10.0 s' 'allocated: 39.1 KiB/s at 4.0 s'; do
        sed 's/\x1b\[[0-9;]*m//g' got | grep -Fx "$panel"
    done
    # every line of dots: twelve columns of label, then 48 characters
    widest 60 <got
    tail -n 1 got | grep -E '^ +0 ns +10.1 s$'
    mp-time --plot t.mp | widest 80
    mp-time --plot t.mp | grep -q $'\xe2\xa3\xbf'
    rows=10 tty 'mp-time -t t.mp' | grep -q '^#part'
}

@test "a plot's heights: the maximum fills its rows, nothing is blank" {
    mp-time --plot t.mp | sed -n '/^live:/,/^live objects/p' >got
    # 0 to 1 s nothing is live: the foot of the panel begins blank
    grep -P '^ {10}0  {5}' got
    # at 5 to 7 s all is
    sed -n 2p got | grep -q $'\xe2\xa3\xbf'
}

@test "--svg: a whole picture, names escaped, nothing to load" {
    mp-time --svg t.mp >t.svg
    head -c 4 t.svg | grep -q '<svg'
    tail -n 1 t.svg | grep -qx '</svg>'
    python3 - t.svg <<'END'
import sys, xml.etree.ElementTree as E
root = E.parse(sys.argv[1]).getroot()
ns = "{http://www.w3.org/2000/svg}"
text = [t.text for t in root.iter(ns + "text")]
assert text[0] == "server <&>", text[0]
assert any(t.startswith("live: 6.8 KiB at 5.0 s") for t in text), text
titles = [t.text for t in root.iter(ns + "title")]
assert "7 at 4.0 s" in " ".join(titles) and any(t.startswith("phase 7") for t in titles)
assert any(t == "6.8 KiB, 5.0 s to 5.1 s" for t in titles), titles[:5]
assert not any("href" in k or k.startswith("on") for e in root.iter() for k in e.attrib)
assert {e.tag for e in root.iter()} <= {ns + t for t in ("svg", "style", "text", "path", "rect", "title")}
END
    mp-time --svg --width 600 t.mp | head -n 1 | grep -q 'width="600"'
    run -2 mp-time --svg --width 10 t.mp
    run -2 mp-time --svg --json t.mp
}

@test "a trace of nothing: no rows, no plot, a picture" {
    printf '##mp=trace 1\nend\n' | mk none.mp
    [ "$(mp-time none.mp | wc -l)" = 1 ]
    [ "$(mp-time --plot none.mp)" = 'nothing was recorded' ]
    mp-time --svg none.mp | tail -n 1 | grep -qx '</svg>'
    [ -z "$(mp-time --json none.mp)" ]
}

@test "a real capture: resident set, objects and heap, of the same moments as the views" {
    mp-capture -q -o c.mp -- python3 -c 'x = [bytearray(1000) for i in range(20000)]'
    j 'all(.live == .heap + .objects + .maps + .files + .lost) and (map(.rss // 0) | max) > 1e6 and
        (map(.objects) | max) > 15e6 and length >= 20 and length <= 200' mp-time c.mp
    [ "$(mp-time --json c.mp | jq -s 'map(.live) | max')" = "$(mp-peak --json c.mp | jq -s 'map(.bytes) | add')" ]
    [ "$(mp-time --json c.mp | jq -s 'map(.alloc_bytes) | add')" = \
        "$(mp-top --view total --json c.mp | jq -s 'map(.bytes) | add')" ]
}

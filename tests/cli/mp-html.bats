#!/usr/bin/env bats
# The report as a file; tests/report/ looks at it in a browser.
load ../helper

setup_file() {
    load ../helper
    mk "$BATS_FILE_TMPDIR/t.mp" <"$data/small.tsv"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/t.mp" .
}

# holds FILE: its payload
holds() {
    python3 "$here/tests/report/payload.py" "$1"
}

# many N: N allocations of N stacks, most of them freed some time later
many() {
    awk -v n="$1" 'BEGIN {
        print "##mp=trace 1"
        print "P\t1\t7\t\t\tmany"
        print "T\t1\t1\t7\t\tmain"
        for (i = 1; i <= n; i++) {
            printf "alloc\t%d\t1\t%d\t%d\tmalloc\tf%d (a.c:1);g%d (b.c:2);h%d (c.c:3)\n", i * 1000, i,
                16 + i % 97, i % 7, i % 311, i
            if (i > 5000 && i % 11)
                printf "free\t%d\t1\t%d\n", i * 1000, i - (i * 7919) % 5000 - 1 - freed[i]
        }
        print "end"
    }' | awk -F '\t' '$1 != "free" || !seen[$4]++'
}

@test "one file, of one payload, between a page of no names" {
    mp-html -o t.html t.mp
    head -n 1 t.html | grep -qx '<!DOCTYPE html>'
    tail -n 1 t.html | grep -qx '</html>'
    same "$(grep -c 'application/octet-stream' t.html)" 1
    ! sed '/id="data"/,/<\/script>/d' t.html | grep -q 'app\.py' || false
    holds t.html | jq -e '.version == 1 and (.runs | length) == 1 and (.strings | index("app.py") != null)'
}

@test "the summary is mp-stat's" {
    mp-html -o t.html t.mp
    holds t.html | jq '.runs[0].summary | [.allocated, .temporary, .peak, .live, .events, .frees]' >got
    mp-stat --json t.mp | jq '[.allocated, .temporary, (.peak | del(.time)), .live, .events, .frees]' | diff - got
}

@test "same input, same bytes: from a file, a pipe, twice" {
    mp-html t.mp >a.html
    mp-html -o b.html t.mp
    cp t.mp other.mp
    mp-cat -t other.mp | mp-html >c.html
    cmp a.html b.html
    cmp a.html c.html
}

@test "--title, and the file's name only where there are several" {
    mp-html --title 'one & <two>' -o a.html t.mp
    same "$(holds a.html | jq -c '[.title, .runs[0].name]')" '["one & <two>",""]'
    mp-html -o b.html t.mp "$BATS_FILE_TMPDIR/t.mp"
    same "$(holds b.html | jq -c '[.title, .diff, .runs[].name]')" '[null,true,"t.mp","t.mp"]'
    mp-html t.mp t.mp - <t.mp >c.html
    same "$(holds c.html | jq -c '[.diff, .runs[].name]')" '[null,"t.mp","t.mp","stdin"]'
}

@test "a profile is refused, also behind a trace" {
    mp-leaks -o l.mp t.mp
    run -2 --separate-stderr mp-html l.mp
    same "$output$stderr" 'mp-html: l.mp: needs a trace, this is a profile (made by mp-leaks)'
    cat t.mp l.mp >both.mp
    run -2 --separate-stderr mp-html both.mp
    same "$output$stderr" 'mp-html: both.mp: needs a trace, this is a profile'
}

@test "more runs than a page can show are refused" {
    for _ in {1..65}; do cat t.mp; done >many.mp
    run -2 --separate-stderr mp-html many.mp
    [[ $stderr == 'mp-html: many.mp: more than 64 runs'* ]] && [ -z "$output" ]
}

@test "-n keeps the heaviest stacks; what it leaves out is summed up" {
    many 400 | mk m.mp
    mp-html -n 50 -o few.html m.mp
    mp-html -o all.html m.mp
    few=$(holds few.html | jq '.sizes["node.parent"]')
    [ "$few" -lt 110 ] && [ "$(holds all.html | jq '.sizes["node.parent"]')" -gt 700 ]
    holds few.html | jq -e '.strings | index("[rest]") != null'
    run -2 mp-html -n 1000001 m.mp
}

@test "--size: fewer stacks until the file is no larger; sums stay" {
    many 60000 | mk m.mp
    mp-html -n 100000 -o all.html m.mp
    [ "$(stat -c %s all.html)" -gt 320000 ]
    mp-html -n 100000 --size 200k -o small.html m.mp
    [ "$(stat -c %s small.html)" -le 204800 ]
    holds small.html | jq -c '.runs[0].summary | .allocated, .live' >got
    mp-stat --json m.mp | jq -c '.allocated, .live' | diff - got
    # never less than a screen needs
    run --separate-stderr mp-html --size 1 -o least.html m.mp
    same "$stderr" "mp-html: the report is $(stat -c %s least.html) bytes, more than --size: what is left is needed"
    [ "$(holds least.html | jq '.sizes["node.parent"]')" -ge 200 ]
}

@test "the source of a line, of files that are source and older than the trace" {
    mkdir src
    printf 'import os\n\tx = [1] * 10   # <b>here</b>\n' >src/app.py
    printf 'secret\nsecret\n' >src/key
    printf 'bin\0ary\nx\n' >src/binary.py
    printf 'too\nnew\n' >src/new.py
    mkfifo src/fifo.py
    yes 'a long line of no use at all' | head -c 4194305 >src/large.py
    touch -d '2020-01-01' src/app.py src/key src/binary.py src/large.py
    touch -d '2030-01-01' src/new.py
    {
        printf '%s\n' '##mp=trace 1' $'K\t1\t1700000000000000000\t0\t0' $'P\t1\t7\t\t\tx' $'T\t1\t1\t7\t\tmain'
        n=0
        for f in app.py key binary.py new.py fifo.py large.py missing.py ../src/app.py; do
            printf 'alloc\t10\t1\t%d\t100\tmalloc\tf (src/%s:2) [py:1]\n' $((++n)) "$f"
        done
        printf 'alloc\t10\t1\t%d\t100\tmalloc\tf (src/app.py:9) [py:1]\nend\n' $((++n))
    } | mk s.mp
    timeout 20 mp-html -o s.html s.mp
    holds s.html | jq -r '.strings[]' | grep -vE '^(src/.*|f|\[rest\])?$' >got
    same "$(cat got)" 'x = [1] * 10   # <b>here</b>'
    mp-html --no-source -o n.html s.mp
    same "$(holds n.html | jq -r '.strings[]' | grep -vE '^(src/.*|f|\[rest\])?$')" ''
}

@test "--between: finer steps, the same figures" {
    awk -v n=2000 -f "$here/tests/report/random.awk" | mk r.mp
    mp-html --between 2,3.5 -o r.html r.mp
    holds r.html | jq '.runs[0] | [(.bucket.allocs | add), (.bucket.alloc_bytes | add), .from]' >got
    mp-top --view total --between 2,3.5 --by process --json r.mp | jq '[.count, .bytes, 2000000000]' | diff - got
}

@test "--between a mark that is not there: which, in one line, exit 2, no file" {
    printf '%s\n' '##mp=trace 1' $'P\t1\t7\t\t\tx' $'T\t1\t1\t7\t\tmain' $'alloc\t1\t1\t1\t10\tmalloc\tf (a.c:1)' \
        $'mark\t2\t1\t1\tstep' $'alloc\t3\t1\t2\t20\tmalloc\tf (a.c:2)' end | mk m.mp
    mp-html --between step, -o m.html m.mp
    same "$(holds m.html | jq -c '[.runs[0].bucket.alloc_bytes | add]')" '[20]'
    for window in gone, ,gone step,gone; do
        run -2 --separate-stderr mp-html --between "$window" m.mp
        same "$stderr$output" "mp-html: m.mp: no mark 'gone'"
    done
    run -2 --separate-stderr mp-html --between step#2, m.mp
    same "$stderr$output" "mp-html: m.mp: no mark 2 of 'step', only 1"
}

@test "types of objects, and threads of which there are very many" {
    {
        printf '%s\n' '##mp=trace 1' $'P\t1\t7\t\t\tx' $'C\t1\tf\ta.py\t1' $'F\t1\tpython\t1\t3' $'N\t1\t0\t1' \
            $'S\t1\t1\t1\t100\tmalloc\tlist' $'S\t2\t1\t1\t100\tmalloc\tdict'
        for ((i = 1; i <= 300; i++)); do
            printf 'T\t%d\t1\t%d\t\tpool-%d\n' $i $i $((i % 2))
        done
        for ((i = 1; i <= 300; i++)); do
            printf 'alloc\t10\t%d\t%d\t100\tmalloc\t@%d\n' $i $i $((1 + i % 2))
        done
        echo end
    } | mk m.mp
    mp-html -o m.html m.mp
    holds m.html | jq -e '.strings as $s | ["list", "dict"] | all(. as $x | $s | index($x) != null)'
    # of many threads those of one name are one, and none of them
    same "$(holds m.html | jq -c '[.runs[0].labels[] | .[1:]] | sort')" '[[0,"pool-0"],[0,"pool-1"]]'
}

@test "--keep none: no threads" {
    awk -v n=200 -f "$here/tests/report/random.awk" | mk r.mp
    mp-html -o t.html r.mp
    mp-html --keep none -o n.html r.mp
    same "$(holds t.html | jq -c '[.runs[0].labels[][2]] | unique')" '["MainThread","worker"]'
    same "$(holds n.html | jq -c '[.runs[0].labels[][2]] | unique')" '[""]'
}

@test "loss and damage are in the page, and in the status" {
    awk -v n=2000 -f "$here/tests/report/random.awk" | mk r.mp
    head -c $(($(stat -c %s r.mp) * 2 / 3)) r.mp >cut.mp
    mp-html -o cut.html cut.mp
    same "$(holds cut.html | jq '.runs[0].loss.truncated')" 1
    run -2 mp-html --strict -o cut.html cut.mp
    { mp-cat -t t.mp | sed '$d'; printf 'lost\t5\t77\nend\n'; } | mk lost.mp
    mp-html -o lost.html lost.mp
    same "$(holds lost.html | jq -c '.runs[0].loss | [.lost_events, .lost_bytes]')" '[5,77]'
}

@test "nothing at all, samples alone, a stack of 16,000 frames" {
    printf '##mp=trace 1\nend\n' | mp-html >e.html
    same "$(holds e.html | jq -c '[.runs[0].n, .sizes["s.node"]]')" '[0,0]'
    printf '%s\n' '##mp=trace 1' $'P\t1\t7\t\t\tx' $'T\t1\t1\t7\t\tmain' \
        $'sample\t5\t1\t1000\t0\t4096\tmain (a.c:1)' end | mp-html >s.html
    same "$(holds s.html | jq -c '[(.runs[0].bucket.cpu | add), .sizes["s.node"]]')" '[1000,0]'
    {
        printf '##mp=trace 1\nP\t1\t7\t\t\tx\nT\t1\t1\t7\t\tm\nalloc\t1\t1\t1\t64\tmalloc\tmain (a.c:1)'
        for _ in {1..15999}; do printf ';f (a.c:2)'; done
        printf '\nend\n'
    } | mp-html >d.html
    same "$(holds d.html | jq '.sizes["node.parent"]')" 16000
}

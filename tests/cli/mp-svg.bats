#!/usr/bin/env bats
load ../helper

svg() {
    python3 "$here/tests/svg.py" "$@"
}

# top MP-TOP-OPTION...: self, total and name of every line
top() {
    mp-top -q -t "$@" | awk -F '\t' '!/^#/ && ($1 || $2) { print $1 "\t" $2 "\t" $NF }' | sort
}

# browse FILE <STEPS: what the steps print; skipped without a browser
browse() {
    local status=0
    python3 "$here/tests/browser.py" "file://$PWD/$1" || status=$?
    [ $status != 77 ] || skip 'no browser'
    return $status
}

# at NAME: the middle of the frame whose label begins so, for a step
centre='(n => { const r = [...document.querySelectorAll(".f")].find(g => g.frame && g.textContent.startsWith(n)).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })'

@test "frames: by name, each with its sums, the root first" {
    mp-svg --view total "$data/small.tsv" >t.svg
    same "$(svg t.svg frames)" '0 7596 4 r all
1 500 1 p <module> (app.py:3)
2 500 1 p fill (app.py:9)
1 3000 2 u main (a.c:10)
2 1000 1 u load (a.c:20)
2 2000 1 u load (a.c:21)
1 4096 1 u main (a.c:11)
2 4096 1 u pool (b.c:5)'
    mp-svg --by function --view total "$data/small.tsv" >t.svg
    same "$(svg t.svg frames)" '0 7596 4 r all
1 500 1 p <module> (app.py)
2 500 1 p fill (app.py)
1 7096 3 u main (a.c)
2 3000 2 u load (a.c)
2 4096 1 u pool (b.c)'
    mp-svg -o o.svg --by function --view total <"$data/small.tsv"
    cmp o.svg t.svg
}

@test "real captures: every line's self and total are mp-top's" {
    for t in python native; do
        for o in '--frames default --view peak' '--frames all --view live' '--frames native --view total'; do
            mp-svg -q $o "$here/formats/samples/good/$t.mp" >t.svg
            top $o --by line "$here/formats/samples/good/$t.mp" >want
            [ -s want ]
            svg t.svg lines | sort | cmp - want
            mp-svg -q $o -k count "$here/formats/samples/good/$t.mp" >t.svg
            svg t.svg lines | sort >got
            mp-top -q -t $o --by line "$here/formats/samples/good/$t.mp" |
                awk -F '\t' '!/^#/ && ($3 || $4) { print $3 "\t" $4 "\t" $NF }' | sort | cmp - got
        done
    done
}

@test "kinds of frames: Python, native, inlined, unknown, notes" {
    mp-svg -q --frames all --view total "$data/trace.tsv" >t.svg || [ $? = 2 ]
    svg t.svg frames | awk '{ print $4, $5, $6, $7 }' | sort -u >got
    for f in 'p load (app.py:4)' 'n main (/src/Programs/python.c:15)' 'q fast_path (/src/core/fast.h:42)' \
        'o \[deeper\]'; do
        grep -q "^$f" got || { cat got; return 1; }
    done
    grep -q 'id="missing".*incomplete: 7 lost events, 96 lost bytes' t.svg
    printf '##mp=profile 1\n#bytes\tstack\n5\t[rest] [note]\n6\t\n7\t [/lib/x.so+0x2f]\n' >p.tsv
    mp-svg p.tsv >t.svg
    same "$(svg t.svg frames)" '0 18 r all
1 7 n 0x2f [x.so]
1 6 o [no stack]
1 5 o [rest]'
}

@test "-m: small frames become [rest] where they are" {
    mp-svg --view total -m 1500 "$data/small.tsv" >t.svg
    same "$(svg t.svg frames)" '0 7596 4 r all
1 3000 2 u main (a.c:10)
2 2000 1 u load (a.c:21)
2 1000 1 o [rest]
1 4096 1 u main (a.c:11)
2 4096 1 u pool (b.c:5)
1 500 1 o [rest]'
    same "$(svg t.svg folded)" '0 3'
    mp-svg --view total -m 30% "$data/small.tsv" >t.svg
    same "$(svg t.svg frames | grep -c rest)" 2
}

@test "what is too narrow is folded into its parent and counted; what can be seen is not" {
    # 30,000 stacks of one byte, one of 2,400,000: 1180 pixels are 2,430,000 bytes
    awk 'BEGIN { print "##mp=profile 1"; print "#bytes\tstack"
        print "2390000\tmain (a.c:1);big (a.c:2)"; print "10000\tmain (a.c:1);some (a.c:3)"
        print "0\tmain (a.c:1);none (a.c:4)"
        for (i = 1; i <= 30000; i++) printf "1\tmain (a.c:1);f%d (b.c:%d)\n", i, i }' >p.tsv
    mp-svg p.tsv >t.svg
    same "$(svg t.svg frames)" '0 2430000 r all
1 2430000 u main (a.c:1)
2 2390000 u big (a.c:2)
2 10000 u some (a.c:3)'
    same "$(svg t.svg folded)" '30001 0'
    grep -q '30001 frames narrower than 0.015625 pixels are not drawn' t.svg
    # 1,100 of them, a pixel each, stay; and so do 15,000 narrow ones, they are few enough
    awk 'BEGIN { print "##mp=profile 1"; print "#bytes\tstack"
        for (i = 1; i <= 15000; i++) printf "1\tf%d (b.c:%d)\n", i, i }' >p.tsv
    mp-svg p.tsv >t.svg
    same "$(svg t.svg folded) $(svg t.svg frames | wc -l)" '0 0 15001'
    awk 'BEGIN { print "##mp=profile 1"; print "#bytes\tstack"
        for (i = 1; i <= 1100; i++) for (k = 1; k <= 20; k++) printf "1\tf%d (b.c:1);g%d (c.c:%d);h\n", i, i, k }' >p.tsv
    mp-svg p.tsv >t.svg
    same "$(svg t.svg frames | awk '{ n[$1]++ } END { print n[0], n[1], n[2] + 0 }')" '1 1100 0'
}

@test "100,000 stacks of depth 40: at most 1 MB" {
    awk 'BEGIN { srand(7); print "##mp=profile 1"; print "#bytes\tcount\tstack"
        for (i = 0; i < 100000; i++) {
            printf "%d\t%d\t", 1 / (rand() + 1e-6) * 64, i % 50 + 1
            x = 0; depth = 10 + i % 31
            for (k = 0; k < depth; k++) {
                c = rand(); c = c < .6 ? 1 : c < .8 ? 2 : c < .9 ? 3 : 4 + int(rand() * 4)
                x = (x * 31 + c * 7919 + k) % 5000
                printf "%sfunction_%d (src/dir_%d/file_%d.c:%d)", k ? ";" : "", x, x % 17, x % 211, x % 997 + 1
            }
            print ""
        } }' >p.tsv
    mp-svg p.tsv >t.svg
    [ "$(stat -c %s t.svg)" -le 1000000 ]
    svg t.svg lines >/dev/null
    same "$(svg t.svg frames | head -n 1 | cut -d ' ' -f 2,3)" \
        "$(awk -F '\t' '!/^#/ { a += $1; b += $2 } END { printf "%d %d\n", a, b }' p.tsv)"
}

@test "a difference: as wide as the larger side, red and blue, exact" {
    mp-diff "$data/old.tsv" "$data/new.tsv" | mp-svg >d.svg
    same "$(svg d.svg frames)" '0 350 1500 1850 r all
1 350 1500 1850 n main (a.c:10)
2 50 0 50 n fresh (a.c:40)
2 -500 500 0 n gone (a.c:30)
2 800 1000 1800 n load (a.c:20)'
    for class in a1 b4 a6; do
        grep -q "<path class=\"$class\" d=\"M" d.svg
    done
    # one side alone is no difference
    mp-diff "$data/old.tsv" "$data/new.tsv" | mp-svg -k new >d.svg
    ! grep -q '<path class="[ab][1-6]"' d.svg || false
}

@test "names: escaped, printable, and nothing gets out of its place" {
    printf '##mp=profile 1\n##command=<b>&"]]>\\x01</title>\n#bytes\tstack\n3\t]]></script><script>alert\\(1)</script> (<!--&"\x27\\\\.c:1);ev\\x1b[31m\\xff\\xe2\\x80\\xae\\xef\\xbf\\xbe\\xef\\xbf\\xbf (x\\n\\t.c:2);`${alert\\(2)}` <img onerror=alert\\(3)>\n' >p.tsv
    mp-svg p.tsv >t.svg
    same "$(svg t.svg lines | cut -f 3)" "$(printf '%s\n' ']]></script><script>alert(1)</script> (<!--&"'"'"'\\.c:1)' '`${alert(2)}` <img onerror=alert(3)>' 'ev\x1b[31m\xff\xe2\x80\xae�� (x\n\t.c:2)' | LC_ALL=C sort)"
    browse t.svg <<'STEPS' >got
eval document.querySelectorAll('script').length
eval document.querySelectorAll('img, b').length
eval document.querySelector('#title').textContent
eval [...document.querySelectorAll('.f')].map(g => g.querySelector('text').textContent).join('\n')
errors
STEPS
    same "$(cat got)" '1
0
<b>&"]]>\x01</title>
all
]]></script><script>alert(1)</script> (<!--&"'"'"'\\.c:1)
ev\x1b[31m\xff\xe2\x80\xae�� (x\n\t.c:2)
`${alert(2)}` <img onerror=alert(3)>'
}

@test "in a browser: hover, zoom, search, reset, keys, light and dark" {
    mp-svg --view total "$data/small.tsv" >t.svg
    cat >steps <<STEPS
eval document.querySelector('#name').textContent + ': ' + document.querySelector('#detail').textContent
eval document.querySelectorAll('#picture').length
eval window.at = n => $centre(n).map(v => v.toFixed(0)).join(' ')
eval document.querySelector('#reset').classList.contains('hidden')
eval [...document.querySelectorAll('.f')].find(g => g.textContent.startsWith('main (a.c:10)')).dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))
eval document.querySelector('#name').textContent + ': ' + document.querySelector('#detail').textContent
eval [...document.querySelectorAll('.f')].find(g => g.textContent.startsWith('main (a.c:10)')).querySelector('title').textContent
eval document.querySelector('#frames').dispatchEvent(new MouseEvent('mouseleave'))
eval document.querySelector('#name').textContent
eval [...document.querySelectorAll('.f')].find(g => g.textContent.startsWith('main (a.c:10)')).dispatchEvent(new MouseEvent('click', {bubbles: true}))
eval [...document.querySelectorAll('.f:not(.outer) rect')].map(r => r.getAttribute('width')).join(' ')
eval document.querySelectorAll('.outer').length + ' ' + document.querySelector('#reset').classList.contains('hidden')
key ArrowUp
eval document.activeElement.getAttribute('aria-label')
key ArrowRight
eval document.activeElement.getAttribute('aria-label')
key ArrowDown
eval document.activeElement.getAttribute('aria-label')
key Escape
eval document.querySelectorAll('.f').length + ' ' + document.querySelectorAll('.outer').length
key ctrl+f
wait document.activeElement.id === 'find'
type lo+AD \(a
eval document.querySelector('#matched').textContent
eval document.querySelector('#find').value = ''
type lo+ad \(a|main
eval document.querySelector('#matched').textContent
eval document.querySelectorAll('.match').length
type (
eval document.querySelector('#matched').textContent + ' ' + document.querySelector('#find').className
key Escape
eval document.querySelectorAll('.match').length + document.querySelector('#matched').textContent
eval [...document.querySelectorAll('[tabindex="0"]:not(.hidden)')].map(e => e.id || e.getAttribute('class')).join(' ')
media light
eval getComputedStyle(document.querySelector('.page')).fill
media dark
eval getComputedStyle(document.querySelector('.page')).fill
errors
STEPS
    browse t.svg <steps >got
    same "$(cat got)" 'all: 7,596 B (7.4 KiB), 100.00% of all; 4 blocks, 100.00% of all; self 0 B
0
{}
true
true
main (a.c:10): 3,000 B (2.9 KiB), 39.49% of all; 2 blocks, 50.00% of all; self 0 B
main (a.c:10)
3,000 B (2.9 KiB), 39.49% of all; 2 blocks, 50.00% of all; self 0 B
true
all
true
1179.50 392.83 786.17
1 false
load (a.c:20): 1,000 B, 13.16% of all; 1 block, 25.00% of all; self 1,000 B
load (a.c:21): 2,000 B (2.0 KiB), 26.33% of all; 1 block, 25.00% of all; self 2,000 B (2.0 KiB)
main (a.c:10): 3,000 B (2.9 KiB), 39.49% of all; 2 blocks, 50.00% of all; self 0 B
8 0
matched 0 B, 0.00% of all

matched 7,096 B (6.9 KiB), 93.42% of all
4
not a regular expression wrong
0
f r search
rgb(255, 255, 255)
rgb(27, 27, 29)'
}

@test "in a browser: folded frames, --icicle, a difference, samples with their memory" {
    mp-svg --icicle --title 'a <title>' "$data/small.tsv" >t.svg
    awk 'BEGIN { print "##mp=profile 1"; print "#bytes\tstack"; print "2400000\tmain"
        for (i = 1; i <= 30000; i++) printf "1\tmain;f%d\n", i }' | mp-svg >f.svg
    mp-diff "$data/old.tsv" "$data/new.tsv" | mp-svg >d.svg
    cat >s.tsv <<'TSV'
##mp=trace 1
P	1	100	0	0	one	one	x86_64	4096	
T	1	1	100	0	main
sample	10	1	5000000	0	1000000	main (x.c:1);a (x.c:1)
sample	20	1	5000000	0	2000001	main (x.c:1);a (x.c:1)
sample	30	1	5000000	1	2000001	main (x.c:1);wait (x.c:3)
sample	40	1	6000000	0	1500000	main (x.c:1);b (x.c:2)
end
TSV
    mp-svg s.tsv >s.svg
    mp-svg --idle s.tsv >i.svg
    for f in t f d s i; do
        browse $f.svg <<'STEPS'
eval document.querySelector('#title').textContent
eval [...document.querySelectorAll('.f')].map(g => { g.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); return g.querySelector('rect').getAttribute('class') + ' ' + g.querySelector('rect').getAttribute('y') + ' ' + g.querySelector('title').textContent.replace('\n', ': ') }).join('\n')
errors
STEPS
    done >got
    same "$(cat got)" 'a <title>
r0 74 all: 7,096 B (6.9 KiB), 100.00% of all; 3 blocks, 100.00% of all; self 0 B
u5 90 main (a.c:10): 3,000 B (2.9 KiB), 42.28% of all; 2 blocks, 66.67% of all; self 0 B
u3 106 load (a.c:20): 1,000 B, 14.09% of all; 1 block, 33.33% of all; self 1,000 B
u3 106 load (a.c:21): 2,000 B (2.0 KiB), 28.18% of all; 1 block, 33.33% of all; self 2,000 B (2.0 KiB)
u5 90 main (a.c:11): 4,096 B (4.0 KiB), 57.72% of all; 1 block, 33.33% of all; self 0 B
u7 106 pool (b.c:5): 4,096 B (4.0 KiB), 57.72% of all; 1 block, 33.33% of all; self 4,096 B (4.0 KiB)
flame graph
r0 90 all: 2,430,000 B (2.3 MiB), 100.00% of all; self 0 B
u5 74 main: 2,430,000 B (2.3 MiB), 100.00% of all; self 2,400,000 B (2.3 MiB); 30,000 more too narrow to draw, 30,000 B (29.3 KiB)
flame graph
r0 106 all: change +350 B; old 1,500 B (1.5 KiB); new 1,850 B (1.8 KiB); self 0 B
a3 90 main (a.c:10): change +350 B; old 1,500 B (1.5 KiB); new 1,850 B (1.8 KiB); self 0 B
a1 74 fresh (a.c:40): change +50 B; old 0 B; new 50 B; self +50 B
b4 74 gone (a.c:30): change -500 B; old 500 B; new 0 B; self -500 B
a6 74 load (a.c:20): change +800 B; old 1,000 B; new 1,800 B (1.8 KiB); self +800 B
flame graph
r0 106 all: 3 samples, 100.00% of all; time 16,000,000 ns (16.0 ms), 100.00% of all; RSS mean 1,500,000 B (1.4 MiB), max 2,000,001 B (1.9 MiB), growth +500,000 B (488.3 KiB); self 0 samples
u5 90 main (x.c:1): 3 samples, 100.00% of all; time 16,000,000 ns (16.0 ms), 100.00% of all; RSS mean 1,500,000 B (1.4 MiB), max 2,000,001 B (1.9 MiB), growth +500,000 B (488.3 KiB); self 0 samples
u5 74 a (x.c:1): 2 samples, 66.67% of all; time 10,000,000 ns (10.0 ms), 62.50% of all; RSS mean 1,500,001 B (1.4 MiB), max 2,000,001 B (1.9 MiB), growth +1,000,001 B (976.6 KiB); self 2 samples
u0 74 b (x.c:2): 1 sample, 33.33% of all; time 6,000,000 ns (6.0 ms), 37.50% of all; RSS mean 1,500,000 B (1.4 MiB), max 1,500,000 B (1.4 MiB), growth -500,001 B (-488.3 KiB); self 1 sample
flame graph
r0 106 all: 4 samples, 100.00% of all; time 21,000,000 ns (21.0 ms), 100.00% of all; RSS mean 1,625,001 B (1.5 MiB), max 2,000,001 B (1.9 MiB), growth +500,000 B (488.3 KiB); self 0 ns
u5 90 main (x.c:1): 4 samples, 100.00% of all; time 21,000,000 ns (21.0 ms), 100.00% of all; RSS mean 1,625,001 B (1.5 MiB), max 2,000,001 B (1.9 MiB), growth +500,000 B (488.3 KiB); self 0 ns
u5 74 a (x.c:1): 2 samples, 50.00% of all; time 10,000,000 ns (10.0 ms), 47.62% of all; RSS mean 1,500,001 B (1.4 MiB), max 2,000,001 B (1.9 MiB), growth +1,000,001 B (976.6 KiB); self 10,000,000 ns (10.0 ms)
u0 74 b (x.c:2): 1 sample, 25.00% of all; time 6,000,000 ns (6.0 ms), 28.57% of all; RSS mean 1,500,000 B (1.4 MiB), max 1,500,000 B (1.4 MiB), growth -500,001 B (-488.3 KiB); self 6,000,000 ns (6.0 ms)
u6 74 wait (x.c:3): 1 sample, 25.00% of all; time 5,000,000 ns (5.0 ms), 23.81% of all; RSS mean 2,000,001 B (1.9 MiB), max 2,000,001 B (1.9 MiB), growth 0 B; self 5,000,000 ns (5.0 ms)'
}

@test "-k of a maximum, a width out of range: refused" {
    printf '##mp=profile 1\n##column=ns\tns\t\tsum\n##column=rss\tB\t\tmax\n#ns\trss\tstack\n5\t9\tf (a.c:1)\n' >p.tsv
    run -2 --separate-stderr mp-svg -k rss p.tsv
    [ "$stderr" = "mp-svg: column 'rss' is a maximum or minimum: it does not add up" ]
    run -2 --separate-stderr mp-svg --width 10 p.tsv
    [[ ${stderr_lines[0]} == "mp-svg: --width: 200 to 100000 pixels" ]]
    mp-svg --width 400 p.tsv | grep -q 'width="400" height='
    # no rows at all
    printf '##mp=profile 1\n#bytes\tstack\n' | mp-svg >t.svg
    same "$(svg t.svg frames)" '0 0 r all'
}

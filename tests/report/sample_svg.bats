#!/usr/bin/env bats
# The example of a loop that takes 65 ms and a sleep of 5 s, sampled, in a real browser: what is
# shown is what the document says, and the resident set is on hover.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    command -v chromium >/dev/null || skip 'no chromium'
    pythons >list
    python=$(tail -n 1 list)
    cp "$here/tests/targets/leaky.py" .
}

# drive FILE STEPS...
drive() {
    local file=$1
    shift
    printf '%s\n' "$@" | python3 "$here/tests/browser.py" "file://$PWD/$file"
}

leaky='[...document.querySelectorAll(".f")].find(g => g.textContent.startsWith("leaky"))'
box() {
    echo "(r => [r.x, r.y, r.width, r.height].join(' '))(document.querySelector('$1').getBoundingClientRect())"
}

# shown FILE: prints the name and the detail of leaky with the mouse on it, having compared the
# picture of both with one that has these texts and nothing else
shown() {
    drive "$1" 'size 1200 900' "eval (r => [r.x + r.width / 2, r.y + r.height / 2, r.width].join(' '))($leaky.querySelector('rect').getBoundingClientRect())" >at
    read -r x y width <at
    drive "$1" 'size 1200 900' "move $x $y" "wait document.querySelector('#detail').textContent != ''" \
        'shot shot.png' "eval $(box '#name')" "eval $(box '#detail')" \
        'eval document.querySelector("#name").textContent' 'eval document.querySelector("#detail").textContent' \
        'eval [...document.querySelectorAll("#name, #detail")].map(e => e.outerHTML).join("")' errors >said
    # all of it is in the picture, and all of it in the tooltip
    awk 'NR < 3 { if ($1 + $3 > 1195) exit 1 }' said
    drive "$1" 'size 1200 900' "move $x $y" "wait !!$leaky.querySelector('title')" \
        "eval $leaky.querySelector('title').textContent" | grep -E 'RSS mean [0-9,]+ B \([0-9.]+ MiB\), max [0-9,]+ B'
    [ "$(wc -l <said)" = 5 ] || { cat said; return 1; } >&2
    drive "$1" 'size 1200 900' "eval (s => s.getAttribute('viewBox'))(document.documentElement)" >view
    { echo "<svg xmlns='http://www.w3.org/2000/svg' width='1200' height='$(cut -d' ' -f4 view)' viewBox='$(cat view)' font-family='monospace' font-size='12'>"
        echo "<rect width='1200' height='2000' fill='#fff'/><g fill='#222' style='white-space: pre'>"
        tail -n 1 said
        echo '</g></svg>'; } >wanted.svg
    drive wanted.svg 'size 1200 900' 'shot wanted.png' errors >errors
    [ ! -s errors ]
    for line in 1 2; do
        read -r -a b < <(sed -n "${line}p" said)
        python3 "$here/tests/png.py" shot.png wanted.png "${b[@]}" >differ
        read -r differ ink <differ
        [ "$differ" -le 5 ] && [ "$ink" -ge 50 ] || { echo "line $line: ${b[*]}: $differ $ink"; return 1; } >&2
    done
    sed -n '3,4p' said
}

@test "the loop's CPU, with its memory on hover" {
    mp-sample -q -d 2 -r 1000 -- "$python" leaky.py | mp-svg >profile.svg
    shown profile.svg >text
    grep -q 'leaky (.*leaky.py:[456])' text
    grep -E '[0-9]+ samples, [0-9.]+% of all; time [0-9.]+ ms' text
    grep -E 'RSS mean [0-9.]+ MiB, max [0-9.]+ MiB, growth \+?[0-9.]+ ([KM]i)?B' text
}

@test "asleep, attached to" {
    "$python" leaky.py 3>&- &
    pid=$!
    sleep 0.5
    mp-sample -q -p $pid -d 1 | mp-svg --idle >asleep.svg
    kill $pid
    wait $pid || true
    shown asleep.svg >text
    grep -q 'leaky (.*leaky.py:7)' text
    grep -E 'time [0-9.]+ m?s, 100.00% of all; RSS mean [0-9.]+ MiB' text
    # it is all of the picture, but for the frames that called it
    read -r x y width <at
    [ "${width%.*}" -gt 1100 ]
}

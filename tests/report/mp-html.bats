#!/usr/bin/env bats
# The report in a browser: its figures, its behaviour, what it must not do.
load ../helper

setup_file() {
    load ../helper
    command -v chromium >/dev/null || skip 'no chromium'
    cd "$BATS_FILE_TMPDIR" || return
    awk -v n=3000 -f "$BATS_TEST_DIRNAME/random.awk" | mk t.mp
    mp-html -o t.html t.mp
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    ln -s "$BATS_FILE_TMPDIR"/t.* .
}

# page FILE STEP...: what the steps give, a JSON value a line
page() {
    python3 "$BATS_TEST_DIRNAME/page.py" "$@"
}

# hostile NAME: a trace with NAME wherever a trace has one
hostile() {
    printf '%s\n' '##mp=trace 1' "##command=$1" $'P\t1\t7\t\t\t'"$1"$'\t'"$1" $'T\t1\t1\t7\t\t'"$1" \
        $'alloc\t10\t1\t1\t100\tmalloc\t'"$1 ($1:3) [py:1];$1 ($1:4) [$1+0x10]" \
        $'alloc\t20\t1\t2\t100\tmalloc\t'"$1" $'mark\t30\t1\t1\t'"$1"$'\t1' $'series\t30\t1\t'"$1"$'\t5' end
}

@test "functions of the script" {
    same "$(page t.html "$(cat "$BATS_TEST_DIRNAME/unit.js")")" '[]'
}

@test "three sections, and the head says what mp-stat says" {
    page t.html '["Allocation Timeline", "Top Allocating Call Stacks", "Object Allocation Stats", "Leaks"].every((t) =>
        [...document.querySelectorAll("main h2")].some((h) => h.textContent === t && h.checkVisibility()))' \
        'app.run.summary' '[...document.querySelectorAll("#facts > div")].map((d) => digits(d.title.replace(/.*: /, "")
            .replace(/ bytes in .*/, "")))' 'document.querySelector("h1").textContent' >got
    same "$(sed -n 1p got)" true
    mp-stat --json t.mp | jq -c '[.allocated, .temporary, .peak, .live] | map(del(.time))' >want
    sed -n 2p got | jq -c '[.allocated, .temporary, .peak, .live]' | diff want -
    jq -e --slurpfile page <(sed -n 2p got) '[.events, .frees, .duration, .threads, .unknown_frees, .peak.time] ==
        ($page[0] | [.events, .frees, .duration, .threads, .unknown_frees, .peak_time])' <(mp-stat --json t.mp)
    # and shows it
    same "$(sed -n 3p got | jq -c '.[:4]')" \
        "$(mp-stat --json t.mp | jq -c '[.peak.bytes, .live.bytes, .allocated.bytes, .temporary.bytes]')"
    same "$(sed -n 4p got)" '"python3 random.py --size '"'ten'"'"'
}

@test "tables are those of mp-top --between, in the whole run and in windows dragged" {
    python3 "$BATS_TEST_DIRNAME/compare.py" t.mp t.html
}

@test "stacks: own and total add up to the window's figures; inverted, too" {
    page t.html 'app.setWindow(30, 120)' \
        'app.page.stacks.flame.view.total[0] - app.figures.peakBytes' \
        'app.set("what", "leaked")' 'app.page.stacks.flame.view.total[0] - app.sum("leakedBytes")' \
        'app.set("what", "allocated")' 'app.set("unit", "blocks")' \
        'app.page.stacks.flame.view.total[0] - app.figures.allocatedCount' \
        'app.set("inverted", true)' 'app.page.stacks.flame.view.total[0] - app.figures.allocatedCount' \
        'allRows("stacks")' 'table("stacks").reduce((s, r) => s + r.Own, 0) - app.figures.allocatedBytes' >got
    same "$(sort -u got)" 0
}

@test "a stack too deep to draw says so; zooming in shows the rest" {
    {
        printf '##mp=trace 1\nP\t1\t7\t\t\tx\nT\t1\t1\t7\t\tm\nalloc\t1\t1\t1\t64\tmalloc\tmain (a.c:1)'
        printf ';f%d (a.c:2)' {1..500}
        printf '\nend\n'
    } | mk deep.mp
    mp-html -o deep.html deep.mp
    page deep.html 'app.page.stacks.flame.cut.checkVisibility()' 'app.page.stacks.flame.list.length' \
        'app.page.stacks.flame.zoomTo(300)' 'app.page.stacks.flame.cut.checkVisibility()' 'box("f500,") !== undefined' \
        open:t.html 'app.page.stacks.flame.cut.checkVisibility()' >got
    same "$(tr '\n' ' ' <got)" 'true 401 false true false '
}

@test "leaks: first, last and rate, as mp-cat's events say" {
    page t.html 'allRows("leaks")' 'app.page.leaks.table.rows.map((r) => [r.name, r.leakedBytes, r.first, r.last])' \
        '[app.run.from, app.run.width]' >got
    # when the oldest and the newest of each line was allocated
    mp-cat --json t.mp | jq -cs --slurpfile w <(sed -n 2p got) '$w[0] as [$from, $width] |
        (map(select(.op == "free") | {(.block | tostring): 1}) | add) as $freed |
        map(select(.op == "alloc" and ($freed[.block | tostring] | not))) |
        map({site: (([.stack[] | select(.lang == "python")] | last) // .stack[-1]), size, time}) |
        group_by(.site) | map([.[0].site.func + " (" + .[0].site.file + ":" + (.[0].site.line | tostring) + ")",
            (map(.size) | add), (((map(.time) | min) - $from) / $width | floor),
            (((map(.time) | max) - $from) / $width | floor)]) | sort' >want
    sed -n 1p got | jq -c sort | diff want -
}

@test "what grows is what mp-leaks --growing says, of captures and of what grows for sure" {
    awk 'BEGIN {
        print "##mp=trace 1\nP\t1\t7\t\t\tserver\nT\t1\t1\t7\t\tmain"
        for (t = 0; t < 20000; t++) {
            split("leak start cache lru batch", f, " ")
            for (i = 1; i <= 5; i++) {
                if (i == 1 && t % 5 || i == 2 && t > 300 || i == 3 && (t > 6000 || t % 3) || i == 4 && t % 4 ||
                    i == 5 && t != 17000)
                    continue
                printf "alloc\t%.0f\t1\t%d\t%d\tmalloc\tmain (app.py:1) [py:1];%s (app.py:%d) [py:2]\n",
                    t * 1e6, ++n, 100 + t % 3, f[i], i
                if (i == 4) due[t + 2500] = n
            }
            if (t in due) printf "free\t%.0f\t1\t%d\n", t * 1e6, due[t]
        }
        print "end" }' | mk g.mp
    mp-capture -q -o c.mp -- python3 "$here/tests/targets/churn.py" >/dev/null || true
    for t in g t c; do
        mp-html -o "$t.html" "$t.mp"
        page "$t.html" 'allRows("leaks")' 'app.page.leaks.table.rows.filter((r) => trendOf(app.run, r.series, ...app.window) ===
            "growing").map((r) => r.name).sort()' | jq -c sort >got
        mp-leaks -q --growing "$t.mp" | mp-top --json | jq -cs 'map(select(.bytes != 0).name | sub(" \\[(?<m>[^]]*)\\]$"; " (" + .m + ")")) |
            sort' >want
        diff want got
        [ "$t" != g ] || same "$(cat got)" '["leak (app.py:1)"]'
    done
}

@test "a report loads nothing, and says nothing to the console" {
    page t.html 'app.setWindow(3, 50)' 'app.set("search", "part")' 'document.getElementById("theme").click()' \
        '[...document.querySelectorAll("button, summary")].forEach((b) => b.textContent === "Save as CSV" || b.click())'
    ! grep -oE '(src|href)="?(https?:)?//[^ >]*' t.html || false
    grep -q "default-src 'none'; script-src 'sha256-" t.html
}

@test "hostile names are text" {
    names=('</script><img src=x onerror=alert(1)>' '"><svg onload=alert(1)>' '<!--<script>alert(1)</script>'
        "';alert(1)//" '&lt;b&gt;' '__proto__' $'\xe2\x80\xaegnp.exe')
    steps=()
    for i in "${!names[@]}"; do
        hostile "${names[i]}" | mk "$i.mp"
        # nothing of it is in the file as it is
        mp-html --title "${names[i]}" -o "$i.html" "$i.mp"
        ! sed '/id="data"/,/<\/script>/d' "$i.html" | grep -F -e onerror=alert -e "${names[i]}" || return 1
        steps+=("open:$i.html" 'app.set("frames", "all")' 'app.page.stacks.flame.zoomTo(1)'
            '[document.images.length, document.querySelectorAll("script").length, document.title.length > 0]'
            'document.querySelector("h1").textContent')
    done
    page "${steps[0]#open:}" "${steps[@]:1}" >got
    same "$(sed -n 'p;n' got | sort -u)" '[0, 2, true]'
    names[-1]='\u202egnp.exe' # what turns text around is shown, not obeyed
    same "$(sed -n 'n;p' got | jq -r .)" "$(printf '%s\n' "${names[@]}")"
}

@test "everything can be done by keyboard" {
    page t.html 'document.querySelector(".handle.start").focus()' key:ArrowRight key:shift+ArrowRight app.window \
        'document.querySelector(".handle.end").focus()' key:ArrowLeft app.window \
        'document.querySelector(".grip").focus()' key:ArrowLeft app.window \
        'document.activeElement.getAttribute("aria-valuetext")' key:Escape 'app.window[0]' app.run.n >got
    n=$(sed -n 6p got)
    same "$(head -n 5 got)" "[11, $n]
[11, $((n - 1))]
[10, $((n - 2))]
$(sed -n 4p got)
0"
    [[ $(sed -n 4p got) == '"'*s*' – '*s'"' ]]
    # the graph of stacks: one box in the tab order; in, along, zoom, out; a column's button
    # sorts; choices move with arrows
    page t.html 'document.querySelectorAll("#stacks .box[tabindex=\"0\"]").length' \
        'document.querySelector("#stacks .box[tabindex=\"0\"]").focus()' key:ArrowDown \
        'document.activeElement.getAttribute("aria-level")' key:ArrowRight 'document.activeElement.getAttribute("aria-level")' \
        key:Enter 'app.page.stacks.flame.zoom > 0' key:Escape 'app.page.stacks.flame.zoom' \
        open:t.html 'document.querySelector("#objects [data-sort=allocatedCount]").focus()' key:Enter \
        'document.querySelector("#objects th[aria-sort]").textContent' 'document.activeElement.dataset.sort' \
        'document.querySelector("#bar [data-value=peak]").focus()' key:ArrowRight app.what >got
    same "$(tr '\n' ' ' <got)" '1 "2" "2" true 0 "Count▾" "allocatedCount" "leaked" '
}

@test "everything that can be focused has a name, and the order is the page's" {
    page t.html '[...document.querySelectorAll("button, select, input, [tabindex]")].filter((e) => e.checkVisibility() &&
        !(e.textContent.trim() || e.getAttribute("aria-label") || e.closest("label"))).map((e) => e.outerHTML)' \
        '[...document.querySelectorAll("[tabindex]")].filter((e) => e.tabIndex > 0).length' >got
    same "$(cat got)" $'[]\n0'
    # from the top by Tab alone: the first steps
    page t.html tab 'document.activeElement.className' tab 'document.activeElement.id' tab \
        'document.activeElement.textContent' tab 'document.activeElement.className' tab \
        'document.activeElement.className' >got
    same "$(tr '\n' ' ' <got)" '"skip" "theme" "More about this trace" "grip whole" "handle start" '
}

@test "filters and search hold for graphs and tables" {
    page t.html 'app.set("thread", String(app.run.labels.findIndex((l) => l[2] === "worker")))' \
        'app.set("what", "allocated")' 'app.page.stacks.flame.view.total[0]' 'app.sum("allocatedBytes")' \
        'app.set("thread", "")' 'app.set("search", "part3")' 'table("objects").every((r) => r.Line.includes("part3"))' \
        'document.querySelectorAll("#stacks .box.match").length > 0' >got
    want=$(mp-cat --json t.mp | jq -s 'map(select(.op == "alloc" and .thread == "worker").size) | add')
    same "$(tr '\n' ' ' <got)" "$want $want true true "
}

@test "filters by module and by process are mp-top's rows" {
    each='(name, list) => list.map(([key, text]) => { app[name] = key; app.compute();
        return [text, app.sum("allocatedBytes")]; }).sort()'
    printf '%s\n' '##mp=trace 1' $'P\t1\t7\t\t\tone' $'P\t2\t8\t1\t\ttwo' $'T\t1\t1\t7\t\tmain' $'T\t2\t2\t8\t\tmain' \
        $'alloc\t1\t1\t1\t100\tmalloc\tf (a.c:1)' $'alloc\t2\t2\t2\t30\tmalloc\tf (a.c:1)' end | mk two.mp
    mp-html -o two.html two.mp
    page two.html "($each)('process', app.page.processes())" open:t.html "($each)('module', app.page.modules())" >got
    same "$(sed -n 1p got)" '[["one (7)", 100], ["two (8)", 30]]'
    mp-top --view total --by file --json t.mp | jq -cs 'map(select(.bytes != 0 and (.name | endswith(".py"))) | [.name, .bytes]) | sort' >want
    sed -n 2p got | jq -c 'map(select(.[0] | endswith(".py")))' | diff want -
    [ "$(jq length want)" -ge 5 ]
}

@test "of very many threads those that allocated most can be chosen" {
    awk 'BEGIN {
        print "##mp=trace 1\nP\t1\t7\t\t\tserver"
        for (i = 1; i <= 1200; i++)
            printf "T\t%d\t1\t%d\t\treq-%d\nalloc\t%d\t%d\t%d\t%d\tmalloc\tf (a.c:1)\n", i, i, i, i, i, i, i % 7 * 100 + i
        print "end" }' | mk many.mp
    mp-html -o many.html many.mp
    page many.html '((o) => [o.length, o[0].text, o[1].text, o[1000].text, o[1001].text, o[1001].disabled])(
        document.querySelector("#bar select").options)' >got
    # 100 i % 7 + i: the largest is that of 1196, the thousandth that of 81
    same "$(cat got)" '[1002, "All threads", "req-1196", "req-81", "(200 more allocated less)", true]'
}

@test "two traces: what changed is what mp-diff says" {
    awk -v n=2000 -f "$BATS_TEST_DIRNAME/random.awk" | mk old.mp
    mp-html -o d.html old.mp t.mp
    page d.html 'allRows("diff")' 'app.page.diff.table.rows.map((r) => [r.name, r.sides[1] - r.sides[0]]).filter((r) => r[1])
        .sort((x, y) => x[0] < y[0] ? -1 : 1)' 'document.getElementById("diff").checkVisibility()' \
        'app.set("search", "part3")' 'table("diff").every((r) => r.Line.includes("part3")) && table("diff").length > 1' \
        'app.set("search", "")' 'app.set("module", app.page.modules().find(([, name]) => name === "pkg/part1.py")[0])' \
        'table("diff").every((r) => r.Line.includes("part1")) && table("diff").length > 1' >got
    mp-diff old.mp t.mp | mp-top --json | jq -cs 'map([.name, .bytes] | select(.[1] != 0)) | sort' >want
    head -n 1 got | jq -c . | diff want -
    same "$(sed 1d got)" $'true\ntrue\ntrue'
    # one trace: no such section
    same "$(page t.html 'document.getElementById("diff").checkVisibility()')" false
}

@test "parts of a stream are runs to choose from" {
    awk -v n=500 -f "$BATS_TEST_DIRNAME/random.awk" | mk small.mp
    cat t.mp small.mp | mp-html >two.html
    page two.html 'app.run.summary.peak.bytes' 'app.setRun(1)' 'app.run.summary.peak.bytes' \
        'document.querySelector("#runs select").selectedOptions[0].textContent' \
        'app.figures.peakBytes - app.run.summary.peak.bytes' >got
    same "$(tr '\n' ' ' <got)" "$(mp-stat --json t.mp | jq .peak.bytes) $(mp-stat --json small.mp |
        jq .peak.bytes) \"2 of 2\" 0 "
}

# steps that give a 0 for each width at which nothing is cut off
wide=()
for size in 320x640 400x800 640x450 1600x900; do
    wide+=("size:$size" 'document.documentElement.scrollWidth - document.documentElement.clientWidth')
done

@test "narrow, at twice the size, dark: nothing is cut off; it prints" {
    # names that fill a line, in every place that shows one
    long=$(printf 'x%.0s' {1..200})
    hostile "$long" | mk long.mp
    mp-html -o long.html long.mp
    page long.html "${wide[@]}" open:t.html "${wide[@]}" 'getComputedStyle(document.body).backgroundColor' dark \
        'getComputedStyle(document.body).backgroundColor' 'document.getElementById("theme").click()' \
        'getComputedStyle(document.body).backgroundColor' print:t.pdf >got
    same "$(head -n 8 got | sort -u)" 0
    same "$(sed 1,8d got | sort -u | wc -l)" 2
    same "$(sed -n 9p got)" "$(sed -n 11p got)"
    head -c 5 t.pdf | grep -q '%PDF-'
}

@test "the address remembers the window and what is shown" {
    page t.html 'app.setWindow(5, 9)' 'app.set("what", "leaked")' location.hash >got
    same "$(cat got)" '"#window=5-9&show=leaked"'
    same "$(page 't.html#window=5-9&show=leaked&unit=blocks' '[...app.window, app.measure]')" \
        '[5, 9, "leakedCount"]'
}

@test "the graph's timeline: marks and RSS are there" {
    page t.html 'document.querySelectorAll("#timeline line.mark").length' 'document.querySelector("#timeline .rss") !== null' \
        'app.page.timeline.rows().slice(1).reduce((s, r) => s + r[6], 0) - app.run.summary.allocated.count' >got
    same "$(tr '\n' ' ' <got)" '1 true 0 '
}

# what mp-stat, mp-top and the page say was allocated, left and live at the peak
stat_sums() {
    mp-stat -q --json "$1" | jq -c '[.allocated, .live, .peak | [.bytes, .count]]'
}

top_sums() {
    for view in total live peak; do
        mp-top -q --json --view $view "$1" | jq -cs '[(map(.bytes) | add // 0), (map(.count) | add // 0)]'
    done | jq -cs .
}

@test "a sample is said to be one, and what it cannot tell is left out" {
    mp-html -q -o t.html "$here/formats/samples/good/sampled.mp"
    page t.html '[document.querySelector("#loss").checkVisibility(), document.querySelector("#loss").textContent]' \
        '[...document.querySelectorAll("#facts dt")].map((d) => d.textContent)' >got
    sed -n 1p got | jq -e '.[0] and (.[1] | startswith("Estimates: sampled, one allocation in about 512.0 KiB"))'
    sed -n 2p got | jq -e 'index("Allocated") and (index("Temporary") | not)'
}

page_sums='["allocated", "leaked", "peak"].map((what) => ["Bytes", "Count"].map((unit) => data.runs.reduce((sum, run) =>
    sum + valuesOf(run, run.lines, 0, run.n)[what + unit].reduce((x, y) => x + y, 0)
    + (what === "leaked" ? run.live_lost[unit === "Bytes" ? 0 : 1] : what === "peak" && run.n
    ? windowFigures(run, 0, run.n)["peakLost" + unit] : 0), 0)))'

@test "totals of mp-stat, mp-top and the page are equal to the byte, of every sample" {
    steps=() samples=0
    for t in "$here"/formats/samples/good/*.mp; do
        mp-stat -q --json "$t" | jq -e .allocated >allocated || continue # a profile
        mp-html -q -o "$((++samples)).html" "$t"
        steps+=("open:$samples.html" "((data) => $page_sums)(app.data)")
        stat_sums "$t" >>want
        top_sums "$t" >>tops
    done
    [ "$samples" -ge 7 ]
    diff want tops
    page "${steps[0]#open:}" "${steps[@]:1}" | jq -c . | diff want -
}

@test "a capture piped into a report: its sections, mp-stat's figures, a window, no request" {
    mp-capture -q -- python3 "$here/tests/targets/leaky.py" | tee leaky.mp | mp-html >leaky.html
    want=$(stat_sums leaky.mp)
    same "$(top_sums leaky.mp)" "$want"
    page leaky.html "((data) => $page_sums)(app.data)" \
        '[...document.querySelectorAll("main h2")].filter((h) => h.checkVisibility()).map((h) => h.textContent).slice(0, 3)' \
        '[...document.querySelectorAll("#facts > div")].slice(0, 3).map((d) => d.title.split(" in ").map(digits))' \
        'allRows("objects")' 'table("objects").reduce((s, r) => s + r.Allocated, 0)' drag:4-20 \
        'allRows("objects")' 'table("objects").reduce((s, r) => s + r.Allocated, 0)' \
        'app.window.map((i) => (edge(app.run, i) / 1e9).toFixed(9))' \
        '[...document.querySelectorAll("#figures strong")].map((e) => e.textContent)' \
        '[app.figures.peakBytes, app.figures.allocatedBytes, app.page.leaked()].map(bytes)' "${wide[@]}" >got
    same "$(sed -n 1p got | jq -c .)" "$want"
    same "$(sed -n 2p got)" '["Allocation Timeline", "Top Allocating Call Stacks", "Object Allocation Stats"]'
    # the head: peak, live, allocated
    same "$(sed -n 3p got | jq -c '[.[2], .[1], .[0]]')" "$want"
    same "$(sed -n 4p got)" "$(jq '.[0][0]' <<<"$want")"
    window=$(sed -n 6p got | jq -r 'join(",")')
    same "$(sed -n 5p got)" "$(mp-top -q --json --view total --between "$window" leaky.mp | jq -s 'map(.bytes) | add // 0')"
    [ "$(sed -n 5p got)" -gt 0 ] && [ "$(sed -n 5p got)" -lt "$(sed -n 4p got)" ]
    same "$(sed -n 7p got)" "$(sed -n 8p got)"
    same "$(sed -n '9,$p' got)" $'0\n0\n0\n0'
}

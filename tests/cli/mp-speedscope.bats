#!/usr/bin/env bats
load ../helper

# folded FILE K: profile K of a speedscope file as mp-fold would print it
folded() {
    jq -r --argjson k "$2" '.shared.frames as $f | .profiles[$k] | [.samples, .weights] | transpose[] |
        (.[0] | map($f[.] | .name + if .file then " (\(.file)" + if .line then ":\(.line))" else ")" end
            else "" end) | join(";")) + " \(.[1])"' "$1" | sed -E 's/(0x[0-9a-f]+) \[[^]]*\]/\1/g' | sort
}

# schema FILE: what speedscope's schema requires
schema() {
    jq -e '
        .["$schema"] == "https://www.speedscope.app/file-format-schema.json"
        and (.exporter | test("^mp-speedscope [0-9.]+$")) and .activeProfileIndex == 0
        and (.name | type) == "string"
        and (.shared.frames | type) == "array"
        and all(.shared.frames[]; (.name | type) == "string"
            and (.file == null or (.file | type) == "string")
            and (.line == null or (.line | type) == "number")
            and (keys - ["name", "file", "line"]) == [])
        and (.shared.frames | length) as $n | (.profiles | length) > 0
        and all(.profiles[]; .type == "sampled" and (.name | type) == "string"
            and (.unit | IN("none", "bytes", "nanoseconds")) and .startValue == 0
            and (.samples | length) == (.weights | length)
            and (.weights | add // 0) == .endValue
            and all(.weights[]; . > 0)
            and all(.samples[][]; . >= 0 and . < $n)
            and all(.samples[]; length > 0)
            and (.samples | unique | length) == (.samples | length))' "$1" >/dev/null
}

@test "a profile a column, weights exact, frames shared" {
    mp-speedscope "$data/small.tsv" >s.json
    schema s.json
    same "$(jq -c . s.json)" '{"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"mp-speedscope '"$(mp-top --version | awk '{ print $3 }')"'","activeProfileIndex":0,"name":"python3 app.py","shared":{"frames":[{"name":"main","file":"a.c","line":11},{"name":"pool","file":"b.c","line":5},{"name":"main","file":"a.c","line":10},{"name":"load","file":"a.c","line":21},{"name":"load","file":"a.c","line":20}]},"profiles":[{"type":"sampled","name":"bytes (peak)","unit":"bytes","startValue":0,"endValue":7096,"samples":[[0,1],[2,3],[2,4]],"weights":[4096,2000,1000]},{"type":"sampled","name":"count (peak)","unit":"none","startValue":0,"endValue":3,"samples":[[0,1],[2,3],[2,4]],"weights":[1,1,1]}]}'
    mp-cat "$data/small.tsv" | mp-speedscope | cmp - s.json
    mp-speedscope -o t.json "$data/small.tsv"
    cmp t.json s.json
}

@test "--by thread and process, -k: which profiles" {
    mp-speedscope --by thread "$data/small.tsv" >s.json
    schema s.json
    same "$(jq -c '.profiles[] | [.name, .endValue]' s.json)" '["worker: bytes (peak)",4096]
["worker: count (peak)",1]
["MainThread: bytes (peak)",3000]
["MainThread: count (peak)",2]'
    mp-speedscope --by process -k count --view total "$data/trace.tsv" -q >s.json || [ $? = 2 ]
    schema s.json
    same "$(jq -c '[.name, (.profiles[] | .name, .endValue)]' s.json)" \
        '["python3 app.py --name \"a b\" (incomplete: 7 lost events, 96 lost bytes; estimates: sampled, one allocation in about 512 B recorded)","python3: count (total)",9]'
    mp-speedscope --keep none --by thread "$data/small.tsv" >s.json
    same "$(jq -r '.profiles[0].name' s.json)" '[no name]: bytes (peak)'
    run -2 --separate-stderr mp-speedscope -k nothing "$data/small.tsv"
    [[ $stderr == "mp-speedscope: no column 'nothing'"* ]]
}

@test "equal to mp-fold on real captures" {
    for f in python native; do
        for view in peak live total; do
            for frames in default all; do
                t=$here/formats/samples/good/$f.mp
                mp-speedscope -q --view $view --frames $frames "$t" >s.json
                schema s.json
                for k in 0:bytes 1:count; do
                    mp-fold -q --view $view --frames $frames -k ${k#*:} "$t" | sort >want
                    [ -s want ]
                    folded s.json ${k%:*} >got
                    cmp want got || { diff want got | head; return 1; }
                done
            done
        done
    done
}

@test "a diff has negative values: -k old,new" {
    mp-diff "$data/old.tsv" "$data/new.tsv" >d.mp
    run -2 --separate-stderr mp-speedscope d.mp
    [[ $stderr == *"negative values, speedscope none: use -k old,new" ]]
    mp-speedscope -k old,new d.mp >s.json
    schema s.json
    same "$(jq -c '.profiles | map(.endValue)' s.json)" '[1500,1850]'
}

@test "a maximum is left out, and refused where it is asked for" {
    printf '##mp=profile 1\n##column=ns\tns\t\tsum\n##column=rss\tB\t\tmax\n#ns\trss\tstack\n5\t9\tf (a.c:1)\n' >p.tsv
    mp-speedscope p.tsv >s.json
    schema s.json
    same "$(jq -c '.profiles | map([.name, .unit, .endValue])' s.json)" '[["ns","nanoseconds",5]]'
    run -2 --separate-stderr mp-speedscope -k rss p.tsv
    [ "$stderr" = "mp-speedscope: column 'rss' is a maximum or minimum: it does not add up" ]
}

@test "a trace of samples: samples and time" {
    printf '##mp=trace 1\nP\t1\t9\t0\t0\ta\ta\tx\t4096\t\nT\t1\t1\t9\t0\tm\nsample\t1\t1\t5\t0\t9\tf (a.c:1)\nsample\t2\t1\t7\t0\t4\tf (a.c:1)\nend\n' >t.tsv
    mp-speedscope t.tsv >s.json
    schema s.json
    same "$(jq -c '.profiles | map([.name, .unit, .endValue])' s.json)" '[["samples (samples)","none",2],["time (samples)","nanoseconds",12]]'
    mp-speedscope -k rss_sum t.tsv >s.json
    same "$(jq -c '.profiles | map(.endValue)' s.json)" '[13]'
}

@test "hostile names, no stack, no rows, values over 53 bits" {
    printf '##mp=profile 1\n#bytes\tstack\n7\t\n9007199254740993\tev\\x1b[31mil\\x07\\xff"\\\\ (x\\x1b.c:1)\n' >p.tsv
    mp-speedscope p.tsv >s.json
    schema s.json
    grep -q '^"weights":\[9007199254740993,7\]}' s.json
    grep -q '"endValue":9007199254741000,' s.json
    ! LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' s.json || false
    same "$(jq -r '.shared.frames[1].name' s.json)" '[no stack]'
    printf '##mp=profile 1\n#bytes\tstack\n' >p.tsv
    mp-speedscope p.tsv >s.json
    schema s.json
}

@test "speedscope itself opens it and shows the same figures" {
    command -v npm >/dev/null || skip 'no npm'
    npm install --silent --no-audit --no-fund --fetch-retries=0 --fetch-timeout=20000 speedscope@1 >npm.log 2>&1 || skip 'no speedscope from npm'
    mp-speedscope "$data/small.tsv" >s.json
    echo "speedscope.loadFileFromBase64('s.json', '$(base64 -w 0 s.json)')" >s.js
    status=0
    python3 "$here/tests/browser.py" \
        "file://$PWD/node_modules/speedscope/dist/release/index.html#localProfilePath=$PWD/s.js" >got <<'STEPS' || status=$?
wait document.title != 'speedscope'
eval document.title
eval void [...document.querySelectorAll('div')].filter(d => /Sandwich$/.test(d.textContent)).pop().click()
wait /Self/.test(document.body.innerText) && (document.body.innerText.match(/main/g) || []).length >= 2
eval document.body.innerText.replace(/\s+/g, ' ')
STEPS
    [ $status != 77 ] || skip 'no browser'
    [ $status = 0 ]
    [ "$(head -n 1 got)" = 'python3 app.py - speedscope' ]
    grep -qF 'bytes (peak) (1/2)' got
    grep -qF '4.00 KB (58%) 4.00 KB (58%) pool 1.95 KB (28%) 1.95 KB (28%) load 1000 B (14%) 1000 B (14%) load 2.93 KB (42%) 0 B (<0.01%) main 4.00 KB (58%) 0 B (<0.01%) main' got
}

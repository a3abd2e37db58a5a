#!/usr/bin/env bats
# Objects kept alive from three known lines: mp-leaks names the lines with exact
# bytes and counts, on every CPython found.

load ../helper

setup() {
    PATH=$MP_BUILD/bin:$PATH
    cd "$BATS_TEST_TMPDIR"
    cp "$BATS_TEST_DIRNAME/../targets/three.py" .
}

# exact PYTHON MODE
exact() {
    mp-capture -q -o t.mp -- "$1" three.py "$2" >expected
    mp-check -q t.mp
    mp-leaks --json t.mp >leaks
    [ -s expected ]
    local name bytes count line got kind
    while read -r name bytes count; do
        line=$(grep -n "LINE:$name" three.py | cut -d: -f1)
        kind='.'
        [ "$name" = array ] && kind='select(.kind == "malloc" or .kind == "calloc") | select(.bytes >= 1000000)'
        got=$(jq -r -s --argjson line "$line" "map($kind"' | select((.stack | map(select(.file // "" | endswith("three.py"))) | last) as $f
            | $f != null and $f.line == $line)) | "\(map(.bytes) | add // 0) \(map(.count) | add // 0)"' leaks)
        if [ "$got" != "$bytes $count" ]; then
            echo "$1 $2: $name: expected $bytes $count, got $got" >&2
            return 1
        fi
    done <expected
}

@test "three lines, held by module globals, on every CPython" {
    pythons >list
    [ -s list ]
    while read -r p; do
        exact "$p" globals
    done <list
}

@test "three lines, held by a running function, on every CPython" {
    pythons >list
    while read -r p; do
        exact "$p" running
        exact "$p" thread
    done <list
}

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
    mp-leaks -o leaks.mp t.mp
    mp-top --json --by line -n 1000 leaks.mp >lines
    mp-leaks -m 1M --json t.mp >large
    [ -s expected ]
    local name bytes count line got
    while read -r name bytes count; do
        line=$(grep -n "LINE:$name" three.py | cut -d: -f1)
        if [ "$name" = array ]; then    # its line holds the array's header, too
            got=$(jq -r --argjson n "$bytes" 'select(.bytes == $n and (.stack | any(.line == '"$line"')))
                | "\(.bytes) \(.count)"' large)
        else
            got=$(jq -r 'select(.name | endswith("three.py:'"$line"')")) | "\(.bytes) \(.count)"' lines)
        fi
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

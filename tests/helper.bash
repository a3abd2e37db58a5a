# helper.bash - what every bats file loads: PATH, a folder per test, mk, j.
# MP_BUILD names the build (default: build). Nothing here looks at a clock.
bats_require_minimum_version 1.5.0
here=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
build=${MP_BUILD:-$here/build}
case $build in /*) ;; *) build=$here/$build ;; esac
data=$here/tests/data
PATH=$build/bin:$PATH
export PATH data LC_ALL=C TERM=xterm
unset NO_COLOR DEBUGINFOD_URLS

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# mk FILE: the text twin on stdin becomes a .mp
mk() {
    mp-cat --level 1 -o "$1" -
}

# j EXPRESSION PROGRAM...: jq over all objects of PROGRAM --json; true or fail
j() {
    local expression=$1
    shift
    "$@" --json >j.out || return
    jq -s -e "$expression" j.out >j.value || {
        echo "false: $expression"
        head -n 20 j.out
        return 1
    } >&2
}

# tty COMMAND: with a terminal as stdout, without carriage returns
tty() {
    script -qec "stty rows ${rows:-24} cols ${cols:-100}; $1" /dev/null </dev/null | tr -d '\r'
    return "${PIPESTATUS[0]}"
}

# same GOT WANTED: texts, with a diff where they differ
same() {
    diff -u <(printf '%s\n' "$2") <(printf '%s\n' "$1")
}

programs() {
    for p in "$build"/bin/mp-*; do
        basename "$p"
    done
}

# the programs that read streams
readers() {
    programs | grep -vxE 'mp-capture|mp-sample'
}

# filters write .mp and print a table on a terminal
is_filter() {
    case $1 in mp-cat | mp-filter | mp-sym | mp-leaks | mp-peak | mp-temp | mp-diff) return 0 ;; esac
    return 1
}

# these read traces only
needs_events() {
    case $1 in mp-leaks | mp-peak | mp-temp | mp-time | mp-html) return 0 ;; esac
    return 1
}

# input PROGRAM FILE: the operands that make PROGRAM read FILE
input() {
    case $1 in
    mp-diff) echo "$2 $2" ;;
    *) echo "$2" ;;
    esac
}

# agrees TRACE: mp-stat says what mp-top, mp-temp, mp-peak and mp-leaks say, to the byte
agrees() {
    local sums='map(select(.op == null)) | [(map(.bytes) | add // 0), (map(.count) | add // 0)]'
    local first='map(select(.bytes != 0) | {bytes, count, name})[:10]'
    {
        mp-top -q --view total --by stack --json "$1" | jq -cs "$sums"
        # a sample does not tell
        if mp-stat -q --json "$1" | jq -e '.loss.estimate' >/dev/null; then
            echo '[null,null]'
        else
            mp-temp -q --json --keep none "$1" | jq -cs "$sums"
        fi
        mp-peak -q --json --keep none "$1" | jq -cs "$sums"
        mp-leaks -q --json --keep none "$1" | jq -cs "$sums"
        mp-leaks -q --json --keep none --at-exit "$1" | jq -cs "$sums"
        mp-top -q --view total --json "$1" | jq -cs "$first"
        mp-top -q --view total -k count --json "$1" |
            jq -cs 'map(select(.count != 0) | {bytes, count, name})[:10]'
        mp-top -q --view total --by file --json "$1" | jq -cs "$first"
    } >views
    mp-stat -q --json "$1" >stat
    {
        jq -c '(.allocated, .temporary, .peak, .live) | [.bytes, .count]' stat
        mp-stat -q --at-exit --json "$1" | jq -c '.live | [.bytes, .count]'
        jq -c '.top_bytes, .top_count, .files' stat
    } >summary
    diff -u views summary || { echo "$1" >&2; return 1; }
    # its parts add up
    jq -e '.allocated as $all |
        def sum: [(map(.bytes) | add // 0), (map(.count) | add // 0)];
        [$all.bytes, $all.count] as $want |
        (.sizes | sum) == $want and (.kinds | map(select(.counted)) | sum) == $want and
        (.processes | map(.allocated) | sum) == $want and
        ([.live.bytes, .live.count] == (.processes | map(.live) | sum)) and
        all(("top_bytes", "top_count", "files", "modules") as $k |
            ((.[$k] | map(.bytes) | add // 0) + .[$k + "_more"].bytes);
            . == $all.bytes)' stat >true || { cat stat; return 1; } >&2
}

# flip FILE OFFSET: one byte changed
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# pythons [LAST]: every CPython 3.8 - 3.LAST (3.13) on this machine, those that MP_PYTHONS
# names, too; one path a line.
pythons() {
    local p
    # shellcheck disable=SC2086
    for p in /usr/bin/python3.[0-9]* /usr/local/bin/python3.[0-9]* \
        "$HOME"/.pyenv/versions/3.*/bin/python3 ${MP_PYTHONS-}; do
        [ -x "$p" ] || continue
        "$p" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, int(sys.argv[1])))' \
            "${1:-13}" 2>/dev/null || continue
        printf '%s\n' "$p"
    done | grep -vE '(config|gdb|d)$'
}

#!/usr/bin/env bats
load ../helper

setup_file() {
    load ../helper
    cd "$BATS_FILE_TMPDIR" || return
    for t in names.cc inline.c cxx.cc; do
        cp "$here/tests/targets/$t" .
        case $t in *.cc) cc=g++ ;; *) cc=gcc ;; esac
        $cc -O1 -g -pthread -Wl,--build-id -o "${t%.*}" $t -ldl
        mp-capture -q -o "${t%.*}.mp" -- "./${t%.*}" >/dev/null
        mp-capture -q --no-symbols -o "${t%.*}.raw" -- "./${t%.*}" >/dev/null
    done
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    work=$BATS_TEST_TMPDIR
}

# seen FILE: what people see of it; no address, no time
seen() {
    mp-top -n 1000 --view total "$1"
    mp-top -n 1000 --view total --frames all --by function "$1"
    mp-fold --view total "$1"
    mp-leaks "$1" | mp-top -n 1000
}

build_id() {
    readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

# of FILE...: the note of mp-sym
of() {
    mp-sym -o "$work/of" "$@" 2>&1
}

# away NAME: the program is no longer where it was, until the test ends
away() {
    mv "$1" "$work/$1.kept"
    kept=$1
}

teardown() {
    [ -z "${kept-}" ] || mv -f "$BATS_TEST_TMPDIR/$kept.kept" "$BATS_FILE_TMPDIR/$kept"
    [ -z "${server-}" ] || kill "$server"
}

@test "named afterwards is named at once: the same tables and stacks" {
    for t in names inline cxx; do
        seen $t.raw >"$work/raw"
        mp-sym -q $t.raw >"$work/t.mp"
        mp-check "$work/t.mp"
        seen $t.mp >"$work/want"
        seen "$work/t.mp" | cmp - "$work/want"
        ! cmp -s "$work/raw" "$work/want" || false
    done
    mp-fold --view total "$work/t.mp" | grep -q 'main (.*cxx.cc:'
    mp-sym -q names.raw | mp-fold --view total | grep -q 'shop::till::pay (.*names.cc:'
    mp-sym -q inline.raw | mp-fold --view total --frames all | grep -q 'outer (.*inline.c:[0-9]*);make'
}

@test "no number, event or row changes" {
    mp-sym -q cxx.raw >"$work/t.mp"
    for f in cxx.raw "$work/t.mp"; do
        mp-cat -t "$f" | grep -vP '^([Lf]\t|end)' >"$work/$(basename "$f").txt"
    done
    cmp "$work/cxx.raw.txt" "$work/t.mp.txt"
    # byte by byte up to where the names come
    head -c $(($(stat -c %s cxx.raw) - 1000)) cxx.raw | cmp -n $(($(stat -c %s cxx.raw) - 1000)) - "$work/t.mp"
    # a second time there is nothing to add
    mp-sym -q "$work/t.mp" | cmp - "$work/t.mp"
    mp-sym -q --all "$work/t.mp" | cmp - "$work/t.mp"
}

@test "an independent reader finds it clean" {
    /usr/bin/python3 -c 'import xxhash, zstandard' || skip 'no xxhash or zstandard for Python'
    mp-sym -q cxx.raw >"$work/t.mp"
    same "$(/usr/bin/python3 "$here/tests/decoder.py" "$work/t.mp" | tail -n 1)" \
        "$(/usr/bin/python3 "$here/tests/decoder.py" cxx.raw | tail -n 1)"
}

@test "several parts, stored, compressed, as text: the same names" {
    mp-sym -q names.raw >"$work/one.mp"
    cat names.raw inline.raw | mp-sym -q >"$work/two.mp"
    mp-check "$work/two.mp"
    [ "$(mp-cat -t "$work/two.mp" | grep -c '^end')" = 2 ]
    mp-cat --level 0 names.raw >"$work/stored.raw"
    mp-sym -q --level 9 "$work/stored.raw" >"$work/nine.mp"
    mp-sym -q --level 0 names.raw >"$work/zero.mp"
    [ "$(stat -c %s "$work/nine.mp")" -lt "$(stat -c %s "$work/zero.mp")" ]
    for f in nine zero; do
        mp-check "$work/$f.mp"
        mp-cat -t "$work/$f.mp" | cmp - <(mp-cat -t "$work/one.mp")
    done
    mp-sym -q -t names.raw | cmp - <(mp-cat -t "$work/one.mp")
    mp-sym -q --json names.raw | cmp - <(mp-cat --json "$work/one.mp")
    mp-cat -t names.raw | mp-sym -q | mp-fold --view total | cmp - <(mp-fold --view total names.mp)
}

@test "a profile: rows keep their values, names are added" {
    mp-leaks cxx.raw | mp-sym -q | mp-top -n 100 >"$work/got"
    mp-leaks cxx.mp | mp-top -n 100 | cmp - "$work/got"
    mp-leaks cxx.raw | mp-sym -q -t | grep -q '(.*cxx.cc:[0-9]*) \['
    tty 'mp-leaks cxx.raw | mp-sym -q' | grep -q '^live: .* blocks'
    run --separate-stderr -2 bash -c 'mp-leaks cxx.raw | cat cxx.raw - | mp-sym -q >/dev/null'
    same "$stderr" 'mp-sym: stdin: a profile cannot follow a trace'
}

@test "the note says how many have got names; -q silences it" {
    [[ $(of names.raw) =~ ^mp-sym:\ ([0-9]+)\ of\ ([0-9]+)\ addresses\ named$ ]]
    [ "${BASH_REMATCH[1]}" -gt 0 ] && [ "${BASH_REMATCH[1]}" -le "${BASH_REMATCH[2]}" ]
    same "$(of names.mp | sed 's/.*: 0 of .*/none/')" none
    same "$(of -q names.raw)" ''
}

@test "--debug-dir: a stripped program by its build-id" {
    objcopy --only-keep-debug names "$work/names.debug"
    strip -o "$work/stripped" names
    id=$(build_id names)
    away names
    cp "$work/stripped" names
    mp-sym -q names.raw | mp-fold --view total >"$work/got"
    ! grep -q 'shop::' "$work/got" || false
    mkdir -p "$work/dir/.build-id/${id:0:2}"
    cp "$work/names.debug" "$work/dir/.build-id/${id:0:2}/${id:2}.debug"
    mp-sym -q --debug-dir "$work" --debug-dir "$work/dir" names.raw | mp-fold --view total >"$work/got"
    mp-fold --view total names.mp | cmp - "$work/got"
    # and without any program at all
    rm names
    mp-sym -q --debug-dir "$work/dir" names.raw | mp-fold --view total | cmp - "$work/got"
}

@test "--debug-dir: the root of another machine" {
    away names
    mkdir -p "$work/root$BATS_FILE_TMPDIR"
    cp "$work/names.kept" "$work/root$BATS_FILE_TMPDIR/names"
    ! mp-sym -q names.raw | mp-fold --view total | grep -q 'shop::' || false
    mp-sym -q --debug-dir "$work/root" names.raw | mp-fold --view total |
        cmp - <(mp-fold --view total names.mp)
}

@test "a file of another build-id is not used" {
    away names
    sed 's/book.size/book.max_size/' names.cc >"$work/other.cc"
    g++ -O1 -g -Wl,--build-id -o names "$work/other.cc"
    [ "$(build_id names)" != "$(build_id "$work/names.kept")" ]
    mp-sym -q names.raw >"$work/t.mp"
    ! mp-fold --view total "$work/t.mp" | grep -qE 'shop::|other.cc|names.cc' || false
    # libraries have theirs, and the program's addresses stay as they were
    mp-fold --view total --frames all "$work/t.mp" | grep -q ';__libc_start_main.*;0x[0-9a-f]*;'
    # a debug file by the right name but with the wrong contents neither
    id=$(build_id "$work/names.kept")
    mkdir -p "$work/dir/.build-id/${id:0:2}"
    cp names "$work/dir/.build-id/${id:0:2}/${id:2}.debug"
    mp-sym -q --debug-dir "$work/dir" -o "$work/again.mp" names.raw
    cmp "$work/again.mp" "$work/t.mp"
}

@test "--all looks up again what has a name" {
    mp-cat -t names.mp | sed 's/^\(L\t[0-9]*\t\)shop::till::pay\t/\1old name\t/' | mp-cat >"$work/old.mp"
    mp-fold --view total "$work/old.mp" | grep -q 'old_name\|old name'
    mp-sym -q "$work/old.mp" | mp-fold --view total | grep -q 'old.name'
    mp-sym -q --all "$work/old.mp" >"$work/new.mp"
    mp-check "$work/new.mp"
    mp-fold --view total "$work/new.mp" | cmp - <(mp-fold --view total names.mp)
}

@test "a truncated trace is named and stays truncated; damage stays, too" {
    head -c $(($(stat -c %s cxx.raw) * 2 / 3)) cxx.raw >"$work/cut.raw"
    run --separate-stderr -0 mp-sym -o "$work/cut.mp" "$work/cut.raw"
    [[ $stderr == *'incomplete: 1 truncated part'* ]]
    run -8 mp-check "$work/cut.mp"
    [ "${#lines[@]}" = 1 ]
    mp-top -q --view total "$work/cut.mp" | grep -q 'cxx.cc'
    run -2 mp-sym -q --strict -o "$work/cut.mp" "$work/cut.raw"
    cp cxx.raw "$work/bad.raw"
    flip "$work/bad.raw" $(($(stat -c %s cxx.raw) / 2))
    run -2 mp-sym -q -o "$work/bad.mp" "$work/bad.raw"
    run -4 mp-check "$work/bad.mp"
    [[ $output == *', 1 damaged block'* ]]
    mp-top -q --view total "$work/bad.mp" 2>/dev/null | grep -q 'cxx.cc'
}

# serve: a debuginfod on $port that logs what it is asked for
serve() {
    cat >"$work/serve.py" <<'END'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(sys.argv[1] + "/asked", "a").write(self.path + "\n")
        try:
            data = open(sys.argv[1] + "/served" + self.path, "rb").read()
        except OSError:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *a):
        pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
open(sys.argv[1] + "/port.tmp", "w").write(str(s.server_port))
import os
os.rename(sys.argv[1] + "/port.tmp", sys.argv[1] + "/port")
s.serve_forever()
END
    : >"$work/asked"
    python3 "$work/serve.py" "$work" 3>&- &
    server=$!
    until [ -s "$work/port" ]; do
        kill -0 $server || return
    done
    port=$(cat "$work/port")
}

@test "debuginfod: asked only where DEBUGINFOD_URLS names a server" {
    ldconfig -p | grep -q libdebuginfod.so.1 || skip 'no libdebuginfod'
    id=$(build_id names)
    objcopy --only-keep-debug names "$work/names.debug"
    away names
    serve
    mkdir -p "$work/served/buildid/$id"
    cp "$work/names.debug" "$work/served/buildid/$id/debuginfo"
    export DEBUGINFOD_CACHE_PATH=$work/cache HOME=$work XDG_CACHE_HOME=$work
    # not named: nothing is asked, nothing is kept
    mp-sym -q names.raw | mp-fold --view total >"$work/got"
    DEBUGINFOD_URLS='' mp-sym -q names.raw | mp-fold --view total | cmp - "$work/got"
    DEBUGINFOD_URLS=http://127.0.0.1:$port mp-top --view total names.raw >/dev/null
    [ ! -s "$work/asked" ] && [ ! -e "$work/cache" ]
    ! grep -q 'shop::' "$work/got" || false
    DEBUGINFOD_URLS=http://127.0.0.1:$port mp-sym -q names.raw | mp-fold --view total >"$work/got"
    grep -Fxq "/buildid/$id/debuginfo" "$work/asked"
    mp-fold --view total names.mp | cmp - "$work/got"
}

@test "debuginfod: what a server sends for another build-id is not used" {
    ldconfig -p | grep -q libdebuginfod.so.1 || skip 'no libdebuginfod'
    id=$(build_id names)
    away names
    serve
    mkdir -p "$work/served/buildid/$id"
    cp inline "$work/served/buildid/$id/debuginfo"
    export DEBUGINFOD_CACHE_PATH=$work/cache HOME=$work
    DEBUGINFOD_URLS=http://127.0.0.1:$port mp-sym -q names.raw | mp-fold --view total >"$work/got"
    grep -Fxq "/buildid/$id/debuginfo" "$work/asked"
    ! grep -qE 'shop::|inline.c' "$work/got" || false
    # nor is a build-id that is none sent anywhere
    : >"$work/asked"
    mp-cat -t names.raw | sed "s|$id|../../etc|" >"$work/evil.tsv"
    DEBUGINFOD_URLS=http://127.0.0.1:$port mp-sym -q "$work/evil.tsv" >"$work/evil.mp"
    ! grep -q etc "$work/asked" || false
}

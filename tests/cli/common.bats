#!/usr/bin/env bats
# The rules of the command line, over every program in build/bin.
load ../helper

trouble() {
    case $1 in mp-capture | mp-sample) echo 125 ;; *) echo 2 ;; esac
}

@test "--help: at most 24 lines on stdout, 100 wide, with usage, examples and the man page" {
    for p in $(programs); do
        run --separate-stderr "$p" --help
        [ "$status" = 0 ] && [ -z "$stderr" ] || { echo "$p"; return 1; }
        [ "${#lines[@]}" -le 24 ] && [ "$(printf '%s\n' "$output" | wc -l)" -le 24 ]
        [ "$(printf '%s\n' "$output" | awk '{ print length }' | sort -n | tail -n 1)" -le 100 ]
        [[ $output == *"usage: $p "* && $output == *"examples: "* && $output == *"$p(1)"* ]] ||
            { echo "$p: $output"; return 1; }
        same "$("$p" -h)" "$output"
    done
}

@test "--version: program (mp) number" {
    for p in $(programs); do
        run -0 --separate-stderr "$p" --version
        [[ ${lines[0]} =~ ^$p\ \(mp\)\ [0-9]+\.[0-9]+\.[0-9]+$ ]] && [ -z "$stderr" ]
    done
}

@test "a bad option: two lines on stderr, nothing on stdout, trouble" {
    for p in $(programs); do
        for o in --no-such-option -Z --help=x --quiet=1; do
            run --separate-stderr "$p" $o </dev/null
            [ "$status" = "$(trouble "$p")" ] || { echo "$p $o: $status"; return 1; }
            [ -z "$output" ] && [ "${#stderr_lines[@]}" = 2 ] || { echo "$p $o: $stderr"; return 1; }
            [[ ${stderr_lines[0]} == "$p: "* && ${stderr_lines[1]} == "usage: $p "* ]]
        done
    done
}

@test "an option that needs a value says so" {
    for p in $(programs); do
        "$p" --list-options | sed -n 's/^\(--[a-z-]*\)=.*/\1/p' | while read -r o; do
            run --separate-stderr "$p" "$o" </dev/null
            [ "$status" = "$(trouble "$p")" ] && [[ $stderr == *"needs a value"* ]] ||
                { echo "$p $o: $status $stderr"; exit 1; }
        done
    done
}

@test "options of a program and of its man page are the same" {
    for p in $(programs); do
        page=$here/tools/$p.1
        [ -e "$page" ] || page=$here/capture/$p.1
        awk '/^\.SH/ { on = ($2 == "OPTIONS") } on' "$page" | grep -A 1 '^\.TP' |
            grep -oE '(^| |")\\-(\\-)?[A-Za-z][A-Za-z\\-]*' | tr -d '\\ "' | sort -u >page
        "$p" --list-options | sed 's/=.*//' | sort -u >program
        diff -u page program || { echo "$p"; return 1; }
    done
}

@test "every choice of an option is in the man page" {
    for p in $(programs); do
        page=$here/tools/$p.1
        [ -e "$page" ] || page=$here/capture/$p.1
        tr -d '\\' <"$page" >plain
        for word in $("$p" --list-options | sed -n 's/^--[a-z-]*=\([a-z,]*\)$/\1/p' | tr , ' '); do
            grep -qw -e "$word" plain || { echo "$p: $word"; return 1; }
        done
    done
}

@test "man pages have their sections, in order, and pass mandoc" {
    for page in "$here"/tools/*.1 "$here"/capture/*.1; do
        same "$(sed -n 's/^\.SH //p' "$page" | grep -E '^(NAME|SYNOPSIS|DESCRIPTION|OPTIONS|EXIT STATUS|EXAMPLES|SEE ALSO)$' | tr '\n' ' ')" \
            'NAME SYNOPSIS DESCRIPTION OPTIONS EXIT STATUS EXAMPLES SEE ALSO ' ||
            { echo "$page"; return 1; }
    done
    if command -v mandoc; then
        mandoc -Tlint -W warning "$here"/tools/*.[17] "$here"/capture/*.1 >lint || true
        same "$(grep -v 'missing date' lint)" ''
    fi
}

@test "mp(7) names every program, and every program it names exists" {
    tr -d '\\' <"$here/tools/mp.7" | grep -oE 'mp-[a-z]+' | grep -vx mp-tools | sort -u >named
    same "$(cat named)" "$(programs | sort)"
}

@test "stdin a terminal and no operand: usage, trouble, no hang" {
    for p in $(programs); do
        run timeout 20 script -qec "$p >out 2>err; echo \$? >status" /dev/null
        [ "$(cat status)" = "$(trouble "$p")" ] || { echo "$p: $(cat status err)"; return 1; }
        [ ! -s out ] && [ "$(wc -l <err)" = 2 ] || { echo "$p: $(cat err)"; return 1; }
    done
}

@test "missing file, directory, no trace, empty input: one line that names it, exit 2" {
    mkdir dir
    echo 'no trace at all' >text
    head -c 4096 /dev/zero >zero
    : >empty
    for p in $(readers); do
        for f in missing dir text zero empty; do
            [ "$p" = mp-check ] && stderr_of=1 || stderr_of=2
            run --separate-stderr "$p" $(input "$p" $f)
            [ "$status" = 2 ] || { echo "$p $f: $status $output $stderr"; return 1; }
            line=$stderr
            [ $stderr_of = 1 ] && line=$output
            [ "$(printf '%s\n' "$line" | wc -l)" = 1 ] && [[ $line == *"$f: "* ]] ||
                { echo "$p $f: $line"; return 1; }
            [ $stderr_of = 1 ] || [[ $line == "$p: $f: "* ]]
        done
    done
}

@test "messages start in lower case and end without a full stop" {
    for p in $(readers); do
        [ "$p" = mp-check ] && continue
        run --separate-stderr "$p" $(input "$p" missing)
        [[ $stderr =~ ^$p:\ missing:\ .*[^.]$ ]]
    done
}

@test "files, -, stdin and a file behind -- are the same input" {
    mk t.mp <"$data/small.tsv"
    for p in $(readers); do
        [ "$p" = mp-diff ] && continue
        as=t.mp
        [ "$p" = mp-check ] && as=stdin # it prints the name
        "$p" t.mp | sed "s/^t\\.mp:/$as:/" >want
        "$p" -- t.mp | sed "s/^t\\.mp:/$as:/" | cmp want -
        "$p" <t.mp | cmp want -
        "$p" - <t.mp | cmp want -
        [ "$p" = mp-check ] || "$p" t.mp -q | cmp want -
    done
}

@test "binary, text twin and zstd of both give the same bytes" {
    mk t.mp <"$data/small.tsv"
    zstd -q t.mp -o t.mp.zst
    zstd -q "$data/small.tsv" -o t.tsv.zst
    for p in mp-leaks mp-peak mp-temp mp-top mp-tree mp-stat mp-fold; do
        "$p" t.mp >want
        for f in t.mp.zst t.tsv.zst "$data/small.tsv"; do
            "$p" "$f" >got
            cmp want got || { echo "$p $f"; return 1; }
        done
    done
}

@test "same input, same bytes" {
    mk t.mp <"$data/small.tsv"
    for p in $(readers); do
        "$p" $(input "$p" t.mp) >one
        "$p" $(input "$p" t.mp) >two
        cmp one two
    done
}

@test "a full disk is exit 2 and said" {
    mk t.mp <"$data/small.tsv"
    for p in $(readers); do
        run --separate-stderr bash -c "$p $(input "$p" t.mp) >/dev/full"
        [ "$status" = 2 ] || { echo "$p: $status"; return 1; }
        [[ $stderr == "$p: "*"No space left on device" ]] || { echo "$p: $stderr"; return 1; }
        run --separate-stderr bash -c "$p --help >/dev/full"
        [ "$status" = "$(trouble "$p")" ]
    done
}

@test "stdout closed is exit 2, stdin closed is exit 2" {
    mk t.mp <"$data/small.tsv"
    for p in $(readers); do
        run --separate-stderr bash -c "$p $(input "$p" t.mp) >&-"
        [ "$status" = 2 ] || { echo "$p: $status"; return 1; }
        [ "$p" = mp-diff ] && continue
        run bash -c "$p <&-"
        [ "$status" = 2 ] || { echo "$p: $status $output"; return 1; }
    done
}

@test "a reader that goes away is quiet, also where SIGPIPE was ignored" {
    awk 'BEGIN { print "##mp=profile 1"; print "#bytes\tstack"
        for (i = 1; i <= 20000; i++) printf "%d\tfunction_with_a_long_name_%d (file.c:%d)\n", i, i, i }' >big.tsv
    for c in 'mp-cat' 'mp-cat -t' 'mp-cat --json' 'mp-fold' 'mp-top -t' 'mp-top -n 30000' 'mp-diff -t empty.tsv'; do
        printf '##mp=profile 1\n##column=bytes\tB\t\tsum\n#bytes\tstack\n' >empty.tsv
        bash -c "trap '' PIPE; $c big.tsv 2>err | head -c 1 >/dev/null; exit \${PIPESTATUS[0]}" && status=0 || status=$?
        [ ! -s err ] && [ $status = 141 ] || { echo "$c: $status $(cat err)"; return 1; }
    done
}

@test "the first SIGINT does not end a reader on a pipe" {
    mk t.mp <"$data/small.tsv"
    mkfifo in
    for p in mp-top mp-fold mp-leaks mp-cat; do
        "$p" <t.mp >want
        env --default-signal=INT "$p" <in >got &
        pid=$!
        exec 5>in
        # caught: bit 1 of SigCgt
        until (($((0x$(awk '/^SigCgt/ { print $2 }' /proc/$pid/status))) & 2)); do
            kill -0 $pid || return 1
        done
        kill -INT $pid
        cat t.mp >&5
        exec 5>&-
        wait $pid
        cmp want got
    done
}

@test "the second SIGINT ends it" {
    mkfifo in
    env --default-signal=INT mp-top <in >got &
    pid=$!
    exec 5>in
    until (($((0x$(awk '/^SigCgt/ { print $2 }' /proc/$pid/status))) & 2)); do
        kill -0 $pid || return 1
    done
    kill -INT $pid
    until ! (($((0x$(awk '/^SigCgt/ { print $2 }' /proc/$pid/status))) & 2)); do
        kill -0 $pid || return 1
    done
    kill -INT $pid
    status=0
    wait $pid || status=$?
    exec 5>&-
    [ $status = 130 ]
}

@test "-o writes a file, over what was there; - and stdout's own name are stdout" {
    mk t.mp <"$data/small.tsv"
    for p in $(readers); do
        is_filter "$p" && t=-t || t=
        "$p" $t $(input "$p" t.mp) >want
        head -c 100000 /dev/zero >out
        "$p" $t $(input "$p" t.mp) -o out
        cmp want out
        "$p" $t -o - $(input "$p" t.mp) >got
        cmp want got
        echo before >got
        "$p" $t -o got $(input "$p" t.mp) >>got
        same "$(cat got)" "before
$(cat want)"
    done
}

@test "an input is never the output" {
    mk t.mp <"$data/small.tsv"
    cp t.mp keep
    for p in $(readers); do
        run --separate-stderr "$p" $(input "$p" t.mp) -o t.mp
        [ "$status" = 2 ] && [ "$stderr" = "$p: t.mp: input file is output file" ] ||
            { echo "$p: $status $stderr"; return 1; }
        run --separate-stderr bash -c "$p $(input "$p" t.mp) >>t.mp"
        [ "$status" = 2 ]
        cmp t.mp keep
    done
}

@test "a truncated trace is used, with one note; --strict is exit 2" {
    grep -v '^end' "$data/small.tsv" | mk t.mp
    for p in $(readers | grep -vxE 'mp-check|mp-diff'); do
        run --separate-stderr "$p" t.mp
        [ "$status" = 0 ] && [ -n "$output" ] || { echo "$p: $status $stderr"; return 1; }
        [ "${#stderr_lines[@]}" = 1 ] && [[ $stderr == "$p: t.mp: incomplete: 1 truncated part" ]] ||
            { echo "$p: $stderr"; return 1; }
        run "$p" -q t.mp
        [ "$status" = 0 ] && [[ $output != *"$p: "* ]]
        run "$p" --strict t.mp
        [ "$status" = 2 ]
    done
}

@test "loss travels: the last program down the pipe says it and ends with 2" {
    sed '/^free.*40/i lost\t5\t100' "$data/small.tsv" >lossy.tsv
    sed '1a ##loss=damaged_blocks 1' "$data/old.tsv" >damaged.tsv
    run --separate-stderr bash -c 'set -o pipefail; mp-leaks -q lossy.tsv | mp-top -q'
    [ "$status" = 0 ] && [[ $output == *"incomplete: 5 lost events, 100 lost bytes"* ]]
    for p in mp-top mp-fold mp-pprof mp-speedscope mp-svg mp-cat; do
        run --separate-stderr bash -c "mp-cat -q damaged.tsv 2>/dev/null | $p -q"
        [ "$status" = 2 ] && [ -n "$output" ] || { echo "$p: $status"; return 1; }
        [[ $stderr == "$p: stdin: incomplete: 1 damaged block" ]] || { echo "$p: $stderr"; return 1; }
    done
    run --separate-stderr bash -c "mp-diff damaged.tsv '$data/new.tsv' 2>/dev/null | mp-top"
    [ "$status" = 2 ] && [[ $output == *"incomplete: 1 damaged block"* ]]
}

@test "nothing from a trace reaches the output raw" {
    printf '##mp=profile 1\n#bytes\tstack\n5\tev\\x1b[31mil\\x07\\xff\\xe2\\x80\\xae (x\\x1b.c:1)\n' |
        mk t.mp
    for c in 'mp-top' 'mp-top -t' 'mp-top --json' 'mp-top --by stack' mp-tree 'mp-tree -t' \
        'mp-tree --json' mp-stat 'mp-stat -t' \
        'mp-stat --json' mp-fold 'mp-cat -t' \
        'mp-cat --json' 'mp-fold --by function' mp-speedscope mp-svg; do
        $c t.mp >out
        [ -s out ]
        ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' out || { echo "$c"; return 1; }
        iconv -f utf-8 -t utf-8 out >/dev/null
    done
    ! grep -q $'\xe2\x80\xae' <(mp-top t.mp) || false
}

@test "colour only on a terminal, and not with NO_COLOR, TERM=dumb or --color=never" {
    mk t.mp <"$data/small.tsv"
    ! mp-top t.mp | grep -q $'\033' || false
    mp-top --color=always t.mp | grep -q $'\033'
    tty 'mp-top t.mp' | grep -q $'\033'
    ! tty 'NO_COLOR=1 mp-top t.mp' | grep -q $'\033' || false
    ! tty 'TERM=dumb mp-top t.mp' | grep -q $'\033' || false
    ! tty 'mp-top --color=never t.mp' | grep -q $'\033' || false
}

@test "colour adds nothing but colour: headings, percentages, growth and shrinkage" {
    mk t.mp <"$data/small.tsv"
    for c in 'mp-top t.mp' 'mp-tree t.mp' 'mp-stat t.mp' "mp-top $data/old.tsv"; do
        $c --color=never >plain
        ! grep -q $'\033' plain || false
        $c --color=always >coloured
        grep -q $'\033\[1m' coloured && grep -q $'\033\[2m *[0-9.-]*%' coloured || { echo "$c"; return 1; }
        sed 's/\x1b\[[0-9]*m//g' coloured | cmp - plain
    done
    mp-diff "$data/old.tsv" "$data/new.tsv" >d.mp
    mp-top --color=always d.mp >got
    grep -q $'\033\[31m *+[0-9.]* [KM]*i*B' got && grep -q $'\033\[32m *-[0-9.]* [KM]*i*B' got
    ! mp-top --color=always t.mp | grep -q $'\033\[3[12]m' || false
}

@test "completion asks the programs and offers options, choices and files" {
    . "$here/tools/completion.bash"
    COMP_CWORD=1 _mp_complete mp-top --fr mp-top
    same "${COMPREPLY[*]}" --frames
    _mp_complete mp-top mo --by
    same "${COMPREPLY[*]}" module
    touch trace.mp
    _mp_complete mp-top tr mp-top
    same "${COMPREPLY[*]}" trace.mp
    for p in $(programs); do
        complete -p "$p"
    done
}

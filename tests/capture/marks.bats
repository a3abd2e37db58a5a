#!/usr/bin/env bats
# What a program says itself: its marks are in their place, a pause leaves out what it
# should and nothing else.
load ../helper

marks=$build/targets/marks

# capture NAME [COMMAND...]: into NAME.mp, nothing lost, clean, and summed up right
capture() {
    local name=$1
    shift
    mp-capture -o "$name.mp" -- "${@:-$marks}" 2>"$name.err" || return
    grep -q ' 0 lost' "$name.err" || { cat "$name.err"; return 1; } >&2
    mp-check "$name.mp" >check && grep -q clean check && agrees "$name.mp"
}

# events NAME: `+SIZE`, `-SIZE`, `NAME=VALUE`, one a line; series and samples are not shown
events() {
    mp-cat --json "$1.mp" | jq -r '
        if .op == "alloc" then "+\(.size)" elif .op == "free" then "-\(.size)"
        elif .op == "mark" then "\(.name)=\(.value)" else empty end'
}

@test "a mark lies exactly between the events of its thread" {
    capture order "$marks" order
    for ((i = 1; i <= 200; i++)); do
        printf '%s\n' +$((1000 + i)) between=$i +$((3000 + i)) -$((1000 + i)) freed=-$i -$((3000 + i))
    done >wanted
    same "$(events order | head -n 1200)" "$(cat wanted)"
}

@test "four threads: each thread's marks between its own events" {
    capture threads "$marks" threads
    for t in 0 1 2 3; do
        mp-cat --json threads.mp | jq -r --arg m t$t 'select(.op == "mark" and .name == $m) | .tid' |
            sort -u >tid
        same "$(wc -l <tid)" 1
        mp-cat --json threads.mp | jq -r --argjson tid "$(cat tid)" 'select(.tid == $tid) |
            if .op == "alloc" and .size > 5000 then "+\(.size)" elif .op == "mark" then "m\(.value)"
            elif .op == "free" and .size > 5000 then "-\(.size)" else empty end' >got
        for ((i = 1; i <= 200; i++)); do
            printf '%s\n' +$((5000 + i)) m$i -$((5000 + i))
        done | same "$(cat got)" "$(cat)"
    done
}

@test "what one thread does after another's mark is behind it in the trace" {
    capture handoff "$marks" handoff
    for ((i = 0; i < 200; i++)); do
        printf '%s\n' +1000 -1000 over=$i +2000 -2000 back=$i
    done >wanted
    same "$(events handoff | grep -E '^([+-][12]000$|over|back)')" "$(cat wanted)"
}

@test "marks from a signal handler" {
    capture signals "$marks" signals
    for ((i = 0; i < 200; i++)); do
        printf '%s\n' +1000 -1000 signal=1 pause=0 resume=0
    done >wanted
    same "$(events signals | head -n 1000)" "$(cat wanted)"
}

@test "names: none, hostile, long ones, those with a meaning" {
    capture names "$marks" names
    mp-cat --json names.mp | jq -c 'select(.op == "mark" and (.name | length) < 99) | .name' >got
    same "$(cat got)" '"new\nline \u001b[31m\ttab,\"quote\"\\"
"not utf-8 ��"
"grüß"
"mark finalize"
"mark pause"
"mark resume"
"mark exit status"
"exit status"'
    mp-cat -t names.mp | awk -F'\t' '$1 == "mark" { print $6 }' | tr '\n' ' ' >got
    same "$(cat got)" "2 -9223372036854775808 9223372036854775807 3 4 5 6 7 8 9 0 "
    # 1,024 bytes; less where a character would be cut; bytes that are no UTF-8 as they are
    a=$(printf 'a%.0s' {1..1022})
    mp-cat -t names.mp | awk -F'\t' '$1 == "mark" && length($5) > 99 { print $5 "=" $6 }' >long
    same "$(cat long)" "${a}aa=7
$a=8
$(printf '\\x80%.0s' {1..1024})=9"
    mp-cat -t names.mp | mp-cat -t | cmp - <(mp-cat -t names.mp)
    # nothing of it reaches the terminal, and the block is live at the end for all that
    for p in mp-stat mp-cat; do
        tty "$p names.mp" | grep -q $'\e\[31m' && return 1
    done
    same "$(mp-stat --json names.mp | jq -c '[.live.bytes, .paused.count]')" '[1000,0]'
}

@test "a pause: frees go on, what is made is left out, and so is its end" {
    capture pauses "$marks" pauses
    same "$(events pauses)" '+20001
+20002
+20003
+20010
+12288
+20480
+24576
pause=0
-20002
-20010
-20480
-24576
inside=1
resume=0
+20020
+400000
-400000
+28672
frees left out=11
exit status=0'
    grep -q '11 frees of blocks made while recording was paused' pauses.err
    # no free of an unknown block among them, no allocation over a live one
    j '.[0] | .unknown_frees == 0 and .implicit_frees == 0 and .paused.count == 1' mp-stat pauses.mp
    mp-stat pauses.mp | grep -q '^recorded .*paused 1 time, '
    same "$(mp-leaks --json pauses.mp | jq .bytes | sort -n | tr '\n' ' ')" '12288 20001 20003 20020 28672 '
    same "$(mp-leaks --json --between pause,resume pauses.mp)" ''
}

@test "pauses nest; a resume too many does nothing" {
    capture nested "$marks" nested
    same "$(events nested)" '+1001
-1001
pause=0
resume=0
+1005
-1005
+1006
-1006
frees left out=3
exit status=0'
}

@test "pauses by some threads while others allocate and free" {
    capture toggle "$marks" toggle
    j '.[0] | .unknown_frees == 0 and .implicit_frees == 0 and
        .paused.count > 0 and .paused.count <= 400' mp-stat toggle.mp
    # all of them freed what the others made: only libc's own and the last block live
    mp-leaks --json toggle.mp | jq -r 'select(.stack | any(.func == "churn")) | .bytes' >churned
    same "$(cat churned)" ''
    same "$(mp-leaks --json toggle.mp | jq 'select(.bytes == 77777) | .count')" 1
    # and marks alternate
    mp-cat --json toggle.mp | jq -r 'select(.op == "mark" and .process != "") | .name' | uniq -d >twice
    same "$(cat twice)" ''
}

@test "a forked child is paused as its parent was, a program that is executed is not" {
    capture forks "$marks" forks
    mp-cat --json forks.mp | jq -r 'select(.pid > 0 and .op == "alloc" or .op == "mark" or .op == "free") |
        [.pid, if .op == "mark" then .name else (.op[:1] + (.size | tostring)) end] | @tsv' |
        awk '$1 { if (!($1 in n)) n[$1] = ++last; $1 = n[$1]; print }' | sort -s -n >got
    same "$(cat got)" '1 a1000
1 pause
1 resume
1 f1000
1 a1001
2 pause
2 child
2 resume
2 a2001
2 pause
2 a4000
3 a3000'
    j '.[0] | .paused.count == 3 and .unknown_frees == 0 and .live.bytes == 10002' mp-stat forks.mp
}

@test "no room for two seconds: marks are counted as lost, and a pause that is not told is none" {
    mp-capture --ring 1M -o t.mp -- sh -c 'kill -STOP $PPID; "$0" flood; kill -CONT $PPID' "$marks" 2>err
    lost=$(sed -n 's/.* \([0-9]*\) events (.*) were lost.*/\1/p' err)
    events t >got
    said=$(grep -c '^flood=' got)
    [ "$lost" -gt 10000 ]
    [ "$said" -gt 100 ]
    # marks, pause and its block's two events; what the shell does is not lost
    [ $((lost + said)) -ge 100000 ]
    same "$(grep -c '^pause' got || true)" 0
    mp-check t.mp | grep -q "$lost lost events"
}

@test "errno is left alone" {
    capture quiet "$marks" quiet
    same "$(events quiet | wc -l)" 601
}

@test "the functions do nothing in a program that is not traced" {
    for mode in order threads handoff pauses nested toggle forks signals names quiet; do
        run -0 "$marks" "$mode"
        same "$output" ''
    done
}

@test "in executables of every kind, in a library loaded late, in C++" {
    cat >say.c <<-'C'
	#include "mark.h"
	void say(void);
	void say(void) { mp_mark("said", 5); mp_pause(); mp_resume(); }
	C
    cp say.c say.cc
    printf '#include "say.c"\nint main(void) { say(); return 0; }\n' >main.c
    printf '#include "say.cc"\nint main() { say(); }\n' >main.cc
    wanted='said=5
pause=0
resume=0
exit status=0'
    for cc in gcc clang g++; do
        command -v $cc >/dev/null || continue
        source=main.c
        [ $cc = g++ ] && source=main.cc
        for flags in '-fPIE -pie' '-fno-pie -no-pie' '-fno-pie -no-pie -O2' '-fPIE -pie -O2 -fno-plt' \
            '-O2 -flto' '-masm=intel -no-pie'; do
            # shellcheck disable=SC2086
            $cc -I"$here/capture" -Wall -Wextra -Werror $flags -o main $source
            run -0 ./main
            mp-capture -q -o main.mp -- ./main
            same "$(events main)" "$wanted"
        done
        for flags in -static -static-pie; do # these cannot be traced, and run
            # shellcheck disable=SC2086
            $cc -I"$here/capture" $flags -o main $source
            run -0 ./main
        done
    done
    # a constructor that runs before the hook's own
    printf '#include "mark.h"\n__attribute__((constructor)) static void early(void)
{ mp_mark("early", 1); mp_pause(); }\n' >early.c
    printf '#include "mark.h"\nint main(void) { mp_mark("main", 2); mp_resume(); return 0; }\n' >main.c
    gcc -shared -fPIC -I"$here/capture" -o libearly.so early.c
    gcc -I"$here/capture" -o main main.c -Wl,--no-as-needed -L. -learly -Wl,-rpath,"$PWD"
    mp-capture -q -o main.mp -- ./main
    same "$(events main)" 'early=1
pause=0
main=2
resume=0
exit status=0'
    gcc -shared -fPIC -I"$here/capture" -o say.so say.c
    run -0 "$marks" plugin ./say.so
    capture plugin "$marks" plugin ./say.so
    same "$(events plugin | grep -v '^[+-]')" "$wanted"
}

@test "Python: marks, pauses, objects, on every interpreter" {
    while read -r python; do
        same "$("$python" "$here/tests/targets/marks.py")" untraced
        capture py "$python" -S "$here/tests/targets/marks.py"
        events py | sed -n '/^load=/,/^end=/p' >all
        same "$(grep -E '^[a-z]|^[+-]10000.$' all | tr '\n' ' ')" \
            'load=-1099511627776 +100003 done=1 pause=0 -100002 -100003 resume=0 go on=2 +100005 end=3 '
        # small objects (88 bytes): those made before the pause end in it, of its own nothing is told
        sed -n '/^pause/,/^resume/p' all >within
        grep -q '^+' within && return 1
        same "$(grep -cx -e -88 within)" 1000
        sed -n '/^go on/,/^end/p' all >after
        same "$(grep -cx -e +88 after) $(grep -cx -e -88 after)" '3000 0'
        j '.[0] | .implicit_frees == 0 and .unknown_frees == 0 and .paused.count == 1' mp-stat py.mp
    done < <(pythons)
}

@test "--between names of the program on a real capture" {
    capture order "$marks" order
    same "$(mp-leaks --json --between 'between#1,freed#1' order.mp | jq -c '[.bytes, .count]')" '[3001,1]'
    same "$(mp-leaks --json --between 'freed#3,between#5' order.mp | jq -c '[.bytes, .count]')" '[1005,1]'
    same "$(mp-leaks --json --between 'between#4,freed#4' order.mp | jq -c '[.bytes, .count]')" '[3004,1]'
}

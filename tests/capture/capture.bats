#!/usr/bin/env bats
# mp-capture itself: streams, exit status, signals, refusals, failures of its own.
load ../helper

ends=$build/targets/ends

# Wait until FILE is there and not empty (the only clock here is a limit).
await() {
    for _ in $(seq 200); do
        [ -s "$1" ] && return 0
        sleep 0.05
    done
    return 1
}

@test "the exit status is the program's" {
    for n in 0 1 3 125; do
        run -"$n" mp-capture -q -o t.mp -- "$ends" exit "$n"
    done
    run -143 mp-capture -q -o t.mp -- "$ends" signal 15
    run -139 mp-capture -q -o t.mp -- "$ends" signal 11
    mp-check t.mp
}

@test "own failures: 125, 126, 127" {
    run -125 mp-capture
    run -125 mp-capture --no-such-option -- true
    run -125 mp-capture -o no/such/folder -- true
    run -127 mp-capture -o t.mp -- ./no-such-program
    run -127 mp-capture -o t.mp -- no-such-program
    echo hello >plain
    run -126 mp-capture -o t.mp -- ./plain
    run -126 mp-capture -o t.mp -- ./
}

@test "what cannot be traced is refused before it starts" {
    echo '#include <stdio.h>
        int main(void) { puts("ran"); return 0; }' >s.c
    if cc -static -o s s.c 2>/dev/null; then
        run -126 mp-capture -o t.mp -- ./s
        [[ $output == *"statically linked"* ]]
        [[ $output != *ran* ]]
        same "${#lines[@]}" 1
    fi
    cc -o d s.c
    chmod u+s d
    if chown 65534 d 2>/dev/null && chmod u+s d; then
        run -126 mp-capture -o t.mp -- ./d
        [[ $output == *set-user-ID* ]]
    fi
    cc -o m s.c -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
    run -126 mp-capture -o t.mp -- ./m
    [[ $output == *musl* ]]
    [ ! -e t.mp ]
}

@test "the trace owns stdout, the program's stdout goes to stderr" {
    mp-capture -- sh -c 'echo to-out; echo to-err >&2' >t.mp 2>err
    mp-check t.mp
    grep -qx to-out err
    grep -qx to-err err
    same "$(grep -c 'trace on stdout' err)" 1
}

@test "-o leaves stdout alone; -o - and stdout's own name are no -o" {
    mp-capture -o t.mp -- echo mine >out 2>err
    same "$(cat out)" mine
    mp-check t.mp
    mp-capture -q -o - -- echo mine >u.mp 2>err
    mp-check u.mp
    same "$(cat err)" mine
    mp-capture -q -o v.mp -- echo mine >v.mp 2>err
    mp-check v.mp
}

@test "stdout a terminal: CMD.PID.mp, and it says so" {
    tty "mp-capture -- true" >said
    grep -q 'trace in true\.[0-9]*\.mp' said
    mp-check true.*.mp
}

@test "through a pipe" {
    mp-capture -q -- "$ends" exit 0 | mp-check -
    mp-capture -q -- "$ends" exit 0 | mp-leaks --json | jq -e .bytes
}

@test "a pipe that is closed early: the program runs on, and what it says is so" {
    mp-capture -- sh -c '"$0" exit 0; ls -l /usr/bin >/dev/null; for i in $(seq 500); do grep -q Broken err && break; sleep 0.02; done
        echo whole >end' "$ends" 2>err | true
    same "${PIPESTATUS[0]}" 125
    same "$(cat end)" whole
    grep -q 'Broken pipe; tracing is off, the program runs on' err
    grep -q 'events until tracing went off' err
    run ! grep allocated err
}

@test "the user's own LD_PRELOAD is kept behind ours" {
    echo 'int mp_test_answer(void) { return 42; }' >p.c
    cc -shared -fPIC -o p.so p.c
    ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$PWD/p.so mp-capture -q -o t.mp -- sh -c 'echo $LD_PRELOAD' >out
    grep -q "libmp-hook.so:$PWD/p.so" out
}

@test "the environment is otherwise as it was, descriptors too" {
    env -i A=1 PATH="$PATH" mp-capture -q -o t.mp -- env | grep -v '^LD_PRELOAD=\|^MP_SESSION=' | sort >got
    env -i A=1 PATH="$PATH" env | sort >wanted
    diff wanted got
    sh -c 'ls /proc/self/fd' | sort >wanted
    mp-capture -q -o t.mp -- sh -c 'ls /proc/self/fd' | sort >got
    diff wanted got
}

@test "SIGTERM goes to the program, SIGINT is left to it" {
    mp-capture -q -o t.mp -- "$ends" wait >ready 3>&- &
    await ready
    kill -INT $!
    kill -TERM $!
    wait $! || status=$?
    same "$status" 143
    mp-check t.mp
    same "$(mp-leaks --json t.mp | jq -s 'map(.bytes) | add')" 1234
}

@test "what the program inherits as signals is what we were given" {
    mask() { grep -h 'Sig\(Blk\|Ign\)' /proc/self/status; }
    wanted=$(sh -c 'grep "Sig\(Blk\|Ign\)" /proc/self/status')
    got=$(mp-capture -q -o t.mp -- grep 'Sig\(Blk\|Ign\)' /proc/self/status)
    same "$got" "$wanted"
}

@test "mp-capture killed: the program runs on" {
    mp-capture -q -o t.mp -- "$ends" write "$PWD/done" ready >ready 3>&- &
    await ready
    kill -KILL $!
    wait $! || true
    await done
    run mp-check t.mp
    [ "$status" -ne 0 ]
}

@test "the disk is full: one line, the program runs on, 125" {
    run -125 mp-capture -q -o /dev/full -- "$ends" write "$PWD/done"
    same "$(cat done)" "done"
    same "${#lines[@]}" 1
    [[ $output == *"/dev/full: No space left on device"* ]]
    run -3 mp-capture -q -o /dev/full -- sh -c "'$ends' write '$PWD/done'; exit 3"
}

@test "the reader goes away: the program runs on" {
    { mp-capture -q -- "$ends" write "$PWD/done" || echo $? >status; } 2>err | true
    same "$(cat done)" "done"
    same "$(cat status)" 125
}

@test "a slow reader: what waits lies in the spool, nothing is lost" {
    mp-capture --spool 64M -- "$ends" busy 2 2>err | { sleep 3; mp-check -; }
    grep -q ' 0 lost' err
}

@test "a ring that is too small loses nothing either" {
    mp-capture --ring 1M -o t.mp -- "$ends" busy 1 2>err
    grep -q ' 0 lost' err
    mp-check t.mp
}

@test "more threads than a ring has chunks: each waits for its turn, nothing is lost" {
    for crowd in "8 20000" "40 2000" "40 500 slow"; do
        # shellcheck disable=SC2086
        mp-capture --ring 1M -o t.mp -- "$build/targets/crowd" $crowd >made 2>err
        grep -q ' 0 lost' err
        same "$(mp-fold --by function --view total -k count t.mp |
            awk '/;crowd_pair /{ n += $NF } END { print n }')" "$(cat made)"
    done
}

@test "the last line counts; -q is silent" {
    mp-capture -o t.mp -- "$ends" 2>err
    same "$(wc -l <err)" 1
    grep -q '1 events, .* allocated, 0 lost, .* written' err
    mp-capture -q -o t.mp -- "$ends" 2>err
    [ ! -s err ]
}

@test "metadata, clock, exit status and resident set are in the trace" {
    run -3 mp-capture --rss 5 -q -o t.mp -- sh -c 'sleep 0.2; exit 3'
    mp-cat --json t.mp >events
    jq -s -e '.[0].meta.command == "sh -c sleep 0.2; exit 3"' events
    jq -s -e 'map(select(.op == "mark" and .name == "exit status"))[0].value == 3' events
    jq -s -e 'map(select(.op == "series" and .metric == "rss") | .value) | length > 5 and max > 100000' events
    # the ring is ours, not the program's
    mp-capture --rss 1 -q -o v.mp -- "$build/targets/script4" >out
    mp-cat --json v.mp | jq -s -e 'map(select(.op == "series" and .metric == "rss_shmem") | .value)
        | length > 20 and max == 0'
    mp-capture --rss 0 -q -o u.mp -- sh -c 'sleep 0.1'
    mp-cat --json u.mp | jq -s -e 'map(select(.op == "series")) | length == 0'
}

@test "the drain stops: the program waits two seconds at most, and the loss is told" {
    mp-capture -o t.mp -- "$ends" busy 4 2>err 3>&- &
    sleep 0.5
    kill -STOP $!
    sleep 3
    kill -CONT $!
    wait $!
    grep -q 'events (.*) were lost' err
    mp-leaks t.mp 2>&1 >/dev/null | grep -q '[0-9]\{4,\} lost events'
    mp-check t.mp | grep -q 'lost events'
}

@test "killed while busy: what was published is there, with an end" {
    run -137 mp-capture -q -o t.mp -- timeout -s KILL 1 "$ends" busy 9
    mp-check t.mp
}

@test "bytes allocated: those of the total view, arenas and remains not among them" {
    mp-capture -o t.mp -- python3 -c 'x = [str(i) for i in range(50000)]' 2>err
    told=$(sed -n 's/.* events, \(.*\) allocated,.*/\1/p' err)
    same "$(mp-top --view total -n 1 t.mp | head -n 1 | sed 's/ in .*//')" "total: $told"
}

@test "stacks that were cut: one line, and a mark; none of either otherwise" {
    mp-capture -o t.mp -- python3 "$here/tests/targets/leaky.py" 2>err
    ! grep -q 'distinct stacks' err || return
    j 'map(select(.op == "mark" and (.name | test("^stacks|^frames")))) == []' mp-cat --no-stacks t.mp
    mp-capture -o t.mp -- python3 "$here/tests/targets/deep.py" 2>err
    grep -qE '^mp-capture: of [0-9]+ distinct stacks: [0-9]+ cut at their outer end' err
    j 'map(select(.op == "mark" and .name == "stacks cut" and .value > 0)) | length == 1' \
        mp-cat --no-stacks t.mp
}

#!/usr/bin/env bats
# The hook on aarch64: cross-built, run under qemu's user emulation, where mp-capture
# cannot be (so ringrun stands for it).  Every stack is the one made from scratch and
# the one that libgcc's unwinder makes, and every event is there.

load ../helper

cross=aarch64-linux-gnu-

setup_file() {
    make -C "$here" -s aarch64 BUILD="${build#"$here/"}" >&2
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    src=$here/tests/targets
    arm=$build/aarch64
    hook=$arm/lib/mp/libmp-hook.so
    export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
}

cc() {
    ${cross}gcc -std=gnu11 -g -fno-builtin -pthread "$@" -ldl
}

library() {
    cc -O1 -fPIC -shared "$@"
}

# traced OPTIONS... PROGRAM ARGUMENTS...: into `out`; the host's own linker, which is
# told to preload what only the emulated one can, complains into `err`
traced() {
    local options=()
    while [[ $1 = -* ]]; do
        options+=("$1")
        shift
    done
    qemu-aarch64 "$arm/targets/ringrun" "${options[@]}" "$hook" qemu-aarch64 "$@" >out 2>err
}

value() {
    sed -n "s/^image .*\<$1 \([0-9]*\).*/\1/p" out | awk '{ n += $1 } END { print n + 0 }'
}

# clean: nothing lost, no malformed record
clean() {
    grep -q '^total lost 0 bad 0 ' out
}

# checked LEAST TORN...: at least so many stacks, none of them wrong, as many that end
# before the first frame as one of TORN says, and $odd that only libgcc could make
checked() {
    local n torn
    read -r _ n _ <<<"$(grep '^checked ' out)"
    torn=$(sed -n 's/^checked .* torn //p' out)
    same "$(grep '^checked ' out)" \
        "checked $n native 0 python 0 flags 0 libgcc 0 odd ${odd:-0} torn $torn"
    [ "$n" -ge "$1" ]
    [[ " ${*:2} " = *" $torn "* ]]
}

# How code is compiled decides where a frame keeps what: with and without frame
# pointers, return addresses signed with either key.
compiled=(
    "-O0"
    "-O1 -fno-omit-frame-pointer"
    "-O2 -fomit-frame-pointer"
    "-O2 -fno-omit-frame-pointer -mbranch-protection=standard"
    "-O2 -fomit-frame-pointer -mbranch-protection=pac-ret+leaf+b-key"
)

@test "aarch64: it is a hook for aarch64, and needs libc alone" {
    same "$(readelf -h "$hook" | sed -n 's/ *Machine: *//p')" AArch64
    same "$(readelf -d "$hook" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')" libc.so.6
    # it exports what the one for this machine does, and glibc 2.31 is enough
    same "$(nm -D --defined-only "$hook" | awk '{ print $3 }' | sort)" \
        "$(nm -D --defined-only "$build/lib/mp/libmp-hook.so" | awk '{ print $3 }' | sort)"
    run -1 grep -E 'GLIBC_2\.(3[2-9]|[4-9])' <(nm -D --undefined-only "$hook")
}

@test "aarch64: who called is known in a function that is jumped to" {
    for f in "${compiled[@]}"; do
        # shellcheck disable=SC2086
        cc $f -fno-omit-frame-pointer -o caller "$src/caller.c"
        same "$(qemu-aarch64 ./caller)" "caller 3"
    done
}

@test "aarch64: 20,000 operations on four threads: counts and live bytes are the script's own" {
    local allocs live bytes
    traced "$arm/targets/heap" 0
    clean
    allocs=$(value allocs) live=$(value live) bytes=$(value bytes)
    read -r _ count0 _ <<<"$(grep ^count out)"
    traced -c "$arm/targets/heap" 20000 1
    clean
    checked 10000 0
    read -r _ count _ _ _ l _ b _ <<<"$(grep ^count out)"
    [ $(($(value allocs) - allocs)) = $((count - count0)) ]
    [ $(($(value live) - live)) = "$l" ]
    [ $(($(value bytes) - bytes)) = "$b" ]
    [ "$(value unknown)" = 0 ]
    [ "$(value over)" = 0 ]
}

@test "aarch64: in a sample, too, stacks are those of the calls" {
    traced -c -S1 "$arm/targets/heap" 20000 1
    clean
    checked 10000 0
    [ "$(value unknown)" = 0 ]
}

@test "aarch64: stacks that change under the caches, however the code is compiled" {
    for f in "${compiled[@]}"; do
        # shellcheck disable=SC2086
        cc $f -o stacks "$src/stacks.c"
        while read -r mode rounds made; do
            traced -c ./stacks "$mode" "$rounds"
            clean
            same "$(grep "^$mode " out)" "$mode $rounds $made"
            odd=0
            [ "$mode" != odd ] || odd=2 # leaf and inner
            checked "$made" 0
            [ "$(value allocs)" = $((made + 1)) ] # and printf's
            [ "$(value frees)" = "$made" ]
        done <<-END
		sites 1000 2000
		frames 1000 1000
		jumps 700 3500
		recursion 100 576
		coroutines 300 2400
		altstack 500 1000
		faults 200 400
		odd 500 1000
		END
    done
}

@test "aarch64: code without a table: the stack ends there, and nothing is built on it" {
    for f in "${compiled[@]}"; do
        # shellcheck disable=SC2086
        cc $f -o stacks "$src/stacks.c"
        traced -c ./stacks jit 1000
        clean
        grep -q '^jit 1000 2000' out
        checked 2000 2 # from leaf, and from inner
    done
}

@test "aarch64: C++: exceptions, operator new, aligned new" {
    for f in "${compiled[@]}"; do
        # shellcheck disable=SC2086
        ${cross}g++ $f -g -pthread -o cxx "$src/cxx.cc"
        qemu-aarch64 ./cxx 100 >expected
        traced -c ./cxx 100
        clean
        same "$(grep '^cxx' out)" "$(cat expected)"
        checked 2000 0
        [ "$(value unknown)" = 0 ]
    done
}

# Where a signal strikes is chance, and one that strikes in the code that jumps to a
# library's function, which has no table here, shows no callers.
@test "aarch64: signal handlers that allocate anywhere: every event is there" {
    library -DLIBRARY -o bump.so "$src/bump.c"
    for f in "${compiled[@]}"; do
        # shellcheck disable=SC2086
        cc $f -o signals "$src/signals.c"
        LD_PRELOAD=$PWD/bump.so traced -c ./signals -u 5000 100
        clean
        checked 400 {0..40}
        read -r _ handled _ main <<<"$(grep ^handled out)"
        [ "$(value allocs)" = $((2 * (handled + main))) ]
        [ "$(value frees)" = $((handled + main)) ]
    done
}

@test "aarch64: signal handlers that leave by siglongjmp: no record is broken" {
    library -DLIBRARY -o bump.so "$src/bump.c"
    cc -O2 -o signals "$src/signals.c"
    LD_PRELOAD=$PWD/bump.so traced -c ./signals -u 5000 100 jump
    clean
    checked 200 {0..40}
}

@test "aarch64: dlopen keeps the caller's RUNPATH; libraries come and go at one address" {
    mkdir sub
    library -DPLUGIN="'a'" -Wl,-rpath,"\$ORIGIN/sub" -o a.so "$src/plugin.c"
    library -DPLUGIN="'b'" -o b.so "$src/plugin.c"
    library -DPLUGIN="'b'" -o sub/libonlyhere.so "$src/plugin.c"
    qemu-aarch64 "$arm/targets/plugin" 5 ./a.so ./b.so libonlyhere.so >expected
    [[ $(cat expected) = "loads 10 places "*" name found" ]]
    traced -c -s10001-20001 "$arm/targets/plugin" 5 ./a.so ./b.so libonlyhere.so
    clean
    checked 10 0
    same "$(grep ^loads out)" "$(cat expected)"
    [ "$(grep -c '^got 10001 ' out)" = 5 ]
    [ "$(grep -c '^got 20001 ' out)" = 5 ]
}

@test "aarch64: mappings: calls and errors are what they are without the hook" {
    qemu-aarch64 "$arm/targets/maps" >expected
    traced "$arm/targets/maps"
    clean
    same "$(grep '^pages' out)" "$(cat expected)"
}

@test "aarch64: a forked child is an image of its own" {
    qemu-aarch64 "$arm/targets/process" fork 2000 >expected
    traced -s2000-2000 "$arm/targets/process" fork 2000
    clean
    same "$(grep '^fork ' out)" "$(cat expected)"
    [ "$(grep -c '^got 2000 ' out)" = 1 ]
}

@test "aarch64: marks and pauses, in executables of every kind" {
    printf '#include "mark.h"\nint main(void) { mp_mark("a", 1); mp_pause(); mp_resume(); }\n' >main.c
    for f in '-fPIE -pie' '-fno-pie -no-pie' '-fPIE -pie -O2 -fno-plt' '-static'; do
        # shellcheck disable=SC2086
        cc $f -I"$here/capture" -Wall -Wextra -Werror -o main main.c
        run -0 qemu-aarch64 ./main
        traced ./main
        if [ "$f" = -static ]; then # it cannot be traced, and runs
            run -1 grep '^image ' out
        else
            grep ' marks 3 ' out
        fi
    done
}

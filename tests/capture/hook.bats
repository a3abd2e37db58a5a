#!/usr/bin/env bats
# The hook alone, without a drain: what lies in the rings afterwards (ringrun),
# and that a program is the same with it and without it.

load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    hook=$build/lib/mp/libmp-hook.so
    targets=$build/targets
    src=$here/tests/targets
    PATH=$targets:$PATH
}

# value NAME: the number after NAME on the image line of `out` (all images added)
value() {
    sed -n "s/^image .*\<$1 \([0-9]*\).*/\1/p" out | awk '{ n += $1 } END { print n + 0 }'
}

# clean: nothing lost, no malformed record
clean() {
    grep -q '^total lost 0 bad 0 ' out
}

library() {
    ${CC:-cc} -O1 -g -fno-builtin -fPIC -shared "$@"
}

@test "100,000 operations on four threads: counts and live bytes equal the script's own" {
    ringrun "$hook" heap 0 >out
    clean
    local allocs live bytes
    allocs=$(value allocs) live=$(value live) bytes=$(value bytes)
    read -r _ count0 _ <<<"$(grep ^count out)"
    for seed in 1 2 3; do
        ringrun "$hook" heap 100000 "$seed" >out
        clean
        read -r _ count _ _ _ l _ b _ <<<"$(grep ^count out)"
        [ $(($(value allocs) - allocs)) = $((count - count0)) ]
        [ $(($(value live) - live)) = "$l" ]
        [ $(($(value bytes) - bytes)) = "$b" ]
        [ "$(value unknown)" = 0 ]
        [ "$(value over)" = 0 ]
    done
}

@test "who called is known in a function that is jumped to" {
    for f in -O0 -O2; do
        ${CC:-cc} -std=gnu11 $f -fno-omit-frame-pointer -o caller "$src/caller.c"
        same "$(./caller)" "caller 3"
    done
}

@test "children by every function are traced, with an environment of their own or none" {
    for mode in fork _fork clone vfork posix_spawn posix_spawnp system popen execv execve \
        preload execvp execvpe execl execle execlp fexecve execveat; do
        process $mode 2000 >expected || return
        ringrun -s 2000-2000 "$hook" process $mode 2000 >out || return
        clean
        same "$(grep "^$mode " out)" "$(cat expected)"
        if [ "$(grep -c '^got 2000 ' out)" != 1 ]; then
            echo "$mode: $(grep -c '^got 2000 ' out) blocks of the child seen"
            return 1
        fi
    done
}

@test "mappings: calls and errors are what they are without the hook" {
    maps >expected
    ringrun "$hook" maps >out
    clean
    same "$(grep '^pages' out)" "$(cat expected)"
}

@test "C++: exceptions, operator new, aligned new" {
    cxx >expected
    ringrun "$hook" cxx >out
    clean
    same "$(grep '^cxx' out)" "$(cat expected)"
    [ "$(value unknown)" = 0 ]
}

@test "signal handlers that allocate anywhere: every event is there" {
    library -DLIBRARY -o bump.so "$src/bump.c"
    for _ in 1 2 3; do
        env LD_PRELOAD="$PWD/bump.so" ringrun "$hook" signals 2000 >out
        clean
        read -r _ handled _ main <<<"$(grep ^handled out)"
        [ "$(value allocs)" = $((2 * (handled + main))) ]
        [ "$(value frees)" = $((handled + main)) ]
    done
}

@test "signal handlers that leave by siglongjmp: no record is broken" {
    library -DLIBRARY -o bump.so "$src/bump.c"
    for _ in 1 2 3; do
        env LD_PRELOAD="$PWD/bump.so" ringrun "$hook" signals 2000 jump >out
        clean
        [ "$(value allocs)" -ge 4000 ]
    done
}

@test "dlopen keeps the caller's RUNPATH; reloads at one address are told apart" {
    mkdir sub
    library -DPLUGIN="'a'" -Wl,-rpath,"\$ORIGIN/sub" -o a.so "$src/plugin.c"
    library -DPLUGIN="'b'" -o b.so "$src/plugin.c"
    library -DPLUGIN="'b'" -o sub/libonlyhere.so "$src/plugin.c"
    plugin 5 ./a.so ./b.so libonlyhere.so >expected
    [[ $(cat expected) = "loads 10 places "*" name found" ]]
    ringrun -s 10001-20001 "$hook" plugin 5 ./a.so ./b.so libonlyhere.so >out
    clean
    same "$(grep ^loads out)" "$(cat expected)"
    [ "$(grep -c '^got 10001 ' out)" = 5 ]
    [ "$(grep -c '^got 20001 ' out)" = 5 ]
}

@test "without a session, or with one that is gone, the library says and does nothing" {
    heap 4000 >expected 2>&1 || return
    for session in '' x 'x:y' 'nowhere:00:1:1' 'nowhere:00:999999:3' \
        "$(printf 'n%.0s' {1..300}):00:1:1"; do
        LD_PRELOAD=$hook MP_SESSION=$session process execle >got 2>&1
        same "$(cat got)" 'execle 1792 environ set'
    done
    LD_PRELOAD=$hook process posix_spawn >got 2>&1
    same "$(cat got)" 'posix_spawn 1792 environ set'
}

@test "the library exports what it replaces and its own marks, no more, and needs libc alone" {
    nm -D --defined-only "$hook" | awk '{ print $3 }' | sort >got
    tr ' ' '\n' >wanted <<-END
	aligned_alloc brk calloc cfree dlclose dlopen dlsym execl execle execlp execv execve
	execveat execvp execvpe fexecve fork free free_aligned_sized free_sized malloc memalign
	mmap mmap64 mp_hook_mark mp_hook_pause mp_hook_resume mp_mark mp_pause mp_resume mremap
	munmap popen posix_memalign posix_spawn posix_spawnp prctl
	pthread_setname_np pvalloc realloc reallocarray sbrk system valloc
	END
    sort -o wanted wanted
    same "$(cat got)" "$(cat wanted)"
    same "$(readelf -d "$hook" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')" libc.so.6
    # glibc 2.31 is enough
    run -1 grep -E 'GLIBC_2\.(3[2-9]|[4-9])' <(nm -D --undefined-only "$hook")
}

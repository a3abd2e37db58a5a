#!/usr/bin/env bats
# Every stack put together from caches is the one made from scratch, and the one
# that libgcc's unwinder makes.

load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    targets=$here/tests/targets
    PATH=$build/targets:$PATH
}

# checked LEAST COMMAND...: at least so many stacks, and none of them wrong
checked() {
    local least=$1 line n
    shift
    mp-capture --check-stacks -o t.mp -- "$@" >out 2>err
    line=$(grep -o 'stacks checked: .*' err)
    n=$(sed 's/stacks checked: \([0-9]*\),.*/\1/' <<<"$line")
    same "$line" "stacks checked: $n, native stacks wrong: 0, python stacks wrong: 0, $(
        )stack flags wrong: 0, stacks not as libgcc: 0"
    [ "$n" -ge "$least" ]
}

@test "allocations of every kind on four threads" {
    checked 50000 heap 100000
}

@test "C++: exceptions thrown through frames, operator new" {
    checked 100 cxx
}

@test "signal handlers that allocate anywhere, and leave by siglongjmp" {
    ${CC:-cc} -O1 -g -fno-builtin -fPIC -shared -DLIBRARY -o bump.so "$targets/bump.c"
    checked 4000 env LD_PRELOAD="$PWD/bump.so" signals 2000
    checked 4000 env LD_PRELOAD="$PWD/bump.so" signals 2000 jump
}

@test "what a frame's rule loaded is looked at again: callers, saved rbp" {
    checked 10000 stacks sites 5000
    checked 5000 stacks frames 5000
    checked 15000 stacks jumps 5000
    checked 11000 stacks recursion 2000
}

@test "a stack that was unmapped is not read, nor what lies beyond its end" {
    checked 8000 stacks coroutines 1000
    grep -q '^coroutines 1000 8000' out
}

@test "an address that was interrupted is not one returned to" {
    checked 2000 stacks altstack 1000
    checked 2000 stacks faults 1000
}

@test "a frame that is found by a register no other is: libgcc's unwinder says" {
    checked 2000 stacks odd 1000
    grep -Eq 'of [0-9]+ distinct stacks: 2 that only libgcc.s unwinder could make$' err
    j 'map(select(.op == "mark" and .name == "stacks by libgcc")) | map(.value) == [2]' mp-cat t.mp
    j '[.[] | select(.count == 500)] | length == 2' mp-top --view total --by stack t.mp
}

@test "code without a table: the stack ends there, and nothing is built on it" {
    mp-capture --check-stacks -o t.mp -- stacks jit 1000 >out 2>err
    grep -q '^jit 1000 2000' out
    grep -q 'native stacks wrong: 0, python stacks wrong: 0, stack flags wrong: 0' err
    # the caller of leaf or inner is not known, inner's other caller is
    j '[.[] | select(.count == 500)] | length == 2' mp-top --view total --by stack t.mp
}

@test "libraries that come and go at one address" {
    for l in a b; do
        ${CC:-cc} -O1 -g -fno-builtin -fPIC -shared -DPLUGIN="'$l'" -o $l.so "$targets/plugin.c"
    done
    checked 100 plugin 20 ./a.so ./b.so
}

@test "Python: recursion, generators, callbacks, code that dies, on every version" {
    while read -r python; do
        checked 10000 "$python" "$targets/shapes.py"
        checked 10000 "$python" "$targets/codes.py"
        checked 1000 "$python" "$targets/deep.py"
    done < <(pythons)
}

@test "threads, forks and many processes" {
    while read -r python; do
        checked 1000 "$python" "$targets/forks.py"
        checked 1000 "$python" "$targets/daemons.py" x
    done < <(pythons | tail -n 1)
}

@test "greenlets: stacks that are copied away and back" {
    /usr/bin/python3 -c 'import greenlet' 2>/dev/null || skip "no python3-greenlet"
    checked 100000 /usr/bin/python3 "$targets/greenlets.py"
}

@test "a module of the standard library's own tests" {
    while read -r python; do
        "$python" -c 'import test.test_generators' 2>/dev/null || continue
        checked 100000 "$python" -m test -q test_generators
        return
    done < <(pythons | tac)
    skip "no Python with its tests"
}

#!/usr/bin/env bats
# Every allocation of a program fails once, then all from it on: a clean message
# and exit 2, or the right output, never a crash and never a wrong answer.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    nm -D "$build/bin/mp-top" | grep -q __asan && skip 'not under a sanitizer'
    cat >fail.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static long left = -1;
static int on;

__attribute__((constructor)) static void init(void)
{
	const char *at = getenv("FAIL_AT");

	left = at ? strtol(at, NULL, 10) : 0;
	on = at != NULL;
}

static int fails(void)
{
	if (!on || --left > 0)
		return 0;
	on = getenv("FAIL_ON") != NULL;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return fails() ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
C
    "${CC:-cc}" -shared -fPIC -O1 -fno-builtin -o fail.so fail.c
    mk t.mp <"$data/small.tsv"
    mk p.mp <"$data/old.tsv"
}

# each COMMAND...: one run per allocation it makes, until one is not reached
each() {
    local n status
    "$@" >want
    for ((n = 1; n < 20000; n += n < 300 ? 1 : 17)); do
        status=0
        LD_PRELOAD=$PWD/fail.so FAIL_AT=$n "$@" >got 2>err || status=$?
        if [ $status = 0 ]; then
            cmp -s want got || { echo "$* at $n: another answer"; return 1; }
            LD_PRELOAD=$PWD/fail.so FAIL_AT=$n FAIL_ON=1 "$@" >got 2>err && break
            continue
        fi
        [ $status = 2 ] || { echo "$* at $n: status $status"; cat err; return 1; }
        [ "$(wc -l <err)" = 1 ] && grep -q "^$1: .*memory" err || { echo "$* at $n:"; cat err; return 1; }
    done
    [ "$n" -gt 20 ] && [ "$n" -lt 20000 ]
}

@test "mp-top" {
    each mp-top t.mp
    each mp-top --json p.mp
}

@test "mp-leaks" {
    each mp-leaks t.mp
    each mp-leaks -t t.mp
}

@test "mp-peak, mp-temp" {
    each mp-peak t.mp
    each mp-temp -t t.mp
}

@test "mp-leaks --growing" {
    { echo '##mp=trace 1'; printf 'P\t1\t1\t\t\tx\nT\t1\t1\t1\n'
      for ((i = 1; i < 40; i++)); do
          printf 'alloc\t%d000\t1\t%d\t100\tmalloc\tmain (a.c:1);load (a.c:%d)\n' $i $i $((i % 2))
      done
      echo end; } | mk g.mp
    each mp-leaks --growing --all -t g.mp
    each mp-leaks --growing --group file -t g.mp
}

@test "mp-time" {
    each mp-time t.mp
    each mp-time --json --between 15ns, t.mp
    each mp-time --plot t.mp
    each mp-time --svg t.mp
    each mp-time --at 25ns,45ns -t t.mp
}

@test "mp-stat" {
    each mp-stat t.mp
    each mp-stat --json p.mp
    each mp-stat -q -t "$data/trace.tsv"
    { printf '##mp=trace 1\n'
      for ((i = 1; i < 60; i++)); do printf 'P\t%d\t%d\t0\t0\tx\tx\n' $i $i; done
      printf 'T\t1\t1\t1\t0\tmain\n'
      for ((i = 1; i < 60; i++)); do printf 'mark\t%d\t1\t%d\tpause\t0\n' $i $i; done
      echo end; } | mk pauses.mp
    each mp-stat -t pauses.mp
}

@test "mp-html" {
    each mp-html t.mp
    each mp-html t.mp t.mp
}

@test "mp-tree" {
    each mp-tree t.mp
    each mp-tree --inverted -t p.mp
}

@test "mp-cat" {
    each mp-cat t.mp
    each mp-cat p.mp p.mp
    each mp-cat -t t.mp
    each mp-cat --json t.mp
    each mp-cat "$data/small.tsv"
}

@test "mp-filter" {
    each mp-filter --between 15ns,55ns t.mp
    each mp-filter --lifetime 1.. --function load --thread MainThread -t t.mp
    each mp-filter --module x --kind malloc p.mp
}

@test "mp-sym" {
    each mp-sym -q t.mp
    each mp-sym -q -t p.mp
}

@test "mp-fold" {
    each mp-fold t.mp
}

@test "mp-pprof" {
    each mp-pprof t.mp
    each mp-pprof p.mp
}

@test "mp-svg" {
    each mp-svg -m 600 t.mp
    each mp-svg p.mp
}

@test "mp-speedscope" {
    each mp-speedscope --by thread t.mp
}

@test "mp-diff" {
    each mp-diff -t p.mp "$data/new.tsv"
}

@test "imported files, compressed" {
    gzip -k t.mp
    each mp-top t.mp.gz
    each mp-cat -t "$data/memray.csv"
    each mp-cat -t "$data/heaptrack.txt"
    each mp-cat -t "$data/stacks.mojo"
    gzip <"$data/heap.pb" >heap.gz
    each mp-cat -t heap.gz
}

@test "mp-check" {
    each mp-check t.mp p.mp
}

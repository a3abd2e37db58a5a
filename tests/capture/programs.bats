#!/usr/bin/env bats
# Programs we did not write behave as without mp-capture, and are recorded whole.
load ../helper

python=$(pythons | head -n 1)

# alike COMMAND...: the same output and exit status with mp-capture in front; a clean
# trace in t.mp without losses; what mp-capture says is in said
alike() {
    local wanted=0 got=0
    "$@" >wanted.out 2>wanted.err </dev/null 3>&- || wanted=$?
    mp-capture -o t.mp -- "$@" >got.out 2>got.all </dev/null 3>&- || got=$?
    grep '^mp-capture:' got.all >said
    grep -v '^mp-capture:' got.all >got.err || true
    same "$got" "$wanted"
    cmp wanted.out got.out
    diff wanted.err got.err
    mp-check t.mp
    grep -q ' 0 lost' said
}

# also: no block was freed that was not seen before
alike_exactly() {
    alike "$@"
    same "$(grep 'made before' said)" ""
}

need_python() {
    [ -n "$python" ] || skip "no CPython 3.8 - 3.13"
    export PYTHONDONTWRITEBYTECODE=1
}

@test "the oldest and the newest CPython: threads, asyncio, callbacks from C, extension modules" {
    need_python
    cat >mixed.py <<'X'
import asyncio, ctypes, decimal, hashlib, json, queue, re, threading
q, kept = queue.Queue(), []
def work():
    while True:
        x = q.get()
        if x is None: return
        kept.append([x] * 10)
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for x in list(range(500)) + [None] * 4: q.put(x)
for t in threads: t.join()
async def one(i):
    await asyncio.sleep(0.001 * (i % 3))
    return [i] * 100
async def many(): return len(await asyncio.gather(*[one(i) for i in range(200)]))
print(len(kept), asyncio.run(many()))
pointer = ctypes.POINTER(ctypes.c_int)
kind = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)
def compare(a, b):
    kept.append([1] * 5)
    return a[0] - b[0]
numbers = (ctypes.c_int * 500)(*[i * 7919 % 500 for i in range(500)])
ctypes.CDLL(None).qsort(numbers, 500, 4, kind(compare))
decimal.getcontext().prec = 200
print(list(numbers)[:3], decimal.Decimal(2).sqrt(), len(re.findall(r'(\w+) (\w+)', ' a b' * 500)),
      hashlib.sha256(b'x' * 100000).hexdigest(), len(json.dumps([{'a': i} for i in range(500)])))
def deep(n): return 1 + deep(n - 1) if n else 0
def endless(n): return endless(n + 1)
try: endless(0)
except RecursionError: print(deep(300))
X
    for p in $(pythons | sed -n '1p;$p'); do
        alike_exactly "$p" -S mixed.py
    done
}

@test "Python's ends: _exit, kill, abort, exit in a thread, daemon threads, an exception" {
    need_python
    cat >end.py <<'X'
import os, sys, threading, time
kept = [bytes(1000) for i in range(100)]
def churn():
    while True: [bytes(50) for i in range(100)]
def daemons():
    for i in range(3): threading.Thread(target=churn, daemon=True).start()
    time.sleep(0.1)
def exit_in_thread():
    t = threading.Thread(target=lambda: sys.exit(4))
    t.start()
    t.join()
    sys.exit(6)
{'_exit': lambda: os._exit(3), 'kill': lambda: os.kill(os.getpid(), 9), 'abort': os.abort,
 'thread': exit_in_thread, 'daemons': daemons, 'raise': lambda: 1 / 0}[sys.argv[1]]()
X
    ulimit -c 0
    for how in _exit kill abort thread daemons raise; do
        alike "$python" -S end.py "$how"
    done
}

@test "Python's allocators: PYTHONMALLOC, -X dev, tracemalloc" {
    need_python
    echo "import tracemalloc
kept = [str(i) for i in range(2000)]
tracemalloc.start(5)
kept += [str(i) for i in range(2000)]
tracemalloc.stop()
del kept[::2]" >a.py
    for kind in malloc debug; do
        PYTHONMALLOC=$kind alike_exactly "$python" -S a.py
    done
    alike_exactly "$python" -S -X dev a.py
    alike_exactly "$python" -S -X tracemalloc=3 a.py
}

@test "Python's children: pools, subprocess without an environment, a shell, fork and exec" {
    need_python
    cat >tree.py <<'X'
import concurrent.futures, multiprocessing, os, subprocess, sys
def square(x): return sum([x] * 100)
if __name__ == '__main__':
    for how, workers in ('fork', 2), ('spawn', 1):
        context = multiprocessing.get_context(how)
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
            print(sum(pool.map(square, range(20))))
    run = [sys.executable, '-S', '-c', 'print(len([0] * 1000))']
    print(subprocess.check_output(run, env={}),
          subprocess.check_output('echo a; exec echo b', shell=True))
    print(subprocess.run(['cat'], input=b'x' * 100000, stdout=subprocess.PIPE).stdout[:3])
    sys.stdout.flush()
    for i in range(3):
        child = os.fork()
        if child == 0 and i == 0: os.execv(run[0], run)
        if child == 0 and i == 1: os.execve('/bin/echo', ['echo', 'c'], {})
        if child == 0: os._exit(5)
        print(os.waitpid(child, 0)[1])
        sys.stdout.flush()
X
    alike "$python" tree.py
    # two pools, a resource tracker, python twice, sh, echo and cat
    same "$(($(mp-leaks --keep pid --json t.mp | jq -r .pid | sort -u | wc -l) > 5))" 1
}

@test "a shim in front, and what reads standard input" {
    need_python
    printf '#!/bin/bash\nset -e\nfor i in 1 2 3; do x=$(echo $i); done\nexec "%s" -S "$@"\n' \
        "$python" >shim
    chmod +x shim
    alike ./shim -c 'print(len([0] * 1000))'
    mp-top --view total --by kind t.mp | grep PyObject_Malloc
    same "$(seq 5 | mp-capture -q -o t.mp -- "$python" -S -c 'import sys; print(len(sys.stdin.read()))')" 10
}

@test "programs of other kinds" {
    seq 5000 | sort -R --random-source=/dev/zero >numbers
    echo 'int main(void) { return 0; }' >s.c
    alike cc -O1 -c -o s.o s.c
    alike sort -n numbers
    alike sh -c 'seq 10000 | sort -rn | head -n 3'
    alike bash -c 'for i in $(seq 20); do x="$x$(echo $i)"; done; cat <(echo $x) <(echo b); (exit 3)'
    alike sh -c '(sleep 0.3; echo late) & echo first'
    alike sh -c 'kill -9 $$'
    alike timeout 0.2 sleep 5
    if command -v git; then alike git -C "$here" status --short -uno; fi
    if command -v xz; then alike_exactly xz -T2 -0 -c numbers; fi
    if command -v perl; then
        alike perl -e '$h{$_ % 100} .= "x$_" for 1 .. 2000; print `echo hi`; exit 3 unless fork; wait; print $?'
    fi
    if command -v node; then
        alike node -e 'setTimeout(() => console.log([..."abc"].map(x => [x])), 20)'
    fi
    # Java maps over what libc mapped for its threads' stacks
    if java -version; then alike_exactly java -version; fi
}

@test "another malloc, preloaded or linked" {
    lib=$(ldconfig -p | sed -n 's/.*libjemalloc\.so.* => //p' | head -n 1)
    [ -n "$lib" ] || skip "no jemalloc"
    seq 500 >numbers
    LD_PRELOAD=$lib alike_exactly sort -n numbers
    printf '#include <stdlib.h>\nint main(void) { free(malloc(100)); return malloc(1234) == 0; }\n' >s.c
    cc -fno-builtin -o linked s.c -Wl,--no-as-needed "$lib"
    alike_exactly ./linked
    mp-leaks --json t.mp | jq -s -e 'any(.[]; .kind == "malloc" and .bytes == 1234)'
}

@test "counts and bytes are those of an independent counter" {
    cat >counter.c <<'X'
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
static unsigned long made, freed, bytes;
static char early[65536];
static size_t used;
static void *first(size_t n) { void *p = early + used; used += (n + 15) & ~15ul; return p; }
static int is_first(void *p) { return (uintptr_t)p - (uintptr_t)early < sizeof early; }
static void *did(void *p, size_t n) { if (p) { made++; bytes += n; } return p; }
#define NEXT(type, name, ...) \
    static type (*next)(__VA_ARGS__); static int looking; \
    if (!next && !looking) { \
        looking = 1; next = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name); looking = 0; }
void *malloc(size_t n) { NEXT(void *, "malloc", size_t) return next ? did(next(n), n) : first(n); }
void *calloc(size_t n, size_t m) {
    NEXT(void *, "calloc", size_t, size_t) return next ? did(next(n, m), n * m) : first(n * m);
}
void *realloc(void *p, size_t n) {
    NEXT(void *, "realloc", void *, size_t)
    void *q = next(p, n);
    freed += p && (q || !n);
    return did(q, n);
}
void free(void *p) {
    NEXT(void, "free", void *)
    if (p && !is_first(p)) { freed++; next(p); }
}
__attribute__((destructor)) static void tell(void) {
    char line[100];
    int n = snprintf(line, sizeof line, "[%d,%lu,%lu,%lu]\n", getpid(), made, freed, bytes);
    int fd = open("counts", O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (write(fd, line, (size_t)n) < 0) return;
}
X
    cc -O1 -fno-builtin -shared -fPIC -D_GNU_SOURCE -o counter.so counter.c
    seq 5000 >numbers
    echo 'int main(void) { return 0; }' >s.c
    for command in "sort --parallel=1 -rn numbers" "cc -fsyntax-only s.c" "cat numbers" "xz -T1 -0 -k s.c"; do
        command -v "${command%% *}" || continue
        rm -f counts
        ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$PWD/counter.so mp-capture -q --no-native -o t.mp -- $command >/dev/null
        mp-cat --json t.mp | jq -s -c 'map(select((.op == "alloc" or .op == "free")
            and (.kind | test("^(m|re|c)alloc")))) | group_by(.pid)[] | [.[0].pid,
            (map(select(.op == "alloc")) | length, (map(.size) | add))]' | sort >got
        # mp-capture itself was counted, too, without having been traced
        grep -f <(sed 's/^\(.[0-9]*,\).*/^\1/; s/\[/\\[/' got) counts |
            jq -c '[.[0], .[1], .[3]]' | sort >wanted
        [ -s got ]
        diff wanted got
    done
}

@test "counts and bytes are valgrind's" {
    command -v valgrind || skip "no valgrind"
    cat >s.c <<'X'
#include <stdlib.h>
int main(void) {
    static void *p[500];
    unsigned r = 1;
    for (int i = 0; i < 20000; i++) {
        unsigned k = (r = r * 1103515245u + 12345) >> 8 & 255, n = r >> 4 & 4095;
        if (r >> 30 == 1) { p[k] = realloc(p[k], n + 1); continue; }
        free(p[k]);
        p[k] = r >> 31 ? malloc(n) : calloc(n + 1, 2);
    }
    return 0;
}
X
    cc -fno-builtin -o s s.c
    valgrind ./s 2>&1 | tr -d , |
        sed -n 's/.*usage: \([0-9]*\) allocs \([0-9]*\) frees \([0-9]*\) bytes.*/[\1,\3]\n\2/p' >wanted
    mp-capture -q --no-native -o t.mp -- ./s
    mp-cat --json t.mp >events
    jq -s -c 'map(select(.op == "alloc")) | [length, (map(.size) | add)]' events >got
    jq -s 'map(select(.op == "free")) | length' events >>got
    diff wanted got
}

@test "a mapping over what is not ours is no unknown free, unmapping it is" {
    cat >s.c <<'X'
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char *p = (char *)syscall(SYS_mmap, 0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mmap(p, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p) return 1;
    if (mmap(p, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p) return 1;
    return argc > 1 ? munmap(p + 65536, 4096) : 0;
}
X
    cc -D_GNU_SOURCE -o s s.c
    alike_exactly ./s
    same "$(mp-leaks --json t.mp | jq -s 'map(.bytes) | add')" 8192
    alike ./s munmap
    grep -q ' 1 frees of blocks' said
}

@test "a limit on the size of files is told, and kills nobody" {
    run -125 sh -c 'ulimit -f 10; exec mp-capture -o t.mp -- true'
    [[ $output == *"File too large"* ]]
    same "${#lines[@]}" 1
}

@test "SIGINT to the whole group: the program decides" {
    need_python
    echo 'import os, sys, time
try:
    open("ready", "w").write("x")
    time.sleep(20)
except KeyboardInterrupt: sys.exit(33)' >i.py
    "$python" - "$python" 3>&- <<'X' || status=$?
import os, signal, subprocess, sys, time
p = subprocess.Popen(['mp-capture', '-q', '-o', 't.mp', '--', sys.argv[1], '-S', 'i.py'],
                     start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
for i in range(200):
    if os.path.exists('ready') and os.path.getsize('ready'): break
    time.sleep(0.05)
time.sleep(0.1)
os.killpg(p.pid, signal.SIGINT)
sys.exit(p.wait())
X
    same "$status" 33
    mp-check t.mp
}

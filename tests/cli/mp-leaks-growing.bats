#!/usr/bin/env bats
load ../helper

# life PROGRAM...: a trace of a minute, one allocation or free each ms of 60,000.  Each
# PROGRAM is a line of app.py whose rule awk knows: what is born, and when it dies.
life() {
    awk -v programs="$*" '
        function dies(p, t) {
            if (p == "leak") return t % 50 ? 0 : -1
            if (p == "slow") return t % 2000 == 7 ? -1 : t % 3 ? 0 : t + 900 + (t * 7919) % 800
            if (p == "cache") return t < 18000 && t % 20 == 3 ? -1 : 0
            if (p == "lru") return t % 20 == 9 ? t + 9000 : 0
            if (p == "saw") return t % 10 == 1 ? (int(t / 7000) + 1) * 7000 : 0
            if (p == "start") return t < 500 ? -1 : 0
        }
        BEGIN {
            n = split(programs, program, " ")
            print "##mp=trace 1"; print "##tick=1000000"
            print "P\t1\t100\t0\t0\tserver"; print "T\t1\t1\t100\t0\tMainThread"
            for (t = 0; t < 60000; t++) {
                split(due[t], old, " ")
                delete due[t]
                for (i = 1; i in old; i++) printf "free\t%.0f\t1\t%d\n", t * 1e6, old[i]
                for (i = 1; i <= n; i++) {
                    d = dies(program[i], t)
                    if (!d) continue
                    printf "alloc\t%.0f\t1\t%d\t%d\tmalloc\tmain (app.py:1) [py:1];%s (app.py:%d) [py:2]\n",
                        t * 1e6, ++block, 100 + t % 3 * 8, program[i], 10 * i
                    if (d > 0 && d < 60000) due[d] = due[d] " " block
                }
            }
            print "end"
        }'
}

@test "a leak grows; caches, a sawtooth and what was there from the start do not" {
    life leak cache lru saw start | mk t.mp
    j 'length == 1 and .[0].stack[-1].func == "leak" and .[0].growing == 1' mp-leaks --growing t.mp
    j 'map(.bytes) | add == 1200 * 108' mp-leaks --growing t.mp
    j 'map({(.stack[-1].func): .growing}) | add ==
        {"leak": 1, "cache": 0, "lru": 0, "saw": 0, "start": 0}' mp-leaks --growing --all t.mp
}

@test "what grows is live at the end as mp-leaks says, row by row" {
    life leak cache lru saw start | mk t.mp
    j 'map({size: (.bytes / .count), bytes, func: .stack[-1].func}) | sort_by(.func, .size)' mp-leaks t.mp
    mv j.value plain
    j 'map({size: (.bytes / .count), bytes, func: .stack[-1].func}) | sort_by(.func, .size)' \
        mp-leaks --growing --all t.mp
    diff plain j.value
}

@test "a slow leak is found beneath noise thirty times its size" {
    life slow saw | mk t.mp
    j 'length > 0 and all(.stack[-1].func == "slow") and (map(.count) | add) > 300' mp-leaks --growing t.mp
    # without the leak, nothing
    life saw | mk t.mp
    j 'length == 0' mp-leaks --growing t.mp
}

@test "the evidence: slope, share of rises, growth lately and before, first and last" {
    life leak | mk t.mp
    j '.[0].slope > 128000 and .[0].slope < 131000 and .[0].rose > 99 and
        (.[0].before > 42000 and .[0].before < 44000) and (.[0].lately / .[0].before | . > 0.95 and . < 1.05) and
        .[0].first < 1e9 and .[0].last > 59e9' mp-leaks --growing t.mp
    mp-leaks --growing -t t.mp | grep -Fx $'##column=slope\tB/min\tgrowth\tmax'
    mp-leaks --growing -t t.mp | grep -Fx $'##column=first\tns\tgrowth\tmin'
}

@test "--group: what grows is a line, a function, a file, a thread, the process" {
    life leak cache | mk t.mp
    for what in line function stack; do
        j 'length == 1 and .[0].stack[-1].func == "leak"' mp-leaks --growing --group $what t.mp
    done
    life leak start | mk t.mp
    for what in file thread process kind; do
        j '(map(.bytes) | add) == 1200 * 108 + 500 * 108 - 8' mp-leaks --growing --group $what t.mp
    done
}

@test "-e: what grows is held against the budget, not what is left" {
    life leak start | mk t.mp
    run -1 mp-leaks --growing -e -o g.mp t.mp
    run -0 mp-leaks --growing -e --budget 129600 -o g.mp t.mp
    run -1 mp-leaks --growing -e --budget 129599 -o g.mp t.mp
    run -1 mp-leaks --growing --all -e --budget 129599 -o g.mp t.mp
    run -0 mp-leaks --growing --all -e --budget 129600 -o g.mp t.mp
    life start saw | mk t.mp
    run -0 mp-leaks --growing -e -o g.mp t.mp
}

@test "a window: what grew since T" {
    life leak cache | mk t.mp
    j 'map(.bytes) | add == 400 * 108' mp-leaks --growing --since 40 t.mp
    j 'map(.stack[-1].func) | unique == ["leak"]' mp-leaks --growing --between 20,60 t.mp
    # while it fills, a cache grows
    j 'map(.stack[-1].func) | unique == ["cache", "leak"]' mp-leaks --growing --between ,17 t.mp
}

@test "--since T is --between T," {
    life leak start | mk t.mp
    mp-leaks --since 30 -t t.mp >since
    mp-leaks --between 30, -t t.mp >between
    cmp since between
    j 'map(.bytes) | add == 600 * 108' mp-leaks --since 30 t.mp
}

# What processes hold when they end after a little is no growth; what one that ran for
# most of the time held is.
@test "processes that end: short ones take their blocks with them" {
    awk 'BEGIN {
        print "##mp=trace 1"; print "##tick=1000000"
        for (p = 1; p <= 60; p++) {
            printf "P\t%d\t%d\t0\t%.0f\tworker\nT\t%d\t%d\t%d\t%.0f\tMainThread\n", p, p, p * 1e9, p, p, p, p * 1e9
            for (i = 0; i < 50; i++)
                printf "alloc\t%.0f\t%d\t%d\t100\tmalloc\tmain (w.py:1) [py:1]\n", p * 1e9 + i * 1e7, p, ++block
            printf "procend\t%.0f\t%d\n", p * 1e9 + 9e8, p
        }
        print "end"
    }' | mk t.mp
    j '(map(.bytes) | add) == 60 * 50 * 100' mp-leaks t.mp
    j 'length == 0' mp-leaks --growing t.mp
    { life leak | grep -v '^end$'; printf 'procend\t59999000000\t1\nend\n'; } | mk t.mp
    j 'map(.bytes) | add == 1200 * 108' mp-leaks --growing t.mp
}

@test "the result is a profile: mp-top ranks it, mp-fold draws it, parts add up" {
    life leak | mk t.mp
    mp-leaks --growing t.mp | mp-top --json -k slope | jq -se '.[0].name == "leak (app.py:10)" and .[0].slope > 128000'
    mp-leaks --growing t.mp | mp-fold | grep '^main (app.py:1);leak (app.py:10) 129600$'
    cat t.mp t.mp | mp-leaks --growing --json | jq -se '(map(.bytes) | add) == 2 * 129600 and .[0].growing == 1'
    mp-leaks --growing t.mp t.mp --json | jq -se '(map(.bytes) | add) == 2 * 129600'
}

@test "on a terminal: a table with the verdict" {
    life leak saw | mk t.mp
    cols=160 tty 'mp-leaks --growing --all t.mp' >got
    grep -E 'slope/min +rose +before +lately +first +last +verdict +line' got
    grep -E '126.6 KiB .* growing +leak \(app.py:10\)' got
    grep -E ' levelled +saw \(app.py:20\)' got
    cols=160 tty 'mp-leaks --growing t.mp' >got
    run ! grep saw got
    mp-leaks --growing t.mp >g.mp
    cols=160 tty 'mp-top g.mp' >got
    grep -E '126.6 KiB .* growing +leak \(app.py:10\)' got
}

@test "a trace too short to tell says so" {
    cp "$data/small.tsv" t.tsv
    run --separate-stderr -0 mp-leaks --growing -t t.tsv
    same "$stderr" 'mp-leaks: 1 of 1 traces too short to tell what grows (under 12 steps of time)'
    run --separate-stderr -2 mp-leaks --group line t.tsv
    run --separate-stderr -2 mp-leaks --all t.tsv
}

@test "a Python service: its leak is found, its cache and its requests are not" {
    cat >server.py <<'END'
import collections, functools, os, time
sessions = []
log = collections.deque(maxlen=50)

class Session:
    def __init__(self, i):
        self.data = bytearray(2000 + i % 7)

@functools.lru_cache(maxsize=64)
def lookup(key):
    return bytearray(1500 + key)

def request(i):
    body = [bytearray(300) for _ in range(20)]
    lookup(i * 31 % 211)
    log.append(bytearray(900))
    return len(body)

def session(i):
    sessions.append(Session(i))

# for five times as long as the interpreter took to start
with open('/proc/self/stat') as f:
    start = int(f.read().rsplit(')', 1)[1].split()[19]) / os.sysconf('SC_CLK_TCK')
now = time.clock_gettime(time.CLOCK_BOOTTIME)
step = max(2, 5 * (now - start)) / 1500
for i in range(1500):
    request(i)
    session(i)
    time.sleep(max(0, now + i * step - time.clock_gettime(time.CLOCK_BOOTTIME)))
END
    mp-capture -q -o t.mp -- python3 server.py
    mp-leaks --growing --json t.mp | jq -s 'map(.stack | map(select(.lang == "python") | .func)[-1]) | unique' >got
    jq -e 'index("Session.__init__") != null and index("request") == null and index("lookup") == null' got
    j 'map(select(.stack | map(.func) | index("Session.__init__"))) | map(.bytes) | add > 3000000' mp-leaks --growing t.mp
}

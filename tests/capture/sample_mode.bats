#!/usr/bin/env bats
# mp-capture --sample: estimates without a bias, whole where a block is large, and
# nothing of a block that is not in the sample.

load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    targets=$here/tests/targets
    PATH=$build/targets:$PATH
}

# below FUNCTION VIEW COLUMN FILE: what FUNCTION and all that it calls made
below() {
    mp-fold -q --by function --view "$2" -k "$3" "$4" |
        awk -v f=";$1" 'index($0, f) { s += $NF } END { printf "%d\n", s }'
}

# fits: of lines of an estimate and the exact number of the same run, the estimates are off
# by nothing in the mean, within five standard errors, and they are not exact
fits() {
    awk '{ n++; d = $1 - $2; exact += $2; s += d; q += d * d }
        END { mean = s / n; exact /= n; se = sqrt((q - n * mean * mean) / (n - 1) / n)
            printf "%d runs, off by %.0f of %.0f, standard error %.0f\n", n, mean, exact, se
            exit !(n >= 16 && se > 0 && se < exact / 5 && mean < 5 * se && -mean < 5 * se) }'
}

@test "four threads: counts and bytes, all and live, have the exact ones as their mean" {
    for i in $(seq 24); do
        MP_SAMPLE_SEED=$i mp-capture -q --sample 20K -o t.mp -- script4 >own
        read -r c b _ lb _ <own
        echo "$(below script_ total count t.mp) $c" >>count
        echo "$(below script_ total bytes t.mp) $b" >>bytes
        echo "$(below script_ live bytes t.mp) $lb" >>live
    done
    fits <count
    fits <bytes
    fits <live
}

@test "a block much larger than the interval is always there, and is one" {
    cat >big.py <<'END'
def big():
    return [bytearray(1 << 20) for i in range(30)]
def mapped():
    return [__import__("mmap").mmap(-1, 1 << 16) for i in range(5)]
kept = big(), mapped()
END
    mp-capture -q --sample 32K -o t.mp -- /usr/bin/python3 big.py
    mp-capture -q -o all.mp -- /usr/bin/python3 big.py
    for f in t all; do
        mp-filter -q --size 1M..2M $f.mp | mp-leaks -q | mp-top -q -t --by function | awk '/big/ { print $1, $3 }' >$f.big
    done
    diff t.big all.big
    [ -s t.big ]
    for f in t all; do
        mp-top -q -t --by kind --view total $f.mp | awk '$NF ~ /^mmap/ { print $1, $3 }' >$f
    done
    diff t all
}

@test "a block that is not sampled leaves nothing; no free is unknown" {
    mp-capture -q -o all.mp -- heap 100000
    mp-capture --sample 64K -o t.mp -- heap 100000 2>err
    run -0 mp-check t.mp
    j '.[0] | .unknown_frees == 0 and .events > 100 and .events < 20000' mp-stat t.mp
    j '.[0] | .unknown_frees == 0 and .events > 100000' mp-stat all.mp
    run ! grep -q 'frees of blocks' err
    grep -q 'about .* allocated' err
}

@test "the same seed samples the same" {
    for i in 1 2 3; do
        MP_SAMPLE_SEED=$((i / 2)) mp-capture -q --sample 4K --rss 0 -o $i.mp -- stacks sites 5000
        mp-top -q -t --view total --by kind $i.mp >$i
    done
    diff 2 3
    run ! cmp 1 2
}

@test "Python: what lines hold, on every interpreter, forked children too" {
    cat >kept.py <<'END'
import os, sys
def small(n):
    return [b"%500d" % i for i in range(n)]
def churn(n):
    for i in range(n):
        b"%700d" % i
kept = small(20000)
churn(20000)
if os.fork() == 0:
    more = small(20000)
    sys.stdout.flush()
    os._exit(0)
os.wait()
END
    n=0
    while read -r python; do
        mp-capture -q -o all.mp -- "$python" kept.py
        mp-capture -q --sample 16K -o t.mp -- "$python" kept.py
        mp-check t.mp
        for f in small churn; do
            # of about 1,800 sampled: the standard error is 2.4 %
            echo "$(below $f total bytes t.mp) $(below $f total bytes all.mp) $python $f" | tee line
            awk '{ exit !($1 > .85 * $2 && $1 < 1.15 * $2 && $2 > 10e6) }' line
        done
        j '.[0] | .unknown_frees == 0 and (.processes | length) == 2' mp-stat t.mp
        n=$((n + 1))
    done < <(pythons)
    [ "$n" -ge 1 ]
}

@test "without objects, and without native stacks" {
    mp-capture -q --sample 8K --no-objects -o o.mp -- /usr/bin/python3 -c 'x = [bytes(5000) for i in range(9999)]'
    run ! grep -q Object_ <(mp-top -q -t --by kind --view total o.mp)
    mp-capture -q --sample 8K --no-native -o n.mp -- /usr/bin/python3 -c 'x = [bytes(5000) for i in range(9999)]'
    j 'map(select(.name == "<module> (<string>)"))[0].total_bytes | . > 40e6 and . < 60e6' mp-top -q --view total --by function n.mp
}

@test "a pause, marks, signal handlers that allocate, a program that is executed" {
    for mode in pauses nested forks signals; do
        mp-capture -q --sample 1K -o t.mp -- marks $mode >/dev/null
        mp-check t.mp
        j '.[0].unknown_frees == 0' mp-stat t.mp
    done
}

@test "who prints it says that it is an estimate" {
    mp-capture --sample 100K -o t.mp -- heap 100000
    for p in mp-top mp-tree mp-stat; do
        $p t.mp | grep -q '^estimates: sampled, one allocation in about 100.0 KiB recorded'
    done
    mp-check t.mp | grep -q 'sampled, one allocation in about 100.0 KiB recorded'
}

@test "sizes that are none" {
    for size in x -1 2G 1e3; do
        run mp-capture --sample $size -o t.mp -- true
        same "$status" 125
    done
    mp-capture -q --sample 0 -o t.mp -- true
    run ! grep -q estimates <(mp-top t.mp)
}

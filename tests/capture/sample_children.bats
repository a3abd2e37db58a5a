#!/usr/bin/env bats
# mp-sample --children: every process of a program, each as itself.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    pythons >list
    python=$(tail -n 1 list)
    other=$(head -n 1 list)
    cat >family.py <<'PY'
import os, subprocess, sys, time
def burn(seconds):
    end = time.time() + seconds
    while time.time() < end:
        sum(range(5000))
def parent():
    burn(1.2)
def forked():
    burn(.8)
def grandchild():
    burn(.6)
if sys.argv[1:] == ['deep']:
    p = os.fork()
    if not p:
        grandchild()
        os._exit(0)
    os.waitpid(p, 0)
    sys.exit()
p = os.fork()
if not p:
    forked()
    os._exit(0)
q = subprocess.Popen([os.environ['OTHER'], __file__, 'deep'])
r = subprocess.Popen(['sleep', '0.9'])
parent()
os.waitpid(p, 0)
q.wait()
r.wait()
print(os.getpid(), p, q.pid, r.pid)
sys.exit(5)
PY
}

clean() {
    mp-check "$1" >check || { cat check; return 1; } >&2
    grep -q ': clean, 1 trace' check
}

@test "all that is started, forked or executed, and theirs; without the option only the program" {
    export OTHER=$other
    run -5 --separate-stderr mp-sample --children -o c.mp -- "$python" family.py
    clean c.mp
    read -r main fork exec sleeps <<<"$output"
    mp-fold --by function c.mp >folded
    for f in '<module>;parent;burn' '<module>;forked;burn' '<module>;grandchild;burn'; do
        [ "$(grep "^$f" folded | awk '{ n += $NF } END { print n + 0 }')" -gt 15 ] || { cat folded; return 1; } >&2
    done
    mp-cat --json c.mp >c.json
    jq -se --argjson m "$main" --argjson f "$fork" --argjson e "$exec" --argjson s "$sleeps" '
        (map(select(.op == "sample")) | group_by(.pid) | map({ (.[0].pid | tostring): map(.stack[].func) | unique }) | add) as $of |
        ($of[$m | tostring] | index("parent") and (index("grandchild") | not)) and
        ($of[$f | tostring] | index("forked") and (index("parent") | not)) and
        ($of[$e | tostring] | length > 0) and ($of[$s | tostring] | any(. != null and test("sleep"))) and
        ($of | keys | length) == 5 and
        (map(select(.op == "series" and .metric == "rss" and .value > 1000000) | .pid) | unique | length) == 5 and
        (map(select(.op == "sample")) | map(.time) | . == sort)' c.json || { head -n 30 c.json; return 1; } >&2
    [[ $stderr == *'processes sampled: 5'* ]]
    # the example of an attached program, whose children were there before
    run -5 mp-sample -q -o one.mp -- "$python" family.py
    mp-fold --by function one.mp >folded
    grep -q '^<module>;parent' folded && ! grep -q 'forked\|grandchild' folded
}

@test "children that were there before, and many short ones" {
    OTHER=$other "$python" family.py >out 3>&- &
    pid=$!
    sleep 0.4
    mp-sample -q --children -p $pid -d 0.4 -o a.mp
    wait $pid || true
    clean a.mp
    j '[.[] | select(.op == "sample") | .pid] | unique | length == 5' mp-cat a.mp
    run -0 timeout 60 mp-sample --children -o s.mp -- sh -c 'for i in $(seq 100); do true | sh -c "exit 0"; sleep 0.005; done'
    clean s.mp
    # those that ended and were not waited for are not found again and again
    [ "$(sed -n 's/.*processes sampled: //p' <<<"$output")" -lt 320 ]
}

@test "one that ends while it is being stopped is let go: its parent is told" {
    run -0 --separate-stderr timeout 60 mp-sample -q --children --stop -r 5000 -o d.mp -- "$build/targets/dying" 12 100
    same "$output" 12
    clean d.mp
}

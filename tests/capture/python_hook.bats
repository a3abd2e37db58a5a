#!/usr/bin/env bats
# The hook in every CPython found: lines, frames, code objects, allocators, the
# end.  Nothing drains; ringrun reads what the hook wrote.

load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    targets=$here/tests/targets
    ringrun=$build/targets/ringrun
    hook=$build/lib/mp/libmp-hook.so
    pythons >list
    [ -s list ]
}

# run_hook PYTHON OPTIONS... -- SCRIPT...: out, and the last line in $total
run_hook() {
    local python=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    "$ringrun" "${options[@]}" "$hook" "$python" "$@" >out
    total=$(tail -n 1 out)
    case $total in
    "total lost 0 bad 0 "*) ;;
    *)
        echo "$python $*: $total" >&2
        return 1
        ;;
    esac
}

# stacks_agree COUNT: what the script expected is what the hook saw
stacks_agree() {
    grep '^stack ' out | sort >want
    sed -n 's/^got /stack /p' out | sort >got
    [ "$(wc -l <want)" -ge "$1" ] || return
    comm -23 want got >missing
    if [ -s missing ]; then
        echo "$python: $(wc -l <missing) of $(wc -l <want) differ, the first:" >&2
        head -n 3 missing >&2
        return 1
    fi
}

# clean NAME: every free is of a block allocated before, each counted once
clean() {
    if grep '^image' out | grep -v ' unknown 0 over 0 mixed 0 '; then
        echo "$1" >&2
        return 1
    fi
}

@test "line numbers of the standard library as each interpreter gives them" {
    while read -r python; do
        "$python" "$targets/pylines.py" 40 >lines
        "$build/tests/test_pyline" lines
    done <list
}

@test "stacks of every shape of code as each interpreter sees them" {
    while read -r python; do
        run_hook "$python" -s 777000-777200 -- "$targets/shapes.py"
        stacks_agree 60
        run_hook "$python" -n -s 777000-777200 -- "$targets/shapes.py"
        stacks_agree 60
    done <list
}

@test "an address used again is another code object" {
    while read -r python; do
        run_hook "$python" -n -s 200000-210000 -- "$targets/codes.py"
        stacks_agree 3200
        clean "$python"
    done <list
}

@test "a stack too deep is cut and says so" {
    while read -r python; do
        run_hook "$python" -n -s 777000-777002 -- "$targets/deep.py"
        sed -n 's/^got //p' out | awk '{ n = gsub(/;/, ";"); print $1, n, /cut;$/ }' >depths
        same "$(cat depths)" "$(printf '%s\n' '777001 1025 1' '777001 1024 0' '777002 902 0')"
    done <list
}

@test "no unknown free, no block twice, none missed under any allocator setting" {
    while read -r python; do
        for malloc in default debug malloc malloc_debug pymalloc_debug; do
            PYTHONMALLOC=$malloc run_hook "$python" -- "$targets/churn.py"
            clean "$python $malloc"
            grep -q ' finalize 1 ' <<<"$total"
            # the allocator behind changes neither the objects nor what is no object
            grep '^image' out | awk '{ print $5, $3 - $5 }' >counts
            [ $malloc != default ] || cp counts default
            paste -d ' ' counts default | awk '{ exit !($1 > 40000 && $2 < 5000 &&
                ($1 - $3) ^ 2 < ($3 / 100) ^ 2 && ($2 - $4) ^ 2 < 60 ^ 2) }' || {
                echo "$python $malloc: $(cat counts), default $(cat default)" >&2
                return 1
            }
        done
        for option in dev tracemalloc tracemalloc=5; do
            run_hook "$python" -- -X "$option" "$targets/churn.py" 100
            clean "$python -X $option"
            grep -q ' finalize 1 ' <<<"$total"
            grep '^image' out | awk '{ exit !($5 > 40000) }'
        done
    done <list
}

@test "held by globals: live when the interpreter begins to finalise" {
    line=$(grep -n '^held = ' "$targets/churn.py" | cut -d: -f1)
    while read -r python; do
        for options in "" -g; do
            # shellcheck disable=SC2086
            run_hook "$python" $options -s 123457-123457 -- "$targets/churn.py"
            [ "$(grep -c "^got 123457 .*churn.py:$line:" out)" = 7 ]
            clean "$python $options"
            # finalisation frees them: at the very end less is live
            grep '^image' out | awk '{ exit !($20 - $17 >= 7 * 123457) }'
        done
    done <list
}

@test "forked children: own code ids, stacks right" {
    while read -r python; do
        run_hook "$python" -n -s 777000-777300 -- "$targets/forks.py"
        grep -q ' finalize 5 ' <<<"$total"
        for k in 0 1 2 3 5 10; do
            [ "$(grep -cE "^got $((777001 + k)) .*:<?(child|f|listcomp)" out)" = 3 ]
            [ "$(grep -c "^got $((777101 + k)) child $k:1:<module>;.*:child;" out)" = 1 ]
        done
        [ "$(grep -c '^got 777201 <string>:1:<module>;' out)" = 1 ]
    done <list
}

@test "daemon threads while the interpreter finalises" {
    while read -r python; do
        run_hook "$python" -- "$targets/daemons.py"
        clean "$python"
        grep -q ' finalize 1 .*status 0' <<<"$total"
    done <list
}

@test "an interpreter loaded later, for several lives" {
    while read -r python; do
        "$python" -c 'import sys, sysconfig as s
if s.get_config_var("Py_ENABLE_SHARED"):
    print(s.get_config_var("LIBDIR") + "/" + s.get_config_var("INSTSONAME"), sys.base_prefix)' >library
        read -r library prefix <library || continue
        [ -e "$library" ] || continue   # Debian has it in a package of its own
        for malloc in default debug; do
            for lives in 1 3 6; do
                PYTHONMALLOC=$malloc "$ringrun" "$hook" "$build/targets/embed" "$library" $lives \
                    'import json; x = [str(i) * 5 for i in range(2000)]' "$prefix" >out
                total=$(tail -n 1 out)
                [[ $total == "total lost 0 bad 0 finalize 1 "*"status 0" ]]
                clean "$library $malloc $lives"
                # the objects of each life are seen
                grep '^image' out | awk -v n=$lives '{ exit !($5 > n * 40000) }'
            done
        done
    done <list
}

#!/usr/bin/env bats
# The conformance files of formats/samples: good ones are read by every program, bad
# ones are told by all of them, each for its own reason, in bounded memory.
load ../helper

good=$BATS_TEST_DIRNAME/../../formats/samples/good
bad=$BATS_TEST_DIRNAME/../../formats/samples/bad

# file, exit status of mp-check, what is said of it
table() {
    cat <<'END'
back.mp                4 a free ends no allocation
before.mp              4 records before it are not as many
checkpoint.mp          4 header checksum differs
critical-kind.mp       2 a block of kind 77 needs a newer version
critical.mp            2 column 200 needs a newer version
cut-end.mp             8 truncated
cut-head.mp            2 cut off in its first block
cut-marker.mp          2 cut off in its first block
cut-profile.mp         8 the profile is cut off
cut.mp                 8 truncated
empty.mp               2 empty
end-allocated.mp       4 bytes allocated differ from the events
end-blocks.mp          4 what is live at the end differs from the events
end-bytes.mp           4 what is live at the end differs from the events
end-counts.mp          4 blocks differ from what the end says
end-first.mp          12 a part without its first block
end-peak.mp            4 the peak differs from the events
escape.tsv             2 line 4: a backslash that begins no escape
feature.mp             2 needs a newer version
fields.tsv             2 line 4: too many fields
flipped-directory.mp   4 header checksum differs
flipped-head.mp        4 header checksum differs
flipped-profile.mp     4 checksum differs
flipped.mp             4 checksum differs
frames-length.mp       4 lengths do not add up
gap.mp                 4 blocks are missing
garbage.mp             4 not a block
gzip-cut.mp            4 gzip data are cut off
gzip-flipped.mp        2 byte 0: incorrect data check
header-length.mp       4 no block header after the marker
header.tsv             2 no header line
heaptrack-cut.txt      8 truncated
heaptrack-index.txt    2 line 8: a number is missing, wrong, or of nothing in the file
heaptrack-raw.txt      2 line 2: raw data of heaptrack
label.mp               4 a record's number is too large
last-time.mp           4 its times go back or differ
line.folded            2 line 2: no whole number at the end
live-bytes.mp          4 header contradicts itself
major.mp               2 format 2.0 needs a newer version
marker.mp              4 not a block
maximum.mp             4 sums differ from its events
memray-frame.csv       2 line 2: a frame is not FUNCTION;FILE;LINE
memray-quote.csv       2 line 2: a quote is not closed
newer.mp               2 needs a newer version
no-end-profile.mp      8 the profile is cut off
no-end.mp              8 truncated
no-head-profile.mp     4 a part without its first block
number.tsv             2 line 4: not a whole number
pprof-cut.pb           2 not a message of pprof's
pprof-location.pb      2 no such location
random.mp              2 not a trace or profile
raw-length.mp          4 a column is too long
records.mp             4 header contradicts itself
rows.mp                4 a record refers to nothing
site.mp                4 an allocation refers to no site
slots.mp               4 slots grow by more than what is new
strings.mp             4 a string is too long
thread.tsv             2 line 4: no such thread
twice.tsv              2 two live allocations have the same number
utf16.tsv              2 not a trace or profile
value.tsv              2 line 3: not a whole number
values.mp              4 a column's length does not fit its values
version.tsv            2 a newer version
weight-size.mp         4 a site stands for too much
weight-unmarked.mp     4 a weight without a sampling interval
zeros.mp               2 not a trace or profile
zstd-cut.mp            2 zstd frame is cut off
zstd-flipped.mp        2 byte 0: Restored data doesn't match checksum
zstd-frame.mp          4 a frame's length differs from the directory's
zstd-other.mp          2 not a trace or profile
END
}

# Whole and in order, but for totals that only mp-check works out.
unseen() {
    case $1 in
    end-allocated.mp | end-blocks.mp | end-bytes.mp | end-peak.mp | last-time.mp | maximum.mp) ;;
    *) return 1 ;;
    esac
}

setup_file() {
    # a limit can only be lowered: find out once whether programs run under it
    if ! (PATH=$build/bin:$PATH && ulimit -v 2097152 && mp-check --version) >/dev/null 2>&1; then
        export unbounded=1
    fi
}

# in 2 GB of address space, where the programs can (not with a sanitizer)
bounded() (
    [ -n "${unbounded-}" ] || ulimit -v 2097152
    exec timeout 60 "$@"
)

@test "every bad file is in the table, and every file of the table is there" {
    same "$(ls "$bad")" "$(table | awk '{ print $1 }' | sort)"
}

@test "good files are clean, and every program reads them" {
    cd "$good"
    for f in *.mp; do
        run -0 mp-check "$f"
        [[ $output == "$f: clean"* ]]
        for p in $(readers); do
            # what needs a trace is not asked to read a profile
            if needs_events "$p" && [[ $output != *" trace"* ]]; then
                continue
            fi
            columns=
            # other columns have negative values, which mp-fold refuses
            [ "$p $f" = 'mp-fold diff.mp' ] && columns='-k old,new'
            [ "$p $f" = 'mp-fold profile.mp' ] && columns='-k longest'
            [ "$p $f" = 'mp-speedscope diff.mp' ] && columns='-k old,new'
            [ "$p $f" = 'mp-speedscope profile.mp' ] && columns='-m 50 -k count'
            # some are samples: these do not tell by count
            [ "$p" = mp-temp ] && columns='--within-time 1s'
            bounded "$p" -q $columns $(input "$p" "$f") >/dev/null || { echo "$p $f"; return 1; }
        done
    done
}

@test "good files stand beside their text twins" {
    cd "$good"
    for f in *.mp; do
        mp-cat -q -t "$f" | cmp - "${f%.mp}.tsv"
        mp-cat -q -o "$BATS_TEST_TMPDIR/again.mp" "${f%.mp}.tsv"
        mp-cat -q -t "$BATS_TEST_TMPDIR/again.mp" | cmp - "${f%.mp}.tsv"
        ! grep -qaE '/(root|home|tmp|work)/' "$f" "${f%.mp}.tsv" || false
    done
}

@test "mp-check tells a bad file in one line, with its bits and its reason" {
    cd "$bad"
    table | while read -r f bits says; do
        run --separate-stderr bounded mp-check "$f"
        [ "$status" = "$bits" ] && [ "${#lines[@]}" = 1 ] && [ -z "$stderr" ] &&
            [[ $output == "$f: "*"$says"* ]] || { echo "$f: $status $output $stderr"; exit 1; }
    done
}

@test "sinks end with 2 on a bad file and say why; a truncated trace is used" {
    out=$PWD/out err=$PWD/err
    cd "$bad"
    table | while read -r f bits says; do
        if unseen "$f"; then
            continue
        fi
        for p in $(readers | grep -vxE 'mp-check|mp-cat|mp-sym'); do
            status=0 want=2 why=$says within=
            [ "$p" = mp-temp ] && within='--within-time 1s'
            bounded "$p" $within $(input "$p" "$f") >"$out" 2>"$err" || status=$?
            [ "$bits" = 8 ] && [[ $says == truncated ]] && want=0
            needs_events "$p" && grep -q 'needs a trace, this is a profile' "$err" && why=
            [ "$status" = $want ] && [ "$(wc -l <"$err")" -le 4 ] &&
                [[ $(cat "$err") == "$p: $f: "*"$why"* ]] || { echo "$p $f: $status $(cat "$err")"; exit 1; }
            # nothing is shown of what cannot be read at all
            [ "$bits" != 2 ] || [ ! -s "$out" ] || { echo "$p $f"; exit 1; }
        done
    done
}

@test "what mp-cat makes of a bad file is never clean" {
    cd "$bad"
    table | while read -r f bits says; do
        for form in --level=1 -t; do
            # text has no totals
            if [ $form = -t ] && unseen "$f"; then
                continue
            fi
            status=0
            bounded mp-cat $form -o "$BATS_TEST_TMPDIR/out" "$f" 2>"$BATS_TEST_TMPDIR/err" || status=$?
            [ $status = 0 ] || [ $status = 2 ] || { echo "$f $form: $status"; exit 1; }
            [ $status = 2 ] || ! mp-check -q "$BATS_TEST_TMPDIR/out" || { echo "$f $form"; exit 1; }
        done
    done
}

#!/usr/bin/env bats
# make install: what is there, and that it works from there.

load ../helper

setup_file() {
    here=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    build=${MP_BUILD:-$here/build}
    make -s -C "$here" BUILD="$build" DESTDIR="$BATS_FILE_TMPDIR" PREFIX=/usr install >&2
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    root=$BATS_FILE_TMPDIR/usr
}

@test "programs, man pages, hook, header, library and mp.pc are installed" {
    for p in $(programs); do
        [ -x "$root/bin/$p" ]
        [ -f "$root/share/man/man1/$p.1" ]
    done
    [ -f "$root/share/man/man7/mp.7" ]
    [ -f "$root/lib/mp/libmp-hook.so" ]
    [ -f "$root/lib/libmp.a" ]
    [ -f "$root/include/mp/mp.h" ]
    [ -f "$root/include/mp/mark.h" ]
    [ -f "$root/lib/pkgconfig/mp.pc" ]
    for p in $(programs); do
        [ -f "$root/share/bash-completion/completions/$p" ]
        head -n 1 "$root/share/zsh/site-functions/_mp" | grep -qw -e "$p"
    done
}

@test "an installed mp-capture finds its hook" {
    "$root/bin/mp-capture" -q -o t.mp -- /bin/ls / >out
    "$root/bin/mp-check" t.mp
    "$root/bin/mp-top" --view total t.mp | grep -q .
}

@test "a program with mp/mark.h, linked to nothing, is marked when traced and runs untraced" {
    printf '%s\n' '#include <mp/mark.h>' 'int main(void) { mp_mark("here", 7); return 0; }' >main.c
    gcc -std=c99 -pedantic -Wall -Wextra -Werror -I "$root/include" -o main main.c
    run -0 ./main
    "$root/bin/mp-capture" -q -o t.mp -- ./main
    "$root/bin/mp-cat" -t t.mp | grep -q $'^mark\t.*\there\t7$'
}

@test "a program against mp.pc reads a trace" {
    nm -D "$build/bin/mp-top" | grep -q __asan && skip 'not under a sanitizer'
    command -v pkg-config >/dev/null || skip "no pkg-config"
    "$root/bin/mp-capture" -q -o t.mp -- /bin/ls / >ls.out
    cat >count.c <<'C'
#include <mp.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct mp_reader *r = mp_open(argc > 1 ? argv[1] : "-");
	struct mp_event e;
	unsigned long n = 0;

	while (mp_next_part(r) > 0)
		while (mp_next(r, &e) > 0)
			n += e.op == MP_OP_ALLOC;
	if (mp_error(r))
		fprintf(stderr, "%s\n", mp_error(r));
	printf("%lu\n", n);
	return mp_close(r) < 0;
}
C
    export PKG_CONFIG_PATH=$root/lib/pkgconfig
    # shellcheck disable=SC2046
    gcc -o count count.c $(pkg-config --define-variable=prefix="$root" --define-variable=includedir="$root/include" --cflags mp) "$root/lib/libmp.a" -lzstd -lxxhash -lz -pthread
    [ "$(./count t.mp)" -gt 0 ]
}

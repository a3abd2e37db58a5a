/* debug_offsets.c - a process that looks like CPython 3.14 or 3.15 from outside: the words
 * it begins with are those of a real one, and what they tell of lies where they say; then,
 * if it means no good, one of them is a lie.
 *
 * Operands: 14 or 15, and the lie (0 none, 1 cookie, 2 version 3.16, 3 free-threaded, 4 a
 * pre-release, 5 a huge offset, 6 a negative one, 7 one between two fields, 8 threads that
 * are frames, 9 frames in a circle, 10 a name without end).
 */
#include "debug_offsets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNTIME = 346568 };

__attribute__((visibility("default"))) uint64_t _PyRuntime[RUNTIME / 8];

/* Where both versions, or one of them, have what is not told by words alone. */
static const struct layout {
	int interpreters, next, threads;
	int native, chunk, top;
	int start;                      /* unit behind the code's RESUME */
	int base;                       /* who owns the outermost frame */
	const char *lines;
	int lines_size;
} layouts[] = {
	/* of the same function in both: lines 1, 2, 3, 2 seven times, 4 eight times, 5 … */
	{ 808, 7272, 7344, 160, 232, 240, 1, 4,
		"\x80\x00\xd8\x0d\x0e\xd8\x0d\x0e\xf5\x03\x01\x0e\x0f\x80\x45\xe7\x07\x08\xdc\x0e"
		"\x18\xd8\x0c\x11\xf3\x03\x01\x0f\x13\xf0\x00\x01\x09\x13\xe4\x17\x1c", 37 },
	{ 936, 7264, 7336, 184, 256, 264, 2, 3,
		"\x81\x00\xd8\x0d\x0e\xd8\x0d\x0e\xf5\x03\x01\x0e\x0f\x80\x45\xe7\x07\x08\xdc\x0e"
		"\x18\xd8\x0c\x11\xf3\x03\x01\x0f\x13\xf0\x00\x01\x09\x13\xe4\x17\x1c", 37 },
};

static const struct layout *l;
static _Alignas(16) char interpreter[8192], gil[208], state[896], chunk[4096], base[88];
static _Alignas(16) char generator[256], shim[88], none[16], type_of_code[424], table[80];
static _Alignas(16) char code[4][512], name[4][96], file[96];

static void put(void *to, int offset, uint64_t value)
{
	memcpy((char *)to + offset, &value, sizeof value);
}

static void put_int(void *to, int offset, uint32_t value)
{
	memcpy((char *)to + offset, &value, sizeof value);
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* LENGTH characters of WIDTH bytes each. */
static void make_string(char *s, const char *text, unsigned length, unsigned width, int ascii)
{
	put(s, 16, length);
	put_int(s, 32, width << 2 | 1 << 5 | (unsigned)ascii << 6);
	memcpy(s + (ascii ? 40 : 56), text, (size_t)length * width);
}

static void make_code(int i, uint32_t first_line, uint32_t traceable)
{
	put(code[i], 8, address(type_of_code));
	put(code[i], 16, 60);
	put_int(code[i], 68, first_line);
	put(code[i], 112, address(file));
	put(code[i], 120, 1);           /* the plain name, which is not asked for */
	put(code[i], 128, address(name[i]));
	put(code[i], 136, address(table));
	put_int(code[i], 192, traceable);
}

/* TAG: the reference is not one of those that are counted. */
static char *make_frame(char *frame, const char *previous, int i, int unit, int owner, int tag)
{
	put(frame, 0, address(i < 0 ? none : code[i]) | (unsigned)tag);
	put(frame, 8, previous ? address(previous) : 0);
	put(frame, 56, i < 0 ? 0 : address(code[i]) + 208 + 2 * (uint64_t)unit);
	frame[74] = (char)owner;
	return frame;
}

static void make_frames(void)
{
	char *at;

	make_string(file, "fake.py", 7, 1, 1);
	make_string(name[0], "<module>", 8, 1, 1);
	make_string(name[1], "gr\xf6\xdf" "e", 5, 1, 0);
	make_string(name[2], "K\0.\0\xfd\x51\x70\x65", 4, 2, 0);
	make_string(name[3], "hidden", 6, 1, 1);
	make_code(0, 1, 0);
	make_code(1, 21, 0);
	make_code(2, 41, 0);
	make_code(3, 61, (uint32_t)l->start);
	at = make_frame(base, NULL, -1, 0, l->base, 1);
	at = make_frame(chunk + 24, at, 0, l->start + 22, 0, 1);        /* line 6 */
	at = make_frame(generator, at, 1, l->start + 10, 1, 0);         /* 24 */
	at = make_frame(shim, at, -1, 0, 3, 0);
	at = make_frame(chunk + 24 + 96, at, 2, l->start + 1, 0, 1);    /* 43 */
	at = make_frame(chunk + 24 + 192, at, 3, l->start - 1, 0, 1);   /* not begun */
	put(state, 72, address(at));
	put(chunk, 8, sizeof chunk);
	put(state, l->chunk, address(chunk));
	put(state, l->top, address(chunk + 24 + 288));
}

static void make_all(const uint64_t *words)
{
	memcpy(_PyRuntime, words, sizeof debug_3_15);
	put(_PyRuntime, l->interpreters, address(interpreter));
	put(interpreter, l->threads, address(state));
	put(interpreter, 16, address(gil));
	put(gil, 8, address(state));
	put_int(gil, 16, 1);
	put(state, l->native, (uint64_t)getpid());
	put(type_of_code, 24, address("code"));
	put(table, 16, (uint64_t)l->lines_size);
	memcpy(table + 32, l->lines, (size_t)l->lines_size);
	make_frames();
}

static void lie(int what, int later)
{
	switch (what) {
	case 1:
		_PyRuntime[0]++;
		break;
	case 2:
		_PyRuntime[1] = 0x031000f0;
		break;
	case 3:
		_PyRuntime[2] = 1;
		break;
	case 4:
		_PyRuntime[1] = later ? 0x030f00b4 : 0x030e00a7;
		break;
	case 5:
		_PyRuntime[later ? 44 : 36] = 1ull << 40;       /* frame's owner */
		break;
	case 6:
		_PyRuntime[24] = UINT64_MAX - 7;                /* thread's next */
		break;
	case 7:
		_PyRuntime[26] = 73;                            /* its frame */
		break;
	case 8:
		_PyRuntime[24] = 72;
		break;
	case 9:
		put(chunk, 24 + 8, address(chunk + 24 + 96));
		break;
	case 10:
		put(name[1], 16, UINT64_MAX / 4);
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	int later = argc > 1 && strcmp(argv[1], "15") == 0;

	l = &layouts[later];
	make_all(later ? debug_3_15 : debug_3_14);
	if (argc > 2)
		lie((int)strtol(argv[2], NULL, 10), later);
	puts("ready");
	fflush(stdout);
	for (volatile uint64_t i = 0;; i++)     /* it runs, so its stack is read each time */
		;
}

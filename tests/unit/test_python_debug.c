/* test_python_debug.c - what CPython 3.14 and 3.15 say of their own structures: taken as it
 * is, or, from a process that lies, refused in words; nothing that is taken leads out of
 * what a reader has room for.
 */
#include "../targets/debug_offsets.h"
#include "python_debug.h"
#include "tap.h"

#include <string.h>

enum { SIZE = 400000 };

static const struct python_offsets want_3_14 = {
	.runtime_initialized = -1, .runtime_finalizing = -1, .runtime_interpreters = 808,
	.runtime_current = -1, .interpreter_next = 7272, .interpreter_threads = 7344,
	.interpreter_gil = 16, .gil_holder = 8, .gil_locked = 16,
	.thread_frame = 72, .thread_id = 152, .thread_next = 8, .thread_native = 160,
	.thread_chunk = 232, .thread_top = 240, .cframe_current = -1,
	.frame_previous = 8, .frame_code = 0, .frame_instr = 56,
	.frame_entry = -1, .frame_owner = 74,
	.code_file = 112, .code_name = 128, .code_first_line = 68, .code_lines = 136,
	.code_units = 208, .code_traceable = 192, .code_size = 16, .code_bytes = -1,
	.string_length = 16, .string_state = 32, .string_ascii = 40, .string_compact = 56,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = -1,
};

static struct python_offsets got;
static char why[256];

static bool take(const uint64_t *words, uint64_t size)
{
	/* a copy of exact size, so that the sanitizer sees an overrun */
	void *copy = malloc(PYTHON_DEBUG_BYTES);
	bool good;

	memcpy(copy, words, PYTHON_DEBUG_BYTES);
	memset(why, 0, sizeof why);
	good = python_debug_offsets(copy, size, &got, why, sizeof why);
	free(copy);
	return good;
}

static void as_they_are(void)
{
	struct python_offsets want = want_3_14;

	ok(sizeof debug_3_15 == PYTHON_DEBUG_BYTES && !debug_3_14[WORDS_3_14]);
	ok(take(debug_3_14, SIZE) && memcmp(&got, &want, sizeof want) == 0);
	want.runtime_interpreters = 936;
	want.interpreter_next = 7264;
	want.interpreter_threads = 7336;
	want.thread_id = 176;
	want.thread_native = 184;
	want.thread_chunk = 256;
	want.thread_top = 264;
	ok(take(debug_3_15, SIZE) && memcmp(&got, &want, sizeof want) == 0);
	/* as large as the symbol, and larger */
	ok(take(debug_3_14, debug_3_14[3]) && take(debug_3_15, debug_3_15[3]));
	ok(!take(debug_3_14, debug_3_14[3] - 1) && strstr(why, "runtime_state.size"));
}

/* 3.13 has a table: what it says is the same, and where it is not there is no table. */
static void by_table(void)
{
	uint64_t words[WORDS_3_15];
	const struct python_offsets *o;
	unsigned differ = 0;
	uint32_t hex;

	o = python_offsets(debug_3_13, debug_3_13[3], NULL, &hex);
	ok(o && hex == 0x030d00f0 && o->frame_owner == 70 && o->interpreter_next == 7264);
	for (size_t w = 2; w < WORDS_3_15; w++) {
		memcpy(words, debug_3_13, sizeof words);
		words[w] += 8;
		differ += !python_offsets(words, debug_3_13[3], NULL, &hex);
	}
	ok(differ == 27);       /* what is used of it, and whether it is free-threaded */
	ok(!take(debug_3_13, SIZE));
}

static bool is_inside(int from, int bytes, int end)
{
	return from >= 0 && from + bytes <= end;
}

/* All that is read of another process by these offsets stays in its buffers. */
static bool in_bounds(const struct python_offsets *o)
{
	const int state[] = { o->thread_frame, o->thread_id, o->thread_next, o->thread_native,
		o->thread_chunk, o->thread_top };
	const int frame[] = { o->frame_previous, o->frame_code, o->frame_instr };
	const int code[] = { o->code_file, o->code_name, o->code_lines, o->code_size,
		o->object_type, o->code_traceable };
	bool good = o->runtime_interpreters >= 0 && o->interpreter_next >= 0 &&
		o->interpreter_threads >= 0 && o->interpreter_gil >= 0 && o->type_name >= 0;

	for (size_t i = 0; i < sizeof state / sizeof *state; i++)
		good = good && is_inside(state[i], 8, PYTHON_STATE_ROOM);
	for (size_t i = 0; i < sizeof frame / sizeof *frame; i++)
		good = good && is_inside(frame[i], 8, PYTHON_FRAME_ROOM);
	for (size_t i = 0; i < sizeof code / sizeof *code; i++)
		good = good && is_inside(code[i], 8, o->code_units);
	return good && o->code_units <= PYTHON_CODE_ROOM &&
		is_inside(o->frame_owner, 1, PYTHON_FRAME_ROOM) &&
		is_inside(o->gil_holder, 8, PYTHON_GIL_ROOM) &&
		is_inside(o->gil_locked, 4, PYTHON_GIL_ROOM) &&
		is_inside(o->code_first_line, 4, o->code_lines) &&
		is_inside(o->code_first_line, 4, o->code_name) &&
		is_inside(o->string_state, 4, o->string_ascii) &&
		is_inside(o->string_length, 8, o->string_ascii) &&
		o->string_ascii <= o->string_compact &&
		is_inside(o->string_compact, 8, PYTHON_STRING_ROOM) &&
		is_inside(o->bytes_size, 8, o->bytes_data) && o->bytes_data <= 64;
}

static const uint64_t evil[] = { 0, 1, 7, 9, 12, 41, 63, 64, 72, 120, 127, 128, 200, 201, 208,
	216, 300, 304, 305, 311, 312, 1016, 1024, 32760, 32767, 32768, 65535, 65536 + 8, 1ull << 31,
	(1ull << 32) + 8, 1ull << 40, 1ull << 63, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 15 };
enum { EVILS = sizeof evil / sizeof *evil };

static unsigned long taken, refused, wrong;

static void check(const uint64_t *words)
{
	if (take(words, SIZE)) {
		taken++;
		wrong += !in_bounds(&got) || *why;
	} else {
		refused++;
		wrong += strncmp(why, "CPython ", 8) != 0;
	}
}

static void one_lie(const uint64_t *truth)
{
	uint64_t words[WORDS_3_15];

	for (size_t w = 1; w < WORDS_3_15; w++)
		for (size_t i = 0; i < EVILS; i++) {
			memcpy(words, truth, sizeof words);
			words[w] = evil[i];
			check(words);
		}
}

static uint32_t state = 1;
static uint32_t any(uint32_t n)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % n;
}

static void many_lies(const uint64_t *truth)
{
	uint64_t words[WORDS_3_15];

	for (unsigned round = 0; round < 200000; round++) {
		memcpy(words, truth, sizeof words);
		for (unsigned n = 1 + any(6); n; n--) {
			size_t w = 3 + any(WORDS_3_15 - 3);

			words[w] = any(4) ? 4 * any(80) : evil[any(EVILS)];
		}
		check(words);
	}
}

/* WORD of 3.14's or 3.15's is VALUE, and that is told in words. */
static bool told(const uint64_t *truth, size_t word, uint64_t value, const char *text)
{
	uint64_t words[WORDS_3_15];

	memcpy(words, truth, sizeof words);
	words[word] = value;
	return !take(words, SIZE) && strstr(why, text);
}

static void in_words(void)
{
	ok(told(debug_3_14, 1, 0x031000f0, "CPython 3.16 cannot be read, only 3.8 to 3.15"));
	ok(told(debug_3_14, 1, 0x1030e0af0, "cannot be read, only 3.8 to 3.15"));
	ok(told(debug_3_14, 2, 1, "CPython 3.14 built free-threaded cannot be read"));
	ok(told(debug_3_15, 2, 1, "CPython 3.15 built free-threaded cannot be read"));
	ok(told(debug_3_14, 1, 0x030e00b4, "CPython 3.14 before its release cannot be read"));
	ok(!told(debug_3_14, 1, 0x030e00c1, "") && !told(debug_3_14, 1, 0x030e00f0, ""));
	ok(told(debug_3_14, 3, 8, ": runtime_state.size does not fit"));
	ok(told(debug_3_14, 8, UINT64_MAX - 7, ": interpreter_state.next does not fit"));
	ok(told(debug_3_15, 19, 0, ": interpreter_state.gil_runtime_state does not fit"));
	ok(told(debug_3_14, 18, 7784 + 24, ": interpreter_state.gil_runtime_state does not fit"));
	ok(told(debug_3_14, 19, 7784 + 24, ": interpreter_state.gil_runtime_state does not fit"));
	ok(told(debug_3_14, 26, 73, ": thread_state.current_frame does not fit"));
	ok(told(debug_3_15, 32, 312, ": thread_state.datastack_chunk does not fit"));
	ok(told(debug_3_14, 36, 1ull << 40, ": interpreter_frame.owner does not fit"));
	ok(told(debug_3_15, 39, 64, ": interpreter_frame.owner does not fit"));
	ok(told(debug_3_14, 44, 144, ": code_object does not fit"));
	ok(told(debug_3_14, 48, 100, ": code_object does not fit"));
	ok(told(debug_3_14, 75, 32, ": bytes_object does not fit"));
	ok(told(debug_3_15, 91, 40, ": unicode_object does not fit"));
	ok(told(debug_3_15, 93, 76, ": unicode_object.compactunicodeobject_size does not fit"));
}

int main(void)
{
	as_they_are();
	by_table();
	one_lie(debug_3_14);
	one_lie(debug_3_15);
	ok(wrong == 0 && taken > 1000 && refused > 1000);
	many_lies(debug_3_14);
	many_lies(debug_3_15);
	printf("# %lu taken, %lu refused, %lu wrong\n", taken, refused, wrong);
	ok(wrong == 0 && taken > 10000 && refused > 10000);
	in_words();
	return tap_done();
}

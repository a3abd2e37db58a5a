/* python_offsets.c - which CPython is this, and where do its fields lie.
 *
 * 3.8 to 3.12 from tables made with each version's own headers; 3.13 says most of
 * it itself (_Py_DebugOffsets) and must agree with its table: a build that does
 * not (free-threaded, patched) gets no Python frames rather than wrong ones.  Later
 * ones are for who reads another process: see python_debug.h.
 */
#include "python_offsets.h"

#include <pthread.h>
#include <string.h>

/* Before some fields lie two mutexes, all whose size depends on the machine; the tables
 * are of one where they have 40 bytes (x86-64; aarch64: 48). */
enum { MUTEXES = 2 * ((int)sizeof(pthread_mutex_t) - 40) };

static const struct python_offsets py38 = {
	.runtime_initialized = 12, .runtime_finalizing = 16, .runtime_interpreters = 32,
	.runtime_current = 1368 + MUTEXES, .interpreter_next = 0,
	.interpreter_threads = 8, .interpreter_gil = -1,
	.gil_holder = -1, .gil_locked = -1,
	.thread_frame = 24, .thread_id = 176, .thread_next = 8, .thread_native = -1,
	.thread_chunk = -1, .thread_top = -1, .cframe_current = -1,
	.frame_previous = 24, .frame_code = 32, .frame_instr = 104,
	.frame_entry = -1, .frame_owner = -1,
	.code_file = 104, .code_name = 112, .code_first_line = 40, .code_lines = 120,
	.code_units = -1, .code_traceable = -1,
	.code_size = -1, .code_bytes = 48,
	.string_length = 16, .string_state = 32, .string_ascii = 48, .string_compact = 72,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = 48,
};
static const struct python_offsets py39 = {
	.runtime_initialized = 12, .runtime_finalizing = 16, .runtime_interpreters = 32,
	.runtime_current = 568 + MUTEXES, .interpreter_next = 0,
	.interpreter_threads = 8, .interpreter_gil = -1,
	.gil_holder = -1, .gil_locked = -1,
	.thread_frame = 24, .thread_id = 176, .thread_next = 8, .thread_native = -1,
	.thread_chunk = -1, .thread_top = -1, .cframe_current = -1,
	.frame_previous = 24, .frame_code = 32, .frame_instr = 104,
	.frame_entry = -1, .frame_owner = -1,
	.code_file = 104, .code_name = 112, .code_first_line = 40, .code_lines = 120,
	.code_units = -1, .code_traceable = -1,
	.code_size = -1, .code_bytes = 48,
	.string_length = 16, .string_state = 32, .string_ascii = 48, .string_compact = 72,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = 48,
};
static const struct python_offsets py310 = {
	.runtime_initialized = 12, .runtime_finalizing = 16, .runtime_interpreters = 32,
	.runtime_current = 568 + MUTEXES, .interpreter_next = 0,
	.interpreter_threads = 8, .interpreter_gil = -1,
	.gil_holder = -1, .gil_locked = -1,
	.thread_frame = 24, .thread_id = 176, .thread_next = 8, .thread_native = -1,
	.thread_chunk = -1, .thread_top = -1, .cframe_current = -1,
	.frame_previous = 24, .frame_code = 32, .frame_instr = 96,
	.frame_entry = -1, .frame_owner = -1,
	.code_file = 104, .code_name = 112, .code_first_line = 40, .code_lines = 120,
	.code_units = -1, .code_traceable = -1,
	.code_size = -1, .code_bytes = 48,
	.string_length = 16, .string_state = 32, .string_ascii = 48, .string_compact = 72,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = 48,
};
static const struct python_offsets py311 = {
	.runtime_initialized = 16, .runtime_finalizing = 24, .runtime_interpreters = 40,
	.runtime_current = 576 + MUTEXES, .interpreter_next = 0,
	.interpreter_threads = 16, .interpreter_gil = -1,
	.gil_holder = -1, .gil_locked = -1,
	.thread_frame = 56, .thread_id = 152, .thread_next = 8, .thread_native = 160,
	.thread_chunk = 296, .thread_top = 304, .cframe_current = 8,
	.frame_previous = 48, .frame_code = 32, .frame_instr = 56,
	.frame_entry = 68, .frame_owner = -1,
	.code_file = 112, .code_name = 128, .code_first_line = 72, .code_lines = 136,
	.code_units = 184, .code_traceable = 168,
	.code_size = 16, .code_bytes = -1,
	.string_length = 16, .string_state = 32, .string_ascii = 48, .string_compact = 72,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = 48,
};
static const struct python_offsets py312 = {
	.runtime_initialized = 16, .runtime_finalizing = 24, .runtime_interpreters = 40,
	.runtime_current = -1, .interpreter_next = 0,
	.interpreter_threads = 72, .interpreter_gil = 384,
	.gil_holder = 8, .gil_locked = 16,
	.thread_frame = 56, .thread_id = 136, .thread_next = 8, .thread_native = 144,
	.thread_chunk = 232, .thread_top = 240, .cframe_current = 0,
	.frame_previous = 8, .frame_code = 0, .frame_instr = 56,
	.frame_entry = -1, .frame_owner = 70,
	.code_file = 112, .code_name = 128, .code_first_line = 68, .code_lines = 136,
	.code_units = 192, .code_traceable = 176,
	.code_size = 16, .code_bytes = -1,
	.string_length = 16, .string_state = 32, .string_ascii = 40, .string_compact = 56,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = 48,
};
static const struct python_offsets py313 = {
	.runtime_initialized = 600, .runtime_finalizing = 608, .runtime_interpreters = 632,
	.runtime_current = -1, .interpreter_next = 7264,
	.interpreter_threads = 7344, .interpreter_gil = 16,
	.gil_holder = 8, .gil_locked = 16,
	.thread_frame = 72, .thread_id = 152, .thread_next = 8, .thread_native = 160,
	.thread_chunk = 232, .thread_top = 240, .cframe_current = -1,
	.frame_previous = 8, .frame_code = 0, .frame_instr = 56,
	.frame_entry = -1, .frame_owner = 70,
	.code_file = 112, .code_name = 128, .code_first_line = 68, .code_lines = 136,
	.code_units = 200, .code_traceable = 184,
	.code_size = 16, .code_bytes = -1,
	.string_length = 16, .string_state = 32, .string_ascii = 40, .string_compact = 56,
	.bytes_size = 16, .bytes_data = 32,
	.object_type = 8, .type_name = 24, .type_dealloc = 48,
};

/* Words of 3.13's _Py_DebugOffsets that must equal the table. */
static int debug_offsets_agree(const void *runtime, const struct python_offsets *o)
{
	const struct { uint16_t word; int16_t offset; } is[] = {
		{ 4, o->runtime_finalizing }, { 5, o->runtime_interpreters },
		{ 8, o->interpreter_next }, { 9, o->interpreter_threads },
		{ 14, o->interpreter_gil }, { 21, o->thread_next },
		{ 23, o->thread_frame }, { 24, o->thread_id },
		{ 25, o->thread_native }, { 26, o->thread_chunk },
		{ 29, o->frame_previous }, { 30, o->frame_code }, { 31, o->frame_instr },
		{ 33, o->frame_owner },
		{ 35, o->code_file }, { 37, o->code_name }, { 38, o->code_lines },
		{ 39, o->code_first_line }, { 43, o->code_units },
		{ 45, o->object_type }, { 47, o->type_name },
		{ 65, o->bytes_size }, { 66, o->bytes_data },
		{ 68, o->string_state }, { 69, o->string_length }, { 70, o->string_ascii },
	};
	uint64_t words[71];

	memcpy(words, runtime, sizeof(words));
	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++)
		if (words[is[i].word] != (uint64_t)is[i].offset)
			return 0;
	return 1;
}

const struct python_offsets *python_offsets(const void *runtime, size_t runtime_size,
					    const uint32_t *py_version, uint32_t *hex)
{
	uint64_t head[3];

	*hex = 0;
	if (runtime_size < 600)
		return NULL;
	memcpy(head, runtime, sizeof(head));
	if (!memcmp(head, "xdebugpy", 8)) {
		*hex = (uint32_t)head[1];
		if (*hex >> 16 == 0x030d && !head[2] && debug_offsets_agree(runtime, &py313))
			return &py313;
		return NULL;
	}
	if (py_version) {
		*hex = *py_version;
		return *hex >> 16 == 0x030b ? &py311 : *hex >> 16 == 0x030c ? &py312 : NULL;
	}
	switch (runtime_size) {
	case 1464 + MUTEXES:
		*hex = 0x03080000;
		return &py38;
	case 656 + MUTEXES:
		*hex = 0x03090000;
		return &py39;
	case 672 + MUTEXES:
		*hex = 0x030a0000;
		return &py310;
	default:
		return NULL;
	}
}

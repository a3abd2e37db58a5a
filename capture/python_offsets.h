/* python_offsets.h - where the fields of CPython's structures lie. */
#ifndef MP_PYTHON_OFFSETS_H
#define MP_PYTHON_OFFSETS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes from the start of each structure; -1: this version has no such field, or none that
 * is known and needed. */
struct python_offsets {
	int16_t runtime_initialized, runtime_finalizing;
	int16_t runtime_interpreters;   /* newest interpreter */
	int16_t runtime_current;        /* gilstate.tstate_current, to 3.11 */
	int16_t interpreter_next, interpreter_threads;
	int16_t interpreter_gil;        /* points to the GIL, from 3.12 */
	int16_t gil_holder, gil_locked;
	int16_t thread_next;
	int16_t thread_native;          /* the kernel's number of the thread, from 3.11 */
	int16_t thread_chunk, thread_top;       /* where frames lie, and its end: from 3.11 */
	int16_t thread_frame;           /* frame, cframe (3.11, 3.12) or current_frame */
	int16_t thread_id;
	int16_t cframe_current;         /* 3.11, 3.12 */
	int16_t frame_previous, frame_code, frame_instr;
	int16_t frame_entry;            /* is_entry, 3.11 */
	int16_t frame_owner;            /* from 3.12 */
	int16_t code_file, code_name, code_first_line, code_lines;
	int16_t code_units;             /* co_code_adaptive, from 3.11 */
	int16_t code_traceable;         /* _co_firsttraceable, from 3.11 */
	int16_t code_size;              /* code units, from 3.11 */
	int16_t code_bytes;             /* the bytes object of the code, to 3.10 */
	int16_t string_length, string_state, string_ascii, string_compact;
	int16_t bytes_size, bytes_data;
	int16_t object_type, type_name, type_dealloc;
};

/* Finds version and offsets of the interpreter whose _PyRuntime lies at `runtime`
 * with that symbol size; `py_version` is its Py_Version symbol or NULL.  *hex gets
 * PY_VERSION_HEX (0: not known; to 3.10 only its first two bytes).
 * @return NULL if frames of this version cannot be read */
const struct python_offsets *python_offsets(const void *runtime, size_t runtime_size,
					    const uint32_t *py_version, uint32_t *hex);

#endif

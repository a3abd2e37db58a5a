/* python_walk.c - the calling thread's Python frames.
 *
 * Every pointer followed is one the interpreter itself would follow next: the
 * thread's own state, the chain of its running frames.  A frame holds its code.
 */
#include "python.h"
#include "python_line.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OWNED_BY_C_STACK = 3 };  /* 3.12, 3.13: a shim between native and Python frames */

/* To 3.11 a thread inside a sub-interpreter runs on a state that is not the one
 * in its own variable: the process-wide current one, if that is this thread's.
 * That one may be freed by another thread under our eyes, hence the careful
 * read.  With one interpreter there is no need. */
static HOOK_COLD const void *sub_interpreter(const void *own, const void *current)
{
	const struct python_offsets *o = mp_python.offsets;
	unsigned long thread = 0;
	struct iovec to = { &thread, sizeof(thread) };
	struct iovec from = { (void *)((uintptr_t)current + o->thread_id), sizeof(thread) };

	if (hook_syscall(SYS_process_vm_readv, hook_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0),
			 (long)&to, 1, (long)&from, 1, 0) != (long)sizeof(thread))
		return own;
	return thread == (unsigned long)pthread_self() ? current : own;
}

static const void *own_state(void)
{
	const struct python_offsets *o = mp_python.offsets;
	const void *own, *current, *newest;

	if (mp_python.minor >= 12) {
		own = mp_python.current();
		return own ? own : mp_python.gilstate();
	}
	own = mp_python.gilstate();
	current = *(void *const volatile *)python_field(mp_python.runtime, o->runtime_current);
	if (hook_likely(current == own) || !current)
		return own;
	newest = python_pointer(mp_python.runtime, o->runtime_interpreters);
	if (!newest || !python_pointer(newest, o->interpreter_next))
		return own;
	return sub_interpreter(own, current);
}

/* What stays the same during one walk. */
struct walk {
	struct hook_thread *thread;
	struct python_thread *py;
	const struct python_offsets *o;
	struct py_raw *out;
	unsigned n, max;
	uint32_t generation;    /* 0: look at nothing cached */
	bool cut;
};

/* False: there is no more room. */
static inline bool take(struct walk *w, const void *code, int64_t unit, uint32_t entry)
{
	const struct python_cached *c = python_cached(w->py, code);
	struct py_raw *out = &w->out[w->n];

	if (hook_unlikely(w->n == w->max)) {
		w->cut = true;
		return false;
	}
	w->n++;
	out->entry = entry;
	out->instr = (uint64_t)(unit < 0 ? -1 : unit);
	out->object = code;
	if (hook_likely(c->code == code && c->generation == w->generation)) {
		out->code = c->id;
	} else {
		bool dying = false;

		out->code = python_code_id(w->thread, code, &dying);
		if (dying || !out->code)
			out->object = NULL;
	}
	return true;
}

/* 3.8 to 3.10: each frame has its own native eval frame. */
static void walk_objects(struct walk *w, const char *frame)
{
	const struct python_offsets *o = w->o;
	unsigned bytes = mp_python.minor < 10;  /* f_lasti counts bytes, not units */

	for (; frame; frame = python_pointer(frame, o->frame_previous)) {
		int32_t last;

		memcpy(&last, frame + o->frame_instr, sizeof(last));
		if (!take(w, python_pointer(frame, o->frame_code), last >> bytes, 1))
			return;
	}
}

static inline int64_t unit_of(const struct python_offsets *o, const char *frame, const char *code)
{
	return (python_pointer(frame, o->frame_instr) - (code + o->code_units)) >> 1;
}

/* 3.11: a frame says itself whether it is the outermost of its eval frame. */
static void walk_entries(struct walk *w, const char *frame)
{
	const struct python_offsets *o = w->o;

	for (; frame; frame = python_pointer(frame, o->frame_previous)) {
		const char *code = python_pointer(frame, o->frame_code);

		if (!take(w, code, unit_of(o, frame, code), frame[o->frame_entry] != 0))
			return;
	}
}

/* From 3.12: a shim on the native stack lies outward of each run of frames. */
static void walk_shims(struct walk *w, const char *frame)
{
	const struct python_offsets *o = w->o;

	for (; frame; frame = python_pointer(frame, o->frame_previous)) {
		const char *code = python_pointer(frame, o->frame_code);

		if (frame[o->frame_owner] == OWNED_BY_C_STACK) {
			if (w->n)
				w->out[w->n - 1].entry = 1;
		} else if (!take(w, code, unit_of(o, frame, code), 0)) {
			return;
		}
	}
}

unsigned python_walk(struct hook_thread *t, struct py_raw *out, unsigned max, unsigned *flags)
{
	const struct python_offsets *o = mp_python.offsets;
	struct walk w = { t, python_thread(t), o, out, 0, max, 0, false };
	const void *state, *finalizing;
	const char *frame;

	/* A signal handler may have struck while the chain was being changed. */
	if (!o || t->depth || !(hook_options & MP_OPT_PYTHON))
		return 0;
	state = own_state();
	if (!state)
		return 0;
	finalizing = atomic_load_explicit(mp_python.finalizing, memory_order_relaxed);
	if (hook_unlikely(finalizing && finalizing != state))
		return 0;
	if (hook_likely(!w.py->dying_depth))
		w.generation = atomic_load_explicit(&python_generation, memory_order_acquire);
	frame = python_pointer(state, o->thread_frame);
	if (o->cframe_current >= 0 && frame)
		frame = python_pointer(frame, o->cframe_current);
	if (mp_python.minor < 11)
		walk_objects(&w, frame);
	else if (o->frame_entry >= 0)
		walk_entries(&w, frame);
	else
		walk_shims(&w, frame);
	if (w.cut)
		*flags |= MP_STACK_CUT;
	return w.n;
}

int32_t python_line(const struct py_raw *frame)
{
	const struct python_offsets *o = mp_python.offsets;
	const void *table;
	int32_t first, line;
	size_t size;

	if (!frame->object)
		return 0;
	memcpy(&first, (const char *)frame->object + o->code_first_line, sizeof(first));
	table = python_pointer(frame->object, o->code_lines);
	if (!table)
		return 0;
	memcpy(&size, (const char *)table + o->bytes_size, sizeof(size));
	line = python_decode_line(mp_python.minor, (const uint8_t *)table + o->bytes_data, size,
				  first, (long)(int64_t)frame->instr);
	if (line == PYTHON_NO_LINE && o->code_traceable >= 0) {
		int32_t traceable;

		/* the function is still being entered: cells, free variables */
		memcpy(&traceable, (const char *)frame->object + o->code_traceable,
		       sizeof(traceable));
		if ((int64_t)frame->instr < traceable)
			line = first;
	}
	return line;
}

/* python_walk.c - the calling thread's Python frames.
 *
 * Every pointer followed is one the interpreter itself would follow next: the
 * thread's own state, the chain of its running frames.  A frame holds its code.
 */
#include "python_state.h"

#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))

enum { OWNED_BY_C_STACK = 3 };  /* 3.12, 3.13: a shim between native and Python frames */

/* ---- the last stack ---------------------------------------------------------------
 *
 * As of native frames: a frame found with the same position and the same frame
 * outward of it stands for what it was, one after another to the outermost. */

enum shape { OBJECTS, ENTRIES, SHIMS };
enum { MARK_NONE, MARK_ENTRY, MARK_SHIM };

struct element {
	const char *frame;
	uint64_t at;            /* instruction pointer, or to 3.10 f_lasti */
	const char *code;
	uint64_t hash;          /* of this frame and all outward */
	uint32_t id;            /* of the code */
	uint8_t mark, dying;    /* dying: the code must not be read */
	uint16_t frames;        /* how many there are from here outward, shims not counted */
};

enum { ELEMENTS = 2 * HOOK_FRAMES_MAX };        /* shims, too */

struct python_stack {
	struct element *last;   /* the innermost frame of the last stack; x: there is none */
	struct element *valid;  /* as last if it may be built on, else x */
	uint32_t generation;
	const void *state;
	struct element x[1 + ELEMENTS]; /* outermost first, from 1; x[0]: no frame */
	struct element fresh[ELEMENTS]; /* innermost first */
};

/* Where the fields of a frame lie, for the time of a walk. */
struct layout {
	enum shape shape;
	ptrdiff_t at, mark, previous, code, units;
	unsigned lasti;         /* OBJECTS: by how many bits f_lasti is more than a unit */
};

/* 3.8 to 3.10: each frame has its own native eval frame.  3.11: a frame says itself
 * whether it is the outermost of its eval frame.  From 3.12: a shim on the native
 * stack lies outward of each run of frames. */
ALWAYS uint8_t mark(const struct layout l, const char *frame)
{
	if (l.shape == OBJECTS)
		return MARK_ENTRY;
	if (l.shape == ENTRIES)
		return (uint8_t)frame[l.mark];
	return frame[l.mark] == OWNED_BY_C_STACK ? MARK_SHIM : MARK_NONE;
}

/* From 3.11 it lies in the code; that of a shim in the interpreter's own few
 * instructions. */
ALWAYS uint64_t position(const struct layout l, const char *frame)
{
	if (l.shape == OBJECTS)
		return *(const uint32_t *)python_field(frame, l.at);
	return *(const uint64_t *)python_field(frame, l.at);
}

/* The mark is not asked: a shim is told by its position, and a frame that has become an
 * outermost one of 3.11, or is one no more, by the native frames, one of which has come
 * or gone. */
ALWAYS bool same(const struct layout l, const struct element *e, const char *frame)
{
	return position(l, frame) == e->at &&
	       (l.shape != OBJECTS || python_pointer(frame, l.code) == e->code);
}

struct progress {
	const struct element *e;        /* the next one of the last stack */
	const char *frame;              /* the next one to look at; NULL: the stack is whole */
};

/* From FRAME, should it be E's, outward as long as each is what it was. */
ALWAYS struct progress unchanged(const struct layout l, const struct element *e,
				 const char *frame)
{
	while (frame == e->frame && same(l, e, frame)) {
		frame = python_pointer(frame, l.previous);
		e--;
	}
	return (struct progress){ e, frame };
}

static HOOK_COLD void look_up(struct hook_thread *t, struct element *e)
{
	bool dying = false;

	e->id = python_code_id(t, e->code, &dying);
	e->dying = dying || !e->id;
}

ALWAYS void take(const struct layout l, struct hook_thread *t, struct element *e,
		 const char *frame, const struct element *known)
{
	const struct python_cached *c;

	e->frame = frame;
	e->at = position(l, frame);
	e->mark = mark(l, frame);
	e->code = python_pointer(frame, l.code);
	e->dying = 0;
	if (l.shape == SHIMS && e->mark == MARK_SHIM) {
		e->id = 0;
	} else if (hook_likely(known->frame == frame && known->code == e->code)) {
		e->id = known->id;
		e->dying = known->dying;
	} else {
		c = python_cached(python_thread(t), e->code);
		if (hook_likely(c->code == e->code &&
				c->generation == t->python_stack->generation))
			e->id = c->id;
		else
			look_up(t, e);
	}
}

ALWAYS int64_t unit_of(const struct layout l, const struct element *e)
{
	if (l.shape == OBJECTS)
		return (int32_t)e->at >> l.lasti;
	return (int64_t)(e->at - (uintptr_t)e->code - (uintptr_t)l.units) >> 1;
}

ALWAYS uint64_t hash_element(const struct layout l, const struct element *e, uint64_t outer)
{
	bool shim = l.shape == SHIMS && e->mark == MARK_SHIM;
	uint32_t unit = shim ? 0 : (uint32_t)unit_of(l, e);

	return hook_mix(outer, ((uint64_t)e->id << 32) + ((uint64_t)unit << 1) + shim);
}

/* The fresh frames on top of the old ones up to E. */
ALWAYS void append(const struct layout l, struct python_stack *p, struct element *e,
		   const struct element *fresh)
{
	uint64_t hash = e->hash;
	unsigned frames = e->frames;

	while (fresh > p->fresh) {
		*++e = *--fresh;
		e->hash = hash = hash_element(l, e, hash);
		frames += l.shape != SHIMS || e->mark != MARK_SHIM;
		e->frames = (uint16_t)frames;
	}
	p->last = e;
}

/* A frame further out than E of the last stack, should this be one. */
ALWAYS struct element *seek(struct python_stack *p, struct element *e, const char *frame)
{
	struct element *k = e;

	for (unsigned i = 0; i < 8 && k > p->x; i++)
		if ((--k)->frame == frame)
			return k;
	return e;
}

/* All is what it was but the position in the innermost frame. */
ALWAYS bool only_moved(const struct layout l, struct python_stack *p, struct element *e,
		       const char *frame)
{
	struct progress now;
	uint64_t at;

	if (e->frame != frame || python_pointer(frame, l.code) != e->code)
		return false;
	now = unchanged(l, e - 1, python_pointer(frame, l.previous));
	if (hook_unlikely(now.frame != NULL || now.e != p->x))
		return false;
	at = position(l, frame);
	if (at != e->at) {
		e->at = at;
		e->hash = hash_element(l, e, e[-1].hash);
	}
	p->last = e;
	return true;
}

/* True: the stack is whole. */
ALWAYS bool walk(const struct layout l, struct hook_thread *t, const char *frame,
		 struct element *e)
{
	struct python_stack *p = t->python_stack;
	struct element *fresh = p->fresh, *full = fresh + ELEMENTS, *base = p->x;

	if (hook_likely(only_moved(l, p, e, frame)))
		return true;
	while (frame && fresh < full) {
		if (e->frame != frame)
			e = seek(p, e, frame);
		if (e->frame == frame) {
			struct progress now = unchanged(l, e, frame);

			frame = now.frame;
			if (now.e == p->x && !frame) {
				base = e;
				break;
			}
			for (; e > now.e && fresh < full; e--)
				*fresh++ = *e;
			if (!frame || fresh == full)
				break;
		}
		take(l, t, fresh++, frame, e);
		if (e->frame == frame)
			e--;
		frame = python_pointer(frame, l.previous);
	}
	if (hook_unlikely(base - p->x + (fresh - p->fresh) > ELEMENTS)) {
		for (; fresh < full; base--)
			*fresh++ = *base;       /* the innermost ones count */
		base = p->x;
		frame = p->x[1].frame;
	}
	append(l, p, base, fresh);
	return !frame;
}

static struct layout layout(enum shape shape)
{
	const struct python_offsets *o = mp_python.offsets;

	return (struct layout){
		.shape = shape,
		.at = o->frame_instr,
		.mark = shape == ENTRIES ? o->frame_entry : o->frame_owner,
		.previous = o->frame_previous,
		.code = o->frame_code,
		.units = o->code_units,
		.lasti = mp_python.minor < 10,  /* bytes, not units */
	};
}

static inline enum shape shape(void)
{
	return mp_python.minor < 11 ? OBJECTS : mp_python.minor == 11 ? ENTRIES : SHIMS;
}

static HOOK_COLD struct python_stack *ready(struct hook_thread *t)
{
	struct python_stack *p = hook_map(sizeof(*p));

	if (p) {
		p->x[0].frame = (const char *)p;        /* no frame's address, nor NULL */
		p->x[0].hash = 0xbb67ae8584caa73bull;
	}
	return t->python_stack = p;
}

/* The innermost frame, NULL if there is none to be read. */
static inline const char *innermost(struct python_stack *p)
{
	const struct python_offsets *o = mp_python.offsets;
	const void *finalizing;
	const char *frame;

	p->state = own_state(p->state);
	if (!p->state)
		return NULL;
	finalizing = atomic_load_explicit(mp_python.finalizing, memory_order_relaxed);
	if (hook_unlikely(finalizing && finalizing != p->state))
		return NULL;
	frame = python_pointer(p->state, o->thread_frame);
	if (o->cframe_current >= 0 && frame)
		frame = python_pointer(frame, o->cframe_current);
	return frame;
}

uint64_t python_walk(struct hook_thread *t, unsigned *flags)
{
	struct python_stack *p = t->python_stack;
	struct element *valid;
	uint32_t generation;
	const char *frame;
	bool whole;

	if (hook_unlikely(!mp_python.offsets || (!p && !(p = ready(t)))))
		return 0;
	valid = p->valid ? p->valid : p->x;
	p->last = p->valid = p->x;
	/* A signal handler may have struck while the chain was being changed. */
	if (hook_unlikely(t->depth) || !(frame = innermost(p)))
		return 0;
	atomic_signal_fence(memory_order_seq_cst);
	generation = python_thread(t)->dying_depth ? 0 : /* look at nothing cached */
		atomic_load_explicit(&python_generation, memory_order_acquire);
	if (hook_unlikely(generation != p->generation || !generation))
		valid = p->x;
	p->generation = generation;
	switch (shape()) {
	case OBJECTS:
		whole = walk(layout(OBJECTS), t, frame, valid);
		break;
	case ENTRIES:
		whole = walk(layout(ENTRIES), t, frame, valid);
		break;
	case SHIMS:
	default:
		whole = walk(layout(SHIMS), t, frame, valid);
	}
	atomic_signal_fence(memory_order_seq_cst);
	if (hook_likely(whole))
		p->valid = p->last;
	if (hook_unlikely(!whole || p->last->frames > HOOK_FRAMES_MAX))
		*flags |= MP_STACK_CUT;
	return p->last->hash;
}

void python_forget(struct hook_thread *t)
{
	if (t->python_stack)
		t->python_stack->valid = t->python_stack->x;
}

unsigned python_frames(const struct hook_thread *t, struct py_raw *out)
{
	const struct python_stack *p = t->python_stack;
	struct layout l;
	unsigned n = 0;

	if (!p || !p->last)
		return 0;
	l = layout(shape());
	for (const struct element *e = p->last; e > p->x && n < HOOK_FRAMES_MAX; e--) {
		int64_t unit = unit_of(l, e);

		if (l.shape == SHIMS && e->mark == MARK_SHIM) {
			if (n)
				out[n - 1].entry = 1;
			continue;
		}
		out[n++] = (struct py_raw){
			.code = e->id,
			.entry = mark(l, e->frame) != MARK_NONE,
			.instr = (uint64_t)(unit < 0 ? -1 : unit),
			.object = e->dying ? NULL : e->code,
		};
	}
	return n;
}

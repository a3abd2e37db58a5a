/* unwind.c - the native stack of the calling thread.
 *
 * Two caches.  Rows: how to step from an address, shared by all threads.  The
 * last stack of the thread: a step is a function of ip, sp and rbp and of the
 * words its rule loads, so once a frame is met in the same state, and every word
 * that was loaded outward of it still has its value, the rest of the stack is
 * the same.  Frames with a rule of their own end such a run, and a stack whose
 * end was not proven is never kept.
 *
 * Invariant: a slot of the stack is looked at only after all inward of it were
 * found unchanged, so it is live.
 */
#include "unwind.h"

enum { ROW_BITS = 14, ROWS = 1 << ROW_BITS };

/* row | second way << 25 | address >> 14 << 26; the rest of the address is the index */
static _Atomic uint64_t rows[ROWS];

enum {
	FRAME_EXACT = 1,
	FRAME_OPAQUE = 2,       /* stepped from by a rule of its own */
	FRAME_USES_RBP = 4,
	FRAME_RBP_LIVE = 8,     /* rbp here decides about frames outward */
};

struct frame {
	uintptr_t ip, sp, rbp;
	uintptr_t saved_rbp;    /* where the caller's rbp was saved, 0: nowhere */
	uint64_t hash;          /* of this frame and all outward */
	uint32_t flags, unused;
};

struct hook_walk {
	unsigned n;             /* frames of the last stack */
	unsigned valid;         /* as n if it may be built on, else 0 */
	uint32_t generation;
	struct frame frame[HOOK_FRAMES_MAX];    /* outermost first */
	struct frame fresh[HOOK_FRAMES_MAX];    /* innermost first */
};

void hook_unwind_flush(void)
{
	for (size_t i = 0; i < ROWS; i++)
		atomic_store_explicit(&rows[i], 0, memory_order_relaxed);
}

HOOK_COLD static uint64_t row_miss(uintptr_t pc, size_t i)
{
	bool keep;
	uint64_t row = hook_row(pc, &keep), old;

	if (!keep || pc >> 47 != 0)
		return row;
	old = atomic_load_explicit(&rows[i], memory_order_relaxed);
	if (old != 0)
		atomic_store_explicit(&rows[i ^ 1], old ^ 1ull << ROW_WIDTH,
				      memory_order_relaxed);
	atomic_store_explicit(&rows[i], row | (uint64_t)(pc >> ROW_BITS) << (ROW_WIDTH + 1),
			      memory_order_relaxed);
	return row;
}

static inline uint64_t row_of(uintptr_t pc)
{
	size_t i = (pc ^ pc >> ROW_BITS) & (ROWS - 1);
	uint64_t tag = (uint64_t)(pc >> ROW_BITS) << 1;
	uint64_t word = atomic_load_explicit(&rows[i], memory_order_relaxed);

	if (hook_likely(word >> ROW_WIDTH == tag))
		return word & ((1 << ROW_WIDTH) - 1);
	word = atomic_load_explicit(&rows[i ^ 1], memory_order_relaxed);
	if (word >> ROW_WIDTH == (tag | 1))
		return word & ((1 << ROW_WIDTH) - 1);
	return row_miss(pc, i);
}

static inline enum hook_step step(struct hook_thread *t, struct hook_state *s, struct frame *f)
{
	uintptr_t pc = s->ip - !s->exact, cfa;
	uint64_t row = row_of(pc), kind = row & 3, distance;

	f->ip = s->ip;
	f->sp = s->sp;
	f->rbp = s->rbp;
	f->saved_rbp = 0;
	f->flags = s->exact ? FRAME_EXACT : 0;
	if (hook_unlikely(kind > ROW_RBP || s->rbp_unknown)) {
		f->flags |= FRAME_OPAQUE | FRAME_USES_RBP;
		return kind == ROW_END ? STEP_END : hook_step_special(t, s, pc);
	}
	if (kind == ROW_RBP)
		f->flags |= FRAME_USES_RBP;
	cfa = (kind == ROW_RBP ? s->rbp : s->sp) + (row >> 2 & 0x7fff) * 8;
	if (hook_unlikely(cfa <= s->sp || !hook_load(t, cfa - 8, &s->ip)))
		return STEP_TORN;
	distance = row >> ROW_DISTANCE;
	if (distance != 0) {
		f->saved_rbp = cfa - distance * 8;
		if (hook_unlikely(!hook_load(t, f->saved_rbp, &s->rbp)))
			return STEP_TORN;
	}
	s->sp = cfa;
	s->exact = false;
	return STEP_ON;
}

/* ---- the last stack ---- */

static inline bool holds(const struct hook_thread *t, uintptr_t address, uintptr_t value)
{
	return address >= t->known && address + 8 <= t->known_end &&
	       *(const uintptr_t *)address == value;
}

static inline bool same_state(const struct frame *f, const struct hook_state *s)
{
	return f->sp == s->sp && f->ip == s->ip && !s->rbp_unknown &&
	       (f->flags & FRAME_EXACT) == (s->exact ? FRAME_EXACT : 0) &&
	       (f->rbp == s->rbp || (f->flags & FRAME_RBP_LIVE) == 0);
}

/* How far outward of frame J the stack is what it was: the last frame that is
 * proven; 0: all of it. */
static inline int unchanged(const struct hook_thread *t, const struct frame *frame, int j)
{
	for (; j > 0; j--) {
		const struct frame *f = &frame[j], *outer = f - 1;

		if (hook_unlikely((f->flags & FRAME_OPAQUE) != 0) ||
		    !holds(t, outer->sp - 8, outer->ip))
			break;
		if (f->saved_rbp != 0 && (outer->flags & FRAME_RBP_LIVE) != 0 &&
		    !holds(t, f->saved_rbp, outer->rbp))
			break;
	}
	return j;
}

/* The fresh frames on top of BASE old ones. */
static unsigned append(struct hook_walk *w, unsigned base, unsigned fresh)
{
	struct frame *f = &w->frame[base];
	uint64_t hash = base > 0 ? f[-1].hash : 0x6a09e667f3bcc908ull;
	uint32_t live = base > 0 ? f[-1].flags & FRAME_RBP_LIVE : 0;

	for (; fresh > 0; f++) {
		*f = w->fresh[--fresh];
		hash = hook_mix(hash, f->ip + ((f->flags & FRAME_EXACT) != 0));
		f->hash = hash;
		if (f->flags & FRAME_USES_RBP)
			live = FRAME_RBP_LIVE;
		else if (f->saved_rbp != 0)
			live = 0;
		f->flags = (f->flags & ~(uint32_t)FRAME_RBP_LIVE) | live;
	}
	return (unsigned)(f - w->frame);
}

/* Frames J … I + 1 were proven, but not what lies outward: take them over as
 * fresh, and go on from I. */
static unsigned replay(const struct hook_walk *w, int j, int i, struct hook_state *s,
		       struct frame *fresh, unsigned room)
{
	unsigned n = 0;

	for (; j > i && n < room; j--, n++) {
		fresh[n] = w->frame[j];
		fresh[n].rbp = s->rbp;
		if (fresh[n].saved_rbp != 0)
			s->rbp = *(const uintptr_t *)fresh[n].saved_rbp;
	}
	s->ip = w->frame[j].ip;
	s->sp = w->frame[j].sp;
	s->exact = (w->frame[j].flags & FRAME_EXACT) != 0;
	return n;
}

static enum hook_step walk(struct hook_thread *t, struct hook_walk *w, struct hook_state *s,
			   unsigned valid, unsigned *base, unsigned *fresh)
{
	int j = (int)valid - 1, i;
	enum hook_step how;
	unsigned m = 0;

	*base = 0;
	do {
		while (j >= 0 && w->frame[j].sp < s->sp)
			j--;
		if (j >= 0 && same_state(&w->frame[j], s)) {
			i = unchanged(t, w->frame, j);
			if (i == 0 && (unsigned)j + 1 + m > HOOK_FRAMES_MAX) {
				j = -1; /* too deep: the innermost frames count */
			} else if (i == 0) {
				*base = (unsigned)j + 1;
				*fresh = m;
				return STEP_END;
			} else {
				m += replay(w, j, i, s, w->fresh + m, HOOK_FRAMES_MAX - 1 - m);
				j = i - 1;
			}
		}
		how = step(t, s, &w->fresh[m++]);
	} while (how == STEP_ON && s->ip != 0 && m < HOOK_FRAMES_MAX);
	*fresh = m;
	return how;
}

/* All frames of libgcc's answer, none to build on. */
HOOK_COLD static void take_full(struct hook_thread *t, struct hook_walk *w,
				struct hook_caller caller, unsigned *flags)
{
	unsigned n = hook_unwind_full(caller, t->native, HOOK_FRAMES_MAX, flags), i;

	for (i = 0; i < n; i++)
		w->fresh[i] = (struct frame){.ip = t->native[i]};
	w->n = append(w, 0, n);
}

unsigned hook_unwind(struct hook_thread *t, struct hook_caller caller, uint64_t *hash,
		     unsigned *flags)
{
	struct hook_walk *w = t->walk;
	struct hook_state s = {
		.ip = (uintptr_t)caller.ip,
		.sp = (uintptr_t)caller.frame + 16,
		.rbp = *(const uintptr_t *)caller.frame,
	};
	uint32_t generation = atomic_load_explicit(&hook_generation, memory_order_relaxed);
	unsigned valid = w->generation == generation ? w->valid : 0, base, fresh;
	enum hook_step how;

	w->valid = 0;           /* a signal handler may leave by siglongjmp */
	atomic_signal_fence(memory_order_seq_cst);
	how = walk(t, w, &s, valid, &base, &fresh);
	if (hook_unlikely(how == STEP_FULL)) {
		take_full(t, w, caller, flags);
	} else {
		w->n = append(w, base, fresh);
		if (how == STEP_END || s.ip == 0) {
			w->generation = generation;
			atomic_signal_fence(memory_order_seq_cst);
			w->valid = w->n;
		} else {
			*flags |= how == STEP_TORN ? MP_STACK_TORN : MP_STACK_CUT;
		}
	}
	*hash = w->frame[w->n - 1].hash;
	return w->n;
}

void hook_unwind_frames(const struct hook_thread *t, uint64_t *out)
{
	const struct hook_walk *w = t->walk;

	for (unsigned i = w->n; i > 0; i--)
		*out++ = w->frame[i - 1].ip + ((w->frame[i - 1].flags & FRAME_EXACT) != 0);
}

bool hook_unwind_ready(struct hook_thread *t)
{
	if (t->walk == NULL)
		t->walk = hook_map(sizeof(*t->walk));
	if (t->walk == NULL)
		return false;
	t->walk->valid = 0;
	return true;
}

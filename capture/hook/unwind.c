/* unwind.c - the native stack of the calling thread.
 *
 * Three caches, all the thread's own.  Rows: how to step from an address.  The
 * spine, the last stack that was walked: a step is a function of ip, sp and fp and
 * of the words its rule loads, so once a frame is met in the same state, and every
 * word that was loaded outward of it still has its value, the rest of the stack is
 * the same.  Segments: the innermost frames as they lay on the spine before, with
 * the words that were loaded; found again by ip and sp they need no rows.  Frames
 * with a rule of their own end a run, and a stack whose end was not proven is never
 * kept.
 *
 * Invariant: a word of the stack is looked at only after all that were loaded
 * inward of it were found unchanged, so it is one that a walk would load, too.
 */
#include "unwind_walk.h"

#include <string.h>

/* ---- segments ---- */

static inline size_t segment_set(const struct hook_state *s)
{
	return ((uint32_t)(s->ip ^ s->sp << 3) * 0x9E3779B1u) >> (32 - SEGMENT_BITS);
}

/* The fresh frames, which lie on frame BASE of the spine, as a segment. */
static void keep_segment(struct hook_walk *w, const struct hook_state *at, unsigned base,
			 unsigned fresh)
{
	size_t set = segment_set(at);
	struct segment *g = &w->segment[set][w->victim[set]++ % WAYS];
	const struct frame *f = &w->frame[base + fresh], *stop = &w->frame[base];
	uint64_t hash = 0, power = 1;
	uintptr_t slot;
	unsigned n = 0;

	g->stamp = 0;
	if (fresh == 0 || 2 * fresh > SEGMENT_CHECKS || base == 0)
		return;
	g->base_fp = 0;
	for (; f > stop; f--) {
		if ((f->meta & (FRAME_OPAQUE | FRAME_LAST | FRAME_EXACT)) != 0)
			return;
		slot = return_slot(f);
		g->check[n++] = (struct check){slot, arch_word(slot, f[-1].ip)};
		if (f->meta >> FRAME_SAVED)
			g->base_fp = f[-1].sp - (f->meta >> FRAME_SAVED);
		if (f->meta & FRAME_CHECK_FP)
			g->check[n++] = (struct check){g->base_fp, f[-1].fp};
		hash += hash_frame(f->ip, f->meta) * power;
		power *= POWER;
	}
	g->ip = at->ip;
	g->sp = at->sp;
	g->fp = at->fp;
	g->live = (w->frame[base + fresh].meta & FRAME_FP_LIVE) != 0;
	g->checks = (uint16_t)n;
	g->base_ip = stop->ip;
	g->base_sp = stop->sp;
	g->hash = hash;
	g->power = power;
	g->stamp = w->stamp;
}

static inline bool holds(const struct segment *g)
{
	const struct check *c = g->check, *end = c + g->checks;

	while (c < end && *(const uintptr_t *)c->address == c->value)
		c++;
	return c == end;
}

/* Is the stack a known segment on the spine?  Its hash, 0: no. */
static inline uint64_t by_segment(struct hook_walk *w, const struct hook_state *s,
				  unsigned valid)
{
	const struct segment *g = w->segment[segment_set(s)], *end = g + WAYS;
	const struct frame *f = &w->frame[valid];
	uintptr_t fp;

	while (g->sp != s->sp || g->ip != s->ip || g->stamp != w->stamp ||
	       (g->live && g->fp != s->fp) || !holds(g))
		if (++g == end)
			return 0;
	while (f->sp < g->base_sp)
		f--;
	fp = g->base_fp != 0 ? *(const uintptr_t *)g->base_fp : s->fp;
	if (f->sp != g->base_sp || f->ip != g->base_ip || (f->meta & FRAME_EXACT) != 0 ||
	    (f->fp != fp && (f->meta & FRAME_FP_LIVE) != 0) ||
	    unchanged(w, (int)(f - w->frame)) != 1)
		return 0;
	return f->hash * g->power + g->hash;
}

/* All frames of libgcc's answer, none to build on. */
HOOK_COLD static void take_full(struct hook_thread *t, struct hook_walk *w,
				struct hook_caller caller, unsigned *flags)
{
	unsigned n = hook_unwind_full(caller, t->native, HOOK_FRAMES_MAX, flags), i;

	*flags |= MP_STACK_LIBGCC;
	for (i = 0; i < n; i++)
		w->fresh[i] = (struct frame){.ip = t->native[i]};
	append(w, 0, n);
}

/* What was read from tables or from a stack may be gone. */
HOOK_COLD static void forget(struct hook_thread *t, struct hook_walk *w, uint32_t generation)
{
	if (w->generation != generation)
		memset(w->row, 0, sizeof(w->row));
	w->generation = generation;
	w->ground = t->ground;
	w->valid = 0;
	if (++w->stamp == 0) {
		memset(w->segment, 0, sizeof(w->segment));
		w->stamp = 1;
	}
}

static inline struct hook_state state_of(struct hook_caller caller)
{
	return (struct hook_state){
		.ip = arch_caller_ip(caller),
		.sp = arch_caller_sp(caller),
		.fp = arch_caller_fp(caller),
	};
}

/* The stack by rows as far as need be; it is the spine then. */
static uint64_t unwind(struct hook_thread *t, struct hook_caller caller, unsigned valid,
		       unsigned *flags)
{
	struct hook_walk *w = t->walk;
	struct hook_state at = state_of(caller), s = at;
	unsigned base, fresh;
	enum hook_step how;

	w->valid = 0;           /* a signal handler may leave by siglongjmp */
	w->whole = true;
	atomic_signal_fence(memory_order_seq_cst);
	how = walk(t, w, &s, valid, &base, &fresh);
	if (hook_unlikely(how == STEP_FULL)) {
		take_full(t, w, caller, flags);
	} else {
		append(w, base, fresh);
		if (hook_likely(how == STEP_END || s.ip == 0)) {
			keep_segment(w, &at, base, fresh);
			atomic_signal_fence(memory_order_seq_cst);
			w->valid = w->n;
		} else {
			*flags |= how == STEP_TORN ? MP_STACK_TORN : MP_STACK_CUT;
		}
	}
	return w->frame[w->n].hash;
}

uint64_t hook_unwind(struct hook_thread *t, struct hook_caller caller, unsigned *flags)
{
	struct hook_walk *w = t->walk;
	struct hook_state s = state_of(caller);
	uint32_t generation = atomic_load_explicit(&hook_generation, memory_order_relaxed);
	uint64_t hash;

	if (hook_unlikely(w->generation != generation || w->ground != t->ground))
		forget(t, w, generation);
	if (hook_likely(w->valid != 0)) {
		hash = by_segment(w, &s, w->valid);
		if (hook_likely(hash != 0)) {
			w->whole = false;
			return hash;
		}
	}
	return unwind(t, caller, w->valid, flags);
}

unsigned hook_unwind_frames(struct hook_thread *t, struct hook_caller caller, uint64_t *out)
{
	struct hook_walk *w = t->walk;
	unsigned flags = 0;

	if (!w->whole)
		unwind(t, caller, w->valid, &flags);
	for (unsigned i = w->n; i > 0; i--)
		*out++ = w->frame[i].ip + (w->frame[i].meta & FRAME_EXACT);
	return w->n;
}

bool hook_unwind_ready(struct hook_thread *t)
{
	if (t->walk == NULL)
		t->walk = hook_map(sizeof(*t->walk));
	if (t->walk == NULL)
		return false;
	t->walk->valid = 0;
	t->walk->stamp++;
	return true;
}

/* unwind_walk.h - the hot half of the unwinder: rows, one step, and the spine.
 * Included by unwind.c alone.
 */
#ifndef MP_HOOK_UNWIND_WALK_H
#define MP_HOOK_UNWIND_WALK_H

#include "unwind.h"

enum {
	ROW_BITS = 12, ROWS = 1 << ROW_BITS,
	SEGMENT_BITS = 7, SEGMENTS = 1 << SEGMENT_BITS, WAYS = 4,
	SEGMENT_CHECKS = 26,
};

enum {
	FRAME_EXACT = 1,
	FRAME_OPAQUE = 2,       /* stepped from by a rule of its own */
	FRAME_USES_FP = 4,
	FRAME_FP_LIVE = 8,      /* fp here decides about frames outward */
	FRAME_CHECK_FP = 16,    /* it saved an fp that is live outward */
	FRAME_LAST = 32,
	FRAME_STOP = FRAME_OPAQUE | FRAME_CHECK_FP | FRAME_LAST,
};

struct row {
	uintptr_t pc;
	int32_t cfa;            /* bytes from the register */
	uint32_t meta;          /* FRAME_USES_FP, FRAME_OPAQUE: no such simple rule; SAVED */
	struct arch_ra ra;
};

struct frame {
	uintptr_t ip, sp, fp;
	uint64_t hash;          /* of this frame and all outward */
	uint32_t meta;          /* FRAME_*, and the distance SAVED */
	struct arch_ra ra;
};

struct check {
	uintptr_t address, value;
};

/* The innermost frames, from a state to that of a frame of the spine. */
struct segment {
	uintptr_t ip, sp, fp;   /* the state; fp if it matters */
	uint32_t stamp;
	uint16_t checks;
	bool live;              /* fp matters */
	uintptr_t base_ip, base_sp;
	uintptr_t base_fp;      /* where the base's fp was saved; 0: it is the state's */
	uint64_t hash, power;   /* of the whole: base's * power + hash */
	struct check check[SEGMENT_CHECKS];     /* innermost first */
};

struct hook_walk {
	unsigned n;             /* frames of the spine */
	unsigned valid;         /* as n if it may be built on, else 0 */
	uint32_t generation;    /* of rows, segments and spine */
	uint32_t ground;        /* t->ground of segments and spine */
	uint32_t stamp;         /* of the segments that hold */
	bool whole;             /* the last stack is the spine */
	struct row row[ROWS], other;    /* other: one that must not be kept */
	struct segment segment[SEGMENTS][WAYS];
	uint8_t victim[SEGMENTS];
	struct frame frame[1 + HOOK_FRAMES_MAX];        /* outermost first, from 1 */
	struct frame fresh[HOOK_FRAMES_MAX];            /* innermost first */
};

/* ---- hashes ----
 * Of a stack: of the part outward times an odd constant, plus the frame's own, so
 * that a segment's can be put on any base. */

static const uint64_t POWER = 0x9E3779B97F4A7C15ull;

static inline uint64_t hash_frame(uintptr_t ip, uint32_t meta)
{
	return hook_mix(ip + (meta & FRAME_EXACT), 0xD6E8FEB86659FD93ull);
}

/* ---- one step ---- */

static inline size_t row_at(uintptr_t pc)
{
	return ((uint32_t)pc * 0x9E3779B1u) >> (32 - ROW_BITS);
}

HOOK_COLD static const struct row *row_miss(struct hook_walk *w, uintptr_t pc)
{
	bool keep;
	struct hook_row r = hook_row(pc, &keep);
	struct row *row = keep ? &w->row[row_at(pc)] : &w->other;

	row->cfa = (int32_t)r.cfa;
	/* nothing is loaded from below the register, so from below the stack pointer */
	row->meta = r.kind > ROW_FP || r.fp > r.cfa || r.ra > r.cfa ? FRAME_OPAQUE
		    : r.kind == ROW_FP				    ? FRAME_USES_FP
								    : 0;
	row->meta |= r.fp << FRAME_SAVED;
	row->ra = arch_ra(r.ra);
	row->pc = pc;
	return row;
}

/* By the tables once more, with every word proven readable. */
HOOK_COLD static enum hook_step step_slow(struct hook_thread *t, struct hook_state *s,
					  struct frame *f)
{
	uintptr_t pc = s->ip - !s->exact, cfa, saved, ip;
	bool keep;
	struct hook_row row = hook_row(pc, &keep);

	f->meta = FRAME_OPAQUE | FRAME_USES_FP | (s->exact ? FRAME_EXACT : 0);
	f->ra = arch_ra(row.ra);
	if (row.kind > ROW_FP || s->fp_unknown)
		return row.kind == ROW_END ? STEP_END : hook_step_special(t, s, pc);
	cfa = (row.kind == ROW_FP ? s->fp : s->sp) + row.cfa;
	if (cfa <= s->sp || !hook_load(t, cfa - row.ra, &ip))
		return STEP_TORN;
	if (row.fp != 0) {
		saved = cfa - row.fp;
		if (!hook_load(t, saved, &s->fp))
			return STEP_TORN;
		/* the usual rule, on a page not looked at before */
		if (saved >= s->sp && cfa - row.ra >= s->sp)
			f->meta = row.fp << FRAME_SAVED |
				  (row.kind == ROW_FP ? FRAME_USES_FP : 0) |
				  (f->meta & FRAME_EXACT);
	} else if (row.kind == ROW_SP && row.ra <= row.cfa) {
		f->meta &= FRAME_EXACT;
	}
	s->ip = arch_address(ip);
	s->sp = cfa;
	s->exact = false;
	return STEP_ON;
}

static inline __attribute__((always_inline)) enum hook_step
step(struct hook_thread *t, struct hook_walk *w, struct hook_state *s, struct frame *f)
{
	uintptr_t pc = s->ip - 1, cfa, sp = s->sp, from;
	const struct row *row = &w->row[row_at(pc)];

	f->ip = s->ip;
	f->sp = sp;
	f->fp = s->fp;
	if (hook_unlikely(s->exact || s->fp_unknown))
		return step_slow(t, s, f);
	if (hook_unlikely(row->pc != pc))
		row = row_miss(w, pc);
	from = sp;
	if (row->meta & FRAME_USES_FP) {
		from = s->fp;
		if (hook_unlikely((from & 7) != 0 || from < sp))
			return step_slow(t, s, f);
	}
	cfa = from + (uintptr_t)row->cfa;
	if (hook_unlikely((row->meta & FRAME_OPAQUE) != 0 ||
			  sp - t->known >= t->known_end - t->known ||
			  cfa - sp - 8 >= t->known_end - sp))
		return step_slow(t, s, f);
	f->meta = row->meta;
	f->ra = row->ra;
	s->ip = arch_address(*(const uintptr_t *)(cfa - arch_ra_below(row->ra)));
	if (row->meta >> FRAME_SAVED)
		s->fp = *(const uintptr_t *)(cfa - (row->meta >> FRAME_SAVED));
	s->sp = cfa;
	return STEP_ON;
}

/* ---- the spine ---- */

static inline bool same_state(const struct frame *f, const struct hook_state *s)
{
	return f->sp == s->sp && f->ip == s->ip && !s->fp_unknown &&
	       (f->meta & FRAME_EXACT) == (s->exact ? FRAME_EXACT : 0) &&
	       (f->fp == s->fp || (f->meta & FRAME_FP_LIVE) == 0);
}

/* Where F keeps its return address, and is that what it was? */
static inline uintptr_t return_slot(const struct frame *f)
{
	return f[-1].sp - arch_ra_below(f->ra);
}

static inline bool returns_as_before(const struct frame *f)
{
	return arch_address(*(const uintptr_t *)return_slot(f)) == f[-1].ip;
}

/* How far outward of frame J the stack is what it was: the last frame that is
 * proven; 1: all of it. */
static inline int unchanged(const struct hook_walk *w, int j)
{
	const struct frame *f = &w->frame[j];

	for (;; f--) {
		if (hook_unlikely((f->meta & FRAME_STOP) != 0)) {
			if ((f->meta & (FRAME_OPAQUE | FRAME_LAST)) != 0)
				break;
			if (!returns_as_before(f) ||
			    *(const uintptr_t *)(f[-1].sp - (f->meta >> FRAME_SAVED)) !=
				    f[-1].fp)
				break;
		} else if (hook_unlikely(!returns_as_before(f))) {
			break;
		}
	}
	return (int)(f - w->frame);
}

/* The fresh frames on top of BASE old ones. */
static inline void append(struct hook_walk *w, unsigned base, unsigned fresh)
{
	struct frame *f = &w->frame[1 + base], *end = f + fresh;
	uint64_t hash = base > 0 ? f[-1].hash : 0x6a09e667f3bcc908ull;
	uint32_t live = base > 0 ? f[-1].meta & FRAME_FP_LIVE : 0;
	const struct frame *from = w->fresh + fresh;

	for (; f < end; f++) {
		uint32_t meta = (--from)->meta;

		f->ip = from->ip;
		f->sp = from->sp;
		f->fp = from->fp;
		f->ra = from->ra;
		hash = hash * POWER + hash_frame(f->ip, meta);
		f->hash = hash;
		if (meta >> FRAME_SAVED) {
			if (live)
				meta |= FRAME_CHECK_FP;
			live = 0;
		}
		if (meta & FRAME_USES_FP)
			live = FRAME_FP_LIVE;
		f->meta = meta | live;
	}
	if (base == 0)
		w->frame[1].meta |= FRAME_LAST;
	w->n = base + fresh;
}

/* Frames J … I + 1 were proven, but not what lies outward: take them over as
 * fresh, and go on from I. */
static unsigned replay(const struct hook_walk *w, int j, int i, struct hook_state *s,
		       struct frame *fresh, unsigned room)
{
	unsigned n = 0;

	for (; j > i && n < room; j--, n++) {
		const struct frame *f = &w->frame[j];

		fresh[n] = *f;
		fresh[n].meta &= ~(uint32_t)(FRAME_FP_LIVE | FRAME_CHECK_FP);
		fresh[n].fp = s->fp;
		if (f->meta >> FRAME_SAVED)
			s->fp = *(const uintptr_t *)(f[-1].sp - (f->meta >> FRAME_SAVED));
	}
	s->ip = w->frame[j].ip;
	s->sp = w->frame[j].sp;
	s->exact = (w->frame[j].meta & FRAME_EXACT) != 0;
	return n;
}

static inline enum hook_step walk(struct hook_thread *t, struct hook_walk *w,
				  struct hook_state *s, unsigned valid, unsigned *base,
				  unsigned *fresh)
{
	const struct frame *f = &w->frame[valid];
	enum hook_step how;
	unsigned m = 0;
	int i;

	*base = 0;
	w->frame[0].sp = UINTPTR_MAX;
	do {
		while (f->sp < s->sp)
			f--;
		if (hook_unlikely(f->sp == s->sp) && f > w->frame && same_state(f, s)) {
			i = unchanged(w, (int)(f - w->frame));
			if (i > 1) {
				m += replay(w, (int)(f - w->frame), i, s, w->fresh + m,
					    HOOK_FRAMES_MAX - 1 - m);
				f = &w->frame[i - 1];
			} else if ((size_t)(f - w->frame) + m > HOOK_FRAMES_MAX) {
				f = w->frame;   /* too deep: the innermost frames count */
			} else {
				*base = (unsigned)(f - w->frame);
				*fresh = m;
				return STEP_END;
			}
		}
		how = step(t, w, s, &w->fresh[m++]);
	} while (how == STEP_ON && s->ip != 0 && m < HOOK_FRAMES_MAX);
	*fresh = m;
	return how;
}

#endif

/* walk.h - the events of a decoded block in order, and what lives on after it.
 * Wants MP_WANT_OP, SITE, FREES, THREAD and TIME.  Invariant: what a free refers to is
 * an allocation of this block before it, or a slot that held one when the block began.
 */
#ifndef MP_WALK_H
#define MP_WALK_H

#include "mp.h"

struct mp_walk {
	const struct mp_block *b;
	/* the event at hand */
	uint32_t at;                    /* its position */
	bool free;
	bool inside;                    /* of a free: what it ends was made in this block */
	uint32_t it;                    /* the allocation, by its index; else the slot, 0: outside */
	uint64_t time;
	uint32_t thread;
	/* behind it */
	uint32_t next, allocs, frees, old;
	uint32_t time_run, time_left, thread_run, thread_left;
};

static inline struct mp_walk mp_walk_begin(const struct mp_block *b)
{
	return (struct mp_walk){
		.b = b, .thread = 1,
		.time_left = b->n_time ? b->time[0].length : 0,
		.thread_left = b->n_thread ? b->thread[0].length : 0,
	};
}

/* The time of the event that comes next, or of the end of the block. */
static inline uint64_t mp_walk_time(const struct mp_walk *w)
{
	return w->next < w->b->n ? w->b->time[w->time_run].value : w->b->last_time;
}

static inline bool mp_walk_next(struct mp_walk *w)
{
	const struct mp_block *b = w->b;
	uint32_t back;

	if (w->next == b->n)
		return false;
	w->at = w->next++;
	w->time = b->time[w->time_run].value;
	if (!--w->time_left && ++w->time_run < b->n_time)
		w->time_left = b->time[w->time_run].length;
	if (b->n_thread) {
		w->thread = (uint32_t)b->thread[w->thread_run].value;
		if (!--w->thread_left && ++w->thread_run < b->n_thread)
			w->thread_left = b->thread[w->thread_run].length;
	}
	w->free = b->op[w->at / 8] >> w->at % 8 & 1;
	if (!w->free) {
		w->it = w->allocs++;
		return true;
	}
	back = b->back[w->frees++];
	w->inside = back != 0;
	w->it = back ? w->allocs - back : b->old[w->old++];
	return true;
}

/* The slots that what lives on takes, once all events are done. */
struct mp_survivors {
	const struct mp_block *b;
	uint32_t alloc, slot;           /* the one at hand */
	uint32_t next, old, fresh;
};

static inline bool mp_survivors_next(struct mp_survivors *s)
{
	const struct mp_block *b = s->b;

	while (s->next < b->n_alloc && b->gone[s->next])
		s->next++;
	if (s->next == b->n_alloc)
		return false;
	s->alloc = s->next++;
	while (s->old < b->n_old && !b->old[s->old])
		s->old++;
	s->slot = s->old < b->n_old ? b->old[s->old++] : b->new_[s->fresh++];
	return true;
}

#endif

/* view_temporary.c - allocations freed by their own thread with at most N other
 * allocations of that thread in between (memray's meaning; N = 1 by default), or
 * by any thread within a time.
 * Invariant: number[] and birth[] hold the clock when the block was born, so that
 * its age is one subtraction.  The clock is its thread's count of allocations, or
 * the time + 1; 0: a block that does not count.
 */
#include "view.h"

#include <string.h>

struct walk {
	uint32_t event, alloc, free, old, run, left, thread, partial;
	uint32_t time_run, time_left;
	uint64_t time;
};

/* The thread of the next event. */
static uint32_t next_thread(const struct replay *r, const struct mp_block *b, struct walk *w)
{
	while (!w->left && w->run < b->n_thread) {
		w->thread = mp_replay_thread(r, b->thread[w->run].value);
		w->left = b->thread[w->run++].length;
	}
	if (w->left)
		w->left--;
	return w->thread;
}

/* The time of the next event. */
static uint64_t next_time(const struct mp_block *b, struct walk *w)
{
	while (!w->time_left && w->time_run < b->n_time) {
		w->time = b->time[w->time_run].value;
		w->time_left = b->time[w->time_run++].length;
	}
	if (w->time_left)
		w->time_left--;
	return w->time;
}

/* Whether the event at hand belongs to a partial unmap.  An entry without a number
 * stands for its event, a free, and the allocation behind it. */
static bool is_partial(const struct mp_block *b, struct walk *w)
{
	const struct mp_pair *p = b->replace, *end = b->replace + b->n_replace;

	for (p += w->partial; p < end && p->position + !(p->value >> 3) < w->event; p++)
		w->partial++;
	return p < end && p->position <= w->event && (p->value & 7) == MP_REPLACE_PARTIAL;
}

static void freed(struct replay *r, const struct birth *born, uint32_t thread, uint64_t time)
{
	uint64_t age;

	if (!born->cell || (born->thread != thread && !r->q.temporary_ns))
		return;
	if (r->q.temporary_ns)
		age = time + 1 - born->number;
	else
		age = r->thread_count[thread] - born->number;
	r->cell[born->cell].total +=
		age <= (r->q.temporary_ns ? r->q.temporary_ns : r->q.temporary);
}

static void give_slots(struct replay *r, const struct mp_block *b, const uint32_t *owner)
{
	uint32_t old = 0, fresh = 0;

	for (uint32_t j = 0; j < b->n_alloc; j++) {
		uint32_t slot = 0, cell = r->s.cell[r->s.index[j]];

		if (b->gone[j])
			continue;
		while (!slot && old < b->n_old)
			slot = b->old[old++];
		if (!slot && fresh < b->n_new)
			slot = b->new_[fresh++];
		if (slot)
			r->birth[slot] = (struct birth){
				r->s.number[j], r->s.number[j] ? cell : 0, owner[j]};
	}
}

static void step(struct replay *r, const struct mp_block *b, struct walk *w, uint32_t *owner,
	bool inside)
{
	uint32_t thread = next_thread(r, b, w), back, j;
	uint64_t time = r->q.temporary_ns ? next_time(b, w) : 0;
	bool partial = b->n_replace && is_partial(b, w);

	if (!mp_bit(b->op, w->event)) {
		j = w->alloc++;
		owner[j] = thread;
		r->s.number[j] = 0;
		if (!partial && r->s.cell[r->s.index[j]]) {
			uint64_t n = ++r->thread_count[thread];

			if (inside)
				r->s.number[j] = r->q.temporary_ns ? time + 1 : n;
		}
		return;
	}
	back = b->back[w->free++];
	if (back) {
		j = w->alloc - back;
		if (r->s.number[j] && !partial) {
			struct birth born = {
				r->s.number[j], r->s.cell[r->s.index[j]], owner[j]};

			freed(r, &born, thread, time);
		}
	} else {
		struct birth born = r->birth[b->old[w->old++]];

		if (!partial)
			freed(r, &born, thread, time);
	}
}

void mp_replay_temporary(struct replay *r, const struct mp_block *b)
{
	uint32_t from = mp_block_cut(b, r->w.from), to = mp_block_cut(b, r->w.to);
	struct walk w = {.thread = mp_replay_thread(r, 1)};
	uint32_t *owner = r->s.old;

	if (!mp_replay_prepare(r, b) || !mp_replay_slots(r, b->slots))
		return;
	for (; w.event < to; w.event++)
		step(r, b, &w, owner, w.event >= from);
	if (to == b->n)
		give_slots(r, b, owner);
	r->stopped |= to < b->n;
}

/* view_live.c - live and peak: a block's net change per cell.
 * Invariant: after a block, slot[] names the cell of every live block, and
 * scope[0].cur is the sum of live * size over all cells, plus what was lost.
 *
 * A block whose header shows no new maximum is applied as a whole; else it is
 * split where the header says the maximum is.  Event by event only where the
 * header cannot help: at the edges of a window, and with each process apart.
 */
#include "view.h"

#include <string.h>

enum { AHEAD = 32 };                    /* look-ups whose memory is asked for */

struct progress {
	uint32_t event, alloc, free, old;
};

void mp_replay_peak(struct scope *s, uint64_t when)
{
	if (s->cur <= s->peak)
		return;
	s->peak = s->cur;
	s->when = when;
	s->epoch++;
}

/* All reads of slot[] come before the block's survivors take their slots. */
static void look_up_old(struct replay *r, const struct mp_block *b)
{
	uint32_t i = 0, ahead = b->n_old > AHEAD ? b->n_old - AHEAD : 0;

	for (; i < ahead; i++) {
		__builtin_prefetch(&r->slot[b->old[i + AHEAD]]);
		r->s.old[i] = r->slot[b->old[i]];
	}
	for (; i < b->n_old; i++)
		r->s.old[i] = r->slot[b->old[i]];
}

/* Allocations made before event CUT do not belong to the window. */
static void blank_before(struct replay *r, const struct mp_block *b, uint32_t cut)
{
	struct scratch *s = &r->s;
	uint32_t allocs = 0;

	for (uint32_t i = 0; i < cut; i++)
		allocs += !mp_bit(b->op, i);
	if (s->index != s->own_index) {
		memcpy(s->own_index, s->index, b->n_alloc * sizeof(*s->own_index));
		s->index = s->own_index;
	}
	/* Should there be no index left, every allocation has its own. */
	for (uint32_t i = 0; i < allocs; i++) {
		if (s->locals < MP_BLOCK_MAX)
			s->own_index[i] = (uint16_t)s->locals;
		else
			s->cell[s->index[i]] = 0;
	}
	if (s->locals < MP_BLOCK_MAX)
		s->cell[s->locals++] = 0;
}

/* ---- applying events -------------------------------------------------------------- */

/* Who dies where does not matter: only what is left over counts. */
static void apply_whole(struct replay *r, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n_old; i++) {
		if (i + AHEAD < b->n_old)
			__builtin_prefetch(&r->cell[r->s.old[i + AHEAD]], 1);
		mp_free_old(r, r->s.old[i]);
	}
	FOR_SURVIVORS(b, j, mp_change(r, r->s.cell[r->s.index[j]], 1);)
}

/* Events up to TO: net change per local cell, then once per cell. */
static void apply_range(
	struct replay *r, const struct mp_block *b, struct progress *p, uint32_t to)
{
	const uint16_t *index = r->s.index;
	int32_t *net = r->s.net;
	uint32_t first = p->alloc;

	memset(net, 0, r->s.locals * sizeof(*net));
	for (uint32_t w = p->event & ~63u; w < to; w += 64) {
		uint64_t m = mp_op_word(b, w);

		if (w < p->event)
			m &= ~0ull << (p->event - w);
		if (to - w < 64)
			m &= (1ull << (to - w)) - 1;
		for (; m; m &= m - 1) {
			uint32_t allocs = w + (uint32_t)__builtin_ctzll(m) - p->free;
			uint32_t back = b->back[p->free++];

			if (back)
				net[index[allocs - back]]--;
			else
				mp_free_old(r, r->s.old[p->old++]);
		}
	}
	p->event = to;
	p->alloc = to - p->free;
	for (uint32_t i = first; i < p->alloc; i++)
		net[index[i]]++;
	for (uint32_t i = 0; i < r->s.locals; i++)
		if (net[i])
			mp_change(r, r->s.cell[i], net[i]);
}

static void apply_exact(
	struct replay *r, const struct mp_block *b, struct progress *p, uint32_t to)
{
	for (; p->event < to; p->event++) {
		bool freed = mp_bit(b->op, p->event);
		uint32_t back = 1, id;

		if (!freed) {
			id = r->s.cell[r->s.index[p->alloc++]];
		} else if ((back = b->back[p->free++]) != 0) {
			id = r->s.cell[r->s.index[p->alloc - back]];
		} else {
			id = r->s.old[p->old++];
		}
		if (back)
			mp_change(r, id, freed ? -1 : 1);
		else
			mp_free_old(r, id);
		if (r->opened && !freed) {
			struct scope *s = mp_scope_of(r, &r->cell[id]);

			if (s->cur > s->peak)
				mp_replay_peak(s, mp_block_time(b, p->event));
		}
	}
}

/* The i-th survivor takes the i-th slot freed in the block, then new ones. */
static void give_slots(struct replay *r, const struct mp_block *b)
{
	uint32_t old = 0, fresh = 0;

	FOR_SURVIVORS(b, j, {
		uint32_t slot = 0;

		while (!slot && old < b->n_old)
			slot = b->old[old++];
		if (!slot && fresh < b->n_new)
			slot = b->new_[fresh++];
		if (slot)
			r->slot[slot] = r->s.cell[r->s.index[j]];
	})
}

/* ---- a block of events ------------------------------------------------------------- */

void mp_replay_open(struct replay *r)
{
	for (uint32_t i = 0; i < r->process_room; i++) {
		r->scope[i].peak = r->scope[i].cur;
		r->scope[i].when = r->w.from;
		r->scope[i].epoch++;
	}
	r->opened = true;
}

/* The header's maximum has been reached, or the header is wrong. */
static void header_peak(struct replay *r, const struct mp_block *b, uint32_t at)
{
	if (r->scope->cur != b->max_live)
		mp_replay_mismatch(r);
	mp_replay_peak(r->scope, at ? mp_block_time(b, at - 1) : b->first_time);
}

static void apply_parts(struct replay *r, const struct mp_block *b, uint32_t open,
	uint32_t stop, bool exact, bool split)
{
	struct progress p = {0, 0, 0, 0};
	uint32_t end = 0, next;

	for (;;) {
		if (split && p.event == b->position) {
			header_peak(r, b, p.event);
			split = false;
		}
		if (!r->opened && p.event >= open)
			mp_replay_open(r);
		for (; end < b->n_procend && b->procend[end].position <= p.event &&
			(p.event < stop || stop == b->n);
			end++)
			mp_replay_process_end(r, b->procend[end].value);
		if (p.event >= stop)
			return;
		next = stop;
		if (split && b->position > p.event && b->position < next)
			next = b->position;
		if (!r->opened && open < next)
			next = open;
		if (end < b->n_procend && b->procend[end].position < next)
			next = b->procend[end].position;
		if (exact)
			apply_exact(r, b, &p, next);
		else
			apply_range(r, b, &p, next);
	}
}

void mp_replay_live(struct replay *r, const struct mp_block *b)
{
	bool peak = r->view == MP_VIEW_PEAK, exact, split;
	uint32_t open = mp_block_cut(b, r->w.from), stop = mp_block_cut(b, r->w.to);

	if (!peak && b->last_time < r->w.from) {
		for (uint32_t i = 0; i < b->n_procend; i++)
			mp_replay_process_end(r, b->procend[i].value);
		return;
	}
	if (!mp_replay_prepare(r, b) || !mp_replay_slots(r, b->slots))
		return;
	if (peak || !r->late)
		mp_replay_sum(r, b);
	look_up_old(r, b);
	if (!peak && open)
		blank_before(r, b, open);
	if (!peak)
		open = 0;
	/* a block all before the window opens nothing, not even at its end */
	if (!r->opened && b->last_time < r->w.from)
		open = UINT32_MAX;
	if (!r->opened && !open)
		mp_replay_open(r);
	if (b->position > b->n)
		mp_replay_mismatch(r);
	exact = peak && (r->q.each_process || stop < b->n || (!r->opened && open < b->n) ||
				b->position > b->n);
	split = peak && !exact && r->opened && b->max_live > r->scope->peak;
	if (exact || split || b->n_procend || stop < b->n || (peak && !r->opened))
		apply_parts(r, b, open, stop, exact, split);
	else
		apply_whole(r, b);
	if (stop < b->n) {
		r->stopped = true;
		return;
	}
	if (peak && !exact && r->opened && r->scope->cur > r->scope->peak) {
		mp_replay_mismatch(r); /* the header hid a maximum */
		mp_replay_peak(r->scope, b->last_time);
	}
	give_slots(r, b);
}

/* timeline_events.c - a block of events into the open bucket, or into several.
 * Invariant: after a block, aged[] names cell and birth of every live block and
 * holds nothing in the slots that its frees emptied.
 *
 * A block inside one bucket that sets no new maximum is applied as a whole: its
 * allocations are counted by cell, who died inside it is the rest.  Else it is cut
 * at the buckets' edges, at the ends of processes, and at the bucket's maximum,
 * which the header tells for one piece and the events for the others.
 */
#include "timeline_own.h"

#include <stdlib.h>
#include <string.h>

struct walk {
	uint32_t event, alloc, free, old, end; /* done so far */
	uint32_t first;                        /* the first allocation of the open bucket */
	uint32_t run, run_end;                 /* of time, that event is in; where it ends */
	uint32_t edge;                         /* the first event past the open bucket */
	bool sized;                            /* x->size[] is filled */
};

static bool reach(struct mp_cut *x, uint32_t n)
{
	if (n <= x->events)
		return true;
	free(x->old_born), free(x->birth), free(x->ended), free(x->size);
	x->events = x->r->s.room;
	x->old_born = malloc(x->events);
	x->birth = malloc(x->events);
	x->ended = malloc((x->events + 1) * sizeof(*x->ended));
	x->size = malloc((x->events + 1) * sizeof(*x->size));
	x->r->failed |= !x->old_born || !x->birth || !x->ended || !x->size;
	return !x->r->failed;
}

/* Read and empty the slots of what is freed, before survivors take them. */
static void look_up_old(struct mp_cut *x, const struct mp_block *b)
{
	enum { AHEAD = 32 };
	struct aged *slot = x->r->aged;

	for (uint32_t i = 0; i < b->n_old; i++) {
		struct aged *s = &slot[b->old[i]];

		if (i + AHEAD < b->n_old)
			__builtin_prefetch(&slot[b->old[i + AHEAD]], 1);
		x->r->s.old[i] = s->cell;
		x->old_born[i] = (uint8_t)s->born;
		s->cell = 0;
	}
}

/* D more live blocks in a cell. */
static inline void shift(struct mp_cut *x, uint32_t id, int64_t d)
{
	struct replay *r = x->r;
	struct cell *c = &r->cell[id];

	if (c->stamp != r->scope->epoch) {
		c->stamp = r->scope->epoch;
		c->at = c->live;
	}
	c->live += (uint32_t)d;
	r->scope->cur += (uint64_t)d * x->r->cell[id].size;
	r->blocks += (uint64_t)d * c->weight;
	mp_cut_dirty(x, id);
}

/* A block made before the bucket, or before this block of events, is freed. */
static inline void dies(struct mp_cut *x, uint32_t id, uint8_t born)
{
	struct line_cell *l = &x->cell[id];

	if (!x->r->cell[id].live)
		return; /* outside, not counted, or lost in damage */
	shift(x, id, -1);
	x->b.frees += x->r->cell[id].weight;
	x->b.free_bytes += x->r->cell[id].size;
	if (l->done)
		return;
	/* of this bucket, but before it was opened again: not young any more */
	if (born == mp_cut_age(x) && l->young)
		l->young--;
	else
		mp_open_dies(x, id, born, 1);
}

/* N allocations in a cell, ENDED of those of the bucket freed. */
static inline void lives(struct mp_cut *x, uint32_t id, uint32_t n, uint32_t ended)
{
	struct line_cell *l = &x->cell[id];
	uint64_t size = x->r->cell[id].size, weight = x->r->cell[id].weight;
	int64_t net = (int64_t)n - ended;

	if (!id)
		return;
	l->born += n;
	x->b.allocs += n * weight;
	x->b.alloc_bytes += n * size;
	x->b.frees += ended * weight;
	x->b.free_bytes += ended * size;
	if (!l->done) {
		l->young += n;
		if (ended > l->young) { /* others were freed in their place */
			mp_open_dies(x, id, mp_cut_age(x), ended - l->young);
			ended = l->young;
		}
		l->young -= ended;
	}
	if (net)
		shift(x, id, net);
	else if (n)
		mp_cut_dirty(x, id);
}

/* The survivors take the slots freed in the block, then new ones. */
static void give_slots(struct mp_cut *x, const struct mp_block *b, uint32_t first)
{
	const struct replay *r = x->r;
	uint32_t old = 0, fresh = 0;
	uint8_t age = mp_cut_age(x);

	FOR_SURVIVORS(b, j, {
		uint32_t slot = 0;

		while (!slot && old < b->n_old)
			slot = b->old[old++];
		if (!slot && fresh < b->n_new)
			slot = b->new_[fresh++];
		if (slot) {
			r->aged[slot].cell = r->s.cell[r->s.index[j]];
			r->aged[slot].born = j < first ? x->birth[j] : age;
		}
	})
}

/* ---- a block as a whole ------------------------------------------------------------ */

static void apply_whole(struct mp_cut *x, const struct mp_block *b)
{
	struct scratch *s = &x->r->s;
	int32_t *net = s->net;

	for (uint32_t i = 0; i < b->n_old; i++)
		dies(x, s->old[i], x->old_born[i]);
	mp_replay_count(x->r, 0, b->n_alloc);
	memset(x->ended, 0, s->locals * sizeof(*x->ended));
	FOR_SURVIVORS(b, j, x->ended[s->index[j]]++;)
	for (uint32_t i = 0; i < s->locals; i++)
		lives(x, s->cell[i], (uint32_t)net[i], (uint32_t)net[i] - x->ended[i]);
}

/* ---- a block in pieces -------------------------------------------------------------- */

static void apply(struct mp_cut *x, const struct mp_block *b, struct walk *w, uint32_t to)
{
	struct scratch *s = &x->r->s;
	uint32_t made = w->alloc;

	memset(x->ended, 0, s->locals * sizeof(*x->ended));
	for (uint32_t at = w->event & ~63u; at < to; at += 64) {
		uint64_t m = mp_op_word(b, at);

		if (at < w->event)
			m &= ~0ull << (w->event - at);
		if (to - at < 64)
			m &= (1ull << (to - at)) - 1;
		for (; m; m &= m - 1) {
			uint32_t allocs = at + (uint32_t)__builtin_ctzll(m) - w->free;
			uint32_t back = b->back[w->free++], it = allocs - back;

			if (back && it >= w->first) {
				x->ended[s->index[it]]++;
			} else if (back) {
				dies(x, s->cell[s->index[it]], x->birth[it]);
			} else {
				dies(x, s->old[w->old], x->old_born[w->old]);
				w->old++;
			}
		}
	}
	w->event = to;
	w->alloc = to - w->free;
	mp_replay_count(x->r, made, w->alloc);
	for (uint32_t i = 0; i < s->locals; i++)
		if (s->net[i] || x->ended[i])
			lives(x, s->cell[i], (uint32_t)s->net[i], x->ended[i]);
}

/* How many events of the block have been applied when the sum is first highest, up
 * to event TO; 0: it is never above the peak. */
static uint32_t find_peak(
	struct mp_cut *x, const struct mp_block *b, struct walk *w, uint32_t to)
{
	const struct scratch *s = &x->r->s;
	uint64_t cur = x->r->scope->cur, best = x->r->scope->peak;
	uint32_t alloc = w->alloc, f = w->free, old = w->old, at = 0, back;

	for (uint32_t i = 0; !w->sized && i < s->locals; i++)
		x->size[i] = x->r->cell[s->cell[i]].size;
	w->sized = true;
	for (uint32_t i = w->event; i < to; i++) {
		if (!mp_bit(b->op, i)) {
			cur += x->size[s->index[alloc++]];
			if (cur > best) {
				best = cur;
				at = i + 1;
			}
		} else if ((back = b->back[f++]) != 0) {
			cur -= x->size[s->index[alloc - back]];
		} else {
			uint32_t id = s->old[old++];

			cur -= x->r->cell[id].live ? x->r->cell[id].size : 0;
		}
	}
	return at;
}

/* Events up to TO, all of the open bucket. */
static void apply_piece(struct mp_cut *x, const struct mp_block *b, struct walk *w, uint32_t to)
{
	struct scope *s = x->r->scope;
	uint32_t at = 0;

	if (b->max_live > s->peak) {
		bool told = b->position > w->event && b->position <= to;

		at = told ? b->position : find_peak(x, b, w, to);
		if (at) {
			apply(x, b, w, at);
			if (told && s->cur != b->max_live)
				mp_replay_mismatch(x->r);
		}
		if (s->cur > s->peak)
			mp_cut_peak(x, mp_block_time(b, at ? at - 1 : w->event));
	}
	if (to > w->event)
		apply(x, b, w, to);
}

static void end_processes(struct mp_cut *x, const struct mp_block *b, struct walk *w)
{
	for (; w->end < b->n_procend && b->procend[w->end].position <= w->event; w->end++)
		mp_cut_process_end(x, b->procend[w->end].value);
}

/* Into the bucket of the next event, and to its edge.  The header's times are not
 * looked at: a hostile one could be any. */
static void enter_next(struct mp_cut *x, const struct mp_block *b, struct walk *w)
{
	uint8_t age = mp_cut_age(x);
	int now = x->now;

	if (w->event < w->edge)
		return;
	while (w->run < b->n_time && w->run_end <= w->event)
		w->run_end += b->time[w->run++].length;
	mp_cut_enter(x, w->event < b->n ? b->time[w->run - 1].value : b->last_time);
	while (w->run < b->n_time && !mp_cut_is_past(x, b->time[w->run].value))
		w->run_end += b->time[w->run++].length;
	w->edge = w->run_end;
	if (x->now == now)
		return;
	memset(x->birth + w->first, age, w->alloc - w->first);
	w->first = w->alloc;
}

static void apply_pieces(struct mp_cut *x, const struct mp_block *b, uint32_t stop)
{
	struct walk w = {0};

	for (;;) {
		uint32_t to;

		if (w.event < stop || stop == b->n) {
			enter_next(x, b, &w);
			end_processes(x, b, &w);
		}
		if (w.event >= stop || x->r->failed)
			break;
		to = w.edge < stop ? w.edge : stop;
		if (w.end < b->n_procend && b->procend[w.end].position < to)
			to = b->procend[w.end].position;
		apply_piece(x, b, &w, to);
	}
	if (stop == b->n)
		give_slots(x, b, w.first);
}

/* What a partial unmap left is no allocation. */
static void take_partials(struct mp_cut *x, const struct mp_block *b, uint32_t stop)
{
	for (uint32_t i = 0; i < b->n_replace; i++) {
		uint32_t at = b->replace[i].position + !(b->replace[i].value >> 3);
		uint64_t time;

		if ((b->replace[i].value & 7) != MP_REPLACE_PARTIAL || at >= stop ||
			mp_bit(b->op, at))
			continue;
		time = mp_block_time(b, at);
		if (time >= x->t->from)
			mp_cut_partial(x, mp_cut_bucket(x, time),
				x->r->s.cell[x->r->s.index[mp_block_allocs(b, at)]]);
	}
}

/* ---- a block of events --------------------------------------------------------------- */

static void learn_times(struct mp_cut *x, const struct mp_block *b)
{
	const struct mp_window *w = &x->r->w;

	for (uint32_t i = 0; i < b->n_time; i++)
		if (mp_window_at(w, b->time[i].value) == MP_WITHIN)
			mp_cut_reach(x, b->time[i].value, true);
	if (mp_window_at(w, b->last_time) == MP_WITHIN) {
		uint32_t n = b->n_procend;

		mp_cut_reach(x, b->last_time, n && b->procend[n - 1].position == b->n);
	}
}

static bool prepare(struct mp_cut *x, const struct mp_block *b)
{
	struct replay *r = x->r;

	if (!mp_replay_scratch(r, b->n) || !reach(x, b->n) || !mp_replay_prepare(r, b) ||
		!mp_replay_slots(r, b->slots) || !mp_cut_cells(x))
		return !(r->failed = true);
	x->slots = b->slots > x->slots ? b->slots : x->slots;
	learn_times(x, b);
	return !r->failed;
}

void mp_cut_events(struct mp_cut *x, const struct mp_block *b)
{
	struct replay *r = x->r;
	uint32_t stop = mp_block_cut(b, r->w.to);

	r->stopped |= b->first_time >= r->w.to;
	if (r->stopped || b->n > MP_BLOCK_MAX || (b->n && !b->n_time) || !prepare(x, b))
		return;
	mp_cut_enter(x, b->n ? b->time[0].value : b->first_time);
	mp_replay_sum(r, b);
	if (r->scope->cur > r->scope->peak) /* corrected, after damage */
		mp_cut_peak(x, b->first_time);
	if (b->position > b->n)
		mp_replay_mismatch(r);
	look_up_old(x, b);
	if (!b->n || b->n_procend || stop < b->n || b->max_live > r->scope->peak ||
		mp_cut_is_past(x, b->time[b->n_time - 1].value)) {
		apply_pieces(x, b, stop);
	} else {
		apply_whole(x, b);
		give_slots(x, b, 0);
	}
	r->stopped |= stop < b->n;
	if (b->n_replace)
		take_partials(x, b, stop);
	if (r->scope->cur > r->scope->peak) {
		mp_replay_mismatch(r); /* the header hid a maximum */
		mp_cut_peak(x, b->last_time);
	}
}

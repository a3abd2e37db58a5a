/* filter_event.c - the allocations and frees of a trace that are kept.
 * Invariant: slot[] and made[] hold exactly the live blocks that are kept, each with
 * what the encoder knows it by, or before the window what a BASE block will say.
 */
#include "filter_own.h"

#include <string.h>

enum { PARTNER_MAX = 256 };             /* entries looked through for another half */
#define LONE (1ull << 48)               /* numbers of halves that had none */

/* ---- live blocks ------------------------------------------------------------------- */

static struct mp_kept *kept(struct mp_filter *f, uint32_t place)
{
	return place & MP_FILTER_MADE ? &f->made[place & ~MP_FILTER_MADE] : &f->slot[place];
}

void mp_filter_survivor(void *filter, uint32_t index, uint32_t slot)
{
	struct mp_filter *f = filter;

	kept(f, f->held[index])->ref = slot;
}

static void put_base(struct mp_filter *f, struct mp_kept *k)
{
	if (k->site)
		k->ref = mp_put_base(f->w, mp_map_site(&f->map, k->site),
				mp_map_thread(&f->map, k->ref));
}

int mp_filter_open(struct mp_filter *f, uint64_t time, uint32_t allocs)
{
	f->opened = true;
	f->beat = time;
	mp_enc_pass(f->w, f->window.from > f->base_time ? f->window.from : f->base_time);
	for (size_t i = 1; i < f->slots; i++)
		put_base(f, &f->slot[i]);
	for (uint32_t i = 0; i < allocs; i++)
		put_base(f, &f->made[i]);
	return mp_flush_base(f->w);
}

/* ---- replacements ------------------------------------------------------------------ */

/* Its interpreter is being torn down since before the window: that has to be said
 * before what it still allocates. */
static void announce(struct mp_filter *f, uint32_t site, uint64_t time)
{
	uint32_t process = f->map.from->site.x[site].process;

	if (process >= f->over_room || !f->over[process])
		return;
	f->over[process] = 0;
	mp_enc_mark(f->w, time, 0, mp_map_process(&f->map, process),
			mp_def_cstring(f->map.to, MP_FINALIZE), 0);
}

/* Whether the allocation at POSITION, ahead of W, will be kept. */
static bool keeps_at(struct mp_filter *f, const struct mp_walk *w, uint32_t position)
{
	struct mp_walk to = *w;
	uint32_t site;

	while (to.next <= position)
		mp_walk_next(&to);
	site = w->b->sites[w->b->site[to.it]];
	if (to.time >= f->window.to || !mp_filter_keeps(f, site, to.thread, f->number + 1 + to.it - w->allocs))
		return false;
	announce(f, site, w->time);     /* nothing may come between the halves */
	return true;
}

static bool is_free(const struct mp_block *b, uint32_t position)
{
	return b->op[position / 8] >> position % 8 & 1;
}

/* The free at hand is kept and entry K says that it is half of a replacement: the
 * other half, where it is in this block, is kept as well or this is a plain free. */
static void free_half(struct mp_filter *f, const struct mp_walk *w, uint32_t k)
{
	const struct mp_block *b = w->b;
	struct mp_enc *enc = &mp_binary(f->w)->enc;
	uint64_t value = b->replace[k].value;
	uint32_t end = b->n_replace - k > PARTNER_MAX ? k + PARTNER_MAX : b->n_replace;

	if (!(value >> 3)) {
		if (w->next == b->n || is_free(b, w->next) || !keeps_at(f, w, w->next))
			return;
	} else {
		for (uint32_t i = k + 1; i < end; i++) {
			uint32_t at = b->replace[i].position;

			if (b->replace[i].value == value && at > w->at && !is_free(b, at)) {
				if (!keeps_at(f, w, at))
					return;
				break;
			}
		}
	}
	enc->next_replace = (enum mp_replace)(value & 7);
	enc->next_number = value >> 3;
}

/* The same of the allocation at hand.  A partial one is never counted as an allocation,
 * so that it stays marked even alone. */
static void alloc_half(struct mp_filter *f, uint64_t value, bool free_kept)
{
	struct mp_enc *enc = &mp_binary(f->w)->enc;

	if (value >> 3) {
		enc->next_replace = (enum mp_replace)(value & 7);
		enc->next_number = value >> 3;
	} else if (!free_kept && (value & 7) == MP_REPLACE_PARTIAL) {
		enc->next_replace = MP_REPLACE_PARTIAL;
		enc->next_number = LONE + ++f->lone;
	}
}

/* ---- events ------------------------------------------------------------------------ */

/* The end of a process has the time of what comes after it in its block: nothing that
 * is later. */
void mp_filter_pass(struct mp_filter *f, uint64_t time)
{
	if (f->ending && time != f->end_time)
		mp_enc_close(f->w, false);
	f->ending = false;
}

static void put_alloc(struct mp_filter *f, uint32_t place, uint32_t site, uint32_t thread,
		uint64_t time)
{
	uint32_t to = mp_map_site(&f->map, site), ref;

	if (!to) {
		mp_writer_fail(f->w, "%s: out of memory", f->w->out.name);
		return;
	}
	mp_filter_pass(f, time);
	ref = mp_enc_alloc(f->w, time, mp_map_thread(&f->map, thread), to);
	*kept(f, place) = (struct mp_kept){ site, ref };
	if (ref & MP_REF_OPEN)
		f->held[ref & ~MP_REF_OPEN] = place;
}

static void put_free(struct mp_filter *f, struct mp_kept *k, uint32_t thread, uint64_t time)
{
	mp_filter_pass(f, time);
	mp_enc_free(f->w, time, mp_map_thread(&f->map, thread), k->ref,
			mp_map_site(&f->map, k->site));
	k->site = 0;
}

/* The event W is at; K: the entry of replace[] that is at or behind it. */
static void event(struct mp_filter *f, const struct mp_walk *w, uint32_t k, bool *half)
{
	const struct mp_block *b = w->b;
	bool entry = k < b->n_replace && b->replace[k].position == w->at;
	bool beside = k && b->replace[k - 1].position + 1 == w->at &&
		!(b->replace[k - 1].value >> 3);
	struct mp_kept *it;
	uint32_t site;

	if (w->free) {
		it = w->inside ? &f->made[w->it] : &f->slot[w->it];
		*half = false;
		if (it->site && f->opened) {
			if (entry)
				free_half(f, w, k);
			*half = mp_binary(f->w)->enc.next_replace != 0;
			put_free(f, it, w->thread, w->time);
		}
		it->site = 0;
		return;
	}
	site = b->sites[b->site[w->it]];
	f->made[w->it] = (struct mp_kept){ 0, 0 };
	if (mp_filter_keeps(f, site, w->thread, ++f->number)) {
		if (!f->opened) {
			f->made[w->it] = (struct mp_kept){ site, w->thread };
		} else {
			announce(f, site, w->time);
			if (entry || beside)
				alloc_half(f, b->replace[entry ? k : k - 1].value, *half);
			put_alloc(f, MP_FILTER_MADE | w->it, site, w->thread, w->time);
		}
	}
	*half = false;
}

static void release(struct mp_filter *f, struct mp_kept *k, uint32_t process)
{
	if (!k->site || f->map.from->site.x[k->site].process != process)
		return;
	if (f->opened)
		mp_enc_release(f->w, k->ref, mp_map_site(&f->map, k->site));
	k->site = 0;
}

static void procend(struct mp_filter *f, uint32_t process, uint64_t time, uint32_t allocs)
{
	if (process > f->map.from->process.n)
		return;
	if (f->opened) {
		if (!mp_choose_process(f->choice, process))
			return;
		mp_filter_pass(f, time);
		f->ending = true;
		f->end_time = time;
		mp_enc_procend(f->w, time, mp_map_process(&f->map, process));
	}
	for (size_t i = 1; i < f->slots; i++)
		release(f, &f->slot[i], process);
	for (uint32_t i = 0; i < allocs; i++)
		release(f, &f->made[i], process);
}

/* The thread, of the output, that allocated K. */
static uint32_t thread_of(const struct mp_filter *f, const struct mp_kept *k)
{
	const struct mp_enc *enc = &mp_binary(f->w)->enc;
	uint32_t thread = k->ref & MP_REF_OPEN ? enc->made[k->ref & ~MP_REF_OPEN].thread :
		enc->slot[k->ref].thread;

	return thread & ~MP_FROM_BASE;
}

/* Damage took the free of K: it ends now. */
static void lost_free(struct mp_filter *f, struct mp_kept *k, uint64_t time)
{
	if (k->site && f->opened)
		mp_enc_free(f->w, time, thread_of(f, k), k->ref, mp_map_site(&f->map, k->site));
	k->site = 0;
}

/* What lives on moves from made[] to slot[]. */
static void settle(struct mp_filter *f, const struct mp_block *b)
{
	struct mp_survivors s = { .b = b };

	while (mp_survivors_next(&s)) {
		struct mp_kept k;

		lost_free(f, &f->slot[s.slot], b->last_time);
		k = f->made[s.alloc];
		f->slot[s.slot] = k;
		if (k.site && f->opened && k.ref & MP_REF_OPEN)
			f->held[k.ref & ~MP_REF_OPEN] = s.slot;
	}
}

int mp_filter_events(struct mp_filter *f, const struct mp_block *b)
{
	struct mp_walk w = mp_walk_begin(b);
	uint32_t ends = 0, k = 0;
	bool half = false, more;

	if (!mp_room(f->r, &f->made, &f->made_room, (size_t)b->n_alloc + 1, sizeof(*f->made)))
		return -1;
	do {
		uint64_t time = mp_walk_time(&w);

		if (!f->opened && time >= f->window.from && mp_filter_open(f, time, w.allocs))
			return -1;
		if (time >= f->window.to) {
			f->stopped = true;
			break;
		}
		for (; ends < b->n_procend && b->procend[ends].position == w.next; ends++)
			procend(f, (uint32_t)b->procend[ends].value, time, w.allocs);
		more = mp_walk_next(&w);
		if (!more)
			break;
		while (k < b->n_replace && b->replace[k].position < w.at)
			k++;
		event(f, &w, k, &half);
	} while (more);
	if (!f->stopped)
		settle(f, b);
	return mp_writer_error(f->w) || mp_choice_failed(f->choice) ? -1 : 0;
}

/* ---- after damage ------------------------------------------------------------------ */

/* The block in SLOT is another than was known: that one's free was lost, and this
 * one's allocation.  Both happen now.  SITE 0: there is none. */
static void correct_slot(struct mp_filter *f, uint32_t slot, uint32_t site, uint32_t thread,
		uint64_t time)
{
	struct mp_kept *k = &f->slot[slot];

	if (k->site == site && (!site || (f->opened ?
	    thread_of(f, k) == mp_map_thread(&f->map, thread) : k->ref == thread)))
		return;
	lost_free(f, k, time);
	/* what lifetime it has is not known */
	if (!site || f->lives || !mp_filter_keeps(f, site, thread, 0))
		return;
	if (f->opened)
		put_alloc(f, slot, site, thread, time);
	else
		*k = (struct mp_kept){ site, thread };
}

int mp_filter_correct(struct mp_filter *f, const struct mp_block *b)
{
	uint32_t run = 0, left = b->n_c_thread ? b->c_thread[0].length : 0, at = 0;

	for (uint32_t i = 1; i < f->slots; i++) {
		if (at == b->n || b->c_slot[at] != i || run == b->n_c_thread) {
			correct_slot(f, i, 0, 0, b->first_time);
			continue;
		}
		correct_slot(f, i, (uint32_t)b->c_site[at++], (uint32_t)b->c_thread[run].value,
				b->first_time);
		if (!--left && ++run < b->n_c_thread)
			left = b->c_thread[run].length;
	}
	return mp_writer_error(f->w) ? -1 : 0;
}

/* summary_live.c - live bytes through a block of events, by what they are, for every
 * time in it.
 * Invariant: live[0] begins each block as its header says, so that an error made in
 * one block does not outlast it.
 */
#include "summary_own.h"

#include <stdlib.h>
#include <string.h>

static inline void change(int64_t *live, int64_t bytes)
{
	*live = (int64_t)((uint64_t)*live + (uint64_t)bytes);
}

/* COUNT blocks more of SITE. */
static void change_site(const struct mp_summary_own *o, uint32_t site, int64_t count, int64_t *live)
{
	const struct mp_site *s = &o->tree->site.x[site];
	int64_t bytes = (int64_t)((mp_site_bytes(s) & INT64_MAX) * (uint64_t)count);
	enum summary_class class = SUMMARY_BLOCK;

	if (s->kind >= MP_ALLOC_MMAP)   /* all before are blocks */
		class = summary_class(o->tree, s->kind);
	if (class < SUMMARY_ARENA)
		change(live, bytes);
	if (class)
		change(&live[class], bytes);
}

/* The site of the block that was in the slot of b->old[I]; 0: not known. */
static uint32_t old_site(struct mp_summary_own *o, const struct mp_block *b, uint32_t i)
{
	uint32_t cell = o->local->cell[i], site;
	struct mp_slot_entry *e;

	if (cell)
		return o->r->cell[cell].site;
	e = mp_slot_find(&o->others, b->old[i]);
	if (!e)
		return 0;
	site = e->value;
	mp_slot_remove(&o->others, e);
	return site;
}

/* Events up to TO, where no process ends. */
static void apply(struct mp_summary_own *o, const struct mp_block *b, struct summary_walk *w,
	uint32_t to)
{
	const struct summary_local *l = o->local;
	int64_t *live = o->live;
	uint64_t sum = 0;

	for (uint32_t at = w->event & ~63u; at < to; at += 64) {
		uint64_t m = summary_frees(b, at, to);

		if (at < w->event)
			m &= ~0ull << (w->event - at);
		for (; m; m &= m - 1) {
			uint32_t alloc = at + (uint32_t)__builtin_ctzll(m) - w->free;
			uint32_t back = b->back[w->free++], i;

			if (!back) {
				change_site(o, old_site(o, b, w->old++), -1, live);
				continue;
			}
			i = b->site[alloc - back];
			if (l->classes && l->class[i])
				change_site(o, b->sites[i], -1, live);
			else
				sum -= l->size[i];
		}
	}
	w->event = to;
	for (; w->alloc < to - w->free; w->alloc++) {
		uint32_t i = b->site[w->alloc];

		if (l->classes && l->class[i])
			change_site(o, b->sites[i], 1, live);
		else
			sum += l->size[i];
	}
	change(live, (int64_t)sum);
}

/* ---- processes that end in the middle of a block ---------------------------------------- */

/* What processes that end in the block hold, from its start on. */
struct ending {
	uint32_t *of;   /* process -> place in HOLDS, + 1; all 0 between blocks */
	int64_t (*holds)[SUMMARY_CLASSES];
	uint32_t n;
};

static bool begin_endings(struct mp_summary_own *o, const struct mp_block *b, struct ending *x)
{
	const struct mp_site *site = o->tree->site.x;

	o->ending = summary_room(
		o->ending, &o->ending_room, o->tree->process.n + 1, sizeof(*o->ending));
	x->n = 0;
	x->of = o->ending;
	x->holds = calloc(b->n_procend, sizeof(*x->holds));
	if (!x->of || !x->holds)
		return false;
	for (uint32_t i = 0; i < b->n_procend; i++) {
		uint64_t p = b->procend[i].value;

		if (!p || p > o->tree->process.n || x->of[p])
			continue;
		x->of[p] = ++x->n;
		/* the replay has not seen processes of this block yet */
		for (uint32_t k = p < o->r->process_room ? o->r->of_process[p] : 0; k;
			k = o->r->next[k])
			change_site(o, o->r->cell[k].site, o->r->cell[k].live,
				x->holds[x->n - 1]);
	}
	for (uint32_t k = 0; o->others.n && k <= o->others.mask; k++) {
		uint32_t at = x->of[site[o->others.x[k].value].process];

		if (o->others.x[k].slot && at)
			change_site(o, o->others.x[k].value, 1, x->holds[at - 1]);
	}
	return true;
}

/* The slots of what does not count, of the ended ones. */
static void end_endings(struct mp_summary_own *o, const struct mp_block *b, struct ending *x)
{
	const struct mp_site *site = o->tree->site.x;

	for (uint32_t k = 0; o->others.n && k <= o->others.mask; k++) {
		struct mp_slot_entry *e = &o->others.x[k];

		/* what moves up into its place is looked at, too */
		while (e->slot && x->of[site[e->value].process])
			mp_slot_remove(&o->others, e);
	}
	for (uint32_t i = 0; i < b->n_procend; i++)
		if (b->procend[i].value <= o->tree->process.n)
			x->of[b->procend[i].value] = 0;
}

static void apply_one(struct mp_summary_own *o, const struct mp_block *b, struct summary_walk *w,
	struct ending *x)
{
	bool freed = mp_bit(b->op, w->event++);
	uint32_t back = freed ? b->back[w->free++] : 0, site, at;

	if (freed && !back)
		site = old_site(o, b, w->old++);
	else
		site = b->sites[b->site[w->alloc - back]];
	w->alloc += !freed;
	change_site(o, site, freed ? -1 : 1, o->live);
	at = x->of[o->tree->site.x[site].process];
	if (at)
		change_site(o, site, freed ? -1 : 1, x->holds[at - 1]);
}

/* Procends at the position of the walk; END: the next one. */
static uint32_t end_processes(struct mp_summary_own *o, const struct mp_block *b, uint32_t end,
	uint32_t position, struct ending *x)
{
	for (; end < b->n_procend && b->procend[end].position <= position; end++) {
		uint64_t p = b->procend[end].value;
		int64_t *holds = p <= o->tree->process.n && x->of[p] ? x->holds[x->of[p] - 1] : NULL;

		for (int k = 0; holds && k < SUMMARY_CLASSES; k++)
			change(&o->live[k], (int64_t)(0 - (uint64_t)holds[k]));
		if (holds)
			memset(holds, 0, sizeof(*x->holds));
	}
	return end;
}

static int with_ends(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;
	struct summary_walk w = {0, 0, 0, 0};
	struct ending x;
	uint32_t end = 0;
	int status = 0;

	if (!begin_endings(o, b, &x))
		status = summary_fail(s, "out of memory");
	for (uint32_t i = 0; !status && i < b->n_time; i++) {
		for (uint32_t k = 0; k < b->time[i].length; k++) {
			end = end_processes(o, b, end, w.event, &x);
			apply_one(o, b, &w, &x);
		}
		status = summary_moment(s, b->time[i].value);
	}
	if (!status && end < b->n_procend) {
		end_processes(o, b, end, b->n, &x);
		status = summary_moment(s, b->last_time);
	}
	if (!status)
		end_endings(o, b, &x);
	free(x.holds);
	return status;
}

/* ---- a block ------------------------------------------------------------------------------ */

/* The slots of blocks that do not count are nobody else's to know. */
static int keep_others(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;

	for (uint32_t j = 0; j < b->n_alloc; j++) {
		uint32_t i = b->site[j];

		if (!b->gone[j] && o->local->class[i] >= SUMMARY_ARENA && o->local->slot[j] &&
			!mp_slot_set(&o->others, o->local->slot[j], b->sites[i]))
			return summary_fail(s, "out of memory");
	}
	return 0;
}

int summary_live(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;
	struct summary_walk w = {0, 0, 0, 0};
	int status = 0;

	o->live[0] = (int64_t)b->live_bytes;
	if (!o->moments)
		status = summary_moment(s, 0);
	summary_heap_passed(s, b->first_time);
	if (b->n_procend)
		status = status ? -1 : with_ends(s, b);
	else
		for (uint32_t i = 0; !status && i < b->n_time; i++) {
			apply(o, b, &w, w.event + b->time[i].length);
			status = summary_moment(s, b->time[i].value);
		}
	return status || !o->local->others ? status : keep_others(s, b);
}

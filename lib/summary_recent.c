/* summary_recent.c - temporary allocations without a table of live blocks: freed
 * with at most one other allocation of the thread in between is to be one of its
 * last two.
 * Invariant: a slot in last[] holds the block it was saved for; saved maps those
 * slots, and only those, to their thread.
 */
#include "summary_own.h"

#include <string.h>

static void forget(struct mp_summary_own *o, uint64_t id)
{
	struct mp_slot_entry *e = id < SUMMARY_OPEN ? mp_slot_find(&o->saved, (uint32_t)id) : NULL;

	if (e)
		mp_slot_remove(&o->saved, e);
}

static void push(struct mp_summary_own *o, struct summary_last *l, uint32_t alloc)
{
	forget(o, l->id[1]);
	l->id[1] = l->id[0];
	l->id[0] = SUMMARY_OPEN | alloc;
}

static void hit(struct mp_summary *s, uint64_t size)
{
	s->temporary.bytes = (int64_t)((uint64_t)s->temporary.bytes + size);
	s->temporary.count++;
}

static uint64_t old_size(const struct mp_summary_own *o, uint32_t i)
{
	return o->tree->site.x[o->r->cell[o->local->cell[i]].site].size;
}

/* Whether ID is one of the thread's last two, BETWEEN allocations after LAST. */
static bool recent(const struct summary_last *l, uint64_t id, uint32_t between)
{
	return id && between < 2 && (l->id[0] == id || (!between && l->id[1] == id));
}

/* Events of one thread, all counted, none of a partial unmap. */
static void plain(struct mp_summary *s, const struct mp_block *b, struct summary_last *l,
	struct summary_walk *w, uint32_t to)
{
	struct mp_summary_own *o = s->own;
	uint32_t first = w->alloc;

	for (uint32_t at = w->event & ~63u; at < to; at += 64) {
		uint64_t m = summary_frees(b, at, to);

		if (at < w->event)
			m &= ~0ull << (w->event - at);
		for (; m; m &= m - 1) {
			uint32_t alloc = at + (uint32_t)__builtin_ctzll(m) - w->free;
			uint32_t back = b->back[w->free++], own = alloc - first;

			if (back && back <= own) {
				if (back <= 2)
					hit(s, o->local->size[b->site[alloc - back]]);
			} else if (back) {
				if (recent(l, SUMMARY_OPEN | (alloc - back), own))
					hit(s, o->local->size[b->site[alloc - back]]);
			} else {
				if (recent(l, b->old[w->old], own))
					hit(s, old_size(o, w->old));
				w->old++;
			}
		}
	}
	w->event = to;
	w->alloc = to - w->free;
	if (w->alloc - first > 1)
		push(o, l, w->alloc - 2);
	if (w->alloc > first)
		push(o, l, w->alloc - 1);
}

/* The same event by event, where some do not count. */
static void mixed(struct mp_summary *s, const struct mp_block *b, struct summary_last *l,
	struct summary_walk *w, uint32_t to)
{
	struct mp_summary_own *o = s->own;

	for (; w->event < to; w->event++) {
		bool skip = o->local->partial && o->local->skip[w->event];
		uint32_t back, alloc = w->alloc;

		if (!mp_bit(b->op, w->event)) {
			if (!skip && o->local->class[b->site[alloc]] < SUMMARY_ARENA)
				push(o, l, alloc);
			w->alloc++;
			continue;
		}
		back = b->back[w->free++];
		if (back && !skip && recent(l, SUMMARY_OPEN | (alloc - back), 0))
			hit(s, o->local->size[b->site[alloc - back]]);
		if (back)
			continue;
		if (!skip && recent(l, b->old[w->old], 0))
			hit(s, old_size(o, w->old));
		w->old++;
	}
}

/* A slot that was freed may be another block's after this one. */
static void drop_freed(struct mp_summary_own *o, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n_old; i++) {
		struct mp_slot_entry *e = mp_slot_find(&o->saved, b->old[i]);
		struct summary_last *l;

		if (!e)
			continue;
		l = &o->last[e->value];
		for (int k = 0; k < 2; k++)
			if (l->id[k] == e->slot)
				l->id[k] = 0;
		mp_slot_remove(&o->saved, e);
	}
}

/* What lives on is known by its slot from here on. */
static bool save(struct mp_summary_own *o, const struct mp_block *b, uint32_t thread)
{
	struct summary_last *l = &o->last[thread];

	for (int k = 0; k < 2; k++) {
		uint32_t alloc = (uint32_t)l->id[k], slot;
		struct mp_slot_entry *e;

		if (l->id[k] < SUMMARY_OPEN)
			continue;
		slot = b->gone[alloc] ? 0 : o->local->slot[alloc];
		l->id[k] = slot;
		e = mp_slot_find(&o->saved, slot);
		if (e && e->value != thread)    /* of a process that ended */
			for (int i = 0; i < 2; i++)
				if (o->last[e->value].id[i] == slot)
					o->last[e->value].id[i] = 0;
		if (slot && !mp_slot_set(&o->saved, slot, thread))
			return false;
	}
	return true;
}

int summary_recent(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;
	struct mp_run whole = {.length = b->n, .value = 1};
	const struct mp_run *run = b->n_thread ? b->thread : &whole;
	uint32_t runs = b->n_thread ? b->n_thread : 1, threads = o->tree->thread.n + 1;
	struct summary_walk w = {0, 0, 0, 0};

	o->last = summary_room(o->last, &o->last_room, threads, sizeof(*o->last));
	if (!o->last)
		return summary_fail(s, "out of memory");
	if (b->resync) {
		memset(o->last, 0, o->last_room * sizeof(*o->last));
		mp_slot_map_free(&o->saved);
	}
	for (uint32_t i = 0; i < runs; i++) {
		uint32_t thread = run[i].value < threads ? (uint32_t)run[i].value : 0;
		uint32_t to = w.event + run[i].length;

		if (o->local->others || o->local->partial)
			mixed(s, b, &o->last[thread], &w, to);
		else
			plain(s, b, &o->last[thread], &w, to);
	}
	drop_freed(o, b);
	for (uint32_t i = 0; i < runs; i++)
		if (!save(o, b, run[i].value < threads ? (uint32_t)run[i].value : 0))
			return summary_fail(s, "out of memory");
	return 0;
}

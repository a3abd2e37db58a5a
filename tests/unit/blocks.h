/* blocks.h - events to blocks as a reader would hand them out, for tests of the
 * views without a file in between.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "history.h"

struct blocks {
	const struct mp_tree *t;
	const struct ev *ev;
	uint32_t n_ev;
	struct mp_block *block;
	uint32_t n;
	uint32_t *slot_of; /* ALLOC index -> slot, 0 none yet */
	bool *live;        /* ALLOC index -> live */
	uint32_t *spare, spares, high;
	uint64_t cur, blocks;
	uint32_t finalize;             /* the string */
	uint32_t *local, *local_block; /* site -> index in the block that has the number */
};

static void *blocks_zero(size_t n, size_t size)
{
	void *p = calloc(n + 8, size);

	if (!p)
		abort();
	return p;
}

static void blocks_free(struct blocks *x)
{
	for (uint32_t i = 0; i < x->n; i++) {
		const struct mp_block *b = &x->block[i];
		const void *piece[] = {b->op, b->site, b->sites, b->back, b->old, b->new_,
			b->thread, b->time, b->replace, b->procend, b->gone, b->s_time, b->s_process,
			b->s_name, b->c_slot, b->c_site, b->c_thread};

		for (size_t k = 0; k < sizeof(piece) / sizeof(*piece); k++)
			free((void *)(uintptr_t)piece[k]);
	}
	free(x->block);
	free(x->slot_of);
	free(x->live);
	free(x->spare);
	free(x->local);
	free(x->local_block);
}

static bool blocks_counted(const struct blocks *x, uint32_t alloc)
{
	return mp_counts(x->t, x->t->site.x[x->ev[alloc].site].kind);
}

static void blocks_change(struct blocks *x, uint32_t alloc, bool live)
{
	const struct mp_site *s = &x->t->site.x[x->ev[alloc].site];
	uint64_t size = mp_site_bytes(s), weight = mp_site_weight(s);

	x->live[alloc] = live;
	if (!blocks_counted(x, alloc))
		return;
	x->cur += live ? size : 0 - size;
	x->blocks += live ? weight : 0 - weight;
}

static struct mp_block *blocks_new(struct blocks *x, enum mp_block_kind kind, uint32_t time)
{
	struct mp_block *b;

	x->block = realloc(x->block, (x->n + 1) * sizeof(*x->block));
	if (!x->block)
		abort();
	b = &x->block[x->n++];
	memset(b, 0, sizeof(*b));
	b->kind = kind;
	b->first_time = b->last_time = time;
	b->live_bytes = b->max_live = x->cur;
	b->live_blocks = x->blocks;
	return b;
}

/* A process ends: its blocks die, the slots of older ones are spare again. */
static void blocks_end_process(struct blocks *x, uint32_t process, uint32_t first, uint32_t now)
{
	for (uint32_t a = 0; a < now; a++) {
		if (x->ev[a].op != EV_ALLOC || !x->live[a] ||
			x->t->site.x[x->ev[a].site].process != process)
			continue;
		blocks_change(x, a, false);
		if (a < first && x->slot_of[a])
			x->spare[x->spares++] = x->slot_of[a];
	}
}

/* Events from FIRST to END (none of them a mark) as one block. */
static void blocks_events(struct blocks *x, uint32_t first, uint32_t end)
{
	struct mp_block *b =
		blocks_new(x, MP_BLOCK_EVENTS, first < end ? x->ev[first].time : 0);
	uint32_t n = end - first, *order = blocks_zero(n, 4), at = 0, k;
	uint8_t *op = blocks_zero(n, 1), *gone = blocks_zero(n, 1);
	uint16_t *site = blocks_zero(n, 2), *back = blocks_zero(n, 2);
	uint32_t *sites = blocks_zero(n, 4), *old = blocks_zero(n, 4), *new = blocks_zero(n, 4);
	struct mp_run *thread = blocks_zero(n, sizeof(*thread)),
		      *time = blocks_zero(n, sizeof(*time));
	struct mp_pair *replace = blocks_zero(n, sizeof(*replace));
	struct mp_pair *procend = blocks_zero(n, sizeof(*procend));

	for (uint32_t i = first; i < end; i++) {
		const struct ev *e = &x->ev[i];

		b->last_time = e->time;
		if (e->op == EV_END) {
			procend[b->n_procend++] = (struct mp_pair){at, e->process};
			blocks_end_process(x, e->process, first, i);
			continue;
		}
		if (!b->n_thread || thread[b->n_thread - 1].value != e->thread)
			thread[b->n_thread++].value = e->thread;
		thread[b->n_thread - 1].length++;
		if (!b->n_time || time[b->n_time - 1].value != e->time)
			time[b->n_time++].value = e->time;
		time[b->n_time - 1].length++;
		if (e->op == EV_ALLOC) {
			if (x->local_block[e->site] != x->n) {
				x->local_block[e->site] = x->n;
				x->local[e->site] = b->n_sites;
				sites[b->n_sites++] = e->site;
			}
			site[b->n_alloc] = (uint16_t)x->local[e->site];
			order[i - first] = b->n_alloc++;
			if (e->partial)
				replace[b->n_replace++] =
					(struct mp_pair){at, 8 + MP_REPLACE_PARTIAL};
			blocks_change(x, i, true);
		} else {
			op[at / 8] |= (uint8_t)(1 << at % 8);
			if (e->ref != UINT32_MAX && e->ref >= first) {
				back[b->n_free] =
					(uint16_t)(b->n_alloc - order[e->ref - first]);
			} else {
				old[b->n_old++] = e->ref == UINT32_MAX ? 0 : x->slot_of[e->ref];
			}
			b->n_free++;
			if (e->ref != UINT32_MAX)
				blocks_change(x, e->ref, false);
		}
		at++;
		if (x->cur > b->max_live) {
			b->max_live = x->cur;
			b->position = at;
		}
	}
	b->n = at;
	k = 0;
	for (uint32_t i = first; i < end; i++) {
		if (x->ev[i].op != EV_ALLOC)
			continue;
		gone[order[i - first]] = !x->live[i]; /* freed, or its process ended */
		if (!x->live[i])
			continue;
		while (k < b->n_old && !old[k])
			k++;
		if (k < b->n_old) {
			x->slot_of[i] = old[k++];
		} else {
			x->slot_of[i] = x->spares ? x->spare[--x->spares] : ++x->high;
			new[b->n_new++] = x->slot_of[i];
		}
	}
	for (; k < b->n_old; k++)
		if (old[k])
			x->spare[x->spares++] = old[k];
	b->slots = x->high + 1;
	b->op = op, b->site = site, b->sites = sites, b->back = back, b->old = old,
	b->new_ = new, b->gone = gone;
	b->thread = thread, b->time = time, b->replace = replace, b->procend = procend;
	free(order);
}

static void blocks_finalize(struct blocks *x, const struct ev *e)
{
	struct mp_block *b = blocks_new(x, MP_BLOCK_MARKS, e->time);
	uint64_t *time = blocks_zero(1, 8), *process = blocks_zero(1, 8),
		 *name = blocks_zero(1, 8);

	*time = e->time;
	*process = e->process;
	*name = x->finalize;
	b->n = 1;
	b->s_time = time, b->s_process = process, b->s_name = name;
}

/* Every live block, as a checkpoint or a base. */
static inline void blocks_snapshot(struct blocks *x, enum mp_block_kind kind, uint32_t time)
{
	struct mp_block *b = blocks_new(x, kind, time);
	uint64_t *slot = blocks_zero(x->n_ev, 8), *site = blocks_zero(x->n_ev, 8);
	struct mp_run *thread = blocks_zero(x->n_ev, sizeof(*thread));

	for (uint32_t i = 0; i < x->n_ev; i++) {
		if (x->ev[i].op != EV_ALLOC || !x->live[i])
			continue;
		slot[b->n] = x->slot_of[i];
		site[b->n] = x->ev[i].site;
		thread[b->n] = (struct mp_run){1, x->ev[i].thread};
		b->n_c_thread = ++b->n;
	}
	b->slots = x->high + 1;
	b->c_slot = slot, b->c_site = site, b->c_thread = thread;
}

static void blocks_begin(struct blocks *x, struct mp_tree *t, const struct ev *ev, uint32_t n)
{
	memset(x, 0, sizeof(*x));
	x->t = t;
	x->ev = ev;
	x->n_ev = n;
	x->slot_of = blocks_zero(n, sizeof(*x->slot_of));
	x->live = blocks_zero(n, 1);
	x->spare = blocks_zero(n + 1, sizeof(*x->spare));
	x->local = blocks_zero(t->site.n + 1, sizeof(*x->local));
	x->local_block = blocks_zero(t->site.n + 1, sizeof(*x->local_block));
	x->finalize = mp_def_cstring(t, "finalize");
}

#endif

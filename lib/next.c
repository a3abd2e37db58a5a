/* next.c - mp_next: the events of a part one by one, from its blocks.
 * Invariant: slot[] holds for every live block of earlier blocks of events what a
 * free of it has to tell.
 */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#define SIDE_BY_SIDE (1ull << 59)       /* numbers of replacements that have none */

/* EPOCH: how often the site's process had ended; of another epoch than now, the
 * block ended with it. */
struct live { uint64_t number; uint32_t site, epoch; };
enum { PAGE = 4096 };

struct mp_next {
	const struct mp_block *block;
	uint32_t at, allocs, frees, old;        /* done in the block */
	uint32_t time, thread, outside, replace, procend;       /* entry at hand */
	uint32_t time_left, thread_left;
	struct live **page;
	size_t pages;
	uint32_t *epoch;                /* by process */
	size_t processes;
	uint64_t *number;               /* of the block's allocations */
	size_t number_room;
	uint64_t made;                  /* allocations so far */
	uint64_t pair;                  /* number for the event after a lone free */
	uint32_t pair_reason;
};

void mp_next_reset(struct mp_reader *r)
{
	struct mp_next *n = r->next;

	if (!n)
		return;
	for (size_t i = 0; i < n->pages; i++)
		free(n->page[i]);
	free(n->page);
	free(n->epoch);
	free(n->number);
	memset(n, 0, sizeof(*n));
}

/* ---- slots ----------------------------------------------------------------------- */

/* The entry of SLOT; NULL when memory is out. */
static struct live *slot_of(struct mp_reader *r, uint32_t slot)
{
	struct mp_next *n = r->next;
	size_t had = n->pages;

	if (slot / PAGE >= n->pages) {
		if (!mp_room(r, &n->page, &n->pages, slot / PAGE + 1, sizeof(*n->page)))
			return NULL;
		memset(n->page + had, 0, (n->pages - had) * sizeof(*n->page));
	}
	if (!n->page[slot / PAGE]) {
		n->page[slot / PAGE] = calloc(PAGE, sizeof(struct live));
		if (!n->page[slot / PAGE]) {
			mp_reader_fail(r, "%s: out of memory", r->name);
			return NULL;
		}
	}
	return &n->page[slot / PAGE][slot % PAGE];
}

/* Epochs of all processes there are. */
static bool reach(struct mp_reader *r)
{
	struct mp_next *n = r->next;
	size_t had = n->processes;

	if (!mp_room(r, &n->epoch, &n->processes, r->tree->process.n + 1, sizeof(*n->epoch)))
		return false;
	memset(n->epoch + had, 0, (n->processes - had) * sizeof(*n->epoch));
	return true;
}

static uint32_t epoch_of(const struct mp_reader *r, uint32_t site)
{
	return r->next->epoch[r->tree->site.x[site].process];
}

/* The block of events is done: what lives on gets its slot. */
static int close_events(struct mp_reader *r)
{
	struct mp_next *n = r->next;
	const struct mp_block *b = n->block;
	uint32_t from_old = 0, from_new = 0;

	for (uint32_t i = 0; i < b->n_alloc; i++) {
		struct live *l;

		if (b->gone[i])
			continue;
		while (from_old < b->n_old && !b->old[from_old])
			from_old++;
		l = slot_of(r, from_old < b->n_old ? b->old[from_old++] : b->new_[from_new++]);
		if (!l)
			return -1;
		*l = (struct live){ n->number[i], b->sites[b->site[i]],
			epoch_of(r, b->sites[b->site[i]]) };
	}
	return 0;
}

/* ---- events ---------------------------------------------------------------------- */

static void fill_site(const struct mp_tree *t, struct mp_event *e, uint32_t site)
{
	const struct mp_site *s = &t->site.x[site];

	e->site = site;
	e->size = s->size;
	e->weight = mp_site_weight(s);
	e->node = s->node;
	e->kind = s->kind;
	e->type = s->type;
	e->process = s->process;
}

static void fill_thread(const struct mp_tree *t, struct mp_event *e, uint64_t thread)
{
	e->thread = (uint32_t)thread;
	if (thread && thread <= t->thread.n && !e->process)
		e->process = t->thread.x[thread].process;
}

static void fill_replace(struct mp_next *n, struct mp_event *e, uint64_t position)
{
	const struct mp_block *b = n->block;

	if (n->pair_reason && e->op == MP_OP_ALLOC) {
		e->replace = n->pair_reason;
		e->replace_number = n->pair;
	}
	n->pair_reason = 0;
	if (n->replace >= b->n_replace || b->replace[n->replace].position != position)
		return;
	e->replace = b->replace[n->replace].value & 7;
	e->replace_number = b->replace[n->replace++].value >> 3;
	if (!e->replace_number) {
		e->replace_number = SIDE_BY_SIDE | (b->before + position + 1);
		n->pair = e->replace_number;
		n->pair_reason = e->replace;
	}
}

static int put_free(struct mp_reader *r, struct mp_event *e)
{
	struct mp_next *n = r->next;
	const struct mp_block *b = n->block;
	uint32_t back = b->back[n->frees++], index = n->allocs - back;
	struct live *l;

	e->op = MP_OP_FREE;
	if (back) {
		e->block = n->number[index];
		fill_site(r->tree, e, b->sites[b->site[index]]);
		return 0;
	}
	if (b->old[n->old]) {
		l = slot_of(r, b->old[n->old++]);
		if (!l)
			return -1;
		if (l->site && l->epoch == epoch_of(r, l->site)) {
			e->block = l->number;
			fill_site(r->tree, e, l->site);
		}
		*l = (struct live){ 0, 0, 0 };
		return 0;
	}
	n->old++;
	while (n->outside < b->n_outside && b->outside[n->outside].position < n->at)
		n->outside++;
	if (n->outside < b->n_outside && b->outside[n->outside].position == n->at)
		fill_site(r->tree, e, (uint32_t)b->outside[n->outside++].value);
	return 0;
}

/* The next event of a block of events; 0 if there is none. */
static int events(struct mp_reader *r, struct mp_event *e)
{
	struct mp_next *n = r->next;
	const struct mp_block *b = n->block;

	if (n->procend < b->n_procend && b->procend[n->procend].position == n->at) {
		e->op = MP_OP_PROCEND;
		e->process = (uint32_t)b->procend[n->procend++].value;
		e->time = n->at < b->n ? b->time[n->time].value : b->last_time;
		n->epoch[e->process]++;
		return 1;
	}
	if (n->at == b->n)
		return close_events(r);
	if (b->op[n->at / 8] >> n->at % 8 & 1) {
		if (put_free(r, e))
			return -1;
	} else {
		e->op = MP_OP_ALLOC;
		e->block = n->number[n->allocs] = ++n->made;
		fill_site(r->tree, e, b->sites[b->site[n->allocs++]]);
	}
	e->time = b->time[n->time].value;
	if (!--n->time_left && ++n->time < b->n_time)
		n->time_left = b->time[n->time].length;
	fill_thread(r->tree, e, b->n_thread ? b->thread[n->thread].value : 1);
	if (b->n_thread && !--n->thread_left && ++n->thread < b->n_thread)
		n->thread_left = b->thread[n->thread].length;
	fill_replace(n, e, n->at++);
	return 1;
}

/* The next record of another block; 0 if there is none. */
static int others(struct mp_reader *r, struct mp_event *e)
{
	struct mp_next *n = r->next;
	const struct mp_block *b = n->block;
	uint32_t i = n->at++;

	if (i >= b->n)
		return 0;
	e->op = b->kind == MP_BLOCK_SAMPLES ? MP_OP_SAMPLE :
		b->kind == MP_BLOCK_SERIES ? MP_OP_SERIES : MP_OP_MARK;
	e->time = b->s_time ? b->s_time[i] : 0;
	e->process = (uint32_t)(b->s_process ? b->s_process[i] : 0);
	fill_thread(r->tree, e, b->s_thread ? b->s_thread[i] : 0);
	e->node = (uint32_t)(b->s_node ? b->s_node[i] : 0);
	e->weight = b->s_weight ? b->s_weight[i] : 0;
	e->state = (uint32_t)(b->s_state ? b->s_state[i] : 0);
	e->rss = b->s_rss ? b->s_rss[i] : 0;
	e->name = mp_str(r->tree, (uint32_t)(b->s_name ? b->s_name[i] : 0));
	e->value = b->s_value ? b->s_value[i] : 0;
	return 1;
}

/* A block live from the start, or one that a checkpoint brings back. */
static int live(struct mp_reader *r, struct mp_event *e)
{
	struct mp_next *n = r->next;
	const struct mp_block *b = n->block;
	uint32_t i = n->at;
	struct live *l;

	if (i >= b->n)
		return 0;
	l = slot_of(r, (uint32_t)b->c_slot[i]);
	if (!l)
		return -1;
	*l = (struct live){ ++n->made, (uint32_t)b->c_site[i],
		epoch_of(r, (uint32_t)b->c_site[i]) };
	e->op = MP_OP_BASE;
	e->time = b->first_time;
	e->block = l->number;
	fill_site(r->tree, e, l->site);
	fill_thread(r->tree, e, b->c_thread[n->thread].value);
	if (!n->thread_left)
		n->thread_left = b->c_thread[n->thread].length;
	if (!--n->thread_left)
		n->thread++;
	n->at++;
	return 1;
}

/* After damage a checkpoint tells what lives: correct the slots, hand out nothing. */
static int correct(struct mp_reader *r)
{
	struct mp_next *n = r->next;
	const struct mp_block *b = n->block;
	uint32_t at = 0;

	for (size_t i = 0; i < n->pages; i++) {
		for (unsigned k = 0; n->page[i] && k < PAGE; k++) {
			uint64_t slot = i * PAGE + k;
			struct live *l = &n->page[i][k];

			while (at < b->n && b->c_slot[at] < slot)
				at++;
			if (at == b->n || b->c_slot[at] != slot)
				*l = (struct live){ 0, 0, 0 };
		}
	}
	for (at = 0; at < b->n; at++) {
		struct live *l = slot_of(r, (uint32_t)b->c_slot[at]);

		if (!l)
			return -1;
		if (l->site != b->c_site[at] || l->epoch != epoch_of(r, l->site))
			*l = (struct live){ 0, (uint32_t)b->c_site[at],
				epoch_of(r, (uint32_t)b->c_site[at]) };
	}
	return 0;
}

static int open_block(struct mp_reader *r)
{
	struct mp_next *n = r->next;
	const struct mp_block *b;
	int got = mp_next_block(r, MP_WANT_ALL, &b);

	n->block = NULL;
	if (got <= 0)
		return got;
	if (!reach(r))
		return -1;
	n->block = b;
	n->at = n->allocs = n->frees = n->old = n->time = n->thread = 0;
	n->outside = n->replace = n->procend = n->pair_reason = 0;
	n->time_left = b->n_time ? b->time[0].length : 0;
	n->thread_left = b->n_thread ? b->thread[0].length : 0;
	if (b->kind == MP_BLOCK_EVENTS &&
	    !mp_room(r, &n->number, &n->number_room, (size_t)b->n_alloc + 1, sizeof(*n->number)))
		return -1;
	if (b->kind == MP_BLOCK_CHECKPOINT)
		return correct(r) ? -1 : 1;
	return 1;
}

int mp_next(struct mp_reader *r, struct mp_event *e)
{
	struct mp_next *n;
	int got = 0;

	if (mp_err_is(&r->error))
		return -1;
	if (!r->next) {
		r->next = calloc(1, sizeof(*r->next));
		if (!r->next)
			return mp_reader_fail(r, "%s: out of memory", r->name);
	}
	n = r->next;
	for (;;) {
		memset(e, 0, sizeof(*e));
		if (n->block) {
			if (n->block->kind == MP_BLOCK_EVENTS)
				got = events(r, e);
			else if (n->block->kind == MP_BLOCK_BASE)
				got = live(r, e);
			else if (n->block->kind <= MP_BLOCK_MARKS)
				got = others(r, e);
			else
				got = 0;
			if (got)
				return got;
		}
		got = open_block(r);
		if (got <= 0)
			return got;
	}
}

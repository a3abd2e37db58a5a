/* order.c - see order.h.  Per key and slot a queue of the visible records not
 * yet emitted; the queues of one key hang in one bucket.  The head of a queue is
 * its smallest stamp, because a slot's records on one key are in stamp order.
 *
 * The fences of a group are in the order of their stamps, taken after they looked:
 * none saw one that comes later.  So what comes before one comes before all later
 * ones, and only the next one has to be looked at.
 */
#include "order.h"

#include <stdlib.h>
#include <string.h>

struct order_node {             /* the queue of one key in one slot */
	uint64_t key;
	uint32_t slot, first, last, next;
};

struct order_entry {
	uint64_t pos;
	uint32_t stamp, next;
};

struct order_fence {
	uint64_t pos;
	uint32_t group, slot, stamp;
	uint32_t first, n;              /* its entries of bound[] */
	bool passed;
};

int order_init(struct order *o, const struct order_source *source, unsigned slots)
{
	memset(o, 0, sizeof *o);
	o->source = *source;
	o->slots = slots;
	o->busy = calloc(slots, 1);
	o->bar = malloc(slots * sizeof *o->bar);
	o->next = calloc(slots, sizeof *o->next);
	for (unsigned i = 0; o->bar && i < slots; i++)
		o->bar[i] = UINT64_MAX;
	return o->busy && o->bar && o->next ? 0 : -1;
}

void order_free(struct order *o)
{
	free(o->mark);
	free(o->head);
	free(o->node);
	free(o->entry);
	free(o->busy);
	free(o->fence);
	free(o->bound);
	free(o->bar);
	free(o->next);
	memset(o, 0, sizeof *o);
}

/* Room for N elements of SIZE; the old contents need not be kept. */
static void *fresh(void *old, uint32_t *room, uint32_t n, size_t size)
{
	void *p;

	if (n <= *room)
		return old;
	p = malloc(n * size);
	if (!p)
		return NULL;
	free(old);
	*room = n;
	return p;
}

void order_begin(struct order *o)
{
	memset(o->page, 0, sizeof o->page);
	o->pages_shared = false;
	for (uint32_t i = 0; i < o->bounds; i++)
		o->bar[o->bound[i].slot] = UINT64_MAX;
	o->nodes = o->entries = o->fences = o->bounds = 0;
}

int order_room(struct order *o, size_t records)
{
	uint32_t buckets = 64;
	uint16_t *mark;
	uint32_t *head;

	while (buckets < records && buckets < 1u << 19)
		buckets *= 2;
	mark = fresh(o->mark, &o->mark_room, buckets * 4, sizeof *mark);
	if (!mark)
		return -1;
	o->mark = mark;
	head = fresh(o->head, &o->head_room, buckets, sizeof *head);
	if (!head)
		return -1;
	o->head = head;
	o->mark_mask = buckets * 4 - 1;
	o->head_mask = buckets - 1;
	memset(o->mark, 0, buckets * 4 * sizeof *mark);
	memset(o->head, 0, buckets * sizeof *head);
	return 0;
}

static int grow(void **x, uint32_t *room, uint32_t n, size_t size)
{
	uint32_t more = *room ? *room * 2 : 1024;
	void *p;

	if (n + 1 < *room)
		return 0;
	if (more < *room)
		return -1;
	p = realloc(*x, more * size);
	if (!p)
		return -1;
	*x = p;
	*room = more;
	return 0;
}

int order_add(struct order *o, unsigned slot, uint64_t pos, uint64_t key, uint32_t stamp)
{
	uint32_t *bucket = &o->head[order_hash(key) & o->head_mask];
	uint32_t i = *bucket, e;
	void *p;

	p = o->entry;
	if (grow(&p, &o->entry_room, o->entries, sizeof *o->entry))
		return -1;
	o->entry = p;
	while (i && (o->node[i].key != key || o->node[i].slot != slot))
		i = o->node[i].next;
	if (!i) {
		p = o->node;
		if (grow(&p, &o->node_room, o->nodes, sizeof *o->node))
			return -1;
		o->node = p;
		i = ++o->nodes;
		o->node[i] = (struct order_node){ .key = key, .slot = slot, .next = *bucket };
		*bucket = i;
	}
	e = ++o->entries;
	o->entry[e] = (struct order_entry){ .pos = pos, .stamp = stamp };
	if (o->node[i].first)
		o->entry[o->node[i].last].next = e;
	else
		o->node[i].first = e;
	o->node[i].last = e;
	o->shared++;
	return 0;
}

/* Emit what comes before EVENT of SLOT on its key; then its own queue moves on. */
static void emit_before(struct order *o, unsigned slot, const struct order_event *event)
{
	uint32_t bucket = o->head[order_hash(event->key) & o->head_mask];
	uint32_t i, first;

	for (i = bucket; i; ) {
		struct order_node *n = &o->node[i];

		first = n->first;
		if (n->key != event->key || !first) {
			i = n->next;
			continue;
		}
		if (n->slot == slot) {
			if (o->entry[first].pos <= event->pos)
				n->first = o->entry[first].next;
			else
				i = n->next;
			continue;
		}
		/* A busy slot waits for us: only a lying target can make such a ring. */
		if (o->busy[n->slot] || (int32_t)(event->stamp - o->entry[first].stamp) <= 0) {
			i = n->next;
			continue;
		}
		order_emit(o, n->slot, o->entry[first].pos + 1);
		if (n->first == first)
			n->first = o->entry[first].next;
		i = bucket;     /* what was emitted may have shown us more to do */
	}
}

/* ---- fences ----------------------------------------------------------------------- */

int order_add_fence(struct order *o, uint32_t group, unsigned slot,
		const struct order_event *e, const struct order_bound *bound, unsigned n)
{
	struct order_fence f = { .pos = e->pos, .group = group, .slot = slot,
			.stamp = e->stamp, .first = o->bounds, .n = n };
	void *p = o->fence;

	if (grow(&p, &o->fence_room, o->fences, sizeof *o->fence))
		return -1;
	o->fence = p;
	for (unsigned i = 0; i < n; i++) {
		p = o->bound;
		if (grow(&p, &o->bound_room, o->bounds, sizeof *o->bound))
			return -1;
		o->bound = p;
		o->bound[o->bounds++] = bound[i];
	}
	o->fence[o->fences++] = f;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct order_fence *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (int32_t)(x->stamp - y->stamp) < 0 ? -1 : x->stamp != y->stamp;
}

/* The slots of F's group go as far as its first fence from I on lets them. */
static void set_bars(struct order *o, const struct order_fence *f, uint32_t i)
{
	bool some;

	while (i < o->fences && o->fence[i].group == f->group && o->fence[i].passed)
		i++;
	some = i < o->fences && o->fence[i].group == f->group;
	for (uint32_t k = 0; k < f->n; k++) {
		uint32_t slot = o->bound[f->first + k].slot;

		o->next[slot] = i;
		o->bar[slot] = some ? o->bound[o->fence[i].first + k].behind : UINT64_MAX;
	}
}

void order_rank_fences(struct order *o)
{
	if (!o->fences)
		return;
	qsort(o->fence, o->fences, sizeof *o->fence, compare);
	for (uint32_t i = 0; i < o->fences; i++) {
		struct order_fence *f = &o->fence[i];

		if (i == 0 || f[-1].group != f->group) {
			set_bars(o, f, i);
			continue;
		}
		/* what comes before a fence comes before the next one */
		for (uint32_t k = 0; k < f->n; k++) {
			const struct order_bound *a = &o->bound[f[-1].first + k];
			struct order_bound *b = &o->bound[f->first + k];

			b->before = b->before > a->before ? b->before : a->before;
			b->behind = b->behind > a->behind ? b->behind : a->behind;
		}
	}
}

static void pass(struct order *o, struct order_fence *f)
{
	f->passed = true;
	set_bars(o, f, o->next[f->slot]);
}

static void emit_seen(struct order *o, const struct order_fence *f)
{
	for (uint32_t k = f->first; k < f->first + f->n; k++)
		if (!o->busy[o->bound[k].slot])
			order_emit(o, o->bound[k].slot, o->bound[k].before);
}

/* EVENT of SLOT lies behind a fence, or is one. */
static void pass_fences(struct order *o, unsigned slot, const struct order_event *event)
{
	struct order_fence *f;

	while (event->pos >= o->bar[slot]) {
		f = &o->fence[o->next[slot]];
		/* one whose slot waits for us did not happen before EVENT */
		if (f->slot == slot || o->busy[f->slot])
			break;
		order_emit(o, f->slot, f->pos + 1);
		if (!f->passed)
			pass(o, f);     /* it is not where it was said to be */
	}
	/* a fence comes behind what it saw, be it its turn or not */
	for (uint32_t i = event->fence ? o->next[slot] : o->fences; i < o->fences; i++) {
		f = &o->fence[i];
		if (f->slot == slot && f->pos == event->pos && !f->passed) {
			emit_seen(o, f);
			pass(o, f);
			return;
		}
	}
}

/* ---- emitting ----------------------------------------------------------------------- */

void order_emit(struct order *o, unsigned slot, uint64_t until)
{
	struct order_event event;

	o->busy[slot] = 1;
	while (o->source.peek(o->source.ctx, slot, &event) && event.pos < until) {
		if (event.pos >= o->bar[slot])
			pass_fences(o, slot, &event);
		if (event.key && order_shared(o, event.key))
			emit_before(o, slot, &event);
		o->source.emit(o->source.ctx, slot);
	}
	o->busy[slot] = 0;
}

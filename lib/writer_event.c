/* writer_event.c - mp_put_event in binary: another tree's numbers to the
 * writer's, blocks known by number to blocks known by slot.
 * Invariant: the table holds exactly the blocks that are live, each with its
 * encoder's ref and its site.
 */
#include "binary.h"

#include <stdlib.h>
#include <string.h>

struct live { uint64_t block; uint32_t ref, site; };    /* block 0: empty place */

struct mp_foreign {
	struct mp_tree_map map;
	uint32_t *process, *thread, *site;      /* by foreign id; 0: not mapped yet */
	uint32_t processes, threads, sites;     /* room */
	uint64_t open[MP_BLOCK_MAX];            /* by index in the open block: its number */
	struct live *live;
	uint64_t mask, n;
	uint64_t number;                        /* of the half replacement before this event */
};

void mp_foreign_free(struct mp_binary *b)
{
	struct mp_foreign *f = b->foreign;

	if (!f)
		return;
	mp_tree_map_free(&f->map);
	free(f->process);
	free(f->thread);
	free(f->site);
	free(f->live);
	free(f);
	b->foreign = NULL;
}

/* ---- live blocks by number --------------------------------------------------------- */

static uint64_t home(const struct mp_foreign *f, uint64_t block)
{
	return (block * 0x9e3779b97f4a7c15ull >> 20) & f->mask;
}

static struct live *find(struct mp_foreign *f, uint64_t block)
{
	uint64_t i = home(f, block);

	while (f->live[i].block && f->live[i].block != block)
		i = (i + 1) & f->mask;
	return &f->live[i];
}

static bool grow(struct mp_foreign *f)
{
	struct mp_foreign bigger = { .mask = f->live ? f->mask * 2 + 1 : 1023 };

	bigger.live = calloc(bigger.mask + 1, sizeof(*bigger.live));
	if (!bigger.live)
		return false;
	for (uint64_t i = 0; f->live && i <= f->mask; i++)
		if (f->live[i].block)
			*find(&bigger, f->live[i].block) = f->live[i];
	free(f->live);
	f->live = bigger.live;
	f->mask = bigger.mask;
	return true;
}

/* Take the entry at I out and move those behind it up. */
static void drop(struct mp_foreign *f, uint64_t i)
{
	uint64_t hole = i;

	for (uint64_t j = (i + 1) & f->mask; f->live[j].block; j = (j + 1) & f->mask) {
		uint64_t from = home(f, f->live[j].block);

		if (((j - from) & f->mask) >= ((j - hole) & f->mask)) {
			f->live[hole] = f->live[j];
			hole = j;
		}
	}
	f->live[hole].block = 0;
	f->n--;
}

static void survivor(void *ctx, uint32_t index, uint32_t slot)
{
	struct mp_foreign *f = ctx;

	find(f, f->open[index])->ref = slot;
}

/* ---- numbers of the other tree ------------------------------------------------------- */

/* Room for ID in an array by foreign id. */
static bool reach(uint32_t **x, uint32_t *room, uint32_t id, uint32_t n)
{
	uint32_t *moved;

	if (id < *room)
		return true;
	moved = realloc(*x, ((size_t)n + 1) * sizeof(*moved));
	if (!moved)
		return false;
	memset(moved + *room, 0, ((size_t)n + 1 - *room) * sizeof(*moved));
	*x = moved;
	*room = n + 1;
	return true;
}

/* A process, and before it those it descends from. */
static uint32_t map_process(struct mp_foreign *f, uint32_t id)
{
	const struct mp_tree *from = f->map.from;
	uint32_t few[64], *chain = few, n = 0;
	struct mp_process p;

	if (f->map.from == f->map.to || !id || id > from->process.n)
		return id <= from->process.n ? id : 0;
	if (!reach(&f->process, &f->processes, id, from->process.n))
		return 0;
	for (uint32_t at = id; at && !f->process[at]; at = from->process.x[at].parent)
		n++;
	if (n > sizeof(few) / sizeof(*few))
		chain = malloc(n * sizeof(*chain));
	if (!chain) {
		f->map.to->failed = true;
		return 0;
	}
	for (uint32_t i = 0, at = id; i < n; at = from->process.x[at].parent)
		chain[i++] = at;
	while (n) {
		uint32_t at = chain[--n];

		p = from->process.x[at];
		p.parent = f->process[p.parent];
		p.command = mp_map_string(&f->map, p.command);
		p.name = mp_map_string(&f->map, p.name);
		p.arch = mp_map_string(&f->map, p.arch);
		p.namespace_ = mp_map_string(&f->map, p.namespace_);
		f->process[at] = mp_def_process(f->map.to, &p);
	}
	if (chain != few)
		free(chain);
	return f->process[id];
}

static uint32_t map_thread(struct mp_foreign *f, uint32_t id)
{
	const struct mp_tree *from = f->map.from;
	struct mp_thread t;

	if (f->map.from == f->map.to || !id || id > from->thread.n)
		return id <= from->thread.n ? id : 0;
	if (!reach(&f->thread, &f->threads, id, from->thread.n))
		return 0;
	if (!f->thread[id]) {
		t = from->thread.x[id];
		t.process = map_process(f, t.process);
		t.name = mp_map_string(&f->map, t.name);
		f->thread[id] = mp_def_thread(f->map.to, &t);
	} else if (from->thread.x[id].name) {
		/* named since; no news is no record */
		mp_set_thread_name(f->map.to, f->thread[id],
				mp_map_string(&f->map, from->thread.x[id].name));
	}
	return f->thread[id];
}

/* The site of an event: by number, or by the event's own fields. */
static uint32_t map_site(struct mp_foreign *f, const struct mp_event *e)
{
	bool known = e->site && e->site <= f->map.from->site.n;
	struct mp_site s;

	if (known && f->map.from == f->map.to)
		return e->site;
	if (known) {
		if (!reach(&f->site, &f->sites, e->site, f->map.from->site.n))
			return 0;
		if (f->site[e->site])
			return f->site[e->site];
		s = f->map.from->site.x[e->site];
	} else {
		s = (struct mp_site){ .process = e->process, .node = e->node, .kind = e->kind,
			.type = e->type, .size = e->size };
	}
	s.process = map_process(f, s.process);
	s.node = mp_map_node(&f->map, s.node);
	s.type = mp_map_string(&f->map, s.type);
	if (!known)
		return mp_def_site(f->map.to, &s);
	f->site[e->site] = mp_def_site(f->map.to, &s);
	return f->site[e->site];
}

/* ---- events -------------------------------------------------------------------------- */

static struct mp_foreign *foreign(struct mp_writer *w, const struct mp_tree *tree)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_foreign *f = b->foreign;

	if (f && f->map.from == tree)
		return f;
	if (f) {
		mp_writer_fail(w, "%s: events of two trees in one part", w->out.name);
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (!f || !grow(f)) {
		free(f);
		mp_writer_fail(w, "%s: out of memory", w->out.name);
		return NULL;
	}
	b->foreign = f;
	mp_tree_map_init(&f->map, w->tree, tree);
	if (tree != w->tree) {
		w->tree->objects = tree->objects;
		for (uint32_t i = 1; i <= tree->clock.n; i++)
			mp_def_clock(w->tree, &tree->clock.x[i]);
	}
	mp_set_encoder(w, &(struct mp_encoder){ f, survivor });
	return f;
}

static void replacement(struct mp_binary *b, struct mp_foreign *f, const struct mp_event *e)
{
	struct mp_enc *enc = &b->enc;

	if (!e->replace || e->replace > 7)
		return;
	if (e->op == MP_OP_ALLOC && enc->half && f->number == e->replace_number) {
		/* side by side: the free's entry is enough, with number 0 */
		enc->replace.x[2 * enc->replace.n - 1] = e->replace;
		enc->partial = e->replace == MP_REPLACE_PARTIAL;
		return;
	}
	enc->next_replace = (enum mp_replace)e->replace;
	enc->next_number = e->replace_number;
	f->number = e->replace_number;
}

static void put_alloc(struct mp_writer *w, struct mp_foreign *f, const struct mp_event *e)
{
	uint32_t site = map_site(f, e), ref;
	struct live *l;

	if (!site || !e->block || (f->n * 2 > f->mask && !grow(f))) {
		mp_writer_fail(w, "%s: an allocation has no number or site", w->out.name);
		return;
	}
	replacement(mp_binary(w), f, e);
	if (e->op == MP_OP_BASE)
		ref = mp_put_base(w, site, map_thread(f, e->thread));
	else
		ref = mp_enc_alloc(w, e->time, map_thread(f, e->thread), site);
	l = find(f, e->block);
	if (l->block) {
		mp_writer_fail(w, "%s: two live allocations have the same number", w->out.name);
		return;
	}
	*l = (struct live){ e->block, ref, site };
	f->n++;
	if (ref & MP_REF_OPEN)
		f->open[ref & ~MP_REF_OPEN] = e->block;
}

static void put_free(struct mp_writer *w, struct mp_foreign *f, const struct mp_event *e)
{
	struct live *l = e->block ? find(f, e->block) : NULL;
	bool known = l && l->block;
	uint32_t site = known ? l->site : e->site ? map_site(f, e) : 0;

	replacement(mp_binary(w), f, e);
	mp_enc_free(w, e->time, map_thread(f, e->thread), known ? l->ref : MP_REF_OUTSIDE, site);
	if (known)
		drop(f, (uint64_t)(l - f->live));
}

static void put_procend(struct mp_writer *w, struct mp_foreign *f, const struct mp_event *e)
{
	uint32_t process = map_process(f, e->process);

	mp_enc_procend(w, e->time, process);
	for (uint64_t i = 0; i <= f->mask;) {
		struct live *l = &f->live[i];

		if (l->block && w->tree->site.x[l->site].process == process) {
			mp_enc_release(w, l->ref, l->site);
			drop(f, i);
		} else {
			i++;
		}
	}
}

int mp_binary_event(struct mp_writer *w, const struct mp_tree *tree, const struct mp_event *e)
{
	struct mp_foreign *f = foreign(w, tree);
	uint32_t name;

	if (!f)
		return -1;
	if (e->op != MP_OP_BASE && mp_flush_base(w))
		return -1;
	switch (e->op) {
	case MP_OP_ALLOC:
	case MP_OP_BASE:
		put_alloc(w, f, e);
		break;
	case MP_OP_FREE:
		put_free(w, f, e);
		break;
	case MP_OP_PROCEND:
		put_procend(w, f, e);
		break;
	case MP_OP_SAMPLE:
		mp_put_sample(w, e, map_thread(f, e->thread), map_process(f, e->process),
				mp_map_node(&f->map, e->node));
		break;
	case MP_OP_SERIES:
	case MP_OP_MARK:
		name = mp_def_cstring(w->tree, e->name);
		if (e->op == MP_OP_SERIES)
			mp_enc_series(w, e->time, map_process(f, e->process), name, e->value);
		else
			mp_enc_mark(w, e->time, map_thread(f, e->thread),
					map_process(f, e->process), name, e->value);
		break;
	default:
		return mp_writer_fail(w, "%s: an event of no known kind", w->out.name);
	}
	if (w->tree->failed)
		mp_writer_fail(w, "%s: out of memory", w->out.name);
	return mp_writer_error(w) ? -1 : 0;
}

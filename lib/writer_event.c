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

static uint32_t map_thread(struct mp_foreign *f, uint32_t id)
{
	uint32_t to = mp_map_thread(&f->map, id);

	/* named since; no news is no record */
	if (to && f->map.from != f->map.to && f->map.from->thread.x[id].name)
		mp_set_thread_name(f->map.to, to,
				mp_map_string(&f->map, f->map.from->thread.x[id].name));
	return to;
}

/* The site of an event: by number, or by the event's own fields. */
static uint32_t map_site(struct mp_foreign *f, const struct mp_event *e)
{
	struct mp_site s;

	if (e->site && e->site <= f->map.from->site.n)
		return mp_map_site(&f->map, e->site);
	if (e->weight > MP_WEIGHT_MAX)
		return 0;
	s = (struct mp_site){
		.process = mp_map_process(&f->map, e->process),
		.node = mp_map_node(&f->map, e->node),
		.type = mp_map_string(&f->map, e->type), .kind = e->kind, .size = e->size,
		.extra = e->weight ? (uint32_t)e->weight - 1 : 0,
	};
	return mp_def_site(f->map.to, &s);
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
	if (e->op == MP_OP_BASE) {
		mp_enc_pass(w, e->time);
		ref = mp_put_base(w, site, map_thread(f, e->thread));
	} else {
		ref = mp_enc_alloc(w, e->time, map_thread(f, e->thread), site);
	}
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
	uint32_t process = mp_map_process(&f->map, e->process);

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
		mp_put_sample(w, e, map_thread(f, e->thread), mp_map_process(&f->map, e->process),
				mp_map_node(&f->map, e->node));
		break;
	case MP_OP_SERIES:
	case MP_OP_MARK:
		name = mp_def_cstring(w->tree, e->name);
		if (e->op == MP_OP_SERIES)
			mp_enc_series(w, e->time, mp_map_process(&f->map, e->process), name, e->value);
		else
			mp_enc_mark(w, e->time, map_thread(f, e->thread),
					mp_map_process(&f->map, e->process), name, e->value);
		break;
	default:
		return mp_writer_fail(w, "%s: an event of no known kind", w->out.name);
	}
	if (w->tree->failed)
		mp_writer_fail(w, "%s: out of memory", w->out.name);
	return mp_writer_error(w) ? -1 : 0;
}

/* copy_named.c - a part copied with what the symbols know beyond it.
 * Invariant: no block of the part changes but END, which counts those added.
 */
#include "copy.h"

#include "symbol.h"
#include "view.h"

#include <xxhash.h>

struct naming {
	struct mp_copy copy;            /* first */
	struct mp_symbols *symbols;
	bool all;
	uint64_t *named, *of;
	struct replay *replay;          /* what lives where the stream breaks off */
	uint64_t time;                  /* of the last block */
};

/* A block of definitions that comes now: before END, which is at hand, or where the
 * part was cut. */
static struct mp_header late_header(const struct mp_reader *r, const struct naming *n)
{
	const struct scope *whole = n->replay->scope;

	if (r->complete)
		return (struct mp_header){
			.part = r->part, .sequence = r->raw.h.sequence, .before = r->events,
			.first_time = r->raw.h.first_time, .last_time = r->raw.h.first_time,
			.live_bytes = r->raw.h.live_bytes, .live_blocks = r->raw.h.live_blocks,
			.slots = r->slots, .interval = r->raw.h.interval,
		};
	return (struct mp_header){
		.part = r->part, .sequence = r->expect, .before = r->events,
		.first_time = n->time, .last_time = n->time, .live_bytes = whole->cur,
		.live_blocks = n->replay->blocks, .slots = r->slots,
		.interval = r->own.sample_interval,
	};
}

/* What the symbols know beyond what the part tells. */
static int add_names(struct mp_copy *c, struct mp_writer *w, struct mp_reader *r)
{
	struct naming *n = (struct naming *)c;
	struct mp_defs_sent sent = { .late = r->tree->late.n, .renamed = r->tree->renamed.n };
	uint32_t of = mp_nameless(r->tree, n->all);
	bool more = true, late;
	long named;

	for (unsigned def = 1; def < MP_DEF_KINDS; def++)
		sent.n[def] = mp_def_vec(r->tree, def).n;
	named = mp_symbolise(n->symbols, r->tree, n->all);
	if (named < 0)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	*n->named += (uint64_t)named;
	*n->of += of;
	if (sent.late == r->tree->late.n)
		return 0;
	if (!c->chain && r->complete) {
		c->chain = XXH3_createState();
		if (!c->chain)
			return mp_writer_fail(w, "%s: out of memory", w->out.name);
		XXH3_copyState(c->chain, r->chain);
	}
	while (more) {
		struct mp_header h = late_header(r, n);

		more = mp_defs_add(&c->out, r->tree, &sent, &late);
		h.kind = MP_BLOCK_EVENTS;
		h.sequence += c->added++;
		h.max_live = h.live_bytes;
		if (h.interval)
			h.flags |= MP_FLAG_ESTIMATE;
		h.flags |= (uint8_t)((late ? MP_FLAG_LATE : 0) | (more ? MP_FLAG_CONTINUED : 0));
		if (mp_copy_block(w, c, &h))
			return -1;
	}
	return 0;
}

/* Follow the block at hand for its definitions, and for what lives. */
static int follow(struct mp_copy *c, struct mp_reader *r)
{
	struct naming *n = (struct naming *)c;
	const struct mp_block *b;
	int got = mp_block_at_hand(r, mp_replay_want(n->replay), &b);

	n->time = r->raw.h.last_time > n->time ? r->raw.h.last_time : n->time;
	if (got > 0 && mp_replay_block(n->replay, b))
		mp_reader_fail(r, "%s: out of memory", r->name);
	return mp_err_is(&r->error) ? -1 : 0;
}

int mp_copy_named(struct mp_writer *w, struct mp_reader *r, struct mp_symbols *symbols, bool all,
		uint64_t *named, uint64_t *of)
{
	struct mp_query q = { .view = MP_VIEW_PEAK };
	struct naming n = {
		.copy = { .follow = follow, .add = add_names },
		.symbols = symbols, .all = all, .named = named, .of = of,
	};
	int status;

	n.replay = r->tree ? mp_replay_new(r->tree, &q) : NULL;
	if (!n.replay)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	status = mp_copy_with(&n.copy, w, r) || mp_out_flush(&w->out) ? -1 : 0;
	mp_replay_free(n.replay);
	return status;
}

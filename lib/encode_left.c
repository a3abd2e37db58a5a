/* encode_left.c - what lives: processes that are over, checkpoints, BASE blocks.
 * Invariant: slot[] holds every live block made before the open block of events.
 */
#include "binary.h"

#include <stdlib.h>
#include <string.h>

/* ---- processes that are over ------------------------------------------------------- */

bool mp_is_done(const struct mp_enc *e, uint32_t process)
{
	return process < e->n_done && e->done[process];
}

void mp_set_done(struct mp_writer *w, uint32_t process)
{
	struct mp_enc *e = &mp_binary(w)->enc;
	uint32_t n = w->tree->process.n + 1;
	uint8_t *done;

	if (process >= n)
		return;
	if (process >= e->n_done) {
		done = realloc(e->done, n);
		if (!done) {
			mp_writer_fail(w, "%s: out of memory", w->out.name);
			return;
		}
		memset(done + e->n_done, 0, n - e->n_done);
		e->done = done;
		e->n_done = n;
	}
	e->done[process] = 1;
}

static int by_site(const void *a, const void *b)
{
	const struct mp_left *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

/* Sort, and make one entry of equal ones. */
static void compact(struct mp_enc *e)
{
	uint32_t n = 0;

	if (!e->n_left)
		return;
	qsort(e->left, e->n_left, sizeof(*e->left), by_site);
	for (uint32_t i = 1; i < e->n_left; i++) {
		if (by_site(&e->left[n], &e->left[i]) == 0)
			e->left[n].count += e->left[i].count;
		else
			e->left[++n] = e->left[i];
	}
	e->n_left = n + 1;
}

void mp_left_add(struct mp_writer *w, uint32_t site, uint32_t thread, uint32_t count)
{
	struct mp_enc *e = &mp_binary(w)->enc;
	struct mp_left *left;

	if (e->n_left == e->left_room) {
		compact(e);
		/* growing is worth it only if that did not help much */
		left = e->n_left < e->left_room / 2 ? e->left :
			mp_more(e->left, e->left_room, &e->left_room, sizeof(*left));
		if (!left) {
			mp_writer_fail(w, "%s: out of memory", w->out.name);
			return;
		}
		e->left = left;
	}
	e->left[e->n_left++] = (struct mp_left){ site, thread, count };
}

void mp_enc_finalize(struct mp_writer *w, uint32_t process)
{
	struct mp_enc *e = &mp_binary(w)->enc;

	if (mp_is_done(e, process))
		return;
	mp_set_done(w, process);
	for (uint32_t i = 1; i < e->slots; i++) {
		uint32_t site = e->slot[i].site;

		if (site && w->tree->site.x[site].process == process &&
		    !(e->slot[i].thread & MP_FROM_BASE))
			mp_left_add(w, site, e->slot[i].thread, 1);
	}
}

void mp_left_live(struct mp_writer *w, uint64_t *blocks, uint64_t *bytes)
{
	const struct mp_enc *e = &mp_binary(w)->enc;
	const struct mp_site *s;

	*blocks = *bytes = 0;
	for (uint32_t i = 0; i < e->n_left; i++) {
		s = &w->tree->site.x[e->left[i].site];
		if (!mp_counts(w->tree, s->kind))
			continue;
		*blocks += mp_site_weight(s) * e->left[i].count;
		*bytes += mp_site_bytes(s) * e->left[i].count;
	}
	for (uint32_t i = 1; i < e->slots; i++) {
		s = &w->tree->site.x[e->slot[i].site];
		if (!e->slot[i].site || e->slot[i].thread & MP_FROM_BASE ||
		    !mp_counts(w->tree, s->kind) || mp_is_done(e, s->process))
			continue;
		*blocks += mp_site_weight(s);
		*bytes += mp_site_bytes(s);
	}
}

/* ---- live blocks as columns ---------------------------------------------------------- */

/* Live slots from *AT on, a block's worth; returns how many. */
static uint32_t add_slots(struct mp_block_out *b, const struct mp_enc *e, uint32_t *at)
{
	uint32_t *slot = malloc(4 * MP_BLOCK_MAX * sizeof(*slot)), n = 0, runs = 0;
	uint32_t *site = slot + MP_BLOCK_MAX, *length = site + MP_BLOCK_MAX;
	uint64_t *thread = mp_column_scratch(b);

	if (!slot || !thread) {
		free(slot);
		b->failed = true;
		return 0;
	}
	for (; *at < e->slots && n < MP_BLOCK_MAX; ++*at) {
		uint32_t by = e->slot[*at].thread & ~MP_FROM_BASE;

		if (!e->slot[*at].site)
			continue;
		slot[n] = *at;
		site[n++] = e->slot[*at].site;
		if (!runs || thread[runs - 1] != by) {
			thread[runs] = by;
			length[runs++] = 0;
		}
		length[runs - 1]++;
	}
	if (runs > 1 || (runs && thread[0] != 1))
		mp_column_runs(b, MP_COL_C_THREAD, thread, length, runs);
	mp_column_values32(b, MP_COL_C_SLOT, MP_CODING_DELTA, slot, n);
	mp_column_values32(b, MP_COL_C_SITE, MP_CODING_LEB, site, n);
	free(slot);
	return n;
}

/* Entries of the ended from *AT on, a block's worth. */
static void add_left(struct mp_block_out *b, const struct mp_enc *e, uint32_t *at)
{
	uint32_t n = e->n_left - *at;
	uint64_t *value = mp_column_scratch(b);

	if (n > MP_BLOCK_MAX)
		n = MP_BLOCK_MAX;
	if (!n || !value)
		return;
	for (uint32_t i = 0; i < n; i++)
		value[i] = e->left[*at + i].site;
	mp_column_values(b, MP_COL_C_LEFT_SITE, MP_CODING_DELTA, value, n);
	for (uint32_t i = 0; i < n; i++)
		value[i] = e->left[*at + i].thread;
	mp_column_values(b, MP_COL_C_LEFT_THREAD, MP_CODING_LEB, value, n);
	for (uint32_t i = 0; i < n; i++)
		value[i] = e->left[*at + i].count;
	mp_column_values(b, MP_COL_C_LEFT_COUNT, MP_CODING_LEB, value, n);
	*at += n;
}

/* Processes from *AT on that are over, a block's worth. */
static void add_done(struct mp_block_out *b, const struct mp_enc *e, uint32_t *at)
{
	uint64_t *value = mp_column_scratch(b);
	uint32_t n = 0;

	for (; value && *at < e->n_done && n < MP_BLOCK_MAX; ++*at)
		if (e->done[*at])
			value[n++] = *at;
	mp_column_values(b, MP_COL_C_DONE, MP_CODING_DELTA, value, n);
}

int mp_write_checkpoint(struct mp_writer *w)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_enc *e = &b->enc;
	struct mp_defs_sent sent = { .repeated = true };
	uint32_t slot = 1, left = 0, done = 1;
	uint64_t chunk = 0;
	bool defs = true, late, more;

	/* what it repeats has to be out */
	if (mp_emit_defs(w, MP_BLOCK_EVENTS))
		return -1;
	if (b->out.n) {
		struct mp_header h = mp_plain_header(w, MP_BLOCK_EVENTS, 0);

		h.flags = b->late ? MP_FLAG_LATE : 0;
		if (mp_emit(w, &h))
			return -1;
	}
	compact(e);
	do {
		struct mp_header h = mp_plain_header(w, MP_BLOCK_CHECKPOINT, 0);

		late = false;
		defs = defs && mp_defs_add(&b->out, w->tree, &sent, &late);
		if (!defs) {
			h.n = add_slots(&b->out, e, &slot);
			add_left(&b->out, e, &left);
			add_done(&b->out, e, &done);
		}
		if (chunk)
			mp_column_values(&b->out, MP_COL_C_CHUNK, MP_CODING_LEB, &chunk, 1);
		chunk++;
		more = defs || slot < e->slots || left < e->n_left || done < e->n_done;
		h.flags = (uint8_t)(MP_FLAG_REPEATED | (late ? MP_FLAG_LATE : 0) |
				(more ? MP_FLAG_CONTINUED : 0));
		if (mp_emit(w, &h))
			return -1;
	} while (more);
	b->since = 0;
	return 0;
}

/* ---- blocks live before the first event ---------------------------------------------- */

uint32_t mp_put_base(struct mp_writer *w, uint32_t site, uint32_t thread)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_enc *e = &b->enc;
	uint32_t slot;

	if (e->n || b->events) {
		mp_writer_fail(w, "%s: a block live from the start comes late", w->out.name);
		return 0;
	}
	slot = mp_enc_new_slot(e);
	if (!slot || !site || site > w->tree->site.n) {
		mp_writer_fail(w, "%s: out of memory", w->out.name);
		return 0;
	}
	e->slot[slot] = (struct mp_enc_slot){ site, thread | MP_FROM_BASE };
	return slot;
}

int mp_flush_base(struct mp_writer *w)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_enc *e = &b->enc;
	uint32_t at = 1;

	if (b->base_closed)
		return 0;
	b->base_closed = true;
	if (e->n || b->events)
		return 0;       /* what has a slot now was allocated in this part */
	while (at < e->slots) {
		struct mp_header h;

		if (mp_emit_defs(w, MP_BLOCK_BASE))
			return -1;
		h = mp_plain_header(w, MP_BLOCK_BASE, add_slots(&b->out, e, &at));
		h.slots = at;
		if (at < e->slots)
			h.flags = MP_FLAG_CONTINUED;
		if (mp_emit(w, &h))
			return -1;
	}
	for (uint32_t i = 1; i < e->slots; i++) {
		const struct mp_site *s = &w->tree->site.x[e->slot[i].site];

		if (!e->slot[i].site || !mp_counts(w->tree, s->kind))
			continue;
		e->live += mp_site_bytes(s);
		e->blocks += mp_site_weight(s);
	}
	e->live_at_start = e->max = e->live;
	e->blocks_at_start = e->blocks;
	if (e->live > e->peak)
		e->peak = e->live;
	return 0;
}

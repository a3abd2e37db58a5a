/* encode_block.c - the open block of events to bytes.
 * Invariant: the i-th survivor gets the i-th slot freed in the block (in the order
 * of `old`), the next ones the slots written in `new`; a reader does the same.
 */
#include "binary.h"

#include "coding.h"

#include <stdlib.h>
#include <string.h>

enum { CHECKPOINT_RATIO = 16 };

/* ---- slots ----------------------------------------------------------------------- */

uint32_t mp_enc_new_slot(struct mp_enc *e)
{
	struct mp_enc_slot *slot;

	if (e->n_free_slots)
		return e->free_slot[--e->n_free_slots];
	if (e->slots >= MP_REF_OPEN)
		return 0;
	slot = mp_more(e->slot, e->slots, &e->slot_room, sizeof(*slot));
	if (!slot)
		return 0;
	e->slot = slot;
	slot[e->slots] = (struct mp_enc_slot){ 0, 0 };
	return e->slots++;
}

bool mp_enc_free_slot(struct mp_enc *e, uint32_t slot)
{
	uint32_t *list = mp_more(e->free_slot, e->n_free_slots, &e->free_room, sizeof(*list));

	if (!list)
		return false;
	e->free_slot = list;
	list[e->n_free_slots++] = slot;
	return true;
}

/* Slots for what lives on; returns how many go into `new`, -1 when memory is out. */
static long assign(struct mp_enc *e)
{
	uint32_t taken = 0, n_new = 0, slot;
	uint64_t eight;

	memset(e->gone + e->n_alloc, 1, 8);
	for (uint32_t i = 0; i < e->n_alloc; i++) {
		memcpy(&eight, e->gone + i, 8);
		if (eight == 0x0101010101010101ull) {
			i += 7;
			continue;
		}
		if (e->gone[i])
			continue;
		while (taken < e->n_old && !e->old[taken])
			taken++;
		slot = taken < e->n_old ? e->old[taken++] : 0;
		if (!slot) {
			slot = mp_enc_new_slot(e);
			if (!slot)
				return -1;
			e->new_[n_new++] = slot;
		}
		e->slot[slot] = e->made[i];
		e->assigned[i] = slot;
		if (e->to.survivor)
			e->to.survivor(e->to.ctx, i, slot);
	}
	for (; taken < e->n_old; taken++)
		if (e->old[taken] && !mp_enc_free_slot(e, e->old[taken]))
			return -1;
	return n_new;
}

/* ---- columns --------------------------------------------------------------------- */

static void add_escape(struct mp_block_out *b, unsigned id, const uint16_t *value, uint32_t n)
{
	uint8_t *to = mp_column_room(b, MP_ESCAPE_ROOM(n));

	if (to)
		mp_column_add(b, id, MP_CODING_ESCAPE, n, mp_escape_encode(to, value, n));
}

static void add_pairs(struct mp_block_out *b, unsigned id, struct mp_pair_vec *v, uint32_t *at)
{
	mp_column_values(b, id, MP_CODING_LEB, v->x, 2 * v->n);
	v->n = 0;
	*at = 0;
}

/* The smallest step of time seen, in ticks. */
static void add_granularity(struct mp_block_out *b, const struct mp_enc_runs *time)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 1; i < time->n; i++)
		if (time->value[i] - time->value[i - 1] < least)
			least = time->value[i] - time->value[i - 1];
	if (time->n > 1)
		mp_column_values(b, MP_COL_GRANULARITY, MP_CODING_LEB, &least, 1);
}

static void add_columns(struct mp_block_out *b, struct mp_enc *e, uint32_t n_new)
{
	uint8_t *op = mp_column_room(b, MP_BITMAP_ROOM(e->n));
	bool pairs = e->procend.n;

	if (op) {
		memcpy(op, e->op, MP_BITMAP_ROOM(e->n));
		mp_column_add(b, MP_COL_OP, MP_CODING_BITMAP, e->n, MP_BITMAP_ROOM(e->n));
	}
	add_escape(b, MP_COL_SITE, e->site, e->n_alloc);
	mp_column_values32(b, MP_COL_SITES, MP_CODING_DELTA, e->sites, e->n_sites);
	add_escape(b, MP_COL_BACK, e->back, e->n_free);
	mp_column_values32(b, MP_COL_OLD, MP_CODING_DELTA, e->old, e->n_old);
	mp_column_values32(b, MP_COL_NEW, MP_CODING_DELTA, e->new_, n_new);
	if (e->thread.n && (e->thread.n > 1 || e->thread.value[0] != 1))
		mp_column_runs(b, MP_COL_THREAD, e->thread.value, e->thread.length, e->thread.n);
	mp_column_runs(b, MP_COL_TIME, e->time.value, e->time.length, e->time.n);
	add_pairs(b, MP_COL_OUTSIDE, &e->outside, &e->out_at);
	add_pairs(b, MP_COL_REPLACE, &e->replace, &e->rep_at);
	add_pairs(b, MP_COL_PROCEND, &e->procend, &e->end_at);
	if (pairs)
		mp_column_critical(b);
	add_granularity(b, &e->time);
}

/* ---- the block ------------------------------------------------------------------- */

/* Begin the next block with what lives now. */
static void reopen(struct mp_enc *e)
{
	memset(e->op, 0, MP_BITMAP_ROOM(e->n));
	e->n = e->n_alloc = e->n_free = e->n_sites = e->n_old = 0;
	e->time.n = e->thread.n = 0;
	e->stamp++;
	e->live_at_start = e->max = e->live;
	e->blocks_at_start = e->blocks;
	e->position = 0;
	e->half = false;
}

static int checkpoint_if_due(struct mp_writer *w)
{
	struct mp_binary *b = mp_binary(w);
	const struct mp_enc *e = &b->enc;
	uint64_t estimate = b->defs_bytes + (e->slots - e->n_free_slots) + 3 * (uint64_t)e->n_left + 512;

	if (b->since < CHECKPOINT_RATIO * estimate)
		return 0;
	return mp_write_checkpoint(w);
}

int mp_enc_close(struct mp_writer *w, bool heartbeat)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_enc *e = &b->enc;
	struct mp_header h;
	long n_new;

	if (!e->n && !e->procend.n && !heartbeat)
		return 0;
	b->base_closed = true;          /* no base after the first block of events */
	if (mp_emit_defs(w, MP_BLOCK_EVENTS))
		return -1;
	n_new = assign(e);
	if (n_new < 0)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	mp_enc_end_runs(e);
	add_columns(&b->out, e, (uint32_t)n_new);
	h = (struct mp_header){
		.kind = MP_BLOCK_EVENTS, .n = e->n,
		.first_time = e->first_time / e->tick * e->tick,
		.last_time = e->last_tick * e->tick,
		.live_bytes = e->live_at_start, .live_blocks = e->blocks_at_start,
		.max_live = e->max, .position = e->position, .slots = e->slots,
	};
	if (b->late)
		h.flags |= MP_FLAG_LATE;
	if (e->max > e->peak)
		e->peak = e->max;
	reopen(e);
	if (mp_emit(w, &h) || mp_flush_other(w, false))
		return -1;
	return checkpoint_if_due(w);
}

/* writer_binary.c - parts in binary: HEAD, blocks, END.
 * Invariant: blocks are numbered without a hole from HEAD (0) on, and END holds
 * the hash over all their headers' hashes.
 */
#include "binary.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- blocks ---------------------------------------------------------------------- */

int mp_emit(struct mp_writer *w, struct mp_header *h)
{
	struct mp_binary *b = mp_binary(w);
	uint64_t before = b->bytes;
	uint8_t hash[8];

	h->part = b->proto.part;
	h->sequence = b->proto.sequence++;
	h->before = b->events;
	h->lost_events = b->lost_events;
	h->lost_bytes = b->lost_bytes;
	h->interval = b->loss.sample_interval;
	if (h->interval)
		h->flags |= MP_FLAG_ESTIMATE;
	b->loss.lost_events += b->lost_events;
	b->loss.lost_bytes += b->lost_bytes;
	b->lost_events = b->lost_bytes = 0;
	if (mp_block_write(&b->out, h, &w->out, w->level, &b->bytes))
		return -1;
	if (h->kind == MP_BLOCK_EVENTS || h->kind == MP_BLOCK_ROWS)
		b->events += h->n;
	if (!(h->flags & MP_FLAG_REPEATED)) {
		b->since += b->bytes - before;
		b->defs_bytes += b->out.defs_stored;
	}
	mp_set_u64(hash, h->hash);
	XXH3_64bits_update(b->chain, hash, sizeof(hash));
	return 0;
}

struct mp_header mp_plain_header(struct mp_writer *w, enum mp_block_kind kind, uint32_t n)
{
	const struct mp_enc *e = &mp_binary(w)->enc;
	uint64_t now = 0;

	/* it goes out ahead of the open block of events */
	if (w->kind == MP_TRACE)
		now = e->n || e->procend.n ? e->first_time / e->tick * e->tick :
			e->last_tick * e->tick;
	return (struct mp_header){
		.kind = (uint8_t)kind, .n = n, .first_time = now, .last_time = now,
		.live_bytes = e->live_at_start, .live_blocks = e->blocks_at_start,
		.max_live = e->live_at_start, .slots = e->slots,
	};
}

/* HEAD's fixed numbers, and its metadata if LAST. */
static void add_head(struct mp_writer *w, bool first, bool last)
{
	struct mp_binary *b = mp_binary(w);
	uint64_t fixed[MP_HEAD_NUMBERS] = {
		w->kind, (uint64_t)MP_MAJOR << 16 | MP_MINOR, 0, 0,
		w->kind == MP_TRACE ? b->enc.tick : 1, w->tree->objects,
	};
	uint32_t n = last ? b->n_meta : 0;
	uint64_t *value = mp_column_scratch(&b->out);

	if (first)
		mp_column_values(&b->out, MP_COL_H_FIXED, MP_CODING_FIXED64, fixed,
				MP_HEAD_NUMBERS);
	for (int odd = 0; value && odd < 2; odd++) {
		for (uint32_t i = 0; i < n; i++)
			value[i] = b->meta[2 * i + (unsigned)odd];
		mp_column_values(&b->out, odd ? MP_COL_H_VALUE : MP_COL_H_KEY, MP_CODING_LEB,
				value, n);
	}
}

static int write_head(struct mp_writer *w)
{
	struct mp_binary *b = mp_binary(w);
	bool more, late;

	b->head = true;
	b->sampled = b->loss.sample_interval != 0;
	do {
		struct mp_header h = mp_plain_header(w, MP_BLOCK_HEAD, 0);

		more = mp_defs_add(&b->out, w->tree, &b->sent, &late);
		add_head(w, !b->proto.sequence, !more);
		h.flags = (uint8_t)((more ? MP_FLAG_CONTINUED : 0) | (late ? MP_FLAG_LATE : 0));
		if (!b->proto.sequence)
			b->proto.part = mp_hash(b->out.raw, b->out.raw_n);
		if (mp_emit(w, &h))
			return -1;
	} while (more);
	return 0;
}

int mp_emit_defs(struct mp_writer *w, enum mp_block_kind kind)
{
	struct mp_binary *b = mp_binary(w);
	bool late;

	if (w->tree->failed)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	if (!b->head && write_head(w))
		return -1;
	while (mp_defs_add(&b->out, w->tree, &b->sent, &late)) {
		struct mp_header h = mp_plain_header(w, kind, 0);

		h.flags = (uint8_t)(MP_FLAG_CONTINUED | (late ? MP_FLAG_LATE : 0));
		if (mp_emit(w, &h))
			return -1;
	}
	b->late = late;
	return 0;
}

/* ---- the form -------------------------------------------------------------------- */

static int binary_begin(struct mp_writer *w, enum mp_kind kind)
{
	struct mp_binary *b = calloc(1, sizeof(*b));

	w->form = b;
	if (!b || !(b->chain = XXH3_createState()) ||
	    (kind == MP_TRACE && mp_enc_start(&b->enc)))
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	XXH3_64bits_reset(b->chain);
	return 0;
}

static int binary_meta(struct mp_writer *w, const char *key, const char *value)
{
	struct mp_binary *b = mp_binary(w);
	uint32_t *meta;

	if (b->head)
		return mp_writer_fail(w, "%s: metadata after the first event", w->out.name);
	if (b->n_meta == MP_BLOCK_MAX)
		return mp_writer_fail(w, "%s: too much metadata", w->out.name);
	meta = mp_more(b->meta, 2 * b->n_meta + 1, &b->meta_room, sizeof(*meta));
	if (!meta)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	b->meta = meta;
	meta[2 * b->n_meta] = mp_def_cstring(w->tree, key);
	meta[2 * b->n_meta++ + 1] = mp_def_cstring(w->tree, value);
	return w->tree->failed ? mp_writer_fail(w, "%s: out of memory", w->out.name) : 0;
}

/* One label of N rows from FROM on; absent where it is 0 in all of them. */
static void add_label(struct mp_block_out *b, unsigned id, enum mp_coding coding,
		const uint32_t *label, size_t from, uint32_t n)
{
	uint32_t any = 0;

	for (uint32_t i = 0; label && i < n; i++)
		any |= label[from + i];
	if (any)
		mp_column_values32(b, id, coding, label + from, n);
}

static int binary_rows(struct mp_writer *w, const struct mp_rows_out *rows)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_block_out *o = &b->out;

	if (rows->columns != w->tree->column.n || !rows->columns ||
	    rows->columns > MP_VALUE_COLUMNS)
		return mp_writer_fail(w, "%s: rows do not fit the columns", w->out.name);
	for (size_t from = 0; from < rows->n; from += MP_BLOCK_MAX) {
		size_t left = rows->n - from;
		uint32_t n = left < MP_BLOCK_MAX ? (uint32_t)left : MP_BLOCK_MAX;
		struct mp_header h = mp_plain_header(w, MP_BLOCK_ROWS, n);
		uint64_t *value;

		if (mp_emit_defs(w, MP_BLOCK_ROWS))
			return -1;
		add_label(o, MP_COL_R_NODE, MP_CODING_DELTA, rows->node, from, n);
		add_label(o, MP_COL_R_PROCESS, MP_CODING_LEB, rows->process, from, n);
		add_label(o, MP_COL_R_THREAD, MP_CODING_LEB, rows->thread, from, n);
		add_label(o, MP_COL_R_KIND, MP_CODING_LEB, rows->kind, from, n);
		add_label(o, MP_COL_R_TYPE, MP_CODING_LEB, rows->type, from, n);
		add_label(o, MP_COL_R_PID, MP_CODING_LEB, rows->pid, from, n);
		add_label(o, MP_COL_R_TID, MP_CODING_LEB, rows->tid, from, n);
		value = mp_column_scratch(o);
		for (uint32_t c = 0; value && c < rows->columns; c++) {
			for (uint32_t i = 0; i < n; i++)
				value[i] = (uint64_t)rows->value[c][from + i];
			mp_column_values(o, MP_COL_R_VALUE + c, MP_CODING_DELTA, value, n);
		}
		if (left > n)
			h.flags = MP_FLAG_CONTINUED;
		if (b->late)
			h.flags |= MP_FLAG_LATE;
		if (mp_emit(w, &h))
			return -1;
	}
	return 0;
}

static int binary_loss(struct mp_writer *w, const struct mp_loss *loss)
{
	mp_add_loss(&mp_binary(w)->loss, loss);
	return 0;
}

static int write_end(struct mp_writer *w)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_enc *e = &b->enc;
	struct mp_header h = mp_plain_header(w, MP_BLOCK_END, 0);
	uint64_t left_blocks = 0, left_bytes = 0;

	if (w->kind == MP_TRACE)
		mp_left_live(w, &left_blocks, &left_bytes);
	mp_column_values(&b->out, MP_COL_E_FIXED, MP_CODING_FIXED64, (uint64_t[]){
			b->events, e->total, left_blocks, left_bytes, e->peak,
			b->loss.lost_events + b->lost_events, b->loss.lost_bytes + b->lost_bytes,
			b->loss.damaged_blocks, b->loss.truncated, b->loss.sample_interval,
			XXH3_64bits_digest(b->chain), b->proto.sequence }, MP_END_NUMBERS);
	return mp_emit(w, &h);
}

static void binary_free(struct mp_writer *w)
{
	struct mp_binary *b = mp_binary(w);

	if (!b)
		return;
	mp_block_out_free(&b->out);
	mp_enc_stop(&b->enc);
	mp_free_other(b);
	mp_foreign_free(b);
	XXH3_freeState(b->chain);
	free(b->meta);
	free(b);
	w->form = NULL;
}

static int binary_end(struct mp_writer *w)
{
	int status = 0;

	if (w->kind == MP_TRACE)
		status = mp_flush_base(w) || mp_enc_close(w, false) || mp_flush_other(w, true);
	/* definitions that no block was written after */
	if (!status)
		status = mp_emit_defs(w, w->kind == MP_TRACE ? MP_BLOCK_EVENTS : MP_BLOCK_ROWS);
	if (!status && mp_binary(w)->out.n) {
		struct mp_header h = mp_plain_header(w, w->kind == MP_TRACE ? MP_BLOCK_EVENTS :
				MP_BLOCK_ROWS, 0);

		if (mp_binary(w)->late)
			h.flags = MP_FLAG_LATE;
		status = mp_emit(w, &h);
	}
	if (!status && w->kind == MP_TRACE)
		status = mp_write_checkpoint(w);
	if (!status)
		status = write_end(w);
	binary_free(w);
	return status ? -1 : 0;
}

const struct mp_form_ops mp_binary_ops = {
	.begin = binary_begin, .meta = binary_meta, .event = mp_binary_event,
	.rows = binary_rows, .loss = binary_loss, .copy = mp_binary_copy, .end = binary_end,
	.free = binary_free,
};

/* reader_part.c - blocks to parts: HEAD, sequence numbers, END.
 * Invariant: every block between HEAD and END is handed out once, skipped as
 * unknown, or counted as damaged.
 */
#include "reader.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* A profile is whole or an error. */
static int profile_check(struct mp_reader *r)
{
	if (r->kind != MP_PROFILE || !r->in_part)
		return 0;
	if (r->damaged)
		return mp_reader_fail(r, "%s", r->damage.text);
	if (r->own.truncated)
		return mp_reader_fail(r, "%s: byte %" PRIu64 ": the profile is cut off", r->name,
				r->in->offset);
	return 0;
}

/* The stream or the next part came before END. */
static int cut_short(struct mp_reader *r)
{
	r->over = true;
	r->own.truncated++;
	if (r->noise)
		r->own.damaged_blocks++;
	r->noise = false;
	return profile_check(r);
}

/* The block at hand was found in its place: count what was not. */
static void follow(struct mp_reader *r)
{
	const struct mp_header *h = &r->raw.h;
	uint8_t hash[8];

	if (h->sequence > r->expect) {
		if (!r->noise)
			mp_damaged(r, r->raw.offset, "blocks are missing: %" PRIu32 " comes after "
					"%" PRIu32, h->sequence, r->expect - 1);
		r->own.damaged_blocks += h->sequence - r->expect;
	} else if (r->noise) {
		r->own.damaged_blocks++;
	}
	r->noise = false;
	r->expect = h->sequence + 1;
	if (r->raw.bad_own || r->raw.bad_defs) {
		r->own.damaged_blocks++;
	} else if (!r->damaged && h->before != r->events) {
		mp_damaged(r, r->raw.offset, "records before it are not as many as it says");
		r->own.damaged_blocks++;
	}
	mp_add_loss(&r->own, &(struct mp_loss){ .lost_events = h->lost_events,
			.lost_bytes = h->lost_bytes, .sample_interval = h->interval });
	if (h->kind == MP_BLOCK_EVENTS || h->kind == MP_BLOCK_ROWS)
		r->events += h->n;
	if (h->kind == MP_BLOCK_END)
		return;
	mp_set_u64(hash, h->hash);
	XXH3_64bits_update(r->chain, hash, sizeof(hash));
}

int mp_part_block(struct mp_reader *r)
{
	if (r->again) {
		r->again = false;
		return 1;
	}
	while (!mp_err_is(&r->error) && r->in_part && !r->over) {
		const struct mp_header *h = &r->raw.h;
		bool cut;
		int got = 1;

		if (!r->held)
			got = mp_raw_next(r, &cut);
		if (got < 0)
			return -1;
		if (!got)
			return cut_short(r);
		r->held = true;
		/* what comes first in another part ends this one */
		if ((h->kind == MP_BLOCK_HEAD && !h->sequence && r->expect) ||
		    h->part != r->part)
			return cut_short(r);
		r->held = false;
		if (h->sequence < r->expect) {
			mp_damaged(r, r->raw.offset, "block %" PRIu32 " comes again", h->sequence);
			r->own.damaged_blocks++;
			r->noise = false;
		} else {
			follow(r);
			if (profile_check(r))
				return -1;
			return 1;
		}
		if (profile_check(r))
			return -1;
	}
	return mp_err_is(&r->error) ? -1 : 0;
}

bool mp_known_block(struct mp_reader *r)
{
	const struct mp_header *h = &r->raw.h;

	if (h->kind < MP_BLOCK_HEAD || h->kind > MP_BLOCK_END || h->kind == 9) {
		if (h->flags & MP_FLAG_CRITICAL)
			mp_reader_fail(r, "%s: byte %" PRIu64 ": a block of kind %u needs a newer "
					"version", r->name, r->raw.offset, h->kind);
		return false;
	}
	for (unsigned i = 0; i < h->columns; i++) {
		const struct mp_entry *e = &r->raw.entry[i];

		if (e->critical && e->id != MP_COL_D_SITE_WEIGHT &&
		    !(h->kind == MP_BLOCK_EVENTS && e->id == MP_COL_PROCEND)) {
			mp_reader_fail(r, "%s: byte %" PRIu64 ": column %u needs a newer version",
					r->name, r->raw.offset, e->id);
			return false;
		}
	}
	return true;
}

/* ---- END ------------------------------------------------------------------------- */

void mp_part_end(struct mp_reader *r)
{
	uint64_t *number = r->end_number, chain = XXH3_64bits_digest(r->chain);
	int i = mp_column_find(r, MP_COL_E_FIXED);
	const char *cause = "no totals at the end";
	const uint8_t *p = i < 0 ? NULL : mp_column_open(r, (unsigned)i, &cause);

	r->over = true;
	if (!p || r->raw.entry[i].coding != MP_CODING_FIXED64 ||
	    r->raw.entry[i].values < MP_END_NUMBERS) {
		if (!r->raw.bad_own)
			r->own.damaged_blocks++;
		mp_damaged(r, r->raw.offset, "%s", cause);
		return;
	}
	for (int k = 0; k < MP_END_NUMBERS; k++)
		number[k] = mp_get_u64(p + 8 * k);
	r->complete = true;
	r->end = (struct mp_loss){ number[5], number[6], number[7], number[8], number[9] };
	if (r->damaged)
		return;
	if (number[10] != chain || number[11] != r->raw.h.sequence || number[0] != r->events) {
		mp_damaged(r, r->raw.offset, "blocks differ from what the end says");
		r->own.damaged_blocks++;
	}
}

/* ---- HEAD ------------------------------------------------------------------------ */

static int head_numbers(struct mp_reader *r)
{
	uint64_t number[MP_HEAD_NUMBERS];
	int i = mp_column_find(r, MP_COL_H_FIXED);
	const char *cause;
	const uint8_t *p = i < 0 ? NULL : mp_column_open(r, (unsigned)i, &cause);

	if (!p || r->raw.entry[i].coding != MP_CODING_FIXED64 ||
	    r->raw.entry[i].values < MP_HEAD_NUMBERS)
		return 0;
	for (int k = 0; k < MP_HEAD_NUMBERS; k++)
		number[k] = mp_get_u64(p + 8 * k);
	if (number[1] >> 16 != MP_MAJOR || number[2])
		return mp_reader_fail(r, "%s: byte %" PRIu64 ": format %u.%u%s needs a newer version",
				r->name, r->raw.offset, (unsigned)(number[1] >> 16),
				(unsigned)(number[1] & 0xffff), number[2] ? " with features" : "");
	if ((number[0] != MP_TRACE && number[0] != MP_PROFILE) || !number[4])
		return mp_reader_fail(r, "%s: byte %" PRIu64 ": neither a trace nor a profile",
				r->name, r->raw.offset);
	r->kind = (enum mp_kind)number[0];
	r->tick = number[4];
	r->tree->objects = number[5] & 1;
	return 0;
}

/* Metadata; string ids that do not exist are damage. */
static void head_meta(struct mp_reader *r)
{
	const uint64_t *key, *value;
	uint32_t n = 0, n_values;
	const char *cause = mp_read_values(r, MP_COL_H_KEY, MP_CODING_LEB, 0, 0, &key, &n);

	if (!cause && n)
		cause = mp_read_values(r, MP_COL_H_VALUE, MP_CODING_LEB, 1, n, &value, &n_values);
	if (!cause && n && !mp_room(r, &r->meta, &r->meta_room, 2 * (size_t)n, sizeof(*r->meta)))
		return;
	for (uint32_t i = 0; !cause && i < n; i++) {
		if (!mp_reach_def(r, MP_DEF_STRING, key[i]) ||
		    (value && !mp_reach_def(r, MP_DEF_STRING, value[i]))) {
			cause = "metadata refers to no string";
			break;
		}
		r->meta[2 * i] = (uint32_t)key[i];
		r->meta[2 * i + 1] = value ? (uint32_t)value[i] : 0;
		r->n_meta = i + 1;
	}
	if (cause && !r->raw.bad_own) {
		mp_damaged(r, r->raw.offset, "%s", cause);
		r->own.damaged_blocks++;
	}
}

static int read_head(struct mp_reader *r)
{
	bool more = true;
	int got;

	while (more) {
		got = mp_part_block(r);
		if (got <= 0)
			return got;
		if (r->raw.h.kind != MP_BLOCK_HEAD) {
			r->again = true;
			break;
		}
		if (!mp_known_block(r))
			return mp_err_is(&r->error) ? -1 : 0;
		if (!r->raw.h.sequence && head_numbers(r))
			return -1;
		mp_read_defs(r);
		head_meta(r);
		more = r->raw.h.flags & MP_FLAG_CONTINUED;
	}
	return 0;
}

/* ---- parts ------------------------------------------------------------------------- */

/* Read the rest of a part that nobody wants. */
static int skip_rest(struct mp_reader *r)
{
	int got;

	while ((got = mp_part_block(r)) > 0) {
		if (r->raw.h.kind == MP_BLOCK_END)
			mp_part_end(r);
		if (profile_check(r))
			return -1;
	}
	return got;
}

static void part_reset(struct mp_reader *r)
{
	struct mp_loss done = mp_part_loss(r);

	mp_add_loss(&r->before, &done);
	r->own = r->end = (struct mp_loss){ 0 };
	mp_tree_free(r->tree);
	r->tree = NULL;
	mp_defs_reset(r);
	mp_next_reset(r);
	XXH3_64bits_reset(r->chain);
	r->in_part = r->over = r->complete = r->damaged = r->resync = r->again = false;
	r->chunks = 0;
	r->kind = 0;
	r->tick = 0;
	r->expect = 0;
	r->slots = 1;
	r->events = 0;
	r->n_meta = 0;
	r->kept_n = 0;
	r->placeholders = 0;
	r->fetch_from = MP_FETCH_FROM;
}

/* Begin a part with the block at hand. */
static int part_begin(struct mp_reader *r)
{
	const struct mp_header *h = &r->raw.h;

	r->tree = mp_tree_new();
	if (!r->tree)
		return mp_reader_fail(r, "%s: out of memory", r->name);
	/* what nodes that damage took have for a frame */
	r->tree->location.x[0].kind = MP_LOC_NOTE;
	r->in_part = r->any = r->held = true;
	r->part = h->part;
	r->sampled = h->interval != 0;
	r->damaged = r->resync = r->noise || r->raw.bad_own || r->raw.bad_defs;
	if (h->kind != MP_BLOCK_HEAD || h->sequence) {
		mp_damaged(r, r->raw.offset, "a part without its first block");
		if (!h->sequence)
			r->noise = true;
	}
	if (h->kind == MP_BLOCK_HEAD && read_head(r))
		return -1;
	if (!r->kind) {
		r->kind = h->kind == MP_BLOCK_ROWS ? MP_PROFILE : MP_TRACE;
		r->tree->objects = true;
	}
	r->keeping = false;
	return profile_check(r) || mp_err_is(&r->error) ? -1 : 1;
}

int mp_next_part(struct mp_reader *r)
{
	bool cut = false;
	int got = 1;

	if (mp_reader_detect(r) || skip_rest(r) < 0)
		return -1;
	part_reset(r);
	/* the end of the part before is none of this one's bytes */
	if (!r->held)
		mp_raw_done(r);
	r->keeping = true;
	if (!r->held)
		got = mp_raw_next(r, &cut);
	if (got > 0)
		return part_begin(r);
	if (got < 0)
		return -1;
	r->keeping = false;
	if (!r->any)
		return mp_reader_fail(r, "%s: byte 0: %s", r->name,
				cut ? "cut off in its first block" : "no whole block");
	/* after the last part: nothing, or what is left of a next one */
	r->own.truncated += cut;
	r->own.damaged_blocks += r->noise;
	r->noise = false;
	return 0;
}

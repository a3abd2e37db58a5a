/* copy.c - mp_copy_part from binary to binary: the part's bytes as they are, or the
 * same columns compressed anew, where a level was asked for, or where they are stored
 * and the output is compressed.
 * Invariant: damaged bytes go along, so that the next reader meets the same
 * damage; a block that the stream's end cuts off does not.
 */
#include "copy.h"

#include "bytes.h"

#include <string.h>
#include <xxhash.h>

enum { END_CHAIN = 10, END_BLOCKS = 11 };       /* numbers in END */

/* Its first block is whole and all that was read of the part. */
static bool is_fresh(const struct mp_reader *r)
{
	return !r->kept_n && !r->resume && r->pending && r->raw.h.kind == MP_BLOCK_HEAD;
}

static bool is_stored(const struct mp_reader *r)
{
	const struct mp_raw *raw = &r->raw;

	for (unsigned i = 0; i < raw->h.columns; i++)
		if (!mp_is_stored(raw->frame[i], raw->entry[i].stored))
			return false;
	return true;
}

int mp_copy_block(struct mp_writer *w, struct mp_copy *c, struct mp_header *h)
{
	uint64_t bytes = 0;
	uint8_t hash[8];

	if (mp_block_write(&c->out, h, &w->out, w->level, &bytes))
		return -1;
	mp_set_u64(hash, h->hash);
	if (c->chain)
		XXH3_64bits_update(c->chain, hash, sizeof(hash));
	return 0;
}

/* Write the block at hand at the writer's level; a damaged one is left to be copied. */
static int recode_block(struct mp_writer *w, struct mp_reader *r, struct mp_copy *c)
{
	struct mp_header h = r->raw.h;

	if (r->resume)
		return 0;
	for (unsigned i = 0; i < h.columns; i++) {
		const struct mp_entry *e = &r->raw.entry[i];
		const char *cause;
		const uint8_t *raw = mp_column_open(r, i, &cause);
		uint8_t *to = raw ? mp_column_room(&c->out, e->raw) : NULL;

		if (!to) {
			c->out.n = 0;
			c->out.raw_n = 0;
			return 0;
		}
		memcpy(to, raw, e->raw);
		if (h.kind == MP_BLOCK_END && e->id == MP_COL_E_FIXED && !r->damaged &&
		    e->raw >= 8 * (END_BLOCKS + 1)) {
			mp_set_u64(to + 8 * END_CHAIN, XXH3_64bits_digest(c->chain));
			mp_set_u64(to + 8 * END_BLOCKS, h.sequence + c->added);
		}
		mp_column_add(&c->out, e->id, (enum mp_coding)e->coding, e->values, e->raw);
		if (e->critical)
			mp_column_critical(&c->out);
	}
	if (h.kind == MP_BLOCK_END)
		h.sequence += c->added;
	if (mp_copy_block(w, c, &h))
		return -1;
	r->copy = NULL;
	mp_raw_done(r);
	r->copy = &w->out;
	return 0;
}

/* ---- a part ------------------------------------------------------------------------ */

static int copy_blocks(struct mp_writer *w, struct mp_reader *r, struct mp_copy *c)
{
	bool cut = true;
	int got;

	r->copy = &w->out;
	if (c->chain && recode_block(w, r, c))
		return -1;
	while ((got = mp_part_block(r)) > 0) {
		bool known = mp_known_block(r), end = r->raw.h.kind == MP_BLOCK_END;

		if (!known && mp_err_is(&r->error))
			return -1;
		cut &= !end;
		if (end)
			mp_part_end(r);
		else if (known && c->follow && c->follow(c, r))
			return -1;
		/* an END that is damaged is the last block all the same */
		if (end && c->add && r->complete && !r->resume && c->add(c, w, r))
			return -1;
		if (c->chain && recode_block(w, r, c))
			return -1;
	}
	if (got == 0 && c->add && cut && c->add(c, w, r))
		return -1;
	/* the last block, unless it is the next part's first */
	if (got == 0 && !r->held)
		mp_raw_done(r);
	return got;
}

int mp_copy_with(struct mp_copy *c, struct mp_writer *w, struct mp_reader *r)
{
	if (mp_err_is(&r->error) || !r->in_part)
		return mp_writer_fail(w, "%s", mp_err_is(&r->error) ? r->error.text :
				"no part to copy");
	if (is_fresh(r) && (w->asked || (w->level && is_stored(r)))) {
		c->chain = XXH3_createState();
		if (!c->chain)
			return mp_writer_fail(w, "%s: out of memory", w->out.name);
		XXH3_64bits_reset(c->chain);
	}
	if (!r->kept_n || !mp_out_add(&w->out, r->kept, r->kept_n))
		copy_blocks(w, r, c);
	r->copy = NULL;
	mp_block_out_free(&c->out);
	XXH3_freeState(c->chain);
	if (r->kind == MP_PROFILE && r->damaged)
		mp_reader_fail(r, "%s", r->damage.text);
	if (mp_err_is(&r->error))
		return mp_writer_fail(w, "%s", r->error.text);
	return mp_writer_error(w) ? -1 : 0;
}

int mp_binary_copy(struct mp_writer *w, struct mp_reader *r)
{
	struct mp_copy c = { .chain = NULL };

	return mp_copy_with(&c, w, r);
}

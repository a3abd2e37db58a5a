/* reader_block.c - mp_next_block: blocks of a part with their columns decoded.
 * Invariant: a block that breaks a promise of struct mp_block is damage and is
 * not handed out.
 */
#include "reader.h"

enum { SLOTS_LOST_MAX = 1 << 26 };

static void begin_block(struct mp_reader *r)
{
	const struct mp_header *h = &r->raw.h;
	struct mp_block *b = &r->block;

	*b = (struct mp_block){
		.kind = (enum mp_block_kind)h->kind, .flags = h->flags, .sequence = h->sequence,
		.n = h->n, .first_time = h->first_time, .last_time = h->last_time,
		.before = h->before, .live_bytes = h->live_bytes, .live_blocks = h->live_blocks,
		.max_live = h->max_live, .position = h->position,
		.slots = h->slots ? h->slots : 1,
		.lost_events = h->lost_events, .lost_bytes = h->lost_bytes,
		.interval = h->interval, .resync = r->resync,
	};
}

static bool has_slots(const struct mp_block *b)
{
	return b->kind == MP_BLOCK_EVENTS || b->kind == MP_BLOCK_BASE ||
		b->kind == MP_BLOCK_CHECKPOINT;
}

/* Tables are made for as many slots as a block of events or of live blocks says, so
 * they may not grow by more than what is new.  Damage may have taken blocks that
 * made slots: then it is what a trace in front could have used (a block of 65536 new
 * slots is longer than 128 bytes), and some for one whose begin is cut off. */
static const char *check_slots(struct mp_reader *r)
{
	const struct mp_block *b = &r->block;
	int i = mp_column_find(r, MP_COL_NEW);
	uint64_t most = r->slots;

	if (r->damaged)
		most += SLOTS_LOST_MAX + 512 * r->raw.offset;
	else if (b->kind == MP_BLOCK_BASE)
		most += b->n;
	else if (i >= 0)
		most += r->raw.entry[i].values;
	if (b->slots > most)
		return "slots grow by more than what is new";
	return b->slots < r->slots && !r->damaged ? "slots get fewer" : NULL;
}

/* Decode the block at hand: 1 hand it out, 0 not, -1. */
static int decode(struct mp_reader *r, unsigned want)
{
	struct mp_block *b = &r->block;
	const char *cause = NULL;
	bool more = false;

	if (b->kind == MP_BLOCK_CHECKPOINT && !r->damaged)
		return 0;
	mp_read_defs(r);
	if (r->raw.bad_own || b->kind == MP_BLOCK_HEAD)
		return 0;
	if (has_slots(b))
		cause = check_slots(r);
	if (cause)
		;       /* said below */
	else if (b->kind == MP_BLOCK_EVENTS)
		cause = mp_read_events(r, want);
	else if (b->kind == MP_BLOCK_ROWS)
		cause = mp_read_rows(r);
	else if (b->kind == MP_BLOCK_BASE || b->kind == MP_BLOCK_CHECKPOINT)
		cause = mp_read_live(r, &more);
	else if (want & MP_WANT_OTHER)
		cause = mp_read_other(r);
	else
		return 0;
	if (cause) {
		mp_damaged(r, r->raw.offset, "%s", cause);
		r->own.damaged_blocks++;
		return 0;
	}
	if (more)
		return 0;
	if (has_slots(b))
		r->slots = b->slots;
	r->resync = false;
	return 1;
}

int mp_block_at_hand(struct mp_reader *r, unsigned want, const struct mp_block **block)
{
	begin_block(r);
	*block = &r->block;
	return decode(r, want);
}

int mp_next_block(struct mp_reader *r, unsigned want, const struct mp_block **block)
{
	int got;

	if (!r->in_part)
		return mp_reader_fail(r, "%s: no part was begun", r->name);
	r->want = want;
	while ((got = mp_part_block(r)) > 0) {
		if (!mp_known_block(r)) {
			if (mp_err_is(&r->error))
				return -1;
			continue;
		}
		if (r->raw.h.kind == MP_BLOCK_END) {
			begin_block(r);
			mp_part_end(r);
			if (r->kind == MP_PROFILE && r->damaged)
				return mp_reader_fail(r, "%s", r->damage.text);
			return 0;
		}
		got = mp_block_at_hand(r, want, block);
		if (mp_err_is(&r->error))
			return -1;
		if (r->kind == MP_PROFILE && r->damaged)
			return mp_reader_fail(r, "%s", r->damage.text);
		if (got)
			return 1;
	}
	return got;
}

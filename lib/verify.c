/* verify.c - a part read to its end as a view reads it, for nothing but what is
 * wrong with it: its blocks, and whether their headers tell what their events do.
 */
#include "reader.h"
#include "view.h"

int mp_verify_part(struct mp_reader *r, uint64_t *records)
{
	struct mp_query query = { .view = MP_VIEW_PEAK };
	struct replay *v = r->kind == MP_TRACE ? mp_replay_new(r->tree, &query) : NULL;
	unsigned long told = 0;
	const struct mp_block *b;

	if (r->kind == MP_TRACE && !v)
		return mp_reader_fail(r, "%s: out of memory", r->name);
	while (mp_next_block(r, MP_WANT_ALL, &b) > 0) {
		if (b->kind != MP_BLOCK_CHECKPOINT)
			*records += b->n;
		if (v && mp_replay_block(v, b))
			mp_reader_fail(r, "%s: out of memory", r->name);
		if (v && told < v->mismatches)  /* once a block */
			mp_note_damage(r, "block %u: sums differ from its events", b->sequence);
		told = v ? v->mismatches : 0;
	}
	/* END's header tells what was live there */
	if (v && r->complete && !r->damaged && !v->was_damaged &&
	    (v->scope->cur != r->block.live_bytes || v->blocks != r->block.live_blocks))
		mp_note_damage(r, "block %u: sums differ from the events", r->block.sequence);
	mp_replay_free(v);
	return mp_err_is(&r->error) ? -1 : 0;
}

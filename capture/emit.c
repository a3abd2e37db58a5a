/* emit.c - records out of a slot, in runs where they are allocations and frees, and the
 * slots that are alone.
 */
#include "emit.h"

enum { AHEAD = 512 };           /* bytes of records whose blocks are prefetched */

void drain_drop(struct drain *d, struct slot *s)
{
	s->bad = true;
	s->pos = s->safe = s->seen;
	d->counts.bad_slots++;
	drain_lost(d, 1, 0);
	d->say("a thread's records made no sense; they are dropped and counted as lost");
}

void emit_move_on(struct drain *d, struct slot *s, const struct cursor *c)
{
	if (slot_advance(s, d->session, c)) {
		atomic_store_explicit(&s->shared->head, s->pos, memory_order_release);
		session_wake(&s->shared->waiting);
		session_tick(d->session);       /* a round may be long */
		d->gave = true;
	}
}

/* Ask for the table entries of the next records: a large heap's are far away. */
static void look_ahead(const struct session *session, struct slot *s)
{
	uint64_t end = (s->pos / MP_CHUNK + 1) * MP_CHUNK;
	const unsigned char *chunk = session->chunk + s->chunk_at;

	if (end > s->pos + AHEAD)
		end = s->pos + AHEAD;
	if (end > s->seen)
		end = s->seen;
	if (s->ahead < s->pos)
		s->ahead = s->pos;
	while (s->ahead + 8 <= end) {
		uint64_t w0 = __atomic_load_n((const uint64_t *)(const void *)
				(chunk + s->ahead % MP_CHUNK), __ATOMIC_RELAXED);
		unsigned type = MP_REC_TYPE(w0);

		if (type >= MP_REC_TYPES || !slot_words[type])
			return;
		if (type >= MP_REC_ALLOC && type <= MP_REC_END)
			ident_prefetch(&s->image->memory, MP_REC_ADDRESS(w0));
		s->ahead += slot_words[type] * 8u;
	}
}

void emit_one(struct drain *d, struct slot *s, struct cursor *c, const struct record *r)
{
	if (d->null && (r->type == MP_REC_ALLOC || r->type == MP_REC_FREE)) {
		d->thrown++;
	} else {
		look_ahead(d->session, s);
		drain_apply(d, s, r);
	}
	c->pos += (uint64_t)r->words * 8;
	d->counts.records++;
	emit_move_on(d, s, c);
}

/* Plain allocations and frees from the head of S on, as long as they lie in one
 * chunk: first their blocks are asked for, then they are applied. */
static void emit_run(struct drain *d, struct slot *s)
{
	const unsigned char *chunk = d->session->chunk + s->chunk_at;
	uint64_t end = emit_end(s->pos, s->safe), pos = s->pos;
	struct plain batch[EMIT_BATCH];
	unsigned n, bytes;

	do {
		for (n = 0; n < EMIT_BATCH; n++, pos += bytes) {
			bytes = emit_plain(chunk, pos, end, &batch[n]);
			if (!bytes)
				break;
			emit_prefetch(s, &batch[n]);
		}
		emit_batch(d, s, batch, n, pos);
	} while (n == EMIT_BATCH);
}

/* The same of a drain that throws them away. */
static void skip_run(struct drain *d, struct slot *s)
{
	const unsigned char *chunk = d->session->chunk + s->chunk_at;
	uint64_t end = emit_end(s->pos, s->safe), pos = s->pos;
	struct plain p;
	unsigned bytes;

	while ((bytes = emit_plain(chunk, pos, end, &p)) != 0) {
		pos += bytes;
		d->thrown++;
		d->counts.records++;
	}
	s->pos = pos;
}

static void emit_alone(struct drain *d, struct slot *s)
{
	struct cursor c;
	struct record r;

	while (emit_next(d, s, s->safe, &c, &r)) {
		emit_one(d, s, &c, &r);
		if (s->pos % MP_CHUNK == 0)
			continue;
		if (d->null)
			skip_run(d, s);
		else if (drain_is_plain(s))
			emit_run(d, s);
	}
}

void drain_emit(struct drain *d)
{
	if (d->actives > 1 && !d->null) {
		merge_emit(d);
		return;
	}
	d->more = false;
	for (uint32_t i = 0; i < d->actives; i++)
		emit_alone(d, &d->slot[d->active[i]]);
}

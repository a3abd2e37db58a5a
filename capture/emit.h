/* emit.h - what emit.c and merge.c share: the next record of a slot, and runs of plain
 * ones. */
#ifndef MP_EMIT_H
#define MP_EMIT_H

#include "drain.h"

enum { EMIT_BATCH = 32 };

/* Give back what is behind C. */
void emit_move_on(struct drain *, struct slot *, const struct cursor *);

/* The next record of S below LIMIT, at C. */
static inline bool emit_next(struct drain *d, struct slot *s, uint64_t limit, struct cursor *c,
		struct record *r)
{
	enum slot_read got;

	if (s->bad)
		return false;
	*c = slot_cursor(s);
	got = slot_read(d->session, c, limit, r);
	if (__builtin_expect(got == SLOT_RECORD, 1))
		return true;
	if (got == SLOT_BAD)
		drain_drop(d, s);
	else if (c->pos != s->pos)      /* a new chunk, and nothing in it yet */
		emit_move_on(d, s, c);
	return false;
}

/* Apply R, which is at C, and move on. */
void emit_one(struct drain *, struct slot *, struct cursor *c, const struct record *r);

/* Where the chunk of POS ends, or LIMIT if that is nearer. */
static inline uint64_t emit_end(uint64_t pos, uint64_t limit)
{
	uint64_t end = (pos / MP_CHUNK + 1) * MP_CHUNK;

	return end < limit ? end : limit;
}

/* The allocation or free at POS of a chunk, below END; its bytes, 0: it is something
 * else. */
static inline unsigned emit_plain(const unsigned char *chunk, uint64_t pos, uint64_t end,
		struct plain *p)
{
	const uint64_t *at = (const void *)(chunk + pos % MP_CHUNK);

	if (pos + 16 > end)
		return 0;
	p->w0 = __atomic_load_n(at, __ATOMIC_RELAXED);
	p->w1 = __atomic_load_n(at + 1, __ATOMIC_RELAXED);
	if (MP_REC_TYPE(p->w0) == MP_REC_FREE)
		return 16;
	if (MP_REC_TYPE(p->w0) != MP_REC_ALLOC || pos + 24 > end)
		return 0;
	p->w2 = __atomic_load_n(at + 2, __ATOMIC_RELAXED);
	return 24;
}

/* Ask for what applying P will look at: a large heap's table is far away. */
static inline void emit_prefetch(const struct slot *s, const struct plain *p)
{
	if (MP_REC_TYPE(p->w0) == MP_REC_ALLOC)
		slot_prefetch(s, (uint32_t)(p->w1 >> 32));
	ident_prefetch(&s->image->memory, MP_REC_ADDRESS(p->w0));
}

static inline void emit_batch(struct drain *d, struct slot *s, const struct plain *p,
		unsigned n, uint64_t pos)
{
	drain_apply_plain(d, s, p, n);
	d->counts.records += n;
	s->pos = pos;
}

/* ---- merge.c ---- */

void merge_emit(struct drain *);        /* all active slots */

#endif

/* emit.c - the records of a round in their final order: slot after slot within an
 * epoch, and what capture/order.h puts ahead of a record.
 */
#include "drain.h"

#include <string.h>

enum {
	AHEAD = 512,            /* bytes of records whose blocks are prefetched */
	STEP = 2 << 20,         /* bytes of a step, about */
};

void drain_drop(struct drain *d, struct slot *s)
{
	s->bad = true;
	s->pos = s->safe = s->seen;
	d->counts.bad_slots++;
	drain_lost(d, 1, 0);
	d->say("a thread's records made no sense; they are dropped and counted as lost");
}

static void move_on(struct drain *d, struct slot *s, const struct cursor *c)
{
	if (slot_advance(s, d->session, c)) {
		atomic_store_explicit(&s->shared->head, s->pos, memory_order_release);
		session_wake(&s->shared->waiting);
		session_tick(d->session);       /* a round may be long */
		d->gave = true;
	}
}

/* The next record of S below LIMIT, at C. */
static inline bool next(struct drain *d, struct slot *s, uint64_t limit, struct cursor *c,
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
		move_on(d, s, c);
	return false;
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

static inline void consume(struct drain *d, struct slot *s, struct cursor *c,
		const struct record *r)
{
	if (d->null && (r->type == MP_REC_ALLOC || r->type == MP_REC_FREE)) {
		d->thrown++;
	} else {
		look_ahead(d->session, s);
		drain_apply(d, s, r);
	}
	c->pos += (uint64_t)r->words * 8;
	d->counts.records++;
	move_on(d, s, c);
}

static bool peek(void *ctx, unsigned index, struct order_event *e)
{
	struct drain *d = ctx;
	struct slot *s = &d->slot[index];
	struct cursor c;
	struct record r;

	if (!next(d, s, s->limit, &c, &r))
		return false;
	*e = (struct order_event){ .pos = c.pos, .fence = drain_is_fence(&r) };
	if (!drain_key(s, &r, &e->key, &e->stamp))
		e->key = 0;
	return true;
}

static void emit(void *ctx, unsigned index)
{
	struct drain *d = ctx;
	struct slot *s = &d->slot[index];
	struct cursor c;
	struct record r;

	if (next(d, s, s->limit, &c, &r))
		consume(d, s, &c, &r);
}

int drain_emit_init(struct drain *d)
{
	struct order_source source = { .ctx = d, .peek = peek, .emit = emit };

	return order_init(&d->order, &source, d->session->slots);
}

/* Epoch of R; 0: it has none. */
static uint32_t due(const struct drain *d, const struct record *r)
{
	int low = drain_epoch(r);
	uint32_t age = (uint16_t)(d->epoch - (uint32_t)low);

	return low < 0 || age > d->epoch ? 0 : d->epoch - age;
}

/* Of the first record of S that has one; UINT32_MAX: none has. */
static uint32_t first_due(const struct drain *d, const struct slot *s)
{
	struct cursor c = slot_cursor(s);
	struct record r;

	for (; slot_read(d->session, &c, s->safe, &r) == SLOT_RECORD; c.pos += r.words * 8u)
		if (drain_epoch(&r) >= 0)
			return due(d, &r);
	return UINT32_MAX;
}

/* How far this step goes: to the end, unless that is far.  0: nothing is due yet. */
static uint32_t choose_last(const struct drain *d)
{
	uint32_t least = UINT32_MAX, first;
	uint64_t bytes = 0, last;
	bool later = false;

	for (uint32_t i = 0; i < d->actives; i++) {
		const struct slot *s = &d->slot[d->active[i]];

		bytes += s->seen - s->pos;
		later |= s->seen > s->safe;
		first = first_due(d, s);
		if (first < least)
			least = first;
	}
	if (bytes <= STEP)
		return UINT32_MAX;
	if (least == UINT32_MAX)
		return later ? 0 : UINT32_MAX;
	last = least + 1 + (uint64_t)(d->epoch - least) * STEP / bytes;
	return last < d->epoch ? (uint32_t)last : UINT32_MAX;
}

/* ---- several slots ------------------------------------------------------------------- */

enum pass { PAGES, KEYS, QUEUES };

/* The bound of slot INDEX, of the N of an image; they are in order. */
static struct order_bound *find_bound(struct drain *d, uint32_t n, uint32_t index)
{
	uint32_t low = 0, middle;

	while (low < n) {
		middle = low + (n - low) / 2;
		if (d->bound[middle].slot == index)
			return &d->bound[middle];
		if (d->bound[middle].slot < index)
			low = middle + 1;
		else
			n = middle;
	}
	return NULL;
}

/* A mark: everything that it saw must be in sight, else it is not due yet. */
static void show_fence(struct drain *d, struct slot *s, const struct record *r, uint64_t pos)
{
	const struct mp_rec_mark *m = (const struct mp_rec_mark *)d->copy;
	const struct mp_rec_cut *cut = (const struct mp_rec_cut *)(m + 1);
	size_t bytes = slot_copy(r, d->copy, MP_CHUNK);
	struct order_event e = { .pos = pos, .fence = true };
	uint32_t n = 0;

	if (bytes < sizeof *m || bytes - sizeof *m < m->cuts * sizeof *cut)
		return;
	for (uint32_t i = 0; i < d->actives; i++)
		if (d->slot[d->active[i]].image == s->image)
			d->bound[n++] = (struct order_bound){ .slot = d->active[i] };
	for (uint32_t i = 0; i < m->cuts; i++) {
		const struct slot *o = cut[i].slot < d->used ? &d->slot[cut[i].slot] : NULL;
		struct order_bound *b;

		if (!o || o->image != s->image || o->claimed != cut[i].claimed)
			continue;
		if (cut[i].behind > o->seen)
			return;
		b = find_bound(d, n, cut[i].slot);
		if (b)
			*b = (struct order_bound){ b->slot, cut[i].before, cut[i].behind };
	}
	*find_bound(d, n, s->index) = (struct order_bound){ s->index, pos, pos };
	e.stamp = m->stamp;
	if (order_add_fence(&d->order, s->image->index, s->index, &e, d->bound, n) < 0)
		d->ident.failed = true;
}

/* Show the order what this step looks at of S; on the way, take definitions ahead.
 * A step ends behind a record with an epoch: a definition without one may need
 * another that comes with a later epoch. */
static void show(struct drain *d, struct slot *s, enum pass pass)
{
	struct cursor c = slot_cursor(s);
	uint64_t end = pass == PAGES ? s->seen : s->limit, key, pos;
	bool all = d->last == UINT32_MAX;
	struct record r;
	uint32_t stamp;

	if (pass == PAGES && !all)
		s->limit = s->pos;
	for (; slot_read(d->session, &c, end, &r) == SLOT_RECORD; c.pos = pos) {
		pos = c.pos + (uint64_t)r.words * 8;
		if (pass == PAGES && !all && drain_epoch(&r) >= 0) {
			if (due(d, &r) > d->last)
				break;
			s->limit = pos;
		}
		if (!drain_key(s, &r, &key, &stamp)) {
			if (pass == PAGES && c.pos >= s->defined)
				drain_define(d, s, &r);
			if (pass == PAGES && drain_is_fence(&r))
				show_fence(d, s, &r, c.pos);
		} else if (pass == PAGES) {
			order_mark_page(&d->order, s->index, key);
		} else if (pass == KEYS) {
			order_mark(&d->order, s->index, key);
		} else if (order_shared(&d->order, key) &&
				order_add(&d->order, s->index, c.pos, key, stamp) < 0) {
			d->ident.failed = true;
		}
	}
	if (pass == PAGES && c.pos > s->defined)
		s->defined = c.pos;
}

static uint64_t show_all(struct drain *d, enum pass pass)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < d->actives; i++) {
		struct slot *s = &d->slot[d->active[i]];

		if (s->image->windows < 2)
			continue;
		show(d, s, pass);
		bytes += s->limit - s->pos;
	}
	return bytes;
}

/* What several slots of an image have in common; mostly nothing: false. */
static bool find_shared(struct drain *d)
{
	uint64_t bytes;

	order_begin(&d->order);
	bytes = show_all(d, PAGES);
	order_rank_fences(&d->order);
	if (!d->order.pages_shared)
		return d->order.fences;
	if (order_room(&d->order, bytes / 20) < 0) {
		d->ident.failed = true;
		return false;
	}
	show_all(d, KEYS);
	show_all(d, QUEUES);
	return true;
}

/* Emit S as long as its records are due by EPOCH; returns when the next one is. */
static uint32_t emit_until(struct drain *d, struct slot *s, uint32_t epoch)
{
	struct cursor c;
	struct record r;
	uint64_t key;
	uint32_t stamp, at;

	while (next(d, s, s->safe < s->limit ? s->safe : s->limit, &c, &r)) {
		at = due(d, &r);
		if (at > epoch)
			return at;
		if (d->grouped && s->image->windows > 1 && (c.pos >= d->order.bar[s->index] ||
				(drain_key(s, &r, &key, &stamp) && order_shared(&d->order, key))))
			order_emit(&d->order, s->index, c.pos + 1);
		else
			consume(d, s, &c, &r);
	}
	return UINT32_MAX;
}

static void emit_merged(struct drain *d)
{
	uint32_t epoch = 0, least;

	memset(d->due, 0, d->actives * sizeof *d->due);
	do {
		least = UINT32_MAX;
		for (uint32_t i = 0; i < d->actives; i++) {
			if (d->due[i] <= epoch)
				d->due[i] = emit_until(d, &d->slot[d->active[i]], epoch);
			if (d->due[i] < least)
				least = d->due[i];
		}
		epoch = least;
	} while (least != UINT32_MAX && least <= d->last);
}

/* Plain allocations and frees from the head of S on, as long as they lie in one
 * chunk: first their blocks are asked for, then they are applied. */
static void emit_run(struct drain *d, struct slot *s)
{
	enum { BATCH = 32 };
	const unsigned char *chunk = d->session->chunk + s->chunk_at;
	uint64_t end = (s->pos / MP_CHUNK + 1) * MP_CHUNK, pos = s->pos;
	struct plain batch[BATCH];
	unsigned n;

	if (end > s->safe)
		end = s->safe;
	do {
		for (n = 0; n < BATCH && pos + 16 <= end; n++) {
			const uint64_t *at = (const void *)(chunk + pos % MP_CHUNK);
			struct plain *p = &batch[n];

			p->w0 = __atomic_load_n(at, __ATOMIC_RELAXED);
			p->w1 = __atomic_load_n(at + 1, __ATOMIC_RELAXED);
			if (MP_REC_TYPE(p->w0) == MP_REC_ALLOC && pos + 24 <= end) {
				p->w2 = __atomic_load_n(at + 2, __ATOMIC_RELAXED);
				slot_prefetch(s, (uint32_t)(p->w1 >> 32));
				pos += 24;
			} else if (MP_REC_TYPE(p->w0) == MP_REC_FREE) {
				pos += 16;
			} else {
				break;
			}
			ident_prefetch(&s->image->memory, MP_REC_ADDRESS(p->w0));
		}
		drain_apply_plain(d, s, batch, n);
		d->counts.records += n;
		s->pos = pos;
	} while (n == BATCH);
}

static void emit_alone(struct drain *d, struct slot *s)
{
	struct cursor c;
	struct record r;

	while (next(d, s, s->safe, &c, &r)) {
		consume(d, s, &c, &r);
		if (drain_is_plain(s) && s->pos % MP_CHUNK && !d->null)
			emit_run(d, s);
	}
}

void drain_emit(struct drain *d)
{
	d->last = d->actives > 1 && !d->null ? choose_last(d) : UINT32_MAX;
	d->more = d->last && d->last != UINT32_MAX;
	if (!d->last)
		return;
	d->grouped = d->several && !d->null && find_shared(d);
	if (d->actives > 1 && !d->null)
		emit_merged(d);
	else
		for (uint32_t i = 0; i < d->actives; i++)
			emit_alone(d, &d->slot[d->active[i]]);
}

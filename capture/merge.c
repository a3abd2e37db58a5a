/* merge.c - several slots: which records they have in common, and who comes next.
 * Invariant: a record that may be shared, or that a mark waits for, goes out by the
 * order; all others as they lie, an epoch of one slot after that of another.
 */
#include "emit.h"

#include <string.h>

#define ALWAYS inline __attribute__((always_inline))

enum { STEP = 2 << 20 };        /* bytes of a step, about */

static bool peek(void *ctx, unsigned index, struct order_event *e)
{
	struct drain *d = ctx;
	struct slot *s = &d->slot[index];
	struct cursor c;
	struct record r;

	if (!emit_next(d, s, s->limit, &c, &r))
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

	if (emit_next(d, s, s->limit, &c, &r))
		emit_one(d, s, &c, &r);
}

int drain_emit_init(struct drain *d)
{
	struct order_source source = { .ctx = d, .peek = peek, .emit = emit };

	return order_init(&d->order, &source, d->session->slots);
}

/* The epoch whose low bits are LOW. */
static inline uint32_t due_low(const struct drain *d, uint32_t low)
{
	uint32_t age = (uint16_t)(d->epoch - low);

	return age > d->epoch ? 0 : d->epoch - age;
}

/* Epoch of R; 0: it has none. */
static uint32_t due(const struct drain *d, const struct record *r)
{
	int low = drain_epoch(r);

	return low < 0 ? 0 : due_low(d, (uint32_t)low);
}

static inline uint32_t plain_low(const struct plain *p)
{
	return MP_REC_TYPE(p->w0) == MP_REC_FREE ? p->w1 >> 32 & 0xffff
						 : (uint32_t)(p->w2 >> 48);
}

static inline uint64_t plain_key(const struct slot *s, const struct plain *p)
{
	uint64_t address = MP_REC_ADDRESS(p->w0);

	return address ? address | (uint64_t)s->image->index << 48 : 0;
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

static ALWAYS void show_key(struct drain *d, const struct slot *s, enum pass pass, uint64_t pos,
		uint64_t key, uint32_t stamp)
{
	if (pass == PAGES)
		order_mark_page(&d->order, s->index, key);
	else if (pass == KEYS)
		order_mark(&d->order, s->index, key);
	else if (order_shared(&d->order, key) &&
			order_add(&d->order, s->index, pos, key, stamp) < 0)
		d->ident.failed = true;
}

/* Plain ones from C on, as long as they lie in one chunk and belong to this step. */
static ALWAYS void show_run(struct drain *d, const struct slot *s, struct cursor *c, uint64_t end,
		enum pass pass)
{
	const unsigned char *chunk = d->session->chunk + c->chunk_at;
	uint32_t low = UINT32_MAX;
	uint64_t page = 0, key;
	struct plain p;
	unsigned bytes;

	end = emit_end(c->pos, end);
	for (; (bytes = emit_plain(chunk, c->pos, end, &p)) != 0; c->pos += bytes) {
		if (pass == PAGES && plain_low(&p) != low) {
			low = plain_low(&p);
			if (due_low(d, low) > d->last)
				return;
		}
		key = plain_key(s, &p);
		if (!key || (pass == PAGES && key >> 12 == page))
			continue;
		page = key >> 12;
		show_key(d, s, pass, c->pos, key, (uint32_t)p.w1);
	}
}

/* Show the order what this step looks at of S; on the way, take definitions ahead.
 * A step ends behind a record with an epoch: a definition without one may need
 * another that comes with a later epoch. */
static ALWAYS void show(struct drain *d, struct slot *s, enum pass pass)
{
	struct cursor c = slot_cursor(s);
	uint64_t end = pass == PAGES ? s->seen : s->limit, key, pos = c.pos;
	bool all = d->last == UINT32_MAX;
	struct record r;
	uint32_t stamp;

	if (pass == PAGES && !all)
		s->limit = s->pos;
	for (;; c.pos = pos) {
		if (c.pos % MP_CHUNK)
			show_run(d, s, &c, end, pass);
		if (pass == PAGES && !all && c.pos > pos)
			s->limit = c.pos;
		if (slot_read(d->session, &c, end, &r) != SLOT_RECORD)
			break;
		pos = c.pos + (uint64_t)r.words * 8;
		if (pass == PAGES && !all && drain_epoch(&r) >= 0) {
			if (due(d, &r) > d->last)
				break;
			s->limit = pos;
		}
		if (drain_key(s, &r, &key, &stamp)) {
			show_key(d, s, pass, c.pos, key, stamp);
		} else if (pass == PAGES) {
			if (c.pos >= s->defined)
				drain_define(d, s, &r);
			if (drain_is_fence(&r))
				show_fence(d, s, &r, c.pos);
		}
	}
	if (pass == PAGES && c.pos > s->defined)
		s->defined = c.pos;
}

static ALWAYS uint64_t show_all(struct drain *d, enum pass pass)
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

/* Plain ones from the head of S on that are due by EPOCH and that no other slot has to
 * do with, as long as they lie in one chunk. */
static void run_until(struct drain *d, struct slot *s, bool grouped, uint32_t epoch)
{
	const unsigned char *chunk = d->session->chunk + s->chunk_at;
	uint64_t end = emit_end(s->pos, s->safe < s->limit ? s->safe : s->limit), pos = s->pos;
	struct plain batch[EMIT_BATCH];
	uint32_t low = UINT32_MAX;
	unsigned n, bytes;

	if (grouped && end > d->order.bar[s->index])
		end = d->order.bar[s->index];
	do {
		for (n = 0; n < EMIT_BATCH; n++, pos += bytes) {
			struct plain *p = &batch[n];

			bytes = emit_plain(chunk, pos, end, p);
			if (!bytes || (plain_low(p) != low && due_low(d, plain_low(p)) > epoch))
				break;
			low = plain_low(p);
			if (grouped && order_shared(&d->order, plain_key(s, p)))
				break;
			emit_prefetch(s, p);
		}
		emit_batch(d, s, batch, n, pos);
	} while (n == EMIT_BATCH);
}

/* Emit S as long as its records are due by EPOCH; returns when the next one is. */
static uint32_t emit_until(struct drain *d, struct slot *s, uint32_t epoch)
{
	bool grouped = d->grouped && s->image->windows > 1;
	struct cursor c;
	struct record r;
	uint64_t key;
	uint32_t stamp, at;

	while (emit_next(d, s, s->safe < s->limit ? s->safe : s->limit, &c, &r)) {
		at = due(d, &r);
		if (at > epoch)
			return at;
		if (grouped && (c.pos >= d->order.bar[s->index] ||
				(drain_key(s, &r, &key, &stamp) && order_shared(&d->order, key))))
			order_emit(&d->order, s->index, c.pos + 1);
		else
			emit_one(d, s, &c, &r);
		if (s->pos % MP_CHUNK && drain_is_plain(s))
			run_until(d, s, grouped, epoch);
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

void merge_emit(struct drain *d)
{
	d->last = choose_last(d);
	d->more = d->last && d->last != UINT32_MAX;
	if (!d->last)
		return;
	d->grouped = d->several && find_shared(d);
	emit_merged(d);
}

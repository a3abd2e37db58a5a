/* apply.c - what each record means, in its final place in the order.
 *
 * A realloc is one event in the trace and two records: its BEGIN is held until
 * END, UNDO, or until another thread is given the old address (it succeeded) or
 * frees it (it failed).  An UNMAP is held until the next event of its thread.
 */
#include "drain.h"

#include <string.h>

enum { MS = 1000000 };

void drain_set_time(struct drain *d, uint32_t epoch)
{
	uint64_t now = (uint64_t)epoch * MS;

	if (now > d->time)
		d->time = now;
	d->ident.time = d->time;
}

/* Epochs are 16 bits of a time not long ago. */
static void take_time(struct drain *d, uint32_t low)
{
	uint32_t age = (uint16_t)(d->epoch - low);

	if (__builtin_expect(low == d->low, 1))
		return;
	d->low = low;
	drain_set_time(d, age <= d->epoch ? d->epoch - age : 0);
}

void drain_take_thread(struct drain *d, struct slot *s)
{
	if (__builtin_expect(!s->thread, 0)) {
		s->thread = image_thread(&d->images, s->image, s->tid, s->depth == 0, s->name,
				d->time);
		d->counts.threads += s->depth == 0;
	}
	d->ident.thread = s->thread;
}

/* ---- reallocs and unmaps whose outcome is open --------------------------------------- */

static void unhold(struct slot *s, const struct held *h)
{
	struct block *b = h->settled ? NULL : ident_find(&s->image->memory, h->address);

	if (b)
		b->held = 0;
	s->image->held--;
}

/* Somebody else's event tells how the realloc of ADDRESS ended. */
static void settle(struct drain *d, struct image *image, uint64_t address, bool succeeded)
{
	struct block *b = ident_find(&image->memory, address);
	uint32_t thread = d->ident.thread;

	if (b)
		b->held = 0;
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		for (unsigned k = s->image == image ? s->helds : 0; k-- > 0; ) {
			if (s->held[k].settled || s->held[k].address != address)
				continue;
			s->held[k].settled = true;
			if (!succeeded)
				return;
			drain_take_thread(d, s);
			ident_release(&d->ident, &image->memory, address);
			d->ident.thread = thread;
			return;
		}
	}
}

void drain_confirm_unmap(struct drain *d, struct slot *s)
{
	uint32_t thread = d->ident.thread;

	s->unmap = false;
	s->image->held--;
	if (s->unmap_fixed && !ident_maps_meet(&s->image->memory, s->unmap_address,
			s->unmap_length))
		return;
	drain_take_thread(d, s);
	ident_unmap(&d->ident, &s->image->memory, s->unmap_address, s->unmap_length,
			MP_REPLACE_PARTIAL);
	d->ident.thread = thread;
}

/* A new mapping where somebody else's unmap is not confirmed: it succeeded. */
static void settle_maps(struct drain *d, struct slot *own, uint64_t from, uint64_t length)
{
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		if (s != own && s->image == own->image && s->unmap &&
				s->unmap_address < from + length &&
				from < s->unmap_address + s->unmap_length)
			drain_confirm_unmap(d, s);
	}
}

void drain_settle(struct drain *d, struct slot *s)
{
	while (s->helds)
		unhold(s, &s->held[--s->helds]);
	if (s->unmap)
		drain_confirm_unmap(d, s);
	if (s->intent) {
		/* it died inside a large allocation that was never published */
		drain_mark(d, s, "in flight", (int64_t)s->intended.size);
		drain_mark(d, s, "in flight site",
				ident_site(&d->ident, s->image->memory.process, &s->intended));
		s->intent = false;
	}
}

/* ---- allocations ------------------------------------------------------------------------ */

static struct plain plain_of(const struct record *r)
{
	return (struct plain){ r->w0, word(r, 1), r->words > 2 ? word(r, 2) : 0 };
}

static inline struct ident_what what_of(const struct slot *s, const struct plain *p)
{
	uint32_t stack = (uint32_t)(p->w1 >> 32);

	return (struct ident_what){
		.address = MP_REC_ADDRESS(p->w0),
		.size = p->w2 & MP_REC_SIZE_MASK,
		.node = slot_node(s, stack),
		.kind = MP_REC_KIND(p->w0),
		.memo = slot_memo(s, stack),
	};
}

static void alloc(struct drain *d, struct slot *s, const struct ident_what *what)
{
	struct memory *m = &s->image->memory;

	s->intent = false;
	if (!what->address)
		return;
	if (__builtin_expect(s->image->held, 0)) {
		struct block *b = ident_find(m, what->address);

		if (b && b->held)
			settle(d, s->image, what->address, true);
	}
	ident_alloc(&d->ident, m, what);
}

static void release(struct drain *d, struct slot *s, uint64_t address)
{
	if (__builtin_expect(s->image->held, 0)) {
		struct block *b = ident_find(&s->image->memory, address);

		if (b && b->held)
			settle(d, s->image, address, false);
	}
	ident_release(&d->ident, &s->image->memory, address);
}

static void begin(struct slot *s, const struct record *r)
{
	struct held h = { .address = MP_REC_ADDRESS(r->w0), .size = word(r, 2) };
	struct block *b = ident_find(&s->image->memory, h.address);

	if (s->helds == SLOT_HELD) {    /* jumped out of: as if undone */
		unhold(s, &s->held[0]);
		memmove(&s->held[0], &s->held[1], (SLOT_HELD - 1) * sizeof h);
		s->helds--;
	}
	if (b)
		b->held = 1;
	s->held[s->helds++] = h;
	s->image->held++;
}

static void end(struct drain *d, struct slot *s, const struct ident_what *what)
{
	struct held h;

	s->intent = false;
	if (!s->helds) {
		alloc(d, s, what);
		return;
	}
	h = s->held[--s->helds];
	unhold(s, &h);
	if (h.settled) {
		alloc(d, s, what);
		return;
	}
	if (!what->address) {
		ident_release(&d->ident, &s->image->memory, h.address);
		return;
	}
	if (s->image->held && what->address != h.address) {
		struct block *b = ident_find(&s->image->memory, what->address);

		if (b && b->held)
			settle(d, s->image, what->address, true);
	}
	ident_realloc(&d->ident, &s->image->memory, h.address, what);
}

static void undo(struct slot *s, unsigned flags)
{
	s->intent = false;
	if (flags & MP_REC_FLAG_INTENT)
		return;
	if (flags & MP_REC_FLAG_PENDING) {
		if (s->unmap) {
			s->unmap = false;
			s->image->held--;
		}
	} else if (s->helds) {
		unhold(s, &s->held[--s->helds]);
	}
}

/* ---- mappings ---------------------------------------------------------------------------- */

static void unmap(struct drain *d, struct slot *s, const struct record *r)
{
	uint64_t length = word(r, 2) & MP_REC_SIZE_MASK;

	if (!(MP_REC_FLAGS(r->w0) & MP_REC_FLAG_PENDING)) {
		ident_unmap(&d->ident, &s->image->memory, MP_REC_ADDRESS(r->w0), length,
				MP_REPLACE_PARTIAL);
		return;
	}
	s->unmap = true;
	s->unmap_fixed = MP_REC_FLAGS(r->w0) & MP_REC_FLAG_FIXED;
	s->unmap_address = MP_REC_ADDRESS(r->w0);
	s->unmap_length = length;
	s->unmap_since = (uint64_t)d->epoch * MS;
	s->image->held++;
}

static void map(struct drain *d, struct slot *s, const struct ident_what *what)
{
	bool moved = what->kind == MP_ALLOC_MREMAP || what->kind == MP_ALLOC_MREMAP_FILE;

	s->intent = false;
	if (s->image->held)
		settle_maps(d, s, what->address, what->size);
	if (s->unmap && moved) {
		s->unmap = false;
		s->image->held--;
		ident_remap(&d->ident, &s->image->memory, s->unmap_address, s->unmap_length, what);
		return;
	}
	if (s->unmap)
		drain_confirm_unmap(d, s);
	ident_map(&d->ident, &s->image->memory, what);
}

static void brk_moved(struct drain *d, struct slot *s, const struct record *r)
{
	struct plain p = plain_of(r);
	struct ident_what what = what_of(s, &p);
	uint64_t now = what.address, old = what.size;

	what.kind = MP_ALLOC_BRK;
	if (now > old) {
		what.address = old;
		what.size = now - old;
		ident_map(&d->ident, &s->image->memory, &what);
	} else if (now < old) {
		ident_unmap(&d->ident, &s->image->memory, now, old - now, MP_REPLACE_BRK);
	}
}

/* ---- one record ------------------------------------------------------------------------------ */

static bool known_kind(unsigned type, unsigned kind)
{
#define X(number, symbol, name, class) | 1ull << number
	static const uint64_t known = 0 MP_ALLOC_KINDS(X);
#undef X
	return (known >> kind & 1) && (kind >= MP_ALLOC_MMAP) ==
		(type == MP_REC_MAP || type == MP_REC_BREAK);
}

static bool defines(unsigned type)
{
	static const uint32_t mask = 1u << MP_REC_STACK | 1u << MP_REC_CODE | 1u << MP_REC_MODULE |
		1u << MP_REC_UNLOAD | 1u << MP_REC_IMAGE | 1u << MP_REC_THREAD_NAME;

	return mask >> type & 1;
}

static void apply_any(struct drain *d, struct slot *s, const struct record *r)
{
	struct ident_what what;
	struct plain p;
	int epoch;

	if (defines(r->type)) {
		drain_apply_definition(d, s, r);
		return;
	}
	epoch = drain_epoch(r);
	if (epoch >= 0)
		take_time(d, (uint32_t)epoch);
	drain_take_thread(d, s);
	if (s->unmap && r->type != MP_REC_UNDO && r->type != MP_REC_MAP && r->type != MP_REC_INTENT)
		drain_confirm_unmap(d, s);
	what.kind = MP_REC_KIND(r->w0);
	switch (r->type) {
	case MP_REC_FREE:
		release(d, s, MP_REC_ADDRESS(r->w0));
		break;
	case MP_REC_ALLOC: case MP_REC_END: case MP_REC_MAP: case MP_REC_INTENT:
		p = plain_of(r);
		what = what_of(s, &p);
		if (!known_kind(r->type == MP_REC_INTENT && what.kind >= MP_ALLOC_MMAP ?
				MP_REC_MAP : r->type, what.kind))
			what.kind = r->type == MP_REC_MAP ? MP_ALLOC_MMAP : MP_ALLOC_MALLOC;
		if (r->type == MP_REC_ALLOC) {
			alloc(d, s, &what);
		} else if (r->type == MP_REC_END) {
			end(d, s, &what);
		} else if (r->type == MP_REC_MAP) {
			map(d, s, &what);
		} else {
			s->intended = what;
			s->intended.memo = NULL;        /* it moves */
			s->intent = true;
		}
		break;
	case MP_REC_BEGIN:
		begin(s, r);
		break;
	case MP_REC_UNDO:
		undo(s, MP_REC_FLAGS(r->w0));
		break;
	case MP_REC_UNMAP:
		unmap(d, s, r);
		break;
	case MP_REC_BREAK:
		brk_moved(d, s, r);
		break;
	default:
		drain_apply_life(d, s, r);
		break;
	}
}

/* An allocation or a free with nothing else pending in its image. */
static inline void apply_plain(struct drain *d, struct slot *s, const struct plain *p)
{
	struct ident_what what;

	if (MP_REC_TYPE(p->w0) == MP_REC_FREE) {
		take_time(d, p->w1 >> 32 & 0xffff);
		ident_release(&d->ident, &s->image->memory, MP_REC_ADDRESS(p->w0));
		return;
	}
	what = what_of(s, p);
	take_time(d, (uint32_t)(p->w2 >> 48));
	if (!known_kind(MP_REC_ALLOC, what.kind))
		what.kind = MP_ALLOC_MALLOC;
	if (what.address)
		ident_alloc(&d->ident, &s->image->memory, &what);
}

void drain_apply_plain(struct drain *d, struct slot *s, const struct plain *p, unsigned n)
{
	d->ident.thread = s->thread;
	for (unsigned i = 0; i < n; i++)
		apply_plain(d, s, &p[i]);
}

void drain_apply(struct drain *d, struct slot *s, const struct record *r)
{
	struct plain p;

	/* nearly everything is this */
	if (!drain_is_plain(s) || (r->type != MP_REC_FREE && r->type != MP_REC_ALLOC)) {
		apply_any(d, s, r);
		return;
	}
	p = plain_of(r);
	drain_apply_plain(d, s, &p, 1);
}

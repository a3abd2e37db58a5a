/* ident.c - see ident.h.  Blocks: open addressing, linear probing, deletion by
 * shifting back, so that a long run leaves no tombstones.
 */
#include "ident.h"
#include "sample_draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SITE_CACHE = 1 << 15, OPEN_ROOM = 2 * MP_BLOCK_MAX, LARGE = 1 << 21,
	HUGE_PAGE = 1 << 21 };

struct ident_site {             /* the site last seen with these */
	uint64_t size;
	uint32_t node, process_kind, site;
};

struct ident_open {
	struct memory *memory;
	uint64_t where;
};

static uint64_t mix(uint64_t x)
{
	x *= 0x9E3779B97F4A7C15ull;
	return x ^ x >> 32;
}

/* ---- blocks ------------------------------------------------------------------- */

struct block *ident_find(const struct memory *m, uint64_t address)
{
	const struct blocks *b = &m->blocks;

	if (!b->x)
		return NULL;
	for (size_t i = ident_home(b, address); b->x[i].address; i = (i + 1) & b->mask)
		if (b->x[i].address == address)
			return &b->x[i];
	return NULL;
}

/* Zeroed; a large table is looked up all over, so it gets large pages. */
static struct block *new_table(size_t room)
{
	size_t size = room * sizeof(struct block);
	struct block *x;

	if (size < HUGE_PAGE)
		return calloc(room, sizeof *x);
	x = aligned_alloc(HUGE_PAGE, size);
	if (!x)
		return NULL;
	madvise(x, size, MADV_HUGEPAGE);        /* where it is refused it only costs time */
	return memset(x, 0, size);
}

static int blocks_grow(struct blocks *b)
{
	size_t room = b->x ? (b->mask + 1) * 2 : 1024, i;
	struct blocks bigger = { .mask = room - 1, .n = b->n };

	bigger.most = room < LARGE ? room / 2 : room / 8 * 7;
	bigger.x = new_table(room);
	if (!bigger.x)
		return -1;
	for (size_t k = 0; b->x && k <= b->mask; k++) {
		if (!b->x[k].address)
			continue;
		for (i = ident_home(&bigger, b->x[k].address); bigger.x[i].address; )
			i = (i + 1) & bigger.mask;
		bigger.x[i] = b->x[k];
	}
	free(b->x);
	*b = bigger;
	return 0;
}

/* The entry of ADDRESS, or the empty one where it belongs; there is room for it.
 * NULL: no memory. */
static struct block *blocks_place(struct blocks *b, uint64_t address)
{
	size_t i;

	/* as long as it is small it may be half empty; a large one is filled to 7/8 */
	if (__builtin_expect(b->n >= b->most, 0) && blocks_grow(b) < 0)
		return NULL;
	for (i = ident_home(b, address); b->x[i].address && b->x[i].address != address; )
		i = (i + 1) & b->mask;
	return &b->x[i];
}

static void blocks_remove(struct blocks *b, struct block *gone)
{
	size_t hole = (size_t)(gone - b->x), i = hole, want;

	for (;;) {
		i = (i + 1) & b->mask;
		if (!b->x[i].address)
			break;
		want = ident_home(b, b->x[i].address);
		/* may it move to the hole, or does it start behind it? */
		if (((i - want) & b->mask) >= ((i - hole) & b->mask)) {
			b->x[hole] = b->x[i];
			hole = i;
		}
	}
	b->x[hole].address = 0;
	b->n--;
}

/* ---- the encoder ---------------------------------------------------------------- */

static void survivor(void *ctx, uint32_t index, uint32_t slot)
{
	struct ident *id = ctx;
	struct ident_open *o;
	struct block *b;

	if (index >= OPEN_ROOM)
		return;
	o = &id->open[index];
	/* they come in order: ask for a later one (whatever it was, its memory is there) */
	if (index + 16 < OPEN_ROOM && o[16].memory)
		ident_prefetch(o[16].memory, o[16].where);
	if (o->where & IDENT_MAP) {
		ident_maps_survivor(o->memory, (uint32_t)o->where, slot);
		return;
	}
	b = ident_find(o->memory, o->where);
	if (b)
		b->ref = slot;
}

int ident_init(struct ident *id, struct mp_writer *writer)
{
	struct mp_encoder encoder = { .ctx = id, .survivor = survivor };

	memset(id, 0, sizeof *id);
	id->writer = writer;
	id->tree = mp_writer_tree(writer);
	id->cache = calloc(SITE_CACHE, sizeof *id->cache);
	id->open = calloc(OPEN_ROOM, sizeof *id->open);
	if (!id->cache || !id->open) {
		ident_free(id);
		return -1;
	}
	mp_set_encoder(writer, &encoder);
	return 0;
}

void ident_free(struct ident *id)
{
	free(id->cache);
	free(id->open);
	id->cache = NULL;
	id->open = NULL;
}

uint32_t ident_site(struct ident *id, uint32_t process, const struct ident_what *what)
{
	uint32_t pk = process << 6 | what->kind;
	uint64_t h = mix(what->size ^ (uint64_t)what->node << 32 ^ (uint64_t)pk << 20);
	struct ident_site *c = &id->cache[h & (SITE_CACHE - 1)];
	struct mp_site site = { .process = process, .node = what->node, .kind = what->kind,
			.size = what->size };

	if (!c->site || c->size != what->size || c->node != what->node || c->process_kind != pk)
		*c = (struct ident_site){ what->size, what->node, pk,
			mp_def_site(id->tree, &site) };
	if (!c->site)
		id->failed = true;
	if (what->memo)
		*what->memo = (struct ident_memo){ what->size, what->kind, c->site };
	return c->site;
}

/* One that was met with a probability p stands for 1 / p, rounded so that this is its mean. */
static uint32_t sampled_site(struct ident *id, uint32_t process, const struct ident_what *what)
{
	double p = -expm1(-(double)(what->size ? what->size : 1) / id->interval);
	double chance = (double)(sample_random(&id->seed) >> 11) * 0x1p-53;
	struct mp_site site = { .process = process, .node = what->node, .kind = what->kind,
			.size = what->size, .extra = (uint32_t)(1 / p + chance) - 1 };
	uint32_t found = mp_def_site(id->tree, &site);

	if (!found)
		id->failed = true;
	return found;
}

/* A stack mostly asks for one size. */
static inline uint32_t quick_site(struct ident *id, uint32_t process,
		const struct ident_what *what)
{
	const struct ident_memo *memo = what->memo;

	if (__builtin_expect(id->interval != 0, 0))
		return sampled_site(id, process, what);
	if (memo && memo->size == what->size && memo->kind == what->kind && memo->site)
		return memo->site;
	return ident_site(id, process, what);
}

uint32_t ident_put_alloc(struct ident *id, struct memory *m, uint64_t where, uint32_t site)
{
	uint32_t ref = mp_enc_alloc(id->writer, id->time, id->thread, site);
	uint32_t index = ref & ~MP_REF_OPEN;

	if (ref & MP_REF_OPEN && index < OPEN_ROOM)
		id->open[index] = (struct ident_open){ m, where };
	return ref;
}

void ident_put_free(struct ident *id, uint32_t ref, uint32_t site)
{
	mp_enc_free(id->writer, id->time, id->thread, ref, site);
}

/* ---- events ------------------------------------------------------------------------ */

/* An allocation into B, which is empty. */
static void fill(struct ident *id, struct memory *m, struct block *b, uint64_t address,
		uint32_t site)
{
	/* the encoder may tell of survivors: entries change, but stay where they are */
	uint32_t ref = ident_put_alloc(id, m, address, site);

	*b = (struct block){ .address = address, .ref = ref, .site = site };
	m->blocks.n++;
}

/* B ends and WHAT begins, as one replacement; B may be NULL (an unknown block). */
static void replace(struct ident *id, struct memory *m, struct block *b,
		const struct ident_what *what, enum mp_replace why)
{
	uint32_t site = quick_site(id, m->process, what);

	mp_enc_replace(id->writer, why);
	if (b) {
		ident_put_free(id, b->ref, b->site);
		blocks_remove(&m->blocks, b);
	} else {
		ident_put_free(id, MP_REF_OUTSIDE, 0);
	}
	b = blocks_place(&m->blocks, what->address);
	if (b)
		fill(id, m, b, what->address, site);
	else
		id->failed = true;
}

void ident_alloc(struct ident *id, struct memory *m, const struct ident_what *what)
{
	struct block *b = blocks_place(&m->blocks, what->address);

	id->counts.allocs++;
	if (__builtin_expect(!b, 0)) {
		id->failed = true;
	} else if (__builtin_expect(b->address != 0, 0)) {
		id->counts.overlaps++;
		replace(id, m, b, what, MP_REPLACE_OVERLAP);
	} else {
		fill(id, m, b, what->address, quick_site(id, m->process, what));
	}
}

void ident_release(struct ident *id, struct memory *m, uint64_t address)
{
	struct block *b = ident_find(m, address);

	if (!b && (m->gaps || id->interval)) {
		id->counts.unrecorded++;
		return;
	}
	id->counts.frees++;
	if (!b) {
		id->counts.outside++;
		ident_put_free(id, MP_REF_OUTSIDE, 0);
		return;
	}
	ident_put_free(id, b->ref, b->site);
	blocks_remove(&m->blocks, b);
}

void ident_realloc(struct ident *id, struct memory *m, uint64_t old, const struct ident_what *what)
{
	struct block *b = old ? ident_find(m, old) : NULL;

	if (old && !b && (m->gaps || id->interval)) {
		id->counts.unrecorded++;
		old = 0;
	}
	if (!old) {
		ident_alloc(id, m, what);
		return;
	}
	id->counts.allocs++;
	id->counts.frees++;
	if (!b)
		id->counts.outside++;
	if (what->address != old && ident_find(m, what->address)) {
		/* the new place holds a block that ended unseen */
		id->counts.overlaps++;
		ident_release(id, m, what->address);
		id->counts.frees--;
		b = ident_find(m, old);
	}
	replace(id, m, b, what, MP_REPLACE_REALLOC);
}

void ident_procend(struct ident *id, struct memory *m)
{
	struct blocks *b = &m->blocks;

	mp_enc_procend(id->writer, id->time, m->process);
	for (size_t i = 0; b->x && i <= b->mask; i++) {
		if (b->x[i].address)
			mp_enc_release(id->writer, b->x[i].ref, b->x[i].site);
	}
	free(b->x);
	memset(b, 0, sizeof *b);
	ident_maps_end(id, m);
}

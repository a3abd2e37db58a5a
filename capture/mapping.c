/* mapping.c - the mappings of a process image: an interval map whose ranges
 * belong to mappings.  A partial unmap leaves a smaller mapping in its place: the
 * trace sees it replaced by one of the same stack.
 */
#include "ident.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };
#define TOP (1ull << 48)

static int room_for(void **x, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *p;

	if (n < *room)
		return 0;
	p = realloc(*x, more * size);
	if (!p)
		return -1;
	*x = p;
	*room = more;
	return 0;
}

/* The first range that ends behind AT. */
static size_t first_behind(const struct maps *m, uint64_t at)
{
	size_t low = 0, high = m->ranges, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (m->range[mid].to <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int insert_range(struct maps *m, size_t at, struct range r)
{
	void *p = m->range;

	if (room_for(&p, &m->range_room, m->ranges, sizeof *m->range) < 0)
		return -1;
	m->range = p;
	memmove(&m->range[at + 1], &m->range[at], (m->ranges - at) * sizeof *m->range);
	m->range[at] = r;
	m->ranges++;
	return 0;
}

static void remove_range(struct maps *m, size_t at)
{
	m->ranges--;
	memmove(&m->range[at], &m->range[at + 1], (m->ranges - at) * sizeof *m->range);
}

/* An unused entry of map[]; -1: no memory. */
static int64_t new_map(struct maps *m)
{
	void *p = m->map;

	if (m->frees)
		return m->free[--m->frees];
	if (room_for(&p, &m->map_room, m->maps, sizeof *m->map) < 0)
		return -1;
	m->map = p;
	return (int64_t)m->maps++;
}

static void drop_map(struct ident *id, struct maps *m, uint32_t i)
{
	void *p = m->free;

	m->map[i].size = 0;
	if (room_for(&p, &m->free_room, m->frees, sizeof *m->free) < 0) {
		id->failed = true;
		return;
	}
	m->free = p;
	m->free[m->frees++] = i;
}

void ident_maps_survivor(struct memory *m, uint32_t map, uint32_t slot)
{
	if (map < m->maps.maps && m->maps.map[map].size)
		m->maps.map[map].ref = slot;
}

bool ident_maps_meet(const struct memory *m, uint64_t from, uint64_t length)
{
	size_t i = first_behind(&m->maps, from);

	return length && i < m->maps.ranges && m->maps.range[i].from < from + length;
}

/* Take [from, to) out of the ranges of one mapping, as far as the first range
 * behind FROM reaches; returns how far that was. */
static uint64_t cut_first(struct ident *id, struct maps *m, uint64_t from, uint64_t to,
		uint32_t *map, uint64_t *removed)
{
	size_t i = first_behind(m, from);
	struct range *r, right;

	*removed = 0;
	if (i == m->ranges || m->range[i].from >= to)
		return to;
	r = &m->range[i];
	*map = r->map;
	if (from < r->from)
		from = r->from;
	if (to > r->to)
		to = r->to;
	*removed = to - from;
	right = (struct range){ to, r->to, r->map };
	if (from > r->from) {
		r->to = from;
		if (right.from < right.to && insert_range(m, i + 1, right) < 0)
			id->failed = true;
	} else if (right.from < right.to) {
		r->from = to;
	} else {
		remove_range(m, i);
	}
	return to;
}

/* SIZE bytes of mapping I are gone: it ends, or a smaller one takes its place. */
static void shrink(struct ident *id, struct memory *m, uint32_t i, uint64_t size,
		enum mp_replace partial)
{
	struct live_map *l = &m->maps.map[i];
	struct ident_what what = { 0 };
	uint32_t old = l->site, ref = l->ref;

	if (size >= l->size) {
		ident_put_free(id, ref, old);
		drop_map(id, &m->maps, i);
		return;
	}
	l->size -= size;
	what.size = l->size;
	if (old && old <= id->tree->site.n) {
		what.node = id->tree->site.x[old].node;
		what.kind = id->tree->site.x[old].kind;
	}
	l->site = ident_site(id, m->process, &what);
	mp_enc_replace(id->writer, partial);
	ident_put_free(id, ref, old);
	l->ref = ident_put_alloc(id, m, IDENT_MAP | i, l->site);
}

static void remove_all(struct ident *id, struct memory *m, uint64_t from, uint64_t to,
		enum mp_replace partial)
{
	uint64_t removed, sum = 0;
	uint32_t map = 0, now = 0;

	/* neighbouring ranges of one mapping are one change */
	while (from < to) {
		from = cut_first(id, &m->maps, from, to, &map, &removed);
		if (!removed)
			break;
		if (sum && map != now) {
			shrink(id, m, now, sum, partial);
			sum = 0;
		}
		now = map;
		sum += removed;
	}
	if (sum)
		shrink(id, m, now, sum, partial);
}

static bool whole_range(const struct ident_what *what, uint64_t *to)
{
	bool exact = what->kind == MP_ALLOC_BRK;
	uint64_t size = exact ? what->size : (what->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);

	if (!size || size > TOP || what->address > TOP - size)
		return false;
	*to = what->address + size;
	return true;
}

static void add(struct ident *id, struct memory *m, const struct ident_what *what, uint64_t to)
{
	struct ident_what rounded = *what;
	int64_t i = new_map(&m->maps);
	struct live_map l = { .size = to - what->address };

	rounded.size = l.size;
	if (i < 0) {
		id->failed = true;
		return;
	}
	l.site = ident_site(id, m->process, &rounded);
	m->maps.map[i] = l;
	m->maps.map[i].ref = ident_put_alloc(id, m, IDENT_MAP | (uint64_t)i, l.site);
	if (insert_range(&m->maps, first_behind(&m->maps, what->address),
			(struct range){ what->address, to, (uint32_t)i }) < 0)
		id->failed = true;
}

void ident_map(struct ident *id, struct memory *m, const struct ident_what *what)
{
	uint64_t to;

	if (!whole_range(what, &to))
		return;
	id->counts.allocs++;
	if (ident_maps_meet(m, what->address, to - what->address)) {
		id->counts.overlaps++;
		remove_all(id, m, what->address, to, MP_REPLACE_PARTIAL);
	}
	add(id, m, what, to);
}

void ident_unmap(struct ident *id, struct memory *m, uint64_t from, uint64_t length,
		enum mp_replace partial)
{
	struct ident_what what = { .address = from, .size = length,
			.kind = partial == MP_REPLACE_BRK ? MP_ALLOC_BRK : MP_ALLOC_MMAP };
	uint64_t to;

	if (!whole_range(&what, &to))
		return;
	if (m->gaps && !ident_maps_meet(m, from, to - from)) {
		id->counts.unrecorded++;
		return;
	}
	id->counts.frees++;
	if (!ident_maps_meet(m, from, to - from)) {
		id->counts.outside++;
		ident_put_free(id, MP_REF_OUTSIDE, 0);
		return;
	}
	remove_all(id, m, from, to, partial);
}

void ident_remap(struct ident *id, struct memory *m, uint64_t old, uint64_t length,
		const struct ident_what *what)
{
	struct ident_what before = { .address = old, .size = length, .kind = MP_ALLOC_MMAP };
	size_t i = first_behind(&m->maps, old);
	struct range *r = i < m->maps.ranges ? &m->maps.range[i] : NULL;
	uint64_t old_to, to;

	if (!whole_range(&before, &old_to) || !whole_range(what, &to))
		return;
	if (r && r->from == old && r->to == old_to &&
			m->maps.map[r->map].size == old_to - old) {
		/* the plain case: one mapping as a whole; adjacent */
		uint32_t gone = r->map;

		remove_range(&m->maps, i);
		/* MAYMOVE | FIXED onto others: they end first */
		remove_all(id, m, what->address, to, MP_REPLACE_PARTIAL);
		mp_enc_replace(id->writer, MP_REPLACE_MREMAP);
		ident_put_free(id, m->maps.map[gone].ref, m->maps.map[gone].site);
		drop_map(id, &m->maps, gone);
		id->counts.frees++;
		id->counts.allocs++;
		add(id, m, what, to);
		return;
	}
	ident_unmap(id, m, old, length, MP_REPLACE_PARTIAL);
	ident_map(id, m, what);
}

void ident_maps_end(struct ident *id, struct memory *m)
{
	struct maps *p = &m->maps;

	for (size_t i = 0; i < p->maps; i++) {
		if (p->map[i].size)
			mp_enc_release(id->writer, p->map[i].ref, p->map[i].site);
	}
	free(p->range);
	free(p->map);
	free(p->free);
	memset(p, 0, sizeof *p);
}

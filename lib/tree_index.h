/* tree_index.h - equal entries of a tree are found by hash; for tree.c alone.
 * Invariant: an index holds every id up to `known` once, but for entries equal to
 * an earlier one.
 */
#ifndef MP_TREE_INDEX_H
#define MP_TREE_INDEX_H

#include "tree.h"

#include <stdlib.h>

typedef uint64_t hash_fn(const struct mp_tree *, uint32_t id);
typedef bool same_fn(const struct mp_tree *, uint32_t a, uint32_t b);

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15ull)) * 0xd6e8feb86659fd93ull;

	return h ^ (h >> 32);
}

static bool index_grow(const struct mp_tree *t, struct mp_index *ix, hash_fn *hash)
{
	uint32_t mask = ix->slot ? ix->mask * 2 + 1 : 15;
	uint32_t *slot = calloc((size_t)mask + 1, sizeof(*slot));

	if (!slot)
		return false;
	for (uint32_t i = 0; ix->slot && i <= ix->mask; i++) {
		uint32_t id = ix->slot[i], at;

		if (!id)
			continue;
		at = (uint32_t)hash(t, id) & mask;
		while (slot[at])
			at = (at + 1) & mask;
		slot[at] = id;
	}
	free(ix->slot);
	ix->slot = slot;
	ix->mask = mask;
	return true;
}

static inline bool index_room(const struct mp_tree *t, struct mp_index *ix, hash_fn *hash)
{
	return (ix->slot && ix->used < ix->mask / 2) || index_grow(t, ix, hash);
}

static inline __attribute__((always_inline)) uint32_t *probe(
	const struct mp_tree *t, const struct mp_index *ix, uint32_t id, hash_fn *hash,
	same_fn *same)
{
	uint32_t at = (uint32_t)hash(t, id) & ix->mask;

	while (ix->slot[at] && !same(t, ix->slot[at], id))
		at = (at + 1) & ix->mask;
	return &ix->slot[at];
}

/* Index the entries before ID that are not yet. */
static __attribute__((noinline)) bool catch_up(
	const struct mp_tree *t, struct mp_index *ix, uint32_t id, hash_fn *hash, same_fn *same)
{
	uint32_t *place;

	for (; ix->known + 1 < id; ix->known++) {
		if (!index_room(t, ix, hash))
			return false;
		place = probe(t, ix, ix->known + 1, hash, same);
		if (!*place) {
			*place = ix->known + 1;
			ix->used++;
		}
	}
	return true;
}

/* The place of an entry equal to staged entry ID: it holds that entry's id, or
 * 0 where it belongs.  NULL when memory is out. */
static inline __attribute__((always_inline)) uint32_t *find(
	struct mp_tree *t, struct mp_index *ix, uint32_t id, hash_fn *hash, same_fn *same)
{
	if ((ix->known + 1 < id && !catch_up(t, ix, id, hash, same)) ||
		!index_room(t, ix, hash)) {
		t->failed = true;
		return NULL;
	}
	return probe(t, ix, id, hash, same);
}

/* Keep staged entry *N + 1 if it is new; the id of the entry equal to it. */
static inline __attribute__((always_inline)) uint32_t intern(
	struct mp_tree *t, struct mp_index *ix, uint32_t *n, hash_fn *hash, same_fn *same)
{
	uint32_t *place = find(t, ix, *n + 1, hash, same);

	if (!place)
		return 0;
	if (!*place) {
		*place = ++*n;
		ix->used++;
		ix->known = *n;
	}
	return *place;
}

#endif

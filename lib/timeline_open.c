/* timeline_open.c - blocks that outlived the bucket they were born in, counted by
 * cell and birth until they die.
 * Invariant: LIVE of an entry is how many slots hold its cell and birth, those of
 * processes that have ended or finalised aside.
 */
#include "timeline_own.h"

#include <stdlib.h>
#include <string.h>

static uint32_t place_of(const struct mp_cut *x, uint64_t key)
{
	uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 32) & x->mask;

	while (x->open[at].key && x->open[at].key != key)
		at = (at + 1) & x->mask;
	return at;
}

struct open *mp_open_find(struct mp_cut *x, uint64_t key)
{
	struct open *o = x->open ? &x->open[place_of(x, key)] : NULL;

	return o && o->key ? o : NULL;
}

/* A table of other size, the births through MAP (NULL: as they are); entries
 * that are empty are left behind. */
static bool rebuild(struct mp_cut *x, uint32_t mask, const uint8_t *map)
{
	struct open *old = x->open, *o;
	uint32_t n = old ? x->mask + 1 : 0;

	x->open = calloc((size_t)mask + 1, sizeof(*x->open));
	if (!x->open) {
		x->open = old;
		return false;
	}
	x->mask = mask;
	x->opens = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t key = old[i].key;

		if (!key || (!old[i].live && !old[i].died))
			continue;
		if (map)
			key = (key & ~255ull) | map[key & 255];
		o = &x->open[place_of(x, key)];
		x->opens += !o->key;
		o->key = key;
		o->live += old[i].live;
		o->died += old[i].died;
	}
	free(old);
	return true;
}

bool mp_open_map(struct mp_cut *x, const uint8_t map[256])
{
	return !x->open || rebuild(x, x->mask, map);
}

/* Room for one more.  Many may be empty: then the size need not grow. */
static bool grow(struct mp_cut *x)
{
	uint32_t used = 0;

	if (x->open && x->opens < x->mask - x->mask / 4)
		return true;
	for (uint32_t i = 0; x->open && i <= x->mask; i++)
		used += x->open[i].live || x->open[i].died;
	if (x->open && used < x->mask / 2)
		return rebuild(x, x->mask, NULL);
	return x->mask < UINT32_MAX / 2 && rebuild(x, x->mask ? x->mask * 2 + 1 : 1023, NULL);
}

bool mp_open_add(struct mp_cut *x, uint32_t cell, uint8_t born, uint32_t count)
{
	struct open *o;

	if (!grow(x))
		return false;
	o = &x->open[place_of(x, (uint64_t)cell << 8 | born)];
	x->opens += !o->key;
	o->key = (uint64_t)cell << 8 | born;
	o->live += count;
	return true;
}

/* So many die in the open bucket. */
void mp_open_dies(struct mp_cut *x, uint32_t cell, uint8_t born, uint32_t count)
{
	struct open *o = mp_open_find(x, (uint64_t)cell << 8 | born);
	bool first;

	if (!o || o->live < count || !count)
		return; /* after damage */
	first = !o->died;
	o->live -= count;
	o->died += count;
	if (!first)
		return;
	if (x->deads == x->dead_room) {
		size_t room = x->dead_room ? x->dead_room * 2 : 1024;
		uint64_t *dead = realloc(x->dead, room * sizeof(*dead));

		if (!dead) {
			x->r->failed = true;
			return;
		}
		x->dead = dead;
		x->dead_room = room;
	}
	x->dead[x->deads++] = o->key;
}

/* timeline_window.c - what a timeline says of a window of whole buckets.
 * Invariant: a walk sees every flow and every level once.
 */
#include "timeline_own.h"

static bool walk(const struct packed *list, uint32_t lists, struct mp_cursor *c, uint64_t *count)
{
	while (c->list < lists && !mp_unpack(&list[c->list], &c->at, &c->key, count))
		*c = (struct mp_cursor){.list = c->list + 1};
	return c->list < lists;
}

/* Flows and levels are of recorded blocks; outside they are told by weight. */
static uint64_t by_weight(const struct mp_timeline *t, uint32_t cell, uint64_t count)
{
	return count * mp_site_weight(&t->tree->site.x[t->cell[cell].site]);
}

uint64_t mp_timeline_size(const struct mp_timeline *t, uint32_t cell)
{
	return t->tree->site.x[t->cell[cell].site].size;
}

bool mp_next_flow(const struct mp_timeline *t, struct mp_cursor *c, struct mp_flow *f)
{
	if (!walk(t->own->flow, MP_BUCKETS + 1, c, &f->count))
		return false;
	f->cell = (uint32_t)(c->key >> 8);
	f->count = by_weight(t, f->cell, f->count);
	f->born = (uint8_t)c->key;
	f->died = c->list < MP_BUCKETS ? (uint8_t)c->list : MP_DIED_NEVER;
	return true;
}

bool mp_next_level(const struct mp_timeline *t, struct mp_cursor *c, struct mp_level *l)
{
	if (!walk(t->own->level, MP_BUCKETS, c, &l->count))
		return false;
	l->cell = (uint32_t)c->key;
	l->count = by_weight(t, l->cell, l->count);
	l->bucket = (uint8_t)c->list;
	return true;
}

void mp_timeline_allocated(const struct mp_timeline *t, uint32_t a, uint32_t b, uint64_t *count)
{
	struct mp_cursor c = {0};
	struct mp_flow f;

	while (mp_next_flow(t, &c, &f))
		if (f.born >= a && f.born < b)
			count[f.cell] += f.count;
	for (size_t i = 0; i < t->n_partial; i++)
		if (t->partial[i].bucket >= a && t->partial[i].bucket < b)
			count[t->partial[i].cell] -= t->partial[i].count;
}

void mp_timeline_leaked(const struct mp_timeline *t, uint32_t a, uint32_t b, uint64_t *count)
{
	struct mp_cursor c = {0};
	bool all = !a && b >= t->n;
	struct mp_flow f;

	while (mp_next_flow(t, &c, &f))
		if (f.died >= b && ((f.born >= a && f.born < b) || (all && f.born == MP_BORN_LOST)))
			count[f.cell] += f.count;
}

void mp_timeline_live(const struct mp_timeline *t, uint32_t b, uint64_t *count)
{
	struct mp_cursor c = {0};
	struct mp_flow f;

	while (mp_next_flow(t, &c, &f)) {
		uint32_t process = t->tree->site.x[t->cell[f.cell].site].process;
		uint8_t ended = t->ended[process <= t->tree->process.n ? process : 0];

		if ((f.born < b || f.born >= MP_BORN_LOST) && f.died >= b && ended >= b &&
			ended != MP_BORN_BEFORE)
			count[f.cell] += f.count;
	}
}

uint32_t mp_timeline_peak(const struct mp_timeline *t, uint32_t a, uint32_t b, uint64_t *count)
{
	struct mp_cursor c = {0};
	struct mp_level l;
	uint32_t peak = a;

	for (uint32_t i = a + 1; i < b && i < t->n; i++)
		if (t->bucket[i].max_bytes > t->bucket[peak].max_bytes)
			peak = i;
	while (mp_next_level(t, &c, &l) && l.bucket <= peak)
		count[l.cell] = l.count;
	return peak;
}

uint32_t mp_timeline_at(const struct mp_timeline *t, uint64_t time)
{
	uint64_t b = time > t->from ? (time - t->from) / t->width : 0;

	return b < t->n ? (uint32_t)b : t->n;
}

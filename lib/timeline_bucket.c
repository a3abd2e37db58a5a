/* timeline_bucket.c - buckets are opened, closed and made wider.
 * Invariant: every list of a closed bucket, read in order, gives the flows and
 * levels up to its end; what cells' SHOWN say is those levels and CARRY.
 */
#include "timeline_own.h"

#include <stdlib.h>
#include <string.h>

static uint64_t since(const struct mp_cut *x, uint64_t time)
{
	return time > x->t->from ? time - x->t->from : 0;
}

uint32_t mp_cut_bucket(const struct mp_cut *x, uint64_t time)
{
	uint64_t b = x->t->width ? since(x, time) / x->t->width : 0;

	return b < MP_BUCKETS ? (uint32_t)b : MP_BUCKETS - 1;
}

bool mp_cut_cells(struct mp_cut *x)
{
	struct replay *r = x->r;
	struct line_cell *cell;
	uint64_t *dirty;

	if (r->cells >= x->room) {
		cell = realloc(x->cell, r->cell_room * sizeof(*cell));
		x->cell = cell ? cell : x->cell;
		dirty = realloc(x->dirty, r->cell_room * sizeof(*dirty));
		x->dirty = dirty ? dirty : x->dirty;
		if (!cell || !dirty)
			return !(r->failed = true);
		x->room = r->cell_room;
	}
	for (; x->cells <= r->cells; x->cells++) {
		uint32_t site = r->cell[x->cells].site;

		x->cell[x->cells] = (struct line_cell){.done = r->done[mp_process_of(r, site)]};
	}
	return true;
}

/* ---- a bucket opens -------------------------------------------------------------- */

void mp_cut_peak(struct mp_cut *x, uint64_t time)
{
	struct scope *s = x->r->scope;

	s->peak = s->cur;
	s->epoch++;
	x->b.max_bytes = s->cur;
	x->b.max_blocks = x->r->blocks;
	x->b.max_time = time;
	x->b.lost_bytes = (int64_t)x->r->lost.bytes;
	x->b.lost_blocks = (int64_t)x->r->lost.blocks;
}

static void open_bucket(struct mp_cut *x)
{
	x->b = (struct mp_bucket){0};
	mp_cut_peak(x, x->t->from + (uint64_t)x->now * x->t->width);
}

void mp_cut_enter(struct mp_cut *x, uint64_t time)
{
	int to = x->now < 0 && time < x->t->from ? -1 : (int)mp_cut_bucket(x, time);

	x->any = true;
	while (x->now < to && !x->r->failed) {
		mp_cut_close(x);
		x->now++;
		x->reopened = false;
		open_bucket(x);
	}
}

/* ---- a bucket closes --------------------------------------------------------------- */

/* B is what follows INTO. */
static void fold(struct mp_bucket *into, const struct mp_bucket *b)
{
	if (b->max_bytes > into->max_bytes) {
		into->max_bytes = b->max_bytes;
		into->max_blocks = b->max_blocks;
		into->max_time = b->max_time;
		into->lost_bytes = b->lost_bytes;
		into->lost_blocks = b->lost_blocks;
	}
	into->end_bytes = b->end_bytes;
	into->end_blocks = b->end_blocks;
	into->allocs += b->allocs;
	into->alloc_bytes += b->alloc_bytes;
	into->frees += b->frees;
	into->free_bytes += b->free_bytes;
}

/* LIST becomes its union with MORE, which is freed. */
static void append(struct mp_cut *x, struct packed *list, struct packed *more, bool add)
{
	struct packed whole = {0};

	if (!list->n) {
		whole = *more;
		*more = (struct packed){0};
	} else if (more->n && !mp_pack_union(&whole, list, more, NULL, add)) {
		x->r->failed = true;
	} else if (!more->n) {
		whole = *list;
		*list = (struct packed){0};
	}
	mp_pack_free(list);
	mp_pack_free(more);
	*list = whole;
}

static uint64_t *spare(struct mp_cut *x, size_t n)
{
	if (n > x->spare_room) {
		free(x->spare);
		x->spare = malloc(n * sizeof(*x->spare));
		x->spare_room = x->spare ? n : 0;
		x->r->failed |= !x->spare;
	}
	return x->spare;
}

/* Dirty cells in order. */
static void sort_dirty(struct mp_cut *x)
{
	uint32_t n = 0;

	if (x->dirties < x->cells / 8) {
		if (spare(x, x->dirties))
			mp_sort_keys(x->dirty, x->spare, x->dirties);
		return;
	}
	for (uint32_t i = 1; i < x->cells; i++)
		if (x->cell[i].dirty)
			x->dirty[n++] = i;
}

/* What was born in the bucket: died in it, or open from now on. */
static void close_births(struct mp_cut *x, struct packed *flow)
{
	bool good = true;

	for (uint32_t i = 0; i < x->dirties && good; i++) {
		uint32_t id = (uint32_t)x->dirty[i];
		struct line_cell *c = &x->cell[id];
		uint64_t key = (uint64_t)id << 8 | mp_cut_age(x);

		if (x->now >= 0 && c->born > c->young)
			good = mp_pack(flow, key, c->born - c->young);
		if (c->young && good)
			good = mp_open_add(x, id, mp_cut_age(x), c->young);
		c->born = c->young = 0;
	}
	x->r->failed |= !good;
}

/* What was born earlier and died in it. */
static void close_deaths(struct mp_cut *x, struct packed *flow)
{
	bool good = x->deads == 0 || spare(x, x->deads);

	if (good)
		mp_sort_keys(x->dead, x->spare, x->deads);
	for (size_t i = 0; i < x->deads && good; i++) {
		struct open *o = mp_open_find(x, x->dead[i]);

		if (o && x->now >= 0)
			good = mp_pack(flow, o->key, o->died);
		if (o)
			o->died = 0;
	}
	x->deads = 0;
	x->r->failed |= !good;
}

/* What cells held at the maximum, if it is the bucket's. */
static void close_levels(struct mp_cut *x, bool higher, struct packed *level)
{
	uint32_t epoch = x->r->scope->epoch, kept = 0;
	bool good = true;

	for (uint32_t i = 0; i < x->dirties && good; i++) {
		uint32_t id = (uint32_t)x->dirty[i];
		const struct cell *c = &x->r->cell[id];
		struct line_cell *l = &x->cell[id];
		uint32_t held = c->stamp == epoch ? c->at : c->live;

		if (higher && held != l->shown) {
			good = mp_pack(level, id, held);
			l->shown = held;
		}
		l->dirty = c->live != l->shown;
		if (l->dirty)
			x->dirty[kept++] = id;
	}
	x->dirties = kept;
	x->r->failed |= !good;
}

void mp_cut_close(struct mp_cut *x)
{
	struct packed flow = {0}, deaths = {0}, level = {0};
	struct mp_bucket *b = x->now < 0 ? NULL : &x->t->bucket[x->now];
	bool higher = b && (!x->reopened || x->b.max_bytes > b->max_bytes);

	sort_dirty(x);
	close_births(x, &flow);
	close_deaths(x, &deaths);
	close_levels(x, higher, &level);
	append(x, &flow, &deaths, true);
	if (!b) {
		mp_pack_free(&flow);
		return;
	}
	append(x, &x->t->own->flow[x->now], &flow, true);
	if (higher) {
		append(x, &x->carry, &level, false);
		append(x, &x->t->own->level[x->now], &x->carry, false);
	}
	x->b.end_bytes = x->r->scope->cur;
	x->b.end_blocks = x->r->blocks;
	if (x->reopened) {
		fold(b, &x->b);
		return;
	}
	x->b.samples = b->samples; /* they come apart from the events */
	x->b.cpu = b->cpu;
	*b = x->b;
}

/* ---- the width changes --------------------------------------------------------------- */

static void map_levels(struct mp_cut *x, struct mp_timeline_own *to, const uint8_t *map)
{
	struct packed passed = {0}, *from = x->t->own->level;
	uint64_t best = 0;

	for (int i = 0; i <= x->now; i++) {
		uint64_t max = x->t->bucket[i].max_bytes;
		bool first = !i || map[i] != map[i - 1];

		append(x, &passed, &from[i], false);
		if (!first && max <= best)
			continue; /* the first maximum holds */
		append(x, &to->level[map[i]], &passed, false);
		best = max;
	}
	append(x, &passed, &x->carry, false);
	x->carry = passed;
}

static void map_buckets(struct mp_cut *x, uint32_t last, const uint8_t *map, uint64_t width)
{
	struct mp_bucket bucket[MP_BUCKETS] = {0}, *from = x->t->bucket;

	for (uint32_t i = 0; i <= last; i++) {
		struct mp_bucket *b = &bucket[map[i]];

		if (!i || map[i] != map[i - 1]) {
			*b = from[i];
			continue;
		}
		if ((int)i <= x->now)
			fold(b, &from[i]);
		b->samples += from[i].samples;
		b->cpu += from[i].cpu;
	}
	for (uint32_t i = 0; i < MP_BUCKETS && (int)i <= x->now; i++) {
		/* a bucket may begin later than what its first one began with */
		uint64_t edge = x->t->from + i * width;

		bucket[i].max_time = bucket[i].max_time < edge ? edge : bucket[i].max_time;
	}
	memcpy(from, bucket, sizeof(bucket));
	for (size_t s = 0; s < x->t->n_series; s++) {
		int64_t *max = x->t->series[s].max, old[MP_BUCKETS];

		memcpy(old, max, sizeof(old));
		for (uint32_t i = 0; i < MP_BUCKETS; i++)
			max[i] = -1;
		for (uint32_t i = 0; i <= last; i++)
			if (old[i] > max[map[i]])
				max[map[i]] = old[i];
	}
	for (size_t i = 0; i < x->t->n_partial; i++)
		x->t->partial[i].bucket = map[x->t->partial[i].bucket];
	for (uint32_t i = 0; i < x->ended_room; i++)
		x->t->ended[i] = map[x->t->ended[i]];
}

static void map_slots(struct mp_cut *x, const uint8_t *map)
{
	struct aged *slot = x->r->aged;

	for (uint32_t i = 1; i < x->slots; i++)
		if (slot[i].cell && slot[i].born != map[slot[i].born])
			slot[i].born = map[slot[i].born];
}

/* Buckets of WIDTH from now on.  The old ones fit into them, or are less than a step
 * wide: then what happened in one did so at one time, the step in it. */
static void rescale(struct mp_cut *x, uint64_t width)
{
	struct mp_timeline *t = x->t;
	struct mp_timeline_own *own = calloc(1, sizeof(*own));
	uint32_t last = mp_cut_bucket(x, t->end);
	uint8_t map[256];

	if (!own) {
		x->r->failed = true;
		return;
	}
	if (x->now >= 0)
		mp_cut_close(x);
	for (uint32_t i = 0; i < 256; i++) {
		uint64_t at = i * t->width;

		map[i] = (uint8_t)i;
		if (i <= last) /* where its last ns is */
			map[i] = (uint8_t)(at / width + (at % width + t->width - 1) / width);
	}
	for (int i = 0; i <= x->now && !x->r->failed; i++) {
		struct packed whole = {0};
		struct packed *to = &own->flow[map[i]], *from = &t->own->flow[i];

		x->r->failed = !mp_pack_union(&whole, to, from, map, true);
		mp_pack_free(to);
		mp_pack_free(from);
		*to = whole;
	}
	map_levels(x, own, map);
	free(t->own);
	t->own = own;
	map_buckets(x, last, map, width);
	map_slots(x, map);
	x->r->failed |= !mp_open_map(x, map);
	t->width = width;
	if (x->now < 0)
		return;
	x->now = map[x->now];
	x->reopened = true;
	open_bucket(x);
}

static uint64_t common(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A width of which 100 to 200 reach SPAN, best a half, a quarter … of the step: it
 * may turn out smaller yet, and doubling leads back to whole steps. */
static uint64_t first_width(uint64_t step, uint64_t span, uint64_t tick)
{
	uint64_t width = step;

	if (tick > 1 && step % tick == 0) /* as fine as times can be; doubled by the caller */
		return tick;
	while (width % 2 == 0 && span / (width / 2) < MP_BUCKETS)
		width /= 2;
	if (span / width < MP_BUCKETS / 2)
		width = span / (MP_BUCKETS * 3 / 4);
	return width ? width : 1;
}

void mp_cut_reach(struct mp_cut *x, uint64_t time, bool exact)
{
	struct mp_timeline *t = x->t;
	uint64_t at = since(x, time), end = since(x, t->end), width = t->width;

	if (exact && (x->step ? at % x->step : at) != 0)
		x->step = common(at, x->step);
	end = at > end ? at : end;
	if (!width && x->step)
		width = first_width(x->step, end, x->tick);
	while (width && end / width >= MP_BUCKETS)
		width *= 2;
	if (width != t->width && t->width)
		rescale(x, width);
	t->width = width;
	t->end = time > t->end ? time : t->end;
}

void mp_cut_coarsen(struct mp_cut *x)
{
	if (x->step > x->t->width && x->t->width)
		rescale(x, x->step);
}

/* timeline.c - a part of a trace into buckets: blocks in, a struct mp_timeline out.
 * Invariant: a bucket's samples and series are found by their own time, all else
 * by the order of the stream.
 */
#include "timeline_own.h"

#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- blocks other than of events ----------------------------------------------------- */

static bool in_window(const struct mp_cut *x, uint64_t time)
{
	return mp_window_at(&x->r->w, time) == MP_WITHIN;
}

static uint64_t time_at(const struct mp_block *b, uint32_t i)
{
	return b->s_time ? b->s_time[i] : 0;
}

static void samples(struct mp_cut *x, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n && !x->r->failed; i++) {
		uint64_t time = time_at(b, i);
		struct mp_bucket *to;

		if (!in_window(x, time) || (b->s_state && b->s_state[i] & MP_STATE_IDLE &&
				!x->r->q.idle))
			continue;
		mp_cut_reach(x, time, true);
		x->any = true;
		to = &x->t->bucket[mp_cut_bucket(x, time)];
		to->samples++;
		to->cpu += b->s_weight ? b->s_weight[i] : 0;
	}
}

/* What was read at one moment, over all processes. */
static void put_reading(struct mp_cut *x, size_t s)
{
	struct reading *g = &x->reading[s];
	int64_t *max = &x->t->series[s].max[mp_cut_bucket(x, g->time)];

	if (g->any && g->sum > *max)
		*max = g->sum;
}

/* The series of metric NAME, made if new; false when memory is out. */
static bool find_series(struct mp_cut *x, uint32_t name, size_t *s)
{
	const struct mp_tree *tree = x->r->tree;
	struct mp_timeline *t = x->t;

	if (name >= x->string_room) {
		uint32_t room = tree->string.n + 1;
		uint32_t *of = realloc(x->series_of, room * sizeof(*of));

		if (!of)
			return false;
		memset(of + x->string_room, 0, (room - x->string_room) * sizeof(*of));
		x->series_of = of;
		x->string_room = room;
	}
	if (!x->series_of[name]) {
		size_t n = t->n_series;
		struct mp_series_line *line = realloc(t->series, (n + 1) * sizeof(*line));
		struct reading *reading = realloc(x->reading, (n + 1) * sizeof(*reading));

		t->series = line ? line : t->series;
		x->reading = reading ? reading : x->reading;
		if (!line || !reading)
			return false;
		line[n].name = mp_str(tree, name);
		for (uint32_t i = 0; i < MP_BUCKETS; i++)
			line[n].max[i] = -1;
		reading[n] = (struct reading){0};
		x->series_of[name] = (uint32_t)++t->n_series;
	}
	*s = x->series_of[name] - 1;
	return true;
}

static void series(struct mp_cut *x, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n && b->s_name && b->s_value && !x->r->failed; i++) {
		uint64_t time = time_at(b, i);
		struct reading *g;
		size_t s;

		if (!in_window(x, time) || b->s_name[i] > x->r->tree->string.n)
			continue;
		if (!find_series(x, (uint32_t)b->s_name[i], &s)) {
			x->r->failed = true;
			return;
		}
		mp_cut_reach(x, time, true);
		x->any = true;
		g = &x->reading[s];
		if (g->time != time) {
			put_reading(x, s);
			*g = (struct reading){.time = time};
		}
		if (__builtin_add_overflow(g->sum, b->s_value[i], &g->sum))
			g->sum = INT64_MAX;
		g->any = true;
	}
}

static bool list_mark(struct mp_cut *x, const struct mp_block *b, uint32_t i)
{
	struct mp_timeline *t = x->t;

	if (t->n_marks == x->mark_room) {
		size_t room = x->mark_room ? x->mark_room * 2 : 16;
		struct mp_mark_line *mark = realloc(t->mark, room * sizeof(*mark));

		if (!mark)
			return false;
		t->mark = mark;
		x->mark_room = room;
	}
	t->mark[t->n_marks++] = (struct mp_mark_line){
		.time = time_at(b, i),
		.process = b->s_process ? (uint32_t)b->s_process[i] : 0,
		.thread = b->s_thread ? (uint32_t)b->s_thread[i] : 0,
		.name = mp_str(x->r->tree, b->s_name ? (uint32_t)b->s_name[i] : 0),
		.value = b->s_value ? b->s_value[i] : 0,
	};
	return true;
}

/* They lie between the events before and behind them, whatever these's times are. */
static void marks(struct mp_cut *x, const struct mp_block *b)
{
	struct replay *r = x->r;

	if (r->stopped)
		return;
	mp_replay_marks(r, b); /* the window may begin or end here */
	x->t->from = r->w.from;
	for (uint32_t i = 0; i < b->n && !r->failed; i++) {
		uint64_t time = time_at(b, i);

		if (!in_window(x, time))
			continue;
		mp_cut_reach(x, time, true);
		mp_cut_enter(x, time);
		r->failed |= !list_mark(x, b, i);
	}
	for (uint32_t i = 0; i < b->n && b->s_process && mp_cut_cells(x); i++)
		mp_cut_settled(x, b->s_process[i]);
}

void mp_cut_partial(struct mp_cut *x, uint32_t bucket, uint32_t cell)
{
	struct mp_timeline *t = x->t;
	struct mp_bucket *b = (int)bucket == x->now ? &x->b : &t->bucket[bucket];

	if (!cell)
		return;
	if (t->n_partial == x->partial_room) {
		size_t room = x->partial_room ? x->partial_room * 2 : 16;
		struct mp_partial *partial = realloc(t->partial, room * sizeof(*partial));

		if (!partial) {
			x->r->failed = true;
			return;
		}
		t->partial = partial;
		x->partial_room = room;
	}
	t->partial[t->n_partial++] = (struct mp_partial){
		cell, (uint8_t)bucket, x->r->cell[cell].weight};
	b->allocs -= x->r->cell[cell].weight;
	b->alloc_bytes -= x->r->cell[cell].size;
}

int mp_cut_block(struct mp_cut *x, const struct mp_block *b)
{
	struct replay *r = x->r;

	if (r->failed || !mp_replay_reach(r))
		return -1;
	switch (b->kind) {
	case MP_BLOCK_EVENTS:
		mp_cut_events(x, b);
		break;
	case MP_BLOCK_SAMPLES:
		samples(x, b);
		break;
	case MP_BLOCK_SERIES:
		series(x, b);
		break;
	case MP_BLOCK_MARKS:
		marks(x, b);
		break;
	case MP_BLOCK_CHECKPOINT:
		if (!r->stopped)
			mp_cut_checkpoint(x, b);
		break;
	case MP_BLOCK_BASE:
		if (!r->stopped)
			mp_cut_base(x, b);
		break;
	case MP_BLOCK_HEAD:
	case MP_BLOCK_ROWS:
	case MP_BLOCK_END:
	default:
		break;
	}
	return r->failed ? -1 : 0;
}

/* ---- begin and end ------------------------------------------------------------------- */

static void free_cut(struct mp_cut *x)
{
	mp_replay_free(x->r);
	mp_pack_free(&x->carry);
	free(x->cell), free(x->dirty), free(x->open), free(x->dead), free(x->spare);
	free(x->old_born), free(x->birth), free(x->ended), free(x->size);
	free(x->reading), free(x->series_of);
	free(x);
}

struct mp_cut *mp_cut_new(const struct mp_tree *tree, const struct mp_query *q)
{
	struct mp_cut *x = calloc(1, sizeof(*x));
	struct mp_query live = *q;

	if (!x)
		return NULL;
	live.view = MP_VIEW_LIVE;
	x->now = -1;
	x->r = mp_replay_new(tree, &live);
	x->t = calloc(1, sizeof(*x->t));
	if (x->t)
		x->t->own = calloc(1, sizeof(*x->t->own));
	if (!x->r || !x->t || !x->t->own) {
		mp_timeline_free(x->t);
		free_cut(x);
		return NULL;
	}
	x->r->ages = true;
	x->r->scope->peak = UINT64_MAX; /* nobody asks for that before the window */
	x->t->tree = tree;
	x->t->from = x->r->w.from;
	return x;
}

/* What is open for ever. */
static bool pack_never(struct mp_cut *x)
{
	size_t n = 0;
	uint64_t *key = malloc(2 * ((size_t)x->opens + 1) * sizeof(*key));
	bool good = key != NULL;

	for (uint32_t i = 0; good && x->open && i <= x->mask; i++)
		if (x->open[i].live)
			key[n++] = x->open[i].key;
	if (good)
		mp_sort_keys(key, key + n, n);
	for (size_t i = 0; i < n && good; i++)
		good = mp_pack(&x->t->own->flow[MP_BUCKETS], key[i],
			mp_open_find(x, key[i])->live);
	free(key);
	return good;
}

/* Merged lists may say again what holds already. */
static bool tidy_levels(struct mp_cut *x)
{
	uint64_t *held = calloc((size_t)x->cells + 1, sizeof(*held));

	for (uint32_t i = 0; held && i < x->t->n; i++) {
		struct packed *list = &x->t->own->level[i], tidy = {0};
		uint64_t cell = 0, count;

		for (size_t at = 0; mp_unpack(list, &at, &cell, &count); held[cell] = count)
			if (held[cell] != count && !mp_pack(&tidy, cell, count))
				x->r->failed = true;
		mp_pack_free(list);
		*list = tidy;
	}
	free(held);
	return held && !x->r->failed;
}

static bool finish(struct mp_cut *x)
{
	const char *missing = mp_window_missing(&x->r->w);
	struct mp_timeline *t = x->t;

	snprintf(t->missing, sizeof(t->missing), "%s", missing ? missing : "");
	for (size_t s = 0; s < t->n_series; s++)
		put_reading(x, s);
	if (x->r->stopped && x->r->w.to > t->from) { /* the trace goes on behind the window */
		mp_cut_reach(x, x->r->w.to - 1, false);
		x->any = true;
	}
	mp_cut_coarsen(x);
	if (x->any && t->end >= t->from) {
		mp_cut_enter(x, t->end);
		mp_cut_close(x);
		t->n = (uint32_t)x->now + 1;
	}
	t->end = t->end > t->from ? t->end : t->from;
	if (!t->width)
		t->width = t->end - t->from + (t->end - t->from < UINT64_MAX);
	t->damaged = x->r->was_damaged;
	t->lost_bytes = (int64_t)x->r->lost.bytes;
	t->lost_blocks = (int64_t)x->r->lost.blocks;
	t->cells = x->cells ? x->cells - 1 : 0;
	t->cell = calloc((size_t)t->cells + 1, sizeof(*t->cell));
	for (uint32_t i = 1; t->cell && i <= t->cells; i++)
		t->cell[i] = (struct mp_cell){x->r->cell[i].site, x->r->cell[i].thread};
	return mp_cut_processes(x) && t->cell && !x->r->failed && pack_never(x) && tidy_levels(x);
}

struct mp_timeline *mp_cut_end(struct mp_cut *x)
{
	struct mp_timeline *t = x->t;

	if (x->r->failed || !finish(x)) {
		mp_timeline_free(t);
		t = NULL;
	}
	free_cut(x);
	return t;
}

void mp_timeline_free(struct mp_timeline *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; t->own && i <= MP_BUCKETS; i++) {
		mp_pack_free(&t->own->flow[i]);
		if (i < MP_BUCKETS)
			mp_pack_free(&t->own->level[i]);
	}
	free(t->own);
	free(t->cell);
	free(t->ended);
	free(t->series);
	free(t->mark);
	free(t->partial);
	free(t);
}

void mp_cut_tick(struct mp_cut *x, uint64_t tick)
{
	x->tick = tick;
}

unsigned mp_cut_want(const struct mp_cut *x)
{
	const struct replay *r = x->r;
	unsigned want = MP_WANT_OP | MP_WANT_SITE | MP_WANT_FREES | MP_WANT_TIME | MP_WANT_REPLACE;

	/* samples and series may be written behind later events */
	return MP_WANT_OTHER | (r->stopped ? 0 : want) |
	       (r->by_thread && !r->stopped ? MP_WANT_THREAD : 0);
}

struct mp_timeline *mp_timeline_read(struct mp_reader *r, const struct mp_query *q)
{
	struct mp_cut *x = mp_cut_new(mp_tree(r), q);
	const struct mp_block *b;
	unsigned long told = 0;

	if (!x)
		return NULL;
	mp_cut_tick(x, mp_reader_tick(r));
	while (!x->r->failed && mp_next_block(r, mp_cut_want(x), &b) > 0) {
		mp_cut_block(x, b);
		if (told < x->r->mismatches) /* once a block */
			mp_note_damage(r, "block %u: sums differ from its events", b->sequence);
		told = x->r->mismatches;
	}
	return mp_cut_end(x);
}

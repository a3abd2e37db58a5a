/* test_timeline.c - timelines of random histories against a naive replay: figures
 * of each bucket, flows, and every view of windows of whole buckets.
 */
#include "tap.h"

#include "blocks.h"
#include "timeline_own.h"

struct sums {
	uint64_t max, max_blocks, max_time, end, blocks;
	uint64_t allocs, alloc_bytes, frees, free_bytes;
};

struct trial {
	struct mp_tree *tree;
	struct ev ev[EVENTS];
	uint32_t n, first, last; /* the window's events are [first,last) */
	struct blocks x;
	struct mp_query q;
	uint64_t tick;
	struct mp_timeline *t;
};

/* Times further apart: some steps have a common divisor, some are wide. */
static uint32_t stretch(struct ev *ev, uint32_t n)
{
	uint32_t unit = 1 + rnd(3) * rnd(7), wide = 1 + rnd(3) * rnd(40);
	uint32_t before = 0, now = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (ev[i].time != before)
			now += unit * (1 + (rnd(4) ? 0 : rnd(wide)));
		before = ev[i].time;
		ev[i].time = now;
	}
	return unit;
}

static void encode(struct blocks *x, uint32_t largest)
{
	uint32_t first = 0;

	while (first < x->n_ev) {
		uint32_t end = first, want = 1 + rnd(largest);

		while (end < x->n_ev && end - first < want && x->ev[end].op != EV_FINALIZE)
			end++;
		if (end > first || !rnd(4))
			blocks_events(x, first, end);
		if (end < x->n_ev && x->ev[end].op == EV_FINALIZE)
			blocks_finalize(x, &x->ev[end++]);
		first = end;
	}
}

static struct mp_timeline *read_blocks(const struct trial *v, uint32_t skip, unsigned long *bad)
{
	struct mp_cut *x = mp_cut_new(v->tree, &v->q);

	mp_cut_tick(x, v->tick);
	for (uint32_t i = 0; i < v->x.n; i++)
		if (i != skip && (v->x.block[i].kind != MP_BLOCK_CHECKPOINT || skip < v->x.n))
			mp_cut_block(x, &v->x.block[i]);
	*bad = x->r->mismatches;
	return mp_cut_end(x);
}

/* ---- the naive replay -------------------------------------------------------------- */

static uint64_t edge(const struct mp_timeline *t, uint32_t b)
{
	return t->from + b * t->width;
}

static bool is_counted(const struct trial *v, uint32_t a)
{
	return mp_counts(v->tree, v->tree->site.x[v->ev[a].site].kind);
}

/* Bucket by bucket: the figures, and when allocation I was born and died. */
static void naive_buckets(const struct trial *v, struct sums *s, uint8_t *born, uint8_t *died)
{
	const struct mp_timeline *t = v->t;
	bool live[EVENTS] = {false}, done[PROCESSES + 1] = {false};
	uint64_t cur = 0, blocks = 0;
	uint32_t i = 0;

	for (int b = -1; b < (int)t->n; b++) {
		uint64_t to = b < 0 ? t->from : edge(t, (uint32_t)b + 1);
		uint8_t age = b < 0 ? MP_BORN_BEFORE : (uint8_t)b;
		struct sums none, *z = b < 0 ? &none : &s[b];

		*z = (struct sums){.max = cur, .max_blocks = blocks, .max_time = edge(t, (uint32_t)b)};
		for (; b < 0 ? i < v->first : i < v->last && v->ev[i].time < to; i++) {
			const struct ev *e = &v->ev[i];

			for (uint32_t a = 0; a <= i; a++) {
				const struct mp_site *site = &v->tree->site.x[v->ev[a].site];
				bool made = e->op == EV_ALLOC && a == i;
				bool freed = e->op == EV_FREE && e->ref == a && live[a];
				bool ended = e->op == EV_END && live[a] &&
					     site->process == e->process;

				if (!made && !freed && !ended)
					continue;
				live[a] = made;
				if (made) {
					born[a] = age;
					died[a] = done[site->process] ? age : MP_DIED_NEVER;
				} else if (freed && !done[site->process]) {
					died[a] = age;
				}
				if (!is_counted(v, a))
					continue;
				cur += made ? mp_site_bytes(site) : 0 - mp_site_bytes(site);
				blocks += made ? mp_site_weight(site) : 0 - mp_site_weight(site);
				if (made && !v->ev[a].partial) {
					z->allocs += mp_site_weight(site);
					z->alloc_bytes += mp_site_bytes(site);
				}
				z->frees += freed ? mp_site_weight(site) : 0;
				z->free_bytes += freed ? mp_site_bytes(site) : 0;
			}
			if (e->op == EV_END || (e->op == EV_FINALIZE && !v->q.at_exit))
				done[e->process] = true;
			if (cur > z->max) {
				z->max = cur;
				z->max_blocks = blocks;
				z->max_time = e->time;
			}
		}
		z->end = cur;
		z->blocks = blocks;
	}
}

static bool same_figures(const struct mp_bucket *b, const struct sums *s)
{
	return b->max_bytes == s->max && b->max_blocks == s->max_blocks &&
	       b->max_time == s->max_time && b->end_bytes == s->end &&
	       b->end_blocks == s->blocks && b->allocs == s->allocs &&
	       b->alloc_bytes == s->alloc_bytes && b->frees == s->frees &&
	       b->free_bytes == s->free_bytes && !b->lost_bytes && !b->lost_blocks;
}

static bool take(uint64_t *count, uint64_t n)
{
	bool there = *count >= n;

	*count -= n;
	return there;
}

/* Every allocation is in one flow: with each taken off, the flows' counts are 0. */
static bool same_flows(const struct trial *v, const uint8_t *born, const uint8_t *died)
{
	static uint64_t count[SITES + 1][256][256]; /* zeros again at the end */
	struct mp_cursor c = {0};
	struct mp_flow f, last = {0};
	bool good = true;

	for (; mp_next_flow(v->t, &c, &f); last = f) {
		good &= f.count > 0;
		if (f.died == last.died && f.cell == last.cell)
			good &= f.born > last.born;
		else
			good &= f.died > last.died || f.cell > last.cell;
		count[v->t->cell[f.cell].site][f.born][f.died] += f.count;
	}
	for (uint32_t i = 0; i < v->n; i++)
		if (v->ev[i].op == EV_ALLOC && i < v->last && is_counted(v, i) &&
			died[i] != MP_BORN_BEFORE)
			good &= take(&count[v->ev[i].site][born[i]][died[i]],
				mp_site_weight(&v->tree->site.x[v->ev[i].site]));
	for (c = (struct mp_cursor){0}; mp_next_flow(v->t, &c, &f);) {
		uint64_t *left = &count[v->t->cell[f.cell].site][f.born][f.died];

		good &= *left == 0;
		*left = 0;
	}
	return good;
}

/* ---- windows -------------------------------------------------------------------------- */

/* COUNT per cell as rows, to be compared with the naive view's. */
static struct mp_profile *rows(const struct trial *v, enum mp_view view, const uint64_t *count)
{
	struct mp_profile *p = mp_profile_new(columns[view], 2);
	const struct mp_tree *tree = v->tree;
	struct mp_tree_map map;

	mp_tree_map_init(&map, p->tree, tree);
	for (uint32_t i = 1; i <= v->t->cells; i++) {
		const struct mp_site *s = &tree->site.x[v->t->cell[i].site];
		const struct mp_process *pr = &tree->process.x[s->process];
		struct mp_ids ids = {.node = mp_map_node(&map, s->node),
			.kind = s->kind,
			.process = mp_map_string(&map, pr->name),
			.pid = (uint32_t)pr->pid,
			.tid = (uint32_t)tree->thread.x[v->t->cell[i].thread].tid};
		int64_t value[2] = {(int64_t)(count[i] * s->size), (int64_t)count[i]};

		mp_ids_keep(&ids, v->q.keep);
		if (count[i])
			mp_add_ids(p, &ids, value);
	}
	mp_tree_map_free(&map);
	return p;
}

static bool window(const struct trial *v, enum mp_view view, uint32_t a, uint32_t b)
{
	const struct mp_timeline *t = v->t;
	uint64_t *count = calloc(t->cells + 1, sizeof(*count));
	struct mp_query q = v->q;
	struct mp_profile *p;

	q.view = view;
	if (a) {
		q.from = edge(t, a);
		q.from_mark = NULL;
	}
	if (b < t->n) {
		q.to = edge(t, b);
		q.to_mark = NULL;
	}
	if (view == MP_VIEW_TOTAL)
		mp_timeline_allocated(t, a, b, count);
	else if (view == MP_VIEW_LIVE)
		mp_timeline_leaked(t, a, b, count);
	else
		mp_timeline_peak(t, a, b, count);
	p = rows(v, view, count);
	free(count);
	return same(p, naive(v->tree, v->ev, v->n, &q));
}

/* Live at the beginning of bucket B, as a process's blocks go on being its own
 * when it finalises. */
static bool live_at(const struct trial *v, uint32_t b, const uint8_t *born, const uint8_t *died)
{
	uint64_t *count = calloc(v->t->cells + 1, sizeof(*count)), bytes = 0, naive_bytes = 0;

	mp_timeline_live(v->t, b, count);
	for (uint32_t i = 1; i <= v->t->cells; i++)
		bytes += count[i] * v->tree->site.x[v->t->cell[i].site].size;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct mp_site *s = &v->tree->site.x[v->ev[i].site];
		bool ended = false;

		if (v->ev[i].op != EV_ALLOC || i >= v->last || !is_counted(v, i) ||
			(born[i] != MP_BORN_BEFORE && born[i] >= b) || died[i] < b ||
			died[i] == MP_BORN_BEFORE)
			continue;
		for (uint32_t k = i; k < v->last; k++)
			ended |= v->ev[k].op == EV_END && v->ev[k].process == s->process &&
				 (k < v->first || v->ev[k].time < edge(v->t, b));
		naive_bytes += ended ? 0 : mp_site_bytes(s);
	}
	free(count);
	return bytes == naive_bytes;
}

/* The finest buckets there can be: as many as the time has steps, or over 100. */
static bool fine(const struct trial *v)
{
	const struct mp_timeline *t = v->t;
	uint64_t step = 0;

	for (uint32_t i = 0; i < v->n; i++) {
		uint64_t a = v->ev[i].time - t->from, b = step;

		if (i < v->first || i >= v->last)
			continue;
		while (b) {
			uint64_t c = a % b;

			a = b;
			b = c;
		}
		step = a;
	}
	return t->n <= MP_BUCKETS && (!step || t->width == step || t->n >= MP_BUCKETS / 2);
}

static struct mp_query a_timeline_query(const struct ev *ev, uint32_t n)
{
	uint32_t last = ev[n - 1].time;

	struct mp_query q = {.keep = rnd(2) ? 63 : MP_KEEP_KIND, .at_exit = rnd(4) == 0};

	if (!rnd(3)) {
		q.from = rnd(last + 2);
		q.to = rnd(2) ? 0 : q.from + 1 + rnd(last + 2);
	}
	if (rnd(3) == 0)
		a_mark(&q, ev, n);
	return q;
}

static bool a_trial(uint32_t events, uint32_t largest, uint32_t bad[6])
{
	static struct sums sums[MP_BUCKETS];
	uint8_t born[EVENTS], died[EVENTS];
	struct trial v = {.tree = mp_tree_new()};
	unsigned long mismatches;
	bool good;

	sampled = !sampled; /* every other one */
	fill_tree(v.tree);
	v.n = history(v.tree, v.ev, 1 + rnd(events), 1 + rnd(PROCESSES));
	if (rnd(4))
		v.tick = stretch(v.ev, v.n) * rnd(2);
	blocks_begin(&v.x, v.tree, v.ev, v.n);
	encode(&v.x, largest);
	v.q = a_timeline_query(v.ev, v.n);
	good = find_window(v.ev, v.n, &v.q, &v.first, &v.last);
	v.t = read_blocks(&v, UINT32_MAX, &mismatches);
	good = good && v.t && !mismatches && !v.t->damaged && !v.t->missing[0];
	if (good) {
		naive_buckets(&v, sums, born, died);
		for (uint32_t b = 0; b < v.t->n; b++)
			bad[0] += !same_figures(&v.t->bucket[b], &sums[b]);
		bad[1] += v.t->n && !same_flows(&v, born, died);
		bad[2] += !fine(&v);
		bad[3] += v.t->n && !live_at(&v, rnd(v.t->n + 1), born, died);
		for (uint32_t i = 0; i < 4 && v.t->n; i++) {
			uint32_t a = rnd(v.t->n), b = a + 1 + rnd(v.t->n - a);

			bad[4] += !window(&v, MP_VIEW_TOTAL, a, b);
			bad[4] += !window(&v, MP_VIEW_LIVE, a, b);
			bad[5] += !window(&v, MP_VIEW_PEAK, a, b);
		}
	}
	mp_timeline_free(v.t);
	blocks_free(&v.x);
	mp_tree_free(v.tree);
	return good;
}

static void random_histories(uint32_t rounds, uint32_t events, uint32_t largest)
{
	uint32_t bad[6] = {0}, broken = 0;

	for (uint32_t i = 0; i < rounds; i++)
		broken += !a_trial(events, largest, bad);
	ok(broken == 0);
	ok(bad[0] == 0); /* figures */
	ok(bad[1] == 0); /* flows */
	ok(bad[2] == 0); /* width */
	ok(bad[3] == 0); /* live */
	ok(bad[4] == 0); /* allocated, leaked */
	ok(bad[5] == 0); /* peak */
}

/* ---- series, samples, marks ------------------------------------------------------------ */

enum { READINGS = 60 };

struct others {
	uint64_t time[READINGS], weight[READINGS], state[READINGS];
	uint64_t series_time[2 * READINGS], process[2 * READINGS], name[2 * READINGS];
	int64_t value[2 * READINGS];
};

static void fill_others(struct mp_tree *t, struct others *o)
{
	uint64_t name = mp_def_cstring(t, "rss"), time = 0;

	for (uint32_t i = 0; i < READINGS; i++) {
		time += rnd(3) ? rnd(30) : 0;
		o->time[i] = time;
		o->weight[i] = rnd(100);
		o->state[i] = rnd(4) == 0;
		for (uint32_t k = 0; k < 2; k++) { /* two processes, read at once */
			o->series_time[2 * i + k] = 31 * (i + 1);
			o->process[2 * i + k] = k + 1;
			o->name[2 * i + k] = name;
			o->value[2 * i + k] = rnd(1000);
		}
	}
}

static bool same_others(const struct mp_timeline *t, const struct others *o)
{
	bool good = t->n_series == 1 && !strcmp(t->series[0].name, "rss") && t->n_marks == READINGS;

	for (uint32_t b = 0; b < t->n && good; b++) {
		uint64_t samples = 0, cpu = 0, from = edge(t, b), to = edge(t, b + 1);
		int64_t max = -1;

		for (uint32_t i = 0; i < READINGS; i++) {
			uint64_t at = o->series_time[2 * i];

			if (o->time[i] >= from && o->time[i] < to && !o->state[i]) {
				samples++;
				cpu += o->weight[i];
			}
			if (at >= from && at < to && o->value[2 * i] + o->value[2 * i + 1] > max)
				max = o->value[2 * i] + o->value[2 * i + 1];
		}
		good = samples == t->bucket[b].samples && cpu == t->bucket[b].cpu &&
		       t->series[0].max[b] == max;
	}
	for (uint32_t i = 0; i < READINGS && good; i++)
		good = t->mark[i].time == o->time[i] && !strcmp(t->mark[i].name, "rss") &&
		       t->mark[i].value == o->value[i];
	return good;
}

/* They come in pieces, and apart from the events. */
static void other_records(void)
{
	uint32_t bad = 0;

	for (uint32_t round = 0; round < 2000; round++) {
		struct mp_tree *t = mp_tree_new();
		struct mp_query q = {.keep = 63};
		struct mp_cut *x;
		struct mp_timeline *line;
		struct others o;

		fill_tree(t);
		fill_others(t, &o);
		x = mp_cut_new(t, &q);
		for (uint32_t i = 0, n; i < READINGS; i += n) {
			struct mp_block b = {.first_time = o.time[i], .last_time = o.time[i]};

			n = 1 + rnd(READINGS - i);
			if (rnd(2)) {
				b.kind = MP_BLOCK_EVENTS; /* time passes */
				mp_cut_block(x, &b);
			}
			b.n = n;
			b.kind = MP_BLOCK_SAMPLES;
			b.s_time = o.time + i, b.s_weight = o.weight + i, b.s_state = o.state + i;
			mp_cut_block(x, &b);
			b.kind = MP_BLOCK_MARKS;
			b.s_name = o.name, b.s_value = o.value + i;
			mp_cut_block(x, &b);
			b.n = 2 * n;
			b.kind = MP_BLOCK_SERIES;
			b.s_time = o.series_time + 2 * i, b.s_process = o.process + 2 * i;
			b.s_value = o.value + 2 * i;
			mp_cut_block(x, &b);
		}
		line = mp_cut_end(x);
		bad += !line || !same_others(line, &o);
		mp_timeline_free(line);
		mp_tree_free(t);
	}
	ok(bad == 0);
}

/* ---- damage ------------------------------------------------------------------------------ */

/* A block is missing: the next one makes the sums exact, a checkpoint the cells. */
static void lost_block(bool checkpoint)
{
	uint32_t bad = 0;

	for (uint32_t i = 0; i < 3000; i++) {
		struct trial v = {.tree = mp_tree_new(),
			.q = {.view = MP_VIEW_LIVE, .keep = 63, .at_exit = true}};
		struct mp_profile *p, *right;
		uint32_t skip;
		uint64_t *count;
		unsigned long mismatches;

		sampled = i % 2;
		fill_tree(v.tree);
		v.n = history(v.tree, v.ev, 60, 1);
		blocks_begin(&v.x, v.tree, v.ev, v.n);
		encode(&v.x, 8);
		skip = rnd(v.x.n);
		if (skip + 1 < v.x.n)
			v.x.block[skip + 1].resync = true;
		if (checkpoint)
			blocks_snapshot(&v.x, MP_BLOCK_CHECKPOINT, v.ev[v.n - 1].time);
		else
			blocks_events(&v.x, v.n, v.n), v.x.block[v.x.n - 1].resync = true;
		v.t = read_blocks(&v, skip, &mismatches);
		count = calloc(v.t->cells + 1, sizeof(*count));
		mp_timeline_leaked(v.t, 0, v.t->n, count);
		p = rows(&v, MP_VIEW_LIVE, count);
		right = naive(v.tree, v.ev, v.n, &v.q);
		bad += mismatches != 0;
		if (checkpoint) {
			bad += !same(p, right) || v.t->lost_bytes;
		} else {
			bad += mp_total(p, 0) + v.t->lost_bytes != mp_total(right, 0);
			bad += mp_total(p, 1) + v.t->lost_blocks != mp_total(right, 1);
			mp_profile_free(p);
			mp_profile_free(right);
		}
		free(count);
		mp_timeline_free(v.t);
		blocks_free(&v.x);
		mp_tree_free(v.tree);
	}
	ok(bad == 0);
}

/* What was live before is in levels and in what is live, but is no leak. */
static void base_block(void)
{
	struct trial v = {.tree = mp_tree_new(), .n = 4, .q = {.keep = 63},
		.ev = {
			{.op = EV_ALLOC, .thread = 1, .site = 6},
			{.op = EV_ALLOC, .thread = 1, .site = 4},
			{.op = EV_ALLOC, .thread = 1, .site = 4, .time = 5},
			{.op = EV_FREE, .thread = 1, .ref = 0, .time = 9},
		}};
	uint64_t count[8] = {0};
	unsigned long mismatches;
	struct mp_cursor c = {0};
	struct mp_flow f;

	sampled = false;
	fill_tree(v.tree);
	blocks_begin(&v.x, v.tree, v.ev, v.n);
	blocks_events(&v.x, 0, 2);
	blocks_snapshot(&v.x, MP_BLOCK_BASE, 0);
	blocks_events(&v.x, 2, 4);
	v.x.block[0].kind = MP_BLOCK_ROWS; /* out of the stream */
	v.t = read_blocks(&v, UINT32_MAX, &mismatches);
	ok(v.t->n == 10 && v.t->width == 1 && !mismatches);
	ok(v.t->bucket[0].max_bytes == 5 + 3 && v.t->bucket[5].max_bytes == 5 + 3 + 3);
	ok(v.t->bucket[9].end_bytes == 3 + 3 && v.t->bucket[9].max_bytes == 5 + 3 + 3);
	ok(mp_next_flow(v.t, &c, &f) && f.born == MP_BORN_BEFORE && f.died == 9 && f.count == 1);
	ok(mp_next_flow(v.t, &c, &f) && f.born == 5 && f.died == MP_DIED_NEVER && f.count == 1);
	ok(mp_next_flow(v.t, &c, &f) && f.born == MP_BORN_BEFORE && f.died == MP_DIED_NEVER);
	ok(!mp_next_flow(v.t, &c, &f));
	mp_timeline_leaked(v.t, 0, 10, count);
	ok(count[1] + count[2] == 1);
	mp_timeline_live(v.t, 10, count);
	ok(count[1] + count[2] == 3);
	mp_timeline_free(v.t);
	blocks_free(&v.x);
	mp_tree_free(v.tree);
}

static void nothing(void)
{
	struct mp_tree *t = mp_tree_new();
	struct mp_query q = {.from_mark = "x"};
	struct mp_timeline *line = mp_cut_end(mp_cut_new(t, &q));

	ok(line && !line->n && !line->cells && !strcmp(line->missing, "no mark 'x'"));
	mp_timeline_free(line);
	mp_tree_free(t);
}

int main(void)
{
	other_records();
	lost_block(false);
	lost_block(true);
	base_block();
	nothing();
	random_histories(20000, 24, 6);
	random_histories(3000, EVENTS, 90);
	random_histories(3000, EVENTS, 12);
	return tap_done();
}

/* test_view.c - the views of random histories against a naive replay, which
 * keeps every block and looks at every event.
 */
#include "tap.h"

#include "blocks.h"
#include "view.h"

static struct mp_tree *make_tree(bool weights)
{
	struct mp_tree *t = mp_tree_new();

	sampled = weights;
	fill_tree(t);
	return t;
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

static struct mp_profile *replay(const struct mp_tree *t, const struct blocks *x, uint32_t skip,
	const struct mp_query *q)
{
	struct mp_profile *p = mp_profile_new(NULL, 0);
	struct replay *r = mp_replay_new(t, q);
	struct mp_tree_map map;

	mp_tree_map_init(&map, p->tree, t);
	for (uint32_t i = 0; i < x->n; i++)
		if (i != skip && (x->block[i].kind != MP_BLOCK_CHECKPOINT || skip < x->n))
			mp_replay_block(r, &x->block[i]);
	mp_replay_rows(r, p, &map);
	p->loss.damaged_blocks = r->mismatches;
	mp_tree_map_free(&map);
	mp_replay_free(r);
	return p;
}

static bool agree(const struct mp_tree *t, const struct blocks *x, const struct mp_query *q)
{
	struct mp_profile *p = replay(t, x, UINT32_MAX, q);
	bool clean = !p->loss.damaged_blocks && !mp_profile_error(p);

	return same(p, naive(t, x->ev, x->n_ev, q)) && clean;
}

static void random_histories(uint32_t rounds, uint32_t events, uint32_t largest)
{
	uint32_t bad[MP_VIEW_SAMPLES] = {0};

	for (uint32_t i = 0; i < rounds; i++) {
		struct mp_tree *t = make_tree(rnd(2));
		struct ev ev[EVENTS];
		uint32_t n = history(t, ev, 1 + rnd(events), 1 + rnd(PROCESSES));
		struct blocks x;

		blocks_begin(&x, t, ev, n);
		encode(&x, largest);
		for (enum mp_view view = MP_VIEW_LIVE; view <= MP_VIEW_TEMPORARY; view++) {
			struct mp_query q = a_query(view, ev[n - 1].time, ev, n);

			bad[view] += !agree(t, &x, &q);
		}
		blocks_free(&x);
		mp_tree_free(t);
	}
	ok(bad[MP_VIEW_LIVE] == 0);
	ok(bad[MP_VIEW_PEAK] == 0);
	ok(bad[MP_VIEW_TOTAL] == 0);
	ok(bad[MP_VIEW_TEMPORARY] == 0);
}

/* ---- damage ------------------------------------------------------------------------ */

static int64_t sum_of(struct mp_profile *p, int column)
{
	int64_t n = mp_total(p, column);

	mp_profile_free(p);
	return n;
}

/* A block is missing: the next one makes the totals exact, the checkpoint the rows. */
static void lost_block(bool checkpoint)
{
	uint32_t bad = 0, rounds = 2000;
	struct mp_query q = {.view = MP_VIEW_LIVE, .keep = 63, .at_exit = true};

	for (uint32_t i = 0; i < rounds; i++) {
		struct mp_tree *t = make_tree(rnd(2));
		struct ev ev[EVENTS];
		uint32_t n = history(t, ev, 60, 1), skip;
		struct mp_profile *p, *right;
		struct blocks x;

		blocks_begin(&x, t, ev, n);
		encode(&x, 8);
		skip = rnd(x.n);
		if (skip + 1 < x.n)
			x.block[skip + 1].resync = true;
		if (checkpoint)
			blocks_snapshot(&x, MP_BLOCK_CHECKPOINT, ev[n - 1].time);
		else
			blocks_events(&x, n, n), x.block[x.n - 1].resync = true;
		p = replay(t, &x, skip, &q);
		right = naive(t, ev, n, &q);
		bad += p->loss.damaged_blocks != 0;
		if (checkpoint) {
			bad += !same(p, right);
		} else {
			bad += mp_total(p, 0) != mp_total(right, 0);
			bad += mp_total(p, 1) != mp_total(right, 1);
			mp_profile_free(p);
			mp_profile_free(right);
		}
		blocks_free(&x);
		mp_tree_free(t);
	}
	ok(bad == 0);
}

/* A header that contradicts the events is damage. */
static void wrong_header(void)
{
	struct mp_tree *t = make_tree(false);
	struct ev ev[] = {
		{.op = EV_ALLOC, .thread = 1, .site = 4},
		{.op = EV_ALLOC, .thread = 1, .site = 4},
	};
	struct mp_query q = {.view = MP_VIEW_PEAK, .keep = 63};
	struct mp_profile *p;
	struct blocks x;

	blocks_begin(&x, t, ev, 2);
	blocks_events(&x, 0, 1);
	blocks_events(&x, 1, 2);
	x.block[1].live_bytes = 77;
	p = replay(t, &x, UINT32_MAX, &q);
	ok(p->loss.damaged_blocks == 1);
	mp_profile_free(p);
	x.block[1].live_bytes = 3;
	x.block[1].max_live = 3; /* hides the maximum */
	p = replay(t, &x, UINT32_MAX, &q);
	ok(p->loss.damaged_blocks == 1);
	ok(mp_total(p, 0) == 6);
	mp_profile_free(p);
	blocks_free(&x);
	mp_tree_free(t);
}

/* What was live before a filter's window counts in the peak only. */
static void base_block(void)
{
	struct mp_tree *t = make_tree(false);
	struct ev ev[] = {
		{.op = EV_ALLOC, .thread = 1, .site = 6},
		{.op = EV_ALLOC, .thread = 1, .site = 4},
		{.op = EV_ALLOC, .thread = 1, .site = 4},
		{.op = EV_FREE, .thread = 1, .ref = 0},
	};
	struct mp_query q = {.keep = 63};
	struct blocks x;

	blocks_begin(&x, t, ev, 4);
	blocks_events(&x, 0, 2);
	blocks_snapshot(&x, MP_BLOCK_BASE, 0);
	blocks_events(&x, 2, 4);
	x.block[0].kind = MP_BLOCK_SERIES; /* out of the stream */
	q.view = MP_VIEW_PEAK;
	ok(sum_of(replay(t, &x, UINT32_MAX, &q), 0) == 5 + 3 + 3);
	q.view = MP_VIEW_LIVE;
	ok(sum_of(replay(t, &x, UINT32_MAX, &q), 0) == 3);
	q.view = MP_VIEW_TOTAL;
	ok(sum_of(replay(t, &x, UINT32_MAX, &q), 0) == 3);
	blocks_free(&x);
	mp_tree_free(t);
}

static void samples(void)
{
	struct mp_tree *t = make_tree(false);
	uint64_t node[] = {1, 2, 1}, thread[] = {1, 1, 1}, weight[] = {5, 6, 7};
	uint64_t rss[] = {9, 9, 4}, state[] = {0, 0, 0}, time[] = {1, 2, 3};
	struct mp_block b = {.kind = MP_BLOCK_SAMPLES,
		.n = 3,
		.s_node = node,
		.s_thread = thread,
		.s_weight = weight,
		.s_rss = rss,
		.s_state = state,
		.s_time = time};
	struct blocks x = {.block = &b, .n = 1};
	struct mp_query q = {.view = MP_VIEW_DEFAULT, .keep = 63};
	struct mp_profile *p = replay(t, &x, UINT32_MAX, &q);

	ok(mp_rows(p) == 2);
	ok(mp_total(p, mp_column_index(p, "samples")) == 3);
	ok(mp_total(p, mp_column_index(p, "time")) == 18);
	ok(mp_total(p, mp_column_index(p, "rss")) == 9);
	mp_profile_free(p);
	q.view = MP_VIEW_SAMPLES;
	q.to = 2;
	ok(sum_of(replay(t, &x, UINT32_MAX, &q), 1) == 5);
	mp_tree_free(t);
}

int main(void)
{
	random_histories(20000, 24, 6);
	random_histories(1500, EVENTS, 90);
	lost_block(false);
	lost_block(true);
	wrong_header();
	base_block();
	samples();
	return tap_done();
}

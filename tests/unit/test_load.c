/* test_load.c - the views through real streams: written by the encoder, read back
 * from memory, several parts added, damaged.
 */
#include "tap.h"

#include "streams.h"

/* ---- traces ------------------------------------------------------------------------ */

static struct mp_profile *load(const struct memory *m, const struct mp_query *q, bool *clean)
{
	struct mp_reader *r = mp_open_mem(m->data, m->size);
	struct mp_profile *p = mp_load(r, q);

	*clean = !mp_error(r) && !mp_damage(r) && !mp_profile_error(p) &&
		 !p->loss.damaged_blocks && !p->loss.truncated;
	if (mp_close(r) < 0)
		*clean = false;
	return p;
}

static void views(void)
{
	uint32_t bad[MP_VIEW_SAMPLES] = {0};

	for (int round = 0; round < 400; round++) {
		struct mp_tree *t = mp_tree_new();
		struct memory m = {0};
		struct ev ev[EVENTS];
		uint32_t n = make_history(ev, 1 + rnd(EVENTS));

		sampled = rnd(2);
		fill_tree(t);
		write_trace(&m, ev, n, NULL);
		for (enum mp_view view = MP_VIEW_LIVE; view <= MP_VIEW_TEMPORARY; view++) {
			struct mp_query q = a_query(view, ev[n - 1].time, ev, n);
			bool clean;
			struct mp_profile *p;

			/* how many were allocated in between is not known of a sample */
			if (sampled && view == MP_VIEW_TEMPORARY && !q.temporary_ns) {
				p = load(&m, &q, &clean);
				bad[view] += !mp_profile_error(p);
				mp_profile_free(p);
				q.temporary_ns = 7;
			}
			p = load(&m, &q, &clean);
			bad[view] += !same(p, naive(t, ev, n, &q)) || !clean;
		}
		free(m.data);
		mp_tree_free(t);
	}
	ok(bad[MP_VIEW_LIVE] == 0);
	ok(bad[MP_VIEW_PEAK] == 0);
	ok(bad[MP_VIEW_TOTAL] == 0);
	ok(bad[MP_VIEW_TEMPORARY] == 0);
}

static void parts(void)
{
	struct mp_query q = {.keep = MP_KEEP_DEFAULT};
	struct mp_tree *t = mp_tree_new();
	struct mp_profile *p, *sum;
	struct memory m = {0};
	struct ev ev[EVENTS];
	bool clean;

	fill_tree(t);
	q.view = MP_VIEW_PEAK;
	sum = mp_profile_new(columns[MP_VIEW_PEAK], 2);
	for (int i = 0; i < 3; i++) {
		uint32_t n = make_history(ev, 200);
		struct mp_profile *one = naive(t, ev, n, &q);

		write_trace(&m, ev, n, NULL);
		ok(!mp_merge(sum, one, 1));
		mp_profile_free(one);
	}
	q.view = MP_VIEW_DEFAULT;
	p = load(&m, &q, &clean);
	ok(clean && !strcmp(mp_profile_meta(p, "view"), "peak"));
	ok(!strcmp(mp_profile_meta(p, "peaks_added"), "3") && !mp_profile_meta(p, "peak_time"));
	ok(same(p, sum));
	free(m.data);
	mp_tree_free(t);
}

/* One byte differs: the reader says so, or nothing has changed. */
static void damage(void)
{
	struct mp_query q = {.view = MP_VIEW_LIVE, .keep = 63, .at_exit = true};
	uint32_t silent = 0, wrong = 0, exact = 0, rounds = 0;

	for (int round = 0; round < 60; round++) {
		struct mp_tree *t = mp_tree_new();
		struct memory m = {0};
		struct ev ev[EVENTS];
		uint32_t n;

		sampled = rnd(2);
		fill_tree(t);
		n = history(t, ev, 300, 1);
		write_trace(&m, ev, n, NULL);
		for (int k = 0; k < 40; k++) {
			size_t at = rnd((uint32_t)m.size);
			uint8_t was = m.data[at];
			struct mp_profile *p, *right = naive(t, ev, n, &q);
			bool clean, equal;

			m.data[at] ^= (uint8_t)(1u << rnd(8));
			p = load(&m, &q, &clean);
			equal = mp_total(p, 0) == mp_total(right, 0) &&
				mp_total(p, 1) == mp_total(right, 1);
			equal &= same(p, right);
			silent += clean && !equal;
			wrong += !equal;
			exact += equal;
			rounds++;
			m.data[at] = was;
		}
		free(m.data);
		mp_tree_free(t);
	}
	printf("# one byte flipped %u times: %u exact, %u not\n", rounds, exact, wrong);
	ok(silent == 0);
	ok(exact > rounds / 2);
}

/* ---- profiles ---------------------------------------------------------------------- */

static void profiles(void)
{
	struct mp_query q = {.keep = 63};
	uint32_t bad = 0;

	for (int round = 0; round < 100; round++) {
		struct mp_tree *t = mp_tree_new();
		struct ev ev[EVENTS];
		struct mp_query view = a_query(MP_VIEW_TOTAL, 100, NULL, 0);
		struct memory m = {0}, again = {0};
		struct mp_profile *p, *back;
		struct mp_writer *w;
		bool clean;

		fill_tree(t);
		p = naive(t, ev, make_history(ev, 300), &view);
		mp_profile_set_meta(p, "view", "total");
		p->loss.lost_events = 3;
		w = mp_create_sink(keep, &m, 1);
		bad += mp_put_profile(w, p) != 0;
		bad += mp_finish(w) != 0;
		back = load(&m, &q, &clean);
		bad += !clean || back->loss.lost_events != 3;
		bad += strcmp(mp_profile_meta(back, "view"), "total") != 0;
		w = mp_create_sink(keep, &again, 1);
		bad += mp_put_profile(w, back) != 0;
		bad += mp_finish(w) != 0;
		bad += m.size != again.size || memcmp(m.data, again.data, m.size);
		bad += !same(back, p);
		free(m.data);
		free(again.data);
		mp_tree_free(t);
	}
	ok(bad == 0);
}

/* A profile of view live, then a trace. */
static void mixed_views(void)
{
	struct mp_query q = {.keep = 63};
	struct memory m = {0};
	struct mp_profile *p = mp_profile_new(columns[MP_VIEW_LIVE], 2);
	struct mp_writer *w = mp_create_sink(keep, &m, 0);
	struct ev ev[EVENTS];
	bool clean;

	ok(!mp_put_profile(w, p) && !mp_finish(w));
	mp_profile_free(p);
	write_trace(&m, ev, make_history(ev, 50), NULL);
	p = load(&m, &q, &clean);
	ok(mp_profile_error(p) && !strcmp(mp_profile_error(p),
					  "bytes of view live and of view peak in one table"));
	mp_profile_free(p);
	q.view = MP_VIEW_TOTAL;
	p = load(&m, &q, &clean);
	ok(mp_profile_error(p) &&
		!strcmp(mp_profile_error(p),
			"view total needs a trace, this is a profile of view live"));
	mp_profile_free(p);
	q.view = MP_VIEW_LIVE;
	p = load(&m, &q, &clean);
	ok(clean);
	mp_profile_free(p);
	free(m.data);
}

int main(void)
{
	views();
	parts();
	damage();
	profiles();
	mixed_views();
	return tap_done();
}

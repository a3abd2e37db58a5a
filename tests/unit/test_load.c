/* test_load.c - the views through real streams: written by the encoder, read back
 * from memory, several parts added, damaged.
 */
#include "tap.h"

#include "encode.h"
#include "history.h"
#include "io.h"

struct memory {
	uint8_t *data;
	size_t size, room;
};

static int keep(void *ctx, const void *data, size_t size)
{
	struct memory *m = ctx;

	if (m->size + size > m->room) {
		m->room = (m->size + size) * 2;
		m->data = realloc(m->data, m->room);
		if (!m->data)
			abort();
	}
	memcpy(m->data + m->size, data, size);
	m->size += size;
	return 0;
}

/* ---- traces ------------------------------------------------------------------------ */

struct recorder {
	uint32_t ref[EVENTS]; /* of ALLOC events */
	bool live[EVENTS];
	uint32_t open[EVENTS]; /* allocation of the open block -> event */
};

static void survivor(void *ctx, uint32_t index, uint32_t slot)
{
	struct recorder *r = ctx;

	r->ref[r->open[index]] = slot;
}

static void record(struct recorder *r, struct mp_writer *w, const struct ev *ev, uint32_t i)
{
	const struct mp_tree *t = mp_writer_tree(w);
	const struct ev *e = &ev[i];

	switch (e->op) {
	case EV_ALLOC:
		r->ref[i] = mp_enc_alloc(w, e->time, e->thread, e->site);
		r->open[r->ref[i] & ~MP_REF_OPEN] = i;
		r->live[i] = true;
		return;
	case EV_FREE:
		mp_enc_free(w, e->time, e->thread,
			e->ref == UINT32_MAX ? MP_REF_OUTSIDE : r->ref[e->ref],
			e->ref == UINT32_MAX ? 0 : ev[e->ref].site);
		if (e->ref != UINT32_MAX)
			r->live[e->ref] = false;
		return;
	case EV_END:
		mp_enc_procend(w, e->time, e->process);
		for (uint32_t a = 0; a < i; a++) {
			if (ev[a].op != EV_ALLOC || !r->live[a] ||
				t->site.x[ev[a].site].process != e->process)
				continue;
			mp_enc_release(w, r->ref[a], ev[a].site);
			r->live[a] = false;
		}
		return;
	case EV_FINALIZE:
		mp_enc_mark(w, e->time, 0, e->process,
			mp_def_cstring(mp_writer_tree(w), "finalize"), 0);
		return;
	}
}

static void write_trace(struct memory *m, const struct ev *ev, uint32_t n)
{
	struct recorder *r = calloc(1, sizeof(*r));
	const struct mp_encoder encoder = {r, survivor};
	struct mp_writer *w = mp_create_sink(keep, m, (int)rnd(3));

	ok(w && !mp_begin(w, MP_TRACE));
	fill_tree(mp_writer_tree(w));
	mp_set_encoder(w, &encoder);
	for (uint32_t i = 0; i < n; i++) {
		record(r, w, ev, i);
		if (rnd(12) == 0)
			mp_enc_flush(w, ev[i].time);
	}
	if (mp_end(w) || mp_finish(w))
		abort();
	free(r);
}

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

static uint32_t make_history(struct ev *ev, uint32_t n)
{
	struct mp_tree *t = mp_tree_new();

	fill_tree(t);
	n = history(t, ev, n, 1 + rnd(PROCESSES));
	for (uint32_t i = 0; i < n; i++)
		ev[i].partial = false;
	mp_tree_free(t);
	return n;
}

static void views(void)
{
	uint32_t bad[MP_VIEW_SAMPLES] = {0};

	for (int round = 0; round < 400; round++) {
		struct mp_tree *t = mp_tree_new();
		struct memory m = {0};
		struct ev ev[EVENTS];
		uint32_t n = make_history(ev, 1 + rnd(EVENTS));

		fill_tree(t);
		write_trace(&m, ev, n);
		for (enum mp_view view = MP_VIEW_LIVE; view <= MP_VIEW_TEMPORARY; view++) {
			struct mp_query q = a_query(view, ev[n - 1].time, ev, n);
			bool clean;
			struct mp_profile *p = load(&m, &q, &clean);

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

		write_trace(&m, ev, n);
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

		fill_tree(t);
		n = history(t, ev, 300, 1);
		write_trace(&m, ev, n);
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
	write_trace(&m, ev, make_history(ev, 50));
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

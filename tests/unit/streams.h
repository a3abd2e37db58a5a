/* streams.h - random histories written by the encoder into memory, as the drain
 * would write them.
 */
#ifndef STREAMS_H
#define STREAMS_H

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

/* Readings of the resident set, at the times of events. */
struct readings {
	uint32_t n, time[EVENTS];
	int64_t rss[EVENTS];
};

static void read_rss(struct readings *x, struct mp_writer *w, uint32_t time)
{
	uint32_t rss = mp_def_cstring(mp_writer_tree(w), "rss");
	uint32_t anon = mp_def_cstring(mp_writer_tree(w), "rss_anon");
	uint32_t i = x->n, processes = 1 + rnd(2);

	if (i && x->time[i - 1] == time)
		return;
	x->n++;
	x->time[i] = time;
	x->rss[i] = 0;
	for (uint32_t p = 1; p <= processes; p++) {
		int64_t value = 1 + rnd(8);

		x->rss[i] += value;
		mp_enc_series(w, time, p, rss, value);
		mp_enc_series(w, time, p, anon, value + 1);
	}
}

/* X: where readings are noted, NULL: none are written. */
static void write_trace(
	struct memory *m, const struct ev *ev, uint32_t n, struct readings *x)
{
	struct recorder *r = calloc(1, sizeof(*r));
	const struct mp_encoder encoder = {r, survivor};
	struct mp_writer *w = mp_create_sink(keep, m, (int)rnd(3));

	ok(w && !mp_begin(w, MP_TRACE));
	fill_tree(mp_writer_tree(w));
	if (sampled && mp_put_loss(w, &(struct mp_loss){.sample_interval = 64}))
		abort();
	mp_set_encoder(w, &encoder);
	for (uint32_t i = 0; i < n; i++) {
		record(r, w, ev, i);
		if (x && rnd(6) == 0)
			read_rss(x, w, ev[i].time);
		if (rnd(12) == 0)
			mp_enc_flush(w, ev[i].time);
	}
	if (mp_end(w) || mp_finish(w))
		abort();
	free(r);
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

#endif

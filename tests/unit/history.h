/* history.h - random histories of allocations, and naive views of them that keep
 * every block and look at every event.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ev_op { EV_ALLOC, EV_FREE, EV_END, EV_FINALIZE };

struct ev {
	enum ev_op op;
	uint32_t time, thread, site; /* site: of ALLOC */
	uint32_t ref;                /* FREE: index of the ALLOC, UINT32_MAX: outside */
	uint32_t process;            /* END, FINALIZE */
	bool partial;                /* ALLOC: what a partial unmap left */
};

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static bool sampled; /* the sites of the next trees have weights */

enum { SITES = 9, THREADS = 5, PROCESSES = 3, EVENTS = 400 };

static void fill_tree(struct mp_tree *t)
{
	static const uint64_t size[SITES] = {0, 1, 2, 3, 0, 5, 7, 4, 6};
	static const uint32_t kind[SITES] = {MP_ALLOC_MALLOC, MP_ALLOC_MALLOC, MP_ALLOC_MALLOC,
		MP_ALLOC_MMAP, MP_ALLOC_MALLOC, MP_ALLOC_MMAP_FILE, MP_ALLOC_MALLOC,
		MP_ALLOC_ARENA, MP_ALLOC_BRK};
	static const uint32_t extra[SITES] = {0, 3, 0, 1, 2, 0, 6, 1, 9};
	char name[16];

	t->objects = true;
	for (uint32_t i = 1; i <= PROCESSES; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		mp_def_process(t,
			&(struct mp_process){.name = mp_def_cstring(t, name), .pid = 100 + i});
	}
	for (uint32_t i = 0; i < THREADS; i++)
		mp_def_thread(
			t, &(struct mp_thread){.process = i % PROCESSES + 1, .tid = 100 + i});
	for (uint32_t i = 0; i < SITES; i++) {
		struct mp_frame f = {.func = name, .file = "", .module = "", .build_id = ""};
		struct mp_site s = {.process = i % PROCESSES + 1,
			.size = size[i],
			.kind = kind[i],
			.extra = sampled ? extra[i] : 0};

		snprintf(name, sizeof(name), "f%u", i % 5);
		s.node = mp_push(t, 0, &f);
		mp_def_site(t, &s);
	}
}

/* ---- histories ------------------------------------------------------------------- */

static uint32_t a_thread(uint32_t process)
{
	uint32_t thread = rnd(THREADS);

	while (thread % PROCESSES + 1 != process)
		thread = rnd(THREADS);
	return thread + 1;
}

static uint32_t history(const struct mp_tree *t, struct ev *ev, uint32_t n, uint32_t processes)
{
	uint32_t live[EVENTS], lives = 0, time = 0, made = 0;
	bool ended[PROCESSES + 1] = {false};
	uint32_t freeing = 30 + rnd(40);

	while (made < n) {
		/* an end has the time of the event after it */
		bool after_end = made && ev[made - 1].op == EV_END;
		struct ev e = {.time = time += !after_end && rnd(3) == 0};
		uint32_t p = 1 + rnd(processes), what = rnd(100);

		if (ended[p])
			p = 1;
		if (what < freeing && lives) {
			uint32_t i = rnd(2) ? lives - 1 : rnd(lives);

			e.op = EV_FREE;
			e.ref = live[i];
			p = t->site.x[ev[e.ref].site].process;
			e.thread = rnd(3) ? ev[e.ref].thread : a_thread(p);
			live[i] = live[--lives];
		} else if (what == 98 && p > 1) {
			uint32_t kept = 0;

			e.op = rnd(2) ? EV_END : EV_FINALIZE;
			e.process = p;
			if (e.op == EV_END) {
				ended[p] = true;
				for (uint32_t i = 0; i < lives; i++)
					if (t->site.x[ev[live[i]].site].process != p)
						live[kept++] = live[i];
				lives = kept;
			}
		} else if (what == 99) {
			e.op = EV_FREE;
			e.ref = UINT32_MAX;
			e.thread = a_thread(p);
		} else {
			e.op = EV_ALLOC;
			e.thread = a_thread(p);
			e.site = 1 + p - 1 + PROCESSES * rnd(SITES / PROCESSES);
			e.partial = rnd(20) == 0;
			live[lives++] = made;
		}
		ev[made++] = e;
	}
	return made;
}

/* ---- the naive view --------------------------------------------------------------- */

struct naive {
	const struct mp_tree *t;
	const struct ev *ev;
	uint32_t n;
	struct mp_query q;
	uint32_t from, to;        /* the window */
	bool *live, *best, *base; /* per event; BEST: of the one peak */
	struct mp_profile *p;
	struct mp_tree_map *map;
};

static const struct mp_site *site_of(const struct naive *v, uint32_t a)
{
	return &v->t->site.x[v->ev[a].site];
}

static bool counted(const struct naive *v, uint32_t a)
{
	return mp_counts(v->t, site_of(v, a)->kind);
}

static void give(struct naive *v, uint32_t a)
{
	const struct mp_site *s = site_of(v, a);
	const struct mp_thread *t = &v->t->thread.x[v->ev[a].thread];
	const struct mp_process *p = &v->t->process.x[s->process];
	struct mp_ids ids = {.node = mp_map_node(v->map, s->node),
		.kind = s->kind,
		.process = mp_map_string(v->map, p->name),
		.pid = (uint32_t)p->pid,
		.tid = (uint32_t)t->tid};
	int64_t value[2] = {(int64_t)mp_site_bytes(s), (int64_t)mp_site_weight(s)};

	if (!counted(v, a))
		return;
	mp_ids_keep(&ids, v->q.keep);
	mp_add_ids(v->p, &ids, value);
}

/* Index of the NTH mark behind event I, + 1; 0: there is none. */
static uint32_t nth_mark(const struct ev *ev, uint32_t n, uint32_t i, uint32_t nth)
{
	for (; i < n; i++)
		if (ev[i].op == EV_FINALIZE && !--nth)
			return i + 1;
	return 0;
}

/* The events FROM <= i < TO are those of the window; false: there is none. */
static bool find_window(const struct ev *ev, uint32_t n, const struct mp_query *q,
	uint32_t *from, uint32_t *to)
{
	for (*from = 0; *from < n && ev[*from].time < q->from; )
		++*from;
	if (q->from_mark)
		*from = nth_mark(ev, n, 0, q->from_nth ? q->from_nth : 1);
	for (*to = 0; *to < n && (!q->to || ev[*to].time < q->to); )
		++*to;
	if (q->to_mark)
		*to = q->to_nth ? nth_mark(ev, n, 0, q->to_nth) : nth_mark(ev, n, *from, 1);
	return (!q->from_mark || *from) && (!q->to_mark || *to > *from) &&
		(!q->from_mark || !q->to || q->to > ev[*from - 1].time);
}

static bool inside(const struct naive *v, uint32_t i)
{
	return i >= v->from && i < v->to;
}

static void apply(struct naive *v, uint32_t i)
{
	const struct ev *e = &v->ev[i];

	if (e->op == EV_ALLOC)
		v->live[i] = true;
	if (e->op == EV_FREE && e->ref != UINT32_MAX)
		v->live[e->ref] = false;
	for (uint32_t a = 0; e->op == EV_END && a < i; a++)
		if (v->ev[a].op == EV_ALLOC && site_of(v, a)->process == e->process)
			v->live[a] = false;
}

static void naive_live(struct naive *v)
{
	bool done[PROCESSES + 1] = {false};
	uint32_t n = v->to;

	for (uint32_t i = 0; i <= n; i++) {
		bool ends = i < n && (v->ev[i].op == EV_END ||
					     (v->ev[i].op == EV_FINALIZE && !v->q.at_exit));

		for (uint32_t a = 0; a < i; a++) {
			uint32_t p = site_of(v, a)->process;

			if (v->live[a] && !done[p] && inside(v, a) &&
				(i == n || (ends && v->ev[i].process == p)))
				give(v, a);
		}
		if (ends)
			done[v->ev[i].process] = true;
		if (i < n)
			apply(v, i);
	}
}

/* The first moment of the largest sum over PROCESS (0: all). */
static uint64_t naive_peak(struct naive *v, uint32_t process)
{
	uint64_t peak = 0, cur;
	uint32_t n = v->to;
	bool open = false;

	memset(v->live, 0, v->n);
	memset(v->best, 0, v->n);
	for (uint32_t i = 0; i <= n; i++) {
		bool opens = !open && (i == n || i >= v->from);

		cur = 0;
		for (uint32_t a = 0; a < i; a++)
			if (v->live[a] && counted(v, a) &&
				(!process || site_of(v, a)->process == process))
				cur += mp_site_bytes(site_of(v, a));
		if (opens || (open && cur > peak)) {
			peak = cur;
			memcpy(v->best, v->live, v->n);
		}
		open |= opens;
		if (i < n)
			apply(v, i);
	}
	for (uint32_t a = 0; a < n; a++)
		if (v->best[a] && (!process || site_of(v, a)->process == process))
			give(v, a);
	return peak;
}

static void naive_total(struct naive *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (v->ev[i].op == EV_ALLOC && inside(v, i) && !v->ev[i].partial)
			give(v, i);
}

static void naive_temporary(struct naive *v)
{
	uint32_t n = v->q.temporary ? v->q.temporary : 1;

	if (n == MP_NONE_BETWEEN)
		n = 0;
	for (uint32_t i = 0; i < v->n; i++) {
		uint32_t a = v->ev[i].ref, others = 0;

		if (v->ev[i].op != EV_FREE || a == UINT32_MAX || !inside(v, i) ||
			!inside(v, a) || v->ev[a].partial)
			continue;
		if (v->q.temporary_ns) {
			if (v->ev[i].time - v->ev[a].time <= v->q.temporary_ns)
				give(v, a);
			continue;
		}
		if (v->ev[a].thread != v->ev[i].thread)
			continue;
		for (uint32_t k = a + 1; k < i; k++)
			others += v->ev[k].op == EV_ALLOC &&
				  v->ev[k].thread == v->ev[a].thread && !v->ev[k].partial &&
				  counted(v, k);
		if (others <= n)
			give(v, a);
	}
}

static const struct mp_column columns[][2] = {
	[MP_VIEW_LIVE] = {{"bytes", "B", "live", 0}, {"count", "count", "live", 0}},
	[MP_VIEW_PEAK] = {{"bytes", "B", "peak", 0}, {"count", "count", "peak", 0}},
	[MP_VIEW_TOTAL] = {{"bytes", "B", "total", 0}, {"count", "count", "total", 0}},
	[MP_VIEW_TEMPORARY] = {{"bytes", "B", "temporary", 0},
		{"count", "count", "temporary", 0}},
};

static struct mp_profile *naive(
	const struct mp_tree *t, const struct ev *ev, uint32_t n, const struct mp_query *q)
{
	struct mp_profile *p = mp_profile_new(columns[q->view], 2);
	struct mp_tree_map map;
	struct naive v = {.t = t,
		.ev = ev,
		.n = n,
		.q = *q,
		.live = calloc(n + 1, 1),
		.best = calloc(n + 1, 1),
		.p = p,
		.map = &map};

	mp_tree_map_init(&map, p->tree, t);
	if (!find_window(ev, n, q, &v.from, &v.to))
		abort();
	if (q->view == MP_VIEW_LIVE)
		naive_live(&v);
	else if (q->view == MP_VIEW_PEAK && !q->each_process)
		naive_peak(&v, 0);
	else if (q->view == MP_VIEW_PEAK)
		for (uint32_t i = 1; i <= PROCESSES; i++)
			naive_peak(&v, i);
	else if (q->view == MP_VIEW_TOTAL)
		naive_total(&v);
	else
		naive_temporary(&v);
	mp_tree_map_free(&map);
	free(v.live);
	free(v.best);
	return p;
}

static inline bool same(struct mp_profile *a, struct mp_profile *b)
{
	bool good = !mp_merge(a, b, -1) && !mp_rows(a);

	mp_profile_free(a);
	mp_profile_free(b);
	return good;
}

/* Sometimes from or to a mark, if EV has it. */
static inline void a_mark(struct mp_query *q, const struct ev *ev, uint32_t n)
{
	struct mp_query marked = *q;
	uint32_t from, to;

	if (rnd(2)) {
		marked.from_mark = "finalize";
		marked.from_nth = rnd(4);
	}
	if (rnd(2)) {
		marked.to_mark = "finalize";
		marked.to_nth = rnd(5);
	}
	if (find_window(ev, n, &marked, &from, &to))
		*q = marked;
}

static inline struct mp_query a_query(
	enum mp_view view, uint32_t last, const struct ev *ev, uint32_t n)
{
	struct mp_query q = {.view = view, .keep = rnd(2) ? 63 : MP_KEEP_KIND};

	if (rnd(2)) {
		q.from = rnd(last + 2);
		q.to = rnd(2) ? 0 : q.from + 1 + rnd(last + 2);
	}
	q.each_process = view == MP_VIEW_PEAK && rnd(3) == 0;
	q.at_exit = rnd(4) == 0;
	q.temporary = rnd(5);
	if (q.temporary == 4)
		q.temporary = MP_NONE_BETWEEN;
	if (rnd(3) == 0)
		q.temporary_ns = 1 + rnd(20);
	a_mark(&q, ev, n);
	return q;
}

#endif

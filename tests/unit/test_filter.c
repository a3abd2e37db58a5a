/* test_filter.c - what is kept of random histories, against the naive views of the
 * events that are meant, picked one by one.
 */
#include "tap.h"

#include "filter.h"
#include "streams.h"

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

/* ---- which allocations are meant ------------------------------------------------------- */

struct pick {
	struct mp_where where;
	struct mp_query q;              /* its window */
	uint32_t process, kind;         /* 0: any */
	uint32_t tid;                   /* 0: any */
	char process_name[8], tid_name[8];
	const char *function;           /* NULL: any */
	bool size, lifetime;
	uint64_t size_least, size_most, life_least, life_most;
};

static void some_spans(struct pick *p)
{
	if (rnd(3) == 0) {
		p->size = true;
		p->size_least = rnd(5);
		p->size_most = p->size_least + rnd(4);
		mp_where_span(&p->where, MP_WHERE_SIZE, p->size_least, p->size_most);
	}
	if (rnd(3) == 0) {
		p->lifetime = true;
		p->life_least = rnd(20);
		p->life_most = rnd(2) ? UINT64_MAX : p->life_least + rnd(20);
		mp_where_span(&p->where, MP_WHERE_LIFETIME, p->life_least, p->life_most);
	}
}

static void some_conditions(struct pick *p, const struct ev *ev, uint32_t n)
{
	static const char *const function[] = {"f0", "f1", "f2", "f3", "f4"};

	memset(p, 0, sizeof(*p));
	p->where.window = p->q = a_query(MP_VIEW_LIVE, ev[n - 1].time, ev, n);
	if (rnd(3) == 0) {
		p->process = 1 + rnd(PROCESSES);
		snprintf(p->process_name, sizeof(p->process_name), "p%u", p->process);
		if (rnd(2))
			mp_where_text(&p->where, MP_WHERE_PROCESS, p->process_name);
		else
			mp_where_span(&p->where, MP_WHERE_PID, 100 + p->process, 100 + p->process);
	}
	if (rnd(3) == 0) {
		p->tid = 100 + rnd(THREADS);
		snprintf(p->tid_name, sizeof(p->tid_name), "%u", p->tid);
		mp_where_text(&p->where, MP_WHERE_THREAD, p->tid_name);
	}
	if (rnd(4) == 0) {
		p->kind = MP_ALLOC_ARENA;
		mp_where_text(&p->where, MP_WHERE_KIND, rnd(2) ? "arena" : "runtime");
		mp_where_text(&p->where, MP_WHERE_KIND, "arena");
	}
	if (rnd(4) == 0) {
		p->function = function[rnd(5)];
		mp_where_text(&p->where, MP_WHERE_FUNCTION, p->function);
	}
	some_spans(p);
	p->where.drop = mp_where_any(&p->where) && rnd(3) == 0;
}

/* The free of allocation A of N events, or N. */
static uint32_t free_of(const struct ev *ev, uint32_t n, uint32_t a)
{
	uint32_t i = a + 1;

	while (i < n && !(ev[i].op == EV_FREE && ev[i].ref == a))
		i++;
	return i;
}

static bool meant(const struct pick *p, const struct mp_tree *t, const struct ev *ev, uint32_t n,
	uint32_t a)
{
	const struct mp_site *s = &t->site.x[ev[a].site];
	uint32_t end = free_of(ev, n, a);
	uint64_t life = end < n ? ev[end].time - ev[a].time : UINT64_MAX;
	struct mp_frame f;
	bool good = (!p->process || s->process == p->process) &&
		    (!p->kind || s->kind == p->kind) &&
		    (!p->tid || t->thread.x[ev[a].thread].tid == p->tid) &&
		    (!p->size || (s->size >= p->size_least && s->size <= p->size_most)) &&
		    (!p->lifetime || (life >= p->life_least && life <= p->life_most));

	if (p->function)
		good = good && mp_frames(t, s->node, &f, 1) && !strcmp(f.func, p->function);
	return good != p->where.drop;
}

/* The events that are meant, in or out of the window. */
static uint32_t pick_events(const struct pick *p, const struct mp_tree *t, const struct ev *ev,
	uint32_t n, struct ev *to)
{
	uint32_t at[EVENTS], kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct ev e = ev[i];

		at[i] = UINT32_MAX;
		if (e.op == EV_ALLOC && !meant(p, t, ev, n, i))
			continue;
		if (e.op == EV_FREE && (e.ref == UINT32_MAX || at[e.ref] == UINT32_MAX))
			continue;
		if (e.op == EV_FREE)
			e.ref = at[e.ref];
		at[i] = kept;
		to[kept++] = e;
	}
	return kept;
}

/* ---- the filter ------------------------------------------------------------------------ */

static bool filter(const struct memory *from, struct memory *to, const struct mp_where *where)
{
	struct mp_reader *r = mp_open_mem(from->data, from->size);
	struct mp_writer *w = mp_create_sink(keep, to, (int)rnd(2));
	bool good = true;

	while (mp_next_part(r) > 0)
		good &= !mp_filter_trace(w, r, where);
	good &= !mp_error(r);
	good &= !mp_finish(w);
	return !mp_close(r) && good;
}

static bool clean(const struct memory *m)
{
	struct mp_reader *r = mp_open_mem(m->data, m->size);
	uint64_t records = 0;
	bool good = true;

	while (mp_next_part(r) > 0)
		good &= !mp_verify_part(r, &records);
	good &= !mp_damage(r) && !mp_loss(r).damaged_blocks;
	return !mp_close(r) && good;
}

/* Q without its window. */
static struct mp_query whole(const struct mp_query *q)
{
	struct mp_query all = *q;

	all.from = all.to = 0;
	all.from_mark = all.to_mark = NULL;
	return all;
}

static void views(void)
{
	uint32_t bad[MP_VIEW_SAMPLES] = {0}, failed = 0, dirty = 0, empty = 0, rounds = 3000;

	for (uint32_t round = 0; round < rounds; round++) {
		struct mp_tree *t = mp_tree_new();
		struct memory m = {0}, kept = {0};
		struct ev ev[EVENTS], want[EVENTS];
		uint32_t n = make_history(ev, 1 + rnd(EVENTS)), left;
		struct pick p;

		sampled = rnd(2);
		fill_tree(t);
		some_conditions(&p, ev, n);
		write_trace(&m, ev, n, NULL);
		failed += !filter(&m, &kept, &p.where);
		dirty += !clean(&kept);
		left = pick_events(&p, t, ev, n, want);
		empty += !left;
		for (enum mp_view view = MP_VIEW_LIVE; view <= MP_VIEW_TEMPORARY; view++) {
			struct mp_query q = a_query(view, 10, ev, n), all;
			struct mp_profile *got;
			bool good;

			if (sampled && !q.temporary_ns)
				q.temporary_ns = 7;
			all = whole(&q);
			got = load(&kept, &all, &good);
			q.from = p.q.from;
			q.to = p.q.to;
			q.from_mark = p.q.from_mark;
			q.to_mark = p.q.to_mark;
			q.from_nth = p.q.from_nth;
			q.to_nth = p.q.to_nth;
			bad[view] += !same(got, naive(t, want, left, &q)) || !good;
		}
		mp_where_free(&p.where);
		free(m.data);
		free(kept.data);
		mp_tree_free(t);
	}
	printf("# %u selections, %u of them of nothing\n", rounds, empty);
	ok(failed == 0);
	ok(dirty == 0);
	ok(bad[MP_VIEW_LIVE] == 0);
	ok(bad[MP_VIEW_PEAK] == 0);
	ok(bad[MP_VIEW_TOTAL] == 0);
	ok(bad[MP_VIEW_TEMPORARY] == 0);
}

/* Twice is once: the same bytes. */
static void again(void)
{
	uint32_t bad = 0;

	for (int round = 0; round < 300; round++) {
		struct memory m = {0}, once = {0}, twice = {0};
		struct ev ev[EVENTS];
		uint32_t n = make_history(ev, 1 + rnd(EVENTS));
		struct pick p;

		some_conditions(&p, ev, n);
		write_trace(&m, ev, n, NULL);
		seed ^= 1;
		bad += !filter(&m, &once, &p.where);
		mp_where_free(&p.where);
		memset(&p.where, 0, sizeof(p.where));
		bad += !filter(&once, &twice, &p.where);
		free(once.data);
		memset(&once, 0, sizeof(once));
		bad += !filter(&twice, &once, &p.where);
		for (enum mp_view view = MP_VIEW_LIVE; view <= MP_VIEW_TEMPORARY; view++) {
			struct mp_query any = a_query(view, 10, ev, n), q = whole(&any);
			struct mp_profile *a, *b;
			bool good, good2;

			a = load(&once, &q, &good);
			b = load(&twice, &q, &good2);
			bad += !same(a, b) || !good || !good2;
		}
		free(m.data), free(once.data), free(twice.data);
	}
	ok(bad == 0);
}

/* One byte differs: what is kept is whole, and says what is missing. */
static void damage(void)
{
	struct mp_query q = {.view = MP_VIEW_LIVE, .keep = 63, .at_exit = true};
	uint32_t silent = 0, broken = 0, rounds = 0, equal = 0;
	const struct mp_where all = {.drop = false};

	for (int round = 0; round < 60; round++) {
		struct memory m = {0};
		struct mp_tree *t = mp_tree_new();
		struct ev ev[EVENTS];
		uint32_t n;

		sampled = rnd(2);
		fill_tree(t);
		n = history(t, ev, 300, 1);
		write_trace(&m, ev, n, NULL);
		for (int k = 0; k < 30; k++) {
			size_t at = rnd((uint32_t)m.size);
			uint8_t was = m.data[at];
			struct memory kept = {0};
			struct mp_profile *a, *b;
			bool good, good2;

			m.data[at] ^= (uint8_t)(1u << rnd(8));
			if (filter(&m, &kept, &all)) {
				struct mp_reader *r = mp_open_mem(kept.data, kept.size);
				uint64_t records = 0;

				while (mp_next_part(r) > 0)
					broken += mp_verify_part(r, &records) != 0;
				broken += mp_damage(r) != NULL;
				broken += mp_close(r) < 0;
				a = load(&m, &q, &good);
				b = load(&kept, &q, &good2);
				silent += good != good2;
				equal += same(a, b);
				rounds++;
			}
			free(kept.data);
			m.data[at] = was;
		}
		free(m.data);
		mp_tree_free(t);
	}
	printf("# one byte flipped %u times: leaks alike in %u\n", rounds, equal);
	ok(broken == 0);
	ok(silent == 0);
	ok(rounds && equal == rounds);
}

int main(void)
{
	views();
	again();
	damage();
	return tap_done();
}

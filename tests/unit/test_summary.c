/* test_summary.c - the summary of random histories against naive views of each. */
#include "tap.h"

#include "streams.h"
#include "summary.h"

enum { COUNTED = -1 };

static struct mp_summary *summarise(const struct memory *m, const struct mp_query *q, bool *clean)
{
	struct mp_reader *r = mp_open_mem(m->data, m->size);
	struct mp_summary *s = mp_summarise(r, q);

	*clean = s && !mp_summary_error(s) && !mp_error(r) && !mp_damage(r);
	if (mp_close(r) < 0)
		*clean = false;
	return s;
}

static bool equal(const struct mp_tree *t, const struct ev *ev, uint32_t n, enum mp_view view,
	bool at_exit, const struct mp_amount *a)
{
	struct mp_query q = {.view = view, .at_exit = at_exit};
	struct mp_profile *p = naive(t, ev, n, &q);
	bool good = mp_total(p, 0) == a->bytes && mp_total(p, 1) == a->count;

	mp_profile_free(p);
	return good;
}

/* Live bytes after all events up to TIME of allocators of CLASS, or all that count. */
static int64_t live_at(const struct mp_tree *t, const struct ev *ev, uint32_t n, uint32_t time,
	int class)
{
	struct naive v = {.t = t, .ev = ev, .n = n, .live = calloc(n + 1, 1)};
	int64_t sum = 0;

	for (uint32_t i = 0; i < n && ev[i].time <= time; i++)
		apply(&v, i);
	for (uint32_t a = 0; a < n; a++)
		if (v.live[a] && (class == COUNTED ? counted(&v, a)
						   : (int)mp_alloc_class(site_of(&v, a)->kind) ==
							     class))
			sum += (int64_t)mp_site_bytes(site_of(&v, a));
	free(v.live);
	return sum;
}

static bool rss_good(const struct mp_tree *t, const struct ev *ev, uint32_t n,
	const struct readings *x, const struct mp_summary_rss *rss)
{
	uint32_t best = 0;

	if (rss->readings != x->n)
		return false;
	if (!x->n)
		return true;
	for (uint32_t i = 1; i < x->n; i++)
		if (x->rss[i] > x->rss[best])
			best = i;
	return rss->time == x->time[best] && rss->rss == x->rss[best] &&
	       rss->anon == rss->rss + (int64_t)rss->processes && rss->file == -1 &&
	       rss->heap == live_at(t, ev, n, x->time[best], COUNTED) &&
	       rss->map == live_at(t, ev, n, x->time[best], MP_CLASS_MAP) &&
	       rss->mapped_file == live_at(t, ev, n, x->time[best], MP_CLASS_FILE) &&
	       rss->arena == live_at(t, ev, n, x->time[best], MP_CLASS_ARENA) &&
	       rss->runtime == live_at(t, ev, n, x->time[best], MP_CLASS_RUNTIME);
}

/* The parts of what was allocated add up to it. */
static bool adds_up(const struct mp_summary *s)
{
	struct mp_amount size = {0, 0}, kind = {0, 0}, process = {0, 0}, live = {0, 0};

	for (int i = 0; i < MP_SIZES; i++) {
		size.bytes += s->size[i].bytes;
		size.count += s->size[i].count;
		if (s->size[i].count && i &&
			(s->size[i].bytes / s->size[i].count >> (i - 1)) != 1)
			return false;
	}
	for (size_t i = 0; i < s->kinds; i++)
		if (s->kind[i].counted) {
			kind.bytes += s->kind[i].sum.bytes;
			kind.count += s->kind[i].sum.count;
		}
	for (size_t i = 0; i < s->processes; i++) {
		process.bytes += s->process[i].allocated.bytes;
		process.count += s->process[i].allocated.count;
		live.bytes += s->process[i].live.bytes;
		live.count += s->process[i].live.count;
	}
	return !memcmp(&size, &s->allocated, sizeof(size)) &&
	       !memcmp(&kind, &s->allocated, sizeof(kind)) &&
	       !memcmp(&process, &s->allocated, sizeof(process)) &&
	       !memcmp(&live, &s->live, sizeof(live)) &&
	       mp_total(s->total, 0) == s->allocated.bytes &&
	       mp_total(s->total, 1) == s->allocated.count;
}

static uint32_t frees(const struct ev *ev, uint32_t n, bool unknown)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += ev[i].op == EV_FREE && (!unknown || ev[i].ref == UINT32_MAX);
	return count;
}

static void histories(void)
{
	uint32_t bad[8] = {0};

	for (int round = 0; round < 1500; round++) {
		struct mp_query q = {.at_exit = rnd(4) == 0};
		struct mp_tree *t = mp_tree_new();
		struct readings x = {.n = 0};
		struct memory m = {0};
		struct ev ev[EVENTS];
		uint32_t n = make_history(ev, 1 + rnd(EVENTS)), ops = 0;
		struct mp_summary *s;
		bool clean;

		sampled = rnd(2);
		fill_tree(t);
		write_trace(&m, ev, n, &x);
		s = summarise(&m, &q, &clean);
		for (uint32_t i = 0; i < n; i++)
			ops += ev[i].op == EV_ALLOC || ev[i].op == EV_FREE;
		bad[0] += !clean || s->parts != 1 || s->threads != THREADS ||
			  s->processes != PROCESSES || s->events != ops ||
			  s->duration != ev[n - 1].time;
		bad[1] += !equal(t, ev, n, MP_VIEW_TOTAL, false, &s->allocated);
		bad[2] += !equal(t, ev, n, MP_VIEW_PEAK, false, &s->peak);
		bad[3] += !equal(t, ev, n, MP_VIEW_LIVE, q.at_exit, &s->live);
		bad[4] += s->sampled != sampled;
		bad[4] += sampled ? s->temporary.bytes || s->temporary.count :
			!equal(t, ev, n, MP_VIEW_TEMPORARY, false, &s->temporary);
		bad[5] += s->frees != frees(ev, n, false) ||
			  s->unknown_frees != frees(ev, n, true);
		bad[6] += !adds_up(s);
		bad[7] += !rss_good(t, ev, n, &x, &s->rss);
		mp_summary_free(s);
		free(m.data);
		mp_tree_free(t);
	}
	ok(bad[0] == 0);
	ok(bad[1] == 0);
	ok(bad[2] == 0);
	ok(bad[3] == 0);
	ok(bad[4] == 0);
	ok(bad[5] == 0);
	ok(bad[6] == 0);
	ok(bad[7] == 0);
}

static void parts(void)
{
	struct mp_amount allocated = {0, 0}, peak = {0, 0}, live = {0, 0}, temporary = {0, 0};
	struct mp_amount *sum[] = {&live, &peak, &allocated, &temporary};
	struct mp_tree *t = mp_tree_new();
	struct memory m = {0};
	struct mp_summary *s;
	struct ev ev[EVENTS];
	bool clean;

	sampled = false;
	fill_tree(t);
	for (int i = 0; i < 3; i++) {
		uint32_t n = make_history(ev, 200);

		write_trace(&m, ev, n, NULL);
		for (enum mp_view view = MP_VIEW_LIVE; view <= MP_VIEW_TEMPORARY; view++) {
			struct mp_query q = {.view = view};
			struct mp_profile *p = naive(t, ev, n, &q);

			sum[view - MP_VIEW_LIVE]->bytes += mp_total(p, 0);
			sum[view - MP_VIEW_LIVE]->count += mp_total(p, 1);
			mp_profile_free(p);
		}
	}
	s = summarise(&m, &(struct mp_query){.view = 0}, &clean);
	ok(clean && s->parts == 3 && s->peak_time == 0 && !s->rss.readings);
	ok(!memcmp(&s->allocated, &allocated, sizeof(allocated)));
	ok(!memcmp(&s->peak, &peak, sizeof(peak)));
	ok(!memcmp(&s->live, &live, sizeof(live)));
	ok(!memcmp(&s->temporary, &temporary, sizeof(temporary)));
	ok(adds_up(s));
	mp_summary_free(s);
	free(m.data);
	mp_tree_free(t);
}

int main(void)
{
	histories();
	parts();
	return tap_done();
}

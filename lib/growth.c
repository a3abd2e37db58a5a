/* growth.c - the groups of a trace whose live bytes keep rising; see growth.h.
 * Invariant: the rows' bytes are what is live at the end, as the timeline's flows
 * tell it; a group's series is the sum over all its cells, live at the end or not.
 */
#include "growth.h"

#include "group.h"
#include "io.h"
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

struct growth {
	const struct mp_timeline *t;
	struct mp_profile *p;
	uint32_t *row;          /* of a cell */
	uint32_t *group;        /* of a row */
	size_t groups;
	uint32_t *series;       /* of a group, + 1; 0: nothing live at its end */
	size_t n_series;
	int64_t *live, *held;   /* N + 1 values a series */
	int64_t *bytes, *count, *older; /* per group */
	uint32_t *newest;
	double *room;
};

/* ---- what lives when ------------------------------------------------------------- */

/* The blocks of a flow are live at the edges [FROM,TO) of 0 … n. */
struct span { uint32_t from, to; bool held, ends_live; };

static struct span span_of(const struct mp_timeline *t, const struct mp_flow *f)
{
	uint32_t process = t->tree->site.x[t->cell[f->cell].site].process, n = t->n;
	struct span s = {.from = f->born < n ? f->born + 1u : 0, .to = f->died + 1u};

	if (f->born == MP_BORN_BEFORE) {
		s.to = 0;               /* not allocated in the window */
	} else if (f->died == MP_DIED_NEVER) {
		uint64_t start = t->tree->process.x[process].start;
		uint8_t ended = t->ended[process];
		uint32_t since = mp_timeline_at(t, start < t->from ? t->from : start);

		s.to = n + 1;
		if (ended == MP_BORN_BEFORE)
			s.to = 0;
		else if (ended < n && (ended + 1u - since) * 2 < n)
			s.to = ended + 1u;
	}
	s.to = s.to < s.from ? s.from : s.to;
	s.ends_live = s.to > n;
	s.held = s.ends_live || (s.to - s.from) * 6 >= n;
	return s;
}

static int add_to(struct growth *g, int64_t *sum, int64_t value)
{
	return __builtin_add_overflow(*sum, value, sum)
		       ? mp_profile_fail(g->p, "the bytes of a group are over 63 bits")
		       : 0;
}

static int amount(struct growth *g, const struct mp_flow *f, int64_t *bytes)
{
	uint64_t size = mp_timeline_size(g->t, f->cell), sum;

	if (__builtin_mul_overflow(size, f->count, &sum) || sum > INT64_MAX)
		return mp_profile_fail(g->p, "the bytes of a site are over 63 bits");
	*bytes = (int64_t)sum;
	return 0;
}

/* ---- rows -------------------------------------------------------------------------- */

static const struct mp_column columns[MP_GROWTH_COLUMNS] = {
	[MP_GROWTH_BYTES] = {"bytes", "B", "live", MP_SUM},
	[MP_GROWTH_COUNT] = {"count", "count", "live", MP_SUM},
	[MP_GROWTH_SLOPE] = {"slope", "B/min", "growth", MP_MAX},
	[MP_GROWTH_ROSE] = {"rose", "%", "growth", MP_MAX},
	[MP_GROWTH_BEFORE] = {"before", "B", "growth", MP_MAX},
	[MP_GROWTH_LATELY] = {"lately", "B", "growth", MP_MAX},
	[MP_GROWTH_FIRST] = {"first", "ns", "growth", MP_MIN},
	[MP_GROWTH_LAST] = {"last", "ns", "growth", MP_MAX},
	[MP_GROWTH_GROWING] = {"growing", "count", "growth", MP_MAX},
};

static struct mp_ids ids_of(const struct mp_timeline *t, uint32_t cell, unsigned keep)
{
	const struct mp_tree *tree = t->tree;
	const struct mp_site *s = &tree->site.x[t->cell[cell].site];
	const struct mp_process *p = &tree->process.x[s->process];
	const struct mp_thread *h = &tree->thread.x[t->cell[cell].thread];
	struct mp_ids ids = {.node = s->node, .kind = s->kind, .type = s->type,
		.process = p->name, .pid = (uint32_t)p->pid, .thread = h->name,
		.tid = (uint32_t)h->tid};

	mp_ids_keep(&ids, keep);
	return ids;
}

/* A row for every cell, also if nothing of it is left. */
static int make_rows(struct growth *g, unsigned keep)
{
	static const int64_t nothing[MP_GROWTH_COLUMNS];

	for (uint32_t i = 1; i <= g->t->cells; i++) {
		struct mp_ids ids = ids_of(g->t, i, keep);

		if (mp_add_ids(g->p, &ids, nothing))
			return -1;
		g->row[i] = mp_find_ids(g->p, &ids) - 1;
	}
	return 0;
}

/* The blocks of F are live at the end. */
static int add_left(struct growth *g, const struct mp_flow *f, int64_t bytes)
{
	uint32_t row = g->row[f->cell], group = g->group[row], n = g->t->n;
	/* the middle of its bucket; 0 would say that it is not known */
	uint64_t time = g->t->from + (f->born < n ? f->born * g->t->width + g->t->width / 2 : 0);
	struct mp_ids ids = g->p->key[row];
	int64_t value[MP_GROWTH_COLUMNS] = {
		[MP_GROWTH_BYTES] = bytes,
		[MP_GROWTH_COUNT] = (int64_t)f->count,
		[MP_GROWTH_FIRST] = time ? (int64_t)(time & INT64_MAX) : 1,
		[MP_GROWTH_LAST] = (int64_t)(time & INT64_MAX),
	};

	if (f->born < n && f->born > g->newest[group])
		g->newest[group] = f->born;
	if (f->born < n && f->born * 6u >= n && f->born * 6u < 5 * n &&
		add_to(g, &g->older[group], bytes))
		return -1;
	return add_to(g, &g->bytes[group], bytes) ||
	       add_to(g, &g->count[group], (int64_t)f->count) ||
	       mp_add_ids(g->p, &ids, value) ? -1 : 0;
}

static int find_left(struct growth *g)
{
	struct mp_cursor c = {0};
	struct mp_flow f;
	int64_t bytes = 0;

	while (mp_next_flow(g->t, &c, &f))
		if (span_of(g->t, &f).ends_live && (amount(g, &f, &bytes) || add_left(g, &f, bytes)))
			return -1;
	for (size_t i = 0; i < g->groups; i++)
		if (g->bytes[i] > 0)
			g->series[i] = (uint32_t)++g->n_series;
	return 0;
}

/* ---- series ------------------------------------------------------------------------ */

/* First what changes at each edge, then what is there. */
static int fill_series(struct growth *g)
{
	struct mp_cursor c = {0};
	struct mp_flow f;
	uint32_t n = g->t->n;
	int64_t bytes = 0;

	while (mp_next_flow(g->t, &c, &f)) {
		struct span s = span_of(g->t, &f);
		size_t at = g->series[g->group[g->row[f.cell]]];

		if (!at || s.from >= s.to)
			continue;
		at = (at - 1) * (n + 1);
		if (amount(g, &f, &bytes))
			return -1;
		for (int held = 0; held <= s.held; held++) {
			int64_t *y = (held ? g->held : g->live) + at;

			if (add_to(g, &y[s.from], bytes) ||
				(s.to <= n && add_to(g, &y[s.to], -bytes)))
				return -1;
		}
	}
	for (size_t i = 0; i < g->n_series * (n + 1); i++)
		if (i % (n + 1) && (add_to(g, &g->live[i], g->live[i - 1]) ||
					   add_to(g, &g->held[i], g->held[i - 1])))
			return -1;
	return 0;
}

static void judge(struct growth *g, size_t group, bool always, struct mp_growth_verdict *v)
{
	const struct mp_timeline *t = g->t;
	size_t at = (g->series[group] - 1) * (t->n + 1);
	struct mp_growth_series s = {
		.live = g->live + at,
		.held = g->held + at,
		.n = t->n,
		.last = (double)(t->end - t->from) / (double)t->width,
		.bytes = g->bytes[group],
		.count = g->count[group],
		.older = g->older[group],
		.newest = g->newest[group],
	};

	if (s.last <= t->n - 1)         /* it ends where a bucket begins */
		s.last = t->n;
	mp_growth_judge(&s, v, g->room, always);
}

static int64_t a_minute(const struct mp_timeline *t, double slope)
{
	double minute = slope * 60e9 / (double)t->width;

	return minute >= 0x1p62 ? INT64_MAX : minute <= -0x1p62 ? INT64_MIN : (int64_t)minute;
}

/* The verdicts into the rows; the others are dropped. */
static int keep_growing(struct growth *g, const struct mp_growth *how)
{
	struct mp_growth_verdict *v = calloc(g->groups + 1, sizeof(*v));
	bool *keep = calloc(g->p->rows + 1, sizeof(*keep));
	bool judged = g->t->n >= MP_GROWTH_LEAST;

	for (size_t i = 0; v && keep && judged && i < g->groups; i++)
		if (g->series[i])
			judge(g, i, how->all, &v[i]);
	for (size_t i = 0; v && keep && i < g->p->rows; i++) {
		int64_t *value = g->p->value + i * g->p->columns;
		const struct mp_growth_verdict *its = &v[g->group[i]];

		keep[i] = value[MP_GROWTH_COUNT] > 0 && (its->grows || how->all);
		value[MP_GROWTH_SLOPE] = a_minute(g->t, its->slope);
		value[MP_GROWTH_ROSE] = its->rose;
		value[MP_GROWTH_BEFORE] = its->before;
		value[MP_GROWTH_LATELY] = its->lately;
		value[MP_GROWTH_GROWING] = its->grows;
	}
	if (v && keep)
		mp_profile_compact(g->p, keep);
	free(v);
	free(keep);
	return v && keep ? 0 : mp_profile_fail(g->p, "out of memory");
}

static bool make_series(struct growth *g)
{
	size_t n = (size_t)g->t->n + 1;

	g->live = calloc((g->n_series + 1) * n, sizeof(*g->live));
	g->held = calloc((g->n_series + 1) * n, sizeof(*g->held));
	g->room = malloc(n * n / 2 * sizeof(*g->room) + 1);
	return g->live && g->held && g->room;
}

static bool make_groups(struct growth *g)
{
	size_t n = g->groups + 1;

	g->series = calloc(n, sizeof(*g->series));
	g->newest = calloc(n, sizeof(*g->newest));
	g->bytes = calloc(n, sizeof(*g->bytes));
	g->count = calloc(n, sizeof(*g->count));
	g->older = calloc(n, sizeof(*g->older));
	return g->series && g->newest && g->bytes && g->count && g->older;
}

static int fill(struct growth *g, const struct mp_query *q)
{
	g->row = calloc((size_t)g->t->cells + 1, sizeof(*g->row));
	if (!g->row || make_rows(g, q->keep))
		return mp_profile_fail(g->p, "out of memory");
	g->group = mp_group_rows(g->p, q->growth->by, MP_SHOW_DEFAULT, &g->groups);
	if (!g->group || !make_groups(g))
		return mp_profile_fail(g->p, "out of memory");
	if (find_left(g))
		return -1;
	if (!make_series(g))
		return mp_profile_fail(g->p, "out of memory");
	return fill_series(g) ? -1 : keep_growing(g, q->growth);
}

/* The part's tree and what it is a profile of.  Names came up to the end of the
 * part, and its numbers stay. */
static int begin(struct mp_profile *p, struct mp_reader *r)
{
	p->tree = mp_reader_swap_tree(r, p->tree);
	for (int i = 0; i < MP_GROWTH_COLUMNS; i++)
		if (mp_profile_column(p, &columns[i]) < 0)
			return -1;
	return mp_profile_union_meta(p, "view", "live");
}

struct mp_profile *mp_growth_part(struct mp_reader *r, const struct mp_query *q)
{
	struct mp_profile *p = mp_profile_new(NULL, 0);
	struct mp_timeline *t = p ? mp_timeline_read(r, q) : NULL;
	struct growth g = {.t = t, .p = p};

	if (t) {
		q->growth->parts++;
		q->growth->short_ += t->n < MP_GROWTH_LEAST;
		if (t->missing[0])
			mp_profile_fail(p, "%s", t->missing);
		else if (!begin(p, r))
			fill(&g, q);
	} else if (p) {
		mp_profile_fail(p, "out of memory");
	}
	free(g.row), free(g.group), free(g.series), free(g.newest);
	free(g.bytes), free(g.count), free(g.older);
	free(g.live), free(g.held), free(g.room);
	mp_timeline_free(t);
	return p;
}

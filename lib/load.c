/* load.c - a whole stream as one profile: profiles as they are, traces seen
 * through a query, parts added.
 */
#include "follow.h"
#include "growth.h"
#include "io.h"
#include "view.h"
#include "views.h"

#include <stdlib.h>
#include <string.h>

static int merge_meta(struct mp_profile *p, struct mp_reader *r, unsigned long *peaks)
{
	struct mp_told *pair;
	size_t n = 0, i = 0;
	int status;

	*peaks = 0;
	while (mp_meta_at(r, n, &(const char *){NULL}, &(const char *){NULL}))
		n++;
	pair = malloc((n + 1) * sizeof(*pair));
	if (!pair)
		return mp_profile_fail(p, "out of memory");
	for (n = 0; mp_meta_at(r, i, &pair[n].key, &pair[n].value); i++) {
		if (!strcmp(pair[n].key, "peaks_added")) {
			*peaks = strtoul(pair[n].value, NULL, 10);
			continue;
		}
		if (!strcmp(pair[n].key, "view") && !strcmp(pair[n].value, "peak") && !*peaks)
			*peaks = 1;
		n++;
	}
	status = mp_profile_union(p, pair, n);
	free(pair);
	return status;
}

/* What a replay counted, as rows of P.  An empty profile takes the part's tree
 * over: half of the work of a small trace would be to intern its nodes again. */
static void take_rows(struct mp_profile *p, struct mp_reader *r, struct replay *v)
{
	struct mp_tree_map map;

	if (!p->rows && !p->columns && !p->tree->node.n && v->tree == mp_tree(r))
		p->tree = mp_reader_swap_tree(r, p->tree);
	mp_tree_map_init(&map, p->tree, v->tree);
	mp_replay_rows(v, p, &map);
	mp_tree_map_free(&map);
}

/* Every replay is given every block; TIME is the last moment met. */
static int replay(struct mp_reader *r, struct replay *const *v, size_t n, uint64_t *time)
{
	const struct mp_block *b;
	unsigned long told = 0, most;
	unsigned want;
	int got;

	for (;;) {
		want = 0;
		for (size_t i = 0; i < n; i++)
			want |= mp_replay_want(v[i]) | (v[i]->q.watch ? MP_WANT_OTHER : 0);
		got = mp_next_block(r, want, &b);
		if (got <= 0)
			return got;
		most = told;
		for (size_t i = 0; i < n; i++) {
			if (mp_replay_block(v[i], b))
				return 0; /* its rows will tell */
			if (v[i]->mismatches > most)
				most = v[i]->mismatches;
		}
		if (told < most) /* once a block */
			mp_note_damage(r, "block %u: sums differ from its events", b->sequence);
		told = most;
		if (b->last_time > *time)
			*time = b->last_time;
		if (v[0]->q.watch)
			mp_watch_block(v[0]->q.watch, b);
	}
}

static void load_trace(struct mp_profile *const *p, struct mp_reader *r,
	const struct mp_query *q, size_t n, uint64_t *time)
{
	struct replay *v[MP_VIEWS_MAX] = {0};
	unsigned long unused;
	bool good = true;

	for (size_t i = 0; good && i < n; i++) {
		v[i] = mp_replay_new(mp_tree(r), &q[i]);
		if (!v[i])
			good = !mp_profile_fail(p[i], "out of memory");
	}
	if (good && q->watch)
		mp_watch_begin(q->watch, r, v[0], p[0]);
	good = good && replay(r, v, n, time) >= 0;
	if (q->watch)
		mp_watch_end(q->watch, r);
	for (size_t i = 0; good && i < n; i++)
		if (v[i]->view == MP_VIEW_TEMPORARY && !q[i].temporary_ns &&
			mp_part_loss(r).sample_interval)
			good = !mp_profile_fail(p[i], "a sample does not tell what was freed before "
				"the next allocations (mp-temp --within-time T does)");
	for (size_t i = 0; good && i < n; i++) {
		const char *missing = mp_window_missing(&v[i]->w);

		good = !(missing ? mp_profile_fail(p[i], "%s", missing)
				 : merge_meta(p[i], r, &unused));
	}
	/* Names come up to the end of the part, so rows are made here. */
	for (size_t i = 0; i < n; i++) {
		if (good)
			take_rows(p[i], r, v[i]);
		mp_replay_free(v[i]);
	}
}

/* ---- profiles -------------------------------------------------------------------- */

struct table {
	struct mp_profile *p;
	const struct mp_tree *tree;
	struct mp_tree_map map;
	int *column; /* value column -> column of P */
	uint32_t columns;
	int64_t *value;
};

static int match_columns(struct table *x)
{
	const struct mp_tree *t = x->tree;
	int *column = realloc(x->column, (t->column.n + 1) * sizeof(*column));
	int64_t *value;

	if (!column)
		return mp_profile_fail(x->p, "out of memory");
	x->column = column;
	for (; x->columns < t->column.n; x->columns++) {
		const struct mp_coldef *d = &t->column.x[x->columns + 1];
		struct mp_column c = {
			mp_str(t, d->name), mp_str(t, d->unit), mp_str(t, d->view), d->combine};

		column[x->columns] = mp_profile_column(x->p, &c);
		if (column[x->columns] < 0)
			return -1;
	}
	value = realloc(x->value, (x->p->columns + 1) * sizeof(*value));
	if (!value)
		return mp_profile_fail(x->p, "out of memory");
	memset(value, 0, x->p->columns * sizeof(*value));
	x->value = value;
	return 0;
}

static uint32_t at(const uint64_t *column, uint32_t i)
{
	return column ? (uint32_t)column[i] : 0;
}

static int add_rows(struct table *x, const struct mp_block *b, unsigned keep)
{
	if (x->columns < x->tree->column.n && match_columns(x))
		return -1;
	for (uint32_t i = 0; i < b->n; i++) {
		struct mp_ids ids = {
			.node = mp_map_node(&x->map, at(b->r_node, i)),
			.process = mp_map_string(&x->map, at(b->r_process, i)),
			.thread = mp_map_string(&x->map, at(b->r_thread, i)),
			.kind = at(b->r_kind, i),
			.type = mp_map_string(&x->map, at(b->r_type, i)),
			.pid = at(b->r_pid, i),
			.tid = at(b->r_tid, i),
		};

		if (x->p->tree->failed)
			return mp_profile_fail(x->p, "out of memory");
		for (uint32_t c = 0; c < b->n_values && c < x->columns; c++)
			x->value[x->column[c]] = b->values[c] ? b->values[c][i] : 0;
		mp_ids_keep(&ids, keep);
		if (mp_add_ids(x->p, &ids, x->value))
			return -1;
	}
	return 0;
}

/* A view can be asked of events only; a profile has the one it was made with. */
static int check_view(struct mp_profile *p, const struct mp_tree *t, enum mp_view view)
{
	const char *wanted = mp_view_name(view), *other = "";

	for (uint32_t i = 1; i <= t->column.n; i++) {
		const char *has = mp_str(t, t->column.x[i].view);

		if (!*wanted || !strcmp(has, wanted))
			return 0;
		other = has;
	}
	return t->column.n && *wanted
		       ? mp_profile_fail(p,
				 "view %s needs a trace, this is a profile of view %s", wanted,
				 other)
		       : 0;
}

static void load_profile(struct mp_profile *p, struct mp_reader *r, const struct mp_query *q)
{
	struct table x = {.p = p, .tree = mp_tree(r)};
	unsigned long before = mp_profile_peaks(p), peaks;
	const struct mp_block *b;
	int got, status = 0;

	mp_tree_map_init(&x.map, p->tree, x.tree);
	while ((got = mp_next_block(r, MP_WANT_ALL, &b)) > 0 && !status)
		if (b->kind == MP_BLOCK_ROWS)
			status = add_rows(&x, b, q->keep);
	if (!status && !got && !check_view(p, x.tree, q->view) && !match_columns(&x) &&
		!merge_meta(p, r, &peaks))
		mp_profile_set_peaks(p, before + peaks);
	mp_map_late_lines(&x.map);
	mp_tree_map_free(&x.map);
	free(x.column);
	free(x.value);
}

static void load_growth(struct mp_profile *p, struct mp_reader *r, const struct mp_query *q)
{
	struct mp_profile *one = mp_growth_part(r, q);
	unsigned long unused;

	if (!one)
		mp_profile_fail(p, "out of memory");
	else if (mp_profile_error(one))
		mp_profile_fail(p, "%s", mp_profile_error(one));
	else if (!mp_merge(p, one, 1))
		merge_meta(p, r, &unused);
	mp_profile_free(one);
}

static void load_part(struct mp_profile *p, struct mp_reader *r, const struct mp_query *q)
{
	uint64_t time = 0;

	if (mp_kind(r) == MP_TRACE && q->growth)
		load_growth(p, r, q);
	else if (mp_kind(r) == MP_TRACE)
		load_trace(&p, r, q, 1, &time);
	else
		load_profile(p, r, q);
	if (mp_kind(r) == MP_PROFILE && q->watch)
		mp_watch_end(q->watch, r);
}

struct mp_profile *mp_load_part(struct mp_reader *r, const struct mp_query *q)
{
	struct mp_profile *p = mp_profile_new(NULL, 0);

	if (p)
		load_part(p, r, q);
	return p;
}

struct mp_profile *mp_load(struct mp_reader *r, const struct mp_query *q)
{
	struct mp_profile *p = mp_profile_new(NULL, 0);
	struct mp_loss loss;
	int got;

	if (!p)
		return NULL;
	/* A part the caller has begun is the first one. */
	got = mp_kind(r) != 0 ? 1 : mp_next_part(r);
	for (; got > 0 && !p->error[0]; got = mp_next_part(r))
		load_part(p, r, q);
	loss = mp_loss(r);
	mp_add_loss(&p->loss, &loss);
	if (!p->columns && !p->error[0])
		mp_view_columns(p, mp_default_view(q)); /* an empty stream */
	return p;
}

static void load_views(struct mp_reader *r, struct mp_views *v)
{
	const struct mp_tree *t = mp_tree(r);
	uint64_t time = 0;

	if (mp_kind(r) == MP_PROFILE) {
		v->profiles++;
		load_profile(v->rows, r, &v->as);
		return;
	}
	v->traces++;
	load_trace(v->profile, r, v->query, v->n, &time);
	if (__builtin_add_overflow(v->duration, time, &v->duration))
		v->duration = UINT64_MAX;
	for (uint32_t i = 1; i <= t->clock.n; i++)
		if (t->clock.x[i].wall && (!v->wall || t->clock.x[i].wall < v->wall))
			v->wall = t->clock.x[i].wall;
}

int mp_load_views(struct mp_reader *r, struct mp_views *v)
{
	struct mp_loss loss;
	bool failed = false;
	int got = mp_kind(r) != 0 ? 1 : mp_next_part(r);

	for (; got > 0 && !failed; got = failed ? -1 : mp_next_part(r)) {
		load_views(r, v);
		failed = v->rows->error[0];
		for (size_t i = 0; i < v->n; i++)
			failed |= v->profile[i]->error[0] != 0;
	}
	loss = mp_loss(r);
	mp_add_loss(v->profiles ? &v->rows->loss : &v->profile[0]->loss, &loss);
	for (size_t i = 0; i < v->n && !failed; i++)
		if (!v->profile[i]->columns && mp_view_columns(v->profile[i], v->query[i].view))
			failed = true; /* an empty stream */
	return got < 0 || failed ? -1 : 0;
}

/* load.c - a whole stream as one profile: profiles as they are, traces seen
 * through a query, parts added.
 */
#include "io.h"
#include "view.h"

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

static void load_trace(struct mp_profile *p, struct mp_reader *r, const struct mp_query *q)
{
	struct replay *v = mp_replay_new(mp_tree(r), q);
	const struct mp_block *b;
	struct mp_tree_map map;
	const char *missing;
	unsigned long unused, told = 0;
	int got = 0;

	if (!v) {
		mp_profile_fail(p, "out of memory");
		return;
	}
	while (!v->failed && (got = mp_next_block(r, mp_replay_want(v), &b)) > 0) {
		mp_replay_block(v, b);
		if (told < v->mismatches)       /* once a block */
			mp_note_damage(r, "block %u: sums differ from its events", b->sequence);
		told = v->mismatches;
	}
	missing = mp_window_missing(&v->w);
	if (missing) {
		mp_profile_fail(p, "%s", missing);
		mp_replay_free(v);
		return;
	}
	/* Names come up to the end of the part, so rows are made there. */
	if (got < 0 || merge_meta(p, r, &unused)) {
		mp_replay_free(v);
		return;
	}
	/* An empty profile takes the part's tree over: half of the work of a small
	 * trace would be to intern its nodes once more. */
	if (!p->rows && !p->columns && !p->tree->node.n)
		p->tree = mp_reader_swap_tree(r, p->tree);
	mp_tree_map_init(&map, p->tree, v->tree);
	mp_replay_rows(v, p, &map);
	mp_tree_map_free(&map);
	mp_replay_free(v);
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

static void load_part(struct mp_profile *p, struct mp_reader *r, const struct mp_query *q)
{
	if (mp_kind(r) == MP_TRACE)
		load_trace(p, r, q);
	else
		load_profile(p, r, q);
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
		mp_view_columns(p, q->view); /* an empty stream */
	return p;
}

/* profile_sort.c - the order of rows, and folding small ones into [rest].
 * Invariant: the order depends on values, frames and labels, never on ids.
 */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES = 16 };

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_frame(const struct mp_frame *a, const struct mp_frame *b)
{
	int c = strcmp(a->func, b->func);

	c = c ? c : strcmp(a->file, b->file);
	c = c ? c : order(a->line, b->line);
	return c ? c : order(a->flags, b->flags);
}

/* One frame of each location's node, for mp_frames(). */
struct ranks {
	const struct mp_tree *t;
	uint32_t *node;
};

static int compare_location(const void *i, const void *j, void *arg)
{
	const struct ranks *r = arg;
	uint32_t a = *(const uint32_t *)i, b = *(const uint32_t *)j;
	const struct mp_location *x = &r->t->location.x[a], *y = &r->t->location.x[b];
	struct mp_frame f[FRAMES], g[FRAMES];
	size_t n = mp_frames(r->t, r->node[a], f, FRAMES);
	size_t m = mp_frames(r->t, r->node[b], g, FRAMES);
	int c = 0;

	n = n < FRAMES ? n : FRAMES;
	m = m < FRAMES ? m : FRAMES;
	while (!c && n && m)
		c = compare_frame(&f[--n], &g[--m]);
	c = c ? c : order(n, m);
	c = c ? c : strcmp(f->module, g->module);
	c = c ? c : strcmp(f->build_id, g->build_id);
	c = c ? c : order(x->kind, y->kind);
	c = c ? c : order(x->at, y->at);
	if (!c && x->kind != MP_LOC_NATIVE)
		c = order(r->t->code.x[x->owner].line, r->t->code.x[y->owner].line);
	return c;
}

/* Locations in use, in their order; *N of them.  NULL when memory is out. */
static uint32_t *sort_locations(const struct mp_tree *t, uint32_t *n)
{
	uint32_t *used = malloc(((size_t)t->location.n + 1) * sizeof(*used));
	struct ranks r = {t, calloc((size_t)t->location.n + 1, sizeof(*r.node))};

	*n = 0;
	for (uint32_t i = 1; used && r.node && i <= t->node.n; i++) {
		uint32_t l = t->node.x[i].location;

		if (!r.node[l])
			used[(*n)++] = l;
		r.node[l] = i;
	}
	if (*n)
		qsort_r(used, *n, sizeof(*used), compare_location, &r);
	if (!r.node) {
		free(used);
		used = NULL;
	}
	free(r.node);
	return used;
}

/* Number the nodes callers first, siblings by location: stacks root to leaf. */
static void walk(
	const struct mp_tree *t, const uint32_t *child, const uint32_t *next, uint32_t *rank)
{
	uint32_t n = 0, at = child[0];

	while (at) {
		rank[at] = ++n;
		if (child[at]) {
			at = child[at];
			continue;
		}
		while (at && !next[at])
			at = t->node.x[at].parent;
		at = next[at]; /* next[0] is 0 */
	}
}

/* The place of every node in the order of stacks; NULL when memory is out. */
static uint32_t *rank_nodes(const struct mp_tree *t)
{
	size_t nodes = (size_t)t->node.n + 1;
	uint32_t n, *location = sort_locations(t, &n);
	uint32_t *of = calloc((size_t)t->location.n + 1, sizeof(*of));
	uint32_t *same = calloc(nodes, sizeof(*same)), *child = calloc(nodes, sizeof(*child));
	uint32_t *rank = calloc(nodes, sizeof(*rank)), *next = calloc(nodes, sizeof(*next));

	if (location && of && same && child && rank && next) {
		/* nodes of a location; then, last location first, each before its siblings */
		for (uint32_t i = 1; i < nodes; i++) {
			same[i] = of[t->node.x[i].location];
			of[t->node.x[i].location] = i;
		}
		while (n--) {
			for (uint32_t i = of[location[n]]; i; i = same[i]) {
				next[i] = child[t->node.x[i].parent];
				child[t->node.x[i].parent] = i;
			}
		}
		walk(t, child, next, rank);
	} else {
		free(rank);
		rank = NULL;
	}
	free(location);
	free(of);
	free(same);
	free(child);
	free(next);
	return rank;
}

struct sort {
	const struct mp_profile *p;
	size_t column;
	bool valued;
	uint32_t *rank;
};

static uint64_t magnitude(const struct sort *s, uint32_t row)
{
	int64_t v = s->valued ? s->p->value[row * s->p->columns + s->column] : 0;

	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct sort *s = arg;
	const struct mp_tree *t = s->p->tree;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct mp_ids *x = &s->p->key[i], *y = &s->p->key[j];
	int c = order(magnitude(s, j), magnitude(s, i));

	c = c ? c : order(s->rank[x->node], s->rank[y->node]);
	c = c ? c : strcmp(mp_str(t, x->process), mp_str(t, y->process));
	c = c ? c : strcmp(mp_str(t, x->thread), mp_str(t, y->thread));
	c = c ? c : order(x->kind, y->kind);
	c = c ? c : strcmp(mp_str(t, x->type), mp_str(t, y->type));
	c = c ? c : order(x->pid, y->pid);
	return c ? c : order(x->tid, y->tid);
}

static int permute(struct mp_profile *p, const uint32_t *at)
{
	struct mp_ids *key = malloc((p->room + 1) * sizeof(*key));
	int64_t *value = malloc((p->room * p->columns + 1) * sizeof(*value));

	if (!key || !value) {
		free(key);
		free(value);
		return mp_profile_fail(p, "out of memory");
	}
	for (size_t i = 0; i < p->rows; i++) {
		key[i] = p->key[at[i]];
		memcpy(value + i * p->columns, p->value + at[i] * p->columns,
			p->columns * sizeof(*value));
	}
	free(p->key);
	free(p->value);
	free(p->slot);
	p->key = key;
	p->value = value;
	p->slot = NULL;
	return 0;
}

void mp_sort(struct mp_profile *p, int column)
{
	bool valued = column >= 0 && (size_t)column < p->columns;
	struct sort s = {p, (size_t)column, valued, NULL};
	uint32_t *at;

	if (p->rows < 2)
		return;
	at = malloc(p->rows * sizeof(*at));
	s.rank = rank_nodes(p->tree);
	if (at && s.rank) {
		for (size_t i = 0; i < p->rows; i++)
			at[i] = (uint32_t)i;
		qsort_r(at, p->rows, sizeof(*at), compare_rows, &s);
		permute(p, at);
	} else {
		mp_profile_fail(p, "out of memory");
	}
	free(at);
	free(s.rank);
}

/* ---- [rest] ---------------------------------------------------------------------- */

static uint32_t note(struct mp_tree *t, const char *text)
{
	struct mp_frame f = {
		.func = text, .file = "", .module = "", .build_id = "", .flags = MP_FRAME_NOTE};

	return mp_push(t, 0, &f);
}

int mp_fold_below(struct mp_profile *p, int column, int64_t least)
{
	struct sort s = {p, (size_t)column, true, NULL};
	struct mp_ids rest = {0};
	struct mp_profile *sum;
	bool *keep, any = false;
	int status = 0;

	if (column < 0 || (size_t)column >= p->columns || least <= 0)
		return 0;
	rest.node = note(p->tree, "[rest]");
	keep = malloc(p->rows + 1);
	sum = mp_profile_new(p->column, p->columns);
	if (!rest.node || !keep || !sum) {
		status = mp_profile_fail(p, "out of memory");
		goto out;
	}
	for (size_t i = 0; !status && i < p->rows; i++) {
		keep[i] = !memcmp(&p->key[i], &rest, sizeof(rest)) ||
			  magnitude(&s, (uint32_t)i) >= (uint64_t)least;
		if (!keep[i]) {
			static const struct mp_ids one;

			any = true;
			status = mp_add_ids(sum, &one, p->value + i * p->columns);
		}
	}
	if (status)
		mp_profile_fail(p, "%s", sum->error);
	if (!status && any) {
		mp_profile_compact(p, keep);
		status = mp_add_ids(p, &rest, sum->value);
	}
out:
	free(keep);
	mp_profile_free(sum);
	return status;
}

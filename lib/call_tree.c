/* call_tree.c - see call_tree.h.  Each node of the profile's tree is named once for
 * each way its stack can be shown, however many stacks go through it.
 */
#include "call_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"

struct maker {
	struct mp_profile *p;
	struct mp_call_tree *calls;
	enum mp_by by;
	enum mp_show show;
	uint32_t *call[2];      /* node -> call, + 1; [1]: in a stack with Python frames */
	uint32_t *path;
	struct mp_frame *frame;
	size_t frames;
	FILE *out;              /* the name at hand */
	char *text;
	size_t size;
};

/* ---- names ---------------------------------------------------------------------------- */

/* The child of PARENT with the name that was printed; 0: no memory. */
static uint32_t push(struct maker *m, uint32_t parent)
{
	struct mp_frame f = {.file = "", .module = "", .build_id = ""};
	uint32_t node;

	fputc('\0', m->out);
	if (fflush(m->out))
		return 0;
	f.func = m->text;
	node = mp_push(m->calls->names, parent, &f);
	rewind(m->out);
	return node;
}

/* The frames of NODE under the call PARENT. */
static uint32_t push_frames(struct maker *m, uint32_t parent, uint32_t node)
{
	size_t n = mp_frames(m->p->tree, node, m->frame, m->frames);

	if (n > m->frames) {
		struct mp_frame *frame = realloc(m->frame, 2 * n * sizeof(*frame));

		if (!frame)
			return 0;
		m->frame = frame;
		m->frames = 2 * n;
		n = mp_frames(m->p->tree, node, m->frame, m->frames);
	}
	while (n--) {
		mp_print_name(m->out, &m->frame[n], m->by);
		parent = push(m, parent);
		if (!parent)
			return 0;
	}
	return parent;
}

/* The call of a stack; false: no memory. */
static bool call_of(struct maker *m, uint32_t stack, uint32_t *call)
{
	enum mp_show show = mp_show_of(m->p->tree, stack, m->show);
	uint32_t *memo = m->call[show == MP_SHOW_DEFAULT], at = stack, node = 0;
	size_t depth = 0;

	for (; at && !memo[at]; at = m->p->tree->node.x[at].parent)
		m->path[depth++] = at;
	if (at)
		node = memo[at] - 1;
	while (depth-- > 0) {
		at = m->path[depth];
		if (mp_is_shown(m->p->tree, at, show)) {
			node = push_frames(m, node, at);
			if (!node)
				return false;
		}
		memo[at] = node + 1;
	}
	if (!node) {
		fputs(mp_no_frame(stack, m->show), m->out);
		node = push(m, 0);
	}
	*call = node;
	return node != 0;
}

/* ---- values ------------------------------------------------------------------------------- */

static int combine(struct mp_profile *p, int64_t *to, const int64_t *from)
{
	for (size_t c = 0; c < p->columns; c++) {
		enum mp_combine how = p->column[c].combine;

		if (how == MP_SUM) {
			if (__builtin_add_overflow(to[c], from[c], &to[c]))
				return mp_profile_fail(p, "the sum of %s is over 63 bits",
					p->column[c].name);
		} else if (!to[c] || (how == MP_MAX ? from[c] > to[c]
						    : from[c] && from[c] < to[c])) {
			to[c] = from[c];
		}
	}
	return 0;
}

static bool make_arrays(struct mp_call_tree *t)
{
	size_t n;

	t->n = t->names->node.n;
	n = (size_t)t->n + 1;
	t->self = calloc(n * t->columns + 1, sizeof(*t->self));
	t->total = calloc(n * t->columns + 1, sizeof(*t->total));
	t->child = calloc(n, sizeof(*t->child));
	t->next = calloc(n, sizeof(*t->next));
	return t->self && t->total && t->child && t->next;
}

static int add_totals(struct mp_profile *p, struct mp_call_tree *t)
{
	size_t columns = t->columns;

	for (uint32_t i = t->n; i > 0; i--) {
		size_t parent = t->names->node.x[i].parent;

		if (combine(p, &t->total[i * columns], &t->self[i * columns]) ||
			combine(p, &t->total[parent * columns], &t->total[i * columns]))
			return -1;
	}
	return 0;
}

/* ---- order ---------------------------------------------------------------------------------- */

struct child {
	uint32_t parent, node;
	uint64_t size;
	const char *name;
};

static int by_size(const void *a, const void *b)
{
	const struct child *x = a, *y = b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool order(struct mp_call_tree *t, int column)
{
	struct child *x = malloc(((size_t)t->n + 1) * sizeof(*x));

	if (!x)
		return false;
	for (uint32_t i = 1; i <= t->n; i++) {
		int64_t v = t->total[i * t->columns + (size_t)column];

		x[i - 1] = (struct child){t->names->node.x[i].parent, i,
			v < 0 ? 0 - (uint64_t)v : (uint64_t)v, mp_call_name(t, i)};
	}
	qsort(x, t->n, sizeof(*x), by_size);
	for (uint32_t i = t->n; i > 0; i--) {
		t->next[x[i - 1].node] = t->child[x[i - 1].parent];
		t->child[x[i - 1].parent] = x[i - 1].node;
	}
	free(x);
	return true;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static struct mp_call_tree *new_tree(size_t columns)
{
	struct mp_call_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	t->names = mp_tree_new();
	if (!t->names) {
		mp_call_tree_free(t);
		return NULL;
	}
	return t;
}

/* Two walks over the rows: calls first, so that values have their places. */
static bool make_calls(struct maker *m)
{
	struct mp_call_tree *t = m->calls;
	size_t columns = m->p->columns, nodes = (size_t)m->p->tree->node.n + 1;
	uint32_t *call = malloc((m->p->rows + 1) * sizeof(*call));
	bool good = true;

	m->call[0] = calloc(nodes, sizeof(*m->call[0]));
	m->call[1] = calloc(nodes, sizeof(*m->call[1]));
	m->path = malloc(nodes * sizeof(*m->path));
	m->out = open_memstream(&m->text, &m->size);
	good = call && m->call[0] && m->call[1] && m->path && m->out;
	for (size_t i = 0; good && i < m->p->rows; i++)
		good = call_of(m, m->p->key[i].node, &call[i]);
	good = good && make_arrays(t);
	for (size_t i = 0; good && i < m->p->rows; i++)
		good = !combine(m->p, &t->self[call[i] * columns], &m->p->value[i * columns]);
	free(call);
	return good;
}

/* The same calls from the leaf to the root. */
static struct mp_call_tree *invert(struct mp_profile *p, const struct mp_call_tree *from)
{
	struct mp_call_tree *t = new_tree(from->columns);
	uint32_t *call = malloc(((size_t)from->n + 1) * sizeof(*call));
	struct mp_frame f = {.file = "", .module = "", .build_id = ""};
	bool good = t && call;

	for (uint32_t i = 1; good && i <= from->n; i++) {
		bool any = false;

		call[i] = 0;
		for (size_t c = 0; c < from->columns; c++)
			any |= from->self[i * from->columns + c] != 0;
		for (uint32_t at = i; good && any && at; at = from->names->node.x[at].parent) {
			f.func = mp_call_name(from, at);
			call[i] = mp_push(t->names, call[i], &f);
			good = call[i] != 0;
		}
	}
	good = good && make_arrays(t);
	for (uint32_t i = 1; good && i <= from->n; i++)
		if (call[i])
			good = !combine(p, &t->self[call[i] * t->columns],
				&from->self[i * from->columns]);
	free(call);
	if (!good) {
		mp_call_tree_free(t);
		return NULL;
	}
	return t;
}

struct mp_call_tree *mp_call_tree(struct mp_profile *p, enum mp_by by, enum mp_show show,
	bool inverted, int column)
{
	struct maker m = {.p = p, .by = by, .show = show, .calls = new_tree(p->columns)};
	struct mp_call_tree *t = m.calls;

	if (t && !make_calls(&m)) {
		mp_call_tree_free(t);
		t = NULL;
	}
	if (m.out)
		fclose(m.out);
	free(m.text), free(m.frame), free(m.path), free(m.call[0]), free(m.call[1]);
	if (t && inverted) {
		struct mp_call_tree *other = invert(p, t);

		mp_call_tree_free(t);
		t = other;
	}
	if (t && (add_totals(p, t) || !order(t, column))) {
		mp_call_tree_free(t);
		t = NULL;
	}
	return t;
}

const char *mp_call_name(const struct mp_call_tree *t, uint32_t node)
{
	struct mp_frame f;

	return mp_frames(t->names, node, &f, 1) ? f.func : "";
}

void mp_call_tree_free(struct mp_call_tree *t)
{
	if (!t)
		return;
	mp_tree_free(t->names);
	free(t->self), free(t->total), free(t->child), free(t->next);
	free(t);
}

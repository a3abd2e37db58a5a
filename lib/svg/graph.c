/* graph.c - which frames a flame graph draws, and where.
 *
 * A frame is as wide as its weight: the chosen column added up, of negative values
 * without their sign; of a difference the larger of old and new, so that what is
 * gone is seen, too.  Frames too narrow to see are folded into their parent, which
 * stays as wide as it was, and counted.  Small graphs keep all of theirs.
 * Invariant: a frame's sums are those of all its stacks, whatever was folded.
 */
#include "svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH = 20000 };        /* frames kept though they are too narrow */

struct node {
	double weight;
	uint32_t subtree;       /* nodes in it, itself included */
	uint32_t child, next;   /* kept ones, by name */
	uint32_t gone[2];       /* into picker's gone[]: children not kept, REST or FOLDED */
	double cursor;          /* where its next child stands */
	bool any;               /* a row ends in it or above it */
};

enum { REST, FOLDED };

/* Children that are not drawn, added up. */
struct gone {
	double weight;
	uint32_t frames;
	size_t sum;
};

struct picker {
	struct mp_svg_graph *g;
	const struct mp_svg *how;
	const struct mp_tree *tree;
	struct node *node;
	int64_t *sum;           /* of a node: its values, one after the other */
	uint32_t *rank;         /* of a location: its place by name */
	double least, min;      /* weights: what is less is folded, is [rest] */
	uint32_t kept, n_gone;
	struct gone *gone;
};

/* ---- sums ---------------------------------------------------------------------------- */

static int combine(struct mp_profile *p, int64_t *to, const int64_t *from, bool first)
{
	for (size_t k = 0; k < p->columns; k++) {
		bool less = from[k] < to[k];

		if (p->column[k].combine == MP_SUM) {
			if (__builtin_add_overflow(to[k], from[k], &to[k]))
				return mp_profile_fail(p, "the sum of %s is over 63 bits",
					p->column[k].name);
		} else if (first || (p->column[k].combine == MP_MAX ? !less : less)) {
			to[k] = from[k];
		}
	}
	return 0;
}

static double weight(const struct mp_svg_graph *g, const int64_t *value)
{
	double old, new;

	if (g->old == SIZE_MAX)
		return fabs((double)value[g->column]);
	old = fabs((double)value[g->old]);
	new = fabs((double)value[g->new_]);
	return old > new ? old : new;
}

/* Every node's sums: its rows', then from the leaves down, for a parent has a
 * smaller number. */
static int add_up(struct picker *x)
{
	struct mp_profile *p = x->g->p;
	size_t columns = p->columns;

	for (size_t i = 0; i < p->rows; i++) {
		const int64_t *value = p->value + i * columns;
		uint32_t at = x->g->flame.of_row[i];

		if (combine(p, x->sum + at * columns, value, !x->node[at].any))
			return -1;
		x->node[at].any = true;
		x->node[at].weight += weight(x->g, value);
	}
	for (uint32_t i = x->tree->node.n; i > 0; i--) {
		uint32_t to = x->tree->node.x[i].parent;
		struct node *n = &x->node[i], *parent = &x->node[to];

		n->subtree++;
		parent->subtree += n->subtree;
		parent->weight += n->weight;
		if (n->any && combine(p, x->sum + to * columns, x->sum + i * columns,
				      !parent->any))
			return -1;
		parent->any |= n->any;
	}
	x->node[0].subtree++;
	return 0;
}

/* ---- order ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *flame)
{
	uint32_t i, k;
	struct mp_frame x, y;
	int d;

	memcpy(&i, a, sizeof(i));
	memcpy(&k, b, sizeof(k));
	x = mp_flame_frame(flame, i);
	y = mp_flame_frame(flame, k);
	d = strcmp(x.func, y.func);
	d = d ? d : strcmp(x.file, y.file);
	d = d ? d : (x.line > y.line) - (x.line < y.line);
	return d ? d : (x.flags > y.flags) - (x.flags < y.flags);
}

static bool rank(struct picker *x)
{
	uint32_t n = x->tree->location.n, *sorted = calloc((size_t)n + 1, sizeof(*sorted));

	x->rank = calloc((size_t)n + 1, sizeof(*x->rank));
	if (!sorted || !x->rank) {
		free(sorted);
		return false;
	}
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = i + 1;
	qsort_r(sorted, n, sizeof(*sorted), by_name, &x->g->flame);
	for (uint32_t i = 0; i < n; i++)
		x->rank[sorted[i]] = i + 1;
	free(sorted);
	return true;
}

struct child {
	uint32_t parent, rank, node;
};

static int by_place(const void *a, const void *b)
{
	const struct child *x = a, *y = b;

	return x->parent != y->parent ? (x->parent > y->parent) - (x->parent < y->parent)
				      : (x->rank > y->rank) - (x->rank < y->rank);
}

static bool kept(const struct picker *x, uint32_t i)
{
	double w = x->node[i].weight;

	return !i || (w > 0 && w >= x->least && w >= x->min);
}

/* Hang every node that is kept under its parent, by name. */
static bool link_kept(struct picker *x)
{
	struct child *child = malloc(((size_t)x->kept + 1) * sizeof(*child));
	size_t n = 0;

	if (!child)
		return false;
	for (uint32_t i = 1; i <= x->tree->node.n; i++)
		if (kept(x, i))
			child[n++] = (struct child){x->tree->node.x[i].parent,
				x->rank[x->tree->node.x[i].location], i};
	qsort(child, n, sizeof(*child), by_place);
	while (n--) {
		x->node[child[n].node].next = x->node[child[n].parent].child;
		x->node[child[n].parent].child = child[n].node;
	}
	free(child);
	return true;
}

/* ---- what is wide enough ----------------------------------------------------------------- */

/* The narrowest frame kept: half a pixel; less where that leaves few enough. */
static void choose_least(struct picker *x)
{
	struct mp_svg_graph *g = x->g;
	double pixel = x->node[0].weight / (x->how->width - 2 * MP_SVG_MARGIN);
	static const double pixels[] = {0, 1. / 64, 1. / 32, 1. / 16, 1. / 8, 1. / 4,
		MP_SVG_SEEN};

	for (size_t k = 0; k < sizeof(pixels) / sizeof(*pixels); k++) {
		g->narrowest = pixels[k];
		x->least = pixels[k] * pixel;
		x->kept = 0;
		for (uint32_t i = 1; i <= x->tree->node.n; i++)
			x->kept += kept(x, i);
		if (x->kept <= ENOUGH)
			break;
	}
}

/* A set of values of its own; see make_room(). */
static size_t new_sum(struct mp_svg_graph *g)
{
	return g->n_sums++ * g->p->columns;
}

static struct gone *gone_of(struct picker *x, uint32_t parent, int what)
{
	uint32_t *at = &x->node[parent].gone[what];

	if (!*at) {
		*at = ++x->n_gone; /* 0 means none */
		x->gone[*at].sum = new_sum(x->g);
	}
	return &x->gone[*at];
}

/* A kept node is one frame and may have a [rest] and a sum of what is folded. */
static bool make_room(struct picker *x)
{
	struct mp_svg_graph *g = x->g;
	size_t n = (size_t)x->kept + 1;

	g->n_sums = 1; /* place 0 means none */
	g->sums = calloc((3 * n + 1) * g->p->columns, sizeof(*g->sums));
	g->frame = calloc(2 * n, sizeof(*g->frame));
	x->gone = calloc(2 * n + 1, sizeof(*x->gone));
	return g->sums && g->frame && x->gone;
}

/* Children that are not kept, of those that are. */
static int add_gone(struct picker *x)
{
	for (uint32_t i = 1; i <= x->tree->node.n; i++) {
		uint32_t parent = x->tree->node.x[i].parent;
		const struct node *n = &x->node[i];
		struct gone *gone;

		if (kept(x, i) || !kept(x, parent))
			continue;
		gone = gone_of(x, parent, n->weight < x->min ? REST : FOLDED);
		if (combine(x->g->p, x->g->sums + gone->sum, x->sum + i * x->g->p->columns,
			    !gone->frames))
			return -1;
		gone->frames += n->subtree;
		gone->weight += n->weight;
	}
	return 0;
}

/* ---- frames in the order of the file -------------------------------------------------------- */

static void count(struct mp_svg_graph *g, const struct mp_svg_frame *f)
{
	double change = fabs((double)g->sums[f->sum + g->column]);

	if (f->depth > g->depth)
		g->depth = f->depth;
	if (f->depth && g->old != SIZE_MAX && change > g->change)
		g->change = change;
	g->folded += f->folded;
}

static void put(struct picker *x, uint32_t i, uint32_t depth)
{
	struct mp_svg_graph *g = x->g;
	struct node *n = &x->node[i], *parent = &x->node[x->tree->node.x[i].parent];
	struct mp_svg_frame *f = &g->frame[g->n++];

	f->location = x->tree->node.x[i].location;
	f->depth = depth;
	f->weight = n->weight;
	f->left = i ? parent->cursor : 0;
	f->sum = new_sum(g);
	memcpy(g->sums + f->sum, x->sum + i * g->p->columns,
		g->p->columns * sizeof(*g->sums));
	if (n->gone[FOLDED]) {
		f->folded = x->gone[n->gone[FOLDED]].frames;
		f->folded_sum = x->gone[n->gone[FOLDED]].sum;
	}
	n->cursor = f->left;
	if (i)
		parent->cursor += f->weight;
	count(g, f);
}

/* What --min took from node I, as its last child. */
static void put_rest(struct picker *x, uint32_t i, uint32_t depth)
{
	const struct gone *gone = &x->gone[x->node[i].gone[REST]];
	struct mp_svg_frame *f;

	if (!x->node[i].gone[REST])
		return;
	f = &x->g->frame[x->g->n++];
	f->depth = depth;
	f->weight = gone->weight;
	f->left = x->node[i].cursor;
	f->sum = gone->sum;
	x->g->rest += gone->frames;
	count(x->g, f);
}

static void put_all(struct picker *x)
{
	uint32_t at = 0, depth = 0;

	for (;;) {
		put(x, at, depth);
		if (x->node[at].child) {
			at = x->node[at].child;
			depth++;
			continue;
		}
		for (;;) {
			put_rest(x, at, depth + 1);
			if (!at)
				return;
			if (x->node[at].next)
				break;
			at = x->tree->node.x[at].parent;
			depth--;
		}
		at = x->node[at].next;
	}
}

/* ---- the whole ------------------------------------------------------------------------------ */

static size_t named(const struct mp_profile *p, const char *name)
{
	for (size_t k = 0; k < p->columns; k++)
		if (!strcmp(p->column[k].name, name) && !strcmp(p->column[k].view, "diff"))
			return k;
	return SIZE_MAX;
}

/* A difference is drawn as one unless one of its sides was asked for. */
static void find_sides(struct mp_svg_graph *g)
{
	size_t old = named(g->p, "old"), new = named(g->p, "new");
	bool diff = !strcmp(g->p->column[g->column].view, "diff") && old != SIZE_MAX &&
		    new != SIZE_MAX && g->column != old && g->column != new;

	g->old = diff ? old : SIZE_MAX;
	g->new_ = diff ? new : SIZE_MAX;
}

static bool pick(struct picker *x)
{
	size_t nodes = (size_t)x->tree->node.n + 1;

	x->node = calloc(nodes, sizeof(*x->node));
	x->sum = calloc(nodes * x->g->p->columns, sizeof(*x->sum));
	if (!x->node || !x->sum || !rank(x) || add_up(x))
		return false;
	x->min = (double)x->how->least;
	choose_least(x);
	if (!make_room(x) || !link_kept(x) || add_gone(x))
		return false;
	put_all(x);
	return true;
}

int mp_svg_graph(struct mp_svg_graph *g, struct mp_profile *p, const struct mp_svg *how)
{
	struct picker x = {.g = g, .how = how};
	bool good;

	*g = (struct mp_svg_graph){.p = p, .column = how->column};
	find_sides(g);
	if (mp_flame_build(&g->flame, p, how->show, how->by))
		return mp_profile_fail(p, "out of memory");
	x.tree = g->flame.tree;
	good = pick(&x);
	free(x.node), free(x.sum), free(x.rank), free(x.gone);
	return good ? 0 : mp_profile_fail(p, "out of memory");
}

void mp_svg_graph_free(struct mp_svg_graph *g)
{
	mp_flame_free(&g->flame);
	free(g->frame);
	free(g->sums);
	*g = (struct mp_svg_graph){0};
}

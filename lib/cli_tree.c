/* cli_tree.c - a tree of calls, row by row.
 * Invariant: a row's total is its self and the totals of the rows below it; of data
 * each call has what is not shown below it in a row, of the table each chain.
 */
#include "cli_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_own.h"
#include "print.h"

struct row {
	uint32_t node;          /* 0: what is left out below PARENT */
	uint32_t parent, more;  /* MORE: calls left out */
	size_t depth;           /* from 1 */
	const int64_t *self, *total;
};

struct walk {
	const struct cli_tree *tree;
	const struct mp_call_tree *t;
	void (*put)(struct walk *, const struct row *);
	int64_t *rest;          /* a value a column */
	uint64_t left_out;
	/* of the table */
	size_t count;           /* its column, SIZE_MAX: none */
	size_t width;           /* of the terminal, 0: none */
	bool color;
	uint32_t *level;        /* node: guides in front of it */
	uint32_t *head;         /* node: the first of its chain */
	bool *incomplete;       /* head: something is left out along the chain */
	bool *open;             /* level: more rows follow there */
	uint32_t chain;         /* its head; what is left out along it so far: */
	uint64_t more;
	int64_t *sum;
	/* of data */
	uint32_t *id, ids;      /* node: its row */
};

static uint64_t size_of(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

/* Children come largest first, so those shown are the first ones. */
static bool shown(const struct walk *w, uint32_t node, size_t depth)
{
	const struct cli_tree *x = w->tree;
	int64_t v = w->t->total[node * w->t->columns + (size_t)x->column];

	return node && (!x->depth || depth <= (size_t)x->depth) && size_of(v) >= x->least;
}

static void put_node(struct walk *w, uint32_t node, size_t depth)
{
	struct row r = { .node = node, .parent = w->t->names->node.x[node].parent, .depth = depth,
		.self = &w->t->self[node * w->t->columns],
		.total = &w->t->total[node * w->t->columns] };

	w->put(w, &r);
}

/* Add up what is left out: parts of totals, which fit. */
static void combine(const struct walk *w, int64_t *to, const int64_t *from)
{
	size_t n;
	const struct mp_column *c = mp_columns(w->tree->p, &n);

	for (size_t k = 0; k < n; k++)
		if (c[k].combine == MP_SUM)
			to[k] = (int64_t)((uint64_t)to[k] + (uint64_t)from[k]);
		else if (!to[k] || (c[k].combine == MP_MAX ? from[k] > to[k] : from[k] < to[k]))
			to[k] = from[k];
}

/* The calls from FIRST on are not shown below PARENT. */
static void put_rest(struct walk *w, uint32_t parent, uint32_t first, size_t depth)
{
	struct row r = { .parent = parent, .depth = depth, .self = w->rest,
		.total = w->rest };

	memset(w->rest, 0, w->t->columns * sizeof(*w->rest));
	for (uint32_t i = first; i; i = w->t->next[i]) {
		combine(w, w->rest, &w->t->total[i * w->t->columns]);
		r.more++;
	}
	w->left_out += r.more;
	w->put(w, &r);
}

/* Every row, parents first. */
static void each_row(struct walk *w)
{
	uint32_t node = 0, next = w->t->child[0];
	size_t depth = 0;

	for (;;) {
		while (shown(w, next, depth + 1)) {
			node = next;
			depth++;
			put_node(w, node, depth);
			next = w->t->child[node];
		}
		if (next)
			put_rest(w, node, next, depth + 1);
		if (!node)
			return;
		/* on to the next one, or what is left of the parent's */
		next = w->t->next[node];
		node = w->t->names->node.x[node].parent;
		depth--;
	}
}

static void begin(struct walk *w, const struct cli_tree *tree)
{
	size_t nodes = (size_t)tree->calls->n + 2;

	w->tree = tree;
	w->t = tree->calls;
	w->rest = cli_need(calloc(w->t->columns + 1, sizeof(*w->rest)));
	w->level = cli_need(calloc(nodes, sizeof(*w->level)));
	w->head = cli_need(calloc(nodes, sizeof(*w->head)));
	w->incomplete = cli_need(calloc(nodes, sizeof(*w->incomplete)));
	w->sum = cli_need(calloc(w->t->columns + 1, sizeof(*w->sum)));
	w->open = cli_need(calloc(nodes, sizeof(*w->open)));
	w->id = cli_need(calloc(nodes, sizeof(*w->id)));
}

static void end(struct walk *w)
{
	free(w->rest), free(w->level), free(w->head), free(w->incomplete);
	free(w->sum), free(w->open), free(w->id);
}

/* ---- for people -------------------------------------------------------------------------
 * A call with one callee worth a row and that callee are a chain, which goes on
 * without indenting.  What is left out along it is one row behind what it ends in. */

/* The lines between a call and its callees, at most MAX columns of them (0: all),
 * the inner ones.  Returns how many were used. */
static size_t put_guide(struct walk *w, uint32_t level, const char *mark, size_t max)
{
	uint32_t from = 1;

	if (max && 3 * (size_t)level > max)
		from = level - (uint32_t)(max / 3) + 1;
	if (from > 1)
		fputs("...", stdout);
	for (uint32_t i = from; i < level; i++)
		fputs(w->open[i] ? "|  " : "   ", stdout);
	if (level)
		fputs(mark, stdout);
	return 3 * (level + 1 - from) + (from > 1 ? 3 : 0);
}

static void put_line(struct walk *w, uint32_t level, const char *mark, const char *name,
		const int64_t *total, const int64_t *self)
{
	const struct cli_tree *x = w->tree;
	size_t k = (size_t)x->column, n, used, left;
	const struct mp_column *c = mp_columns(x->p, &n);
	char text[PRINT_NUMBER];

	used = (size_t)printf("%11s", print_number(text, total[k], c[k].unit));
	used += (size_t)print_share(w->color, total[k], mp_total(x->p, x->column));
	used += (size_t)printf("  %11s  ", self ? print_number(text, self[k], c[k].unit) : "");
	if (w->count != SIZE_MAX)
		used += (size_t)printf("%10s  ", print_number(text, total[w->count], "count"));
	left = w->width > used + 24 ? w->width - used : 24;
	left -= put_guide(w, level, mark, w->width ? left / 3 : 0);
	print_name(stdout, name, w->width ? left : 0);
	putchar('\n');
}

static void put_left_out(struct walk *w)
{
	char text[32];

	if (!w->more)
		return;
	snprintf(text, sizeof(text), "[%" PRIu64 " more]", w->more);
	put_line(w, w->level[w->chain] + 1, "`- ", text, w->sum, NULL);
	memset(w->sum, 0, w->t->columns * sizeof(*w->sum));
	w->more = 0;
}

/* Whether any callee of NODE, at DEPTH, has no row. */
static bool leaves_out(const struct walk *w, uint32_t node, size_t depth)
{
	uint32_t i = w->t->child[node];

	while (shown(w, i, depth))
		i = w->t->next[i];
	return i != 0;
}

static void put_call(struct walk *w, const struct row *r)
{
	uint32_t first = w->t->child[r->parent], head = w->head[r->parent], level;
	bool branch = shown(w, w->t->next[first], r->depth), last;

	put_left_out(w);
	level = w->level[r->parent] + branch;
	last = !shown(w, w->t->next[r->node], r->depth) && !w->incomplete[head];
	put_line(w, level, branch ? last ? "`- " : "|- " : w->open[level] ? "|  " : "   ",
		mp_call_name(w->t, r->node), r->total, r->self);
	if (branch)
		w->open[level] = !last;
	w->level[r->node] = level;
	w->head[r->node] = branch ? r->node : head;
	if (leaves_out(w, r->node, r->depth + 1))
		w->incomplete[w->head[r->node]] = true;
}

static void put_row(struct walk *w, const struct row *r)
{
	if (r->node) {
		put_call(w, r);
		return;
	}
	if (w->more && w->chain != w->head[r->parent])
		put_left_out(w);
	w->chain = w->head[r->parent];
	w->more += r->more;
	combine(w, w->sum, r->total);
}

uint64_t cli_tree_print(const struct cli_tree *tree)
{
	struct walk w = { .put = put_row, .count = SIZE_MAX, .width = print_width() };
	int count = mp_column_index(tree->p, "count");

	w.color = print_colored((enum print_color)cli_shared.color);
	begin(&w, tree);
	if (count >= 0 && count != tree->column)
		w.count = (size_t)count;
	printf("%s%11s %7s  %11s  %s%s%s\n", print_style(w.color, PRINT_BOLD), "total", "%",
		"self", w.count == SIZE_MAX ? "" : "     count  ", "call",
		print_style(w.color, PRINT_PLAIN));
	w.incomplete[0] = leaves_out(&w, 0, 1);
	each_row(&w);
	put_left_out(&w);
	end(&w);
	return w.left_out;
}

/* ---- data -------------------------------------------------------------------------------- */

static void put_key(const char *prefix, const char *name, int64_t value)
{
	char *key;

	if (asprintf(&key, "%s%s", prefix, name) < 0)
		cli_need(NULL);
	print_json(stdout, key);
	printf(":%" PRId64 ",", value);
	free(key);
}

static void put_data(struct walk *w, const struct row *r)
{
	uint32_t id = ++w->ids;
	char text[32];
	size_t n;
	const struct mp_column *c = mp_columns(w->tree->p, &n);

	w->id[r->node] = r->node ? id : 0;
	snprintf(text, sizeof(text), "[%" PRIu32 " more]", r->more);
	if (cli_json)
		printf("{\"id\":%" PRIu32 ",\"parent\":%" PRIu32 ",\"depth\":%zu,", id,
			w->id[r->parent], r->depth);
	else
		printf("%zu\t", r->depth);
	for (size_t k = 0; k < n; k++) {
		if (!cli_json) {
			printf("%" PRId64 "\t%" PRId64 "\t", r->total[k], r->self[k]);
			continue;
		}
		put_key("total_", c[k].name, r->total[k]);
		put_key("", c[k].name, r->self[k]);
	}
	if (cli_json) {
		fputs("\"name\":", stdout);
		print_json(stdout, r->node ? mp_call_name(w->t, r->node) : text);
		cli_json_estimate(mp_profile_loss(w->tree->p));
		puts("}");
	} else {
		print_name(stdout, r->node ? mp_call_name(w->t, r->node) : text, 0);
		putchar('\n');
	}
}

void cli_tree_data(const struct cli_tree *tree)
{
	struct walk w = { .put = put_data };
	size_t n;
	const struct mp_column *c = mp_columns(tree->p, &n);

	cli_tell_estimate(mp_profile_loss(tree->p));
	begin(&w, tree);
	if (!cli_json) {
		fputs("#depth", stdout);
		for (size_t k = 0; k < n; k++) {
			fputs("\ttotal_", stdout);
			print_name(stdout, c[k].name, 0);
			putchar('\t');
			print_name(stdout, c[k].name, 0);
		}
		puts("\tname");
	}
	each_row(&w);
	end(&w);
}

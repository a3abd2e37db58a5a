/* flame.c - stacks to a tree of names; see flame.h.
 * Every node of the profile's tree is met at most twice, once for stacks that show
 * all their frames and once for those that do not.
 */
#include "flame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"

struct names { uint32_t first, n; };    /* in list[]: of a location, innermost first */

struct builder {
	const struct mp_tree *from;
	struct mp_tree *to;
	enum mp_show show;
	enum mp_by by;
	mp_node *memo[2];               /* all frames, some frames: node -> ours */
	mp_node *path;
	struct names *names;
	uint32_t *list;
	size_t list_n, list_room;
	struct mp_frame *frame;
	size_t frame_room;
};

/* The location of a name: kept in its `at` are the frame's flags. */
static uint32_t name_of(struct builder *b, const struct mp_frame *f)
{
	const char *base = strrchr(f->module, '/'), *func = *f->func || *f->file ? f->func : "?";
	uint32_t line = b->by == MP_BY_FUNCTION ? 0 : f->line, name;
	char *both;

	if (f->flags & MP_FRAME_UNRESOLVED && *f->module) {
		if (asprintf(&both, "%s [%s]", func, base && base[1] ? base + 1 : f->module) < 0)
			return 0;
		name = mp_def_cstring(b->to, both);
		free(both);
	} else {
		name = mp_def_cstring(b->to, func);
	}
	name = mp_def_code(b->to, name, mp_def_cstring(b->to, f->file), line);
	return b->to->failed ? 0 : mp_def_location(b->to, MP_LOC_NAMED, name, f->flags);
}

static bool list_room(struct builder *b, size_t n)
{
	uint32_t *list;

	if (b->list_n + n <= b->list_room)
		return true;
	list = realloc(b->list, 2 * (b->list_n + n) * sizeof(*list));
	if (!list)
		return false;
	b->list = list;
	b->list_room = 2 * (b->list_n + n);
	return true;
}

static bool frame_room(struct builder *b, size_t n)
{
	struct mp_frame *frame;

	if (n <= b->frame_room)
		return true;
	frame = realloc(b->frame, n * sizeof(*frame));
	if (!frame)
		return false;
	b->frame = frame;
	b->frame_room = n;
	return true;
}

/* The names of a node's location; n = 0: memory is out. */
static struct names names_of(struct builder *b, mp_node node)
{
	struct names *x = &b->names[b->from->node.x[node].location];
	size_t n;

	if (x->n)
		return *x;
	n = mp_frames(b->from, node, b->frame, b->frame_room);
	if (!frame_room(b, n) || !list_room(b, n))
		return (struct names){0, 0};
	mp_frames(b->from, node, b->frame, b->frame_room);
	for (size_t i = 0; i < n; i++) {
		b->list[b->list_n + i] = name_of(b, &b->frame[i]);
		if (!b->list[b->list_n + i])
			return (struct names){0, 0};
	}
	*x = (struct names){(uint32_t)b->list_n, (uint32_t)n};
	b->list_n += n;
	return *x;
}

/* What a stack none of whose frames is shown has in their place. */
static mp_node no_frame(struct builder *b, mp_node node)
{
	struct mp_frame f = {.func = mp_no_frame(node, b->show),
		.file = "",
		.module = "",
		.build_id = "",
		.flags = MP_FRAME_NOTE};
	uint32_t name = name_of(b, &f);

	return name ? mp_def_node(b->to, 0, name) : 0;
}

/* The stack that ends in NODE; 0 when memory is out. */
static mp_node stack(struct builder *b, mp_node node)
{
	enum mp_show show = mp_show_of(b->from, node, b->show);
	mp_node *memo = b->memo[show != MP_SHOW_ALL], at = node, ours;
	size_t depth = 0;

	/* memo: ours + 1, for it may be the root */
	for (; at && !memo[at]; at = b->from->node.x[at].parent)
		b->path[depth++] = at;
	ours = at ? memo[at] - 1 : 0;
	while (depth-- > 0) {
		at = b->path[depth];
		if (mp_is_shown(b->from, at, show)) {
			struct names x = names_of(b, at);

			for (uint32_t i = x.n; i-- > 0;)
				ours = mp_def_node(b->to, ours, b->list[x.first + i]);
			if (!x.n || b->to->failed)
				return 0;
		}
		memo[at] = ours + 1;
	}
	return ours ? ours : no_frame(b, node);
}

static void builder_free(struct builder *b)
{
	free(b->memo[0]), free(b->memo[1]), free(b->path), free(b->names);
	free(b->list), free(b->frame);
}

int mp_flame_build(struct mp_flame *f, struct mp_profile *p, enum mp_show show, enum mp_by by)
{
	size_t nodes = (size_t)p->tree->node.n + 1, rows = mp_rows(p);
	struct builder b = {.from = p->tree, .to = mp_tree_new(), .show = show, .by = by};
	bool good;

	b.memo[0] = calloc(nodes, sizeof(*b.memo[0]));
	b.memo[1] = calloc(nodes, sizeof(*b.memo[1]));
	b.path = calloc(nodes, sizeof(*b.path));
	b.names = calloc((size_t)p->tree->location.n + 1, sizeof(*b.names));
	f->tree = b.to;
	f->of_row = calloc(rows + 1, sizeof(*f->of_row));
	good = b.to && b.memo[0] && b.memo[1] && b.path && b.names && f->of_row;
	for (size_t i = 0; good && i < rows; i++) {
		f->of_row[i] = stack(&b, p->key[i].node);
		good = f->of_row[i] != 0;
	}
	builder_free(&b);
	if (!good)
		mp_flame_free(f);
	return good ? 0 : -1;
}

void mp_flame_free(struct mp_flame *f)
{
	mp_tree_free(f->tree);
	free(f->of_row);
	*f = (struct mp_flame){0};
}

struct mp_frame mp_flame_frame(const struct mp_flame *f, uint32_t location)
{
	const struct mp_location *l = &f->tree->location.x[location];
	const struct mp_code *c = &f->tree->code.x[l->owner];

	return (struct mp_frame){.func = mp_str(f->tree, c->function),
		.file = mp_str(f->tree, c->file),
		.module = "",
		.build_id = "",
		.line = c->line,
		.flags = l->kind == MP_LOC_NOTE ? MP_FRAME_NOTE : (uint32_t)l->at};
}

/* ---- sums ------------------------------------------------------------------------------ */

static int add_value(struct mp_flame_sums *x, mp_node node, int64_t value)
{
	if (x->stamp[node] != x->now) {
		x->stamp[node] = x->now;
		x->sum[node] = 0;
		x->node[x->n++] = node;
	}
	return __builtin_add_overflow(x->sum[node], value, &x->sum[node]) ||
	       __builtin_add_overflow(x->total, value, &x->total);
}

int mp_flame_add(struct mp_flame_sums *x, const struct mp_flame *f, struct mp_profile *p,
	size_t column, const size_t *part, size_t k)
{
	size_t nodes = (size_t)f->tree->node.n + 1;

	if (!x->node) {
		x->node = calloc(nodes, sizeof(*x->node));
		x->sum = calloc(nodes, sizeof(*x->sum));
		x->stamp = calloc(nodes, sizeof(*x->stamp));
	}
	if (!x->node || !x->sum || !x->stamp)
		return mp_profile_fail(p, "out of memory");
	x->n = 0;
	x->total = 0;
	x->now++;
	for (size_t i = 0; i < mp_rows(p); i++) {
		int64_t value = p->value[i * p->columns + column];

		if (part[i] == k && value && add_value(x, f->of_row[i], value))
			return mp_profile_fail(
				p, "the sum of %s is over 63 bits", p->column[column].name);
	}
	return 0;
}

void mp_flame_sums_free(struct mp_flame_sums *x)
{
	free(x->node), free(x->sum), free(x->stamp);
	*x = (struct mp_flame_sums){0};
}

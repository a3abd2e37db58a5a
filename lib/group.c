/* group.c - rows of a profile regrouped by what their frames or labels say.
 * Invariant: the self values of all groups add up to the profile's totals.
 */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FRAMES = 64 };

/* ---- groups ----------------------------------------------------------------------- */

struct grouper {
	struct mp_profile *p;
	const struct mp_tree *tree;
	enum mp_by by;
	enum mp_show show;
	struct mp_groups *groups;
	size_t room;
	uint32_t *slot, mask; /* group + 1 by name */
	size_t *stamp;        /* group -> last row counted, + 1 */
	uint32_t *id;         /* names of locations, one after the other */
	size_t ids, id_room;
	size_t *at;      /* location -> place in ID, + 1 */
	uint8_t *python; /* node: its stack has a Python frame */
	char *text;      /* the name at hand */
	size_t size;
	FILE *out;
	size_t row;
	uint32_t *of_row; /* its group by self; NULL: not asked for */
};

static bool rehash(struct grouper *g)
{
	uint32_t mask = g->slot ? g->mask * 2 + 1 : 63;
	uint32_t *slot = calloc((size_t)mask + 1, sizeof(*slot));

	if (!slot)
		return false;
	free(g->slot);
	g->slot = slot;
	g->mask = mask;
	for (size_t i = 0; i < g->groups->n; i++) {
		const char *name = g->groups->group[i].name;
		uint32_t place = (uint32_t)XXH3_64bits(name, strlen(name)) & mask;

		while (slot[place])
			place = (place + 1) & mask;
		slot[place] = (uint32_t)i + 1;
	}
	return true;
}

static bool more_groups(struct grouper *g)
{
	size_t room = g->room ? g->room * 2 : 64;
	struct mp_group *group = realloc(g->groups->group, room * sizeof(*group));
	size_t *stamp;

	if (group)
		g->groups->group = group;
	stamp = realloc(g->stamp, room * sizeof(*stamp));
	if (stamp)
		g->stamp = stamp;
	if (!group || !stamp)
		return false;
	g->room = room;
	return true;
}

static bool new_group(struct grouper *g, const char *name, size_t len)
{
	struct mp_group new;

	if (g->groups->n == g->room && !more_groups(g))
		return false;
	new.name = strndup(name, len);
	new.self = calloc(g->p->columns + 1, sizeof(*new.self));
	new.total = calloc(g->p->columns + 1, sizeof(*new.total));
	if (!new.name || !new.self || !new.total) {
		free(new.name);
		free(new.self);
		free(new.total);
		return false;
	}
	g->stamp[g->groups->n] = 0;
	g->groups->group[g->groups->n++] = new;
	return true;
}

/* The group NAME, + 1; 0 when memory is out. */
static uint32_t group_of(struct grouper *g, const char *name)
{
	size_t len = strlen(name);
	uint32_t place;

	if ((!g->slot || g->groups->n >= g->mask / 2) && !rehash(g))
		return 0;
	place = (uint32_t)XXH3_64bits(name, len) & g->mask;
	while (g->slot[place] && strcmp(g->groups->group[g->slot[place] - 1].name, name))
		place = (place + 1) & g->mask;
	if (!g->slot[place]) {
		if (!new_group(g, name, len))
			return 0;
		g->slot[place] = (uint32_t)g->groups->n;
	}
	return g->slot[place];
}

/* ---- frames as groups ---------------------------------------------------------------- */

/* The name being printed to g->out, as a group. */
static uint32_t printed(struct grouper *g)
{
	uint32_t id = fflush(g->out) ? 0 : group_of(g, g->text);

	rewind(g->out);
	return id;
}

/* The groups of the N frames of location L; NULL when memory is out. */
static const uint32_t *new_ids(
	struct grouper *g, uint32_t l, const struct mp_frame *frame, size_t n)
{
	if (g->ids + n + 1 > g->id_room) {
		size_t room = g->id_room * 2 + n + FRAMES;
		uint32_t *id = realloc(g->id, room * sizeof(*id));

		if (!id)
			return NULL;
		g->id = id;
		g->id_room = room;
	}
	g->at[l] = g->ids + 1;
	g->id[g->ids++] = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		mp_print_name(g->out, &frame[i], g->by);
		fputc('\0', g->out);
		g->id[g->ids] = printed(g);
		if (!g->id[g->ids++])
			return NULL;
	}
	return g->id + g->at[l] - 1;
}

/* The groups of a node's frames: how many, then each, innermost first.  NULL
 * when memory is out. */
static const uint32_t *frame_ids(struct grouper *g, mp_node node)
{
	uint32_t l = g->tree->node.x[node].location;
	struct mp_frame few[FRAMES], *frame = few;
	const uint32_t *ids;
	size_t n;

	if (g->at[l])
		return g->id + g->at[l] - 1;
	n = mp_frames(g->tree, node, few, FRAMES);
	if (n > FRAMES) {
		frame = malloc(n * sizeof(*frame));
		if (!frame)
			return NULL;
		mp_frames(g->tree, node, frame, n);
	}
	ids = new_ids(g, l, frame, n);
	if (frame != few)
		free(frame);
	return ids;
}

/* ---- rows ------------------------------------------------------------------------- */

static int add(struct grouper *g, int64_t *sum, const int64_t *value)
{
	for (size_t c = 0; c < g->p->columns; c++) {
		enum mp_combine how = g->p->column[c].combine;

		if (how == MP_SUM) {
			if (__builtin_add_overflow(sum[c], value[c], &sum[c]))
				return mp_profile_fail(g->p, "the sum of %s is over 63 bits",
					g->p->column[c].name);
		} else if (!sum[c] || (how == MP_MAX ? value[c] > sum[c] : value[c] < sum[c])) {
			sum[c] = value[c];
		}
	}
	return 0;
}

static int count_self(struct grouper *g, uint32_t id, const int64_t *value)
{
	if (id && g->of_row)
		g->of_row[g->row] = id - 1;
	return id ? add(g, g->groups->group[id - 1].self, value) : -1;
}

static int count_total(struct grouper *g, uint32_t id, size_t row, const int64_t *value)
{
	if (!id)
		return -1;
	if (g->stamp[id - 1] == row + 1)
		return 0;
	g->stamp[id - 1] = row + 1;
	return add(g, g->groups->group[id - 1].total, value);
}

static int count_named(struct grouper *g, const char *name, size_t row, const int64_t *value)
{
	uint32_t id = group_of(g, name);

	return count_self(g, id, value) ? -1 : count_total(g, id, row, value);
}

static int by_frames(struct grouper *g, size_t row, mp_node node, const int64_t *value)
{
	enum mp_show show = g->show;
	bool first = true;

	if (show == MP_SHOW_DEFAULT && !g->python[node])
		show = MP_SHOW_ALL;
	for (mp_node at = node; at; at = g->tree->node.x[at].parent) {
		const uint32_t *id;

		if (!mp_is_shown(g->tree, at, show))
			continue;
		id = frame_ids(g, at);
		if (!id)
			return -1;
		if (first && count_self(g, id[1], value))
			return -1;
		first = false;
		for (size_t i = 1; i <= *id; i++)
			if (count_total(g, id[i], row, value))
				return -1;
	}
	return first ? count_named(g, mp_no_frame(node, g->show), row, value) : 0;
}

static int by_stack(struct grouper *g, size_t row, mp_node node, const int64_t *value)
{
	size_t n = mp_shown(g->tree, node, g->show, NULL, 0);
	struct mp_frame *frame = malloc((n + 1) * sizeof(*frame));
	uint32_t id;

	if (!frame)
		return -1;
	mp_shown(g->tree, node, g->show, frame, n);
	if (!n)
		fputs(mp_no_frame(node, g->show), g->out);
	while (n--) {
		mp_print_name(g->out, &frame[n], MP_BY_LINE);
		if (n)
			fputc(';', g->out);
	}
	free(frame);
	fputc('\0', g->out);
	id = printed(g);
	return count_self(g, id, value) ? -1 : count_total(g, id, row, value);
}

static int by_label(struct grouper *g, size_t i, const struct mp_row *row)
{
	uint32_t id;

	if (g->by == MP_BY_THREAD)
		mp_print_label(g->out, row->key.thread, "thread", row->key.tid);
	else if (g->by == MP_BY_PROCESS)
		mp_print_label(g->out, row->key.process, "process", row->key.pid);
	else if (g->by == MP_BY_KIND)
		fputs(row->key.kind ? mp_alloc_name(row->key.kind) : "[no kind]", g->out);
	else
		fputs(*row->key.type ? row->key.type : "[no type]", g->out);
	fputc('\0', g->out);
	id = printed(g);
	return count_self(g, id, row->value) ? -1 : count_total(g, id, i, row->value);
}

static int count_rows(struct grouper *g)
{
	int status = 0;

	for (size_t i = 0; !status && i < g->p->rows; i++) {
		struct mp_row row = mp_row(g->p, i);

		g->row = i;
		if (g->by == MP_BY_STACK)
			status = by_stack(g, i, row.key.node, row.value);
		else if (g->by >= MP_BY_THREAD)
			status = by_label(g, i, &row);
		else
			status = by_frames(g, i, row.key.node, row.value);
	}
	return status;
}

/* ---- the whole -------------------------------------------------------------------- */

struct order {
	size_t column;
	bool valued, by_total;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct mp_group *x = a, *y = b;
	const struct order *o = arg;
	const int64_t *u = o->by_total ? x->total : x->self;
	const int64_t *v = o->by_total ? y->total : y->self;

	if (o->valued && u[o->column] != v[o->column]) {
		uint64_t i = (uint64_t)u[o->column], j = (uint64_t)v[o->column];

		i = u[o->column] < 0 ? 0 - i : i;
		j = v[o->column] < 0 ? 0 - j : j;
		if (i != j)
			return i > j ? -1 : 1;
	}
	return strcmp(x->name, y->name);
}

static bool prepare(struct grouper *g)
{
	const struct mp_tree *t = g->tree;

	g->groups = calloc(1, sizeof(*g->groups));
	g->at = calloc((size_t)t->location.n + 1, sizeof(*g->at));
	g->python = calloc((size_t)t->node.n + 1, 1);
	g->out = open_memstream(&g->text, &g->size);
	if (!g->groups || !g->at || !g->python || !g->out)
		return false;
	g->groups->columns = g->p->columns;
	for (uint32_t i = 1; i <= t->node.n; i++)
		g->python[i] = g->python[t->node.x[i].parent] ||
			       t->location.x[t->node.x[i].location].kind == MP_LOC_PYTHON;
	return true;
}

static bool group(struct grouper *g)
{
	bool good = prepare(g) && !count_rows(g);

	if (g->out)
		fclose(g->out);
	free(g->text);
	free(g->slot);
	free(g->stamp);
	free(g->id);
	free(g->at);
	free(g->python);
	return good;
}

struct mp_groups *mp_group(
	struct mp_profile *p, enum mp_by by, enum mp_show show, int column, bool by_total)
{
	bool valued = column >= 0 && (size_t)column < p->columns;
	struct order o = {(size_t)column, valued, by_total};
	struct grouper g = {.p = p, .tree = p->tree, .by = by, .show = show};

	if (!group(&g)) {
		mp_groups_free(g.groups);
		return NULL;
	}
	if (g.groups->n > 1)
		qsort_r(g.groups->group, g.groups->n, sizeof(*g.groups->group), compare, &o);
	return g.groups;
}

uint32_t *mp_group_rows(struct mp_profile *p, enum mp_by by, enum mp_show show, size_t *n)
{
	uint32_t *of_row = calloc(p->rows + 1, sizeof(*of_row));
	struct grouper g = {
		.p = p, .tree = p->tree, .by = by, .show = show, .of_row = of_row};

	*n = 0;
	if (!of_row || !group(&g)) {
		free(of_row);
		of_row = NULL;
	} else {
		*n = g.groups->n;
	}
	mp_groups_free(g.groups);
	return of_row;
}

void mp_groups_free(struct mp_groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->n; i++) {
		free(groups->group[i].name);
		free(groups->group[i].self);
		free(groups->group[i].total);
	}
	free(groups->group);
	free(groups);
}

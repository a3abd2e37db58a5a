/* report_rows.c - cells into the rows of a run's two tables: by stack, for graphs, and by
 * the frames that the own bytes of a stack are told to be of, for tables.
 * Invariant: a row is told apart only by what the page can show or filter by.
 */
#include "report_own.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 256 };         /* more are told apart by their names alone */

static int put_row(struct mp_report *r, struct report_rows *rows, uint32_t cell,
	const uint32_t *key, uint64_t size)
{
	uint32_t row = mp_tuple(&rows->key, key);

	if (!row)
		return mp_report_memory(r);
	if (row >= rows->size_room) {
		size_t room = rows->size_room ? rows->size_room * 2 : 1024;
		uint64_t *more = realloc(rows->size, room * sizeof(*more));

		if (!more)
			return mp_report_memory(r);
		memset(more + rows->size_room, 0, (room - rows->size_room) * sizeof(*more));
		rows->size = more;
		rows->size_room = room;
	}
	/* 1 more than the size, so that 0 is none yet */
	if (!rows->size[row])
		rows->size[row] = size + 1;
	else if (rows->size[row] != size + 1)
		rows->size[row] = REPORT_MIXED;
	rows->of_cell[cell] = row;
	return 0;
}

/* The report's node of a site's stack. */
static uint32_t node_of(struct mp_report *r, const struct report_run *run, uint32_t node)
{
	uint32_t shown = run->shown[node];
	uint32_t key[NODE_WIDTH] = { shown & ~REPORT_REST, node ? r->rest : r->no_stack };
	uint32_t leaf[REST_WIDTH] = { shown & ~REPORT_REST, run->leaf[LEAF_LINE][node] }, pair;

	if (node && !(shown & REPORT_REST))
		return shown;
	pair = node ? mp_tuple_find(&r->rest_leaf, leaf) : 0;
	key[NODE_PARENT] = mp_tuple(&r->node, key);
	key[NODE_FRAME] = leaf[REST_FRAME];
	return pair && r->rest_kept[pair] && key[NODE_PARENT] ? mp_tuple(&r->node, key)
		: key[NODE_PARENT];
}

static uint32_t class_of(uint64_t size)
{
	return size ? 64 - (uint32_t)__builtin_clzll(size) : 0;
}

static uint32_t type_of(struct mp_report *r, const struct report_run *run, uint32_t type)
{
	if (!type || type > run->tree->string.n)
		return 0;
	return mp_def_string(
		r->names, run->tree->string.x[type].data, run->tree->string.x[type].len);
}

static int put_cell(struct mp_report *r, struct report_run *run, const uint32_t *thread,
	uint32_t cell)
{
	const struct mp_site *s = &run->tree->site.x[run->t->cell[cell].site];
	uint32_t at = run->t->cell[cell].thread, label[LABEL_WIDTH] = { s->process,
		at <= run->tree->thread.n ? thread[at] : 0 };
	uint32_t stack[STACK_WIDTH], line[LINE_WIDTH], module;

	module = mp_report_module(r, run->leaf[LEAF_LINE][s->node]);
	stack[STACK_NODE] = node_of(r, run, s->node);
	stack[STACK_LABEL] = mp_tuple(&run->label, label);
	stack[STACK_MODULE] = r->module_kept[module] ? module
		: mp_tuple_at(&r->frame, r->rest)[FRAME_FUNC];
	if (!stack[STACK_NODE] || !stack[STACK_LABEL] || r->names->failed)
		return mp_report_memory(r);
	for (int k = 0; k < LEAVES; k++) {
		uint32_t leaf = run->leaf[k][s->node];

		line[LINE_LEAF + k] = r->frame_kept[leaf] ? leaf : r->rest;
	}
	line[LINE_LABEL] = stack[STACK_LABEL];
	line[LINE_MODULE] = stack[STACK_MODULE];
	line[LINE_KIND] = s->kind;
	line[LINE_TYPE] = type_of(r, run, s->type);
	line[LINE_CLASS] = class_of(s->size);
	if (r->names->failed)
		return mp_report_memory(r);
	return put_row(r, &run->stacks, cell, stack, s->size) ||
		put_row(r, &run->lines, cell, line, s->size) ? -1 : 0;
}

/* Which thread each counts as: itself, or of very many the first of its name. */
static int fold_threads(struct mp_report *r, struct report_run *run, uint32_t *as)
{
	const struct mp_tree *t = run->tree;
	struct mp_tuples names = { .width = 2 };
	uint32_t *first = calloc((size_t)t->thread.n + 2, sizeof(*first));
	bool failed;

	run->by_name = t->thread.n > THREADS;
	for (uint32_t i = 1; i <= t->thread.n && first; i++) {
		uint32_t key[2] = { t->thread.x[i].process, t->thread.x[i].name };
		uint32_t name = run->by_name ? mp_tuple(&names, key) : 0;

		if (name && !first[name])
			first[name] = i;
		as[i] = name ? first[name] : i;
	}
	failed = !first || names.failed;
	free(first);
	mp_tuples_free(&names);
	return failed ? mp_report_memory(r) : 0;
}

static bool renew(struct report_rows *rows, uint32_t cells, uint32_t width)
{
	mp_tuples_free(&rows->key);
	rows->key.width = width;
	free(rows->of_cell);
	free(rows->size);
	rows->size = NULL;
	rows->size_room = 0;
	rows->of_cell = calloc((size_t)cells + 1, sizeof(*rows->of_cell));
	return rows->of_cell != NULL;
}

int mp_report_rows(struct mp_report *r, struct report_run *run)
{
	uint32_t *thread = calloc((size_t)run->tree->thread.n + 1, sizeof(*thread));
	int status = thread ? fold_threads(r, run, thread) : mp_report_memory(r);

	mp_tuples_free(&run->label);
	if (!renew(&run->stacks, run->t->cells, STACK_WIDTH) ||
		!renew(&run->lines, run->t->cells, LINE_WIDTH))
		status = mp_report_memory(r);
	for (uint32_t i = 1; i <= run->t->cells && !status; i++)
		status = put_cell(r, run, thread, i);
	free(thread);
	return status;
}

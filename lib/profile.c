/* profile.c - rows of named signed values, hashed by key.
 * Invariant: the sum of each summed column fits in 63 bits, or an error is set.
 */
#include "profile.h"

#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mp_profile_fail(struct mp_profile *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!p->error[0])
		vsnprintf(p->error, sizeof(p->error), fmt, ap);
	va_end(ap);
	return -1;
}

static int no_memory(struct mp_profile *p)
{
	return mp_profile_fail(p, "out of memory");
}

struct mp_profile *mp_profile_new(const struct mp_column *c, size_t n)
{
	struct mp_profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->tree = mp_tree_new();
	for (size_t i = 0; p->tree && i < n; i++)
		mp_profile_column(p, &c[i]);
	if (!p->tree || p->columns < n) {
		mp_profile_free(p);
		return NULL;
	}
	return p;
}

void mp_profile_free(struct mp_profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_meta; i++) {
		free(p->meta[i].key);
		free(p->meta[i].value);
	}
	free(p->meta);
	free(p->column);
	free(p->key);
	free(p->value);
	free(p->total);
	free(p->slot);
	free(p->next);
	mp_tree_free(p->tree);
	free(p);
}

struct mp_tree *mp_profile_tree(struct mp_profile *p)
{
	return p->tree;
}

struct mp_loss *mp_profile_loss(struct mp_profile *p)
{
	return &p->loss;
}

const char *mp_profile_error(const struct mp_profile *p)
{
	return p->error[0] ? p->error : NULL;
}

/* ---- columns --------------------------------------------------------------------- */

const struct mp_column *mp_columns(const struct mp_profile *p, size_t *n)
{
	*n = p->columns;
	return p->column;
}

int mp_column_index(const struct mp_profile *p, const char *name)
{
	for (size_t i = 0; i < p->columns; i++)
		if (!strcmp(p->column[i].name, name))
			return (int)i;
	return -1;
}

static char *keep_string(struct mp_profile *p, const char *s)
{
	return mp_arena_copy(p->tree->strings, s ? s : "", s ? strlen(s) : 0);
}

/* Room for one more column in every row, 0 there. */
static int widen(struct mp_profile *p)
{
	size_t n = p->columns;
	int64_t *value = calloc(p->room ? p->room : 1, (n + 1) * sizeof(*value));
	struct mp_column *column = realloc(p->column, (n + 1) * sizeof(*column));
	__int128 *total;

	if (column)
		p->column = column;
	total = column ? realloc(p->total, (n + 1) * sizeof(*total)) : NULL;
	if (total)
		p->total = total;
	if (!value || !total) {
		free(value);
		return no_memory(p);
	}
	for (size_t i = 0; n && i < p->rows; i++)
		memcpy(value + i * (n + 1), p->value + i * n, n * sizeof(*value));
	free(p->value);
	p->value = value;
	p->total[n] = 0;
	return 0;
}

int mp_profile_column(struct mp_profile *p, const struct mp_column *c)
{
	struct mp_column new;

	for (size_t i = 0; i < p->columns; i++) {
		const struct mp_column *o = &p->column[i];

		if (strcmp(o->name, c->name))
			continue;
		if (strcmp(o->view, c->view))
			return mp_profile_fail(p, "%s of view %s and of view %s in one table",
				c->name, o->view, c->view);
		if (strcmp(o->unit, c->unit) || o->combine != c->combine)
			return mp_profile_fail(
				p, "two columns named %s with different units", c->name);
		return (int)i;
	}
	new.name = keep_string(p, c->name);
	new.unit = keep_string(p, c->unit);
	new.view = keep_string(p, c->view);
	new.combine = c->combine;
	if (!new.name || !new.unit || !new.view)
		return no_memory(p);
	if (widen(p))
		return -1;
	p->column[p->columns] = new;
	return (int)p->columns++;
}

int mp_rename_column(struct mp_profile *p, int column, const char *name)
{
	char *copy = keep_string(p, name);

	if (!copy)
		return no_memory(p);
	p->column[column].name = copy;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------ */

/* Neighbours in node are neighbours in slot[]: rows come about in the order of their
 * nodes, and a look-up should not have to leave the cache. */
static uint32_t hash_ids(const struct mp_ids *k)
{
	uint64_t labels = (uint64_t)k->process << 32 | k->thread;
	uint64_t numbers = (uint64_t)k->pid << 32 | k->tid;

	labels = (labels ^ numbers * 0xd6e8feb86659fd93ull) * 0x9e3779b97f4a7c15ull;
	labels ^= ((uint64_t)k->type << 32 | k->kind) * 0xd6e8feb86659fd93ull;
	return k->node + (uint32_t)((labels ^ labels >> 29) * 0x9e3779b97f4a7c15ull >> 32);
}

static void put_row(struct mp_profile *p, size_t row, uint32_t hash)
{
	uint32_t *head = &p->slot[hash & p->mask];

	p->next[row] = *head;
	*head = (uint32_t)row + 1;
}

/* A slot for every row there is room for. */
static int rebuild(struct mp_profile *p)
{
	uint32_t mask = 15, *slot;

	while (mask < p->room)
		mask = mask * 2 + 1;
	slot = calloc((size_t)mask + 1, sizeof(*slot));
	if (!slot)
		return no_memory(p);
	free(p->slot);
	p->slot = slot;
	p->mask = mask;
	for (size_t i = 0; i < p->rows; i++)
		put_row(p, i, hash_ids(&p->key[i]));
	return 0;
}

static int more_rows(struct mp_profile *p)
{
	size_t room = p->room ? p->room * 2 : 16;
	struct mp_ids *key;
	int64_t *value;
	uint32_t *next;

	if (room > UINT32_MAX / 2)
		return mp_profile_fail(p, "too many rows");
	key = realloc(p->key, room * sizeof(*key));
	if (key)
		p->key = key;
	value = realloc(p->value, room * (p->columns ? p->columns : 1) * sizeof(*value));
	if (value)
		p->value = value;
	next = realloc(p->next, room * sizeof(*next));
	if (next)
		p->next = next;
	if (!key || !value || !next)
		return no_memory(p);
	p->room = room;
	return 0;
}

static int combine(struct mp_profile *p, size_t column, int64_t *into, int64_t value, bool new)
{
	switch (p->column[column].combine) {
	case MP_MAX:
		if (new || value > *into)
			*into = value;
		return 0;
	case MP_MIN: /* 0: the row had no such column */
		if (new || !*into || (value && value < *into))
			*into = value;
		return 0;
	case MP_SUM:
	default:
		p->total[column] += value;
		if (new)
			*into = value;
		else if (__builtin_add_overflow(*into, value, into))
			p->total[column] = (__int128)INT64_MAX + 1;
		if (p->total[column] > INT64_MAX || p->total[column] < INT64_MIN)
			return mp_profile_fail(
				p, "the sum of %s is over 63 bits", p->column[column].name);
		return 0;
	}
}

uint32_t mp_find_ids(const struct mp_profile *p, const struct mp_ids *k)
{
	uint32_t row = p->slot ? p->slot[hash_ids(k) & p->mask] : 0;

	while (row && memcmp(&p->key[row - 1], k, sizeof(*k)))
		row = p->next[row - 1];
	return row;
}

int mp_add_ids(struct mp_profile *p, const struct mp_ids *k, const int64_t *value)
{
	uint32_t row;
	bool new;

	if (p->error[0] || (!p->slot && rebuild(p)))
		return -1;
	row = mp_find_ids(p, k);
	new = !row;
	if (new) {
		if (p->rows == p->room && (more_rows(p) || rebuild(p)))
			return -1;
		p->key[p->rows] = *k;
		put_row(p, p->rows, hash_ids(k));
		row = (uint32_t)++p->rows;
	}
	for (size_t c = 0; c < p->columns; c++)
		if (combine(p, c, &p->value[(row - 1) * p->columns + c], value[c], new))
			return -1;
	return 0;
}

int mp_add(struct mp_profile *p, const struct mp_tree *tree, const struct mp_key *k,
	const int64_t *value)
{
	struct mp_ids ids = {
		.node = k->node,
		.kind = k->kind,
		.pid = k->pid,
		.tid = k->tid,
		.process = mp_def_cstring(p->tree, k->process),
		.thread = mp_def_cstring(p->tree, k->thread),
		.type = mp_def_cstring(p->tree, k->type),
	};
	struct mp_tree_map map;

	if (tree && tree != p->tree && k->node) {
		mp_tree_map_init(&map, p->tree, tree);
		map.forget = true;
		ids.node = mp_map_node(&map, k->node);
		mp_tree_map_free(&map);
	}
	if (p->tree->failed)
		return no_memory(p);
	return mp_add_ids(p, &ids, value);
}

size_t mp_rows(const struct mp_profile *p)
{
	return p->rows;
}

struct mp_row mp_row(const struct mp_profile *p, size_t i)
{
	const struct mp_ids *k = &p->key[i];

	return (struct mp_row){
		.key =
			{
				.node = k->node,
				.kind = k->kind,
				.pid = k->pid,
				.tid = k->tid,
				.process = mp_str(p->tree, k->process),
				.thread = mp_str(p->tree, k->thread),
				.type = mp_str(p->tree, k->type),
			},
		.value = p->value + i * p->columns,
	};
}

int64_t mp_total(const struct mp_profile *p, int column)
{
	int64_t best = 0;

	if (column < 0 || (size_t)column >= p->columns)
		return 0;
	if (p->column[column].combine == MP_SUM)
		return p->total[column] > INT64_MAX ? INT64_MAX : (int64_t)p->total[column];
	for (size_t i = 0; i < p->rows; i++) {
		int64_t v = p->value[i * p->columns + (size_t)column];
		bool max = p->column[column].combine == MP_MAX;

		if (!i || (max ? v > best : v < best))
			best = v;
	}
	return best;
}

void mp_profile_compact(struct mp_profile *p, const bool *keep)
{
	size_t n = 0;

	for (size_t i = 0; i < p->rows; i++) {
		const int64_t *v = p->value + i * p->columns;

		if (!keep[i]) {
			for (size_t c = 0; c < p->columns; c++)
				if (p->column[c].combine == MP_SUM)
					p->total[c] -= v[c];
			continue;
		}
		p->key[n] = p->key[i];
		memmove(p->value + n * p->columns, v, p->columns * sizeof(*v));
		n++;
	}
	p->rows = n;
	free(p->slot);
	p->slot = NULL;
}

void mp_ids_keep(struct mp_ids *k, unsigned keep)
{
	k->process = keep & MP_KEEP_PROCESS ? k->process : 0;
	k->thread = keep & MP_KEEP_THREAD ? k->thread : 0;
	k->kind = keep & MP_KEEP_KIND ? k->kind : 0;
	k->type = keep & MP_KEEP_TYPE ? k->type : 0;
	k->pid = keep & MP_KEEP_PID ? k->pid : 0;
	k->tid = keep & MP_KEEP_TID ? k->tid : 0;
}

/* profile_merge.c - adding one profile to another, and their metadata.
 * Invariant: the result does not depend on the order of addition.
 */
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- metadata -------------------------------------------------------------------- */

const char *mp_profile_meta(const struct mp_profile *p, const char *key)
{
	for (size_t i = 0; i < p->n_meta; i++)
		if (!strcmp(p->meta[i].key, key))
			return p->meta[i].value;
	return NULL;
}

int mp_profile_set_meta(struct mp_profile *p, const char *key, const char *value)
{
	struct mp_pair_of_strings *m;
	char *copy = strdup(value), *name;
	size_t at = 0;

	while (at < p->n_meta && strcmp(p->meta[at].key, key) < 0)
		at++;
	if (copy && at < p->n_meta && !strcmp(p->meta[at].key, key)) {
		free(p->meta[at].value);
		p->meta[at].value = copy;
		return 0;
	}
	m = realloc(p->meta, (p->n_meta + 1) * sizeof(*m));
	if (m)
		p->meta = m;
	name = strdup(key);
	if (!copy || !m || !name) {
		free(copy);
		free(name);
		return mp_profile_fail(p, "out of memory");
	}
	memmove(m + at + 1, m + at, (p->n_meta - at) * sizeof(*m));
	m[at].key = name;
	m[at].value = copy;
	p->n_meta++;
	return 0;
}

static void drop_meta(struct mp_profile *p, const char *key)
{
	for (size_t i = 0; i < p->n_meta; i++) {
		if (strcmp(p->meta[i].key, key))
			continue;
		free(p->meta[i].key);
		free(p->meta[i].value);
		p->n_meta--;
		memmove(p->meta + i, p->meta + i + 1, (p->n_meta - i) * sizeof(*p->meta));
		return;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The pieces between "; " in TEXT, which is cut there: sorted, each once, joined to
 * JOINED.  False when memory is out. */
static bool join(char *text, char *joined)
{
	size_t n = 1, used = 0;
	char **piece, *end;

	for (end = text; (end = strstr(end, "; ")) != NULL; end += 2)
		n++;
	piece = malloc(n * sizeof(*piece));
	if (!piece)
		return false;
	piece[0] = text;
	for (size_t i = 1; i < n; i++) {
		end = strstr(piece[i - 1], "; ");
		*end = '\0';
		piece[i] = end + 2;
	}
	qsort(piece, n, sizeof(*piece), by_text);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(piece[i]);

		if (i && !strcmp(piece[i], piece[i - 1]))
			continue;
		memcpy(joined + used, "; ", used ? 2 : 0);
		used += used ? 2 : 0;
		memcpy(joined + used, piece[i], len);
		used += len;
	}
	joined[used] = '\0';
	free(piece);
	return true;
}

/* The value of N different values of one key: one stays as it is.  NULL when
 * memory is out. */
static char *unite(const struct mp_told *x, size_t n)
{
	size_t size = 1, used = 0;
	char *text, *joined;

	if (n == 1)
		return strdup(x->value);
	for (size_t i = 0; i < n; i++)
		size += strlen(x[i].value) + 2;
	text = malloc(size);
	joined = malloc(size);
	for (size_t i = 0; text && i < n; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "; " : "",
			x[i].value);
	if (!text || !joined || !join(text, joined)) {
		free(joined);
		joined = NULL;
	}
	free(text);
	return joined;
}

static int by_pair(const void *a, const void *b)
{
	const struct mp_told *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : strcmp(x->value, y->value);
}

/* Sorted pairs to one of each key; how many, less than there are keys when memory
 * is out. */
static size_t unite_all(struct mp_pair_of_strings *to, struct mp_told *x, size_t n)
{
	size_t keys = 0;

	for (size_t i = 0, end; i < n; i = end) {
		size_t values = 1;

		for (end = i + 1; end < n && !strcmp(x[end].key, x[i].key); end++)
			if (strcmp(x[end].value, x[i + values - 1].value))
				x[i + values++].value = x[end].value;
		to[keys].key = strdup(x[i].key);
		to[keys].value = unite(x + i, values);
		keys++;
		if (!to[keys - 1].key || !to[keys - 1].value)
			break;
	}
	return keys;
}

static void free_meta(struct mp_pair_of_strings *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(x[i].key);
		free(x[i].value);
	}
	free(x);
}

int mp_profile_union(struct mp_profile *p, const struct mp_told *more, size_t n)
{
	size_t all = p->n_meta + n, keys;
	struct mp_pair_of_strings *to;
	struct mp_told *x;

	if (!n)
		return 0;
	x = malloc(all * sizeof(*x));
	to = calloc(all, sizeof(*to));
	if (!x || !to) {
		free(x);
		free(to);
		return mp_profile_fail(p, "out of memory");
	}
	for (size_t i = 0; i < p->n_meta; i++)
		x[i] = (struct mp_told){p->meta[i].key, p->meta[i].value};
	memcpy(x + p->n_meta, more, n * sizeof(*x));
	qsort(x, all, sizeof(*x), by_pair);
	keys = unite_all(to, x, all);
	free(x);
	if (!to[keys - 1].key || !to[keys - 1].value) {
		free_meta(to, keys);
		return mp_profile_fail(p, "out of memory");
	}
	free_meta(p->meta, p->n_meta);
	p->meta = to;
	p->n_meta = keys;
	return 0;
}

int mp_profile_union_meta(struct mp_profile *p, const char *key, const char *value)
{
	return mp_profile_union(p, &(struct mp_told){key, value}, 1);
}

unsigned long mp_profile_peaks(const struct mp_profile *p)
{
	const char *n = mp_profile_meta(p, "peaks_added"), *view = mp_profile_meta(p, "view");

	if (n)
		return strtoul(n, NULL, 10);
	return view && !strcmp(view, "peak");
}

int mp_profile_set_peaks(struct mp_profile *p, unsigned long peaks)
{
	char text[24];

	if (peaks < 2)
		return 0;
	/* Their sum belongs to no one moment. */
	drop_meta(p, "peak_time");
	snprintf(text, sizeof(text), "%lu", peaks);
	return mp_profile_set_meta(p, "peaks_added", text);
}

static int merge_meta(struct mp_profile *into, const struct mp_profile *from)
{
	unsigned long peaks = mp_profile_peaks(into) + mp_profile_peaks(from);
	struct mp_told *x = malloc((from->n_meta + 1) * sizeof(*x));
	size_t n = 0;
	int status;

	if (!x)
		return mp_profile_fail(into, "out of memory");
	for (size_t i = 0; i < from->n_meta; i++)
		if (strcmp(from->meta[i].key, "peaks_added"))
			x[n++] = (struct mp_told){from->meta[i].key, from->meta[i].value};
	status = mp_profile_union(into, x, n);
	free(x);
	return status ? status : mp_profile_set_peaks(into, peaks);
}

/* ---- rows ------------------------------------------------------------------------ */

static int scale(struct mp_profile *p, const int64_t *from, const int *column, size_t n,
	int factor, int64_t *value)
{
	memset(value, 0, p->columns * sizeof(*value));
	for (size_t c = 0; c < n; c++) {
		/* A maximum is no sum: it has no multiple. */
		int f = p->column[column[c]].combine == MP_SUM ? factor : 1;

		if (__builtin_mul_overflow(from[c], (int64_t)f, &value[column[c]]))
			return mp_profile_fail(
				p, "a value of %s is over 63 bits", p->column[column[c]].name);
	}
	return 0;
}

static int merge_rows(struct mp_profile *into, const struct mp_profile *from, int factor,
	const int *column, int64_t *value)
{
	struct mp_tree_map map;
	int status = 0;

	mp_tree_map_init(&map, into->tree, from->tree);
	for (size_t i = 0, n = from->rows; !status && i < n; i++) {
		const struct mp_ids *k = &from->key[i];
		struct mp_ids ids = *k;

		ids.node = mp_map_node(&map, k->node);
		ids.process = mp_map_string(&map, k->process);
		ids.thread = mp_map_string(&map, k->thread);
		ids.type = mp_map_string(&map, k->type);
		if (into->tree->failed)
			status = mp_profile_fail(into, "out of memory");
		else if (scale(into, from->value + i * from->columns, column, from->columns,
				 factor, value))
			status = -1;
		else
			status = mp_add_ids(into, &ids, value);
	}
	mp_tree_map_free(&map);
	return status;
}

/* What cancelled out is no row any more. */
static int drop_zero(struct mp_profile *p)
{
	bool *keep = calloc(p->rows + 1, sizeof(*keep));

	if (!keep)
		return mp_profile_fail(p, "out of memory");
	for (size_t i = 0; i < p->rows; i++)
		for (size_t c = 0; c < p->columns; c++)
			keep[i] |= p->value[i * p->columns + c] != 0;
	mp_profile_compact(p, keep);
	free(keep);
	return 0;
}

int mp_merge(struct mp_profile *into, struct mp_profile *from, int factor)
{
	int *column = calloc(from->columns + 1, sizeof(*column));
	int64_t *value = NULL;
	int status = -1;

	if (from->error[0])
		mp_profile_fail(into, "%s", from->error);
	if (!column) {
		mp_profile_fail(into, "out of memory");
		goto out;
	}
	for (size_t c = 0; c < from->columns; c++) {
		column[c] = mp_profile_column(into, &from->column[c]);
		if (column[c] < 0)
			goto out;
	}
	value = calloc(into->columns + 1, sizeof(*value));
	if (!value) {
		mp_profile_fail(into, "out of memory");
		goto out;
	}
	status = merge_rows(into, from, factor, column, value);
	if (!status && into != from) {
		status = merge_meta(into, from);
		mp_add_loss(&into->loss, &from->loss);
	}
	if (!status && factor < 0)
		status = drop_zero(into);
out:
	free(column);
	free(value);
	return status;
}

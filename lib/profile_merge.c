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

/* Cut TEXT at each "; " into at most MAX pieces; how many. */
static size_t split(char *text, char **piece, size_t max)
{
	size_t n = 0;

	while (n < max) {
		char *end = strstr(text, "; ");

		piece[n++] = text;
		if (!end || n == max)
			break;
		*end = '\0';
		text = end + 2;
	}
	return n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int mp_profile_union_meta(struct mp_profile *p, const char *key, const char *value)
{
	const char *old = mp_profile_meta(p, key);
	size_t size, n, used = 0;
	char *both, *joined, **piece;
	int status = -1;

	if (!old)
		return mp_profile_set_meta(p, key, value);
	if (!strcmp(old, value))
		return 0;
	size = strlen(old) + strlen(value) + 4;
	both = malloc(size);
	joined = malloc(size);
	piece = malloc((size / 2 + 1) * sizeof(*piece));
	if (both && joined && piece) {
		snprintf(both, size, "%s; %s", old, value);
		n = split(both, piece, size / 2);
		qsort(piece, n, sizeof(*piece), by_text);
		for (size_t i = 0; i < n; i++)
			if (!i || strcmp(piece[i], piece[i - 1]))
				used += (size_t)snprintf(joined + used, size - used, "%s%s",
					used ? "; " : "", piece[i]);
		status = mp_profile_set_meta(p, key, joined);
	} else {
		mp_profile_fail(p, "out of memory");
	}
	free(both);
	free(joined);
	free(piece);
	return status;
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

	for (size_t i = 0; i < from->n_meta; i++)
		if (strcmp(from->meta[i].key, "peaks_added") &&
			mp_profile_union_meta(into, from->meta[i].key, from->meta[i].value))
			return -1;
	return mp_profile_set_peaks(into, peaks);
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

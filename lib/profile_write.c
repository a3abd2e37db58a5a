/* profile_write.c - a profile as a part of a stream.
 * Invariant: rows, and with them the part's definitions, go out in the order of
 * mp_sort(p, 0), so equal profiles give equal bytes.
 */
#include "io.h"
#include "profile.h"

#include <stdlib.h>

enum { NODE, PROCESS, THREAD, KIND, TYPE, PID, TID, LABELS };

struct table {
	uint32_t *label[LABELS];
	bool used[LABELS];
	int64_t **value;
};

static bool table_new(struct table *x, const struct mp_profile *p)
{
	x->value = calloc(p->columns + 1, sizeof(*x->value));
	for (int i = 0; x->value && i < LABELS; i++) {
		x->label[i] = calloc(p->rows + 1, sizeof(**x->label));
		if (!x->label[i])
			return false;
	}
	for (size_t c = 0; x->value && c < p->columns; c++) {
		x->value[c] = calloc(p->rows + 1, sizeof(**x->value));
		if (!x->value[c])
			return false;
	}
	return x->value != NULL;
}

static void table_free(struct table *x, const struct mp_profile *p)
{
	for (int i = 0; i < LABELS; i++)
		free(x->label[i]);
	for (size_t c = 0; x->value && c < p->columns; c++)
		free(x->value[c]);
	free(x->value);
}

static void fill(struct table *x, const struct mp_profile *p, struct mp_tree_map *map)
{
	for (size_t i = 0; i < p->rows; i++) {
		const struct mp_ids *k = &p->key[i];
		const uint32_t id[LABELS] = {mp_map_node(map, k->node),
			mp_map_string(map, k->process), mp_map_string(map, k->thread), k->kind,
			mp_map_string(map, k->type), k->pid, k->tid};

		for (int l = 0; l < LABELS; l++) {
			x->label[l][i] = id[l];
			x->used[l] |= id[l] != 0;
		}
		for (size_t c = 0; c < p->columns; c++)
			x->value[c][i] = p->value[i * p->columns + c];
	}
}

static int put_rows(struct mp_writer *w, struct mp_profile *p)
{
	struct table x = {0};
	struct mp_tree_map map;
	int status;

	if (!table_new(&x, p)) {
		table_free(&x, p);
		return mp_writer_fail(w, "out of memory");
	}
	mp_tree_map_init(&map, w->tree, p->tree);
	fill(&x, p, &map);
	mp_tree_map_free(&map);
	if (w->tree->failed) {
		status = mp_writer_fail(w, "out of memory");
	} else {
		const struct mp_rows_out rows = {
			.n = p->rows,
			.columns = (uint32_t)p->columns,
			.node = x.used[NODE] ? x.label[NODE] : NULL,
			.process = x.used[PROCESS] ? x.label[PROCESS] : NULL,
			.thread = x.used[THREAD] ? x.label[THREAD] : NULL,
			.kind = x.used[KIND] ? x.label[KIND] : NULL,
			.type = x.used[TYPE] ? x.label[TYPE] : NULL,
			.pid = x.used[PID] ? x.label[PID] : NULL,
			.tid = x.used[TID] ? x.label[TID] : NULL,
			.value = (const int64_t *const *)x.value,
		};

		status = mp_put_rows(w, &rows);
	}
	table_free(&x, p);
	return status;
}

static int put_columns(struct mp_writer *w, const struct mp_profile *p)
{
	for (size_t c = 0; c < p->columns; c++) {
		const struct mp_column *x = &p->column[c];
		struct mp_coldef d = {mp_def_cstring(w->tree, x->name),
			mp_def_cstring(w->tree, x->unit), mp_def_cstring(w->tree, x->view),
			x->combine};

		if (w->tree->failed || !mp_def_column(w->tree, &d))
			return mp_writer_fail(w, "out of memory");
	}
	return 0;
}

int mp_put_profile(struct mp_writer *w, struct mp_profile *p)
{
	mp_sort(p, 0);
	if (p->error[0])
		return mp_writer_fail(w, "%s", p->error);
	if (mp_begin(w, MP_PROFILE))
		return -1;
	for (size_t i = 0; i < p->n_meta; i++)
		if (mp_put_meta(w, p->meta[i].key, p->meta[i].value))
			return -1;
	if (put_columns(w, p) || put_rows(w, p) || mp_put_loss(w, &p->loss))
		return -1;
	return mp_end(w);
}

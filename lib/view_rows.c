/* view_rows.c - what a replay counted, as rows of a profile.
 * Invariant: the rows of live and peak add up to the trace's own sum.
 */
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rows {
	struct replay *r;
	struct mp_profile *p;
	struct mp_tree_map *map;
	int column[MP_SAMPLE_COLUMNS];
	struct mp_recent *recent; /* NULL: not asked for */
	int since;                /* its column */
	int64_t *value;
};

enum { TIME = 1 }; /* of the columns of samples */

static const char *const view_name[] = {
	[MP_VIEW_DEFAULT] = "",
	[MP_VIEW_LIVE] = "live",
	[MP_VIEW_PEAK] = "peak",
	[MP_VIEW_TOTAL] = "total",
	[MP_VIEW_TEMPORARY] = "temporary",
	[MP_VIEW_SAMPLES] = "samples",
};

const char *mp_view_name(enum mp_view view)
{
	return view <= MP_VIEW_SAMPLES ? view_name[view] : "";
}

static int columns_of(struct mp_profile *p, enum mp_view view, int column[MP_SAMPLE_COLUMNS])
{
	const char *name = view_name[view];
	const struct mp_column sample[] =
		{
			{"samples", "count", name, MP_SUM},
			{"time", "ns", name, MP_SUM},
			{"rss", "B", name, MP_MAX},
			{"rss_sum", "B", name, MP_SUM},
			{"rss_growth", "B", name, MP_SUM},
		},
			       allocation[] = {
				       {"bytes", "B", name, MP_SUM},
				       {"count", "count", name, MP_SUM},
			       };
	bool samples = view == MP_VIEW_SAMPLES;

	for (int i = 0; i < (samples ? MP_SAMPLE_COLUMNS : 2); i++) {
		column[i] = mp_profile_column(p, samples ? &sample[i] : &allocation[i]);
		if (column[i] < 0)
			return -1;
	}
	return 0;
}

int mp_view_columns(struct mp_profile *p, enum mp_view view)
{
	int column[MP_SAMPLE_COLUMNS];

	return columns_of(p, view == MP_VIEW_DEFAULT ? MP_VIEW_PEAK : view, column);
}

static int add_columns(struct rows *x, enum mp_view view)
{
	if (columns_of(x->p, view, x->column))
		return -1;
	if (view == MP_VIEW_SAMPLES && x->recent) {
		x->since = mp_profile_column(x->p,
			&(struct mp_column){"recent", "ns", view_name[view], MP_SUM});
		if (x->since < 0)
			return -1;
	}
	x->value = calloc(x->p->columns, sizeof(*x->value));
	return x->value ? 0 : mp_profile_fail(x->p, "out of memory");
}

static int add(struct rows *x, struct mp_ids *ids)
{
	if (x->map->to->failed)
		return mp_profile_fail(x->p, "out of memory");
	mp_ids_keep(ids, x->r->q.keep);
	return mp_add_ids(x->p, ids, x->value);
}

static void label_process(struct rows *x, struct mp_ids *ids, uint32_t process)
{
	const struct mp_process *p = &x->r->tree->process.x[process];

	if (process > x->r->tree->process.n)
		return;
	ids->process = mp_map_string(x->map, p->name);
	ids->pid = (uint32_t)p->pid;
}

static void label_thread(struct rows *x, struct mp_ids *ids, uint32_t thread)
{
	const struct mp_thread *t = &x->r->tree->thread.x[thread];

	if (thread > x->r->tree->thread.n)
		return;
	ids->thread = mp_map_string(x->map, t->name);
	ids->tid = (uint32_t)t->tid;
}

static int add_cell(struct rows *x, uint32_t cell, int64_t count)
{
	const struct cell *c = &x->r->cell[cell];
	const struct mp_site *s = &x->r->tree->site.x[c->site];
	struct mp_ids ids = {.node = mp_map_node(x->map, s->node), .kind = s->kind};

	if (!count || !cell)
		return 0;
	if (s->size > INT64_MAX ||
		__builtin_mul_overflow(count, (int64_t)mp_site_bytes(s), &x->value[x->column[0]]) ||
		__builtin_mul_overflow(count, (int64_t)mp_site_weight(s), &x->value[x->column[1]]))
		return mp_profile_fail(x->p, "the bytes of a site are over 63 bits");
	ids.type = mp_map_string(x->map, s->type);
	label_process(x, &ids, s->process);
	label_thread(x, &ids, c->thread & ~CELL_BASE);
	return add(x, &ids);
}

static int add_lost(struct rows *x, uint64_t bytes, uint64_t blocks)
{
	struct mp_frame f = {.func = "[lost]",
		.file = "",
		.module = "",
		.build_id = "",
		.flags = MP_FRAME_NOTE};
	struct mp_ids ids = {0};

	if (!bytes && !blocks)
		return 0;
	ids.node = mp_push(x->p->tree, 0, &f);
	x->value[x->column[0]] = (int64_t)bytes;
	x->value[x->column[1]] = (int64_t)blocks;
	return add(x, &ids);
}

/* After damage, more may have been freed than is known to have been made. */
static int64_t number(const struct replay *r, uint32_t count)
{
	return r->was_damaged ? (int32_t)count : (int64_t)count;
}

static int live_rows(struct rows *x)
{
	struct replay *r = x->r;
	int status = 0;

	for (size_t i = 0; !status && i < r->lefts; i++)
		status = add_cell(x, r->left[i].cell, number(r, r->left[i].count));
	for (uint32_t i = 1; !status && i <= r->cells; i++)
		if (!r->done[mp_process_of(r, r->cell[i].site)] &&
			!(r->cell[i].thread & CELL_BASE))
			status = add_cell(x, i, number(r, r->cell[i].live));
	return status ? status : add_lost(x, r->lost.bytes, r->lost.blocks);
}

static int peak_rows(struct rows *x)
{
	struct replay *r = x->r;
	unsigned long peaks = 0;
	char text[24];
	int status = 0;

	if (!r->opened) /* no event in the window: what is live at its start */
		mp_replay_open(r);
	for (uint32_t i = 1; !status && i <= r->cells; i++) {
		const struct cell *c = &r->cell[i];

		status = add_cell(x, i,
			number(r, c->stamp == mp_scope_of(r, c)->epoch ? c->at : c->live));
	}
	if (!status && r->lost.stamp == r->scope->epoch)
		status = add_lost(x, r->lost.at_bytes, r->lost.at_blocks);
	else if (!status)
		status = add_lost(x, r->lost.bytes, r->lost.blocks);
	for (uint32_t i = 1; r->q.each_process && i < r->process_room; i++)
		peaks += r->scope[i].peak > 0;
	if (!status && peaks > 1)
		return mp_profile_set_peaks(x->p, mp_profile_peaks(x->p) + peaks);
	peaks = mp_profile_peaks(x->p) + 1;
	snprintf(text, sizeof(text), "%" PRIu64, r->scope->when);
	if (!status && peaks == 1)
		status = mp_profile_set_meta(x->p, "peak_time", text);
	return status ? status : mp_profile_set_peaks(x->p, peaks);
}

static int count_rows(struct rows *x)
{
	int status = 0;

	for (uint32_t i = 1; !status && i <= x->r->cells; i++)
		status = add_cell(x, i, (int64_t)x->r->cell[i].total);
	return status;
}

static int reach(struct rows *x, size_t rows)
{
	struct mp_recent *recent = x->recent;
	int64_t *time;

	if (!recent || rows <= recent->rows)
		return 0;
	time = reallocarray(recent->time, rows, sizeof(*time));
	if (!time)
		return mp_profile_fail(x->p, "out of memory");
	memset(time + recent->rows, 0, (rows - recent->rows) * sizeof(*time));
	recent->time = time;
	recent->rows = rows;
	return 0;
}

static int sample_rows(struct rows *x)
{
	struct mp_profile *s = x->r->samples;
	int status = add_columns(x, MP_VIEW_SAMPLES) || reach(x, s->rows) ? -1 : 0;

	for (size_t i = 0; !status && i < s->rows; i++) {
		uint32_t thread = s->key[i].tid;
		struct mp_ids ids = {.node = mp_map_node(x->map, s->key[i].node)};

		for (size_t c = 0; c < MP_SAMPLE_COLUMNS; c++)
			x->value[x->column[c]] = s->value[i * MP_SAMPLE_COLUMNS + c];
		if (x->recent) {
			x->value[x->since] = x->value[x->column[TIME]] - x->recent->time[i];
			x->recent->time[i] = x->value[x->column[TIME]];
		}
		label_thread(x, &ids, thread);
		label_process(x, &ids, x->r->tree->thread.x[thread].process);
		status = add(x, &ids);
	}
	return status ? status : mp_profile_union_meta(x->p, "view", "samples");
}

static int allocation_rows(struct rows *x)
{
	enum mp_view view = x->r->view;
	int status = add_columns(x, view);

	if (!status)
		status = view == MP_VIEW_PEAK   ? peak_rows(x)
			 : view == MP_VIEW_LIVE ? live_rows(x)
						: count_rows(x);
	return status ? status : mp_profile_union_meta(x->p, "view", view_name[view]);
}

bool mp_replay_samples_only(const struct replay *r)
{
	return r->view == MP_VIEW_SAMPLES ||
	       (r->q.view == MP_VIEW_DEFAULT && !r->allocations && r->sampled);
}

int mp_replay_rows_since(struct replay *r, struct mp_profile *p, struct mp_tree_map *map,
	struct mp_recent *recent)
{
	struct rows x = {.r = r, .p = p, .map = map, .recent = recent};
	int status;

	if (r->failed)
		return mp_profile_fail(p, "%s",
			r->samples->error[0] ? r->samples->error : "out of memory");
	if (mp_replay_samples_only(r))
		status = sample_rows(&x);
	else
		status = allocation_rows(&x);
	free(x.value);
	return status;
}

int mp_replay_rows(struct replay *r, struct mp_profile *p, struct mp_tree_map *map)
{
	return mp_replay_rows_since(r, p, map, NULL);
}

/* reader_other.c - columns of plain values: samples, series, marks, rows, live
 * blocks.
 * Invariant: every id in a block handed out exists in the tree.
 */
#include "reader.h"

#include "coding.h"

#include <stdlib.h>
#include <string.h>

/* Places in mp_decoded.column; 0 to 2 are scratch of definitions and HEAD. */
enum { AT_OTHER = 4, AT_ROWS = 16, AT_LIVE = 24, AT_GATHERED = 28, AT_VALUES = 32 };

static bool wide(struct mp_reader *r, unsigned at, size_t n)
{
	struct mp_wide *w = &r->d.column[at];

	return mp_room(r, &w->x, &w->room, n, sizeof(*w->x));
}

const char *mp_read_values(struct mp_reader *r, unsigned id, enum mp_coding coding, unsigned at,
		uint32_t expect, const uint64_t **values, uint32_t *n)
{
	int i = mp_column_find(r, id);
	const struct mp_entry *e;
	const char *cause;
	const uint8_t *raw;
	uint64_t *to;
	bool good;

	*values = NULL;
	if (i < 0)
		return NULL;
	e = &r->raw.entry[i];
	if (e->coding != coding || (expect && e->values != expect))
		return "a column has another coding or length than it must";
	raw = mp_column_open(r, (unsigned)i, &cause);
	if (!raw)
		return cause;
	if (!wide(r, at, e->values))
		return "out of memory";
	to = r->d.column[at].x;
	good = coding == MP_CODING_LEB ? mp_leb_decode(raw, e->raw, to, e->values) :
		coding == MP_CODING_DELTA ? mp_delta_decode(raw, e->raw, to, e->values) :
		mp_fixed64_decode(raw, e->raw, to, e->values);
	if (!good)
		return "a column's values do not fit its length";
	*values = to;
	*n = e->values;
	return NULL;
}

const char *mp_read_runs(struct mp_reader *r, unsigned id, uint64_t total, uint64_t scale,
		struct mp_run **run, size_t *room, size_t from, uint32_t *n)
{
	int i = mp_column_find(r, id);
	const struct mp_entry *e;
	const char *cause;
	const uint8_t *raw;
	uint32_t *length;
	uint64_t *value;

	*n = 0;
	if (i < 0)
		return NULL;
	e = &r->raw.entry[i];
	if (e->coding != MP_CODING_RUNS)
		return "a column has another coding than it must";
	raw = mp_column_open(r, (unsigned)i, &cause);
	if (!raw)
		return cause;
	if (!wide(r, 0, e->values) || !wide(r, 1, e->values) ||
	    !mp_room(r, run, room, from + e->values, sizeof(**run)))
		return "out of memory";
	value = r->d.column[0].x;
	length = (uint32_t *)(void *)r->d.column[1].x;
	if (!mp_runs_decode(raw, e->raw, value, length, e->values, total))
		return "runs do not fit the block";
	for (uint32_t k = 0; k < e->values; k++) {
		if (value[k] > UINT64_MAX / scale)
			return "a time is too large";
		(*run)[from + k] = (struct mp_run){ length[k], value[k] * scale };
	}
	*n = e->values;
	return NULL;
}

/* Every value is 0 or the id of an entry. */
static const char *ids(struct mp_reader *r, unsigned def, const uint64_t *value, uint32_t n)
{
	uint64_t most = 0;

	for (uint32_t i = 0; value && i < n; i++)
		most = value[i] > most ? value[i] : most;
	return mp_reach_def(r, def, most) ? NULL : "a record refers to nothing";
}

/* No value has more bits than MOST. */
static const char *narrow(const uint64_t *value, uint32_t n, uint64_t most)
{
	uint64_t any = 0;

	for (uint32_t i = 0; value && i < n; i++)
		any |= value[i];
	return any > most ? "a record's number is too large" : NULL;
}

/* ---- samples, series, marks ---------------------------------------------------------- */

const char *mp_read_other(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	const uint64_t *value = NULL;
	uint64_t tick = mp_reader_tick(r), *time;
	struct { unsigned id; enum mp_coding coding; unsigned def; const uint64_t **to; } col[] = {
		{ MP_COL_S_TIME, MP_CODING_DELTA, 0, &b->s_time },
		{ MP_COL_S_THREAD, MP_CODING_LEB, MP_DEF_THREAD, &b->s_thread },
		{ MP_COL_S_NODE, MP_CODING_DELTA, MP_DEF_NODE, &b->s_node },
		{ MP_COL_S_WEIGHT, MP_CODING_LEB, 0, &b->s_weight },
		{ MP_COL_S_STATE, MP_CODING_LEB, 0, &b->s_state },
		{ MP_COL_S_RSS, MP_CODING_DELTA, 0, &b->s_rss },
		{ MP_COL_S_PROCESS, MP_CODING_LEB, MP_DEF_PROCESS, &b->s_process },
		{ MP_COL_S_NAME, MP_CODING_LEB, MP_DEF_STRING, &b->s_name },
		{ MP_COL_S_VALUE, MP_CODING_DELTA, 0, &value },
	};
	uint32_t n;

	for (unsigned i = 0; i < sizeof(col) / sizeof(*col); i++) {
		const char *cause = mp_read_values(r, col[i].id, col[i].coding, AT_OTHER + i, b->n,
				col[i].to, &n);

		if (!cause && col[i].def)
			cause = ids(r, col[i].def, *col[i].to, b->n);
		if (cause)
			return cause;
	}
	/* sums of them are signed */
	if (narrow(b->s_state, b->n, UINT32_MAX) || narrow(b->s_weight, b->n, INT64_MAX) ||
	    narrow(b->s_rss, b->n, INT64_MAX))
		return "a record's number is too large";
	b->s_value = (const int64_t *)value;
	time = r->d.column[AT_OTHER].x;
	for (uint32_t i = 0; b->s_time && i < b->n; i++) {
		if (time[i] > UINT64_MAX / tick)
			return "a time is too large";
		time[i] *= tick;
	}
	return NULL;
}

/* ---- rows ---------------------------------------------------------------------------- */

const char *mp_read_rows(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	struct { unsigned id; enum mp_coding coding; unsigned def; const uint64_t **to; } col[] = {
		{ MP_COL_R_NODE, MP_CODING_DELTA, MP_DEF_NODE, &b->r_node },
		{ MP_COL_R_PROCESS, MP_CODING_LEB, MP_DEF_STRING, &b->r_process },
		{ MP_COL_R_THREAD, MP_CODING_LEB, MP_DEF_STRING, &b->r_thread },
		{ MP_COL_R_KIND, MP_CODING_LEB, 0, &b->r_kind },
		{ MP_COL_R_TYPE, MP_CODING_LEB, MP_DEF_STRING, &b->r_type },
		{ MP_COL_R_PID, MP_CODING_LEB, 0, &b->r_pid },
		{ MP_COL_R_TID, MP_CODING_LEB, 0, &b->r_tid },
	};
	const char *cause = NULL;
	uint32_t n;

	if (!b->n)
		return NULL;
	b->n_values = r->tree->column.n;
	if (!b->n_values || b->n_values > sizeof(r->d.values) / sizeof(*r->d.values))
		return "rows without columns";
	for (unsigned i = 0; !cause && i < sizeof(col) / sizeof(*col); i++) {
		cause = mp_read_values(r, col[i].id, col[i].coding, AT_ROWS + i, b->n, col[i].to, &n);
		if (!cause)
			cause = col[i].def ? ids(r, col[i].def, *col[i].to, b->n) :
				narrow(*col[i].to, b->n, UINT32_MAX);
	}
	for (uint32_t c = 0; !cause && c < b->n_values; c++) {
		const uint64_t *value;

		cause = mp_read_values(r, MP_COL_R_VALUE + c, MP_CODING_DELTA, AT_VALUES + c, b->n,
				&value, &n);
		if (!cause && !value)
			return "a column of values is missing";
		r->d.values[c] = (const int64_t *)value;
	}
	b->values = r->d.values;
	return cause;
}

/* ---- live blocks ----------------------------------------------------------------------- */

/* Values of one column of live blocks behind the N gathered so far. */
static const char *gather(struct mp_reader *r, unsigned id, enum mp_coding coding, unsigned at,
		uint32_t gathered, uint32_t expect, const uint64_t **all, uint32_t *n)
{
	const uint64_t *value;
	const char *cause;

	*n = 0;
	cause = mp_read_values(r, id, coding, 0, expect, &value, n);
	if (cause)
		return cause;
	if (!wide(r, at, (size_t)gathered + *n + 1))
		return "out of memory";
	if (value)
		memcpy(r->d.column[at].x + gathered, value, *n * sizeof(*value));
	else if (expect)
		return "a column of live blocks is missing";
	*all = r->d.column[at].x;
	return NULL;
}

static const char *read_left(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	uint32_t had = r->n_gathered_left, n, same;
	const char *cause = gather(r, MP_COL_C_LEFT_SITE, MP_CODING_DELTA, AT_GATHERED, had, 0,
			&b->c_left_site, &n);

	if (!cause)
		cause = gather(r, MP_COL_C_LEFT_THREAD, MP_CODING_LEB, AT_GATHERED + 1, had, n,
				&b->c_left_thread, &same);
	if (!cause)
		cause = gather(r, MP_COL_C_LEFT_COUNT, MP_CODING_LEB, AT_GATHERED + 2, had, n,
				&b->c_left_count, &same);
	if (!cause)
		cause = ids(r, MP_DEF_SITE, b->c_left_site + had, n);
	for (uint32_t i = had; !cause && i < had + n; i++)
		if (!b->c_left_site[i])
			cause = "live blocks of no site";
	if (!cause)
		cause = ids(r, MP_DEF_THREAD, b->c_left_thread + had, n);
	if (cause)
		return cause;
	r->n_gathered_left += n;
	had = r->n_gathered_done;
	cause = gather(r, MP_COL_C_DONE, MP_CODING_DELTA, AT_GATHERED + 3, had, 0, &b->c_done, &n);
	if (!cause)
		cause = ids(r, MP_DEF_PROCESS, b->c_done + had, n);
	r->n_gathered_done += n;
	return cause;
}

static const char *read_slots(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	uint32_t had = r->n_gathered, n = r->raw.h.n, same;
	const char *cause = gather(r, MP_COL_C_SLOT, MP_CODING_DELTA, AT_LIVE, had, n, &b->c_slot,
			&same);

	if (!cause)
		cause = gather(r, MP_COL_C_SITE, MP_CODING_LEB, AT_LIVE + 1, had, n, &b->c_site, &same);
	if (!cause)
		cause = ids(r, MP_DEF_SITE, b->c_site + had, n);
	for (uint32_t i = had; !cause && i < had + n; i++) {
		uint64_t before = i ? b->c_slot[i - 1] : 0;

		if (b->c_slot[i] <= before || b->c_slot[i] >= b->slots || !b->c_site[i])
			cause = "live blocks out of order";
	}
	if (!cause)
		cause = mp_read_runs(r, MP_COL_C_THREAD, n, 1, &r->d.c_thread, &r->d.c_thread_room,
				r->n_gathered_runs, &same);
	if (!cause && !same && n) {
		/* all of thread 1 */
		same = 1;
		if (!mp_room(r, &r->d.c_thread, &r->d.c_thread_room, r->n_gathered_runs + 1,
				sizeof(*r->d.c_thread)))
			return "out of memory";
		r->d.c_thread[r->n_gathered_runs] = (struct mp_run){ n, 1 };
	}
	for (uint32_t i = 0; !cause && i < same; i++) {
		uint64_t thread = r->d.c_thread[r->n_gathered_runs + i].value;

		if (thread > 1 && !mp_reach_def(r, MP_DEF_THREAD, thread))
			cause = "a record refers to nothing";
	}
	r->n_gathered += n;
	r->n_gathered_runs += same;
	return cause;
}

/* Which block of its checkpoint this is, UINT64_MAX if that cannot be told. */
static uint64_t chunk(struct mp_reader *r)
{
	const uint64_t *value;
	uint32_t n;

	if (mp_read_values(r, MP_COL_C_CHUNK, MP_CODING_LEB, 0, 1, &value, &n))
		return UINT64_MAX;
	return value ? *value : 0;
}

/* BASE blocks are handed out one by one; the blocks of a checkpoint as one, and
 * only if none is missing: *MORE until the last is there. */
const char *mp_read_live(struct mp_reader *r, bool *more)
{
	struct mp_block *b = &r->block;
	uint64_t number = b->kind == MP_BLOCK_CHECKPOINT ? chunk(r) : 0;
	const char *cause;

	*more = b->kind == MP_BLOCK_CHECKPOINT && b->flags & MP_FLAG_CONTINUED;
	if (!number) {
		r->n_gathered = r->n_gathered_left = r->n_gathered_done = r->n_gathered_runs = 0;
	} else if (number != r->chunks) {
		*more = true;
		return NULL;
	}
	cause = read_slots(r);
	if (!cause)
		cause = read_left(r);
	r->chunks = cause || b->kind == MP_BLOCK_BASE ? 0 : number + 1;
	b->n = r->n_gathered;
	b->n_left = r->n_gathered_left;
	b->n_done = r->n_gathered_done;
	b->c_thread = r->d.c_thread;
	b->n_c_thread = r->n_gathered_runs;
	return cause;
}

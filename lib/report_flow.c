/* report_flow.c - a table's flows, levels and partial replacements as columns, cells
 * summed up to rows.  Their meaning is lib/timeline.h's, their bytes report_encode.c's.
 * Invariant: in a list rows ascend, and births within a row.
 */
#include "report_own.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

enum { FLOWS, FLOW_ROW, FLOW_AGE, FLOW_COUNT, FLOW_BYTES, LEVELS, LEVEL_ROW, LEVEL_COUNT,
	LEVEL_BYTES, PARTIAL_ROW, PARTIAL_BORN, PARTIAL_COUNT, PARTIAL_BYTES };

/* Part of a list: COUNT and BYTES are differences where they are of levels. */
struct entry {
	uint32_t row;
	uint32_t born;
	uint64_t count, bytes;
};

struct lister {
	struct mp_report *r;
	const struct report_run *run;
	const struct report_rows *rows;
	struct report_column *column;
	struct entry *entry, *sorted;
	size_t n, room, sorted_room;
	size_t *head;           /* per row: of the sort */
	struct entry by_birth[256];
};

void mp_column_put(struct report_column *c, uint64_t value)
{
	char *at = mp_buf_room(&c->data, MP_LEB_MAX);

	if (at)
		c->data.n += (size_t)(mp_set_leb((uint8_t *)at, value) - (uint8_t *)at);
	c->n++;
}

static int add(struct lister *x, uint32_t cell, uint32_t born, uint64_t count)
{
	uint64_t size = x->run->tree->site.x[x->run->t->cell[cell].site].size, bytes;
	uint32_t row = x->rows->of_cell[cell];

	if (__builtin_mul_overflow(count, size, &bytes))
		return mp_report_fail(x->r, "the bytes of a site are over 64 bits");
	if (x->n == x->room) {
		size_t room = x->room ? x->room * 2 : 4096;
		struct entry *more = realloc(x->entry, room * sizeof(*more));

		if (!more)
			return mp_report_memory(x->r);
		x->entry = more;
		x->room = room;
	}
	x->entry[x->n++] = (struct entry){ row, born, count, bytes };
	return 0;
}

/* The entries by row; of a row in the order they came. */
static int sort(struct lister *x)
{
	size_t rows = (size_t)x->rows->key.n + 2, sum = 0;

	if (x->n > x->sorted_room) {
		free(x->sorted);
		x->sorted_room = x->room;
		x->sorted = malloc(x->sorted_room * sizeof(*x->sorted));
		if (!x->sorted)
			return mp_report_memory(x->r);
	}
	memset(x->head, 0, rows * sizeof(*x->head));
	for (size_t i = 0; i < x->n; i++)
		x->head[x->entry[i].row]++;
	for (size_t i = 0; i < rows; i++) {
		size_t many = x->head[i];

		x->head[i] = sum;
		sum += many;
	}
	for (size_t i = 0; i < x->n; i++)
		x->sorted[x->head[x->entry[i].row]++] = x->entry[i];
	return 0;
}

/* ---- flows ------------------------------------------------------------------------- */

static void put_flow(struct lister *x, uint32_t step, uint32_t died, const struct entry *e)
{
	uint32_t age = e->born == MP_BORN_BEFORE ? died + 1 : e->born == MP_BORN_LOST ? died + 2
		: died - e->born;

	mp_column_put(&x->column[FLOW_ROW], step);
	mp_column_put(&x->column[FLOW_AGE], age);
	mp_column_put(&x->column[FLOW_COUNT], e->count);
	if (x->rows->size[e->row] == REPORT_MIXED)
		mp_column_put(&x->column[FLOW_BYTES], e->bytes);
}

/* Flows of one row, from sorted[i]; returns the first of the next. */
static size_t put_row(struct lister *x, size_t i, uint32_t last, uint32_t died, uint64_t *n)
{
	uint64_t used[4] = { 0 }; /* births, a bit each */
	uint32_t row = x->sorted[i].row;

	for (; i < x->n && x->sorted[i].row == row; i++) {
		const struct entry *e = &x->sorted[i];
		struct entry *sum = &x->by_birth[e->born];
		uint64_t bit = 1ull << (e->born & 63);

		if (!(used[e->born >> 6] & bit))
			*sum = (struct entry){ .row = row, .born = e->born };
		used[e->born >> 6] |= bit;
		sum->count += e->count;
		sum->bytes += e->bytes;
	}
	for (uint32_t k = 0; k < 4; k++) {
		for (; used[k]; used[k] &= used[k] - 1) {
			uint32_t born = k * 64 + (uint32_t)__builtin_ctzll(used[k]);

			put_flow(x, row - last, died, &x->by_birth[born]);
			last = row;
			++*n;
		}
	}
	return i;
}

static int put_flows(struct lister *x, uint32_t died)
{
	uint64_t n = 0;
	uint32_t last = 0;

	if (sort(x))
		return -1;
	for (size_t i = 0; i < x->n; last = x->sorted[i - 1].row)
		i = put_row(x, i, last, died, &n);
	mp_column_put(&x->column[FLOWS], n);
	x->n = 0;
	return 0;
}

static int flows(struct lister *x)
{
	const struct mp_timeline *t = x->run->t;
	struct mp_cursor at = { 0 };
	uint32_t list = 0;
	struct mp_flow f;

	while (mp_next_flow(t, &at, &f)) {
		uint32_t died = f.died == MP_DIED_NEVER ? t->n : f.died;

		for (; list < died; list++)
			if (put_flows(x, list))
				return -1;
		if (add(x, f.cell, f.born, f.count))
			return -1;
	}
	for (; list <= t->n; list++)
		if (put_flows(x, list))
			return -1;
	return 0;
}

/* ---- levels ------------------------------------------------------------------------ */

static int put_levels(struct lister *x)
{
	uint64_t n = 0, count, bytes;
	uint32_t last = 0;

	if (sort(x))
		return -1;
	for (size_t i = 0; i < x->n;) {
		uint32_t row = x->sorted[i].row;

		for (count = bytes = 0; i < x->n && x->sorted[i].row == row; i++) {
			count += x->sorted[i].count;
			bytes += x->sorted[i].bytes;
		}
		if (!count && !bytes)
			continue;
		mp_column_put(&x->column[LEVEL_ROW], row - last);
		mp_column_put(&x->column[LEVEL_COUNT], mp_zigzag(count));
		if (x->rows->size[row] == REPORT_MIXED)
			mp_column_put(&x->column[LEVEL_BYTES], mp_zigzag(bytes));
		last = row;
		n++;
	}
	mp_column_put(&x->column[LEVELS], n);
	x->n = 0;
	return 0;
}

/* Cell L.cell holds L.count instead of HELD. */
static int add_level(struct lister *x, const struct mp_level *l, uint64_t held)
{
	bool less = l->count < held;

	if (add(x, l->cell, 0, less ? held - l->count : l->count - held))
		return -1;
	if (less) {
		x->entry[x->n - 1].count = 0 - x->entry[x->n - 1].count;
		x->entry[x->n - 1].bytes = 0 - x->entry[x->n - 1].bytes;
	}
	return 0;
}

static int levels(struct lister *x)
{
	const struct mp_timeline *t = x->run->t;
	uint64_t *held = calloc((size_t)t->cells + 1, sizeof(*held));
	struct mp_cursor at = { 0 };
	uint32_t list = 0;
	struct mp_level l;
	int status = held ? 0 : mp_report_memory(x->r);

	while (!status && mp_next_level(t, &at, &l)) {
		for (; list < l.bucket && !status; list++)
			status = put_levels(x);
		status = status ? status : add_level(x, &l, held[l.cell]);
		held[l.cell] = l.count;
	}
	for (; list < t->n && !status; list++)
		status = put_levels(x);
	free(held);
	return status;
}

/* ---- the whole --------------------------------------------------------------------- */

static int partial(struct lister *x)
{
	const struct mp_timeline *t = x->run->t;

	for (size_t i = 0; i < t->n_partial; i++)
		if (add(x, t->partial[i].cell, t->partial[i].bucket, t->partial[i].count))
			return -1;
	if (sort(x))
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		mp_column_put(&x->column[PARTIAL_ROW], x->sorted[i].row);
		mp_column_put(&x->column[PARTIAL_BORN], x->sorted[i].born);
		mp_column_put(&x->column[PARTIAL_COUNT], x->sorted[i].count);
		mp_column_put(&x->column[PARTIAL_BYTES], x->sorted[i].bytes);
	}
	x->n = 0;
	return 0;
}

int mp_report_flows(struct mp_report *r, const struct report_run *run,
	const struct report_rows *rows, struct report_column column[REPORT_FLOW_COLUMNS])
{
	static const char *const name[REPORT_FLOW_COLUMNS] = { "flows", "flow.row", "flow.age",
		"flow.count", "flow.bytes", "levels", "level.row", "level.count", "level.bytes",
		"partial.row", "partial.born", "partial.count", "partial.bytes" };
	struct lister x = { .r = r, .run = run, .rows = rows, .column = column };
	int status;

	for (int i = 0; i < REPORT_FLOW_COLUMNS; i++)
		column[i] = (struct report_column){ .name = name[i] };
	x.head = malloc(((size_t)rows->key.n + 2) * sizeof(*x.head));
	status = !x.head                                  ? mp_report_memory(r)
		 : flows(&x) || levels(&x) || partial(&x) ? -1
							  : 0;
	free(x.head);
	free(x.entry);
	free(x.sorted);
	return status;
}

/* encode_other.c - samples and series, which wait for the next block, and marks,
 * which do not.
 * Invariant: the records of one block are in the order they came.
 */
#include "binary.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000000, SERIES_ENOUGH = 256 };

/* Room for MP_BLOCK_MAX records, in one piece. */
static bool ready(struct mp_writer *w, struct mp_other *o)
{
	uint64_t **column[] = { &o->time, &o->thread, &o->process, &o->node, &o->weight,
		&o->state, &o->rss, &o->name, &o->value };
	size_t columns = sizeof(column) / sizeof(*column);

	if (o->time)
		return true;
	o->time = calloc(columns * MP_BLOCK_MAX, sizeof(*o->time));
	if (!o->time) {
		mp_writer_fail(w, "%s: out of memory", w->out.name);
		return false;
	}
	for (size_t i = 1; i < columns; i++)
		*column[i] = o->time + i * MP_BLOCK_MAX;
	return true;
}

static void add(struct mp_block_out *b, unsigned id, enum mp_coding coding,
		const uint64_t *value, uint32_t n)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < n; i++)
		any |= value[i];
	if (any || id == MP_COL_S_TIME)
		mp_column_values(b, id, coding, value, n);
}

static int flush(struct mp_writer *w, struct mp_other *o, enum mp_block_kind kind)
{
	struct mp_block_out *b = &mp_binary(w)->out;
	struct mp_header h;

	if (!o->n)
		return 0;
	if (mp_emit_defs(w, kind))
		return -1;
	add(b, MP_COL_S_TIME, MP_CODING_DELTA, o->time, o->n);
	add(b, MP_COL_S_THREAD, MP_CODING_LEB, o->thread, o->n);
	add(b, MP_COL_S_NODE, MP_CODING_DELTA, o->node, o->n);
	add(b, MP_COL_S_WEIGHT, MP_CODING_LEB, o->weight, o->n);
	add(b, MP_COL_S_STATE, MP_CODING_LEB, o->state, o->n);
	add(b, MP_COL_S_RSS, MP_CODING_DELTA, o->rss, o->n);
	add(b, MP_COL_S_PROCESS, MP_CODING_LEB, o->process, o->n);
	add(b, MP_COL_S_NAME, MP_CODING_LEB, o->name, o->n);
	add(b, MP_COL_S_VALUE, MP_CODING_DELTA, o->value, o->n);
	h = mp_plain_header(w, kind, o->n);
	h.first_time = o->time[0] * mp_binary(w)->enc.tick;
	h.last_time = o->time[o->n - 1] * mp_binary(w)->enc.tick;
	if (mp_binary(w)->late)
		h.flags = MP_FLAG_LATE;
	o->n = 0;
	return mp_emit(w, &h);
}

/* The next record's place; NULL on failure. */
static struct mp_other *place(struct mp_writer *w, struct mp_other *o, enum mp_block_kind kind,
		uint64_t time)
{
	uint64_t tick = mp_binary(w)->enc.tick;

	if (mp_writer_error(w) || !ready(w, o))
		return NULL;
	if (o->n && (o->n == MP_BLOCK_MAX || time > o->time[0] * tick + SECOND) &&
	    flush(w, o, kind))
		return NULL;
	o->thread[o->n] = o->process[o->n] = o->node[o->n] = o->weight[o->n] = o->state[o->n] = 0;
	o->rss[o->n] = o->name[o->n] = o->value[o->n] = 0;
	/* in order, also from one block to the next */
	if (time / tick > o->last)
		o->last = time / tick;
	o->time[o->n] = o->last;
	return o;
}

void mp_put_sample(struct mp_writer *w, const struct mp_event *e, uint32_t thread,
		uint32_t process, uint32_t node)
{
	struct mp_other *o = place(w, &mp_binary(w)->samples, MP_BLOCK_SAMPLES, e->time);

	if (!o)
		return;
	o->thread[o->n] = thread;
	o->process[o->n] = process;
	o->node[o->n] = node;
	o->weight[o->n] = e->weight;
	o->state[o->n] = e->state;
	o->rss[o->n++] = e->rss;
}

void mp_enc_sample(struct mp_writer *w, const struct mp_event *e)
{
	if (w->ops == &mp_binary_ops && w->kind == MP_TRACE && !mp_writer_error(w))
		mp_put_sample(w, e, e->thread, e->process, e->node);
}

void mp_enc_series(struct mp_writer *w, uint64_t time, uint32_t process, uint32_t metric,
		int64_t value)
{
	struct mp_other *o;

	if (w->ops != &mp_binary_ops || w->kind != MP_TRACE || mp_writer_error(w))
		return;
	o = place(w, &mp_binary(w)->series, MP_BLOCK_SERIES, time);
	if (!o)
		return;
	o->process[o->n] = process;
	o->name[o->n] = metric;
	o->value[o->n++] = (uint64_t)value;
}

void mp_enc_mark(struct mp_writer *w, uint64_t time, uint32_t thread, uint32_t process,
		uint32_t name, int64_t value)
{
	struct mp_other *o;
	struct mp_enc *e;

	if (w->ops != &mp_binary_ops || w->kind != MP_TRACE || mp_writer_error(w))
		return;
	e = &mp_binary(w)->enc;
	if (time > e->last_time) {
		e->last_time = time;
		e->last_tick = time / e->tick;
	}
	if (mp_flush_base(w) || mp_enc_close(w, false))
		return;
	o = place(w, &mp_binary(w)->marks, MP_BLOCK_MARKS, e->last_time);
	if (!o)
		return;
	o->thread[0] = thread;
	o->process[0] = process;
	o->name[0] = name;
	o->value[0] = (uint64_t)value;
	o->n = 1;
	flush(w, o, MP_BLOCK_MARKS);
	if (process && strcmp(mp_str(w->tree, name), MP_FINALIZE) == 0)
		mp_enc_finalize(w, process);
}

int mp_flush_other(struct mp_writer *w, bool all)
{
	struct mp_binary *b = mp_binary(w);
	struct mp_other *o = &b->series;

	if (o->n && (all || o->n >= SERIES_ENOUGH ||
		    b->enc.last_time > o->time[0] * b->enc.tick + SECOND) &&
	    flush(w, o, MP_BLOCK_SERIES))
		return -1;
	return all ? flush(w, &b->samples, MP_BLOCK_SAMPLES) : 0;
}

void mp_free_other(struct mp_binary *b)
{
	free(b->samples.time);
	free(b->series.time);
	free(b->marks.time);
}

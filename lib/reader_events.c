/* reader_events.c - a block of events, from its columns and the tree.
 * Invariant: what struct mp_block promises of them is checked here and in
 * reader_columns.c, so that no view has to.
 */
#include "reader.h"

#include <string.h>

/* Pairs (position delta, value); positions at most LAST. */
static const char *read_pairs(struct mp_reader *r, unsigned id, unsigned at, uint32_t last,
		const struct mp_pair **pairs, uint32_t *n)
{
	const uint64_t *value;
	uint32_t numbers = 0;
	uint64_t position = 0;
	const char *cause = mp_read_values(r, id, MP_CODING_LEB, 0, 0, &value, &numbers);
	struct mp_pair *pair;

	*n = 0;
	*pairs = NULL;
	if (cause || !value)
		return cause;
	if (numbers % 2)
		return "pairs are cut";
	if (!mp_room(r, &r->d.pairs[at], &r->d.pairs_room[at], numbers / 2, sizeof(*pair)))
		return "out of memory";
	pair = r->d.pairs[at];
	for (uint32_t i = 0; i < numbers / 2; i++) {
		if (value[2 * i] > last - position)
			return "a position is outside the block";
		position += value[2 * i];
		pair[i] = (struct mp_pair){ (uint32_t)position, value[2 * i + 1] };
	}
	*pairs = pair;
	*n = numbers / 2;
	return NULL;
}

/* ---- sites and frees ------------------------------------------------------------- */

/* Mark what the end of processes ends, and count it; false when memory is out. */
static bool mark_ended(struct mp_reader *r, uint8_t *gone, uint32_t *count)
{
	const struct mp_block *b = &r->block;
	uint32_t processes = r->tree->process.n + 1, at = 0, index = 0;

	*count = 0;
	if (!b->n_procend)
		return true;
	if (!mp_room(r, &r->d.ended, &r->d.ended_room, processes, sizeof(*r->d.ended)))
		return false;
	memset(r->d.ended, 0, processes * sizeof(*r->d.ended));
	/* per process: how many allocations come before its last end */
	for (uint32_t i = 0; i < b->n_procend; i++) {
		for (; at < b->procend[i].position; at++)
			index += !(b->op[at / 8] >> at % 8 & 1);
		r->d.ended[b->procend[i].value] = index;
	}
	for (uint32_t a = 0; a < b->n_alloc; a++) {
		if (a >= r->d.ended[r->tree->site.x[b->sites[b->site[a]]].process])
			continue;
		*count += !gone[a];
		gone[a] = 1;
	}
	return true;
}

/* What lives on has slots. */
static const char *check_slots(struct mp_reader *r, struct mp_unpacked *u)
{
	const struct mp_block *b = &r->block;
	uint32_t from_old = 0, ended, live;

	if (!mark_ended(r, u->gone, &ended))
		return mp_no_memory;
	live = b->n_alloc - u->inside - ended;
	for (uint32_t i = 0; i < b->n_old; i++)
		from_old += b->old[i] != 0;
	if (b->n_new != (live > from_old ? live - from_old : 0))
		return "allocations and slots do not fit";
	return NULL;
}

/* The columns that were decoded by themselves, and what the tree says to them. */
static const char *take_unpacked(struct mp_reader *r, struct mp_unpacked *u, unsigned want)
{
	struct mp_block *b = &r->block;
	const char *cause = u->op_cause;

	if (want & (MP_WANT_OP | MP_WANT_FREES))
		b->op = u->op;
	if (!cause && (want & MP_WANT_SITE || (want & MP_WANT_FREES && b->n_procend))) {
		b->n_sites = mp_raw_values(&r->raw, MP_COL_SITES);
		b->site = u->site;
		b->sites = u->sites;
		cause = u->sites_cause;
		if (!cause && !mp_reach_def(r, MP_DEF_SITE, u->last_site))
			cause = mp_no_site;
	}
	if (!cause && want & MP_WANT_FREES) {
		b->n_old = mp_raw_values(&r->raw, MP_COL_OLD);
		b->n_new = mp_raw_values(&r->raw, MP_COL_NEW);
		b->old = u->old;
		b->new_ = u->new_;
		b->back = u->back;
		b->gone = u->gone;
		cause = u->frees_cause ? u->frees_cause : check_slots(r, u);
	}
	if (cause == mp_no_memory)
		mp_reader_fail(r, "%s: out of memory", r->name);
	return cause;
}

/* ---- the rest -------------------------------------------------------------------- */

static const char *read_sparse(struct mp_reader *r, unsigned want)
{
	struct mp_block *b = &r->block;
	const char *cause = read_pairs(r, MP_COL_PROCEND, 0, b->n, &b->procend, &b->n_procend);

	for (uint32_t i = 0; !cause && i < b->n_procend; i++)
		if (!b->procend[i].value || !mp_reach_def(r, MP_DEF_PROCESS, b->procend[i].value))
			cause = "the end of no process";
	if (!cause && want & MP_WANT_OUTSIDE)
		cause = read_pairs(r, MP_COL_OUTSIDE, 1, b->n - (b->n > 0), &b->outside, &b->n_outside);
	for (uint32_t i = 0; !cause && i < b->n_outside; i++)
		if (!b->outside[i].value || !mp_reach_def(r, MP_DEF_SITE, b->outside[i].value))
			cause = "a free refers to no site";
	if (!cause && want & MP_WANT_REPLACE)
		cause = read_pairs(r, MP_COL_REPLACE, 2, b->n - (b->n > 0), &b->replace, &b->n_replace);
	return cause;
}

static const char *read_threads(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	const char *cause = mp_read_runs(r, MP_COL_THREAD, b->n, 1, &r->d.thread,
			&r->d.thread_room, 0, &b->n_thread);
	uint64_t most = 1;

	for (uint32_t i = 0; !cause && i < b->n_thread; i++)
		most = r->d.thread[i].value > most ? r->d.thread[i].value : most;
	if (!cause && most > 1 && !mp_reach_def(r, MP_DEF_THREAD, most))
		cause = "an event of no thread";
	b->thread = r->d.thread;
	return cause;
}

static const char *read_times(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	uint64_t tick = r->tick ? r->tick : 1;
	const char *cause = mp_read_runs(r, MP_COL_TIME, b->n, tick, &r->d.time, &r->d.time_room,
			0, &b->n_time);

	b->time = r->d.time;
	if (!cause && b->n && !b->n_time)
		cause = "a block without times";
	if (!cause && !r->tick && b->n && r->d.time[b->n_time - 1].value)
		/* HEAD is lost: the header's time tells how long a tick is */
		r->tick = b->last_time / r->d.time[b->n_time - 1].value;
	return cause;
}

const char *mp_read_events(struct mp_reader *r, unsigned want)
{
	struct mp_block *b = &r->block;
	struct mp_unpacked *u = mp_fetched(r, want);
	const char *cause;

	b->n_alloc = mp_raw_values(&r->raw, MP_COL_SITE);
	b->n_free = mp_raw_values(&r->raw, MP_COL_BACK);
	if ((uint64_t)b->n_alloc + b->n_free != b->n)
		return "events do not add up";
	cause = read_sparse(r, want);
	if (!cause && !u) {
		u = &r->unpacked;
		mp_unpacked_read(u, &r->unpack, &r->raw, want);
	}
	if (!cause)
		cause = take_unpacked(r, u, want);
	if (!cause && want & MP_WANT_THREAD)
		cause = read_threads(r);
	if (!cause && want & MP_WANT_TIME)
		cause = read_times(r);
	return cause;
}

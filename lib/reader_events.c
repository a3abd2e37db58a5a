/* reader_events.c - the columns of a block of events.
 * Invariant: what struct mp_block promises of them is checked here, so that no
 * view has to.
 */
#include "reader.h"

#include "bytes.h"
#include "coding.h"

#include <string.h>

/* ---- events: single columns -------------------------------------------------------- */

/* Place of a column of the given coding; -1 absent, -2 *CAUSE. */
static int find(struct mp_reader *r, unsigned id, enum mp_coding coding, const char **cause)
{
	int i = mp_column_find(r, id);

	*cause = NULL;
	if (i >= 0 && r->raw.entry[i].coding != coding) {
		*cause = "a column has another coding than it must";
		return -2;
	}
	return i;
}

static uint32_t values(const struct mp_reader *r, unsigned id)
{
	int i = mp_column_find(r, id);

	return i < 0 ? 0 : r->raw.entry[i].values;
}

static const char *read_op(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	size_t size = MP_BITMAP_ROOM(b->n);
	const char *cause;
	int i = find(r, MP_COL_OP, MP_CODING_BITMAP, &cause);
	const uint8_t *raw;
	uint32_t ones;

	if (!mp_room(r, &r->d.op, &r->d.op_room, size + 8, 1))
		return "out of memory";
	memset(r->d.op + size, 0, 8);
	b->op = r->d.op;
	if (!b->n)
		return NULL;
	if (i < 0)
		return cause ? cause : "a block without operations";
	raw = mp_column_open(r, (unsigned)i, &cause);
	if (!raw)
		return cause;
	if (r->raw.entry[i].values != b->n ||
	    !mp_bitmap_check(raw, r->raw.entry[i].raw, b->n, &ones) || ones != b->n_free)
		return "operations do not fit the block";
	memcpy(r->d.op, raw, size);
	return NULL;
}

static const char *read_escape(struct mp_reader *r, unsigned id, uint16_t **to, size_t *room,
		uint16_t *largest)
{
	const char *cause;
	int i = find(r, id, MP_CODING_ESCAPE, &cause);
	uint32_t n = values(r, id);
	const uint8_t *raw;

	*largest = 0;
	if (cause)
		return cause;
	/* the column first: only then can its number of values be believed */
	raw = i < 0 ? NULL : mp_column_open(r, (unsigned)i, &cause);
	if (i >= 0 && !raw)
		return cause;
	if (!mp_room(r, to, room, (size_t)n + MP_ESCAPE_SLACK, sizeof(**to)))
		return "out of memory";
	if (!raw)
		return NULL;
	return mp_escape_decode(raw, r->raw.entry[i].raw, *to, n, largest) ? NULL :
		"a column's values do not fit its length";
}

static const char *read_delta32(struct mp_reader *r, unsigned id, uint32_t **to, size_t *room,
		uint32_t *smallest, uint32_t *largest)
{
	const char *cause;
	int i = find(r, id, MP_CODING_DELTA, &cause);
	uint32_t n = values(r, id);
	const uint8_t *raw;

	*smallest = *largest = 0;
	if (cause)
		return cause;
	/* the column first: only then can its number of values be believed */
	raw = i < 0 ? NULL : mp_column_open(r, (unsigned)i, &cause);
	if (i >= 0 && !raw)
		return cause;
	if (!mp_room(r, to, room, (size_t)n + 1, sizeof(**to)))
		return "out of memory";
	if (!raw)
		return NULL;
	return mp_delta32_decode(raw, r->raw.entry[i].raw, *to, n, smallest, largest) ? NULL :
		"a column's values do not fit its length";
}

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

/* ---- events: sites and frees --------------------------------------------------------- */

static const char *read_sites(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	uint32_t low, high;
	uint16_t largest;
	const char *cause = read_escape(r, MP_COL_SITE, &r->d.site, &r->d.site_room, &largest);

	if (!cause)
		cause = read_delta32(r, MP_COL_SITES, &r->d.sites, &r->d.sites_room, &low, &high);
	if (cause)
		return cause;
	b->n_sites = values(r, MP_COL_SITES);
	b->site = r->d.site;
	b->sites = r->d.sites;
	if ((b->n_alloc && largest >= b->n_sites) || (b->n_sites && !low) ||
	    !mp_reach_def(r, MP_DEF_SITE, high))
		return "an allocation refers to no site";
	return NULL;
}

/* Mark what frees end; false if one of them names nothing or the same twice. */
static bool mark_freed(const struct mp_block *b, uint8_t *gone, uint32_t *inside)
{
	uint32_t f = 0, bad = 0, in = 0;

	for (uint32_t w = 0; w < b->n; w += 64) {
		uint64_t m;

		memcpy(&m, b->op + w / 8, 8);
		for (; m; m &= m - 1, f++) {
			/* allocations before this free, and which of them it ends */
			uint32_t before = w + (uint32_t)__builtin_ctzll(m) - f;
			uint32_t back = b->back[f], it = before - back;

			if (!back)
				continue;
			if (back > before)
				return false;
			bad |= gone[it];
			gone[it] = 1;
			in++;
		}
	}
	*inside = in;
	return !bad;
}

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

/* Slots: freed ones, and those of what lives on. */
static const char *read_slots(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	uint32_t low, high;
	const char *cause = read_delta32(r, MP_COL_OLD, &r->d.old, &r->d.old_room, &low, &high);

	if (!cause && high >= b->slots)
		cause = "a slot is out of range";
	if (!cause)
		cause = read_delta32(r, MP_COL_NEW, &r->d.new_, &r->d.new_room, &low, &high);
	b->n_old = values(r, MP_COL_OLD);
	b->n_new = values(r, MP_COL_NEW);
	b->old = r->d.old;
	b->new_ = r->d.new_;
	if (!cause && (high >= b->slots || (b->n_new && !low)))
		cause = "a slot is out of range";
	return cause;
}

static const char *read_frees(struct mp_reader *r)
{
	struct mp_block *b = &r->block;
	uint32_t inside = 0, from_old = 0, ended, live;
	uint16_t largest;
	const char *cause = read_escape(r, MP_COL_BACK, &r->d.back, &r->d.back_room, &largest);

	if (!cause)
		cause = read_slots(r);
	if (!cause && !mp_room(r, &r->d.gone, &r->d.gone_room, (size_t)b->n_alloc + 8, 1))
		cause = "out of memory";
	if (cause)
		return cause;
	b->back = r->d.back;
	b->gone = r->d.gone;
	memset(r->d.gone, 0, b->n_alloc);
	memset(r->d.gone + b->n_alloc, 1, 8);
	if (!mark_freed(b, r->d.gone, &inside))
		return "a free ends no allocation";
	if (b->n_old != b->n_free - inside)
		return "frees and slots do not fit";
	if (!mark_ended(r, r->d.gone, &ended))
		return "out of memory";
	live = b->n_alloc - inside - ended;
	for (uint32_t i = 0; i < b->n_old; i++)
		from_old += b->old[i] != 0;
	if (b->n_new != (live > from_old ? live - from_old : 0))
		return "allocations and slots do not fit";
	return NULL;
}

/* ---- events: the rest -------------------------------------------------------------- */

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
	const char *cause;

	b->n_alloc = values(r, MP_COL_SITE);
	b->n_free = values(r, MP_COL_BACK);
	if ((uint64_t)b->n_alloc + b->n_free != b->n)
		return "events do not add up";
	cause = read_sparse(r, want);
	if (!cause && want & (MP_WANT_OP | MP_WANT_FREES))
		cause = read_op(r);
	if (!cause && (want & MP_WANT_SITE || (want & MP_WANT_FREES && b->n_procend)))
		cause = read_sites(r);
	if (!cause && want & MP_WANT_FREES)
		cause = read_frees(r);
	if (!cause && want & MP_WANT_THREAD)
		cause = read_threads(r);
	if (!cause && want & MP_WANT_TIME)
		cause = read_times(r);
	return cause;
}

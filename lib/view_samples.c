/* view_samples.c - CPU samples added up by stack and thread, with what the resident
 * set was and how it grew.
 *
 * Growth: the change of a process's resident set from the sample before it to this
 * one, whatever that one showed.  Threads read in one moment share it alike, and what
 * does not divide goes to the first of them.  Invariant: growth of all samples,
 * idle ones included, is a process's last resident set less its first.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

static uint32_t thread_of(const struct replay *r, const struct mp_block *b, uint32_t i)
{
	uint64_t thread = b->s_thread ? b->s_thread[i] : 0;

	return thread <= r->tree->thread.n ? (uint32_t)thread : 0;
}

static struct growth *growth_of(struct replay *r, const struct mp_block *b, uint32_t i)
{
	uint32_t process = r->tree->thread.x[thread_of(r, b, i)].process;

	return &r->growth[process < r->growth_room ? process : 0];
}

static bool reach(struct replay *r)
{
	size_t n = (size_t)r->tree->process.n + 1;
	struct growth *growth;

	if (n <= r->growth_room)
		return true;
	growth = realloc(r->growth, n * sizeof(*growth));
	if (!growth)
		return false;
	memset(growth + r->growth_room, 0, (n - r->growth_room) * sizeof(*growth));
	r->growth = growth;
	r->growth_room = n;
	return true;
}

static int64_t number(const uint64_t *column, uint32_t i)
{
	return column ? (int64_t)(column[i] & INT64_MAX) : 0;
}

/* Whether sample I is one the query counts. */
static bool counts(const struct replay *r, const struct mp_block *b, uint32_t i)
{
	return mp_window_at(&r->w, b->s_time ? b->s_time[i] : 0) == MP_WITHIN &&
	       (!b->s_state || !(b->s_state[i] & MP_STATE_IDLE) || r->q.idle);
}

/* Samples [FROM,TO) are of one moment: what each process has to share among how many. */
static void moment(struct replay *r, const struct mp_block *b, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct growth *g = growth_of(r, b, i);

		g->n = 0;
		g->given = 0;
		g->delta = 0;
	}
	for (uint32_t i = from; i < to; i++) {
		struct growth *g = growth_of(r, b, i);
		int64_t rss = number(b->s_rss, i);

		g->n += counts(r, b, i);
		if (!rss) /* not known */
			continue;
		g->delta += g->rss ? rss - g->rss : 0;
		g->rss = rss;
	}
}

static int64_t share(struct growth *g)
{
	int64_t rest = g->delta % (int64_t)g->n;

	return g->delta / (int64_t)g->n + (g->given++ ? 0 : rest);
}

static int add(struct replay *r, const struct mp_block *b, uint32_t i)
{
	struct mp_ids ids = {
		.node = b->s_node[i] <= r->tree->node.n ? (uint32_t)b->s_node[i] : 0,
		.tid = thread_of(r, b, i),
	};
	int64_t rss = number(b->s_rss, i);
	int64_t value[MP_SAMPLE_COLUMNS] = {
		1, number(b->s_weight, i), rss, rss, share(growth_of(r, b, i))};

	return mp_add_ids(r->samples, &ids, value);
}

void mp_replay_samples(struct replay *r, const struct mp_block *b)
{
	uint32_t to;

	if (!b->s_node)
		return;
	r->sampled |= b->n > 0;
	if (!reach(r)) {
		r->failed = true;
		return;
	}
	for (uint32_t from = 0; from < b->n; from = to) {
		for (to = from + 1; to < b->n && b->s_time && b->s_time[to] == b->s_time[from];)
			to++;
		moment(r, b, from, to);
		for (uint32_t i = from; i < to; i++)
			if (counts(r, b, i) && add(r, b, i)) {
				r->failed = true;
				return;
			}
	}
}

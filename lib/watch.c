/* watch.c - a trace between two of its blocks: its rows so far, how many threads and
 * how much memory.
 * Invariant: nothing here changes the replay, so a stream that was watched ends with
 * the rows of one that was not.
 */
#include "follow.h"

#include "io.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

/* Room for I in an array of *N; new entries are zero.  False when memory is out. */
static bool reach(struct mp_watch *w, void *array, size_t *n, size_t i, size_t size)
{
	size_t room = *n ? *n : 16;
	char *old, *more;

	if (i < *n)
		return true;
	while (room <= i)
		room *= 2;
	memcpy(&old, array, sizeof(old));
	more = reallocarray(old, room, size);
	if (!more) {
		w->failed = true;
		return false;
	}
	memset(more + *n * size, 0, (room - *n) * size);
	memcpy(array, &more, sizeof(more));
	*n = room;
	return true;
}

/* NULL: not one of the trace, or memory is out. */
static struct mp_watch_process *process(struct mp_watch *w, uint64_t id)
{
	if (id > w->replay->tree->process.n ||
	    !reach(w, &w->process, &w->processes, (size_t)id, sizeof(*w->process)))
		return NULL;
	return &w->process[id];
}

static void resident(struct mp_watch *w, uint64_t id, int64_t rss, uint32_t round)
{
	struct mp_watch_process *p = process(w, id);

	if (p && !p->ended) {
		p->rss = rss;
		p->round = round;
	}
}

/* ---- what comes ------------------------------------------------------------------- */

static void sample(struct mp_watch *w, const struct mp_block *b, uint32_t i)
{
	const struct mp_tree *t = w->replay->tree;
	uint64_t state = b->s_state ? b->s_state[i] : 0;
	uint64_t thread = b->s_thread ? b->s_thread[i] : 0;
	uint64_t weight = b->s_weight ? b->s_weight[i] : 0;

	w->last = w->round;
	if (thread > t->thread.n ||
	    !reach(w, &w->thread, &w->threads, (size_t)thread, sizeof(*w->thread)))
		return;
	w->thread[thread].sampled = w->round;
	if (b->s_rss && b->s_rss[i])
		resident(w, t->thread.x[thread].process, (int64_t)(b->s_rss[i] & INT64_MAX),
			w->round);
	if (state & MP_STATE_IDLE)
		return;
	w->thread[thread].ran = w->round;
	w->sum.samples++;
	w->sum.running += weight;
	w->sum.locked += state & MP_STATE_LOCK ? weight : 0;
}

static void series(struct mp_watch *w, const struct mp_block *b)
{
	const struct mp_tree *t = w->replay->tree;

	for (uint32_t i = 0; b->s_name && b->s_value && i < b->n; i++)
		if (b->s_name[i] <= t->string.n &&
		    strcmp(mp_str(t, (uint32_t)b->s_name[i]), "rss") == 0)
			resident(w, b->s_process ? b->s_process[i] : 0, b->s_value[i], 0);
}

static void events(struct mp_watch *w, const struct mp_block *b)
{
	const struct mp_tree *t = w->replay->tree;

	w->sum.allocations += b->n_alloc;
	for (uint32_t i = 0; b->interval && b->site && b->sites && i < b->n_alloc; i++)
		w->sum.allocations += mp_site_weight(&t->site.x[b->sites[b->site[i]]]) - 1;
	for (uint32_t i = 0; b->procend && i < b->n_procend; i++) {
		struct mp_watch_process *p = process(w, b->procend[i].value);

		if (p)
			*p = (struct mp_watch_process){ .ended = true };
	}
}

void mp_watch_begin(struct mp_watch *w, struct mp_reader *r, struct replay *v,
	struct mp_profile *parts)
{
	w->complete = false;
	w->reader = r;
	w->replay = v;
	w->parts = parts;
	w->before = w->sum.time;
	w->recent.rows = 0;
	if (w->thread)
		memset(w->thread, 0, w->threads * sizeof(*w->thread));
	if (w->process)
		memset(w->process, 0, w->processes * sizeof(*w->process));
}

void mp_watch_block(struct mp_watch *w, const struct mp_block *b)
{
	uint64_t time;

	if (__builtin_add_overflow(w->before, b->last_time, &time))
		time = UINT64_MAX;
	if (time > w->sum.time)
		w->sum.time = time;
	for (uint32_t i = 0; b->kind == MP_BLOCK_SAMPLES && b->s_node && i < b->n; i++)
		sample(w, b, i);
	if (b->kind == MP_BLOCK_SERIES)
		series(w, b);
	else if (b->kind == MP_BLOCK_EVENTS)
		events(w, b);
}

void mp_watch_end(struct mp_watch *w, const struct mp_reader *r)
{
	size_t sampled, ran;

	mp_watch_threads(w, &w->known, &sampled, &ran);
	w->complete = mp_part_complete(r);
	w->reader = NULL;
	w->replay = NULL;
	mp_tree_map_free(&w->map);
}

void mp_watch_free(struct mp_watch *w)
{
	mp_tree_map_free(&w->map);
	mp_profile_free(w->rows);
	free(w->recent.time);
	free(w->thread);
	free(w->process);
	w->rows = NULL;
	w->recent = (struct mp_recent){ NULL, 0 };
	w->thread = NULL;
	w->process = NULL;
	w->threads = w->processes = 0;
}

/* ---- what can be said ---------------------------------------------------------------- */

/* Not in the middle of a checkpoint, not before the window of a peak has begun (asking
 * for the rows would open it), and not where the end will be an error. */
static bool whole(const struct mp_watch *w)
{
	const struct replay *v = w->replay;

	return v && v->opened && !v->in_checkpoint &&
	       !(v->view == MP_VIEW_TEMPORARY && !v->q.temporary_ns &&
			mp_part_loss(w->reader).sample_interval);
}

/* No rows, and the same tree: a node that was interned once need not be again. */
static void empty(struct mp_profile *p)
{
	for (size_t i = 0; i < p->n_meta; i++) {
		free(p->meta[i].key);
		free(p->meta[i].value);
	}
	for (size_t i = 0; i < p->columns; i++)
		p->total[i] = 0;
	p->n_meta = p->rows = 0;
	p->loss = (struct mp_loss){ 0 };
	p->error[0] = '\0';
	free(p->slot);
	p->slot = NULL;
}

/* A profile whose first column is that of the rows to come. */
static bool prepare(struct mp_watch *w)
{
	const char *first = !w->replay ? w->parts->column[0].name :
		mp_replay_samples_only(w->replay) ? "samples" : "bytes";

	if (w->rows && (!w->rows->columns || strcmp(w->rows->column[0].name, first) == 0)) {
		empty(w->rows);
	} else {
		mp_tree_map_free(&w->map);
		mp_profile_free(w->rows);
		w->rows = mp_profile_new(NULL, 0);
	}
	if (w->rows && w->replay && !w->map.to)
		mp_tree_map_init(&w->map, w->rows->tree, w->replay->tree);
	return w->rows != NULL;
}

struct mp_profile *mp_watch_rows(struct mp_watch *w)
{
	bool parts = w->parts && w->parts->columns;

	if (w->replay ? !whole(w) : !parts)
		return NULL;
	if (!prepare(w)) {
		w->failed = true;
		return NULL;
	}
	/* parts are added up, those before this one as they ended */
	if ((parts && mp_merge(w->rows, w->parts, 1)) || !w->replay)
		return w->rows;
	mp_map_late_lines(&w->map);
	mp_replay_rows_since(w->replay, w->rows, &w->map, &w->recent);
	w->rows->loss = mp_loss(w->reader);
	return w->rows;
}

bool mp_watch_live(const struct mp_watch *w, uint64_t *bytes)
{
	if (!whole(w) || w->replay->view != MP_VIEW_PEAK)
		return false;
	*bytes = w->replay->scope->cur;
	return true;
}

int64_t mp_watch_rss(const struct mp_watch *w)
{
	int64_t sum = 0;

	for (size_t i = 0; i < w->processes; i++)
		if ((!w->process[i].round || w->process[i].round == w->last) &&
		    __builtin_add_overflow(sum, w->process[i].rss, &sum))
			return INT64_MAX;
	return sum;
}

void mp_watch_threads(const struct mp_watch *w, size_t *known, size_t *sampled, size_t *ran)
{
	const struct mp_tree *t = w->replay ? w->replay->tree : NULL;

	*known = t ? 0 : w->known;
	*sampled = *ran = 0;
	for (uint32_t i = 1; t && i <= t->thread.n; i++) {
		uint32_t p = t->thread.x[i].process;

		*known += !(p < w->processes && w->process[p].ended);
		if (i >= w->threads || !w->last)
			continue;
		*sampled += w->thread[i].sampled == w->last;
		*ran += w->thread[i].ran == w->last;
	}
}

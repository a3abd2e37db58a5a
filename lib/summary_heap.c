/* summary_heap.c - what was live when the resident set was largest.
 * Readings of it come later in the stream than the events of their time, so what
 * was live is kept for every time of the events until no reading can ask for it.
 * Invariant: a block begins with what its header says is live, so an error made
 * in one block does not outlast it.
 */
#include "summary_own.h"

#include <stdlib.h>
#include <string.h>

enum { MOMENTS = 1 << 16 };     /* kept at most: 2 MiB */

/* ---- what is live, time by time ------------------------------------------------------- */

/* The moments before TIME, but for the last of them, are not asked for any more. */
static void drop_moments(struct mp_summary_own *o, uint64_t time)
{
	size_t n = 0;

	while (n + 1 < o->moments && o->moment[n + 1].time <= time)
		n++;
	if (!n)
		return;
	o->moments -= n;
	memmove(o->moment, o->moment + n, o->moments * sizeof(*o->moment));
}

static bool make_room(struct mp_summary_own *o)
{
	uint64_t last = o->readings ? o->now.time : 0;
	size_t room = o->moment_room ? o->moment_room * 2 : 64;
	struct summary_moment *m;

	drop_moments(o, !o->resolved && o->best.time < last ? o->best.time : last);
	if (o->moments <= o->moment_room / 2 && o->moments < o->moment_room)
		return true;
	if (room > MOMENTS) {   /* no reading comes that late */
		drop_moments(o, o->moment[o->moments / 2].time);
		return true;
	}
	m = realloc(o->moment, room * sizeof(*m));
	if (!m)
		return false;
	o->moment = m;
	o->moment_room = room;
	return true;
}

static int add_moment(struct mp_summary *s, uint64_t time, const int64_t *live)
{
	struct mp_summary_own *o = s->own;
	struct summary_moment *m;

	if (o->moments == o->moment_room && !make_room(o))
		return summary_fail(s, "out of memory");
	m = &o->moment[o->moments];
	if (o->moments && m[-1].time == time)
		m--;
	else
		o->moments++;
	m->time = time;
	memcpy(m->live, live, sizeof(m->live));
	return 0;
}

/* The best reading so far meets what was live at its time. */
static void resolve(struct mp_summary_own *o)
{
	const struct summary_reading *best = &o->best;
	size_t n = o->moments;

	if (o->resolved || !o->readings)
		return;
	while (n && o->moment[n - 1].time > best->time)
		n--;
	o->rss = (struct mp_summary_rss){.time = best->time,
		.processes = best->processes,
		.rss = best->rss,
		.anon = best->anon,
		.file = best->file,
		.shmem = best->shmem,
		.heap = n ? o->moment[n - 1].live[SUMMARY_COUNTED] : -1,
		.arena = n && !o->damaged ? o->moment[n - 1].live[SUMMARY_ARENA] : -1,
		.runtime = n && !o->damaged ? o->moment[n - 1].live[SUMMARY_RUNTIME] : -1};
	o->resolved = true;
}

/* ---- the events of a block ------------------------------------------------------------- */

static enum summary_class class_of(const struct mp_summary_own *o, uint32_t site)
{
	uint32_t kind = o->tree->site.x[site].kind;

	if (mp_counts(o->tree, kind))
		return SUMMARY_COUNTED;
	return mp_alloc_class(kind) == MP_CLASS_ARENA ? SUMMARY_ARENA : SUMMARY_RUNTIME;
}

static int64_t size_of(const struct mp_summary_own *o, uint32_t site)
{
	return (int64_t)(o->tree->site.x[site].size & INT64_MAX);
}

static inline void change(int64_t *live, int64_t bytes)
{
	*live = (int64_t)((uint64_t)*live + (uint64_t)bytes);
}

/* A block whose site is not counted is freed. */
static void free_other(struct mp_summary_own *o, uint32_t slot, int64_t *live)
{
	struct mp_slot_entry *e = mp_slot_find(&o->others, slot);

	if (!e)
		return;
	change(&live[class_of(o, e->value)], -size_of(o, e->value));
	mp_slot_remove(&o->others, e);
}

static void free_old(struct mp_summary_own *o, const struct mp_block *b, uint32_t i, int64_t *live)
{
	const struct cell *c = &o->r->cell[o->local->cell[i]];

	if (c != o->r->cell)
		change(&live[SUMMARY_COUNTED], -size_of(o, c->site));
	else
		free_other(o, b->old[i], live);
}

static void free_new(const struct summary_local *l, const struct mp_summary_own *o,
	const struct mp_block *b, uint32_t alloc, int64_t *live)
{
	uint32_t i = b->site[alloc];

	if (l->class[i] == SUMMARY_COUNTED)
		change(live, -(int64_t)l->size[i]);
	else
		change(&live[l->class[i]], -size_of(o, b->sites[i]));
}

static void apply(struct mp_summary_own *o, const struct mp_block *b, struct summary_walk *w,
	uint32_t to, int64_t *live)
{
	const struct summary_local *l = o->local;
	uint64_t sum = 0;

	for (uint32_t at = w->event & ~63u; at < to; at += 64) {
		uint64_t m = summary_frees(b, at, to);

		if (at < w->event)
			m &= ~0ull << (w->event - at);
		for (; m; m &= m - 1) {
			uint32_t alloc = at + (uint32_t)__builtin_ctzll(m) - w->free;
			uint32_t back = b->back[w->free++];

			if (!back)
				free_old(o, b, w->old++, live);
			else if (!l->others)
				sum -= l->size[b->site[alloc - back]];
			else
				free_new(l, o, b, alloc - back, live);
		}
	}
	w->event = to;
	for (; w->alloc < to - w->free; w->alloc++) {
		uint32_t i = b->site[w->alloc];

		sum += l->size[i];
		if (l->others && l->class[i] != SUMMARY_COUNTED)
			change(&live[l->class[i]], size_of(o, b->sites[i]));
	}
	change(live, (int64_t)sum);
}

/* ---- a process ends in the middle of a block -------------------------------------------- */

static bool of_process(const struct mp_summary_own *o, uint32_t site, uint64_t process)
{
	return site && o->tree->site.x[site].process == process;
}

/* The position of the end of the same process before procend I, 0 if there is none. */
static uint32_t ended_before(const struct mp_block *b, uint32_t i, bool *any)
{
	uint64_t process = b->procend[i].value;

	while (i-- > 0)
		if (b->procend[i].value == process) {
			*any = true;
			return b->procend[i].position;
		}
	return 0;
}

/* What PROCESS made in events FROM to TO, less what was freed of it. */
static void subtract_new(struct mp_summary_own *o, const struct mp_block *b, uint64_t process,
	uint32_t from, uint32_t to, int64_t *live)
{
	struct summary_walk w = {0, 0, 0, 0};

	for (; w.event < to; w.event++) {
		bool freed = mp_bit(b->op, w.event);
		uint32_t alloc = w.alloc, back = freed ? b->back[w.free++] : 0, site;

		if (freed && !back) {
			const struct cell *c = &o->r->cell[o->local->cell[w.old++]];

			if (w.event >= from && of_process(o, c->site, process))
				change(live, size_of(o, c->site));
			continue;
		}
		w.alloc += !freed;
		site = b->sites[b->site[alloc - back]];
		if (w.event >= from && of_process(o, site, process))
			change(&live[class_of(o, site)],
				freed ? size_of(o, site) : -size_of(o, site));
	}
}

static void end_process(struct mp_summary_own *o, const struct mp_block *b, uint32_t i,
	int64_t *live)
{
	uint64_t process = b->procend[i].value;
	bool again = false;
	uint32_t from = ended_before(b, i, &again);

	if (!process || process > o->tree->process.n)
		return;
	subtract_new(o, b, process, from, b->procend[i].position, live);
	for (uint32_t k = again ? 0 : o->r->of_process[process]; k; k = o->r->cell[k].next)
		change(live, -(int64_t)o->r->cell[k].live * size_of(o, o->r->cell[k].site));
	for (uint32_t k = 0; o->others.n && k <= o->others.mask; k++) {
		struct mp_slot_entry *e = &o->others.x[k];

		/* what moves up into its place is looked at, too */
		while (e->slot && of_process(o, e->value, process)) {
			change(&live[class_of(o, e->value)], -size_of(o, e->value));
			mp_slot_remove(&o->others, e);
		}
	}
}

/* ---- a block ------------------------------------------------------------------------------ */

static int keep_others(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;

	for (uint32_t j = 0; j < b->n_alloc; j++) {
		uint32_t i = b->site[j];

		if (!b->gone[j] && o->local->class[i] != SUMMARY_COUNTED && o->local->slot[j] &&
			!mp_slot_set(&o->others, o->local->slot[j], b->sites[i]))
			return summary_fail(s, "out of memory");
	}
	return 0;
}

int summary_heap(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;
	struct summary_walk w = {0, 0, 0, 0};
	int64_t *live = o->live;
	uint32_t end = 0;

	live[SUMMARY_COUNTED] = (int64_t)b->live_bytes;
	if (!o->moments && add_moment(s, 0, live))
		return -1;
	if (!o->resolved && b->first_time > o->best.time)
		resolve(o);
	for (uint32_t i = 0; i < b->n_time; i++) {
		uint32_t to = w.event + b->time[i].length;

		for (; end < b->n_procend && b->procend[end].position < to; end++) {
			apply(o, b, &w, b->procend[end].position, live);
			end_process(o, b, end, live);
		}
		apply(o, b, &w, to, live);
		if (add_moment(s, b->time[i].value, live))
			return -1;
	}
	if (end < b->n_procend) {
		for (; end < b->n_procend; end++)
			end_process(o, b, end, live);
		if (add_moment(s, b->last_time, live))
			return -1;
	}
	return o->local->others ? keep_others(s, b) : 0;
}

/* ---- readings ------------------------------------------------------------------------------- */

/* All values of one time are there. */
static void end_reading(struct mp_summary_own *o)
{
	if (o->now.processes && (!o->readings++ || o->now.rss > o->best.rss)) {
		o->best = o->now;
		o->resolved = false;
	}
	o->reading = false;
}

static void add_value(int64_t *sum, int64_t value)
{
	if (*sum < 0)
		*sum = 0;
	if (value > 0 && __builtin_add_overflow(*sum, value, sum))
		*sum = INT64_MAX;
}

void summary_series(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;

	for (uint32_t i = 0; i < b->n && b->s_name && b->s_value; i++) {
		uint64_t time = b->s_time ? b->s_time[i] : 0;
		const char *name = b->s_name[i] <= o->tree->string.n
					   ? mp_str(o->tree, (uint32_t)b->s_name[i])
					   : "";

		if (strncmp(name, "rss", 3) != 0)
			continue;
		if (!o->reading || time != o->now.time) {
			end_reading(o);
			o->now = (struct summary_reading){time, 0, -1, -1, -1, -1};
			o->reading = true;
		}
		if (!strcmp(name, "rss")) {
			o->now.processes++;
			add_value(&o->now.rss, b->s_value[i]);
		}
		if (!strcmp(name, "rss_anon"))
			add_value(&o->now.anon, b->s_value[i]);
		if (!strcmp(name, "rss_file"))
			add_value(&o->now.file, b->s_value[i]);
		if (!strcmp(name, "rss_shmem"))
			add_value(&o->now.shmem, b->s_value[i]);
	}
}

/* CPU samples have it, too: of one process each. */
void summary_samples(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;

	for (uint32_t i = 0; i < b->n; i++) {
		int64_t rss = b->s_rss ? (int64_t)(b->s_rss[i] & INT64_MAX) : 0;

		if (b->s_state && b->s_state[i])
			s->idle_samples++;
		else
			s->sampled_ns += b->s_weight ? b->s_weight[i] : 0;
		s->samples++;
		if (rss && (!o->sample_readings++ || rss > o->sample.rss))
			o->sample = (struct summary_reading){b->s_time ? b->s_time[i] : 0, 1, rss,
				-1, -1, -1};
	}
}

void summary_heap_end(struct mp_summary *s)
{
	struct mp_summary_own *o = s->own;

	end_reading(o);
	if (!o->readings && o->sample_readings) {
		o->best = o->sample;
		o->readings = o->sample_readings;
	}
	resolve(o);
	s->rss.readings += o->readings;
	if (o->readings && (s->rss.readings == o->readings || o->rss.rss > s->rss.rss)) {
		o->rss.readings = s->rss.readings;
		s->rss = o->rss;
	}
}

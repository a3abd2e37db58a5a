/* summary_heap.c - what was live when the resident set was largest.
 * Readings of it come later in the stream than the events of their time, so what
 * was live is kept for every time of the events until no reading can ask for it.
 * Invariant: moments are in order of time, each as things were after its events.
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

int summary_moment(struct mp_summary *s, uint64_t time)
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
	memcpy(m->live, o->live, sizeof(m->live));
	return 0;
}

/* The best reading so far meets what was live at its time. */
static void resolve(struct mp_summary_own *o)
{
	const struct summary_reading *best = &o->best;
	size_t n = o->moments;
	const int64_t *live;
	bool known;

	if (o->resolved || !o->readings)
		return;
	while (n && o->moment[n - 1].time > best->time)
		n--;
	live = n ? o->moment[n - 1].live : NULL;
	known = n && !o->damaged;
	o->rss = (struct mp_summary_rss){.time = best->time,
		.processes = best->processes,
		.rss = best->rss,
		.anon = best->anon,
		.file = best->file,
		.shmem = best->shmem,
		.heap = n ? live[0] : -1,
		.map = known ? live[SUMMARY_MAP] : -1,
		.mapped_file = known ? live[SUMMARY_FILE] : -1,
		.arena = known ? live[SUMMARY_ARENA] : -1,
		.runtime = known ? live[SUMMARY_RUNTIME] : -1};
	o->resolved = true;
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

		if (b->s_state && b->s_state[i] & MP_STATE_IDLE)
			s->idle_samples++;
		else
			s->sampled_ns += b->s_weight ? b->s_weight[i] : 0;
		s->samples++;
		if (rss && (!o->sample_readings++ || rss > o->sample.rss))
			o->sample = (struct summary_reading){b->s_time ? b->s_time[i] : 0, 1, rss,
				-1, -1, -1};
	}
}

/* A block of events begins at TIME: what came before it is all there. */
void summary_heap_passed(struct mp_summary *s, uint64_t time)
{
	if (time > s->own->best.time)
		resolve(s->own);
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

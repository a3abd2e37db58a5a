/* summary_pause.c - how long recording was paused, by the marks `pause` and `resume` of
 * each process.  A pause that is open when its process or the part ends, ends there.
 */
#include "summary_own.h"

#include <stdlib.h>
#include <string.h>

static void resume(struct mp_summary *s, uint64_t process, uint64_t time)
{
	struct mp_summary_own *o = s->own;
	uint64_t since;

	if (process >= o->paused_room || !o->paused[process])
		return;
	since = o->paused[process] - 1;
	o->paused[process] = 0;
	s->paused_ns += time > since ? time - since : 0;
}

int summary_pause_mark(struct mp_summary *s, const char *name, uint64_t process, uint64_t time)
{
	struct mp_summary_own *o = s->own;

	if (process > o->tree->process.n)
		return 0;
	if (strcmp(name, "resume") == 0)
		resume(s, process, time);
	if (strcmp(name, "pause") != 0)
		return 0;
	o->paused = summary_room(o->paused, &o->paused_room, (uint32_t)process + 1,
		sizeof(*o->paused));
	if (!o->paused)
		return summary_fail(s, "out of memory");
	s->pauses++;
	if (!o->paused[process])
		o->paused[process] = time + 1;
	return 0;
}

/* The time of the event before POSITION, the block's first for none; behind the last
 * event it is later than that. */
static uint64_t time_at(const struct mp_block *b, uint32_t position)
{
	uint64_t time = b->first_time;
	uint32_t at = 0;

	if (position == b->n)
		return b->last_time;
	for (uint32_t i = 0; i < b->n_time && at < position; i++) {
		time = b->time[i].value;
		at += b->time[i].length;
	}
	return time;
}

void summary_pause_ends(struct mp_summary *s, const struct mp_block *b)
{
	for (uint32_t i = 0; s->own->paused && i < b->n_procend; i++)
		resume(s, b->procend[i].value, time_at(b, b->procend[i].position));
}

void summary_pause_end(struct mp_summary *s)
{
	for (uint32_t p = 0; p < s->own->paused_room; p++)
		resume(s, p, s->own->end);
}

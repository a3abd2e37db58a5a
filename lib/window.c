/* window.c - see window.h. */
#include "window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void mp_window_begin(struct mp_window *w, const struct mp_query *q)
{
	*w = (struct mp_window){
		.query = q,
		.from = q->from_mark ? UINT64_MAX : q->from,
		.to = q->to_mark || !q->to ? UINT64_MAX : q->to,
		.begun = !q->from_mark,
		.ended = !q->to_mark,
	};
}

static bool is_named(const char *wanted, const char *name)
{
	return wanted && strcmp(wanted, name) == 0;
}

/* Does the window end here?  A mark it begins at is not the one it ends at. */
static bool ends(struct mp_window *w, uint64_t time, bool begins)
{
	bool inside = w->begun && !begins && time >= w->from;

	w->to_seen++;
	if (!w->query->to_nth)
		return inside;
	if (w->to_seen != w->query->to_nth)
		return false;
	w->early = !inside;
	return inside;
}

void mp_window_mark(struct mp_window *w, const char *name, uint64_t time)
{
	const struct mp_query *q = w->query;
	bool begins = false;

	if (is_named(q->from_mark, name)) {
		w->from_seen++;
		begins = !w->begun && (!q->from_nth || w->from_seen == q->from_nth);
	}
	if (begins) {
		w->begun = true;
		w->from = time;
		w->early |= w->ended && w->to <= time;
	}
	if (!w->ended && is_named(q->to_mark, name) && ends(w, time, begins)) {
		w->ended = true;
		w->to = time;
	}
}

const char *mp_window_missing(struct mp_window *w)
{
	const struct mp_query *q = w->query;
	const char *name = w->begun ? q->to_mark : q->from_mark;
	uint32_t nth = w->begun ? q->to_nth : q->from_nth;
	uint32_t seen = w->begun ? w->to_seen : w->from_seen;

	if (w->begun && w->early)
		return "the window ends before it begins";
	if (w->begun && w->ended)
		return NULL;
	if (nth && seen)
		snprintf(w->text, sizeof(w->text), "no mark %" PRIu32 " of '%.100s', only %"
			PRIu32, nth, name, seen);
	else
		snprintf(w->text, sizeof(w->text), "no mark '%.100s'%s", name,
			seen ? " behind the beginning of the window" : "");
	return w->text;
}

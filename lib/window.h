/* window.h - the part of a trace between two moments, each a time or a mark.
 *
 * A mark lies between the events before and after it, so a window that begins or
 * ends at one is exact to the event, where a time is only as fine as the trace's.
 * It is fed the marks of a part in their place; nothing is read twice.
 *
 *	mp_window_begin(&w, &query);            each part
 *	mp_window_mark(&w, name, time);         each mark, in its place
 *	mp_window_at(&w, time) == MP_WITHIN     each event, in its place
 *	mp_window_missing(&w)                   at the part's end
 */
#ifndef MP_WINDOW_H
#define MP_WINDOW_H

#include "mp.h"

struct mp_window {
	/* Of what is still to come FROM <= time < TO is inside.  FROM is UINT64_MAX until
	 * its mark has come; TO until its own has, or for good where there is no end. */
	uint64_t from, to;
	const struct mp_query *query;
	bool begun, ended;      /* FROM, TO will not change any more */
	bool early;             /* the end came before the beginning */
	uint32_t from_seen, to_seen;    /* marks of these names so far */
	char text[160];
};

void mp_window_begin(struct mp_window *, const struct mp_query *);      /* keeps it */
void mp_window_mark(struct mp_window *, const char *name, uint64_t time);
/* Why there is no such window in the part that has been read, e.g. "no mark 'x'"; else
 * NULL. */
const char *mp_window_missing(struct mp_window *);

static inline bool mp_query_marks(const struct mp_query *q)     /* marks are needed */
{
	return q->from_mark || q->to_mark;
}

static inline bool mp_query_window(const struct mp_query *q)    /* not the whole part */
{
	return q->from || q->to || mp_query_marks(q);
}

enum mp_when { MP_BEFORE, MP_WITHIN, MP_BEHIND };

/* Where an event is that comes now. */
static inline enum mp_when mp_window_at(const struct mp_window *w, uint64_t time)
{
	return time < w->from ? MP_BEFORE : time < w->to ? MP_WITHIN : MP_BEHIND;
}

#endif

/* course.h - the course of a trace over time, as lines of one value a bucket:
 * what the rows, plots and pictures of mp-time are made from.
 * Invariant: heap, objects, maps, files and lost add up to live.
 */
#ifndef MP_COURSE_H
#define MP_COURSE_H

#include "timeline.h"

#include <stdio.h>

enum mp_course_kind {
	MP_COURSE_LIVE,         /* at the bucket's maximum; of it: */
	MP_COURSE_HEAP, MP_COURSE_OBJECTS, MP_COURSE_MAPS, MP_COURSE_FILES, MP_COURSE_LOST,
	MP_COURSE_BLOCKS,       /* then */
	MP_COURSE_END,          /* live bytes at the bucket's end */
	MP_COURSE_ALLOCS, MP_COURSE_ALLOC_BYTES, MP_COURSE_FREES, MP_COURSE_FREE_BYTES,
	MP_COURSE_SAMPLES, MP_COURSE_CPU,
	MP_COURSE_KINDS,        /* then the trace's series */
};

struct mp_course_line {
	char *name;
	const char *unit;       /* "B", "count", "ns" */
	int64_t value[MP_BUCKETS];      /* -1 in a series: no value */
	int64_t most;           /* -1: no value at all */
};

struct mp_course {
	const struct mp_timeline *t;
	struct mp_course_line *line;
	size_t n;
};

/* -1: memory is out.  The timeline must outlive it. */
int mp_course_make(struct mp_course *, const struct mp_timeline *) MP_USE_RESULT;
void mp_course_free(struct mp_course *);
/* Nanoseconds since the part began: where bucket I begins, and its last one ends. */
uint64_t mp_course_edge(const struct mp_course *, uint32_t i);

/* ---- what is drawn ------------------------------------------------------------------ */

enum { MP_COURSE_PANELS = 6 };

struct mp_panel {
	const char *title, *unit;       /* "B", "B/s", "%" */
	double value[MP_BUCKETS];       /* < 0: none */
	double most;
	uint32_t at;            /* where that is */
	uint64_t time;          /* ns */
};

/* Resident set, live bytes, objects, heap, what is allocated in a second, CPU time:
 * those the trace has.  Returns how many. */
size_t mp_course_panels(const struct mp_course *, struct mp_panel panel[MP_COURSE_PANELS]);

/* lib/svg/course.c; TITLE, and a NOTE of what is not exact, "": nothing. */
int mp_course_svg(FILE *, const struct mp_course *, const char *title, const char *note,
	unsigned width) MP_USE_RESULT;

#endif

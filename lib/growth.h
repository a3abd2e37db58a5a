/* growth.h - which lines, functions … of a program that never ends keep growing,
 * and which have filled and levelled off.
 *
 * Of each group two series are taken at the edges of the timeline's buckets: LIVE
 * bytes, and of them HELD: by blocks that live for a sixth of the trace or to its
 * end.  The first sixth is not judged (a program starts).  FLOOR k is the least
 * value in sixth k; the rise is floor 6 - floor 2.  A group grows if something
 * allocated in the last sixth is live at the end, and either of its held bytes
 *
 *	the rise is above 0, and at least three of the four steps from floor to floor,
 *	floor 6 - floor 4 is at least half of floor 4 - floor 2,
 *	they never fall by more than a third of the rise,
 *	half of the rise was allocated in sixths 2 to 5 and is live at the end,
 *	the rise is at least 3 sqrt(n) blocks of the size blocks at the end have on the
 *	average, where floor 6 is n such blocks, and
 *	the Theil-Sen slope of the live bytes comes to half of the rise;
 *
 * or, of its live bytes (a buffer replaced by larger ones): the first two, and
 *
 *	the rise is at least a twentieth of floor 6, and
 *	all they fall is at most a twentieth of all they rise.
 *
 * What a process holds when it ends stays live if it has run for half of the trace,
 * else it goes with it.
 */
#ifndef MP_GROWTH_H
#define MP_GROWTH_H

#include "mp.h"

enum { MP_GROWTH_LEAST = 12 };  /* buckets; with fewer nothing is judged */

/* For mp_query.growth: mp_load gives the groups that grow, row by row, with the
 * columns below.  What belongs to a group stands in every row of it. */
struct mp_growth {
	enum mp_by by;
	bool all;               /* those that do not grow, too */
	unsigned parts, short_;         /* met; of them too short to judge */
};

enum mp_growth_column {
	MP_GROWTH_BYTES, MP_GROWTH_COUNT,       /* live at the end */
	MP_GROWTH_SLOPE,        /* of the group's live bytes, B/min */
	MP_GROWTH_ROSE,         /* in so many percent of the buckets they rose */
	MP_GROWTH_BEFORE,       /* the group's floor 4 - floor 2 */
	MP_GROWTH_LATELY,       /* its floor 6 - floor 4 */
	MP_GROWTH_FIRST, MP_GROWTH_LAST,        /* middle of the buckets that the row's first
						 * and last live block were born in, ns */
	MP_GROWTH_GROWING,      /* 1: the group grows */
	MP_GROWTH_COLUMNS,
};

/* The part begun, as a profile; mp_load's.  NULL when memory is out. */
struct mp_profile *mp_growth_part(struct mp_reader *, const struct mp_query *);

/* ---- growth_judge.c ------------------------------------------------------------ */

struct mp_growth_series {
	const int64_t *live, *held;     /* at N + 1 edges */
	uint32_t n;             /* >= MP_GROWTH_LEAST */
	double last;            /* the last edge, in widths: N or a little less */
	int64_t bytes, count;   /* live at the end */
	int64_t older;          /* of BYTES, born in sixths 2 to 5 */
	uint32_t newest;        /* bucket the last block of them was born in */
};

struct mp_growth_verdict {
	bool grows;
	double slope;           /* bytes a width */
	int rose;
	int64_t before, lately;
};

/* ROOM: for n * n / 2 numbers.  SLOPE is set only if the group may grow, or ALWAYS. */
void mp_growth_judge(const struct mp_growth_series *, struct mp_growth_verdict *, double *room,
	bool always);

#endif

/* views.h - a stream seen through several queries in one pass: a pipe cannot be
 * read twice.
 */
#ifndef MP_VIEWS_H
#define MP_VIEWS_H

#include "mp.h"

enum { MP_VIEWS_MAX = 4 };

struct mp_views {
	/* Traces: query[i] fills profile[i]; the loss is profile[0]'s alone. */
	size_t n;
	struct mp_query query[MP_VIEWS_MAX];
	struct mp_profile *profile[MP_VIEWS_MAX];
	/* Profiles, as they are; of AS its keep and view (mp_load) count. */
	struct mp_query as;
	struct mp_profile *rows;
	/* What came so far; times in ns. */
	unsigned traces, profiles;
	uint64_t wall;          /* since 1970: when the first trace began, 0: not known */
	uint64_t duration;      /* of all traces together */
};

/* Load what is left of the stream, to what the profiles hold already.  -1: see
 * mp_error, and mp_profile_error of each. */
int mp_load_views(struct mp_reader *, struct mp_views *) MP_USE_RESULT;

#endif

/* filter.h - the part of a trace or profile that is meant.
 *
 * A free is kept iff its allocation is.  What was live when the window began is in a
 * BASE block: it counts in peaks, not in totals nor as left at the end.
 */
#ifndef MP_FILTER_H
#define MP_FILTER_H

#include "where.h"

/* What is meant of the reader's current part, a trace, to a binary writer as a part of
 * its own.  -1: an error of the writer or of the reader. */
int mp_filter_trace(struct mp_writer *, struct mp_reader *, const struct mp_where *);
/* Drop the rows that are not meant.  -1: memory, or a condition on what a profile does
 * not have (mp_profile_error). */
int mp_filter_profile(struct mp_profile *, const struct mp_where *);

#endif

/* lives.h - which allocations of a part live as long as is asked for.
 * Allocations are numbered from 1 as they come: those of BASE, then those of events.
 * A bit each, in a file without a name, so that memory does not grow with the trace.
 */
#ifndef MP_LIVES_H
#define MP_LIVES_H

#include "where.h"

struct mp_lives;
/* Read what is left of the part.  What is never freed lives for ever; what lives from
 * the start was born at the time its block says.  NULL: the reader's error. */
struct mp_lives *mp_lives_read(struct mp_reader *, const struct mp_spans *);
bool mp_lives_fit(const struct mp_lives *, uint64_t number);
void mp_lives_free(struct mp_lives *);

#endif

/* series.h - how large the traced processes are over time: the resident set of
 * each, by kind, read from outside.  The ring's own pages are taken off.
 */
#ifndef MP_SERIES_H
#define MP_SERIES_H

#include "drain.h"

struct series {
	uint64_t every, last;   /* ns; every 0: off */
	uint32_t rss, anon, file, shmem;        /* strings: names of the metrics */
};

void series_init(struct series *, struct mp_tree *, uint64_t every);
/* Sample all live images if it is time to. */
void series_sample(struct series *, struct drain *);

#endif

/* pprof_write.h - a profile as pprof reads it (formats/pprof.h), gzipped.
 * Its columns are taken to add up: a maximum has no place in it.
 */
#ifndef MP_PPROF_WRITE_H
#define MP_PPROF_WRITE_H

#include "mp.h"

#include <stdio.h>

struct mp_pprof {
	enum mp_show show;
	const int *column;              /* pprof's values, in this order */
	size_t columns;
	int key;                        /* the column pprof shows first; order of the samples */
	/* ns since 1970 (0: what the metadata's start says), and ns */
	uint64_t wall, duration;
	const char *lost, *estimate;    /* comments of what is not exact, "": none */
	bool bases;     /* the tree's mappings are those of all rows: addresses are real */
};

/* -1: memory is out (mp_profile_error).  What is wrong with OUT, ferror() tells. */
int mp_put_pprof(FILE *out, struct mp_profile *, const struct mp_pprof *) MP_USE_RESULT;

#endif

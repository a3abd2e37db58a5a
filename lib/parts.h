/* parts.h - the rows of a profile told apart by thread or process. */
#ifndef MP_PARTS_H
#define MP_PARTS_H

#include "profile.h"

struct mp_parts {
	enum mp_by by;
	size_t n;
	size_t *of_row;
	size_t *first;          /* of a part: its first row; parts are in their order */
};

/* BY: MP_BY_THREAD, MP_BY_PROCESS, or MP_BY_STACK: one part.  -1: memory is out. */
int mp_parts_find(struct mp_parts *, const struct mp_profile *, enum mp_by) MP_USE_RESULT;
/* "MainThread", "[no name]", "" of all in one; allocated, NULL when memory is out. */
char *mp_part_name(const struct mp_parts *, const struct mp_profile *, size_t part);
void mp_parts_free(struct mp_parts *);

#endif

/* flame.h - a profile's stacks as one tree of the frames that are shown: what
 * flame graphs draw.  Frames of equal name under equal parents are one node, so
 * two nodes with one location differ in their parents.
 */
#ifndef MP_FLAME_H
#define MP_FLAME_H

#include "profile.h"

struct mp_flame {
	struct mp_tree *tree;   /* one location a name */
	mp_node *of_row;        /* row of the profile -> its innermost frame; never 0 */
};

/* BY: MP_BY_LINE, or MP_BY_FUNCTION: without lines.  -1: memory is out. */
int mp_flame_build(struct mp_flame *, struct mp_profile *, enum mp_show, enum mp_by) MP_USE_RESULT;
void mp_flame_free(struct mp_flame *);
/* Function, file, line and flags of a location; an address without a name has its
 * module in its name. */
struct mp_frame mp_flame_frame(const struct mp_flame *, uint32_t location);

/* What each stack holds of one column: equal stacks added up. */
struct mp_flame_sums {
	mp_node *node;          /* innermost frames, in order of the rows */
	size_t n;
	int64_t *sum, total;    /* sum: by node */
	uint32_t *stamp, now;
};
/* Of the rows whose PART is K.  X begins as zeros and may be used again.  -1: an
 * error of the profile. */
int mp_flame_add(struct mp_flame_sums *x, const struct mp_flame *, struct mp_profile *,
	size_t column, const size_t *part, size_t k) MP_USE_RESULT;
void mp_flame_sums_free(struct mp_flame_sums *);

#endif

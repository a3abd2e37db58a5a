/* trail.h - the last stack that was put into the tree: the next one mostly shares
 * its outer frames, which then need no look-up.
 */
#ifndef MP_TRAIL_H
#define MP_TRAIL_H

#include "tree.h"

struct trail {
	struct trail_step {
		uint32_t location;
		mp_node node;
	} *x; /* outermost first */
	size_t n, room;
};

/* The node of N locations, innermost first.  0: no memory. */
mp_node trail_put(struct trail *, struct mp_tree *, const uint32_t *location, size_t n);
void trail_free(struct trail *);

#endif

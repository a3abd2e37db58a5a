/* call_tree.h - a profile's rows as a tree of the names that are shown of their
 * stacks, with what each call holds itself and with all that was called from it.
 * Invariant: a call's total is its self and its children's totals, as each column
 * combines; node 0 is the whole.
 */
#ifndef MP_CALL_TREE_H
#define MP_CALL_TREE_H

#include "tree.h"

struct mp_call_tree {
	struct mp_tree *names;          /* a node is a call; its parent has a smaller number */
	uint32_t n;                     /* nodes are 1..n */
	size_t columns;
	int64_t *self, *total;          /* [node * columns + column] */
	uint32_t *child, *next;         /* by |total|, largest first, then by name; 0: none */
};

/* BY is MP_BY_LINE or MP_BY_FUNCTION.  INVERTED: from the innermost frame to its
 * callers.  COLUMN: what children are ordered by.  NULL when memory is out or a sum
 * is over 63 bits (mp_profile_error). */
struct mp_call_tree *mp_call_tree(struct mp_profile *, enum mp_by by, enum mp_show show,
		bool inverted, int column);
const char *mp_call_name(const struct mp_call_tree *, uint32_t node);
void mp_call_tree_free(struct mp_call_tree *);

#endif

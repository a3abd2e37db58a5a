/* trail.c - see trail.h. */
#include "trail.h"

#include <stdlib.h>

mp_node trail_put(struct trail *t, struct mp_tree *tree, const uint32_t *location, size_t n)
{
	size_t same = t->n;
	mp_node node = 0;

	if (n > t->room) {
		struct trail_step *x = realloc(t->x, n * sizeof(*x));

		if (!x)
			return 0;
		t->x = x;
		t->room = n;
	}
	t->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct trail_step *step = &t->x[i];
		uint32_t here = location[n - 1 - i];

		if (i >= same || step->location != here) {
			same = 0;
			*step = (struct trail_step){here, mp_def_node(tree, node, here)};
			if (!step->node)
				return 0;
		}
		node = step->node;
		t->n = i + 1;
	}
	return node;
}

void trail_free(struct trail *t)
{
	free(t->x);
	*t = (struct trail){0};
}

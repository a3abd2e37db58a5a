/* tree_map.h - between tree_map.c and tree_map_own.c. */
#ifndef MP_TREE_MAP_H
#define MP_TREE_MAP_H

#include "tree.h"

/* Make entry ID of N of an array exist, 0 if new; with forget there are no arrays. */
bool mp_map_reach(
	struct mp_tree_map *, uint32_t **x, uint32_t *room, uint32_t id, uint32_t n);

#endif

/* group.h - names of groups, for lib/group.c and lib/shown.c. */
#ifndef MP_GROUP_H
#define MP_GROUP_H

#include "profile.h"

#include <stdio.h>

/* Per row the number of the group its self counts for, 0 … N - 1.  NULL when memory is
 * out. */
uint32_t *mp_group_rows(struct mp_profile *, enum mp_by, enum mp_show, size_t *n);
/* What MP_SHOW_DEFAULT means for a stack without Python frames. */
enum mp_show mp_show_of(const struct mp_tree *, mp_node stack, enum mp_show);
/* Whether SHOW asks for a node's frames; MP_SHOW_DEFAULT: of a stack with Python. */
bool mp_is_shown(const struct mp_tree *, mp_node, enum mp_show);
/* What stands for the frames of a stack none of which is shown. */
const char *mp_no_frame(mp_node, enum mp_show);
void mp_print_name(FILE *, const struct mp_frame *, enum mp_by);
/* NAME, or WHAT and NUMBER where it has none. */
void mp_print_label(FILE *, const char *name, const char *what, uint32_t number);

#endif

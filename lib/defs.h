/* defs.h - definitions between a tree and the columns of blocks.
 * One table says where every field goes; reader and writer both follow it.
 */
#ifndef MP_DEFS_H
#define MP_DEFS_H

#include "tree.h"

struct mp_block_out;

struct mp_def_field {
	uint16_t column, offset;
	uint8_t def, coding, width;     /* width: 4 or 8 bytes in the tree's entry */
	uint8_t ref;                    /* the kind it is an id of, 0 = a number */
};

struct mp_def_kind {
	uint16_t vec, size;             /* offset of the array in the tree, bytes of an entry */
	uint8_t first, n;               /* fields; strings have none */
};

enum { MP_DEF_FIELDS = 43 };

extern const struct mp_def_field mp_def_field[MP_DEF_FIELDS];
extern const struct mp_def_kind mp_def_kind[MP_DEF_KINDS];
/* Every kind after those it refers to. */
extern const uint8_t mp_def_order[MP_DEF_KINDS - 1];

struct mp_any_vec { void *x; uint32_t n, room; };
/* A tree's array of one kind, read and written back whatever its type. */
struct mp_any_vec mp_def_vec(const struct mp_tree *, unsigned def);
void mp_def_set_vec(struct mp_tree *, unsigned def, const struct mp_any_vec *);

/* ---- out ----------------------------------------------------------------------- */

struct mp_defs_sent {
	uint32_t n[MP_DEF_KINDS];
	uint32_t late, renamed;         /* in the tree's journals; REPEATED: location id */
	bool repeated;
};

/* Add columns of what was not sent yet, up to a block's limits; returns whether
 * there is more.  *LATE: whether late records are among them. */
bool mp_defs_add(struct mp_block_out *, const struct mp_tree *, struct mp_defs_sent *, bool *late);

#endif

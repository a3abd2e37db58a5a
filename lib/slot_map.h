/* slot_map.h - a few slots and a number each, where a table of all slots would be
 * too much.  Invariant: a slot is there once; slot 0 never.
 */
#ifndef MP_SLOT_MAP_H
#define MP_SLOT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mp_slot_entry {
	uint32_t slot, value;
};

struct mp_slot_map {            /* all zero: empty */
	struct mp_slot_entry *x;
	uint32_t mask, n;
};

static inline uint32_t mp_slot_hash(uint32_t slot)
{
	return slot * 0x9e3779b1u >> 7;
}

/* NULL if it is not there; valid until the map changes. */
static inline struct mp_slot_entry *mp_slot_find(const struct mp_slot_map *m, uint32_t slot)
{
	uint32_t at;

	if (!m->n || !slot)
		return NULL;
	for (at = mp_slot_hash(slot) & m->mask; m->x[at].slot; at = (at + 1) & m->mask)
		if (m->x[at].slot == slot)
			return &m->x[at];
	return NULL;
}

/* In place of what SLOT had; false when memory is out. */
bool mp_slot_set(struct mp_slot_map *, uint32_t slot, uint32_t value);
void mp_slot_remove(struct mp_slot_map *, struct mp_slot_entry *);
void mp_slot_map_free(struct mp_slot_map *);    /* empty again */

#endif

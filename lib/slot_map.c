/* slot_map.c - see slot_map.h: linear probing, at most half full. */
#include "slot_map.h"

#include <stdlib.h>

static bool grow(struct mp_slot_map *m)
{
	struct mp_slot_map wide = {.mask = m->x ? m->mask * 2 + 1 : 255};

	wide.x = calloc((size_t)wide.mask + 1, sizeof(*wide.x));
	if (!wide.x)
		return false;
	for (uint32_t i = 0; m->x && i <= m->mask; i++)
		if (m->x[i].slot)
			mp_slot_set(&wide, m->x[i].slot, m->x[i].value);
	free(m->x);
	*m = wide;
	return true;
}

bool mp_slot_set(struct mp_slot_map *m, uint32_t slot, uint32_t value)
{
	uint32_t at;

	if ((!m->x || m->n > m->mask / 2) && !grow(m))
		return false;
	at = mp_slot_hash(slot) & m->mask;
	while (m->x[at].slot && m->x[at].slot != slot)
		at = (at + 1) & m->mask;
	m->n += !m->x[at].slot;
	m->x[at] = (struct mp_slot_entry){slot, value};
	return true;
}

/* Entries behind it that were pushed past its place move up. */
void mp_slot_remove(struct mp_slot_map *m, struct mp_slot_entry *entry)
{
	uint32_t hole = (uint32_t)(entry - m->x), at = hole;

	for (;;) {
		uint32_t home;

		at = (at + 1) & m->mask;
		if (!m->x[at].slot)
			break;
		home = mp_slot_hash(m->x[at].slot) & m->mask;
		if (((at - home) & m->mask) < ((at - hole) & m->mask))
			continue;
		m->x[hole] = m->x[at];
		hole = at;
	}
	m->x[hole] = (struct mp_slot_entry){0, 0};
	m->n--;
}

void mp_slot_map_free(struct mp_slot_map *m)
{
	free(m->x);
	*m = (struct mp_slot_map){NULL, 0, 0};
}

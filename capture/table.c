/* table.c - a small hash table.
 * Invariant: keys are stored plus one, so that 0 is an empty slot; at most half
 * of the slots are used.
 */
#include "table.h"

#include <stdlib.h>

enum { TABLE_FIRST = 256 };

uint64_t *table_find(const struct table *t, uint64_t key)
{
	uint32_t i = (uint32_t)((++key * 0x9e3779b97f4a7c15ull) >> 32);

	if (!t->slot)
		return NULL;
	while (t->slot[i & t->mask][0] && t->slot[i & t->mask][0] != key)
		i++;
	return t->slot[i & t->mask][0] ? &t->slot[i & t->mask][1] : NULL;
}

void table_clear(struct table *t)
{
	free(t->slot);
	*t = (struct table){0};
}

int table_put(struct table *t, uint64_t key, uint64_t value)
{
	uint64_t *found = table_find(t, key);
	uint32_t i;

	if (found) {
		*found = value;
		return 0;
	}
	if (!t->slot || t->used >= t->mask / 2) {
		struct table bigger = {.mask = t->slot ? t->mask * 2 + 1 : TABLE_FIRST - 1};

		bigger.slot = calloc((size_t)bigger.mask + 1, sizeof(*bigger.slot));
		if (!bigger.slot)
			return -1;
		for (uint32_t j = 0; t->slot && j <= t->mask; j++)
			if (t->slot[j][0])
				table_put(&bigger, t->slot[j][0] - 1, t->slot[j][1]);
		free(t->slot);
		*t = bigger;
	}
	i = (uint32_t)((++key * 0x9e3779b97f4a7c15ull) >> 32);
	while (t->slot[i & t->mask][0])
		i++;
	t->slot[i & t->mask][0] = key;
	t->slot[i & t->mask][1] = value;
	t->used++;
	return 0;
}

/* table.h - u64 → u64, for the maps of the drain's side that only grow. */
#ifndef MP_TABLE_H
#define MP_TABLE_H

#include <stdint.h>

/* All zero: empty.  Open addressing; every key but 2^64 - 1. */
struct table {
	uint64_t (*slot)[2];
	uint32_t mask, used;
};

/* The value of KEY, valid until the next table_put; NULL: not there. */
uint64_t *table_find(const struct table *, uint64_t key);
int table_put(struct table *, uint64_t key, uint64_t value); /* -1: no memory */
void table_clear(struct table *);

#endif

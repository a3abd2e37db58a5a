/* tuples.h - short tuples of numbers, each kept once and numbered from 1.
 * Invariant: equal tuples have one number; numbers never change.
 */
#ifndef MP_TUPLES_H
#define MP_TUPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mp_tuples {
	uint32_t width;         /* numbers in a tuple */
	uint32_t n;
	uint32_t *x;            /* tuple i from x[i * width] */
	size_t room;
	uint32_t *slot, mask;
	bool failed;            /* memory is out, or there are too many; stays */
};

/* The number of KEY, made if new; 0 when it failed. */
uint32_t mp_tuple(struct mp_tuples *, const uint32_t *key);
uint32_t mp_tuple_find(const struct mp_tuples *, const uint32_t *key); /* 0: none */
void mp_tuples_free(struct mp_tuples *);        /* and begin anew with the same width */

static inline const uint32_t *mp_tuple_at(const struct mp_tuples *t, uint32_t i)
{
	return t->x + (size_t)i * t->width;
}

#endif

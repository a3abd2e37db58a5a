/* tuples.c - see tuples.h: open addressing over an array that only grows. */
#include "tuples.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash(const uint32_t *key, uint32_t width)
{
	uint64_t h = width;

	for (uint32_t i = 0; i < width; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

/* Where KEY is, or belongs. */
static uint32_t *place(const struct mp_tuples *t, const uint32_t *key)
{
	uint32_t at = hash(key, t->width) & t->mask;

	while (t->slot[at] && memcmp(mp_tuple_at(t, t->slot[at]), key, t->width * sizeof(*key)))
		at = (at + 1) & t->mask;
	return &t->slot[at];
}

static bool rehash(struct mp_tuples *t)
{
	uint32_t mask = t->slot ? t->mask * 2 + 1 : 255;
	uint32_t *slot = mask < UINT32_MAX / 2 ? calloc((size_t)mask + 1, sizeof(*slot)) : NULL;

	if (!slot)
		return false;
	free(t->slot);
	t->slot = slot;
	t->mask = mask;
	for (uint32_t i = 1; i <= t->n; i++)
		*place(t, mp_tuple_at(t, i)) = i;
	return true;
}

static bool room(struct mp_tuples *t)
{
	size_t n = ((size_t)t->n + 2) * t->width, size = t->room ? t->room * 2 : 1024;
	uint32_t *x;

	if (n <= t->room)
		return true;
	while (size < n)
		size *= 2;
	x = realloc(t->x, size * sizeof(*x));
	if (!x)
		return false;
	if (!t->x)
		memset(x, 0, t->width * sizeof(*x));
	t->x = x;
	t->room = size;
	return true;
}

uint32_t mp_tuple(struct mp_tuples *t, const uint32_t *key)
{
	uint32_t *at;

	if (t->failed || !room(t) || ((!t->slot || t->n >= t->mask / 2) && !rehash(t))) {
		t->failed = true;
		return 0;
	}
	at = place(t, key);
	if (!*at) {
		*at = ++t->n;
		memcpy(t->x + (size_t)t->n * t->width, key, t->width * sizeof(*key));
	}
	return *at;
}

uint32_t mp_tuple_find(const struct mp_tuples *t, const uint32_t *key)
{
	return t->slot ? *place(t, key) : 0;
}

void mp_tuples_free(struct mp_tuples *t)
{
	free(t->x);
	free(t->slot);
	*t = (struct mp_tuples){ .width = t->width };
}

/* arena.c - a bump allocator over malloc'd chunks, each twice the one before.
 * Invariant: a chunk is never resized, so pieces never move.
 */
#include "arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_FIRST = 4096, CHUNK_LAST = 1 << 20 };

struct chunk {
	struct chunk *before;
	uint64_t data[];
};

struct arena {
	struct chunk *chunk;
	char *at;
	size_t left, next;
};

struct arena *mp_arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->next = CHUNK_FIRST;
	return a;
}

void mp_arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->chunk) {
		struct chunk *before = a->chunk->before;

		free(a->chunk);
		a->chunk = before;
	}
	free(a);
}

/* A piece too large for what is left: a chunk of its own if it would waste a
 * good part of one, else a new current chunk. */
static void *alloc_slow(struct arena *a, size_t size)
{
	bool own = size > a->next / 4;
	size_t room = own ? size : a->next;
	struct chunk *c;

	if (size > SIZE_MAX / 2)
		return NULL;
	c = malloc(sizeof(*c) + room);
	if (!c)
		return NULL;
	if (own && a->chunk) {
		c->before = a->chunk->before;
		a->chunk->before = c;
		return c->data;
	}
	c->before = a->chunk;
	a->chunk = c;
	a->at = (char *)c->data + size;
	a->left = room - size;
	if (a->next < CHUNK_LAST)
		a->next *= 2;
	return c->data;
}

void *mp_arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = (size + 7) & ~(size_t)7;
	if (size > a->left)
		return alloc_slow(a, size);
	p = a->at;
	a->at += size;
	a->left -= size;
	return p;
}

char *mp_arena_copy(struct arena *a, const void *data, size_t len)
{
	char *p = mp_arena_alloc(a, len + 1);

	if (!p)
		return NULL;
	if (len)
		memcpy(p, data, len);
	p[len] = '\0';
	return p;
}

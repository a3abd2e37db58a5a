/* arena.h - a bump allocator: many small pieces, freed together.
 * What it hands out never moves.
 */
#ifndef MP_ARENA_H
#define MP_ARENA_H

#include <stddef.h>

struct arena;

struct arena *mp_arena_new(void);
void mp_arena_free(struct arena *);
/* SIZE bytes aligned to 8, not cleared; NULL when memory is out. */
void *mp_arena_alloc(struct arena *, size_t size);
/* A copy of LEN bytes with a NUL behind them. */
char *mp_arena_copy(struct arena *, const void *data, size_t len);

#endif

/* last.c - see last.h. */
#include "last.h"

#include <stdlib.h>

static bool room(void **x, size_t *have, size_t want, size_t each)
{
	void *larger;

	if (want <= *have)
		return true;
	larger = realloc(*x, 2 * want * each);
	if (!larger)
		return false;
	*x = larger;
	*have = 2 * want;
	return true;
}

bool last_room(struct last *l, size_t natives, size_t pythons)
{
	void *native = l->native, *python = l->python, *chain = l->chain;
	bool good = room(&native, &l->native_room, natives, sizeof(*l->native)) &&
		    room(&python, &l->python_room, pythons, sizeof(*l->python)) &&
		    room(&chain, &l->chain_room, natives + pythons + 1, sizeof(*l->chain));

	l->native = native;
	l->python = python;
	l->chain = chain;
	return good;
}

static void add_native(struct last *l, uint64_t location)
{
	if (!(location & IN_HOOK))
		l->chain[l->chained++] = (uint32_t)location;
}

static void add_pythons(struct last *l, size_t p)
{
	while (p > 0)
		l->chain[l->chained++] = l->python[--p].location;
}

void last_join(struct last *l, long kept)
{
	size_t p = l->pythons;

	l->chained = 0;
	for (size_t i = l->natives; i-- > 0;) {
		if (!(l->native[i].location & IN_EVAL) || kept-- > 0 || p == 0) {
			add_native(l, l->native[i].location);
			continue;
		}
		do
			l->chain[l->chained++] = l->python[--p].location;
		while (!l->python[p].entry && p > 0);
	}
	add_pythons(l, p);
}

void last_keep_apart(struct last *l, uint32_t note)
{
	l->chained = 0;
	add_pythons(l, l->pythons);
	l->chain[l->chained++] = note;
	for (size_t i = l->natives; i-- > 0;)
		add_native(l, l->native[i].location);
}

void last_free(struct last *l)
{
	free(l->native);
	free(l->python);
	free(l->chain);
	trail_free(&l->trail);
	*l = (struct last){0};
}

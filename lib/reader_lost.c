/* reader_lost.c - definitions that damage took: placeholders shown as [lost].
 * Invariant: ids stay dense, and every one up to a tree's n has an entry.
 */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

enum { PLACEHOLDERS_MAX = 1 << 22 };

void mp_defs_reset(struct mp_reader *r)
{
	for (int i = 0; i < MP_DEF_KINDS; i++)
		free(r->lost[i].x);
	memset(r->lost, 0, sizeof(r->lost));
}

bool mp_def_is_lost(const struct mp_reader *r, unsigned def, uint32_t id)
{
	const struct mp_lost *l = &r->lost[def];

	for (uint32_t i = 0; i < l->n; i++)
		if (id >= l->x[i].from && id <= l->x[i].to)
			return true;
	return false;
}

/* Room for MORE entries of kind DEF. */
static bool grow(struct mp_reader *r, unsigned def, uint32_t more)
{
	struct mp_any_vec v = mp_def_vec(r->tree, def);
	uint64_t need = (uint64_t)v.n + more + 2, room = v.room;
	void *x;

	if (need <= v.room)
		return true;
	while (room < need)
		room *= 2;
	if (room > UINT32_MAX)
		return false;
	x = realloc(v.x, room * mp_def_kind[def].size);
	if (!x) {
		mp_reader_fail(r, "%s: out of memory", r->name);
		return false;
	}
	v.x = x;
	v.room = (uint32_t)room;
	mp_def_set_vec(r->tree, def, &v);
	return true;
}

static void make_lost(struct mp_tree *t, unsigned def, uint32_t id)
{
	if (def == MP_DEF_STRING && !t->string.x[id].data)
		t->string.x[id] = (struct mp_string){ "[lost]", 6, false };
	else if (def == MP_DEF_LOC)
		t->location.x[id].kind = MP_LOC_NOTE;
	else if (def == MP_DEF_CODE)
		t->code.x[id].line = UINT32_MAX;
	else if (def == MP_DEF_NODE)
		t->node.x[id].depth = 1;
}

bool mp_append_defs(struct mp_reader *r, unsigned def, uint32_t n)
{
	size_t size = mp_def_kind[def].size;
	struct mp_any_vec v;

	if (!grow(r, def, n))
		return false;
	v = mp_def_vec(r->tree, def);
	memset((char *)v.x + (v.n + 1) * size, 0, n * size);
	v.n += n;
	mp_def_set_vec(r->tree, def, &v);
	return true;
}

bool mp_lose_defs(struct mp_reader *r, unsigned def, uint32_t from, uint32_t to)
{
	struct mp_lost *l = &r->lost[def];
	struct mp_range *x;

	for (uint32_t id = from; id <= to; id++)
		make_lost(r->tree, def, id);
	x = realloc(l->x, (l->n + 1) * sizeof(*x));
	if (!x) {
		mp_reader_fail(r, "%s: out of memory", r->name);
		return false;
	}
	l->x = x;
	x[l->n++] = (struct mp_range){ from, to };
	return true;
}

bool mp_reach_def(struct mp_reader *r, unsigned def, uint64_t id)
{
	uint32_t last = mp_def_vec(r->tree, def).n, n;

	if (id <= last)
		return true;
	if (!r->damaged || id - last > PLACEHOLDERS_MAX - r->placeholders)
		return false;
	n = (uint32_t)(id - last);
	if (!mp_append_defs(r, def, n) || !mp_lose_defs(r, def, last + 1, (uint32_t)id))
		return false;
	r->placeholders += n;
	return true;
}

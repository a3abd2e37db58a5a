/* timeline_pack.c - sorted lists of (key, count), packed: two or three bytes a
 * pair, where millions of them are kept.
 * Invariant: keys of a list ascend, and a list is only ever appended to.
 */
#include "timeline_own.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

bool mp_pack(struct packed *p, uint64_t key, uint64_t count)
{
	uint8_t *end;

	if (p->n + 2 * MP_LEB_MAX > p->room) {
		size_t room = p->room * 2 + 4 * MP_LEB_MAX;
		uint8_t *data = realloc(p->data, room);

		if (!data)
			return false;
		p->data = data;
		p->room = room;
	}
	end = mp_set_leb(p->data + p->n, key - p->last);
	p->n = (size_t)(mp_set_leb(end, count) - p->data);
	p->last = key;
	return true;
}

bool mp_unpack(const struct packed *p, size_t *at, uint64_t *key, uint64_t *count)
{
	const uint8_t *end = p->data + p->n, *next;
	uint64_t step = 0;

	if (*at >= p->n)
		return false;
	next = mp_get_leb(p->data + *at, end, &step);
	next = mp_get_leb(next, end, count);
	*at = (size_t)(next - p->data);
	*key += step;
	return true;
}

void mp_pack_free(struct packed *p)
{
	free(p->data);
	*p = (struct packed){0};
}

struct side {
	const struct packed *list;
	const uint8_t *map;
	size_t at;
	uint64_t raw, key, count;
	bool more;
};

static void advance(struct side *s)
{
	s->more = mp_unpack(s->list, &s->at, &s->raw, &s->count);
	s->key = s->map ? (s->raw & ~255ull) | s->map[s->raw & 255] : s->raw;
}

bool mp_pack_union(struct packed *to, const struct packed *a, const struct packed *b,
	const uint8_t *map, bool add)
{
	struct side x = {.list = a}, y = {.list = b, .map = map};

	advance(&x);
	advance(&y);
	while (x.more || y.more) {
		uint64_t key = x.more && (!y.more || x.key <= y.key) ? x.key : y.key;
		uint64_t count = 0;

		/* the map may make several keys of B equal */
		if (x.more && x.key == key) {
			count = x.count;
			advance(&x);
		}
		for (; y.more && y.key == key; advance(&y))
			count = add ? count + y.count : y.count;
		if (!mp_pack(to, key, count))
			return false;
	}
	return true;
}

/* By eleven bits at a time, the lowest first; digits all keys share are passed over. */
void mp_sort_keys(uint64_t *key, uint64_t *spare, size_t n)
{
	enum { BITS = 11, DIGITS = 1 << BITS };
	uint64_t any = 0, *from = key, *to = spare;

	for (size_t i = 1; i < n; i++)
		any |= key[i] ^ key[0];
	for (unsigned shift = 0; shift < 64 && any >> shift; shift += BITS) {
		size_t place[DIGITS] = {0}, sum = 0;
		uint64_t *swap = from;

		if (!(any >> shift & (DIGITS - 1)))
			continue;
		for (size_t i = 0; i < n; i++)
			place[from[i] >> shift & (DIGITS - 1)]++;
		for (size_t i = 0; i < DIGITS; i++) {
			size_t many = place[i];

			place[i] = sum;
			sum += many;
		}
		for (size_t i = 0; i < n; i++)
			to[place[from[i] >> shift & (DIGITS - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != key)
		memcpy(key, from, n * sizeof(*key));
}

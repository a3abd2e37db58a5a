/* parts.c - rows by thread or process; see parts.h.
 * Invariant: every row has a part, also where it has no label.
 */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "group.h"

static uint64_t label(const struct mp_ids *k, enum mp_by by)
{
	return by == MP_BY_THREAD    ? (uint64_t)k->thread << 32 | k->tid
	       : by == MP_BY_PROCESS ? (uint64_t)k->process << 32 | k->pid
				     : 0;
}

int mp_parts_find(struct mp_parts *x, const struct mp_profile *p, enum mp_by by)
{
	size_t mask = 15, *slot;        /* part + 1 by its label */

	while (mask / 2 < p->rows)
		mask = mask * 2 + 1;
	*x = (struct mp_parts){.by = by,
		.of_row = calloc(p->rows + 1, sizeof(*x->of_row)),
		.first = calloc(p->rows + 1, sizeof(*x->first))};
	slot = calloc(mask + 1, sizeof(*slot));
	if (!x->of_row || !x->first || !slot) {
		free(slot);
		mp_parts_free(x);
		return -1;
	}
	for (size_t i = 0; i < p->rows; i++) {
		uint64_t own = label(&p->key[i], by);
		size_t at = (own * 0x9e3779b97f4a7c15ull >> 32) & mask;

		while (slot[at] && label(&p->key[x->first[slot[at] - 1]], by) != own)
			at = (at + 1) & mask;
		if (!slot[at]) {
			x->first[x->n++] = i;
			slot[at] = x->n;
		}
		x->of_row[i] = slot[at] - 1;
	}
	free(slot);
	return 0;
}

char *mp_part_name(const struct mp_parts *x, const struct mp_profile *p, size_t part)
{
	const struct mp_ids none = {0}, *k = part < x->n ? &p->key[x->first[part]] : &none;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return NULL;
	if (x->by == MP_BY_THREAD)
		mp_print_label(out, mp_str(p->tree, k->thread), "thread", k->tid);
	else if (x->by == MP_BY_PROCESS)
		mp_print_label(out, mp_str(p->tree, k->process), "process", k->pid);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

void mp_parts_free(struct mp_parts *x)
{
	free(x->of_row);
	free(x->first);
	*x = (struct mp_parts){0};
}

/* view_total.c - every allocation, counted per cell.
 * Invariant: what is left of a partial unmap is not an allocation.
 */
#include "view.h"

#include <string.h>

enum { LANES = 4 };

/* Four histograms, so that a run of one site does not wait for its own store. */
void mp_replay_count(struct replay *r, uint32_t from, uint32_t to)
{
	const uint16_t *index = r->s.index;
	int32_t *net = r->s.net, *lane[LANES];
	uint32_t n = r->s.locals, i = from, size = r->s.room / LANES;

	memset(net, 0, n * sizeof(*net));
	if (n <= size) {
		for (uint32_t k = 0; k < LANES; k++) {
			lane[k] = net + k * size;
			memset(lane[k], 0, n * sizeof(*net));
		}
		for (; i + LANES <= to; i += LANES) {
			lane[0][index[i]]++;
			lane[1][index[i + 1]]++;
			lane[2][index[i + 2]]++;
			lane[3][index[i + 3]]++;
		}
		for (uint32_t j = 0; j < n; j++)
			net[j] += lane[1][j] + lane[2][j] + lane[3][j];
	}
	for (; i < to; i++)
		net[index[i]]++;
}

/* Allocations among the first EVENTS events. */
uint32_t mp_block_allocs(const struct mp_block *b, uint32_t events)
{
	uint32_t n = 0, i = 0;

	if (events == b->n)
		return b->n_alloc;
	for (; i + 64 <= events; i += 64) {
		uint64_t w;

		memcpy(&w, b->op + i / 8, sizeof(w));
		n += 64 - (uint32_t)__builtin_popcountll(w);
	}
	for (; i < events; i++)
		n += !mp_bit(b->op, i);
	return n;
}

void mp_replay_total(struct replay *r, const struct mp_block *b)
{
	uint32_t from = mp_block_cut(b, r->w.from), to = mp_block_cut(b, r->w.to);

	if (!mp_replay_prepare(r, b))
		return;
	mp_replay_count(r, mp_block_allocs(b, from), mp_block_allocs(b, to));
	for (uint32_t i = 0; i < b->n_replace; i++) {
		/* without a number only the free is listed, its allocation is next */
		uint32_t at = b->replace[i].position + !(b->replace[i].value >> 3);

		if ((b->replace[i].value & 7) == MP_REPLACE_PARTIAL && at >= from && at < to &&
			!mp_bit(b->op, at))
			r->s.net[r->s.index[mp_block_allocs(b, at)]]--;
	}
	for (uint32_t i = 0; i < r->s.locals; i++)
		r->cell[r->s.cell[i]].total += (uint64_t)r->s.net[i];
	r->stopped |= to < b->n;
}

/* timeline_end.c - what happens to a timeline other than by events: processes
 * end, a base is laid, a checkpoint puts right what damage took.
 * Invariant: what a process has open when it ends or finalises stays open for ever.
 */
#include "timeline_own.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void mp_cut_settled(struct mp_cut *x, uint64_t process)
{
	const struct replay *r = x->r;

	if (!process || process > r->tree->process.n)
		return;
	for (uint32_t i = r->of_process[process]; i; i = r->next[i]) {
		x->cell[i].done |= r->done[process];
		mp_cut_dirty(x, i);
	}
}

bool mp_cut_processes(struct mp_cut *x)
{
	uint32_t n = x->r->tree->process.n + 1;
	uint8_t *ended = x->t->ended;

	if (n <= x->ended_room)
		return true;
	ended = realloc(ended, n);
	if (!ended)
		return !(x->r->failed = true);
	memset(ended + x->ended_room, MP_DIED_NEVER, n - x->ended_room);
	x->t->ended = ended;
	x->ended_room = n;
	return true;
}

void mp_cut_process_end(struct mp_cut *x, uint64_t process)
{
	if (!process || process > x->r->tree->process.n || !mp_cut_processes(x))
		return;
	mp_replay_process_end(x->r, process);
	mp_cut_settled(x, process);
	x->t->ended[process] = mp_cut_age(x);
}

void mp_cut_base(struct mp_cut *x, const struct mp_block *b)
{
	struct replay *r = x->r;

	r->age = MP_BORN_BEFORE;
	mp_replay_base(r, b);
	if (!mp_cut_cells(x))
		return;
	x->slots = b->slots > x->slots ? b->slots : x->slots;
	for (uint32_t i = 0; i < b->n && !r->failed; i++) {
		uint64_t slot = b->c_slot ? b->c_slot[i] : 0;

		if (!slot || slot >= b->slots || !r->aged[slot].cell)
			continue;
		mp_cut_dirty(x, r->aged[slot].cell);
		r->failed = !mp_open_add(x, r->aged[slot].cell, MP_BORN_BEFORE, 1);
	}
}

/* ---- after damage ------------------------------------------------------------------ */

/* A slot held OLD and holds NOW: the same block, or one is gone and one was born. */
static void compare(struct mp_cut *x, const struct aged *old, struct aged *now)
{
	struct line_cell *l = &x->cell[old->cell];

	if (now->cell && old->cell == now->cell) {
		now->born = old->born;
		return;
	}
	if (old->cell && !l->done && old->born == mp_cut_age(x) && l->young)
		l->young--;
	else if (old->cell && !l->done)
		mp_open_dies(x, old->cell, (uint8_t)old->born, 1);
	if (now->cell && !x->cell[now->cell].done)
		x->r->failed |= !mp_open_add(x, now->cell, MP_BORN_LOST, 1);
}

/* WANT of each cell are open.  Too many: some died, in slots that were given out
 * again; too few: what their process left was not seen. */
static void correct(struct mp_cut *x, const uint32_t *want, uint32_t *have)
{
	for (uint32_t i = 0; x->open && i <= x->mask; i++) {
		struct open *o = &x->open[i];
		uint32_t id = (uint32_t)(o->key >> 8), over;

		if (!o->live || (x->cell[id].done && (o->key & 255) == MP_BORN_BEFORE))
			continue;
		over = o->live > want[id] - have[id] ? o->live - (want[id] - have[id]) : 0;
		have[id] += o->live - over;
		mp_open_dies(x, id, (uint8_t)o->key, over);
	}
	for (uint32_t i = 1; i < x->cells && !x->r->failed; i++) {
		uint32_t more = want[i] - have[i];

		if (x->cell[i].young > more)
			x->cell[i].young = more;
		more -= x->cell[i].young;
		if (more)
			x->r->failed |= !mp_open_add(x, i, MP_BORN_LOST, more);
	}
}

static void correct_open(struct mp_cut *x)
{
	struct replay *r = x->r;
	uint32_t *want = calloc(x->cells, sizeof(*want)), *have = calloc(x->cells, sizeof(*have));

	if (want && have) {
		for (uint32_t i = 0; i < r->process_room; i++)
			if (r->done[i])
				mp_cut_settled(x, i);
		for (uint32_t i = 1; i < x->cells; i++)
			want[i] = x->cell[i].done ? 0 : r->cell[i].live;
		for (size_t i = 0; i < r->lefts; i++)
			want[r->left[i].cell] += r->left[i].count;
		correct(x, want, have);
	} else {
		r->failed = true;
	}
	free(want);
	free(have);
}

void mp_cut_checkpoint(struct mp_cut *x, const struct mp_block *b)
{
	static const struct aged nothing;
	struct replay *r = x->r;
	struct aged *old;
	size_t size = r->slot_bytes, n = size / sizeof(*old);

	if (mp_window_at(&r->w, b->first_time) == MP_WITHIN)
		mp_cut_reach(x, b->first_time, false);
	mp_cut_enter(x, b->first_time);
	old = r->aged;
	r->aged = NULL;
	r->slot_bytes = 0;
	r->age = MP_BORN_LOST;
	mp_replay_checkpoint(r, b);
	x->slots = b->slots > x->slots ? b->slots : x->slots;
	if (mp_replay_slots(r, x->slots) && mp_cut_cells(x)) {
		for (uint32_t i = 1; i < x->slots && !r->failed; i++)
			compare(x, i < n && old ? &old[i] : &nothing, &r->aged[i]);
		for (uint32_t i = 1; i < x->cells; i++)
			mp_cut_dirty(x, i);
		correct_open(x);
	}
	if (old)
		munmap(old, size);
	if (!r->failed && r->scope->cur > r->scope->peak)
		mp_cut_peak(x, b->first_time);
}

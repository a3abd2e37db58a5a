/* view_end.c - what happens to live blocks other than by events: processes end,
 * sums are corrected after damage, checkpoints and bases put blocks in place.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A header that does not fit the events is damage; after damage it is expected. */
void mp_replay_mismatch(struct replay *r)
{
	r->mismatches += !r->damaged;
}

/* The first block after damage tells the true sum; its difference to ours is a
 * row of its own until a checkpoint gives it back to its sites. */
void mp_replay_sum(struct replay *r, const struct mp_block *b)
{
	uint64_t bytes = b->live_bytes - r->scope->cur, blocks = b->live_blocks - r->blocks;

	if (b->resync)
		r->damaged = true;
	if (!bytes && !blocks)
		return;
	mp_replay_mismatch(r);
	r->damaged = r->was_damaged = true;
	if (r->lost.stamp != r->scope->epoch) {
		r->lost.stamp = r->scope->epoch;
		r->lost.at_bytes = r->lost.bytes;
		r->lost.at_blocks = r->lost.blocks;
	}
	r->lost.bytes += bytes;
	r->lost.blocks += blocks;
	r->scope->cur += bytes;
	r->blocks += blocks;
}

static void leave(struct replay *r, uint32_t cell, uint32_t count)
{
	struct left *left = r->left;
	size_t room = r->left_room ? r->left_room * 2 : 64;

	if (r->lefts == r->left_room) {
		left = realloc(left, room * sizeof(*left));
		if (!left) {
			r->failed = true;
			return;
		}
		r->left = left;
		r->left_room = room;
	}
	left[r->lefts++] = (struct left){cell, count};
}

/* Live at the end of PROCESS is what is live now. */
static void settle(struct replay *r, uint32_t process)
{
	if (r->done[process] || !r->settles)
		return;
	r->done[process] = 1;
	for (uint32_t i = r->of_process[process]; i; i = r->next[i])
		if (r->cell[i].live && !(r->cell[i].thread & CELL_BASE))
			leave(r, i, r->cell[i].live);
}

void mp_replay_process_end(struct replay *r, uint64_t process)
{
	uint32_t p = (uint32_t)process;

	if (!process || process > r->tree->process.n)
		return;
	settle(r, p);
	for (uint32_t i = r->of_process[p]; i; i = r->next[i])
		if (r->cell[i].live)
			mp_change(r, i, -(int64_t)r->cell[i].live);
}

void mp_replay_marks(struct replay *r, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n && b->s_name; i++) {
		uint64_t process = b->s_process ? b->s_process[i] : 0;
		uint64_t time = b->s_time ? b->s_time[i] : 0;
		const char *name = b->s_name[i] <= r->tree->string.n
					   ? mp_str(r->tree, (uint32_t)b->s_name[i])
					   : "";

		mp_window_mark(&r->w, name, time);
		r->stopped |= time >= r->w.to;
		if (process && process <= r->tree->process.n && !r->q.at_exit && !r->stopped &&
			!strcmp(name, "finalize"))
			settle(r, (uint32_t)process);
	}
}

/* The N blocks of a checkpoint or base, slot by slot. */
static void place(struct replay *r, const struct mp_block *b, uint32_t mark)
{
	uint32_t run = 0, used = 0;

	if (!b->c_slot || !b->c_site || !mp_replay_slots(r, b->slots))
		return;
	for (uint32_t i = 0; i < b->n && !r->failed; i++) {
		uint64_t thread = 1;
		uint32_t id;

		while (run < b->n_c_thread && used == b->c_thread[run].length) {
			run++;
			used = 0;
		}
		if (run < b->n_c_thread) {
			thread = b->c_thread[run].value;
			used++;
		}
		if (!b->c_slot[i] || b->c_slot[i] >= b->slots || !b->c_site[i] ||
			b->c_site[i] > r->tree->site.n)
			continue;
		id = mp_cell(r, (uint32_t)b->c_site[i], mp_replay_thread(r, thread) | mark);
		if (r->ages)
			r->aged[b->c_slot[i]] = (struct aged){id, r->age};
		else
			r->slot[b->c_slot[i]] = id;
		mp_change(r, id, 1);
	}
}

static void forget_all(struct replay *r)
{
	for (uint32_t i = 1; i <= r->cells; i++) {
		if (r->cell[i].live)
			mp_change(r, i, -(int64_t)r->cell[i].live);
		/* the checkpoint may have brought what was lost of its site */
		mp_cell_learn(r, i, r->cell[i].site);
	}
	if (r->slot && madvise(r->slot, r->slot_bytes, MADV_DONTNEED))
		memset(r->slot, 0, r->slot_bytes);
	memset(r->done, 0, r->process_room);
	r->lefts = 0;
	if (r->lost.stamp != r->scope->epoch) {
		r->lost.stamp = r->scope->epoch;
		r->lost.at_bytes = r->lost.bytes;
		r->lost.at_blocks = r->lost.blocks;
	}
	r->scope->cur -= r->lost.bytes;
	r->blocks -= r->lost.blocks;
	r->lost.bytes = r->lost.blocks = 0;
}

static bool alive(const struct replay *r, uint32_t process)
{
	for (uint32_t i = r->of_process[process]; i; i = r->next[i])
		if (r->cell[i].live)
			return true;
	return false;
}

/* Exact again: everything before is replaced by what the checkpoint says. */
void mp_replay_checkpoint(struct replay *r, const struct mp_block *b)
{
	if (!r->in_checkpoint)
		forget_all(r);
	r->in_checkpoint = b->flags & MP_FLAG_CONTINUED;
	place(r, b, 0);
	for (uint32_t i = 0; i < b->n_done; i++) {
		uint64_t p = b->c_done[i];

		/* at_exit: a finalised process that still lives has not ended */
		if (p && p <= r->tree->process.n && !(r->q.at_exit && alive(r, (uint32_t)p)))
			r->done[p] = 1;
	}
	for (uint32_t i = 0; i < b->n_left && !r->failed; i++) {
		uint64_t site = b->c_left_site[i];
		uint64_t thread = b->c_left_thread ? b->c_left_thread[i] : 1;

		if (site && site <= r->tree->site.n && b->c_left_count[i] <= UINT32_MAX &&
			r->done[mp_process_of(r, (uint32_t)site)])
			leave(r, mp_cell(r, (uint32_t)site, mp_replay_thread(r, thread)),
				(uint32_t)b->c_left_count[i]);
	}
	if (r->in_checkpoint)
		return;
	r->damaged = false;
	if (r->view == MP_VIEW_PEAK && r->opened)
		for (uint32_t i = 0; i < r->process_room; i++)
			mp_replay_peak(&r->scope[i], b->first_time);
}

void mp_replay_base(struct replay *r, const struct mp_block *b)
{
	place(r, b, r->settles && !r->ages ? CELL_BASE : 0);
	if (r->view != MP_VIEW_PEAK || !r->opened)
		return;
	/* as a window begins: the first peak, even of blocks without bytes */
	for (uint32_t i = 0; i < r->process_room; i++) {
		struct scope *s = &r->scope[i];

		s->peak = s->cur;
		s->when = b->first_time;
		s->epoch++;
	}
}

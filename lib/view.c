/* view.c - a trace's blocks, one by one, into what a view asks for.
 * Invariant: whatever the order of kinds of block, a replay never reads past
 * what the reader promises of a block (mp.h).
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* PIECE: where the pointer to it is. */
static bool enlarge(void *piece, size_t n, size_t size)
{
	void *old, *new = malloc(n * size);

	memcpy(&old, piece, sizeof(old));
	free(old);
	memcpy(piece, &new, sizeof(new));
	return new != NULL;
}

/* Room for a block of N events; what was there is lost. */
bool mp_replay_scratch(struct replay *r, uint32_t n)
{
	struct scratch *s = &r->s;
	uint32_t room = s->room ? s->room : 256;

	if (n <= s->room)
		return true;
	while (room < n)
		room *= 2;
	s->room = room;
	return enlarge(&s->cell, room + 1, sizeof(*s->cell)) &&
	       enlarge(&s->own_index, room, sizeof(*s->own_index)) &&
	       enlarge(&s->old, room, sizeof(*s->old)) &&
	       enlarge(&s->net, room + 1, sizeof(*s->net)) &&
	       (r->view != MP_VIEW_TEMPORARY || enlarge(&s->number, room, sizeof(*s->number)));
}

struct replay *mp_replay_new(const struct mp_tree *t, const struct mp_query *q)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->tree = t;
	r->q = *q;
	r->view = mp_default_view(q);
	r->q.each_process &= r->view == MP_VIEW_PEAK;
	r->q.temporary = q->temporary == MP_NONE_BETWEEN ? 0 : q->temporary ? q->temporary : 1;
	mp_window_begin(&r->w, &r->q);
	r->by_thread = q->keep & (MP_KEEP_THREAD | MP_KEEP_TID) || r->view == MP_VIEW_TEMPORARY;
	r->settles = r->view == MP_VIEW_LIVE;
	r->late = q->from || q->from_mark;
	r->opened = r->view != MP_VIEW_PEAK || !r->late;
	r->cell_room = 64;
	r->cell = calloc(r->cell_room, sizeof(*r->cell));
	r->next = calloc(r->cell_room, sizeof(*r->next));
	r->samples = mp_profile_new(NULL, 0);
	if (!r->cell || !r->next || !r->samples || mp_view_columns(r->samples, MP_VIEW_SAMPLES) ||
		!mp_replay_scratch(r, 1) || !mp_replay_reach(r)) {
		mp_replay_free(r);
		return NULL;
	}
	return r;
}

void mp_replay_free(struct replay *r)
{
	struct scratch *s;

	if (!r)
		return;
	s = &r->s;
	free(s->cell), free(s->own_index), free(s->rows);
	free(s->old), free(s->net), free(s->number);
	free(r->cell), free(r->next), free(r->cell_hash), free(r->of_site), free(r->of_process);
	free(r->done), free(r->scope), free(r->left), free(r->of_thread);
	free(r->thread_count), free(r->growth);
	if (r->slot)
		munmap(r->slot, r->slot_bytes);
	if (r->birth)
		munmap(r->birth, r->slot_bytes);
	if (r->aged)
		munmap(r->aged, r->slot_bytes);
	mp_profile_free(r->samples);
	free(r);
}

unsigned mp_replay_want(const struct replay *r)
{
	bool samples = r->view == MP_VIEW_SAMPLES || r->q.view == MP_VIEW_DEFAULT;
	unsigned want = samples || mp_query_marks(&r->q) ? MP_WANT_OTHER : 0;

	/* samples may be written behind later events */
	if (r->stopped || r->view == MP_VIEW_SAMPLES)
		return want;
	want |= MP_WANT_OP | MP_WANT_SITE;
	if (r->by_thread)
		want |= MP_WANT_THREAD;
	if (mp_query_window(&r->q) || r->q.temporary_ns || r->view == MP_VIEW_PEAK)
		want |= MP_WANT_TIME;
	if (r->view != MP_VIEW_TOTAL)
		want |= MP_WANT_FREES;
	if (r->view == MP_VIEW_TOTAL || r->view == MP_VIEW_TEMPORARY)
		want |= MP_WANT_REPLACE;
	if (r->view == MP_VIEW_LIVE)
		want |= MP_WANT_OTHER;
	return want;
}

static void events(struct replay *r, const struct mp_block *b)
{
	r->allocations |= b->n_alloc > 0;
	if (b->first_time >= r->w.to)
		r->stopped = true;
	if (r->stopped || (b->n && !b->op) || (b->n_alloc && (!b->site || !b->sites)) ||
		b->n > MP_BLOCK_MAX)
		return;
	if (!mp_replay_scratch(r, b->n)) {
		r->failed = true;
		return;
	}
	switch (r->view) {
	case MP_VIEW_LIVE:
	case MP_VIEW_PEAK:
		mp_replay_live(r, b);
		return;
	case MP_VIEW_TOTAL:
		mp_replay_total(r, b);
		return;
	case MP_VIEW_TEMPORARY:
		mp_replay_temporary(r, b);
		return;
	case MP_VIEW_SAMPLES:
	case MP_VIEW_DEFAULT:
		return;
	}
}

int mp_replay_block(struct replay *r, const struct mp_block *b)
{
	bool live = r->view == MP_VIEW_LIVE || r->view == MP_VIEW_PEAK;

	if (r->failed || !mp_replay_reach(r))
		return -1;
	switch (b->kind) {
	case MP_BLOCK_EVENTS:
		events(r, b);
		break;
	case MP_BLOCK_SAMPLES:
		mp_replay_samples(r, b);
		break;
	case MP_BLOCK_MARKS:
		mp_replay_marks(r, b);
		break;
	case MP_BLOCK_CHECKPOINT:
		if (live && !r->stopped && (r->view == MP_VIEW_PEAK || !r->late))
			mp_replay_checkpoint(r, b);
		break;
	case MP_BLOCK_BASE:
		if (live && !r->stopped && (r->view == MP_VIEW_PEAK || !r->late))
			mp_replay_base(r, b);
		break;
	case MP_BLOCK_HEAD:
	case MP_BLOCK_SERIES:
	case MP_BLOCK_ROWS:
	case MP_BLOCK_END:
	default:
		break;
	}
	return r->failed ? -1 : 0;
}

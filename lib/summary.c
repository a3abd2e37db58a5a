/* summary.c - a trace's blocks, one by one, into its figures; see summary.h.
 * Peak and live are those of the replay in view*.c; what needs no live blocks is
 * counted here.
 */
#include "summary_own.h"

#include "arena.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int summary_fail(struct mp_summary *s, const char *what)
{
	if (!s->own->error[0])
		snprintf(s->own->error, sizeof(s->own->error), "%s", what);
	return -1;
}

void *summary_room(void *x, uint32_t *room, uint32_t n, size_t size)
{
	uint32_t more = n + n / 2 + 16;
	char *moved;

	if (n <= *room)
		return x;
	moved = realloc(x, more * size);
	if (!moved) {
		free(x);
		*room = 0;
		return NULL;
	}
	memset(moved + *room * size, 0, (more - *room) * size);
	*room = more;
	return moved;
}

/* ---- life ------------------------------------------------------------------------------ */

struct mp_summary *mp_summary_new(void)
{
	struct mp_summary *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->own = calloc(1, sizeof(*s->own));
	s->total = mp_profile_new(NULL, 0);
	if (!s->own || !s->total || !(s->own->strings = mp_arena_new()) ||
		!(s->own->local = calloc(1, sizeof(*s->own->local)))) {
		mp_summary_free(s);
		return NULL;
	}
	return s;
}

/* What belongs to one part. */
static void clear_part(struct mp_summary_own *o)
{
	struct summary_local *local = o->local;
	struct arena *strings = o->strings;
	char error[sizeof(o->error)];

	mp_replay_free(o->r);
	free(o->made), free(o->last), free(o->moment), free(o->ending), free(o->paused);
	mp_slot_map_free(&o->saved);
	mp_slot_map_free(&o->others);
	memcpy(error, o->error, sizeof(error));
	*o = (struct mp_summary_own){.local = local, .strings = strings};
	memcpy(o->error, error, sizeof(error));
}

void mp_summary_free(struct mp_summary *s)
{
	if (!s)
		return;
	if (s->own) {
		clear_part(s->own);
		free(s->own->local);
		if (s->own->strings)
			mp_arena_free(s->own->strings);
	}
	free(s->own), free(s->kind), free(s->process), free(s->mark);
	mp_profile_free(s->total);
	free(s);
}

const char *mp_summary_error(const struct mp_summary *s)
{
	return s->own->error[0] ? s->own->error : mp_profile_error(s->total);
}

/* ---- blocks ------------------------------------------------------------------------------ */

static bool is_partial(const struct mp_pair *p)
{
	return (p->value & 7) == MP_REPLACE_PARTIAL;
}

static void mark_partial(struct summary_local *l, const struct mp_block *b)
{
	l->partial = false;
	for (uint32_t i = 0; i < b->n_replace; i++) {
		uint32_t at = b->replace[i].position;

		if (!is_partial(&b->replace[i]))
			continue;
		if (!l->partial)
			memset(l->skip, 0, b->n + 1);
		l->partial = true;
		l->skip[at] = 1;
		/* without a number the event after it is the other half */
		l->skip[at + 1] |= !(b->replace[i].value >> 3);
	}
}

enum summary_class summary_class(const struct mp_tree *t, uint32_t kind)
{
	enum mp_class c = mp_alloc_class(kind);

	if (!mp_counts(t, kind))
		return c == MP_CLASS_ARENA ? SUMMARY_ARENA : SUMMARY_RUNTIME;
	return c == MP_CLASS_FILE ? SUMMARY_FILE
	       : c == MP_CLASS_MAP || c == MP_CLASS_ARENA ? SUMMARY_MAP
							   : SUMMARY_BLOCK;
}

static void prepare(struct mp_summary_own *o, const struct mp_block *b)
{
	struct summary_local *l = o->local;

	l->others = l->classes = false;
	for (uint32_t i = 0; i < b->n_sites; i++) {
		const struct mp_site *site = &o->tree->site.x[b->sites[i]];
		enum summary_class class = summary_class(o->tree, site->kind);

		l->size[i] = class < SUMMARY_ARENA ? mp_site_bytes(site) & INT64_MAX : 0;
		l->class[i] = (uint8_t)class;
		l->others |= class >= SUMMARY_ARENA;
		l->classes |= class != SUMMARY_BLOCK;
		l->made[i] = 0;
	}
	for (uint32_t i = 0, ahead = 32; i < b->n_old; i++, ahead++) {
		if (ahead < b->n_old)
			__builtin_prefetch(&o->r->slot[b->old[ahead]]);
		l->cell[i] = o->r->slot[b->old[i]];
	}
	mark_partial(l, b);
}

/* The i-th allocation that lives on takes the i-th slot freed, then new ones. */
static void give_slots(struct summary_local *l, const struct mp_block *b)
{
	uint32_t old = 0, fresh = 0;

	for (uint32_t i = 0; i < b->n_alloc; i += 8) {
		uint64_t eight;

		memcpy(&eight, b->gone + i, sizeof(eight));
		if (b->n_alloc - i >= 8 && eight == 0x0101010101010101ull)
			continue;
		for (uint32_t j = i; j < i + 8 && j < b->n_alloc; j++) {
			uint32_t slot = 0;

			if (b->gone[j])
				continue;
			while (!slot && old < b->n_old)
				slot = b->old[old++];
			if (!slot && fresh < b->n_new)
				slot = b->new_[fresh++];
			l->slot[j] = slot;
		}
	}
}

/* How often each site allocated. */
static int count(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;
	struct summary_local *l = o->local;

	o->made = summary_room(o->made, &o->made_room, o->tree->site.n + 1, sizeof(*o->made));
	if (!o->made)
		return summary_fail(s, "out of memory");
	for (uint32_t i = 0; i < b->n_alloc; i++)
		l->made[b->site[i]]++;
	for (uint32_t i = 0, alloc = 0; l->partial && i < b->n; i++)
		if (!mp_bit(b->op, i) && l->skip[i])
			l->made[b->site[alloc++]]--;
		else
			alloc += !mp_bit(b->op, i);
	for (uint32_t i = 0; i < b->n_sites; i++)
		o->made[b->sites[i]] += l->made[i];
	return 0;
}

static int events(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;

	s->events += b->n;
	s->frees += b->n_free;
	o->allocations |= b->n_alloc > 0;
	o->damaged |= b->resync;
	if (!b->n && !b->n_procend)
		return 0;
	if (b->n > MP_BLOCK_MAX || (b->n && !b->op) ||
		(b->n_alloc && (!b->site || !b->sites || !b->gone)))
		return 0;
	if (!mp_replay_slots(o->r, b->slots))
		return summary_fail(s, "out of memory");
	for (uint32_t i = 0; i < b->n_old; i++)
		s->unknown_frees += !b->old[i];
	for (uint32_t i = 0; i < b->n_replace; i++)
		s->implicit_frees += (b->replace[i].value & 7) == MP_REPLACE_OVERLAP &&
				     mp_bit(b->op, b->replace[i].position);
	summary_pause_ends(s, b);
	prepare(o, b);
	give_slots(o->local, b);
	return count(s, b) || summary_recent(s, b) || summary_live(s, b) ? -1 : 0;
}

static int add_mark(struct mp_summary *s, const char *name, int64_t value)
{
	struct mp_summary_mark *m;
	size_t i = 0;
	char *copy;

	while (i < s->marks && strcmp(s->mark[i].name, name) != 0)
		i++;
	if (i == s->marks) {
		m = realloc(s->mark, (i + 1) * sizeof(*m));
		if (!m)
			return summary_fail(s, "out of memory");
		s->mark = m;
		copy = mp_arena_copy(s->own->strings, name, strlen(name));
		if (!copy)
			return summary_fail(s, "out of memory");
		m[s->marks++] = (struct mp_summary_mark){.name = copy};
	}
	m = &s->mark[i];
	m->count++;
	m->sum = (int64_t)((uint64_t)m->sum + (uint64_t)value);
	return 0;
}

static int marks(struct mp_summary *s, const struct mp_block *b)
{
	const struct mp_tree *t = s->own->tree;
	int status = 0;

	for (uint32_t i = 0; !status && i < b->n && b->s_name; i++) {
		const char *name;

		if (b->s_name[i] > t->string.n)
			continue;
		name = mp_str(t, (uint32_t)b->s_name[i]);
		status = add_mark(s, name, b->s_value ? b->s_value[i] : 0);
		if (!status && b->s_process)
			status = summary_pause_mark(s, name, b->s_process[i],
				b->s_time ? b->s_time[i] : 0);
	}
	return status;
}

int mp_summary_begin(struct mp_summary *s, struct mp_reader *r, const struct mp_query *q)
{
	struct mp_summary_own *o = s->own;
	struct mp_query query = {.view = MP_VIEW_PEAK, .at_exit = q->at_exit};

	clear_part(o);
	o->reader = r;
	o->tree = mp_tree(r);
	o->r = mp_replay_new(o->tree, &query);
	if (!o->r)
		return summary_fail(s, "out of memory");
	o->r->settles = true;
	return 0;
}

unsigned mp_summary_want(const struct mp_summary *s)
{
	return s->own->r ? mp_replay_want(s->own->r) | MP_WANT_OP | MP_WANT_SITE |
				   MP_WANT_FREES | MP_WANT_THREAD | MP_WANT_TIME |
				   MP_WANT_REPLACE | MP_WANT_OTHER
			 : 0;
}

int mp_summary_block(struct mp_summary *s, const struct mp_block *b)
{
	struct mp_summary_own *o = s->own;
	int status = 0;

	if (mp_summary_error(s))
		return -1;
	o->end = b->last_time > o->end ? b->last_time : o->end;
	if (b->kind == MP_BLOCK_EVENTS)
		status = events(s, b);
	else if (b->kind == MP_BLOCK_SERIES)
		summary_series(s, b);
	else if (b->kind == MP_BLOCK_SAMPLES)
		summary_samples(s, b);
	else if (b->kind == MP_BLOCK_MARKS)
		status = marks(s, b);
	if (!status && b->kind != MP_BLOCK_SAMPLES && mp_replay_block(o->r, b))
		status = summary_fail(s, "out of memory");
	return status;
}

int mp_summary_end(struct mp_summary *s)
{
	int status;

	summary_pause_end(s);
	status = mp_summary_error(s) ? -1 : summary_part_end(s);

	clear_part(s->own);
	return status;
}

/* ---- whole parts and streams ----------------------------------------------------------------- */

int mp_summary_part(struct mp_summary *s, struct mp_reader *r, const struct mp_query *q)
{
	unsigned long told = 0;
	const struct mp_block *b;
	int got;

	if (mp_kind(r) == MP_PROFILE)
		return summary_fail(s, "needs a trace, this is a profile");
	if (mp_summary_begin(s, r, q))
		return -1;
	while ((got = mp_next_block(r, mp_summary_want(s), &b)) > 0) {
		if (mp_summary_block(s, b))
			return -1;
		if (told < s->own->r->mismatches)       /* once a block */
			mp_note_damage(r, "block %u: sums differ from its events", b->sequence);
		told = s->own->r->mismatches;
	}
	return got < 0 ? 0 : mp_summary_end(s);
}

int mp_summary_read(struct mp_summary *s, struct mp_reader *r, const struct mp_query *q)
{
	/* A part the caller has begun is the first one. */
	int got = mp_kind(r) != 0 ? 1 : mp_next_part(r), status = 0;
	struct mp_loss loss;

	for (; got > 0 && !status; got = mp_next_part(r))
		status = mp_summary_part(s, r, q);
	loss = mp_loss(r);
	mp_add_loss(&s->loss, &loss);
	return status;
}

struct mp_summary *mp_summarise(struct mp_reader *r, const struct mp_query *q)
{
	struct mp_summary *s = mp_summary_new();

	if (s)
		mp_summary_read(s, r, q);
	return s;
}

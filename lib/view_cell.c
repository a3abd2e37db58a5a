/* view_cell.c - the tables of a replay: cells, slots, and a block's local cells.
 * Invariant: a site that does not count has no cell.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ROWS_MAX = 4 };                  /* entries of scratch.rows per allocation */

/* ---- tables as large as the tree --------------------------------------------------- */

static void *enlarge(struct replay *r, void *x, uint32_t from, uint32_t to, size_t size)
{
	char *moved = realloc(x, to * size);

	if (!moved) {
		r->failed = true;
		return x;
	}
	memset(moved + from * size, 0, (to - from) * size);
	return moved;
}

static uint32_t more(uint32_t n)
{
	return n + n / 2 + 16;
}

bool mp_replay_reach(struct replay *r)
{
	const struct mp_tree *t = r->tree;
	uint32_t room;

	if (t->site.n >= r->site_room) {
		room = more(t->site.n);
		r->of_site = enlarge(r, r->of_site, r->site_room, room, sizeof(*r->of_site));
		r->site_room = r->failed ? r->site_room : room;
	}
	if (!r->failed && t->process.n >= r->process_room) {
		room = more(t->process.n);
		r->of_process = enlarge(
			r, r->of_process, r->process_room, room, sizeof(*r->of_process));
		r->done = enlarge(r, r->done, r->process_room, room, sizeof(*r->done));
		r->scope = enlarge(r, r->scope, r->process_room, room, sizeof(*r->scope));
		for (uint32_t i = r->process_room; !r->failed && i < room; i++)
			r->scope[i].epoch = 1;
		r->process_room = r->failed ? r->process_room : room;
	}
	if (!r->failed && r->by_thread && t->thread.n >= r->thread_room) {
		room = more(t->thread.n);
		r->of_thread = enlarge(
			r, r->of_thread, r->thread_room, room, sizeof(*r->of_thread));
		r->thread_count = enlarge(
			r, r->thread_count, r->thread_room, room, sizeof(*r->thread_count));
		r->thread_room = r->failed ? r->thread_room : room;
	}
	return !r->failed;
}

/* Pages of it come to be when they are touched, so an unused slot is free. */
bool mp_replay_slots(struct replay *r, uint32_t slots)
{
	void *old = r->slot, *new;
	size_t unit = sizeof(*r->slot), size = r->slot_bytes ? r->slot_bytes : 1 << 16;

	if (r->view == MP_VIEW_TEMPORARY) {
		old = r->birth;
		unit = sizeof(*r->birth);
	} else if (r->ages) {
		old = r->aged;
		unit = sizeof(*r->aged);
	}
	if (((size_t)slots + 1) * unit <= r->slot_bytes)
		return true;
	while (size < ((size_t)slots + 1) * unit)
		size *= 2;
	new = old ? mremap(old, r->slot_bytes, size, MREMAP_MAYMOVE)
		  : mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (new == MAP_FAILED) {
		r->failed = true;
		return false;
	}
	r->slot_bytes = size;
	if (r->view == MP_VIEW_TEMPORARY)
		r->birth = new;
	else if (r->ages)
		r->aged = new;
	else
		r->slot = new;
	return true;
}

/* ---- cells ----------------------------------------------------------------------- */

static uint32_t hash_pair(uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(h >> 32);
}

static bool grow_hash(struct replay *r)
{
	uint32_t mask = r->cell_hash ? r->cell_mask * 2 + 1 : 63;
	uint32_t *hash = calloc((size_t)mask + 1, sizeof(*hash));

	if (!hash)
		return false;
	for (uint32_t i = 0; r->cell_hash && i <= r->cell_mask; i++) {
		uint32_t id = r->cell_hash[i], at;

		if (!id)
			continue;
		at = hash_pair(r->cell[id].site, r->cell[id].thread) & mask;
		while (hash[at])
			at = (at + 1) & mask;
		hash[at] = id;
	}
	free(r->cell_hash);
	r->cell_hash = hash;
	r->cell_mask = mask;
	return true;
}

void mp_cell_learn(struct replay *r, uint32_t id, uint32_t site)
{
	const struct mp_site *s = &r->tree->site.x[site];

	r->cell[id].size = mp_site_bytes(s);
	r->cell[id].weight = s->extra + 1;
}

static uint32_t new_cell(struct replay *r, uint32_t site, uint32_t thread)
{
	uint32_t id = r->cells + 1, process = mp_process_of(r, site);

	if (id >= r->cell_room) {
		uint32_t room = more(r->cell_room);

		r->cell = enlarge(r, r->cell, r->cell_room, room, sizeof(*r->cell));
		r->next = enlarge(r, r->next, r->cell_room, room, sizeof(*r->next));
		if (r->failed)
			return 0;
		r->cell_room = room;
	}
	mp_cell_learn(r, id, site);
	r->cell[id].site = site;
	r->cell[id].thread = thread;
	r->next[id] = r->of_process[process];
	r->of_process[process] = id;
	return r->cells = id;
}

/* A site's cell in a thread that is not its first. */
static uint32_t hashed_cell(struct replay *r, uint32_t site, uint32_t thread)
{
	uint32_t at, id;

	if ((!r->cell_hash || r->cells_hashed >= r->cell_mask - r->cell_mask / 4) &&
		!grow_hash(r)) {
		r->failed = true;
		return 0;
	}
	at = hash_pair(site, thread) & r->cell_mask;
	while ((id = r->cell_hash[at]) != 0) {
		if (r->cell[id].site == site && r->cell[id].thread == thread)
			return id;
		at = (at + 1) & r->cell_mask;
	}
	id = new_cell(r, site, thread);
	r->cells_hashed += id != 0;
	return r->cell_hash[at] = id;
}

uint32_t mp_cell(struct replay *r, uint32_t site, uint32_t thread)
{
	uint32_t id = r->of_site[site];

	if (id)
		return r->cell[id].thread == thread ? id : hashed_cell(r, site, thread);
	if (!mp_counts(r->tree, r->tree->site.x[site].kind))
		return 0;
	return r->of_site[site] = new_cell(r, site, thread);
}

uint32_t mp_replay_thread(const struct replay *r, uint64_t value)
{
	return r->by_thread && value <= r->tree->thread.n ? (uint32_t)value : 0;
}

/* ---- a block's local cells --------------------------------------------------------- */

static bool one_thread(const struct mp_block *b, uint64_t *thread)
{
	*thread = b->n_thread ? b->thread[0].value : 1;
	for (uint32_t i = 1; i < b->n_thread; i++)
		if (b->thread[i].value != *thread)
			return false;
	return true;
}

static uint32_t count_frees(const uint8_t *op, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (; from < to && from & 63; from++)
		n += mp_bit(op, from);
	for (; from + 64 <= to; from += 64) {
		uint64_t w;

		memcpy(&w, op + from / 8, sizeof(w));
		n += (uint32_t)__builtin_popcountll(w);
	}
	for (; from < to; from++)
		n += mp_bit(op, from);
	return n;
}

/* Number the block's threads from 1; how many. */
static uint32_t number_threads(struct replay *r, const struct mp_block *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_thread; i++)
		r->of_thread[mp_replay_thread(r, b->thread[i].value)] = 0;
	for (uint32_t i = 0; i < b->n_thread; i++) {
		uint32_t *number = &r->of_thread[mp_replay_thread(r, b->thread[i].value)];

		if (!*number)
			*number = ++n;
	}
	return n;
}

/* An empty row of local cells + 1 by site for each thread; NULL if it would be far
 * larger than the block, or memory is out. */
static uint32_t *local_rows(struct replay *r, const struct mp_block *b)
{
	size_t n = (size_t)number_threads(r, b) * b->n_sites;
	struct scratch *s = &r->s;

	if (n > ROWS_MAX * (size_t)b->n_alloc)
		return NULL;
	if (n > s->rows_room) {
		free(s->rows);
		s->rows = malloc(2 * n * sizeof(*s->rows));
		s->rows_room = s->rows ? 2 * n : 0;
		r->failed |= !s->rows;
	}
	if (s->rows)
		memset(s->rows, 0, n * sizeof(*s->rows));
	return s->rows;
}

/* Several threads: the allocations' indices become indices of (site, thread). */
static void split_by_thread(struct replay *r, const struct mp_block *b)
{
	uint32_t *rows = local_rows(r, b), at = 0, alloc = 0;
	struct scratch *s = &r->s;

	s->index = s->own_index;
	s->locals = 0;
	for (uint32_t i = 0; i < b->n_thread; i++) {
		uint32_t length = b->thread[i].length;
		uint32_t thread = mp_replay_thread(r, b->thread[i].value);
		uint32_t end = alloc + length - count_frees(b->op, at, at + length);
		uint32_t *row = rows ? rows + (size_t)(r->of_thread[thread] - 1) * b->n_sites : NULL;

		for (; alloc < end; alloc++) {
			uint32_t site = b->site[alloc], none = 0, *known = row ? &row[site] : &none;

			if (!*known) {
				s->cell[s->locals] = mp_cell(r, b->sites[site], thread);
				*known = ++s->locals;
			}
			s->own_index[alloc] = (uint16_t)(*known - 1);
		}
		at += length;
	}
}

bool mp_replay_prepare(struct replay *r, const struct mp_block *b)
{
	struct scratch *s = &r->s;
	uint64_t thread;

	if (!r->by_thread || one_thread(b, &thread)) {
		uint32_t id = r->by_thread ? mp_replay_thread(r, thread) : 0;

		s->index = b->site;
		s->locals = b->n_sites;
		for (uint32_t i = 0; i < b->n_sites; i++)
			s->cell[i] = mp_cell(r, b->sites[i], id);
	} else {
		split_by_thread(r, b);
	}
	return !r->failed;
}

/* ---- time ------------------------------------------------------------------------ */

uint32_t mp_block_cut(const struct mp_block *b, uint64_t time)
{
	uint32_t at = 0;

	if (time <= b->first_time)
		return 0;
	if (time > b->last_time)
		return b->n;
	for (uint32_t i = 0; i < b->n_time && b->time[i].value < time; i++)
		at += b->time[i].length;
	return at;
}

uint64_t mp_block_time(const struct mp_block *b, uint32_t event)
{
	for (uint32_t i = 0, at = 0; i < b->n_time; i++) {
		at += b->time[i].length;
		if (event < at)
			return b->time[i].value;
	}
	return b->last_time;
}

/* drain.c - see drain.h. */
#include "drain.h"

#include <stdlib.h>
#include <string.h>

enum {
	MS = 1000000,
	FLUSH = 1000 * MS,              /* a block at least so often */
};

int drain_init(struct drain *d, struct session *session, struct mp_writer *writer,
		struct symboliser *symboliser, void (*say)(const char *))
{
	memset(d, 0, sizeof *d);
	d->session = session;
	d->writer = writer;
	d->tree = mp_writer_tree(writer);
	d->symboliser = symboliser;
	d->say = say;
	d->slot = calloc(session->slots, sizeof *d->slot);
	d->active = calloc(session->slots, sizeof *d->active);
	d->due = calloc(session->slots, sizeof *d->due);
	d->bound = calloc(session->slots, sizeof *d->bound);
	d->copy = calloc(MP_CHUNK / 8, sizeof *d->copy);
	images_init(&d->images, d->tree, symboliser, session->chunks);
	if (!d->slot || !d->active || !d->due || !d->bound || !d->copy ||
			ident_init(&d->ident, writer) < 0 ||
			drain_emit_init(d) < 0) {
		drain_free(d);
		return -1;
	}
	d->ident.interval = session->sample;
	return 0;
}

void drain_free(struct drain *d)
{
	for (uint32_t i = 0; d->slot && i < d->session->slots; i++) {
		free(d->slot[i].stack);
		last_free(&d->slot[i].last);
	}
	drain_arrived(d, 0);
	for (unsigned i = 0; i < d->n_notes; i++)
		free(d->notes[i]);
	free(d->expected);
	free(d->slot);
	free(d->active);
	free(d->due);
	free(d->bound);
	free(d->copy);
	images_free(&d->images);
	ident_free(&d->ident);
	order_free(&d->order);
	memset(d, 0, sizeof *d);
}

/* ---- a pass over all tails ------------------------------------------------------------ */

/* A slot's first record tells of a new image; else another slot's does, by the
 * next pass at the latest.  ORPHANS: also if its parent is not known. */
static void find_image(struct drain *d, struct slot *s, bool orphans)
{
	uint64_t number = s->shared->image;
	uint32_t pid = (uint32_t)(atomic_load(&s->shared->owner) >> 32);
	struct image *image = images_find(&d->images, number);
	const struct mp_rec_image *said = NULL;
	struct cursor c = slot_cursor(s);
	struct record r;
	size_t bytes = 0;

	if (!image && slot_read(d->session, &c, s->seen, &r) == SLOT_RECORD &&
			r.type == MP_REC_IMAGE) {
		bytes = slot_copy(&r, d->copy, MP_CHUNK);
		said = bytes >= sizeof *said ? (const struct mp_rec_image *)d->copy : NULL;
	}
	if (said && said->parent_image && !orphans && !images_find(&d->images, said->parent_image))
		return;
	if (!image && (said || s->safe)) {
		image = images_new(&d->images, number, said ? said->pid : pid, said, bytes,
				(uint64_t)d->epoch * MS);
		if (!image) {
			d->ident.failed = true;
			return;
		}
		d->counts.images++;
		drain_arrived(d, image->pid);
	}
	if (!image)
		return;
	s->image = image;
	image->slots++;
	if (image->ended) {             /* it lied about its process */
		drain_drop(d, s);
		return;
	}
	image->idle_since = 0;
	image_touched(image, s->chunk);
}

static void take_tail(struct drain *d, struct slot *s)
{
	/* in this order: a dead thread's tail is its last */
	bool dead = mp_owner_died(&s->shared->alive) || (s->image && s->image->over);
	uint64_t tail = atomic_load_explicit(&s->shared->tail, memory_order_acquire);

	s->dead = dead;
	s->safe = s->seen;
	if (s->bad) {
		s->pos = s->safe = s->seen = tail;
		return;
	}
	if (tail < s->seen || tail - s->pos > (uint64_t)d->session->chunks * MP_CHUNK) {
		drain_drop(d, s);
		return;
	}
	s->seen = tail;
}

/* Parents before children, wherever their slots are. */
static void find_images(struct drain *d)
{
	bool orphans = false;
	uint32_t known;

	do {
		known = d->images.n;
		for (uint32_t i = 0; i < d->used; i++)
			if (d->slot[i].used && !d->slot[i].image)
				find_image(d, &d->slot[i], orphans);
		orphans = known == d->images.n && !orphans;
	} while (orphans || known != d->images.n);
}

static void take_tails(struct drain *d)
{
	struct mp_session *shared = d->session->shared;
	uint32_t used = atomic_load(&shared->slots_used);

	d->low = UINT32_MAX;
	d->used = used < d->session->slots ? used : d->session->slots;
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		if (s->used || slot_adopt(s, d->session, i))
			take_tail(d, s);
	}
	d->epoch = session_tick(d->session);    /* no record in sight has a later one */
	find_images(d);
}

/* Slots with something in sight.  A new image waits for the end of the one that its
 * process was before. */

static void find_active(struct drain *d)
{
	d->actives = 0;
	d->several = false;
	for (uint32_t i = d->images.first; i < d->images.n; i++)
		d->images.x[i]->windows = 0;
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		if (!s->image || s->bad || s->pos >= s->seen || s->image->before)
			continue;
		if (++s->image->windows > 1)
			d->several = true;
		s->limit = s->seen;
		d->active[d->actives++] = i;
	}
}

/* ---- a round ------------------------------------------------------------------------------- */

/* Who waits does so for a chunk, or for its own one to be read. */
static void wake_all(struct drain *d)
{
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		if (!s->used || s->pos == atomic_load_explicit(&s->shared->head,
				memory_order_relaxed))
			continue;
		atomic_store_explicit(&s->shared->head, s->pos, memory_order_release);
		d->gave = true;
	}
	atomic_thread_fence(memory_order_seq_cst);      /* they look after they say they wait */
	for (uint32_t i = 0; d->gave && i < d->used; i++)
		if (d->slot[i].used)
			session_wake(&d->slot[i].shared->waiting);
	d->gave = false;
}

uint64_t drain_round(struct drain *d)
{
	uint64_t before = d->counts.records, now;

	if (!d->more)
		take_tails(d);
	find_active(d);
	drain_emit(d);
	wake_all(d);
	if (!d->more)
		drain_find_ends(d);
	if (d->symboliser && symboliser_collect(d->symboliser, d->tree) < 0)
		d->ident.failed = true;
	now = session_now(d->session);
	if (now - d->flushed > FLUSH) {
		drain_set_time(d, d->epoch);
		mp_enc_flush(d->writer, d->time);
		d->flushed = now;
	}
	return d->counts.records - before;
}

unsigned drain_fill(const struct drain *d)
{
	uint64_t most = 0, room = (uint64_t)d->session->shared->chunks_per_slot * MP_CHUNK;

	for (uint32_t i = 0; i < d->used; i++) {
		const struct slot *s = &d->slot[i];

		if (s->used && s->seen - s->pos > most)
			most = s->seen - s->pos;
	}
	return d->more ? 100 : room ? (unsigned)(most * 100 / room) : 0;
}

/* lives.c - lifetimes; see lives.h.
 * Invariant: a bit is set where the answer differs from that of what is never freed,
 * so that an allocation nobody frees costs nothing.
 */
#include "lives.h"

#include "reader.h"
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };               /* bytes of bits mapped at a time */

struct birth { uint64_t number, time; };

struct mp_lives {
	struct mp_reader *r;
	const struct mp_spans *spans;
	bool never;                     /* what is never freed fits */
	int fd;
	uint8_t **piece;
	size_t pieces;
	uint64_t number;                /* of the last allocation */
	struct birth *slot, *made;      /* made: those of the block at hand */
	size_t slots, made_room;
};

void mp_lives_free(struct mp_lives *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->pieces; i++)
		if (l->piece[i])
			munmap(l->piece[i], PIECE);
	free(l->piece), free(l->slot), free(l->made);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

bool mp_lives_fit(const struct mp_lives *l, uint64_t number)
{
	size_t at = (size_t)(number >> 3);
	const uint8_t *piece = at / PIECE < l->pieces ? l->piece[at / PIECE] : NULL;

	return (piece && piece[at % PIECE] >> (number & 7) & 1) != l->never;
}

static int no_room(struct mp_lives *l, int cause)
{
	return mp_reader_fail(l->r, "%s: %s", mp_spool_dir(), strerror(cause));
}

/* Disk is taken before it is mapped: a write to it cannot fail. */
static int map_piece(struct mp_lives *l, size_t i)
{
	int wrong;
	void *p;

	if (l->fd < 0)
		l->fd = mp_spool_open();
	if (l->fd < 0)
		return no_room(l, errno);
	wrong = posix_fallocate(l->fd, (off_t)i * PIECE, PIECE);
	if (wrong)
		return no_room(l, wrong);
	p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd, (off_t)i * PIECE);
	if (p == MAP_FAILED)
		return no_room(l, errno);
	l->piece[i] = p;
	return 0;
}

static int set(struct mp_lives *l, uint64_t number)
{
	size_t at = (size_t)(number >> 3), had = l->pieces;

	if (at / PIECE >= l->pieces) {
		if (!mp_room(l->r, &l->piece, &l->pieces, at / PIECE + 1, sizeof(*l->piece)))
			return -1;
		memset(l->piece + had, 0, (l->pieces - had) * sizeof(*l->piece));
	}
	if (!l->piece[at / PIECE] && map_piece(l, at / PIECE))
		return -1;
	l->piece[at / PIECE][at % PIECE] |= (uint8_t)(1u << (number & 7));
	return 0;
}

static int freed(struct mp_lives *l, struct birth *b, uint64_t time)
{
	uint64_t life = time > b->time ? time - b->time : 0;
	bool differs = b->number && mp_in_spans(l->spans, life) != l->never;
	uint64_t number = b->number;

	b->number = 0;
	return differs ? set(l, number) : 0;
}

static int events(struct mp_lives *l, const struct mp_block *b)
{
	struct mp_walk w = mp_walk_begin(b);
	struct mp_survivors s = { .b = b };

	if (!mp_room(l->r, &l->made, &l->made_room, (size_t)b->n_alloc + 1, sizeof(*l->made)))
		return -1;
	while (mp_walk_next(&w)) {
		if (!w.free)
			l->made[w.it] = (struct birth){ ++l->number, w.time };
		else if (freed(l, w.inside ? &l->made[w.it] : &l->slot[w.it], w.time))
			return -1;
	}
	while (mp_survivors_next(&s))
		l->slot[s.slot] = l->made[s.alloc];
	return 0;
}

/* After damage: what a checkpoint does not know is not freed where it seems to be. */
static void forget(struct mp_lives *l, const struct mp_block *b)
{
	uint32_t at = 0;

	for (size_t i = 0; i < l->slots; i++) {
		while (at < b->n && b->c_slot[at] < i)
			at++;
		if (at == b->n || b->c_slot[at] != i)
			l->slot[i].number = 0;
	}
}

static int block(struct mp_lives *l, const struct mp_block *b)
{
	size_t had = l->slots;

	if (b->kind != MP_BLOCK_EVENTS && b->kind != MP_BLOCK_BASE &&
	    b->kind != MP_BLOCK_CHECKPOINT)
		return 0;
	if (!mp_room(l->r, &l->slot, &l->slots, b->slots, sizeof(*l->slot)))
		return -1;
	memset(l->slot + had, 0, (l->slots - had) * sizeof(*l->slot));
	if (b->kind == MP_BLOCK_EVENTS)
		return events(l, b);
	if (b->kind == MP_BLOCK_CHECKPOINT)
		forget(l, b);
	for (uint32_t i = 0; b->kind == MP_BLOCK_BASE && i < b->n; i++)
		l->slot[b->c_slot[i]] = (struct birth){ ++l->number, b->first_time };
	return 0;
}

struct mp_lives *mp_lives_read(struct mp_reader *r, const struct mp_spans *spans)
{
	struct mp_lives *l = calloc(1, sizeof(*l));
	const struct mp_block *b;

	if (!l) {
		mp_reader_fail(r, "%s: out of memory", mp_reader_name(r));
		return NULL;
	}
	*l = (struct mp_lives){ .r = r, .spans = spans, .fd = -1 };
	l->never = mp_in_spans(spans, UINT64_MAX);
	while (mp_next_block(r, MP_WANT_ALL, &b) > 0 && !block(l, b))
		;
	free(l->slot), free(l->made);
	l->slot = l->made = NULL;
	return l;
}

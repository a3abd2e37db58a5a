/* slot.c - see slot.h. */
#include "slot.h"

#include <stdlib.h>
#include <string.h>

enum { STACKS_MAX = 1 << 24 };

const uint8_t slot_words[MP_REC_TYPES] = {
	[MP_REC_NEXT] = 1, [MP_REC_ALLOC] = 3, [MP_REC_FREE] = 2, [MP_REC_BEGIN] = 3,
	[MP_REC_END] = 3, [MP_REC_UNDO] = 1, [MP_REC_INTENT] = 3, [MP_REC_MAP] = 3,
	[MP_REC_UNMAP] = 3, [MP_REC_BREAK] = 3, [MP_REC_UNLOAD] = 2, [MP_REC_FORK_BEGIN] = 2,
	[MP_REC_FORK_END] = 2, [MP_REC_EXEC] = 2, [MP_REC_LOST] = 3,
};

enum slot_read slot_read_slow(const struct session *s, struct cursor *c, uint64_t limit,
		struct record *r)
{
	/* a second NEXT in a row would lose a chunk, and no producer writes one */
	for (unsigned links = 0; links < 2; links++) {
		uint64_t offset = c->pos % MP_CHUNK, next;

		if (c->pos >= limit)
			return SLOT_END;
		if (c->pos % 8)
			return SLOT_BAD;
		r->at = (const uint64_t *)(const void *)(s->chunk + c->chunk_at + offset);
		r->w0 = word(r, 0);
		r->type = MP_REC_TYPE(r->w0);
		if (r->type == MP_REC_NONE || r->type >= MP_REC_TYPES)
			return SLOT_BAD;
		if (r->type != MP_REC_NEXT) {
			r->words = slot_words[r->type];
			if (!r->words && offset + 16 <= MP_CHUNK && limit - c->pos >= 16)
				r->words = (uint32_t)(word(r, 1) >> 32);
			if (r->words < 1 || r->words > (MP_CHUNK - offset) / 8 ||
					(limit - c->pos) / 8 < r->words)
				return SLOT_BAD;
			return SLOT_RECORD;
		}
		next = MP_REC_ADDRESS(r->w0);
		if (next >= s->chunks)
			return SLOT_BAD;
		c->pos = (c->pos / MP_CHUNK + 1) * MP_CHUNK;
		c->chunk = (uint32_t)next;
		c->chunk_at = next * MP_CHUNK;
		if (c->pos > limit)
			return SLOT_BAD;
	}
	return SLOT_BAD;
}

size_t slot_copy(const struct record *r, uint64_t *to, size_t room)
{
	size_t words = r->words;

	if (words * 8 > room)
		words = room / 8;
	for (size_t i = 0; i < words; i++)
		to[i] = word(r, (unsigned)i);
	return words * 8;
}

bool slot_adopt(struct slot *slot, struct session *s, uint32_t index)
{
	struct mp_slot *m = &s->slot[index];
	uint64_t owner;
	struct slot_stack *stack = slot->stack;

	if (!atomic_load_explicit(&m->ready, memory_order_acquire))
		return false;
	owner = atomic_load_explicit(&m->owner, memory_order_relaxed);
	if (!owner || owner == MP_SLOT_CLAIMING)
		return false;
	*slot = (struct slot){ .shared = m, .index = index, .used = true, .stack = stack,
			.claimed = atomic_load(&m->claimed), .tid = (uint32_t)owner,
			.depth = m->depth, .chunk = m->first_chunk };
	if (slot->chunk >= s->chunks) {
		slot->chunk = 0;
		slot->bad = true;
	}
	slot->chunk_at = (uint64_t)slot->chunk * MP_CHUNK;
	return true;
}

static void give_back(struct session *s, uint32_t chunk)
{
	atomic_fetch_or_explicit(&s->shared->chunk_free[chunk / 64], 1ull << (chunk % 64),
			memory_order_release);
}

bool slot_leave_chunk(struct slot *slot, struct session *s, const struct cursor *c)
{
	bool left = slot->chunk_at != c->chunk_at;

	if (left) {
		give_back(s, slot->chunk);
		atomic_fetch_sub_explicit(&slot->shared->chunks, 1, memory_order_release);
		image_touched(slot->image, c->chunk);
	}
	slot->pos = c->pos;
	slot->chunk = c->chunk;
	slot->chunk_at = c->chunk_at;
	return left;
}

void slot_recycle(struct slot *slot, struct session *s)
{
	struct mp_slot *m = slot->shared;

	give_back(s, slot->chunk);
	free(slot->stack);
	last_free(&slot->last);
	*slot = (struct slot){ 0 };
	atomic_store(&m->tail, 0);
	atomic_store(&m->head, 0);
	atomic_store(&m->ready, 0);
	atomic_store_explicit(&m->owner, 0, memory_order_release);
}

int slot_set_node(struct slot *s, uint32_t id, mp_node node)
{
	if (id >= STACKS_MAX)
		return -1;
	if (id >= s->stacks) {
		uint32_t room = s->stacks ? s->stacks : 256;
		struct slot_stack *x;

		while (room <= id)
			room *= 2;
		x = realloc(s->stack, room * sizeof *x);
		if (!x)
			return -1;
		memset(x + s->stacks, 0, (room - s->stacks) * sizeof *x);
		s->stack = x;
		s->stacks = room;
	}
	s->stack[id] = (struct slot_stack){ .node = node };
	return 0;
}

/* slot.h - the drain's side of a slot: reading its stream of records out of
 * chunks a hostile target may scribble on.
 *
 * Every record is checked where it is read: known type, inside its chunk and
 * inside what was published.  Position, chunk and what the records refer to are
 * kept here, never read back from the shared memory.
 */
#ifndef MP_SLOT_H
#define MP_SLOT_H

#include "last.h"
#include "process.h"
#include "session.h"

enum { SLOT_HELD = 8 };

struct held {                   /* a BEGIN that waits for its END */
	uint64_t address, size;
	bool settled;           /* its old block is freed already, or never was */
};

struct slot_stack {
	mp_node node;
	struct ident_memo memo;
};

struct slot {
	struct mp_slot *shared;
	struct image *image;
	uint64_t pos, chunk_at; /* consumed up to; where the chunk of POS starts in the mapping */
	uint64_t safe;          /* visible in the pass before this one: to be emitted */
	uint64_t seen;          /* visible now */
	uint64_t limit;         /* of that, what this step looks at */
	uint64_t defined;       /* definitions below this were taken ahead */
	uint64_t ahead;         /* entries of blocks below this were prefetched */
	uint64_t walked, walked_at;     /* series.c: chunks up to here are known as touched */
	uint32_t walked_chunk;
	uint32_t index, claimed, chunk, tid, depth, thread, name;
	struct slot_stack *stack;       /* by id */
	uint32_t stacks;
	struct last last;       /* stack */
	struct held held[SLOT_HELD];
	unsigned helds;
	/* an UNMAP not yet confirmed */
	uint64_t unmap_address, unmap_length, unmap_since;
	bool unmap, unmap_fixed;        /* fixed: to make room, maybe of nothing */
	bool intent;            /* an INTENT is open */
	bool used, dead, bad;
	struct ident_what intended;
	uint64_t lost_events, lost_bytes;       /* told by LOST records */
};

struct record {
	const uint64_t *at;     /* in shared memory: read each word once */
	uint64_t w0;
	unsigned type, words;
};

/* Where reading goes on, and in which chunk: the slot's own place, or ahead. */
struct cursor { uint64_t pos, chunk_at; uint32_t chunk; };

static inline struct cursor slot_cursor(const struct slot *s)
{
	return (struct cursor){ s->pos, s->chunk_at, s->chunk };
}

static inline uint64_t word(const struct record *r, unsigned i)
{
	return __atomic_load_n(&r->at[i], __ATOMIC_RELAXED);
}

enum slot_read { SLOT_RECORD, SLOT_END, SLOT_BAD };

extern const uint8_t slot_words[MP_REC_TYPES];  /* 0: of unknown length */

/* The record at C, which is below LIMIT.  NEXT records are followed. */
enum slot_read slot_read_slow(const struct session *, struct cursor *, uint64_t limit,
		struct record *);

static inline enum slot_read slot_read(const struct session *s, struct cursor *c, uint64_t limit,
		struct record *r)
{
	uint64_t offset = c->pos % MP_CHUNK;

	if (c->pos >= limit)
		return SLOT_END;
	r->at = (const uint64_t *)(const void *)(s->chunk + c->chunk_at + offset);
	r->w0 = word(r, 0);
	r->type = MP_REC_TYPE(r->w0);
	if (__builtin_expect(r->type < MP_REC_TYPES && r->type != MP_REC_NEXT, 1)) {
		r->words = slot_words[r->type];
		if (r->words && offset + r->words * 8 <= MP_CHUNK && limit - c->pos >= r->words * 8)
			return SLOT_RECORD;
	}
	return slot_read_slow(s, c, limit, r);
}

/* A private copy of a record of unknown length; returns its bytes. */
size_t slot_copy(const struct record *, uint64_t *to, size_t room);

/* Take a slot that is claimed; false: it is not (yet). */
bool slot_adopt(struct slot *, struct session *, uint32_t index);
/* Move on to C; a chunk that is consumed is given back.  True: one was. */
bool slot_leave_chunk(struct slot *, struct session *, const struct cursor *);

static inline bool slot_advance(struct slot *slot, struct session *s, const struct cursor *c)
{
	if (__builtin_expect(slot->pos / MP_CHUNK != c->pos / MP_CHUNK, 0))
		return slot_leave_chunk(slot, s, c);
	slot->pos = c->pos;
	return false;
}

/* Its thread is dead and all is consumed: the slot is free for others. */
void slot_recycle(struct slot *, struct session *);
/* The node of stack ID; 0 unknown. */
static inline mp_node slot_node(const struct slot *s, uint32_t id)
{
	return id < s->stacks ? s->stack[id].node : 0;
}
static inline struct ident_memo *slot_memo(const struct slot *s, uint32_t id)
{
	return id && id < s->stacks ? &s->stack[id].memo : NULL;
}
int slot_set_node(struct slot *, uint32_t id, mp_node);
static inline void slot_prefetch(const struct slot *s, uint32_t id)
{
	if (id < s->stacks)
		__builtin_prefetch(&s->stack[id]);
}

#endif

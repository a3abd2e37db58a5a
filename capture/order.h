/* order.h - the ordering rule: one linear extension of (each slot's order and
 * each address's order) out of streams that were read at different moments.
 *
 * No I/O and no knowledge of records: the caller shows the visible window of
 * each slot (marks, then queues), then asks for slots to be emitted up to a
 * position.  Whatever comes before a record in its own slot or on its key is
 * emitted ahead of it, as far as it is visible.  Stamps only compare records of
 * one key from different slots, by signed difference; a missing one is never
 * waited for.
 *
 * A fence is a record that looked twice how far the other slots were: what lies below
 * the first positions comes before it, what lies from the second ones on, behind it.
 * (What precedes the former is below the latter, so the two never contradict each
 * other.)  Its stamp is of one counter for all fences, taken after it looked.
 */
#ifndef MP_ORDER_H
#define MP_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order_event {
	uint64_t pos;           /* position of the record in its slot */
	uint64_t key;           /* what it is ordered on; 0: by its slot alone */
	uint32_t stamp;
	bool fence;
};

/* Of SLOT what is below BEFORE comes before a fence, what is from BEHIND on behind it. */
struct order_bound { uint32_t slot; uint64_t before, behind; };

struct order_source {
	void *ctx;
	/* The next record of SLOT that is visible and not yet emitted; false: none. */
	bool (*peek)(void *ctx, unsigned slot, struct order_event *);
	/* Emit it.  MUST move the slot on. */
	void (*emit)(void *ctx, unsigned slot);
};

struct order_node;
struct order_entry;
struct order_fence;

struct order {
	struct order_source source;
	/* who touched a key: 0, slot + 1, or SHARED.  First by page, small enough
	 * for the nearest cache; then by key, where a page is shared. */
	uint16_t page[4096];
	uint16_t *mark;
	bool pages_shared;
	uint32_t *head;                 /* by hash of the key: first node of its chain */
	struct order_node *node;        /* from 1 */
	struct order_entry *entry;      /* from 1 */
	uint8_t *busy;                  /* per slot: being emitted further up the stack */
	uint32_t mark_mask, mark_room, head_mask, head_room;
	uint32_t nodes, node_room, entries, entry_room, slots;
	uint64_t shared;                /* how many records were added so far, ever */
	/* fences, group by group, each in its order; a slot does not go beyond BAR
	 * ahead of the next fence of its group */
	struct order_fence *fence;
	struct order_bound *bound;
	uint32_t fences, fence_room, bounds, bound_room;
	uint64_t *bar;                  /* per slot; UINT64_MAX: no fence */
	uint32_t *next;                 /* per slot: that fence */
};

#define ORDER_SHARED 0xffffu

/* SLOTS < 65534.  -1: no memory. */
int order_init(struct order *, const struct order_source *, unsigned slots);
void order_free(struct order *);

/* A new window. */
void order_begin(struct order *);
/* Before the second pass: it has about RECORDS records.  -1: no memory. */
int order_room(struct order *, size_t records);

static inline uint32_t order_hash(uint64_t key)
{
	return (uint32_t)((key * 0x9E3779B97F4A7C15ull) >> 32);
}

static inline uint32_t order_page(uint64_t key)
{
	return order_hash(key >> 12) >> 20;
}

static inline bool order_meet(uint16_t *mark, unsigned slot)
{
	if (*mark == 0 || *mark == slot + 1) {
		*mark = (uint16_t)(slot + 1);
		return false;
	}
	*mark = (uint16_t)ORDER_SHARED;
	return true;
}

/* First pass: the window of SLOT holds a record on KEY. */
static inline void order_mark_page(struct order *o, unsigned slot, uint64_t key)
{
	if (order_meet(&o->page[order_page(key)], slot))
		o->pages_shared = true;
}

/* Second pass, only if pages_shared. */
static inline void order_mark(struct order *o, unsigned slot, uint64_t key)
{
	if (o->page[order_page(key)] == ORDER_SHARED)
		order_meet(&o->mark[order_hash(key) & o->mark_mask], slot);
}

/* After that: whether other slots may hold records on KEY. */
static inline bool order_shared(const struct order *o, uint64_t key)
{
	return o->page[order_page(key)] == ORDER_SHARED &&
		o->mark[order_hash(key) & o->mark_mask] == ORDER_SHARED;
}

/* Third pass, in the order of the slot; keys that are not shared may be left
 * out.  -1: no memory (the order is then only that of the slots). */
int order_add(struct order *, unsigned slot, uint64_t pos, uint64_t key, uint32_t stamp);

/* First pass: EVENT of SLOT is a fence.  BOUND has one entry for every slot of GROUP
 * with a window, its own (both: its position), too, in the same order for all fences
 * of the group; all below is visible.  -1: no memory. */
int order_add_fence(struct order *, uint32_t group, unsigned slot,
		const struct order_event *event, const struct order_bound *bound, unsigned n);
/* After the first pass. */
void order_rank_fences(struct order *);

/* Emit what SLOT holds below UNTIL, and ahead of each record what precedes it. */
void order_emit(struct order *, unsigned slot, uint64_t until);

#endif

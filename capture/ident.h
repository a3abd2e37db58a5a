/* ident.h - which allocation an address names now, and as which site it goes
 * into the trace.
 *
 * Per process image a table of live blocks (16 bytes an entry) and an interval
 * map of live mappings.  Events arrive here in their final order; every live
 * block holds the encoder's ref of its allocation, kept right by the survivor
 * callback when a block of events closes.
 */
#ifndef MP_IDENT_H
#define MP_IDENT_H

#include "encode.h"

struct block {
	uint64_t address : 48, held : 16;       /* address 0: empty; held: a realloc of it has begun */
	uint32_t ref, site;
};

struct blocks {
	struct block *x;
	size_t mask, n, most;   /* most: it grows before it holds more; x NULL: nothing yet */
};

struct range { uint64_t from, to; uint32_t map; };

struct live_map {               /* one mapping: its ranges may have holes */
	uint64_t size;          /* what is left of it; 0: free entry */
	uint32_t ref, site;
};

struct maps {
	struct range *range;    /* sorted, apart from each other */
	struct live_map *map;
	uint32_t *free;         /* unused entries of map */
	size_t ranges, range_room, maps, map_room, frees, free_room;
};

/* The identity of a process image's memory. */
struct memory {
	struct blocks blocks;
	struct maps maps;
	uint32_t process;       /* in the tree */
	bool gaps;              /* recording was paused: not all its blocks are known */
};

struct ident_counts {
	uint64_t allocs, frees;
	uint64_t overlaps;      /* allocations over a live block: it ended unseen */
	uint64_t outside;       /* frees of addresses not known */
	uint64_t unrecorded;    /* likewise, where not all blocks are: left out, in no other count */
};

struct ident_site;
struct ident_open;

struct ident {
	struct mp_writer *writer;
	struct mp_tree *tree;
	struct ident_site *cache;
	struct ident_open *open;        /* by index in the open block of events */
	uint64_t time;                  /* of the events that follow, ns */
	uint32_t thread;                /* that does them */
	struct ident_counts counts;
	bool failed;                    /* no memory: what follows is not exact */
	uint32_t interval;              /* of a sample, 0: all is recorded */
	uint64_t seed;                  /* of the rounding of its weights */
};

/* Becomes WRITER's encoder.  -1: no memory. */
int ident_init(struct ident *, struct mp_writer *writer);
void ident_free(struct ident *);

/* The site that a stack of one process was last met with. */
struct ident_memo {
	uint64_t size;
	uint32_t kind, site;    /* site 0: none yet */
};

/* What an event came with. */
struct ident_what {
	uint64_t address, size;
	mp_node node;
	uint32_t kind;          /* enum mp_alloc */
	struct ident_memo *memo;        /* of the stack; NULL: not known */
};

uint32_t ident_site(struct ident *, uint32_t process, const struct ident_what *);
struct block *ident_find(const struct memory *, uint64_t address);

/* Neighbours in memory are neighbours in the table: a line of one is about a line
 * of the other. */
static inline size_t ident_home(const struct blocks *b, uint64_t address)
{
	uint64_t x = (address >> 6) * 0x9E3779B97F4A7C15ull;

	return ((x ^ x >> 32) << 2 | (address >> 4 & 3)) & b->mask;
}

static inline void ident_prefetch(const struct memory *m, uint64_t address)
{
	if (m->blocks.x)
		__builtin_prefetch(&m->blocks.x[ident_home(&m->blocks, address)], 1);
}

void ident_alloc(struct ident *, struct memory *, const struct ident_what *);
void ident_release(struct ident *, struct memory *, uint64_t address);  /* a free */
/* A realloc: OLD (0: none) ends, WHAT begins, adjacent. */
void ident_realloc(struct ident *, struct memory *, uint64_t old, const struct ident_what *);
/* The image ended: all it had leaves the sum. */
void ident_procend(struct ident *, struct memory *);

/* Mappings (mapping.c).  Lengths are rounded up to pages unless EXACT. */
void ident_map(struct ident *, struct memory *, const struct ident_what *);
void ident_unmap(struct ident *, struct memory *, uint64_t from, uint64_t length,
		enum mp_replace partial);
void ident_remap(struct ident *, struct memory *, uint64_t old, uint64_t length,
		const struct ident_what *);
bool ident_maps_meet(const struct memory *, uint64_t from, uint64_t length);

/* For mapping.c: an allocation or free in the encoder.  WHERE finds the holder
 * of the ref again: an address, or IDENT_MAP | index. */
#define IDENT_MAP (1ull << 63)
uint32_t ident_put_alloc(struct ident *, struct memory *, uint64_t where, uint32_t site);
void ident_put_free(struct ident *, uint32_t ref, uint32_t site);
void ident_maps_survivor(struct memory *, uint32_t map, uint32_t slot);
void ident_maps_end(struct ident *, struct memory *);

#endif

/* timeline_own.h - inside lib/timeline*.c: how a trace becomes buckets.
 *
 * The bucket at hand is gathered in struct mp_cut; closing it packs what happened
 * into sorted lists.  A bucket may be closed and opened again (the width changed
 * in its middle): its pieces are merged like any two neighbours.
 * Invariant: what slot[] and the open births name are buckets of the present width.
 */
#ifndef MP_TIMELINE_OWN_H
#define MP_TIMELINE_OWN_H

#include "timeline.h"
#include "view.h"

/* Pairs (key, count), keys ascending: LEB128 of the key's step and of the count. */
struct packed {
	uint8_t *data;
	size_t n, room;
	uint64_t last;
};

/* flow: by bucket of death, [MP_BUCKETS] never; keys cell << 8 | born.
 * level: by bucket; keys cell. */
struct mp_timeline_own {
	struct packed flow[MP_BUCKETS + 1], level[MP_BUCKETS];
};

struct line_cell {
	uint64_t born;       /* allocations in the open bucket */
	uint32_t young;      /* those of them that live */
	uint32_t shown;      /* its last level */
	bool dirty, done;    /* its process has ended or finalised: no flows any more */
};

/* Blocks born in a closed bucket.  DIED: since the open one began. */
struct open {
	uint64_t key; /* cell << 8 | born; 0: none */
	uint32_t live, died;
};

struct reading { uint64_t time; int64_t sum; bool any; };

struct mp_cut {
	struct replay *r;
	struct mp_timeline *t;
	uint64_t step;       /* what all times are multiples of; 0: none but FROM yet */
	uint64_t tick;       /* what they are known to be multiples of, 0: not known */
	int now;             /* the open bucket; -1: before the window */
	bool any, reopened;  /* something happened; NOW was closed before */
	struct mp_bucket b;  /* the open one's figures */
	struct line_cell *cell;
	uint32_t cells, room;
	uint64_t *dirty;     /* cells to look at when the bucket closes */
	uint32_t dirties;
	struct open *open;
	uint32_t opens, mask;
	uint64_t *dead;      /* keys of open[] with died > 0 */
	size_t deads, dead_room;
	uint64_t *spare;     /* of the sort */
	size_t spare_room;
	struct packed carry; /* levels of a piece that was passed over */

	uint8_t *old_born;   /* per entry of block->old */
	uint8_t *birth;      /* per allocation of the block, of buckets left behind */
	uint32_t *ended;     /* per local cell: freed */
	uint64_t *size;      /* per local cell */
	uint32_t events;     /* room of these four */
	uint32_t slots;      /* used so far */

	struct reading *reading; /* per series */
	uint32_t *series_of, string_room; /* string -> series + 1 */
	size_t mark_room, partial_room;
	uint32_t ended_room;
};

/* ---- timeline_pack.c: packed lists; false: out of memory ------------------------- */

bool mp_pack(struct packed *, uint64_t key, uint64_t count);
/* The pair at *AT; LAST of it is the key before.  False at the end. */
bool mp_unpack(const struct packed *, size_t *at, uint64_t *key, uint64_t *count);
/* Append the union of A and B, the low byte of B's keys through MAP (NULL: as it
 * is).  Counts of equal keys are added, or (not ADD) B's holds. */
bool mp_pack_union(struct packed *to, const struct packed *a, const struct packed *b,
	const uint8_t *map, bool add);
void mp_pack_free(struct packed *);
/* KEY ascending; SPARE: room for as many. */
void mp_sort_keys(uint64_t *key, uint64_t *spare, size_t n);

/* ---- timeline_open.c: what was born in closed buckets and lives -------------------- */

struct open *mp_open_find(struct mp_cut *, uint64_t key);         /* NULL: none */
bool mp_open_add(struct mp_cut *, uint32_t cell, uint8_t born, uint32_t count);
void mp_open_dies(struct mp_cut *, uint32_t cell, uint8_t born, uint32_t count);
bool mp_open_map(struct mp_cut *, const uint8_t map[256]);

/* ---- timeline_bucket.c ---------------------------------------------------------------- */

/* Make the buckets reach TIME; with EXACT it is one that the step must divide. */
void mp_cut_reach(struct mp_cut *, uint64_t time, bool exact);
void mp_cut_coarsen(struct mp_cut *);    /* at the end: no bucket less than a step */
uint32_t mp_cut_bucket(const struct mp_cut *, uint64_t time);    /* that TIME is in */
void mp_cut_enter(struct mp_cut *, uint64_t time);       /* close what is before it */
void mp_cut_close(struct mp_cut *);
bool mp_cut_cells(struct mp_cut *);                      /* as many as the replay's */
void mp_cut_peak(struct mp_cut *, uint64_t time);        /* the sum is the highest now */

/* ---- timeline_events.c, timeline_end.c ----------------------------------------------------- */

void mp_cut_events(struct mp_cut *, const struct mp_block *);
/* A block of a cell was born in BUCKET, but is no allocation (timeline.c). */
void mp_cut_partial(struct mp_cut *, uint32_t bucket, uint32_t cell);
/* PROCESS may have ended or finalised: no flows of its cells any more. */
void mp_cut_settled(struct mp_cut *, uint64_t process);
void mp_cut_process_end(struct mp_cut *, uint64_t process);
bool mp_cut_processes(struct mp_cut *);  /* t->ended[] as large as the tree */
void mp_cut_base(struct mp_cut *, const struct mp_block *);
void mp_cut_checkpoint(struct mp_cut *, const struct mp_block *);

/* The birth of a block made now. */
static inline uint8_t mp_cut_age(const struct mp_cut *x)
{
	return x->now < 0 ? MP_BORN_BEFORE : (uint8_t)x->now;
}

static inline void mp_cut_dirty(struct mp_cut *x, uint32_t id)
{
	if (x->cell[id].dirty || !id)
		return;
	x->cell[id].dirty = true;
	x->dirty[x->dirties++] = id;
}

/* TIME belongs to a later bucket than the open one. */
static inline bool mp_cut_is_past(const struct mp_cut *x, uint64_t time)
{
	return x->now < 0 ? time >= x->t->from : (int)mp_cut_bucket(x, time) > x->now;
}

#endif

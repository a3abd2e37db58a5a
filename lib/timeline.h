/* timeline.h - a part of a trace cut into at most 200 buckets of time, in one pass.
 *
 * A cell is a site and the thread that allocated there.  Every allocation of a
 * cell is counted once, by the bucket it was born in and the bucket it died in;
 * with what each cell held when each bucket's live bytes were highest, every
 * table of a report stays exact for any window of whole buckets [a,b):
 *
 *   allocated   born in the window; what partial unmaps left taken off (partial[])
 *   leaked      born in the window, died at or after b or never; the window of all
 *               buckets: born LOST, too
 *   live at b   born before b (BEFORE and LOST, too), died at or after b or never, its
 *               process not ended before b
 *   peak        the levels at the window's first bucket with the largest max_bytes
 *
 * "Never" has the meaning of mp-leaks: live when the process finalised, or ended,
 * or else at the end.  What a process does after that is no leak: its blocks live
 * at that moment die never, later ones at once; its levels follow the events all
 * the same.  Bytes are count * the site's size; cells of sites that do not count
 * (runtime, arenas where objects are traced) do not exist.
 *
 * There are 100 to 200 buckets; fewer only if each is one step wide, a step being
 * what all times of the trace are multiples of.  If the trace's tick or the first
 * block of events shows the step, wider buckets are whole steps.  Edges are exact in
 * ns.
 *
 * Invariant: every sum over cells equals the bucket's own figure, lost_* aside.
 */
#ifndef MP_TIMELINE_H
#define MP_TIMELINE_H

#include "mp.h"

enum {
	MP_BUCKETS = 200,

	/* in flow.born */
	MP_BORN_LOST = 253,     /* found live by a checkpoint after damage: when it was
				 * allocated is not known */
	MP_BORN_BEFORE = 254,   /* live before: a BASE block, or before the window */
	/* in flow.died */
	MP_DIED_NEVER = 255,
};

struct mp_bucket {
	/* The first moment of the most live bytes, the bucket's start included. */
	uint64_t max_bytes, max_blocks, max_time;       /* ns since the part began */
	int64_t lost_bytes, lost_blocks;        /* of those: not known whose, after damage */
	uint64_t end_bytes, end_blocks;         /* live at its end */
	uint64_t allocs, alloc_bytes;           /* partial replacements left out */
	uint64_t frees, free_bytes;             /* ends of processes are none */
	uint64_t samples, cpu;                  /* running ones; weight in ns */
};

struct mp_series_line {
	const char *name;       /* "rss", "rss_anon", …: of the tree */
	/* Per bucket the largest sum over processes; values of one moment are one
	 * reading of all of them.  -1: no value in that bucket. */
	int64_t max[MP_BUCKETS];
};

struct mp_mark_line {
	uint64_t time;          /* ns since the part began */
	uint32_t process, thread;       /* of the tree, 0: none */
	const char *name;
	int64_t value;
};

struct mp_cell { uint32_t site, thread; };      /* thread 0: threads are not kept */

struct mp_partial { uint32_t cell; uint8_t bucket; uint64_t count; };

struct mp_timeline {
	const struct mp_tree *tree;     /* the reader's: until its next part */
	uint32_t n;                     /* buckets; 0: nothing happened from FROM on */
	uint64_t from, width;           /* bucket i: [from + i * width, … + width) ns */
	uint64_t end;                   /* time of the last event or record, or the window's */
	char missing[160];              /* not "": why the part has no such window */
	struct mp_bucket bucket[MP_BUCKETS];
	struct mp_cell *cell;           /* 1..cells */
	uint32_t cells;
	struct mp_series_line *series;
	size_t n_series;
	struct mp_mark_line *mark;      /* those from FROM on, in order of the stream */
	size_t n_marks;
	struct mp_partial *partial;     /* born there, but no allocations; any order */
	size_t n_partial;
	uint8_t *ended;                 /* per process of the tree: the bucket its image ended
					 * in, BORN_BEFORE, or DIED_NEVER */
	bool damaged;                   /* births and deaths are approximate */
	int64_t lost_bytes, lost_blocks;        /* live at the end, not known whose */
	struct mp_timeline_own *own;    /* packed flows and levels */
};

/* Read the part begun by mp_next_part to its end.  Of QUERY count the window (the
 * buckets begin at its beginning; what is live then was born BEFORE), keep (THREAD
 * or TID: cells are by thread), at_exit and idle.  NULL when memory is out; other
 * failures are the reader's (mp_error, mp_damage), what is missing is mp_loss()'s. */
struct mp_timeline *mp_timeline_read(struct mp_reader *, const struct mp_query *);
/* Or block by block, beside another consumer of the same blocks:
 *	x = mp_cut_new(mp_tree(r), &query);
 *	while (mp_next_block(r, mp_cut_want(x) | …, &b) > 0 && !mp_cut_block(x, b))
 *		;
 *	t = mp_cut_end(x);
 * mp_cut_block: -1 when memory is out; then mp_cut_end gives NULL.  Headers that
 * contradict the events are told by mp_timeline_read alone. */
struct mp_cut;
struct mp_cut *mp_cut_new(const struct mp_tree *, const struct mp_query *);
/* All times are multiples of TICK: a hint, mp_reader_tick(r)'s; before the first block. */
void mp_cut_tick(struct mp_cut *, uint64_t tick);
unsigned mp_cut_want(const struct mp_cut *);
int mp_cut_block(struct mp_cut *, const struct mp_block *);
struct mp_timeline *mp_cut_end(struct mp_cut *);      /* frees it */
void mp_timeline_free(struct mp_timeline *);

/* ---- flows: how many blocks of a cell were born when and died when ------------ */

struct mp_flow {
	uint32_t cell;
	uint8_t born;           /* a bucket, MP_BORN_BEFORE or MP_BORN_LOST */
	uint8_t died;           /* a bucket >= born, or MP_DIED_NEVER */
	uint64_t count;         /* > 0 */
};

/* Flows come by bucket of death, never last; in it by cell, then by birth; each
 * triple once.  A walk begins with a cursor of zeros; false at its end. */
struct mp_cursor { uint32_t list; size_t at; uint64_t key; };
bool mp_next_flow(const struct mp_timeline *, struct mp_cursor *, struct mp_flow *);

/* ---- levels: live blocks of a cell at the maximum of each bucket --------------- */

struct mp_level {
	uint32_t cell;
	uint8_t bucket;
	uint64_t count;         /* from this bucket on, until the cell's next level */
};

/* Only changes, by bucket, in it by cell.  Before its first level a cell holds 0. */
bool mp_next_level(const struct mp_timeline *, struct mp_cursor *, struct mp_level *);

/* ---- windows of whole buckets [a,b): adds to COUNT[cell], cells + 1 of them ------ */

void mp_timeline_allocated(const struct mp_timeline *, uint32_t a, uint32_t b, uint64_t *count);
void mp_timeline_leaked(const struct mp_timeline *, uint32_t a, uint32_t b, uint64_t *count);
/* At the beginning of bucket B; b = n: at the end. */
void mp_timeline_live(const struct mp_timeline *, uint32_t b, uint64_t *count);
/* Returns the bucket of the peak; a < b. */
uint32_t mp_timeline_peak(const struct mp_timeline *, uint32_t a, uint32_t b, uint64_t *count);

/* Bytes of a block of CELL. */
uint64_t mp_timeline_size(const struct mp_timeline *, uint32_t cell);
/* The bucket TIME falls in; n if it is past the last, 0 if before the first. */
uint32_t mp_timeline_at(const struct mp_timeline *, uint64_t time);

#endif

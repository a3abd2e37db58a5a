/* summary_own.h - what the files of a summary share: the part at hand.
 * A block of events is counted before the replay applies it, so slot -> cell in
 * the replay is as it was at the block's start.
 */
#ifndef MP_SUMMARY_OWN_H
#define MP_SUMMARY_OWN_H

#include "slot_map.h"
#include "summary.h"
#include "view.h"

/* What live bytes are told apart by; live[0] is the sum of all that count. */
enum summary_class {
	SUMMARY_BLOCK,
	SUMMARY_MAP,
	SUMMARY_FILE,
	SUMMARY_ARENA,          /* it and what follows do not count */
	SUMMARY_RUNTIME,
	SUMMARY_CLASSES,
};

/* Of the block of events at hand, by index of its sites; and by allocation. */
struct summary_local {
	uint64_t size[MP_BLOCK_MAX];    /* 0 where it does not count */
	uint32_t made[MP_BLOCK_MAX];
	uint8_t class[MP_BLOCK_MAX];    /* enum summary_class */
	bool others;                    /* any that does not count */
	bool classes;                   /* any but SUMMARY_BLOCK */
	bool partial;                   /* any partial replacement: SKIP is set */
	uint8_t skip[MP_BLOCK_MAX + 1]; /* per event: part of one */
	uint32_t slot[MP_BLOCK_MAX];    /* per allocation that lives on */
	uint32_t cell[MP_BLOCK_MAX];    /* per entry of block->old */
};

/* The last two allocations of a thread, the latest first: a slot, or SUMMARY_OPEN
 * and an index in the block at hand; 0: none. */
#define SUMMARY_OPEN (1ull << 32)
struct summary_last {
	uint64_t id[2];
};

struct summary_moment {
	uint64_t time;          /* what is live after its events */
	int64_t live[SUMMARY_CLASSES];
};

struct summary_reading {
	uint64_t time, processes;
	int64_t rss, anon, file, shmem;
};

struct mp_summary_own {
	char error[128];
	struct arena *strings;

	/* the part at hand */
	struct mp_reader *reader;
	const struct mp_tree *tree;
	struct replay *r;
	struct summary_local *local;
	uint64_t *made;                 /* per site: allocations, partial ones left out */
	uint32_t made_room;
	uint64_t end;                   /* the latest time */
	bool allocations, damaged;
	uint64_t *paused;               /* per process: since when, + 1; 0: it is recorded */
	uint32_t paused_room;

	/* temporary */
	struct summary_last *last;      /* per thread */
	uint32_t last_room;
	struct mp_slot_map saved;       /* slot -> the thread that has it in LAST */

	/* heap at readings of the resident set */
	struct summary_moment *moment;  /* [0]: the latest one before those kept */
	size_t moments, moment_room;
	int64_t live[SUMMARY_CLASSES];
	struct mp_slot_map others;      /* slot -> site of what does not count */
	uint32_t *ending, ending_room;  /* per process, of the block at hand */
	struct summary_reading now, best, sample;
	uint64_t readings, sample_readings;
	struct mp_summary_rss rss;      /* BEST, once its moment is past */
	bool reading, resolved;
};

enum summary_class summary_class(const struct mp_tree *, uint32_t kind);

/* Walks a block's events; events, allocations, frees, old frees so far. */
struct summary_walk {
	uint32_t event, alloc, free, old;
};

int summary_fail(struct mp_summary *, const char *what);        /* -1 */
/* Room for N entries in X of *ROOM, the new ones zero; NULL when memory is out. */
void *summary_room(void *x, uint32_t *room, uint32_t n, size_t size);

/* summary_recent.c: temporary allocations */
int summary_recent(struct mp_summary *, const struct mp_block *);
/* summary_live.c: what is live at the times of a block of events */
int summary_live(struct mp_summary *, const struct mp_block *);
/* summary_heap.c */
int summary_moment(struct mp_summary *, uint64_t time);         /* own->live is live then */
void summary_heap_passed(struct mp_summary *, uint64_t time);
void summary_series(struct mp_summary *, const struct mp_block *);
void summary_samples(struct mp_summary *, const struct mp_block *);
void summary_heap_end(struct mp_summary *);
/* summary_pause.c: a mark of a process; the ends of processes in a block; of the part */
int summary_pause_mark(struct mp_summary *, const char *name, uint64_t process, uint64_t time);
void summary_pause_ends(struct mp_summary *, const struct mp_block *);
void summary_pause_end(struct mp_summary *);
/* summary_part.c: the part's figures into the summary */
int summary_part_end(struct mp_summary *);

/* The ops of events AT to AT + 63 of block B, those from TO on as 0. */
static inline uint64_t summary_frees(const struct mp_block *b, uint32_t at, uint32_t to)
{
	uint64_t w;

	__builtin_memcpy(&w, b->op + at / 8, sizeof(w));
	return to - at < 64 ? w & ((1ull << (to - at)) - 1) : w;
}

#endif

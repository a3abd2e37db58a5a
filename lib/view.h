/* view.h - the replay of a trace's blocks into counts per cell.
 *
 * A cell is a site and the thread that allocated there.  Only counts of recorded
 * blocks are kept; bytes = count * what one stands for (mp_site_bytes).  Cell 0 swallows what does not count: sites
 * of an uncounted kind, blocks from outside the stream or the window.
 */
#ifndef MP_VIEW_H
#define MP_VIEW_H

#include "profile.h"
#include "window.h"

#include <string.h>

#define CELL_BASE 0x80000000u /* in a cell's thread: born before a filter's window */

/* AT: LIVE before the first change of epoch STAMP. */
struct cell {
	uint64_t size; /* what one block of the site stands for */
	uint32_t site, thread;
	union {
		struct {
			uint32_t live, at;
		};
		uint64_t total;
	};
	uint32_t stamp;
	uint32_t weight; /* the site's; 0: cell 0 */
};

/* One sum whose maximum is looked for.  At its peak a cell held AT if its stamp
 * is EPOCH, else LIVE. */
struct scope {
	uint64_t cur, peak, when;
	uint32_t epoch;
};

/* What a process left when it ended. */
struct left {
	uint32_t cell, count;
};

/* temporary: a live block */
struct birth {
	uint64_t number;
	uint32_t cell, thread;
};

/* The resident set of a process, 0 while not known, and its change at the moment at
 * hand, which N samples share. */
struct growth {
	int64_t rss, delta;
	uint32_t n, given;
};

/* samples, time, rss, rss_sum, rss_growth */
enum { MP_SAMPLE_COLUMNS = 5 };

/* timeline: a live block, born in a bucket of time */
struct aged {
	uint32_t cell, born;
};

struct scratch {               /* of the block at hand */
	uint32_t room;         /* events it may have */
	const uint16_t *index; /* per allocation: its local cell */
	uint32_t *cell;        /* local cell -> cell */
	uint32_t locals;
	uint16_t *own_index;
	uint32_t *rows; /* thread of the block, site index -> local cell + 1 */
	size_t rows_room;
	uint32_t *old;    /* per entry of block->old: its cell */
	int32_t *net;     /* per local cell */
	uint64_t *number; /* temporary: per allocation */
};

struct replay {
	const struct mp_tree *tree;
	struct mp_query q;
	struct mp_window w;
	enum mp_view view;
	bool by_thread, opened, stopped, failed;
	bool settles;              /* what each process leaves at its end is kept */
	bool late;                 /* the window does not begin with the part */
	bool damaged, was_damaged; /* since the last checkpoint; ever */
	bool in_checkpoint, allocations;
	unsigned long mismatches; /* headers that contradict the events */

	struct cell *cell;
	uint32_t *next; /* cell -> the one before of the same process */
	uint32_t cells, cell_room;
	uint32_t *of_site, site_room;       /* site -> its first cell */
	uint32_t *cell_hash, cell_mask, cells_hashed; /* the others, by site and thread */
	uint32_t *of_process, process_room; /* process -> its last cell */
	uint8_t *done;                      /* process: ended or finalised */
	struct scope *scope;                /* [0] the whole, [p] process p if each */
	uint64_t blocks;                    /* live, counted, by weight */
	struct left *left;
	size_t lefts, left_room;
	struct {
		uint64_t bytes, blocks, at_bytes, at_blocks;
		uint32_t stamp;
	} lost;

	uint32_t *slot;      /* slot -> cell */
	struct birth *birth; /* slot -> birth (temporary) */
	struct aged *aged;   /* slot -> cell and age (timeline) */
	bool ages;           /* aged[], not slot[] */
	uint32_t age;        /* of blocks put in place */
	size_t slot_bytes;
	uint32_t *of_thread;    /* by_thread: thread -> its number in the block */
	uint64_t *thread_count; /* temporary: allocations per thread */
	uint32_t thread_room;
	struct scratch s;
	struct mp_profile *samples; /* keys: node, tid = thread, of the trace's tree */
	bool sampled;               /* a sample was met, counted or not */
	struct growth *growth;      /* by process */
	size_t growth_room;
};

/* What the rows of samples held when they were last made: time by row of r->samples. */
struct mp_recent {
	int64_t *time;
	size_t rows;
};

struct replay *mp_replay_new(const struct mp_tree *, const struct mp_query *);
void mp_replay_free(struct replay *);
unsigned mp_replay_want(const struct replay *);                /* for the next block */
int mp_replay_block(struct replay *, const struct mp_block *); /* -1: out of memory */
/* The rows of the view, added to P; MAP: from the trace's tree to P's. */
int mp_replay_rows(struct replay *, struct mp_profile *p, struct mp_tree_map *map);
/* The same, and samples with a column more: "recent", the time since RECENT, which is
 * brought up to date. */
int mp_replay_rows_since(struct replay *, struct mp_profile *p, struct mp_tree_map *map,
	struct mp_recent *recent);
/* Whether its rows are those of samples. */
bool mp_replay_samples_only(const struct replay *);

/* How QUERY sees a trace that holds allocations. */
static inline enum mp_view mp_default_view(const struct mp_query *q)
{
	if (q->view != MP_VIEW_DEFAULT)
		return q->view;
	return q->watch ? MP_VIEW_LIVE : MP_VIEW_PEAK;
}

const char *mp_view_name(enum mp_view);                 /* "" if unknown or the default */
int mp_view_columns(struct mp_profile *, enum mp_view); /* the columns of its table */

/* view_cell.c */
uint32_t mp_cell(struct replay *, uint32_t site, uint32_t thread);
void mp_cell_learn(struct replay *, uint32_t id, uint32_t site);  /* what a block stands for */
bool mp_replay_scratch(struct replay *, uint32_t n);   /* for a block of N events */
bool mp_replay_reach(struct replay *);                 /* tables as large as the tree */
bool mp_replay_slots(struct replay *, uint32_t slots); /* a table for that many */
bool mp_replay_prepare(struct replay *, const struct mp_block *);
uint32_t mp_replay_thread(const struct replay *, uint64_t value);
/* Index of the first event at or after TIME; block->n if there is none. */
uint32_t mp_block_cut(const struct mp_block *, uint64_t time);
uint64_t mp_block_time(const struct mp_block *, uint32_t event);
/* Allocations among the first EVENTS events. */
uint32_t mp_block_allocs(const struct mp_block *, uint32_t events);

/* view_live.c, view_end.c, view_total.c, view_temporary.c: blocks of events */
void mp_replay_live(struct replay *, const struct mp_block *);
void mp_replay_total(struct replay *, const struct mp_block *);
void mp_replay_temporary(struct replay *, const struct mp_block *);
void mp_replay_samples(struct replay *, const struct mp_block *); /* view_samples.c */
/* s.net[] = allocations FROM to TO of the block, per local cell. */
void mp_replay_count(struct replay *, uint32_t from, uint32_t to);
void mp_replay_mismatch(struct replay *);
void mp_replay_sum(struct replay *, const struct mp_block *); /* check or correct it */
void mp_replay_process_end(struct replay *, uint64_t process);
void mp_replay_marks(struct replay *, const struct mp_block *);
void mp_replay_checkpoint(struct replay *, const struct mp_block *);
void mp_replay_base(struct replay *, const struct mp_block *);
void mp_replay_open(struct replay *);               /* peak: the window begins */
void mp_replay_peak(struct scope *, uint64_t when); /* a peak if the sum is higher */

static inline bool mp_bit(const uint8_t *map, uint32_t i)
{
	return map[i >> 3] >> (i & 7) & 1;
}

/* 64 operations from AT, a multiple of 64; none past the block's. */
static inline uint64_t mp_op_word(const struct mp_block *b, uint32_t at)
{
	uint64_t w;

	memcpy(&w, b->op + at / 8, sizeof(w));
	return at + 64 > b->n ? w & ((1ull << (b->n - at)) - 1) : w;
}

/* The survivors of block B, eight at a time: CODE with their index J. */
#define FOR_SURVIVORS(b, j, code) \
	for (uint32_t i_ = 0; i_ < (b)->n_alloc; i_ += 8) { \
		uint64_t eight_; \
		memcpy(&eight_, (b)->gone + i_, sizeof(eight_)); \
		if (eight_ == 0x0101010101010101ull) \
			continue; \
		for (uint32_t j = i_; j < i_ + 8 && j < (b)->n_alloc; j++) \
			if (!(b)->gone[j]) \
				code \
	}

/* A site's process, 0 if the trace does not tell. */
static inline uint32_t mp_process_of(const struct replay *r, uint32_t site)
{
	uint32_t p = r->tree->site.x[site].process;

	return p < r->process_room ? p : 0;
}

static inline struct scope *mp_scope_of(const struct replay *r, const struct cell *c)
{
	return &r->scope[r->q.each_process ? mp_process_of(r, c->site) : 0];
}

/* D more live blocks in a cell, no look at peaks. */
static inline void mp_change(struct replay *r, uint32_t id, int64_t d)
{
	struct cell *c = &r->cell[id];
	struct scope *s = mp_scope_of(r, c);
	uint64_t bytes = (uint64_t)d * c->size;

	if (c->stamp != s->epoch) {
		c->stamp = s->epoch;
		c->at = c->live;
	}
	c->live += (uint32_t)d;
	s->cur += bytes;
	if (s != r->scope)
		r->scope->cur += bytes;
	r->blocks += (uint64_t)d * c->weight;
}

/* A block of an older block of events is freed.  A cell without any: the block
 * was made in a damaged part, and whose slot that was is not known. */
static inline void mp_free_old(struct replay *r, uint32_t id)
{
	if (r->cell[id].live)
		mp_change(r, id, -1);
}

#endif

/* filter_own.h - between filter.c and filter_event.c. */
#ifndef MP_FILTER_OWN_H
#define MP_FILTER_OWN_H

#include "binary.h"
#include "filter.h"
#include "lives.h"
#include "reader.h"
#include "walk.h"
#include "window.h"

/* A live block that is kept; site 0: there is none.  REF: the encoder's; before the
 * window the thread it was allocated by. */
struct mp_kept { uint32_t site, ref; };

struct mp_filter {
	struct mp_writer *w;
	struct mp_reader *r;
	const struct mp_where *where;
	struct mp_window window;
	struct mp_reader *ahead;        /* where names that come late are wanted */
	struct mp_lives *lives;         /* where lifetimes are */
	struct mp_choice *choice;
	struct mp_tree_map map;
	bool opened, stopped;           /* its begin, its end was passed */
	struct mp_kept *slot, *made;    /* made: those of the block at hand */
	size_t slots, made_room;
	uint32_t held[MP_BLOCK_MAX];    /* by index in the open block: MADE | index, or a slot */
	uint64_t number;                /* of the last allocation */
	uint64_t lone;                  /* halves that had to get a number */
	uint64_t base_time, beat, end_time;
	bool ending;                    /* at END_TIME a process ended; no event came since */
	uint8_t *over;                  /* process: being torn down since before the window */
	size_t over_room;
	struct mp_loss told;
};

#define MP_FILTER_MADE 0x80000000u

/* filter_event.c */
int mp_filter_events(struct mp_filter *, const struct mp_block *);
/* The window begins; ALLOCS: of the block at hand, so far. */
int mp_filter_open(struct mp_filter *, uint64_t time, uint32_t allocs);
/* After damage: what lives, as a checkpoint says. */
int mp_filter_correct(struct mp_filter *, const struct mp_block *);
/* Before anything at TIME is written. */
void mp_filter_pass(struct mp_filter *, uint64_t time);
void mp_filter_survivor(void *filter, uint32_t index, uint32_t slot);

/* Whether an allocation is kept.  A site that damage took has no number ahead. */
static inline bool mp_filter_keeps(const struct mp_filter *f, uint32_t site, uint32_t thread,
		uint64_t number)
{
	return site <= f->map.from->site.n &&
		mp_choose(f->choice, site, thread, !f->lives || mp_lives_fit(f->lives, number));
}

#endif

/* follow.h - a stream seen while it is being written: where its bytes come from, and
 * what can be said of it between two blocks.
 * Invariant: a watch is told of whole blocks only, so what it gives at any moment is
 * what the trace would give if it had ended there.
 */
#ifndef MP_FOLLOW_H
#define MP_FOLLOW_H

#include "mp.h"
#include "stream.h"
#include "tree.h"
#include "view.h"

enum { MP_WAKES = 2 };

/* Sums since the stream began. */
struct mp_watched {
	uint64_t time;                  /* ns, the last moment met */
	uint64_t allocations;           /* as many as the recorded ones stand for */
	uint64_t samples;               /* running ones, and how long they stand for; */
	uint64_t running, locked;       /* ns; locked: while holding an interpreter's lock */
};

struct mp_watch_thread { uint32_t sampled, ran; };      /* the round it last was in */
/* ROUND: of the last sample that told the resident set; 0: a series does. */
struct mp_watch_process { int64_t rss; uint32_t round; bool ended; };

struct mp_watch {
	/* Called while bytes are awaited, and between reads: ms until the next call. */
	int (*tick)(void *ctx);
	void *ctx;
	int wake[MP_WAKES];             /* descriptors that cut a wait short, or -1 */

	struct mp_watched sum;
	uint32_t round, last;           /* the caller's; the last one with a sample */
	bool failed;                    /* out of memory */

	/* the watch's own */
	bool complete;                  /* the last part was: a file's end is the stream's */
	struct mp_reader *reader;       /* of the trace at hand; NULL between traces */
	struct replay *replay;
	struct mp_profile *parts;       /* those before it */
	uint64_t before;                /* their time */
	struct mp_watch_thread *thread;
	struct mp_watch_process *process;
	size_t threads, processes;      /* room */
	size_t known;                   /* threads when the last trace ended */
	struct mp_profile *rows;        /* of the last call; its tree stays */
	struct mp_tree_map map;         /* from the trace's to that */
	struct mp_recent recent;
};

/* PATH, "-" for stdin, read as it grows: a regular file that is .mp as long as its last
 * part is not complete, anything else to its end.  0, or -1 when memory is out. */
int mp_follow_source(struct mp_source *, const char *path, struct mp_watch *);
struct mp_reader *mp_open_source(const struct mp_source *, const char *name);

/* For whoever loads: a trace begins, a block was replayed, all of a part were. */
void mp_watch_begin(struct mp_watch *, struct mp_reader *, struct replay *, struct mp_profile *);
void mp_watch_block(struct mp_watch *, const struct mp_block *);
void mp_watch_end(struct mp_watch *, const struct mp_reader *);
void mp_watch_free(struct mp_watch *);

/* The rows of this moment, valid until the next call; of samples with a column "recent":
 * the time since the call before.  NULL: there is nothing to see, or memory is out. */
struct mp_profile *mp_watch_rows(struct mp_watch *);
/* What is held now, where the rows are of another moment: at the peak. */
bool mp_watch_live(const struct mp_watch *, uint64_t *bytes);
int64_t mp_watch_rss(const struct mp_watch *);          /* of all processes; 0: not known */
/* Threads of processes that have not ended; and those of them with a sample, with one
 * that ran, in the last round that had any. */
void mp_watch_threads(const struct mp_watch *, size_t *known, size_t *sampled, size_t *ran);

#endif

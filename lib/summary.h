/* summary.h - the figures of traces, in one pass: how much was allocated, how high
 * it went, what was left, what it was like.
 *
 * Sums are exact and equal to those of the views: `allocated` is the total view's,
 * `peak`, `live` and `temporary` (N = 1) theirs, to the byte.  Parts add up: so a
 * peak of several parts is the sum of their peaks.  Only the trace's counted sites
 * are in them (formats/mp.md, meaning); what does not count is in `kind` alone.
 *
 *	s = mp_summarise(reader, &query);       whatever is left of the stream
 *
 * or part by part, or block by block beside another consumer of the same blocks:
 *
 *	mp_summary_begin(s, reader, &query);
 *	while (mp_next_block(reader, mp_summary_want(s) | …, &b) > 0)
 *		mp_summary_block(s, b);
 *	mp_summary_end(s);
 */
#ifndef MP_SUMMARY_H
#define MP_SUMMARY_H

#include "mp.h"

enum { MP_SIZES = 65 };         /* sizes by powers of two */

struct mp_amount {
	int64_t bytes, count;   /* negative only after damage */
};

struct mp_summary_kind {
	uint32_t kind;          /* enum mp_alloc */
	bool counted;
	struct mp_amount sum;   /* every allocation of it */
};

struct mp_summary_process {     /* one image: exec begins another */
	uint64_t pid, start;    /* start: ns since the part began */
	const char *name, *command;
	struct mp_amount allocated, live;
};

struct mp_summary_mark {
	const char *name;       /* "finalize", "exit status", "in flight", … */
	uint64_t count;
	int64_t sum;            /* of their values */
};

/* The moment when the resident set, summed over the processes that were read at
 * one time, was first largest.  A figure that is not known is -1. */
struct mp_summary_rss {
	uint64_t readings;      /* moments; 0: nothing below is known */
	uint64_t time;          /* ns since the part began */
	uint64_t processes;
	int64_t rss, anon, file, shmem;
	int64_t heap;           /* live at that moment, all that counts */
	int64_t map, mapped_file;       /* of it: mappings, anonymous and of files */
	/* live, too, but not counted: arenas (the objects in them are), mappings of the
	 * C library */
	int64_t arena, runtime;
};

struct mp_summary {
	uint64_t parts;
	uint64_t start;         /* wall clock, ns since 1970, of the first part; 0 unknown */
	uint64_t duration;      /* ns, of the parts added up */
	uint64_t tick;          /* ns: to that the order between threads is exact */
	uint64_t threads;
	uint64_t events;        /* allocations, counted or not, and frees */
	uint64_t frees;
	uint64_t unknown_frees; /* of them, of blocks not in the stream: made before it */
	uint64_t implicit_frees;/* of them, not seen: an allocation over the block told it */
	struct mp_amount allocated, temporary, peak, live;
	/* Some part is a sample: amounts are estimates, events and frees what was
	 * recorded, and temporary is not known (0). */
	bool sampled;
	uint64_t peak_time;     /* ns since the part began, if there is one part */
	uint64_t samples, idle_samples, sampled_ns;     /* CPU samples */
	struct mp_amount size[MP_SIZES];        /* [0]: 0 bytes, [k]: 2^(k-1) to 2^k - 1 */
	struct mp_summary_kind *kind;           /* by bytes, counted ones first */
	size_t kinds;
	struct mp_summary_process *process;     /* in order of the stream */
	size_t processes;
	struct mp_summary_mark *mark;           /* in order of their first */
	size_t marks;
	uint64_t pauses;        /* how often a process stopped recording what it allocates */
	uint64_t paused_ns;     /* and for how long, of all processes */
	struct mp_summary_rss rss;              /* of the part with the largest */
	/* Every allocation by stack, columns bytes and count of view total, no labels:
	 * mp_group() ranks it.  Its metadata is that of the parts. */
	struct mp_profile *total;
	struct mp_loss loss;    /* filled by mp_summary_read */
	struct mp_summary_own *own;
};

struct mp_summary *mp_summary_new(void);        /* NULL when memory is out */
void mp_summary_free(struct mp_summary *);
/* What went wrong that is not the reader's to say, NULL if nothing. */
const char *mp_summary_error(const struct mp_summary *);

/* The part begun by mp_next_part, which is a trace.  Of QUERY only at_exit counts.
 * -1: out of memory, or a sum over 63 bits. */
int mp_summary_begin(struct mp_summary *, struct mp_reader *, const struct mp_query *);
unsigned mp_summary_want(const struct mp_summary *);
int mp_summary_block(struct mp_summary *, const struct mp_block *);
int mp_summary_end(struct mp_summary *);        /* may take the reader's tree over */
/* The same, and the blocks between.  Failures of the reader are its own. */
int mp_summary_part(struct mp_summary *, struct mp_reader *, const struct mp_query *);
/* All parts that are left of a stream, and its loss; a profile in it is an error. */
int mp_summary_read(struct mp_summary *, struct mp_reader *, const struct mp_query *);
/* The same as a summary of its own.  NULL only when memory is out. */
struct mp_summary *mp_summarise(struct mp_reader *, const struct mp_query *);

#endif

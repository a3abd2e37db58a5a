/* sample_group.h - samplers of a process and, if wanted, of all it starts: one writer.
 *
 * The first is there from begin to end, its children as long as they run.
 */
#ifndef MP_SAMPLE_GROUP_H
#define MP_SAMPLE_GROUP_H

#include "sample_take.h"

struct group_member {
	struct sampler s;
	int pidfd;                      /* of a child; the first has none here */
};

struct sample_group {           /* all zero at first */
	struct group_member **x;        /* the first, then its children as they were found */
	size_t n, room;
	bool children;                  /* are wanted */
	struct symboliser *symboliser;
	uint64_t look_next;             /* ns: for new ones */
	struct sample_counts counts;    /* of those that have ended */
	struct native_counts native;
	uint64_t rss, most_rss;         /* of all at once, most_rss their sum at its largest */
	uint64_t processes;             /* sampled so far */
	bool failed;                    /* no memory */
};

/* The first, not attached yet; NULL: no memory. */
struct sampler *group_first(struct sample_group *);
/* Samples of this moment, of all. */
void group_step(struct sample_group *, uint64_t now);
/* When the next thing is to be looked for, if nothing is sampled; UINT64_MAX: never. */
uint64_t group_wait(const struct sample_group *);
void group_write(struct sample_group *);
/* Now and then: names of threads, threads that are gone. */
void group_names(struct sample_group *);
/* Threads that stopped late go on; true: there are some yet, come again soon. */
bool group_release(struct sample_group *);
void group_detach(struct sample_group *, uint64_t now);
/* All counts, after group_detach. */
void group_counts(const struct sample_group *, struct sample_counts *, struct native_counts *);
/* Say how it went: SECONDS it took, BYTES that were written. */
void group_tell(const struct sample_group *, double seconds, uint64_t bytes);
void group_free(struct sample_group *);

#endif

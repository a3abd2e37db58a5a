/* cpu.h - samples of what the processes of a capture do, into the trace of their
 * allocations (mp-capture --cpu): those of mp-sample, under the processes and threads
 * that the trace has already.
 */
#ifndef MP_CPU_H
#define MP_CPU_H

#include "drain.h"
#include "sample_take.h"

struct cpu_image {
	struct sampler s;
	struct image *image;            /* NULL: it is over */
	struct cpu *cpu;
};

struct cpu {
	struct drain *drain;
	uint64_t gap;                   /* ns, the mean; 0: nothing is sampled */
	uint64_t seed, next, written;   /* when to sample, when it was written; as session_now */
	struct cpu_image **x;           /* by image */
	uint32_t n;
	bool resident;                  /* the sets are read, too: no sample without */
	struct sample_counts counts;    /* of the images that are over */
	char why[SAMPLE_WHY];           /* one of them was not sampled */
	bool failed;                    /* out of memory */
};

/* HZ moments a second, 0: none.  RESIDENT: resident sets are sampled (series.h). */
void cpu_init(struct cpu *, struct drain *, unsigned hz, bool resident);
/* Between two rounds of the drain: samples, if it is time to. */
void cpu_take(struct cpu *);
/* ns until it is, at most MOST. */
uint64_t cpu_wait(const struct cpu *, uint64_t most);
/* What waits is written; the counts are those of all.  Without memory the drain has
 * failed, too. */
void cpu_finish(struct cpu *);
void cpu_free(struct cpu *);

#endif

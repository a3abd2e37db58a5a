/* sample_size.h - how large the sampled process is: its resident set at every moment,
 * its proportional one (PSS) where that can be read, which costs the kernel a walk over
 * its memory and is therefore asked for no oftener than 200 times what it took.
 */
#ifndef MP_SAMPLE_SIZE_H
#define MP_SAMPLE_SIZE_H

#include "encode.h"

#include <sys/types.h>

struct sample_size {            /* all zero at first */
	int statm_fd, rollup_fd;        /* -1: cannot be read */
	uint32_t process, rss_name, pss_name;
	uint64_t rss;                   /* bytes, when last read; 0: not known */
	uint64_t most_rss;
	uint64_t pss_next;              /* not before this time */
};

void size_open(struct sample_size *, pid_t, uint32_t process, struct mp_tree *);
/* Reads the resident set into rss and the series. */
void size_take(struct sample_size *, struct mp_writer *, uint64_t now);
/* The proportional one, if it is time to; after the stacks of the moment. */
void size_take_pss(struct sample_size *, struct mp_writer *, uint64_t now);
void size_close(struct sample_size *);

#endif

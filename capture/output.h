/* output.h - where the trace goes.  A regular file is written as it is; anything
 * that may stall (a pipe, a terminal) is fed by threads of its own, with a spool
 * between, so that a slow reader does not hold up the target.
 */
#ifndef MP_OUTPUT_H
#define MP_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { OUTPUT_MEMORY = 8 << 20 };

struct output {
	char path[64];          /* what mp_create() is to open; "" : NAME itself */
	int fd;                 /* the real output, -1: none of ours */
	int in;                 /* what the writer wrote comes from here */
	int keep;               /* the end the writer opens, until it has */
	int spool;              /* unlinked file, -1 until needed */
	uint64_t spool_max, spool_from, spool_to;
	unsigned char *memory;  /* ring of OUTPUT_MEMORY bytes */
	uint64_t from, to;      /* in it, counted on */
	uint64_t written;
	int error;              /* errno of the first failed write */
	bool running, ended;    /* ended: nothing more comes in */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t reader, writer;
};

/* Begin to feed FD (kept open until output_close).  -1: errno. */
int output_open(struct output *, int fd, uint64_t spool_max);
/* The writer has opened path. */
void output_opened(struct output *);
/* Wait until all is out.  -1: errno says what failed. */
int output_close(struct output *);
/* errno of a failed write so far, 0: none. */
int output_error(struct output *);

#endif

/* session.h - one capture session as the targets see it: the shared memory they
 * write into, the socket that hands it out after an exec, and what their
 * environment says.
 *
 * The memory is hostile from the moment the first target maps it: sizes and
 * counts are read from here, never from there.
 */
#ifndef MP_SESSION_H
#define MP_SESSION_H

#include <poll.h>
#include <stdbool.h>

#include "ring.h"

enum { SESSION_WAITING = 16 };  /* connections whose token has not come yet */

struct session {
	struct mp_session *shared;
	struct mp_slot *slot;           /* in it */
	unsigned char *chunk;           /* in it */
	uint64_t size;
	uint32_t slots, chunks, options, sample;
	int memory, listener;
	bool began;                     /* this thread holds drain_alive */
	char name[40];                  /* of the abstract socket */
	char token[33];
	struct { int fd; uint64_t since; } waiting[SESSION_WAITING];
	uint64_t started;               /* CLOCK_MONOTONIC, ns */
	char error[128];                /* what session_open failed at */
};

uint64_t session_now(const struct session *);   /* ns since it began */
uint32_t session_tick(struct session *);        /* sets the targets' clock; ms since it began */
/* RING bytes of chunks.  -1: see error. */
int session_open(struct session *, uint64_t ring, uint32_t options);
/* Before any target: what it records is a sample; 0: is all.  MP_SAMPLE_SEED, a number, of
 * the environment makes it the same sample again. */
void session_sample(struct session *, uint32_t interval);
/* To be called by the thread that drains: targets see its death in the lock. */
int session_begin(struct session *);
/* Tracing is off for good, the waiting are woken. */
void session_stop(struct session *);
void session_close(struct session *);

/* Serve whoever waits on the socket; never blocks. */
void session_serve(struct session *);
/* What to poll for besides; returns how many of MAX were filled in. */
unsigned session_poll(const struct session *, struct pollfd *, unsigned max);

/* Value of MP_SESSION for a target. */
void session_environment(const struct session *, char *text, size_t size);
void session_wake(_Atomic uint32_t *waiting);   /* a producer that waits for space */

#endif

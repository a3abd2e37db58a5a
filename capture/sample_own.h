/* sample_own.h - between sample_take.c, sample_attach.c and sample_write.c. */
#ifndef MP_SAMPLE_OWN_H
#define MP_SAMPLE_OWN_H

#include "sample_take.h"

/* Room for one more of N entries of SIZE in *(void **)X; false: failed is set. */
bool sample_room(struct sampler *, void *x, size_t n, size_t *room, size_t size);

/* A sample of T that waits to be written: P's stack. */
void sampler_put(struct sampler *, struct os_thread *, struct pending, uint32_t state,
		uint64_t weight, uint64_t now);
/* The idle time of T that no sample stands for yet. */
void sampler_rest(struct sampler *, struct os_thread *, uint64_t now);
/* Define the thread, or give it the name it has got. */
void sampler_name(struct sampler *, struct os_thread *, uint64_t now);
/* Threads that have ended. */
void sampler_leave(struct sampler *, uint64_t now);

#endif

/* encode.h - events to EVENTS blocks: identity by distance or slot.
 *
 * For those that write traces event by event and know their blocks better than
 * mp_put_event() can (the drain).  The caller keeps, per live allocation, a
 * "ref": while the block of events it was made in is open, MP_REF_OPEN | index;
 * afterwards the slot, told by the survivor callback when the block closes.
 */
#ifndef MP_ENCODE_H
#define MP_ENCODE_H

#include "tree.h"

#define MP_REF_OPEN 0x80000000u
#define MP_REF_OUTSIDE 0u

struct mp_encoder {
	void *ctx;
	/* A block closed: allocation INDEX of it lives on in SLOT. */
	void (*survivor)(void *ctx, uint32_t index, uint32_t slot);
};

/* The tree the writer emits definitions from.  Whatever is added to it goes
 * out ahead of the next block.  Valid from mp_begin to mp_end. */
struct mp_tree *mp_writer_tree(struct mp_writer *);
void mp_set_encoder(struct mp_writer *, const struct mp_encoder *);
void mp_set_tick(struct mp_writer *, uint64_t tick_ns);         /* before the first event */

/* All times are ns since the part began; threads and sites are ids of the
 * writer's tree.  A block closes itself when it is full (never between the two
 * halves of a replacement) or when its events span more than a second. */
uint32_t mp_enc_alloc(struct mp_writer *, uint64_t time, uint32_t thread, uint32_t site);
                                                /* returns MP_REF_OPEN | index */
void mp_enc_free(struct mp_writer *, uint64_t time, uint32_t thread, uint32_t ref, uint32_t site);
                        /* SITE: of the block freed, 0 if ref is outside and it is unknown */
/* The two next events (a free, then an allocation) are one replacement. */
void mp_enc_replace(struct mp_writer *, enum mp_replace);
/* A process image ended.  N live blocks of it: their refs and sites. */
void mp_enc_procend(struct mp_writer *, uint64_t time, uint32_t process);
void mp_enc_release(struct mp_writer *, uint32_t ref, uint32_t site);
                        /* after mp_enc_procend, once per block it left */
/* Other records close the open block of events, so that order is kept. */
void mp_enc_mark(struct mp_writer *, uint64_t time, uint32_t thread, uint32_t process,
		uint32_t name, int64_t value);
/* Samples and series are buffered and written with the next block that closes.  Of the
 * sample time, thread, process, node, weight, state and rss are looked at. */
void mp_enc_sample(struct mp_writer *, const struct mp_event *);
void mp_enc_series(struct mp_writer *, uint64_t time, uint32_t process, uint32_t metric,
		int64_t value);
void mp_enc_lost(struct mp_writer *, uint64_t events, uint64_t bytes);
/* Bytes allocated so far, as END will tell them. */
uint64_t mp_enc_total(struct mp_writer *);
int mp_enc_flush(struct mp_writer *, uint64_t time);    /* close the block; empty: a heartbeat */

#endif

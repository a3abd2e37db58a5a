/* binary.h - the state of a writer of binary .mp: struct mp_writer's form.
 * Invariant: what the tree holds beyond `sent` goes out with the next block,
 * ahead of its records.
 */
#ifndef MP_BINARY_H
#define MP_BINARY_H

#include "block_out.h"
#include "defs.h"
#include "io.h"

#define MP_FINALIZE "finalize"          /* the mark that ends an interpreter's life */

struct mp_pair_vec { uint64_t *x; uint32_t n, room; };  /* 2 n numbers */

/* What an allocation needs to know of its site. */
struct mp_enc_site {
	uint64_t bytes;                 /* 0 if not counted */
	uint32_t stamp;                 /* block that local belongs to */
	uint16_t local;
	bool counted;
};

#define MP_FROM_BASE 0x80000000u        /* in thread: live before the first event */
struct mp_enc_slot { uint32_t site, thread; };          /* site 0: free */
struct mp_left { uint32_t site, thread, count; };

/* FROM: the event the last run began with; its length is known at its end. */
struct mp_enc_runs { uint64_t *value; uint32_t *length; uint32_t n, from; };

/* The open block of events, and what outlives it. */
struct mp_enc {
	struct mp_encoder to;
	uint64_t tick;                  /* ns */
	/* open block */
	uint32_t n, n_alloc, n_free, n_sites, n_old, stamp;
	uint64_t first_time, last_time, last_tick;
	uint64_t run_time;              /* that the last run of times was met with */
	uint32_t last_thread;
	uint8_t *op;
	uint16_t *site, *back;          /* per allocation, per free */
	uint32_t *sites, *old, *new_;
	uint32_t *assigned;             /* slots of the block closed last, by allocation */
	uint8_t *gone;                  /* per allocation: ended in this block */
	struct mp_enc_slot *made;       /* per allocation */
	struct mp_enc_runs time, thread;
	struct mp_pair_vec outside, replace, procend;
	uint32_t out_at, rep_at, end_at;/* positions of their last pairs */
	enum mp_replace next_replace;   /* of the next event */
	uint64_t next_number;           /* its number, 0: the next two events are the pair */
	bool half;                      /* its allocation has not come yet */
	bool partial;                   /* and is not an allocation */
	bool sampled;                   /* some site counts as several blocks */
	uint64_t live_at_start, blocks_at_start, max;
	uint32_t position;
	/* the part */
	struct mp_enc_site *known;      /* by site */
	uint32_t n_known;
	struct mp_enc_slot *slot;
	uint32_t slots, slot_room;      /* high-water mark, slot 0 counted */
	uint32_t *free_slot, n_free_slots, free_room;
	uint64_t live, blocks, peak, total;
	/* processes that are over: what they left */
	struct mp_left *left;
	uint32_t n_left, left_room;
	uint8_t *done;                  /* by process */
	uint32_t n_done;                /* room of done */
	bool ending_counts;             /* the process of the last procend */
};

/* Samples and series wait for the next block; marks do not. */
struct mp_other {
	uint64_t *time, *thread, *process, *node, *weight, *state, *rss, *name;
	uint64_t *value;
	uint32_t n;
	uint64_t last;                  /* the latest time so far */
};

struct mp_foreign;                      /* writer_event.c */

struct mp_binary {
	struct mp_block_out out;
	struct mp_defs_sent sent;
	struct mp_header proto;         /* part, sequence, before: of the next block */
	uint64_t bytes, since;          /* written in the part; since the last checkpoint */
	uint64_t defs_bytes;            /* of definitions, sent once */
	uint64_t events;                /* or rows */
	uint64_t lost_events, lost_bytes;       /* before the next block */
	struct mp_loss loss;            /* of the part */
	uint32_t *meta, n_meta, meta_room;      /* string ids: key, value */
	void *chain;                    /* XXH3 state over the headers' hashes */
	bool head;                      /* HEAD was written */
	bool sampled;                   /* and says that this is a sample */
	bool late;                      /* late records wait in out */
	struct mp_enc enc;
	struct mp_other samples, series, marks;
	bool base_closed;               /* what lives before the first event was written */
	struct mp_foreign *foreign;
};

static inline struct mp_binary *mp_binary(struct mp_writer *w)
{
	return w->form;
}

/* Does HEAD say, or will it, that some are left out?  Then there may be weights. */
static inline bool mp_is_sampled(struct mp_writer *w)
{
	const struct mp_binary *b = mp_binary(w);

	return b->head ? b->sampled : b->loss.sample_interval != 0;
}

/* Room for one more of N entries of SIZE in *X; NULL when memory is out. */
void *mp_more(void *x, uint32_t n, uint32_t *room, size_t size);
bool mp_pair_add(struct mp_pair_vec *, uint32_t *at, uint32_t position, uint64_t value);

/* writer_binary.c */
/* HEAD, if it is not out yet, and what is new in the tree: what fits one block
 * is left in out, to be joined by the block's own columns, and mp_emit. */
int mp_emit_defs(struct mp_writer *, enum mp_block_kind);
/* Write the columns in out; h: all fields but those that number the block. */
int mp_emit(struct mp_writer *, struct mp_header *);
/* The header of a block other than EVENTS. */
struct mp_header mp_plain_header(struct mp_writer *, enum mp_block_kind, uint32_t n);

/* encode.c */
/* Time passes without an event. */
void mp_enc_pass(struct mp_writer *, uint64_t time);
int mp_enc_start(struct mp_enc *);
void mp_enc_stop(struct mp_enc *);
/* encode_block.c */
/* Write the open block; one without events only if HEARTBEAT.  A checkpoint if
 * one is due. */
void mp_enc_end_runs(struct mp_enc *);
int mp_enc_close(struct mp_writer *, bool heartbeat);
/* A free slot; 0 when memory is out. */
uint32_t mp_enc_new_slot(struct mp_enc *);
bool mp_enc_free_slot(struct mp_enc *, uint32_t slot);
/* encode_other.c */
void mp_put_sample(struct mp_writer *, const struct mp_event *, uint32_t thread,
		uint32_t process, uint32_t node);
int mp_flush_other(struct mp_writer *, bool all);
void mp_free_other(struct mp_binary *);
/* encode_left.c */
bool mp_is_done(const struct mp_enc *, uint32_t process);
void mp_set_done(struct mp_writer *, uint32_t process);
void mp_left_add(struct mp_writer *, uint32_t site, uint32_t thread, uint32_t count);
/* PROCESS is over as far as the view of what lives at the end goes. */
void mp_enc_finalize(struct mp_writer *, uint32_t process);
/* That view's sums. */
void mp_left_live(struct mp_writer *, uint64_t *blocks, uint64_t *bytes);
int mp_write_checkpoint(struct mp_writer *);
/* A block live before the first event: its slot, 0 on failure. */
uint32_t mp_put_base(struct mp_writer *, uint32_t site, uint32_t thread);
int mp_flush_base(struct mp_writer *);
/* writer_event.c */
int mp_binary_event(struct mp_writer *, const struct mp_tree *, const struct mp_event *);
void mp_foreign_free(struct mp_binary *);
/* copy.c */
int mp_binary_copy(struct mp_writer *, struct mp_reader *);

#endif

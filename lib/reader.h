/* reader.h - inside the reader: bytes to blocks (reader_raw, and ahead of them
 * reader_fetch), blocks to a part (reader_part), columns to definitions and records
 * (reader_columns, reader_defs, reader_block).
 * Invariant: `pending` bytes of the stream belong to the block at hand and are
 * skipped by the next mp_raw_next; its columns point into them.
 */
#ifndef MP_READER_H
#define MP_READER_H

#include "block.h"
#include "bytes.h"
#include "defs.h"
#include "io.h"

#include <string.h>

struct mp_raw {                         /* the block at hand */
	struct mp_header h;
	uint64_t offset;                /* of its marker in the stream */
	const uint8_t *header;          /* at the marker */
	struct mp_entry entry[MP_COLUMNS_MAX];
	const uint8_t *frame[MP_COLUMNS_MAX];
	bool bad[MP_COLUMNS_MAX];       /* hash differs */
	bool bad_own, bad_defs;         /* any of the block's own, of the definitions */
};

/* Decompresses one column at a time. */
struct mp_unpack { void *z; uint8_t *raw; size_t room; };

/* Columns of a block of events, decoded as far as that goes without the tree: what
 * struct mp_block has of them, and why they cannot be used (NULL: they can). */
struct mp_unpacked {
	unsigned want;                  /* MP_WANT_COLUMNS they were decoded for */
	uint8_t *op, *gone;
	uint16_t *site, *back;
	uint32_t *sites, *old, *new_;
	size_t op_room, gone_room, site_room, back_room, sites_room, old_room, new_room;
	uint32_t last_site;             /* the largest id in sites */
	uint32_t inside;                /* frees of what was made in the block */
	const char *op_cause, *sites_cause, *frees_cause;
};
#define MP_WANT_COLUMNS (MP_WANT_OP | MP_WANT_SITE | MP_WANT_FREES)

struct mp_range { uint32_t from, to; };
struct mp_lost { struct mp_range *x; uint32_t n, room; };

struct mp_wide { uint64_t *x; size_t room; };
/* The other arrays that a handed out block points into. */
struct mp_decoded {
	uint32_t *ended;
	struct mp_run *thread, *time;
	struct mp_pair *pairs[3];
	size_t ended_room, thread_room, time_room, pairs_room[3];
	struct mp_wide column[160];     /* values of other blocks, by place */
	const int64_t *values[128];
	struct mp_run *c_thread;
	size_t c_thread_room;
};

struct mp_next;                         /* next.c */
struct mp_fetch;                        /* reader_fetch.c */

struct mp_reader {
	struct mp_stream *in;
	char *name;
	struct mp_err error, damage;
	bool detected, any;             /* any: a part was begun */
	struct mp_raw raw;
	size_t pending;
	bool resume;                    /* the next block is searched, not expected, after pending */
	bool at_marker;                 /* the search stopped at a marker without its frame head */
	bool held;                      /* the block at hand was not used yet */
	bool again;                     /* nor that, but it was counted */
	bool noise;                     /* bytes that are no block were met before it */
	struct mp_unpack unpack;
	unsigned want;                  /* of the last mp_next_block */
	struct mp_fetch *fetch;         /* the thread that reads ahead; it has IN then */
	uint64_t fetch_from;            /* events of the part before there is one */

	/* the part */
	struct mp_tree *tree;
	enum mp_kind kind;
	bool in_part, over, complete, damaged, resync;
	bool sampled;                   /* its first block says so */
	uint64_t part, tick;
	uint32_t expect;                /* sequence number of the next block */
	uint32_t slots;
	uint64_t events;
	void *chain;                    /* XXH3 state */
	uint32_t *meta;
	size_t meta_room;
	uint32_t n_meta;
	struct mp_lost lost[MP_DEF_KINDS];
	uint64_t placeholders;
	struct mp_loss before, own, end;/* of earlier parts; met here; told by END */
	uint64_t end_number[MP_END_NUMBERS]; /* END's, if complete */

	struct mp_block block;
	struct mp_unpacked unpacked;
	struct mp_decoded d;
	uint64_t chunks;                /* of a checkpoint that have come so far */
	uint32_t n_gathered, n_gathered_left, n_gathered_done, n_gathered_runs;
	struct mp_next *next;

	/* mp_copy_part: skipped bytes go there */
	struct mp_out *copy;
	uint8_t *kept;                  /* bytes of HEAD and before that were skipped */
	size_t kept_n, kept_room;
	bool keeping;
};

/* reader.c */
/* Room for N entries of SIZE in *P; old ones kept.  False: memory is out. */
bool mp_make_room(void *p, size_t *room, size_t n, size_t size);
/* The same, and the reader fails. */
bool mp_room(struct mp_reader *, void *p, size_t *room, size_t n, size_t size);
__attribute__((format(printf, 2, 3))) int mp_reader_fail(struct mp_reader *, const char *, ...);
/* Damage at OFFSET: told once, an error in a profile. */
__attribute__((format(printf, 3, 4))) void mp_damaged(struct mp_reader *, uint64_t offset,
		const char *, ...);

/* Find out what the stream is, once. */
int mp_reader_detect(struct mp_reader *);

/* reader_raw.c */
static inline bool mp_is_head(const uint8_t *p)
{
	return mp_get_u32(p) == MP_SKIPPABLE &&
		memcmp(p + MP_FRAME_HEAD, MP_MARKER, MP_MARKER_LEN) == 0;
}

/* The next block whose header is whole: 1, 0 at the end of the stream (*cut: in
 * the middle of a block), -1 on failure. */
int mp_raw_next(struct mp_reader *, bool *cut);
/* Skip the block at hand now. */
void mp_raw_done(struct mp_reader *);
/* Column I decompressed, checked against its directory entry; NULL and *CAUSE. */
const uint8_t *mp_column_open(struct mp_reader *, unsigned i, const char **cause);
/* Place of column ID in the directory, -1 if absent. */
int mp_column_find(const struct mp_reader *, unsigned id);
/* Offset of column I's frame in the stream. */
uint64_t mp_column_offset(const struct mp_reader *, unsigned i);

/* reader_columns.c: nothing of a reader is used */
/* Entries, frames and hashes of a raw block whose header is there; false if one is bad. */
bool mp_raw_columns(struct mp_raw *);
extern const char mp_no_memory[], mp_no_site[];
int mp_raw_find(const struct mp_raw *, unsigned id);            /* -1 if absent */
uint32_t mp_raw_values(const struct mp_raw *, unsigned id);     /* 0 if absent */
const uint8_t *mp_raw_unpack(struct mp_unpack *, const struct mp_raw *, unsigned i,
		const char **cause);
void mp_unpack_free(struct mp_unpack *);
void mp_unpacked_read(struct mp_unpacked *, struct mp_unpack *, const struct mp_raw *,
		unsigned want);
void mp_unpacked_free(struct mp_unpacked *);

/* reader_fetch.c */
#define MP_FETCH_FROM (4 * MP_BLOCK_MAX)        /* events before a thread is worth it */
/* The next block if one was read ahead: 1; 0: the stream goes on where it stands. */
int mp_fetch_next(struct mp_reader *);
/* The columns of the block at hand, if they were decoded ahead for WANT. */
struct mp_unpacked *mp_fetched(struct mp_reader *, unsigned want);
void mp_fetch_stop(struct mp_reader *);

/* reader_part.c */
/* The next block of the part, its sequence checked: 1, 0 at the end, -1. */
int mp_part_block(struct mp_reader *);
void mp_part_end(struct mp_reader *);           /* an END block is at hand */
bool mp_known_block(struct mp_reader *);        /* false: skip it, or refuse (an error) */

/* reader_block.c */
/* Decode the block at hand, which is not END, as mp_next_block does: 1, or 0 if it is not
 * handed out (an error of the reader, damage, or nothing in it that is wanted). */
int mp_block_at_hand(struct mp_reader *, unsigned want, const struct mp_block **);

/* reader_defs.c */
void mp_read_defs(struct mp_reader *);
/* reader_lost.c */
/* Entry ID of kind DEF exists, or can be had as a placeholder. */
bool mp_reach_def(struct mp_reader *, unsigned def, uint64_t id);
bool mp_append_defs(struct mp_reader *, unsigned def, uint32_t n);      /* N more, all 0 */
/* Entries FROM to TO exist, but what they say is lost. */
bool mp_lose_defs(struct mp_reader *, unsigned def, uint32_t from, uint32_t to);
bool mp_def_is_lost(const struct mp_reader *, unsigned def, uint32_t id);
void mp_defs_reset(struct mp_reader *);
/* reader_late.c; NULL or what is wrong. */
const char *mp_read_late(struct mp_reader *);

/* reader_events.c; NULL or what is wrong with the block. */
const char *mp_read_events(struct mp_reader *, unsigned want);
/* reader_other.c */
const char *mp_read_other(struct mp_reader *);
const char *mp_read_rows(struct mp_reader *);
const char *mp_read_live(struct mp_reader *, bool *more);       /* BASE or CHECKPOINT */
/* All values of column ID, EXPECT of them (0: any number), in place AT; *VALUES
 * stays NULL where it is absent. */
const char *mp_read_values(struct mp_reader *, unsigned id, enum mp_coding, unsigned at,
		uint32_t expect, const uint64_t **values, uint32_t *n);
const char *mp_read_runs(struct mp_reader *, unsigned id, uint64_t total, uint64_t scale,
		struct mp_run **run, size_t *room, size_t from, uint32_t *n);

/* next.c */
void mp_next_reset(struct mp_reader *);

#endif

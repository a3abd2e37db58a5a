/* block_out.h - the columns of one block on their way out.
 * Invariant: no column is empty, none comes twice; they are put into the
 * directory's order when the block is written.
 */
#ifndef MP_BLOCK_OUT_H
#define MP_BLOCK_OUT_H

#include "block.h"
#include "stream.h"

struct mp_column_out {
	uint16_t id;
	bool critical;
	uint8_t coding;
	uint32_t values;
	size_t at, raw;                 /* in block_out.raw */
};

struct mp_block_out {
	struct mp_column_out *col;
	unsigned n, room;
	uint8_t *raw, *stored;
	size_t raw_n, raw_room, stored_room;
	uint64_t *value;                /* scratch for MP_BLOCK_MAX values */
	void *z;                        /* ZSTD_CCtx */
	uint64_t defs_stored;           /* bytes of definition columns in the last block */
	bool failed;                    /* out of memory */
};

/* Where a column's raw bytes, at most MAX, may be put; NULL when memory is out. */
uint8_t *mp_column_room(struct mp_block_out *, size_t max);
/* The column whose RAW bytes were put there.  Nothing is added if there are none. */
void mp_column_add(struct mp_block_out *, unsigned id, enum mp_coding, uint32_t values,
		size_t raw);
void mp_column_critical(struct mp_block_out *);         /* the one added last */
/* The values encoded and added. */
void mp_column_values(struct mp_block_out *, unsigned id, enum mp_coding, const uint64_t *,
		uint32_t n);
void mp_column_values32(struct mp_block_out *, unsigned id, enum mp_coding, const uint32_t *,
		uint32_t n);
void mp_column_runs(struct mp_block_out *, unsigned id, const uint64_t *value,
		const uint32_t *length, uint32_t n);
uint64_t *mp_column_scratch(struct mp_block_out *);     /* room for MP_BLOCK_MAX */
/* Write header and columns, LEVEL 0 = stored, and forget the columns. */
int mp_block_write(struct mp_block_out *, struct mp_header *, struct mp_out *, int level,
		uint64_t *bytes);
void mp_block_out_free(struct mp_block_out *);

#endif

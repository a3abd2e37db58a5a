/* copy.h - a part copied from binary to binary, with or without more before its end.
 */
#ifndef MP_COPY_H
#define MP_COPY_H

#include "binary.h"
#include "reader.h"

struct mp_copy {
	struct mp_block_out out;
	void *chain;                    /* XXH3 state; NULL: bytes as they are */
	uint32_t added;                 /* blocks */
	/* NULL, or: a block other than END is at hand; */
	int (*follow)(struct mp_copy *, struct mp_reader *);
	/* END is, or the part was cut: write more blocks, counted in ADDED.  END, if there is
	 * one, is then written anew where CHAIN is set. */
	int (*add)(struct mp_copy *, struct mp_writer *, struct mp_reader *);
};

/* As mp_copy_part. */
int mp_copy_with(struct mp_copy *, struct mp_writer *, struct mp_reader *);
/* Write the columns in out. */
int mp_copy_block(struct mp_writer *, struct mp_copy *, struct mp_header *);

#endif

/* block.h - a block's header and directory, and zstd frames made by hand.
 *
 * On disk: magic u32, length u32 (together a zstd skippable frame), the header
 * of that length (it starts with the marker and ends with its own hash), then one
 * zstd frame per column of the directory.
 */
#ifndef MP_BLOCK_H
#define MP_BLOCK_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	MP_FRAME_HEAD = 8,              /* magic and length before the header */
	MP_HEADER_LENGTH_AT = 36,       /* the header's length, from its marker */
	MP_COLUMNS_MAX = 1024,          /* of a directory */
	MP_HEADER_MAX = MP_HEADER_FIXED + MP_COLUMNS_MAX * MP_DIRECTORY_ENTRY + 8,
};

struct mp_header {
	uint64_t part;
	uint32_t sequence, n, length;   /* length of the header itself */
	uint8_t kind, flags;
	uint16_t columns;
	uint64_t first_time, last_time, before;
	uint64_t live_bytes, live_blocks, max_live;
	uint32_t position, slots;
	uint64_t lost_events, lost_bytes, interval, frames;
	uint64_t hash;                  /* of the header, as stored at its end */
};

struct mp_entry {                       /* of the directory */
	uint16_t id;
	bool critical;
	uint8_t coding, codec;
	uint32_t values, raw, stored;
	uint64_t hash;
};

/* Length of the header whose first 40 bytes are at P (its marker); 0: none. */
size_t mp_header_length(const uint8_t *p);
/* Header of LEN bytes at P.  NULL, or what is wrong with it. */
const char *mp_header_parse(const uint8_t *p, size_t len, struct mp_header *);
/* Entry I of a header that mp_header_parse accepted. */
void mp_entry_parse(const uint8_t *p, unsigned i, struct mp_entry *);
/* Writes skippable frame and header at TO; sets h->length, frames and hash.
 * Returns how many bytes: MP_FRAME_HEAD + h->length. */
size_t mp_header_write(uint8_t *to, struct mp_header *h, const struct mp_entry *);
uint64_t mp_hash(const void *data, size_t len);

/* A zstd frame of raw blocks that holds LEN bytes, LEN > 0. */
size_t mp_stored_size(size_t len);
size_t mp_stored_write(uint8_t *to, const void *data, size_t len);
/* Whether the zstd frame at P begins as mp_stored_write's do. */
bool mp_is_stored(const uint8_t *p, size_t len);

#endif

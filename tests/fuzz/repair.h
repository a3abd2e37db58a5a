/* repair.h - hashes made to fit again after bytes were changed, so that what lies
 * behind them is reached, too. Seeds of level 0 keep columns that decompress. */
#ifndef REPAIR_H
#define REPAIR_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "fuzz.h"
#include "wire.h"

/* A block that begins at P (its skippable frame) and has up to ROOM bytes: hashes
 * of its frames and of its header. Returns its length, 0 if it does not hold together. */
static size_t repair_block(uint8_t *p, size_t room, XXH3_state_t *all)
{
	size_t columns = p[38] | (size_t)p[39] << 8, len = 136 + 24 * columns, at = 8 + len;
	uint64_t hash;

	if (at > room)
		return 0;
	for (size_t i = 0; i < columns; i++) {
		uint8_t *entry = p + 8 + 128 + 24 * i;
		size_t stored = (size_t)entry[12] | (size_t)entry[13] << 8 |
			(size_t)entry[14] << 16 | (size_t)entry[15] << 24;

		if (stored > room - at)
			return 0;
		/* END's hash over all headers: number 10 of at least 12 at the frame's end */
		if (p[36] == MP_BLOCK_END && stored >= 96) {
			hash = XXH3_64bits_digest(all);
			memcpy(p + at + stored - 16, &hash, 8);
		}
		hash = XXH3_64bits(p + at, stored);
		memcpy(entry + 16, &hash, 8);
		at += stored;
	}
	hash = at - 8 - len;
	memcpy(p + 8 + 120, &hash, 8);
	hash = XXH3_64bits(p + 8, len - 8);
	memcpy(p + 8 + len - 8, &hash, 8);
	XXH3_64bits_update(all, &hash, 8);
	return at;
}

/* A repaired copy, malloc'd; NULL if DATA holds no block. */
static uint8_t *fuzz_repair(const uint8_t *data, size_t size)
{
	static const uint8_t marker[16] = MP_MARKER;
	XXH3_state_t *all = XXH3_createState();
	uint8_t *copy = malloc(size + 1);
	bool any = false;

	if (!copy || !all)
		abort();
	XXH3_64bits_reset(all);
	memcpy(copy, data, size);
	for (size_t at = 0; at + 144 <= size; ) {
		size_t len = 0;

		if (memcmp(copy + at + 8, marker, 16) == 0) {
			if (copy[at + 36] == MP_BLOCK_HEAD)
				XXH3_64bits_reset(all);
			len = repair_block(copy + at, size - at, all);
		}
		any |= len > 0;
		at += len ? len : 1;
	}
	XXH3_freeState(all);
	if (any)
		return copy;
	free(copy);
	return NULL;
}

/* What a target does with its input: as it is, then repaired. */
static void fuzz_one(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_repair(data, size);

	fuzz_one(data, size);
	if (copy && memcmp(copy, data, size) != 0)
		fuzz_one(copy, size);
	free(copy);
	return 0;
}

#endif

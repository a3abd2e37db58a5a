/* sample_memory.h - the memory of another process, read while it runs.
 *
 * A snapshot is a list of pieces of that memory, read twice in one system call where
 * the kernel lets it be one: what both copies say alike did not change in between.
 */
#ifndef MP_SAMPLE_MEMORY_H
#define MP_SAMPLE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* All N bytes, or false. */
bool remote_read(pid_t, uint64_t address, void *to, size_t n);
/* At least LEAST of N bytes, for what may end where its mapping does. */
bool remote_read_some(pid_t, uint64_t address, void *to, size_t least, size_t n);
uint64_t remote_pointer(pid_t, uint64_t address);       /* 0 where nothing can be read */

static inline uint64_t name_hash(const char *s)
{
	uint64_t h = 1469598103934665603ull;    /* FNV-1a */

	while (*s)
		h = (h ^ (uint8_t)*s++) * 1099511628211ull;
	return h;
}

struct piece {
	uint64_t address;
	uint32_t size, at;              /* at: in both copies */
};

struct snapshot {               /* all zero at first */
	struct piece *x;
	size_t n, room;
	uint8_t *copy[2];
	size_t used, space;             /* bytes of each copy */
	size_t hint;                    /* the piece found last */
	unsigned fetched;               /* pieces that had to be read on their own */
};

void snapshot_clear(struct snapshot *);
bool snapshot_add(struct snapshot *, uint64_t address, size_t size);   /* false: too much */
/* Read the pieces into COPIES copies.  False unless all could be read. */
bool snapshot_read(struct snapshot *, pid_t, unsigned copies);
/* Read them again, into the second copy. */
bool snapshot_again(struct snapshot *, pid_t);
/* SIZE bytes at ADDRESS as COPY has them; NULL: in none of the pieces.  Valid until
 * the next snapshot_add or snapshot_fetch. */
const uint8_t *snapshot_find(struct snapshot *, unsigned copy, uint64_t address, size_t size);
/* The same of the first copy; what is in no piece is read now and becomes one. */
const uint8_t *snapshot_fetch(struct snapshot *, pid_t, uint64_t address, size_t size);
void snapshot_free(struct snapshot *);

static inline uint64_t remote_word(const uint8_t *bytes, int offset)
{
	uint64_t value;

	memcpy(&value, bytes + offset, sizeof value);
	return value;
}

static inline int32_t remote_int(const uint8_t *bytes, int offset)
{
	int32_t value;

	memcpy(&value, bytes + offset, sizeof value);
	return value;
}

#endif

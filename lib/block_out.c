/* block_out.c - columns to bytes: coding, compression, hash, directory.
 * A failed allocation leaves failed set and is told by mp_block_write.
 */
#include "block_out.h"

#include "coding.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* At least SIZE bytes in *P, old content kept. */
static bool reserve(struct mp_block_out *b, uint8_t **p, size_t *room, size_t size)
{
	size_t more = *room ? *room : 4096;
	uint8_t *moved;

	if (size <= *room)
		return true;
	while (more < size)
		more *= 2;
	moved = realloc(*p, more);
	if (!moved) {
		b->failed = true;
		return false;
	}
	*p = moved;
	*room = more;
	return true;
}

uint8_t *mp_column_room(struct mp_block_out *b, size_t max)
{
	return reserve(b, &b->raw, &b->raw_room, b->raw_n + max) ? b->raw + b->raw_n : NULL;
}

void mp_column_add(struct mp_block_out *b, unsigned id, enum mp_coding coding, uint32_t values,
		size_t raw)
{
	if (!raw || !values || b->failed)
		return;
	if (b->n == b->room) {
		unsigned more = b->room ? b->room * 2 : 32;
		struct mp_column_out *moved = realloc(b->col, more * sizeof(*moved));

		if (!moved) {
			b->failed = true;
			return;
		}
		b->col = moved;
		b->room = more;
	}
	b->col[b->n++] = (struct mp_column_out){
		.id = (uint16_t)id, .coding = (uint8_t)coding, .values = values,
		.at = b->raw_n, .raw = raw,
	};
	b->raw_n += raw;
}

void mp_column_critical(struct mp_block_out *b)
{
	if (b->n)
		b->col[b->n - 1].critical = true;
}

uint64_t *mp_column_scratch(struct mp_block_out *b)
{
	if (!b->value) {
		b->value = malloc(MP_BLOCK_MAX * sizeof(*b->value));
		if (!b->value)
			b->failed = true;
	}
	return b->value;
}

void mp_column_values(struct mp_block_out *b, unsigned id, enum mp_coding coding,
		const uint64_t *value, uint32_t n)
{
	uint8_t *to = mp_column_room(b, MP_LEB_ROOM(n));
	size_t raw = 0;

	if (!to)
		return;
	if (coding == MP_CODING_LEB)
		raw = mp_leb_encode(to, value, n);
	else if (coding == MP_CODING_DELTA)
		raw = mp_delta_encode(to, value, n);
	else if (coding == MP_CODING_FIXED64)
		raw = mp_fixed64_encode(to, value, n);
	mp_column_add(b, id, coding, n, raw);
}

void mp_column_values32(struct mp_block_out *b, unsigned id, enum mp_coding coding,
		const uint32_t *value, uint32_t n)
{
	uint64_t *wide;
	uint8_t *to;

	if (coding == MP_CODING_DELTA) {
		to = mp_column_room(b, MP_LEB_ROOM(n));
		if (to)
			mp_column_add(b, id, coding, n, mp_delta32_encode(to, value, n));
		return;
	}
	wide = mp_column_scratch(b);
	if (!wide)
		return;
	for (uint32_t i = 0; i < n; i++)
		wide[i] = value[i];
	mp_column_values(b, id, coding, wide, n);
}

void mp_column_runs(struct mp_block_out *b, unsigned id, const uint64_t *value,
		const uint32_t *length, uint32_t n)
{
	uint8_t *to = mp_column_room(b, 2 * MP_LEB_ROOM(n));

	if (to)
		mp_column_add(b, id, MP_CODING_RUNS, n, mp_runs_encode(to, value, length, n));
}

/* ---- the block ------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct mp_column_out *x = a, *y = b;
	int dx = x->id < MP_COL_D_BASE, dy = y->id < MP_COL_D_BASE;

	return dx != dy ? dx - dy : (x->id > y->id) - (x->id < y->id);
}

/* The frame of one column at *AT of stored. */
static bool store(struct mp_block_out *b, const struct mp_column_out *c, struct mp_entry *e,
		size_t *at, int level)
{
	size_t bound = mp_stored_size(c->raw), n;
	const uint8_t *raw = b->raw + c->at;

	if (level && ZSTD_compressBound(c->raw) > bound)
		bound = ZSTD_compressBound(c->raw);
	if (!reserve(b, &b->stored, &b->stored_room, *at + bound))
		return false;
	if (level) {
		n = ZSTD_compressCCtx(b->z, b->stored + *at, bound, raw, c->raw, level);
		if (ZSTD_isError(n))
			return false;
	} else {
		n = mp_stored_write(b->stored + *at, raw, c->raw);
	}
	*e = (struct mp_entry){
		.id = c->id, .critical = c->critical, .coding = c->coding,
		.codec = MP_CODEC_ZSTD, .values = c->values, .raw = (uint32_t)c->raw,
		.stored = (uint32_t)n, .hash = mp_hash(b->stored + *at, n),
	};
	*at += n;
	return true;
}

int mp_block_write(struct mp_block_out *b, struct mp_header *h, struct mp_out *out, int level,
		uint64_t *bytes)
{
	struct mp_entry *entry = calloc(b->n + 1, sizeof(*entry));
	size_t head = MP_FRAME_HEAD + MP_HEADER_FIXED + 8 + b->n * (size_t)MP_DIRECTORY_ENTRY;
	size_t at = head;

	if (!b->z && level)
		b->z = ZSTD_createCCtx();
	if (!entry || b->failed || (level && !b->z))
		goto memory;
	if (b->n > 1)
		qsort(b->col, b->n, sizeof(*b->col), by_place);
	if (!reserve(b, &b->stored, &b->stored_room, at))
		goto memory;
	b->defs_stored = 0;
	for (unsigned i = 0; i < b->n; i++) {
		if (!store(b, &b->col[i], &entry[i], &at, level))
			goto memory;
		if (b->col[i].id >= MP_COL_D_BASE)
			b->defs_stored += entry[i].stored;
	}
	h->columns = (uint16_t)b->n;
	mp_header_write(b->stored, h, entry);
	free(entry);
	b->n = 0;
	b->raw_n = 0;
	*bytes += at;
	return mp_out_add(out, b->stored, at) || mp_out_flush(out) ? -1 : 0;
memory:
	free(entry);
	return mp_err_set(&out->error, "%s: out of memory", out->name);
}

void mp_block_out_free(struct mp_block_out *b)
{
	ZSTD_freeCCtx(b->z);
	free(b->col);
	free(b->raw);
	free(b->stored);
	free(b->value);
}

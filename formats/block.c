/* block.c - headers and hand-made zstd frames, see block.h and mp.md section 3.
 * A header that mp_header_parse accepts is consistent with itself: its lengths
 * add up, no column comes twice, its hash fits.
 */
#include "block.h"

#include "bytes.h"

#include <xxhash.h>

#define ZSTD_MAGIC 0xFD2FB528u
enum { ZSTD_BLOCK = 128 * 1024 };

uint64_t mp_hash(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

size_t mp_header_length(const uint8_t *p)
{
	uint32_t len = mp_get_u32(p + MP_HEADER_LENGTH_AT);

	if (memcmp(p, MP_MARKER, MP_MARKER_LEN) != 0)
		return 0;
	if (len < MP_HEADER_FIXED + 8 || len > MP_HEADER_MAX ||
	    (len - MP_HEADER_FIXED - 8) % MP_DIRECTORY_ENTRY)
		return 0;
	return len;
}

void mp_entry_parse(const uint8_t *p, unsigned i, struct mp_entry *e)
{
	uint16_t id;

	p += MP_HEADER_FIXED + (size_t)i * MP_DIRECTORY_ENTRY;
	id = mp_get_u16(p);
	e->id = (uint16_t)(id & ~MP_COLUMN_CRITICAL);
	e->critical = id & MP_COLUMN_CRITICAL;
	e->coding = p[2];
	e->codec = p[3];
	e->values = mp_get_u32(p + 4);
	e->raw = mp_get_u32(p + 8);
	e->stored = mp_get_u32(p + 12);
	e->hash = mp_get_u64(p + 16);
}

/* Definitions first, ids ascending in both halves. */
static uint32_t rank(const struct mp_entry *e)
{
	return e->id >= MP_COL_D_BASE ? e->id : e->id + 0x10000u;
}

static const char *directory_check(const uint8_t *p, const struct mp_header *h)
{
	uint64_t frames = 0;
	uint32_t last = 0;

	for (unsigned i = 0; i < h->columns; i++) {
		struct mp_entry e;

		mp_entry_parse(p, i, &e);
		if (!e.values || !e.raw || !e.stored)
			return "empty column";
		if (rank(&e) <= last)
			return "columns out of order";
		last = rank(&e);
		frames += e.stored;
	}
	return frames == h->frames ? NULL : "lengths do not add up";
}

const char *mp_header_parse(const uint8_t *p, size_t len, struct mp_header *h)
{
	h->hash = mp_get_u64(p + len - 8);
	if (mp_hash(p, len - 8) != h->hash)
		return "header checksum differs";
	h->part = mp_get_u64(p + 16);
	h->sequence = mp_get_u32(p + 24);
	h->kind = p[28];
	h->flags = p[29];
	h->columns = mp_get_u16(p + 30);
	h->n = mp_get_u32(p + 32);
	h->length = mp_get_u32(p + MP_HEADER_LENGTH_AT);
	h->first_time = mp_get_u64(p + 40);
	h->last_time = mp_get_u64(p + 48);
	h->before = mp_get_u64(p + 56);
	h->live_bytes = mp_get_u64(p + 64);
	h->live_blocks = mp_get_u64(p + 72);
	h->max_live = mp_get_u64(p + 80);
	h->position = mp_get_u32(p + 88);
	h->slots = mp_get_u32(p + 92);
	h->lost_events = mp_get_u64(p + 96);
	h->lost_bytes = mp_get_u64(p + 104);
	h->interval = mp_get_u64(p + 112);
	h->frames = mp_get_u64(p + 120);
	if (h->length != len || MP_HEADER_FIXED + 8 + (size_t)h->columns * MP_DIRECTORY_ENTRY != len)
		return "header length differs";
	if (h->n > MP_BLOCK_MAX || h->position > h->n || h->max_live < h->live_bytes)
		return "header contradicts itself";
	return directory_check(p, h);
}

static uint8_t *entry_write(uint8_t *p, const struct mp_entry *e)
{
	p = mp_set_u16(p, (uint16_t)(e->id | (e->critical ? MP_COLUMN_CRITICAL : 0)));
	*p++ = e->coding;
	*p++ = e->codec;
	p = mp_set_u32(p, e->values);
	p = mp_set_u32(p, e->raw);
	p = mp_set_u32(p, e->stored);
	return mp_set_u64(p, e->hash);
}

size_t mp_header_write(uint8_t *to, struct mp_header *h, const struct mp_entry *e)
{
	uint8_t *p = to, *header = to + MP_FRAME_HEAD;

	h->length = (uint32_t)(MP_HEADER_FIXED + 8 + h->columns * (size_t)MP_DIRECTORY_ENTRY);
	h->frames = 0;
	for (unsigned i = 0; i < h->columns; i++)
		h->frames += e[i].stored;
	p = mp_set_u32(p, MP_SKIPPABLE);
	p = mp_set_u32(p, h->length);
	memcpy(p, MP_MARKER, MP_MARKER_LEN);
	p = mp_set_u64(p + MP_MARKER_LEN, h->part);
	p = mp_set_u32(p, h->sequence);
	*p++ = h->kind;
	*p++ = h->flags;
	p = mp_set_u16(p, h->columns);
	p = mp_set_u32(p, h->n);
	p = mp_set_u32(p, h->length);
	p = mp_set_u64(p, h->first_time);
	p = mp_set_u64(p, h->last_time);
	p = mp_set_u64(p, h->before);
	p = mp_set_u64(p, h->live_bytes);
	p = mp_set_u64(p, h->live_blocks);
	p = mp_set_u64(p, h->max_live);
	p = mp_set_u32(p, h->position);
	p = mp_set_u32(p, h->slots);
	p = mp_set_u64(p, h->lost_events);
	p = mp_set_u64(p, h->lost_bytes);
	p = mp_set_u64(p, h->interval);
	p = mp_set_u64(p, h->frames);
	for (unsigned i = 0; i < h->columns; i++)
		p = entry_write(p, &e[i]);
	h->hash = mp_hash(header, h->length - 8);
	mp_set_u64(p, h->hash);
	return MP_FRAME_HEAD + h->length;
}

/* ---- zstd frames of raw blocks (RFC 8878) ------------------------------------------ */

/* Bytes of the frame content size field, single segment. */
static size_t size_field(size_t len)
{
	return len < 256 ? 1 : len < 65536 + 256 ? 2 : 4;
}

size_t mp_stored_size(size_t len)
{
	size_t blocks = (len + ZSTD_BLOCK - 1) / ZSTD_BLOCK;

	return 5 + size_field(len) + 3 * blocks + len;
}

size_t mp_stored_write(uint8_t *to, const void *data, size_t len)
{
	size_t field = size_field(len), done = 0;
	uint8_t *p = mp_set_u32(to, ZSTD_MAGIC);

	*p++ = (uint8_t)(0x20 | (field == 1 ? 0 : field == 2 ? 0x40 : 0x80));
	if (field == 1)
		*p++ = (uint8_t)len;
	else if (field == 2)
		p = mp_set_u16(p, (uint16_t)(len - 256));
	else
		p = mp_set_u32(p, (uint32_t)len);
	while (done < len) {
		size_t n = len - done < ZSTD_BLOCK ? len - done : ZSTD_BLOCK;
		uint32_t head = (uint32_t)n << 3 | (done + n == len);

		p = mp_set_u16(p, (uint16_t)head);
		*p++ = (uint8_t)(head >> 16);
		memcpy(p, (const uint8_t *)data + done, n);
		p += n;
		done += n;
	}
	return (size_t)(p - to);
}

bool mp_is_stored(const uint8_t *p, size_t len)
{
	size_t at;

	if (len < 9 || mp_get_u32(p) != ZSTD_MAGIC || (p[4] & 0x3f) != 0x20)
		return false;
	at = 5 + (p[4] == 0x20 ? 1 : p[4] == 0x60 ? 2 : 4);
	return at < len && (p[at] >> 1 & 3) == 0;
}

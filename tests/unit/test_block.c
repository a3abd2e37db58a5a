/* test_block.c - headers there and back, every flipped byte of one noticed, and
 * hand-made zstd frames read by zstd.
 */
#include "tap.h"

#include "block.h"
#include "bytes.h"

#include <string.h>
#include <zstd.h>

static const struct mp_entry entry[] = {
	{ MP_COL_D_BASE, false, MP_CODING_LEB, MP_CODEC_ZSTD, 2, 3, 4, 5 },
	{ MP_COL_OP, false, MP_CODING_BITMAP, MP_CODEC_ZSTD, 9, 2, 11, 0x0102030405060708ull },
	{ MP_COL_PROCEND, true, MP_CODING_LEB, MP_CODEC_ZSTD, 2, 2, 11, UINT64_MAX },
};

static struct mp_header header(void)
{
	return (struct mp_header){
		.part = 0x1122334455667788ull, .sequence = 7, .n = 9, .kind = MP_BLOCK_EVENTS,
		.flags = MP_FLAG_CONTINUED, .columns = 3, .first_time = 1, .last_time = 2,
		.before = 3, .live_bytes = 4, .live_blocks = 5, .max_live = 6, .position = 7,
		.slots = 8, .lost_events = 9, .lost_bytes = 10, .interval = 11,
	};
}

static void test_header(void)
{
	struct mp_header h = header(), g;
	uint8_t buf[512], *p = buf + MP_FRAME_HEAD;
	size_t n = mp_header_write(buf, &h, entry), bad = 0;
	struct mp_entry e;

	ok(n == MP_FRAME_HEAD + 128 + 3 * 24 + 8 && h.length == n - MP_FRAME_HEAD);
	ok(mp_get_u32(buf) == MP_SKIPPABLE && mp_get_u32(buf + 4) == h.length);
	ok(h.frames == 26 && mp_header_length(p) == h.length);
	memset(&g, 0, sizeof(g));
	ok(!mp_header_parse(p, h.length, &g));
	ok(g.part == h.part && g.sequence == 7 && g.n == 9 && g.kind == h.kind &&
			g.flags == h.flags && g.columns == 3 && g.first_time == 1 &&
			g.last_time == 2 && g.before == 3 && g.live_bytes == 4 &&
			g.live_blocks == 5 && g.max_live == 6 && g.position == 7 &&
			g.slots == 8 && g.lost_events == 9 && g.lost_bytes == 10 &&
			g.interval == 11 && g.frames == 26 && g.hash == h.hash);
	mp_entry_parse(p, 2, &e);
	ok(e.id == MP_COL_PROCEND && e.critical && e.coding == MP_CODING_LEB && e.values == 2 &&
			e.raw == 2 && e.stored == 11 && e.hash == UINT64_MAX);
	for (size_t i = 0; i < h.length * 8; i++) {
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		if (mp_header_length(p) == h.length && !mp_header_parse(p, h.length, &g))
			bad++;
		p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ok(!bad);
}

/* Headers that are written as told but contradict themselves. */
static const char *refused(void (*change)(struct mp_header *, struct mp_entry *))
{
	struct mp_header h = header();
	struct mp_entry e[3];
	uint8_t buf[512];

	memcpy(e, entry, sizeof(e));
	change(&h, e);
	mp_header_write(buf, &h, e);
	return mp_header_parse(buf + MP_FRAME_HEAD, h.length, &h);
}

static void too_many(struct mp_header *h, struct mp_entry *e) { (void)e; h->n = MP_BLOCK_MAX + 1; }
static void far(struct mp_header *h, struct mp_entry *e) { (void)e; h->position = h->n + 1; }
static void twice(struct mp_header *h, struct mp_entry *e) { (void)h; e[2].id = e[1].id; }
static void order(struct mp_header *h, struct mp_entry *e) { (void)h; e[2].id = MP_COL_D_STRING; }
static void empty(struct mp_header *h, struct mp_entry *e) { (void)h; e[1].raw = 0; }
static void nothing(struct mp_header *h, struct mp_entry *e) { (void)h, (void)e; }

static void test_stored(void)
{
	static const size_t size[] = { 1, 255, 256, 65535, 65791, 65792, 131072, 131073, 1 << 20 };
	uint8_t *data = malloc(1 << 20), *frame = malloc(mp_stored_size(1 << 20));
	uint8_t *back = malloc(1 << 20);

	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		size_t n = mp_stored_write(frame, data, size[i]);

		ok(n == mp_stored_size(size[i]) && mp_is_stored(frame, n));
		ok(ZSTD_getFrameContentSize(frame, n) == size[i]);
		ok(ZSTD_findFrameCompressedSize(frame, n) == n);
		ok(ZSTD_decompress(back, 1 << 20, frame, n) == size[i]);
		ok(memcmp(back, data, size[i]) == 0);
	}
	memset(data, 7, 1000);
	ok(!mp_is_stored(frame, ZSTD_compress(frame, 1 << 20, data, 1000, 1)));
	free(data);
	free(frame);
	free(back);
}

int main(void)
{
	test_header();
	ok(!refused(nothing));
	ok(refused(too_many) && refused(far) && refused(twice) && refused(order) && refused(empty));
	test_stored();
	return tap_done();
}

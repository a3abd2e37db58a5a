/* test_pprof.c - protocol buffers: bytes as the public wire format has them,
 * and a buffer that is too small.
 */
#include "tap.h"

#include "pprof.h"

#include <string.h>

static uint8_t space[64];

static struct mp_pb empty(size_t room)
{
	memset(space, 0xee, sizeof(space));
	return (struct mp_pb){ .start = space, .at = space, .end = space + room };
}

#define IS(b, ...) is(b, (const uint8_t[]){ __VA_ARGS__ }, \
	sizeof((const uint8_t[]){ __VA_ARGS__ }))

static bool is(const struct mp_pb *b, const uint8_t *expect, size_t n)
{
	return !b->full && (size_t)(b->at - b->start) == n && memcmp(b->start, expect, n) == 0;
}

static void test_fields(void)
{
	const uint64_t some[] = { 3, 270, 86942 };
	struct mp_pb b = empty(sizeof(space));

	mp_pb_number(&b, 1, 150);
	ok(IS(&b, 0x08, 0x96, 0x01)); /* a number */
	b = empty(sizeof(space));
	mp_pb_number(&b, 1, 0);
	ok(b.at == b.start && !b.full); /* 0 is not written */
	mp_pb_number(&b, 2, (uint64_t)-2);
	/* a negative one has ten bytes */
	ok(IS(&b, 0x10, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
	b = empty(sizeof(space));
	mp_pb_bytes(&b, 2, "testing", 7);
	ok(IS(&b, 0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g')); /* bytes */
	b = empty(sizeof(space));
	mp_pb_bytes(&b, 6, "", 0);
	ok(IS(&b, 0x32, 0x00)); /* no bytes are a field all the same */
	b = empty(sizeof(space));
	mp_pb_packed(&b, 6, some, 3);
	ok(IS(&b, 0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05)); /* packed numbers */
	b = empty(sizeof(space));
	mp_pb_packed(&b, 6, some, 0);
	ok(b.at == b.start && !b.full); /* none at all */
	mp_pb_number(&b, 16, 1);
	ok(IS(&b, 0x80, 0x01, 0x01)); /* a field over 15 */
}

static void test_room(void)
{
	const uint64_t some[] = { 1, 300, 5 };
	bool told = true, kept = true;

	for (size_t room = 0; room < 18; room++) {
		struct mp_pb b = empty(room);

		mp_pb_number(&b, 1, 150);
		mp_pb_bytes(&b, 2, "testing", 7);
		mp_pb_packed(&b, 3, some, 3);
		told &= b.full;
		kept &= b.at <= b.end && space[room] == 0xee;
	}
	ok(told); /* too small a buffer is told */
	ok(kept); /* and nothing is written behind it */
	struct mp_pb b = empty(18);

	mp_pb_number(&b, 1, 150);
	mp_pb_bytes(&b, 2, "testing", 7);
	mp_pb_packed(&b, 3, some, 3);
	ok(!b.full && b.at == b.end); /* 18 bytes are enough */
}

int main(void)
{
	test_fields();
	test_room();
	return tap_done();
}

/* test_coding.c - the seven codings: the vectors of formats/mp.md, random
 * values there and back, and raw bytes that no encoder writes.
 */
#include "tap.h"

#include "bytes.h"
#include "coding.h"

static uint64_t seed = 1;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

#define IS(raw, n, ...) is(raw, n, (const uint8_t[]){ __VA_ARGS__ }, \
	sizeof((const uint8_t[]){ __VA_ARGS__ }))

static bool is(const uint8_t *raw, size_t n, const uint8_t *expect, size_t m)
{
	return n == m && memcmp(raw, expect, n) == 0;
}

static void test_vectors(void)
{
	const uint16_t escape[] = { 0, 254, 255, 7, 65535 };
	const uint64_t leb[] = { 0, 127, 128, 300, UINT64_MAX };
	const uint64_t delta[] = { 5, 3, 3, 200, 0, UINT64_MAX };
	const uint64_t minus[] = { (uint64_t)-1, (uint64_t)-3, 70 };
	const uint64_t run[] = { 7, 9, 1 }, fixed[] = { 1, 258 };
	const uint32_t length[] = { 3, 1, 2 };
	const uint8_t bits[] = { 0x19, 0x01 };
	uint8_t raw[256];
	uint32_t ones;
	size_t n;

	n = mp_escape_encode(raw, escape, 5);
	ok(IS(raw, n, 0x00, 0xfe, 0xff, 0x07, 0xff, 0xff, 0x00, 0xff, 0xff));
	n = mp_leb_encode(raw, leb, 5);
	ok(IS(raw, n, 0x00, 0x7f, 0x80, 0x01, 0xac, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff, 0xff, 0xff, 0x01));
	n = mp_delta_encode(raw, delta, 6);
	ok(IS(raw, n, 0x0a, 0x03, 0x00, 0x8a, 0x03, 0x8f, 0x03, 0x01));
	n = mp_delta_encode(raw, minus, 3);
	ok(IS(raw, n, 0x01, 0x03, 0x92, 0x01));
	n = mp_runs_encode(raw, run, length, 3);
	ok(IS(raw, n, 0x0e, 0x03, 0x04, 0x01, 0x0f, 0x02));
	n = mp_fixed64_encode(raw, fixed, 2);
	ok(IS(raw, n, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0));
	ok(mp_bitmap_check(bits, 2, 9, &ones) && ones == 4);
}

/* Columns into the fields of an array of structures, whose other bytes stay. */
static void test_fields(const uint64_t *v, uint32_t n)
{
	static struct { uint32_t before, narrow; uint64_t wide; } x[300];
	static uint8_t raw[300 * 10];

	for (int delta = 0; delta < 2; delta++) {
		enum mp_coding coding = delta ? MP_CODING_DELTA : MP_CODING_LEB;
		size_t len = delta ? mp_delta_encode(raw, v, n) : mp_leb_encode(raw, v, n);
		uint64_t most = 0, narrow, wide;
		bool good = true;

		memset(x, 0x55, sizeof(x));
		ok(mp_fields_decode(coding, raw, len, &x[0].narrow, sizeof(*x), 4, n, &narrow));
		ok(mp_fields_decode(coding, raw, len, &x[0].wide, sizeof(*x), 8, n, &wide));
		for (uint32_t i = 0; i < n; i++) {
			most = v[i] > most ? v[i] : most;
			good &= x[i].before == 0x55555555 && x[i].narrow == (uint32_t)v[i] &&
				x[i].wide == v[i];
		}
		ok(good && narrow == most && wide == most);
		ok(!mp_fields_decode(coding, raw, len - 1, &x[0].wide, sizeof(*x), 8, n, &wide));
		ok(!mp_fields_decode(coding, raw, len + 1, &x[0].wide, sizeof(*x), 8, n, &wide));
	}
}

/* Lengths round every vector width, values round every boundary. */
static void test_round_trips(void)
{
	static uint64_t v[300], w[300];
	static uint32_t v32[300], w32[300], l[300], k[300];
	static uint16_t v16[300], w16[300 + MP_ESCAPE_SLACK];
	static uint8_t raw[300 * 20];

	for (uint32_t n = 1; n < 300; n++) {
		uint32_t most = 0, low = UINT32_MAX, a, b;
		uint64_t total = 0;
		uint16_t largest, most16 = 0;
		size_t len;

		for (uint32_t i = 0; i < n; i++) {
			unsigned bits = (unsigned)(rnd() % 64);

			v[i] = rnd() >> bits;
			v32[i] = (uint32_t)(rnd() >> (32 + bits % 32));
			v16[i] = (uint16_t)(n % 3 ? rnd() % 300 : rnd() % 254);
			l[i] = 1 + (uint32_t)(rnd() % 1000);
			total += l[i];
			most = v32[i] > most ? v32[i] : most;
			low = v32[i] < low ? v32[i] : low;
			most16 = v16[i] > most16 ? v16[i] : most16;
		}
		len = mp_leb_encode(raw, v, n);
		ok(mp_leb_decode(raw, len, w, n) && !memcmp(v, w, n * sizeof(*v)));
		ok(mp_values_plausible(MP_CODING_LEB, n, (uint32_t)len));
		ok(!mp_leb_decode(raw, len - 1, w, n) && !mp_leb_decode(raw, len + 1, w, n));
		len = mp_delta_encode(raw, v, n);
		ok(mp_delta_decode(raw, len, w, n) && !memcmp(v, w, n * sizeof(*v)));
		ok(!mp_delta_decode(raw, len - 1, w, n));
		len = mp_delta32_encode(raw, v32, n);
		ok(mp_delta32_decode(raw, len, w32, n, &a, &b) && a == low && b == most &&
				!memcmp(v32, w32, n * sizeof(*v32)));
		ok(!mp_delta32_decode(raw, len - 1, w32, n, &a, &b));
		len = mp_runs_encode(raw, v, l, n);
		ok(mp_runs_decode(raw, len, w, k, n, total) && !memcmp(v, w, n * sizeof(*v)) &&
				!memcmp(l, k, n * sizeof(*l)));
		ok(!mp_runs_decode(raw, len, w, k, n, total - 1));
		ok(!mp_runs_decode(raw, len, w, k, n, total + 1));
		len = mp_escape_encode(raw, v16, n);
		ok(mp_escape_decode(raw, len, w16, n, &largest) && largest == most16 &&
				!memcmp(v16, w16, n * sizeof(*v16)));
		ok(!mp_escape_decode(raw, len + 2, w16, n, &largest));
		ok(!mp_escape_decode(raw, len - 1, w16, n, &largest));
		test_fields(v, n);
		len = mp_fixed64_encode(raw, v, n);
		ok(mp_fixed64_decode(raw, len, w, n) && !memcmp(v, w, n * sizeof(*v)));
	}
}

static void test_refused(void)
{
	const uint8_t small_escape[] = { 255, 254, 0 }, no_run[] = { 2, 0 };
	const uint8_t long_leb[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 };
	const uint8_t wide_leb[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 };
	const uint8_t below[] = { 0x01 }, above[] = { 0x80, 0x80, 0x80, 0x80, 0x20 };
	const uint8_t bits[] = { 0x00, 0x02 };
	uint16_t v16[1 + MP_ESCAPE_SLACK], largest;
	uint32_t v32[1], length[1], a, b;
	uint64_t v[1];

	ok(!mp_escape_decode(small_escape, 3, v16, 1, &largest));
	ok(!mp_runs_decode(no_run, 2, v, length, 1, 0));
	ok(!mp_leb_decode(long_leb, sizeof(long_leb), v, 1));
	ok(!mp_leb_decode(wide_leb, sizeof(wide_leb), v, 1));
	ok(!mp_fields_decode(MP_CODING_RUNS, no_run, 2, v, 8, 8, 1, v));
	ok(!mp_delta32_decode(below, 1, v32, 1, &a, &b));
	ok(!mp_delta32_decode(above, 5, v32, 1, &a, &b));
	ok(!mp_bitmap_check(bits, 2, 9, NULL));
	ok(!mp_bitmap_check(bits, 2, 17, NULL));
	ok(!mp_values_plausible(MP_CODING_LEB, 5, 4) && !mp_values_plausible(MP_CODING_LEB, 5, 51));
	ok(!mp_values_plausible(MP_CODING_RUNS, 5, 9) && !mp_values_plausible(7, 1, 1));
	ok(!mp_values_plausible(MP_CODING_FIXED64, 2, 15) && !mp_values_plausible(MP_CODING_BITMAP, 9, 1));
}

int main(void)
{
	test_vectors();
	test_round_trips();
	test_refused();
	return tap_done();
}

/* coding.c - values to bytes and back, see coding.h and mp.md section 4.
 * A decoder accepts exactly what an encoder can have written, and nothing is
 * read before its bounds are known.
 */
#include "coding.h"

#include "bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool mp_values_plausible(enum mp_coding coding, uint32_t n, uint32_t raw)
{
	switch (coding) {
	case MP_CODING_BYTES:
		return n == raw;
	case MP_CODING_BITMAP:
		return raw == MP_BITMAP_ROOM(n);
	case MP_CODING_ESCAPE:
		return raw >= n && raw <= MP_ESCAPE_ROOM(n);
	case MP_CODING_LEB:
	case MP_CODING_DELTA:
		return raw >= n && raw <= MP_LEB_ROOM(n);
	case MP_CODING_RUNS:
		return raw / 2 >= n && raw <= 2 * MP_LEB_ROOM(n);
	case MP_CODING_FIXED64:
		return raw == MP_FIXED64_ROOM(n);
	default:
		return false;
	}
}

/* ---- byte + escape --------------------------------------------------------------- */

size_t mp_escape_encode(uint8_t *to, const uint16_t *value, uint32_t n)
{
	uint8_t *tail = to + n;

	for (uint32_t i = 0; i < n; i++) {
		if (value[i] < 255) {
			to[i] = (uint8_t)value[i];
		} else {
			to[i] = 255;
			tail = mp_set_u16(tail, value[i]);
		}
	}
	return (size_t)(tail - to);
}

struct escape { const uint8_t *tail, *end; uint32_t largest; bool bad; };

static inline uint16_t escaped(struct escape *e)
{
	uint16_t v;

	if (e->end - e->tail < 2) {
		e->bad = true;
		return 0;
	}
	v = mp_get_u16(e->tail);
	e->tail += 2;
	if (v < 255)
		e->bad = true;
	if (v > e->largest)
		e->largest = v;
	return v;
}

#ifdef __SSE2__
/* Sixteen at a time; returns how many were done. */
static uint32_t escape_vector(const uint8_t *raw, uint16_t *value, uint32_t n, struct escape *e)
{
	const __m128i zero = _mm_setzero_si128(), ones = _mm_set1_epi8(-1);
	__m128i largest = zero;
	uint8_t lane[16];
	uint32_t i;

	for (i = 0; i + 16 <= n; i += 16) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(raw + i));
		__m128i is = _mm_cmpeq_epi8(b, ones);
		unsigned m = (unsigned)_mm_movemask_epi8(is);

		largest = _mm_max_epu8(largest, _mm_andnot_si128(is, b));
		_mm_storeu_si128((__m128i *)(void *)(value + i), _mm_unpacklo_epi8(b, zero));
		_mm_storeu_si128((__m128i *)(void *)(value + i + 8), _mm_unpackhi_epi8(b, zero));
		for (; m; m &= m - 1)
			value[i + (unsigned)__builtin_ctz(m)] = escaped(e);
	}
	_mm_storeu_si128((__m128i *)(void *)lane, largest);
	for (int k = 0; k < 16; k++)
		if (lane[k] > e->largest)
			e->largest = lane[k];
	return i;
}
#else
static uint32_t escape_vector(const uint8_t *raw, uint16_t *value, uint32_t n, struct escape *e)
{
	(void)raw, (void)value, (void)n, (void)e;
	return 0;
}
#endif

bool mp_escape_decode(const uint8_t *raw, size_t len, uint16_t *value, uint32_t n,
		uint16_t *largest)
{
	struct escape e = { raw + n, raw + len, 0, false };

	if (len < n)
		return false;
	for (uint32_t i = escape_vector(raw, value, n, &e); i < n; i++) {
		if (raw[i] == 255) {
			value[i] = escaped(&e);
		} else {
			value[i] = raw[i];
			if (raw[i] > e.largest)
				e.largest = raw[i];
		}
	}
	*largest = (uint16_t)e.largest;
	return !e.bad && e.tail == e.end;
}

/* ---- fixed and bits -------------------------------------------------------------- */

size_t mp_fixed64_encode(uint8_t *to, const uint64_t *value, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to = mp_set_u64(to, value[i]);
	return MP_FIXED64_ROOM(n);
}

bool mp_fixed64_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t n)
{
	if (len != MP_FIXED64_ROOM(n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		value[i] = mp_get_u64(raw + 8 * (size_t)i);
	return true;
}

/* Without a call into the compiler's own library. */
static uint32_t ones_of(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + (v >> 2 & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (uint32_t)(v * 0x0101010101010101ull >> 56);
}

bool mp_bitmap_check(const uint8_t *raw, size_t len, uint32_t n, uint32_t *ones)
{
	uint32_t count = 0;
	size_t i = 0;

	if (len != MP_BITMAP_ROOM(n) || (n % 8 && raw[len - 1] >> (n % 8)))
		return false;
	for (; i + 8 <= len; i += 8)
		count += ones_of(mp_get_u64(raw + i));
	for (; i < len; i++)
		count += ones_of(raw[i]);
	if (ones)
		*ones = count;
	return true;
}

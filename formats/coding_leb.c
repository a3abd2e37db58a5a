/* coding_leb.c - LEB128 columns to values and back: plain, deltas, runs, see coding.h.
 * A decoder reads no byte behind the column, and takes all of them or fails.
 */
#include "coding.h"

#include "bytes.h"

size_t mp_leb_encode(uint8_t *to, const uint64_t *value, uint32_t n)
{
	uint8_t *p = to;

	for (uint32_t i = 0; i < n; i++)
		p = mp_set_leb(p, value[i]);
	return (size_t)(p - to);
}

static __attribute__((noinline)) const uint8_t *long_leb(const uint8_t *p, const uint8_t *end,
		uint64_t *v)
{
	return mp_get_leb(p, end, v);
}

/* mp_get_leb for columns, where one to three bytes are nearly all there is. */
static inline __attribute__((always_inline)) const uint8_t *get_leb(const uint8_t *p,
		const uint8_t *end, uint64_t *v)
{
	if (end - p < 3)
		return long_leb(p, end, v);
	*v = p[0] & 0x7f;
	if (p[0] < 0x80)
		return p + 1;
	*v |= (uint64_t)(p[1] & 0x7f) << 7;
	if (p[1] < 0x80)
		return p + 2;
	*v |= (uint64_t)p[2] << 14;
	return p[2] < 0x80 ? p + 3 : long_leb(p, end, v);
}

bool mp_leb_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t n)
{
	const uint8_t *p = raw, *end = raw + len;

	for (uint32_t i = 0; i < n; i++) {
		p = get_leb(p, end, &value[i]);
		if (!p)
			return false;
	}
	return p == end;
}

size_t mp_delta_encode(uint8_t *to, const uint64_t *value, uint32_t n)
{
	uint64_t before = 0;
	uint8_t *p = to;

	for (uint32_t i = 0; i < n; i++) {
		p = mp_set_leb(p, mp_zigzag(value[i] - before));
		before = value[i];
	}
	return (size_t)(p - to);
}

bool mp_delta_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t n)
{
	const uint8_t *p = raw, *end = raw + len;
	uint64_t now = 0, step;

	for (uint32_t i = 0; i < n; i++) {
		p = get_leb(p, end, &step);
		if (!p)
			return false;
		now += mp_unzigzag(step);
		value[i] = now;
	}
	return p == end;
}

size_t mp_delta32_encode(uint8_t *to, const uint32_t *value, uint32_t n)
{
	uint64_t before = 0;
	uint8_t *p = to;

	for (uint32_t i = 0; i < n; i++) {
		p = mp_set_leb(p, mp_zigzag(value[i] - before));
		before = value[i];
	}
	return (size_t)(p - to);
}

bool mp_delta32_decode(const uint8_t *raw, size_t len, uint32_t *value, uint32_t n,
		uint32_t *smallest, uint32_t *largest)
{
	const uint8_t *p = raw, *end = raw + len;
	uint64_t now = 0, any = 0, step;
	uint32_t low = UINT32_MAX, high = 0;

	for (uint32_t i = 0; i < n; i++) {
		p = get_leb(p, end, &step);
		if (!p)
			return false;
		now += mp_unzigzag(step);
		any |= now;
		value[i] = (uint32_t)now;
		low = value[i] < low ? value[i] : low;
		high = value[i] > high ? value[i] : high;
	}
	*smallest = n ? low : 0;
	*largest = high;
	return p == end && any <= UINT32_MAX;
}

static inline __attribute__((always_inline)) bool fields(const uint8_t *raw, size_t len, char *to,
		size_t stride, bool narrow, bool delta, uint32_t n, uint64_t *most)
{
	const uint8_t *p = raw, *end = raw + len;
	uint64_t now = 0, large = 0, step;

	for (uint32_t i = 0; i < n; i++, to += stride) {
		uint32_t low;

		p = get_leb(p, end, &step);
		if (!p)
			return false;
		now = delta ? now + mp_unzigzag(step) : step;
		large = now > large ? now : large;
		low = (uint32_t)now;
		if (narrow)
			memcpy(to, &low, 4);
		else
			memcpy(to, &now, 8);
	}
	*most = large;
	return p == end;
}

bool mp_fields_decode(enum mp_coding coding, const uint8_t *raw, size_t len, void *to,
		size_t stride, unsigned width, uint32_t n, uint64_t *most)
{
	if (coding == MP_CODING_DELTA)
		return width == 4 ? fields(raw, len, to, stride, true, true, n, most) :
			fields(raw, len, to, stride, false, true, n, most);
	if (coding == MP_CODING_LEB)
		return width == 4 ? fields(raw, len, to, stride, true, false, n, most) :
			fields(raw, len, to, stride, false, false, n, most);
	return false;
}

/* ---- runs ------------------------------------------------------------------------ */

size_t mp_runs_encode(uint8_t *to, const uint64_t *value, const uint32_t *length, uint32_t n)
{
	uint64_t before = 0;
	uint8_t *p = to;

	for (uint32_t i = 0; i < n; i++) {
		p = mp_set_leb(p, mp_zigzag(value[i] - before));
		p = mp_set_leb(p, length[i]);
		before = value[i];
	}
	return (size_t)(p - to);
}

bool mp_runs_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t *length,
		uint32_t n, uint64_t total)
{
	const uint8_t *p = raw, *end = raw + len;
	uint64_t now = 0, sum = 0, step, run;

	for (uint32_t i = 0; i < n; i++) {
		p = get_leb(p, end, &step);
		p = p ? get_leb(p, end, &run) : NULL;
		if (!p || !run || run > total - sum || run > UINT32_MAX)
			return false;
		now += mp_unzigzag(step);
		sum += run;
		value[i] = now;
		length[i] = (uint32_t)run;
	}
	return p == end && sum == total;
}

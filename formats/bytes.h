/* bytes.h - little-endian numbers and LEB128 in a buffer.
 * Readers are bounded by an end pointer and never read past it.
 */
#ifndef MP_BYTES_H
#define MP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MP_LEB_MAX = 10 };

static inline uint16_t mp_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t mp_get_u32(const uint8_t *p)
{
	return (uint32_t)mp_get_u16(p) | (uint32_t)mp_get_u16(p + 2) << 16;
}

static inline uint64_t mp_get_u64(const uint8_t *p)
{
	return (uint64_t)mp_get_u32(p) | (uint64_t)mp_get_u32(p + 4) << 32;
}

static inline uint8_t *mp_set_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}

static inline uint8_t *mp_set_u32(uint8_t *p, uint32_t v)
{
	return mp_set_u16(mp_set_u16(p, (uint16_t)v), (uint16_t)(v >> 16));
}

static inline uint8_t *mp_set_u64(uint8_t *p, uint64_t v)
{
	return mp_set_u32(mp_set_u32(p, (uint32_t)v), (uint32_t)(v >> 32));
}

static inline uint64_t mp_zigzag(uint64_t v)
{
	return v << 1 ^ (0 - (v >> 63));
}

static inline uint64_t mp_unzigzag(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}

/* At most MP_LEB_MAX bytes; returns the byte behind them. */
static inline uint8_t *mp_set_leb(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* The byte behind the number, NULL if it is cut off or does not fit 64 bits. */
static inline const uint8_t *mp_get_leb(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t x;

	if (p >= end)
		return NULL;
	x = *p++;
	if (x >= 0x80) {
		uint64_t b = 0x80;

		x &= 0x7f;
		for (unsigned shift = 7; b & 0x80; shift += 7) {
			if (p >= end || shift > 63)
				return NULL;
			b = *p++;
			if (shift == 63 && b > 1)
				return NULL;
			x |= (b & 0x7f) << shift;
		}
	}
	*v = x;
	return p;
}

#endif

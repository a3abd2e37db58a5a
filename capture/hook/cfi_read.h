/* cfi_read.h - the numbers of call frame tables.
 *
 * Nothing is read at END or beyond it: what would be is 0.
 */
#ifndef MP_HOOK_CFI_READ_H
#define MP_HOOK_CFI_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t read_uleb(const uint8_t **p, const uint8_t *end)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte = 128;

	while (byte & 128 && *p < end) {
		byte = *(*p)++;
		if (shift < 64)
			value |= (uint64_t)(byte & 127) << shift;
		shift += 7;
	}
	return value;
}

static inline int64_t read_sleb(const uint8_t **p, const uint8_t *end)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte = 128;

	while (byte & 128 && *p < end) {
		byte = *(*p)++;
		if (shift < 64)
			value |= (uint64_t)(byte & 127) << shift;
		shift += 7;
	}
	if (shift < 64 && (byte & 64) != 0)
		value |= ~0ull << shift;
	return (int64_t)value;
}

static inline uint64_t read_fixed(const uint8_t **p, const uint8_t *end, unsigned bytes)
{
	uint64_t value = 0;

	if (*p >= end || (size_t)(end - *p) < bytes) {
		*p = end;
		return 0;
	}
	memcpy(&value, *p, bytes);
	*p += bytes;
	return value;
}

/* A pointer in encoding ENC (DW_EH_PE_*); false: an encoding not known. */
static inline bool read_encoded(const uint8_t **p, const uint8_t *end, uint8_t enc,
				uintptr_t data, uintptr_t *out)
{
	uintptr_t base = 0, value;

	switch (enc & 0x70) {
	case 0x00:
		break;
	case 0x10:
		base = (uintptr_t)*p;
		break;
	case 0x30:
		base = data;
		break;
	default:
		return false;
	}
	switch (enc & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		value = read_fixed(p, end, 8);
		break;
	case 0x01:
		value = read_uleb(p, end);
		break;
	case 0x02:
		value = read_fixed(p, end, 2);
		break;
	case 0x03:
		value = read_fixed(p, end, 4);
		break;
	case 0x09:
		value = (uintptr_t)read_sleb(p, end);
		break;
	case 0x0a:
		value = (uintptr_t)(int16_t)read_fixed(p, end, 2);
		break;
	case 0x0b:
		value = (uintptr_t)(int32_t)read_fixed(p, end, 4);
		break;
	default:
		return false;
	}
	*out = value != 0 ? value + base : 0;
	return true;
}

#endif

/* python_line.c - line numbers from CPython's line tables: lnotab (3.8, 3.9),
 * the pair table (3.10) and the location table (3.11 on).
 *
 * Self-contained: bytes in, number out, nothing read outside `size`.  A broken
 * table gives a wrong line or none, never an overrun.
 */
#include "python_line.h"

#include <limits.h>

/* Line numbers add up in 64 bits and are cut here, so that a hostile table cannot
 * overflow. */
static int line_number(int64_t line)
{
	return line > 0 && line <= INT_MAX ? (int)line : PYTHON_NO_LINE;
}

static int lnotab(const uint8_t *t, size_t size, int first, long byte)
{
	int64_t line = first;
	long at = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		at += t[i];
		if (at > byte)
			break;
		line += (int8_t)t[i + 1];
	}
	return line_number(line);
}

static int pair_table(const uint8_t *t, size_t size, int first, long byte)
{
	int64_t line = first;
	long end = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		int delta = (int8_t)t[i + 1];

		/* -128: code without a line; the address advances all the same */
		if (delta != -128)
			line += delta;
		end += t[i];
		if (end > byte)
			return delta == -128 ? PYTHON_NO_LINE : line_number(line);
	}
	return PYTHON_NO_LINE;
}

static uint32_t varint(const uint8_t *t, size_t size, size_t *i)
{
	uint32_t value = 0;
	unsigned shift = 0, byte;

	do {
		if (*i >= size || shift > 30)
			return 0;
		byte = t[(*i)++];
		value |= (uint32_t)(byte & 63) << shift;
		shift += 6;
	} while (byte & 64);
	return value;
}

static int64_t signed_varint(const uint8_t *t, size_t size, size_t *i)
{
	uint32_t value = varint(t, size, i);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static int location_table(const uint8_t *t, size_t size, int first, long unit)
{
	int64_t line = first;
	long end = 0;

	for (size_t i = 0; i < size;) {
		unsigned byte = t[i++], kind = byte >> 3 & 15;

		if (!(byte & 128))      /* only the first byte of an entry has bit 7 */
			return PYTHON_NO_LINE;
		if (kind == 14) {
			line += signed_varint(t, size, &i);
			varint(t, size, &i);
			varint(t, size, &i);
			varint(t, size, &i);
		} else if (kind == 13) {
			line += signed_varint(t, size, &i);
		} else if (kind >= 10 && kind <= 12) {
			line += kind - 10;
			i += 2;
		} else if (kind < 10) {
			i++;
		}
		end += (byte & 7) + 1;
		if (end > unit)         /* strictly: the entry covers [end - length, end) */
			return kind == 15 ? PYTHON_NO_LINE : line_number(line);
	}
	return PYTHON_NO_LINE;
}

int python_decode_line(unsigned minor, const uint8_t *table, size_t size, int first, long unit)
{
	if (unit < 0)
		return line_number(first);
	if (unit > INT_MAX)
		return PYTHON_NO_LINE;
	if (minor >= 11)
		return location_table(table, size, first, unit);
	if (minor == 10)
		return pair_table(table, size, first, unit * 2);
	return lnotab(table, size, first, unit * 2);
}

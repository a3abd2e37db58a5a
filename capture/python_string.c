/* python_string.c - str objects as UTF-8, read from memory without calling the
 * interpreter.
 *
 * The object is alive (a frame holds its code, the code its names); what is
 * checked here is that it is a str, and that no byte beyond `max` is written.
 */
#include "python_string.h"

#include <string.h>

enum {
	TYPE_FLAGS = 168,
	STR_SUBCLASS = 1 << 28,
	/* the word `state`: interned 2, kind 3, compact 1, ascii 1 */
	KIND_SHIFT = 2,
	COMPACT = 1 << 5,
	ASCII = 1 << 6,
};

static uint64_t word(const void *base, int offset)
{
	uint64_t value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

static uint32_t character(const unsigned char *data, size_t i, unsigned width)
{
	uint16_t two;
	uint32_t four;

	switch (width) {
	case 1:
		return data[i];
	case 2:
		memcpy(&two, data + 2 * i, sizeof(two));
		return two;
	default:
		memcpy(&four, data + 4 * i, sizeof(four));
		return four;
	}
}

/* @return length of c as UTF-8, written to out (4 bytes) */
static unsigned encode(uint32_t c, unsigned char *out)
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 63));
		return 2;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))        /* surrogateescape */
		c = 0xfffd;
	if (c < 0x10000) {
		out[0] = (unsigned char)(0xe0 | c >> 12);
		out[1] = (unsigned char)(0x80 | (c >> 6 & 63));
		out[2] = (unsigned char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | c >> 18);
	out[1] = (unsigned char)(0x80 | (c >> 12 & 63));
	out[2] = (unsigned char)(0x80 | (c >> 6 & 63));
	out[3] = (unsigned char)(0x80 | (c & 63));
	return 4;
}

unsigned python_string_open(const struct python_offsets *o, const void *head, size_t *length,
			    size_t *inside)
{
	uint32_t state;
	unsigned width;

	memcpy(&state, (const char *)head + o->string_state, sizeof(state));
	width = state >> KIND_SHIFT & 7;
	if (width != 1 && width != 2 && width != 4)
		return 0;
	*length = word(head, o->string_length);
	*inside = 0;
	if (state & COMPACT)
		*inside = (size_t)(state & ASCII ? o->string_ascii : o->string_compact);
	return width;
}

size_t python_string_encode(const unsigned char *data, size_t length, unsigned width, char *out,
			    size_t max, int *cut)
{
	size_t used = 0;

	*cut = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char bytes[4];
		unsigned n = encode(character(data, i, width), bytes);

		if (used + n > max) {
			*cut = 1;
			break;
		}
		memcpy(out + used, bytes, n);
		used += n;
	}
	return used;
}

static int is_string(const struct python_offsets *o, const void *object)
{
	uint32_t flags;

	if (!object)
		return 0;
	memcpy(&flags, (const char *)word(object, o->object_type) + TYPE_FLAGS, sizeof(flags));
	return (flags & STR_SUBCLASS) != 0;
}

size_t python_string(const struct python_offsets *o, const void *object, char *out,
		     size_t max, int *cut)
{
	const unsigned char *data = NULL;
	size_t length, inside;
	unsigned width = 0;

	if (is_string(o, object))
		width = python_string_open(o, object, &length, &inside);
	if (width)      /* those of an instance of a subclass lie elsewhere */
		data = inside ? (const unsigned char *)object + inside :
			(const unsigned char *)word(object, o->string_compact);
	if (!data) {
		*cut = 0;
		out[0] = '?';
		return 1;
	}
	return python_string_encode(data, length, width, out, max, cut);
}

/* pprof.c - messages of protocol buffers into a buffer; see pprof.h.
 * Invariant: at <= end, and nothing is written behind end.
 */
#include "pprof.h"

#include <string.h>

#include "bytes.h"

static bool fits(struct mp_pb *b, size_t n)
{
	b->full |= n > (size_t)(b->end - b->at);
	return !b->full;
}

static void leb(struct mp_pb *b, uint64_t value)
{
	uint8_t text[MP_LEB_MAX];
	size_t n = (size_t)(mp_set_leb(text, value) - text);

	if (!fits(b, n))
		return;
	memcpy(b->at, text, n);
	b->at += n;
}

static void tag(struct mp_pb *b, unsigned field, enum mp_pb_wire wire)
{
	leb(b, (uint64_t)field << 3 | wire);
}

void mp_pb_number(struct mp_pb *b, unsigned field, uint64_t value)
{
	if (!value)
		return;
	tag(b, field, MP_PB_VARINT);
	leb(b, value);
}

void mp_pb_length(struct mp_pb *b, unsigned field, size_t n)
{
	tag(b, field, MP_PB_LENGTH);
	leb(b, n);
}

void mp_pb_bytes(struct mp_pb *b, unsigned field, const void *data, size_t n)
{
	mp_pb_length(b, field, n);
	if (!fits(b, n) || !n)
		return;
	memcpy(b->at, data, n);
	b->at += n;
}

void mp_pb_packed(struct mp_pb *b, unsigned field, const uint64_t *value, size_t n)
{
	uint8_t text[MP_LEB_MAX];
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += (size_t)(mp_set_leb(text, value[i]) - text);
	if (!n)
		return;
	mp_pb_length(b, field, bytes);
	for (size_t i = 0; i < n; i++)
		leb(b, value[i]);
}

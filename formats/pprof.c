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

/* ---- reading ---------------------------------------------------------------------- */

static bool bad(struct mp_pb_in *in)
{
	in->bad = true;
	return false;
}

static bool get_leb(struct mp_pb_in *in, uint64_t *value)
{
	const uint8_t *next = mp_get_leb(in->at, in->end, value);

	if (!next)
		return bad(in);
	in->at = next;
	return true;
}

/* The next N bytes, which there are. */
static const uint8_t *take(struct mp_pb_in *in, size_t n)
{
	const uint8_t *at = in->at;

	in->at += n;
	return at;
}

static bool get_value(struct mp_pb_in *in, struct mp_pb_field *f)
{
	size_t left;

	switch (f->wire) {
	case MP_PB_VARINT:
		return get_leb(in, &f->value);
	case MP_PB_LENGTH:
		if (!get_leb(in, &f->value))
			return false;
		break;
	case MP_PB_FIXED64:
		f->value = 8;
		break;
	case MP_PB_FIXED32:
		f->value = 4;
		break;
	default:
		return bad(in);
	}
	left = (size_t)(in->end - in->at);
	if (f->value > left)
		return bad(in);
	f->bytes.at = take(in, (size_t)f->value);
	f->bytes.end = in->at;
	if (f->wire == MP_PB_FIXED64)
		f->value = mp_get_u64(f->bytes.at);
	else if (f->wire == MP_PB_FIXED32)
		f->value = mp_get_u32(f->bytes.at);
	return true;
}

bool mp_pb_next(struct mp_pb_in *in, struct mp_pb_field *f)
{
	uint64_t tag;

	memset(f, 0, sizeof(*f));
	if (in->bad || in->at == in->end || !get_leb(in, &tag))
		return false;
	if (!(tag >> 3) || tag >> 3 > MP_PB_NUMBER_MAX)
		return bad(in);
	f->number = (unsigned)(tag >> 3);
	f->wire = (enum mp_pb_wire)(tag & 7);
	return get_value(in, f);
}

bool mp_pb_repeated(struct mp_pb_field *f, uint64_t *value)
{
	if (f->wire != MP_PB_LENGTH) {
		bool fresh = f->number != 0;

		*value = f->value;
		f->number = 0;
		return fresh;
	}
	return f->bytes.at < f->bytes.end && get_leb(&f->bytes, value);
}

/* text_buf.c - a growing buffer of text.  After a failure it stays as it is. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

char *mp_buf_room(struct mp_buf *b, size_t more)
{
	size_t room = b->room ? b->room : 4096;
	char *s;

	if (b->failed)
		return NULL;
	if (b->room - b->n >= more && b->s)
		return b->s + b->n;
	while (room - b->n < more && room <= SIZE_MAX / 4)
		room *= 2;
	s = room - b->n >= more ? realloc(b->s, room) : NULL;
	if (!s) {
		b->failed = true;
		return NULL;
	}
	b->s = s;
	b->room = room;
	return s + b->n;
}

void mp_buf_add(struct mp_buf *b, const void *data, size_t n)
{
	char *out = mp_buf_room(b, n);

	if (out && n) {
		memcpy(out, data, n);
		b->n += n;
	}
}

void mp_buf_text(struct mp_buf *b, const char *s)
{
	mp_buf_add(b, s, strlen(s));
}

void mp_buf_char(struct mp_buf *b, char c)
{
	char *out = mp_buf_room(b, 1);

	if (out) {
		*out = c;
		b->n++;
	}
}

void mp_buf_u64(struct mp_buf *b, uint64_t value)
{
	char *out = mp_buf_room(b, MP_DECIMAL_MAX);

	if (out)
		b->n += mp_put_u64(out, value);
}

void mp_buf_i64(struct mp_buf *b, int64_t value)
{
	char *out = mp_buf_room(b, MP_DECIMAL_MAX);

	if (out)
		b->n += mp_put_i64(out, value);
}

void mp_buf_hex(struct mp_buf *b, uint64_t value)
{
	char *out = mp_buf_room(b, MP_DECIMAL_MAX);

	if (out)
		b->n += mp_put_hex(out, value);
}

void mp_buf_free(struct mp_buf *b)
{
	free(b->s);
	*b = (struct mp_buf){ 0 };
}

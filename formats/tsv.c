/* tsv.c - fields of the text twin.  What mp_tsv_escape() writes is valid UTF-8
 * without control characters, and mp_tsv_unescape() gives the same bytes back.
 */
#include "tsv.h"

#include <string.h>

#include "utf8.h"

static const char hex_digit[] = "0123456789abcdef";

/* Printable, and special nowhere. */
static const unsigned char plain[256] = {
	[' ' ... '\''] = 1, [')' ... ':'] = 1, ['<'] = 1, ['>' ... 'Z'] = 1, [']' ... 'z'] = 1,
	['|' ... '~'] = 1,
};

static char *put_byte(char *out, char c)
{
	unsigned char b = (unsigned char)c;

	*out++ = '\\';
	switch (c) {
	case '\t':
		*out++ = 't';
		break;
	case '\n':
		*out++ = 'n';
		break;
	case '\r':
		*out++ = 'r';
		break;
	default:
		*out++ = 'x';
		*out++ = hex_digit[b >> 4];
		*out++ = hex_digit[b & 15];
	}
	return out;
}

/* The few printable characters that mean something where they stand. */
static bool special(const char *in, size_t i, enum mp_tsv_what what)
{
	switch (in[i]) {
	case '\\':
		return true;
	case ';':
		return what == MP_TSV_NAME;
	case '(':
	case '[':
	case '{':
		return what == MP_TSV_NAME && i && in[i - 1] == ' ';
	default:
		return false;
	}
}

size_t mp_tsv_escape(char *out, const char *in, size_t n, enum mp_tsv_what what)
{
	char *start = out;
	uint32_t code;
	unsigned len, k;
	size_t i = 0;

	while (i < n) {
		if (plain[(unsigned char)in[i]]) {
			*out++ = in[i++];
			continue;
		}
		len = mp_utf8(in + i, n - i, &code);
		if (!len || code < 0x20 || (code >= 0x7f && code < 0xa0) ||
		    (what == MP_TSV_KEY && code == '=')) {
			for (k = len ? len : 1; k; k--)
				out = put_byte(out, in[i++]);
			continue;
		}
		if (len == 1 && special(in, i, what))
			*out++ = '\\';
		while (len--)
			*out++ = in[i++];
	}
	return (size_t)(out - start);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One escape at S (after the backslash); its length, 0 if it is none. */
static size_t unescape_one(const char *s, size_t n, char *c)
{
	int high, low;

	if (!n)
		return 0;
	switch (s[0]) {
	case 't':
		*c = '\t';
		return 1;
	case 'n':
		*c = '\n';
		return 1;
	case 'r':
		*c = '\r';
		return 1;
	case '\\':
	case ';':
	case '(':
	case '[':
	case '{':
		*c = s[0];
		return 1;
	case 'x':
		if (n < 3 || (high = hex_value(s[1])) < 0 || (low = hex_value(s[2])) < 0)
			return 0;
		*c = (char)(high << 4 | low);
		return 3;
	default:
		return 0;
	}
}

bool mp_tsv_unescape(struct mp_slice *f, bool *cut)
{
	char *first = f->n ? memchr(f->s, '\\', f->n) : NULL;
	size_t in, out, used;

	if (cut)
		*cut = false;
	if (!first)
		return true;
	for (in = out = (size_t)(first - f->s); in < f->n; out++) {
		if (f->s[in] != '\\') {
			f->s[out] = f->s[in++];
			continue;
		}
		if (cut && in + 2 == f->n && f->s[in + 1] == '~') {
			*cut = true;
			break;
		}
		used = unescape_one(f->s + in + 1, f->n - in - 1, &f->s[out]);
		if (!used)
			return false;
		in += used + 1;
	}
	f->n = out;
	return true;
}

size_t mp_tsv_split(char *line, size_t n, struct mp_slice *field, size_t max)
{
	size_t fields = 0;
	char *tab;

	for (;;) {
		if (fields == max)
			return max + 1;
		tab = n ? memchr(line, '\t', n) : NULL;
		field[fields].s = line;
		field[fields].n = tab ? (size_t)(tab - line) : n;
		fields++;
		if (!tab)
			return fields;
		n -= (size_t)(tab - line) + 1;
		line = tab + 1;
	}
}

size_t mp_tsv_span(const char *s, size_t n, char c)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == c)
			return i;
		if (s[i] == '\\')
			i++;
	}
	return n;
}

bool mp_tsv_u64(const char *s, size_t n, uint64_t *value)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned d = (unsigned)(s[i] - '0');

		if (d > 9 || v > UINT64_MAX / 10 || v * 10 > UINT64_MAX - d)
			return false;
		v = v * 10 + d;
	}
	*value = v;
	return n > 0;
}

bool mp_tsv_i64(const char *s, size_t n, int64_t *value)
{
	bool negative = n && s[0] == '-';
	uint64_t v;

	if (!mp_tsv_u64(s + negative, n - negative, &v) || v > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool mp_tsv_hex(const char *s, size_t n, uint64_t *value)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		int d = hex_value(s[i]);

		if (d < 0 || v >> 60)
			return false;
		v = v << 4 | (unsigned)d;
	}
	*value = v;
	return n > 0;
}

size_t mp_put_u64(char *out, uint64_t value)
{
	char digit[MP_DECIMAL_MAX];
	size_t n = 0, i;

	do {
		digit[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (i = 0; i < n; i++)
		out[i] = digit[n - 1 - i];
	return n;
}

size_t mp_put_i64(char *out, int64_t value)
{
	if (value >= 0)
		return mp_put_u64(out, (uint64_t)value);
	*out = '-';
	return 1 + mp_put_u64(out + 1, 0 - (uint64_t)value);
}

size_t mp_put_hex(char *out, uint64_t value)
{
	unsigned shift = 60;
	size_t n = 0;

	while (shift && !(value >> shift))
		shift -= 4;
	out[n++] = '0';
	out[n++] = 'x';
	for (;; shift -= 4) {
		out[n++] = hex_digit[value >> shift & 15];
		if (!shift)
			return n;
	}
}

/* report_page.c - the payload compressed, in base64, between the two halves of the page
 * (lib/report/, put into the program when it is built).
 * Invariant: of what a trace holds only base64 reaches the file, so no name in it can
 * end the element it is in.
 */
#include "report_own.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Made by lib/report/embed; the payload's place is between them. */
extern const unsigned char mp_report_head_html[], mp_report_tail_html[];

enum { LINE = 1024 };           /* characters of base64 */

static size_t encoded(size_t n)
{
	n = (n + 2) / 3 * 4;
	return n + n / LINE + 1;
}

static void base64(char *out, const uint8_t *in, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	size_t column = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		v |= i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < n ? in[i + 2] : 0;
		*out++ = digit[v >> 18];
		*out++ = digit[v >> 12 & 63];
		*out++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digit[v & 63] : '=';
		column += 4;
		if (column % LINE == 0)
			*out++ = '\n';
	}
	*out = '\n';
}

int mp_report_pack(struct mp_report *r, const struct mp_buf *payload, struct mp_buf *packed)
{
	uLongf n = compressBound(payload->n);
	uint8_t *deflated = malloc(n);
	char *out;

	if (!deflated || compress2(deflated, &n, (const uint8_t *)payload->s, payload->n,
				 Z_DEFAULT_COMPRESSION) != Z_OK) {
		free(deflated);
		return mp_report_memory(r);
	}
	out = mp_buf_room(packed, encoded(n));
	if (out) {
		base64(out, deflated, n);
		packed->n += encoded(n);
	}
	free(deflated);
	return out ? 0 : mp_report_memory(r);
}

size_t mp_report_page_size(void)
{
	return strlen((const char *)mp_report_head_html) +
		strlen((const char *)mp_report_tail_html);
}

void mp_report_page(const struct mp_buf *packed, FILE *out)
{
	fputs((const char *)mp_report_head_html, out);
	fwrite(packed->s, 1, packed->n, out);
	fputs((const char *)mp_report_tail_html, out);
}

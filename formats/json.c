/* json.c - strings as JSON.  The result is valid UTF-8 without control
 * characters, whatever the input.
 */
#include "json.h"

#include <string.h>

#include "utf8.h"

/* Stands for itself. */
static const unsigned char plain[256] = {
	[' ' ... '!'] = 1, ['#' ... '['] = 1, [']' ... '~'] = 1,
};

static char *put_code(char *out, uint32_t code)
{
	static const char hex[] = "0123456789abcdef";

	memcpy(out, "\\u00", 4);
	out[4] = hex[code >> 4 & 15];
	out[5] = hex[code & 15];
	return out + 6;
}

size_t mp_json_escape(char *out, const char *in, size_t n)
{
	char *start = out;
	uint32_t code;
	unsigned len;
	size_t i = 0;

	while (i < n) {
		if (plain[(unsigned char)in[i]]) {
			*out++ = in[i++];
			continue;
		}
		len = mp_utf8(in + i, n - i, &code);
		if (!len) {
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
			i++;
			continue;
		}
		if (code == '"' || code == '\\') {
			*out++ = '\\';
			*out++ = in[i];
		} else if (code == '\n' || code == '\t') {
			*out++ = '\\';
			*out++ = code == '\n' ? 'n' : 't';
		} else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			out = put_code(out, code);
		} else {
			memcpy(out, in + i, len);
			out += len;
		}
		i += len;
	}
	return (size_t)(out - start);
}

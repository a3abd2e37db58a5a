/* print.c - names and numbers for people; see print.h.
 * Every byte of a name is either part of a printable UTF-8 character or escaped.
 */
#include "print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "tsv.h"
#include "utf8.h"

struct unit { size_t bytes, len, width; char text[24]; };

static bool overrides(uint32_t c)
{
	/* line and paragraph separators, changes of the writing direction */
	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

/* One character of S as it is printed; an escape is never cut. */
static struct unit next_unit(const char *s, size_t n)
{
	struct unit u = { .bytes = 1 };
	uint32_t code = 0;
	unsigned len = mp_utf8(s, n, &code);

	if (len)
		u.bytes = len;
	if (len && overrides(code))
		for (unsigned i = 0; i < len; i++)
			u.len += (size_t)snprintf(u.text + u.len, sizeof(u.text) - u.len,
				"\\x%02x",
				(unsigned char)s[i]);
	else
		u.len = mp_tsv_escape(u.text, s, u.bytes, MP_TSV_FIELD);
	u.width = len > 1 && u.len == len ? 1 : u.len;
	return u;
}

size_t print_name(FILE *out, const char *name, size_t width)
{
	size_t n = strlen(name), all = 0, at = 0, head = SIZE_MAX, tail = 0, printed = 0;
	struct unit u;
	bool cut = false;

	for (size_t i = 0; i < n; i += u.bytes) {
		u = next_unit(name + i, n - i);
		all += u.width;
	}
	if (width && all > width) {
		tail = width > 3 ? (width - 3) * 2 / 3 : 0;
		head = width > 3 ? width - 3 - tail : width;
		cut = width <= 3;
	}
	for (size_t i = 0; i < n; i += u.bytes, at += u.width) {
		u = next_unit(name + i, n - i);
		if (at + u.width <= head || at + tail >= all) {
			fwrite(u.text, 1, u.len, out);
			printed += u.width;
		} else if (!cut) {
			fputs("...", out);
			printed += 3;
			cut = true;
		}
	}
	return printed;
}

void print_json(FILE *out, const char *name)
{
	size_t n = strlen(name), len;
	char text[8 * MP_JSON_GROWTH];
	uint32_t code;

	putc('"', out);
	for (size_t i = 0; i < n; i += len) {
		len = mp_utf8(name + i, n - i, &code);
		if (!len)
			len = 1;
		fwrite(text, 1, mp_json_escape(text, name + i, len), out);
	}
	putc('"', out);
}

static const char *scaled(char text[PRINT_NUMBER], double value, double step,
		const char *const *name)
{
	while (name[1] && (value >= step - 0.05 || value <= -step + 0.05)) {
		value /= step;
		name++;
	}
	snprintf(text, PRINT_NUMBER, "%.1f %s", value, *name);
	return text;
}

const char *print_number(char text[PRINT_NUMBER], int64_t value, const char *unit)
{
	static const char *const bytes[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL };
	static const char *const times[] = { "us", "ms", "s", NULL };
	bool is_bytes = strcmp(unit, "B") == 0, is_time = strcmp(unit, "ns") == 0;

	if (is_bytes && (value >= 1024 || value <= -1024))
		return scaled(text, (double)value / 1024, 1024, bytes);
	if (is_time && (value >= 1000 || value <= -1000))
		return scaled(text, (double)value / 1000, 1000, times);
	snprintf(text, PRINT_NUMBER, "%" PRId64 "%s", value, is_bytes ? " B" : is_time ? " ns"
		: "");
	return text;
}

const char *print_percent(char text[PRINT_NUMBER], int64_t value, int64_t whole)
{
	if (whole)
		snprintf(text, PRINT_NUMBER, "%.1f%%", 100.0 * (double)value / (double)whole);
	else
		snprintf(text, PRINT_NUMBER, "-");
	return text;
}

static bool window(struct winsize *w)
{
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, w) == 0;
}

size_t print_width(void)
{
	struct winsize w;

	if (window(&w) && w.ws_col)
		return w.ws_col;
	return isatty(STDOUT_FILENO) ? 80 : 0;
}

size_t print_height(void)
{
	struct winsize w;

	return window(&w) && w.ws_row ? w.ws_row : 24;
}

bool print_colored(enum print_color color)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != PRINT_AUTO)
		return color == PRINT_ALWAYS;
	return !(none && *none) && term && strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO);
}

const char *print_style(bool colored, enum print_style style)
{
	static const char *const code[] = {
		[PRINT_PLAIN] = "\033[0m", [PRINT_BOLD] = "\033[1m", [PRINT_DIM] = "\033[2m",
		[PRINT_RED] = "\033[31m", [PRINT_GREEN] = "\033[32m",
	};

	return colored ? code[style] : "";
}

int print_share(bool colored, int64_t value, int64_t whole)
{
	char text[PRINT_NUMBER];
	int width;

	fputs(print_style(colored, PRINT_DIM), stdout);
	width = printf(" %7s", print_percent(text, value, whole));
	fputs(print_style(colored, PRINT_PLAIN), stdout);
	return width;
}

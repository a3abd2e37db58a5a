/* test_print.c - names and numbers for people, and the values of options. */
#include "../../lib/print.c"
#include "../../lib/cli_value.c"
#include "tap.h"

#include <stdarg.h>

struct mp_query cli_query;
bool cli_text, cli_json, cli_quiet;
struct cli_shared cli_shared;

void cli_usage(const char *fmt, ...)
{
	(void)fmt;
	exit(99);
}

void *cli_need(void *p)
{
	return p;
}

static bool name_is(const char *name, size_t width, const char *want)
{
	char got[512] = "";
	FILE *out = fmemopen(got, sizeof(got), "w");
	size_t shown = print_name(out, name, width);

	fclose(out);
	if (strcmp(got, want) == 0 && (!width || shown <= width))
		return true;
	printf("# '%s', not '%s'; %zu wide\n", got, want, shown);
	return false;
}

static bool json_is(const char *name, const char *want)
{
	char got[512] = "";
	FILE *out = fmemopen(got, sizeof(got), "w");

	print_json(out, name);
	fclose(out);
	return strcmp(got, want) == 0;
}

static void names(void)
{
	ok(name_is("plain (a.c:1)", 0, "plain (a.c:1)"));
	ok(name_is("t\tn\ne\033c\\x", 0, "t\\tn\\ne\\x1bc\\\\x"));
	ok(name_is("\xff\xc3(", 0, "\\xff\\xc3("));
	ok(name_is("gr\xc3\xbc\xc3\x9f", 0, "gr\xc3\xbc\xc3\x9f"));
	ok(name_is("a\xe2\x80\xae" "b", 0, "a\\xe2\\x80\\xaeb"));
	ok(name_is("a\xc2\x9b" "b", 0, "a\\xc2\\x9bb"));
	ok(name_is("0123456789", 10, "0123456789"));
	ok(name_is("0123456789abcdef", 10, "012...cdef"));
	ok(name_is("0123456789", 3, "012"));
	ok(name_is("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 7,
		"\xc3\xbc\xc3\xbc...\xc3\xbc\xc3\xbc"));
	ok(name_is("\033\033\033\033", 12, "...\\x1b"));
	ok(json_is("a\"\\\n\033\xff", "\"a\\\"\\\\\\n\\u001b\xef\xbf\xbd\""));
}

static bool number_is(int64_t value, const char *unit, const char *want)
{
	char text[PRINT_NUMBER];

	if (strcmp(print_number(text, value, unit), want) == 0)
		return true;
	printf("# '%s', not '%s'\n", text, want);
	return false;
}

static void numbers(void)
{
	char text[PRINT_NUMBER];

	ok(number_is(0, "B", "0 B") && number_is(1023, "B", "1023 B"));
	ok(number_is(1024, "B", "1.0 KiB") && number_is(1536, "B", "1.5 KiB"));
	ok(number_is(1048575, "B", "1.0 MiB"));
	ok(number_is(-3145728, "B", "-3.0 MiB"));
	ok(number_is(INT64_MAX, "B", "8.0 EiB") && number_is(INT64_MIN, "B", "-8.0 EiB"));
	ok(number_is(999, "ns", "999 ns") && number_is(1500, "ns", "1.5 us"));
	ok(number_is(90000000000, "ns", "90.0 s"));
	ok(number_is(1234567, "count", "1234567"));
	ok(strcmp(print_percent(text, 1, 3), "33.3%") == 0);
	ok(strcmp(print_percent(text, 1, 0), "-") == 0);
}

static bool size_is(const char *text, uint64_t want)
{
	uint64_t got = 0;

	return cli_parse_size(text, &got) && got == want;
}

static bool time_is(const char *text, uint64_t want)
{
	uint64_t got = 0;

	return cli_parse_time(text, &got) && got == want;
}

static void values(void)
{
	struct cli_limit limit = { 0 };
	uint64_t n;

	ok(size_is("0", 0) && size_is("4096", 4096) && size_is("7B", 7));
	ok(size_is("1K", 1024) && size_is("1k", 1024) && size_is("1KiB", 1024));
	ok(size_is("1M", 1 << 20) && size_is("1MB", 1000000) && size_is("2GB", 2000000000));
	ok(size_is("1.5K", 1536));
	ok(size_is("9223372036854775807", INT64_MAX));
	ok(!cli_parse_size("9223372036854775808", &n) && !cli_parse_size("8E", &n));
	ok(!cli_parse_size("", &n) && !cli_parse_size("-1", &n) && !cli_parse_size("1X", &n) &&
		!cli_parse_size("1.", &n) && !cli_parse_size("0x10", &n) &&
			!cli_parse_size("1MBB", &n) &&
		!cli_parse_size("1e3", &n) && !cli_parse_size(" 1", &n));
	ok(cli_parse_limit("5%", &limit) && cli_limit(&limit, 2000, 7) == 100);
	ok(cli_limit(&limit, -2000, 7) == 100);
	ok(cli_parse_limit("1K", &limit) && cli_limit(&limit, 2000, 7) == 1024);
	limit.set = false;
	ok(cli_limit(&limit, 2000, 7) == 7);
	ok(!cli_parse_limit("%", &limit) && !cli_parse_limit("5%%", &limit));
	ok(time_is("90", 90000000000) && time_is("1.5", 1500000000));
	ok(time_is("1m30s", 90000000000) && time_is("200ms", 200000000) && time_is("1h",
		3600000000000) &&
		time_is("3us", 3000) && time_is("4ns", 4));
	ok(!cli_parse_time("", &n) && !cli_parse_time("s", &n) && !cli_parse_time("1d", &n) &&
		!cli_parse_time("-1", &n) && !cli_parse_time("99999999999", &n));
}

int main(void)
{
	names();
	numbers();
	values();
	return tap_done();
}

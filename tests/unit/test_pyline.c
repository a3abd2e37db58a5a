/* test_pyline.c - CPython's line tables, by hand-made tables and, given a file made
 * by tests/targets/pylines.py, against what an interpreter itself says.
 *
 * A line of the file: minor first table-in-hex line line …  (one per code unit,
 * 0 = none).
 */
#include "python_line.h"
#include "tap.h"

#include <string.h>

static int at(unsigned minor, const char *table, size_t size, int first, long unit)
{
	/* a copy of exact size, so that the sanitizer sees an overrun */
	uint8_t *copy = malloc(size + !size);
	int line;

	memcpy(copy, table, size);
	line = python_decode_line(minor, copy, size, first, unit);
	free(copy);
	return line;
}
#define AT(minor, table, first, unit) at(minor, table, sizeof(table) - 1, first, unit)

static void by_hand(void)
{
	/* 3.8: bytes 0-5 line 10, 6-55 line 11, from 56 line 9 */
	ok(AT(8, "\x06\x01\x32\xfe", 10, 0) == 10);
	ok(AT(8, "\x06\x01\x32\xfe", 10, 2) == 10);
	ok(AT(8, "\x06\x01\x32\xfe", 10, 3) == 11);
	ok(AT(9, "\x06\x01\x32\xfe", 10, 27) == 11);
	ok(AT(9, "\x06\x01\x32\xfe", 10, 28) == 9);
	ok(AT(9, "", 10, 500) == 10);
	ok(AT(9, "\x06", 10, 5) == 10);
	/* 3.10: 4 bytes +0, 2 without a line, 6 bytes +3 */
	ok(AT(10, "\x04\x00\x02\x80\x06\x03", 7, 0) == 7);
	ok(AT(10, "\x04\x00\x02\x80\x06\x03", 7, 1) == 7);
	ok(AT(10, "\x04\x00\x02\x80\x06\x03", 7, 2) == PYTHON_NO_LINE);
	ok(AT(10, "\x04\x00\x02\x80\x06\x03", 7, 3) == 10);
	ok(AT(10, "\x04\x00\x02\x80\x06\x03", 7, 6) == PYTHON_NO_LINE);
	/* 3.11: 2 units short form, 1 unit one line on, 3 units none, 1 unit long form -2 */
	ok(AT(11, "\x81\x00\xd8\x00\x00\xfa\xf0\x05\x00\x00\x00", 20, 1) == 20);
	ok(AT(11, "\x81\x00\xd8\x00\x00\xfa\xf0\x05\x00\x00\x00", 20, 2) == 21);
	ok(AT(11, "\x81\x00\xd8\x00\x00\xfa\xf0\x05\x00\x00\x00", 20, 5) == PYTHON_NO_LINE);
	ok(AT(12, "\x81\x00\xd8\x00\x00\xfa\xf0\x05\x00\x00\x00", 20, 6) == 19);
	ok(AT(13, "\x81\x00\xd8\x00\x00\xfa\xf0\x05\x00\x00\x00", 20, 7) == PYTHON_NO_LINE);
	/* not started */
	for (unsigned minor = 8; minor <= 13; minor++)
		ok(AT(minor, "\x81\x00", 33, -1) == 33);
	/* broken: cut in an entry, endless varint, no first byte, absurd lines */
	ok(AT(11, "\xf0", 5, 0) == 5);
	ok(AT(11, "\xe8\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f", 5, 9) == PYTHON_NO_LINE);
	ok(AT(11, "\x00\x00\x00", 5, 0) == PYTHON_NO_LINE);
	ok(AT(11, "\xe8\x7f\x7f\x7f\x7f\x7f\x03", 2147483647, 0) == PYTHON_NO_LINE);
	ok(AT(11, "", 5, 0) == PYTHON_NO_LINE);
	ok(AT(13, "\x81\x00", 5, 1l << 40) == PYTHON_NO_LINE);
}

static uint32_t random_state = 1;
static uint8_t random_byte(void)
{
	random_state = random_state * 1103515245 + 12345;
	return (uint8_t)(random_state >> 16);
}

static void garbage(void)
{
	int lines = 0;

	for (int round = 0; round < 20000; round++) {
		char table[24];
		size_t size = random_byte() % sizeof(table);

		for (size_t i = 0; i < size; i++)
			table[i] = (char)random_byte();
		for (unsigned minor = 8; minor <= 13; minor++)
			lines += at(minor, table, size, 1, random_byte() % 64) > 0;
	}
	ok(lines > 0);
}

static unsigned long codes, units, wrong;

static void one_code(char *text)
{
	unsigned minor = (unsigned)strtoul(text, &text, 10);
	int first = (int)strtol(text, &text, 10);
	char *hex = text + 1, *end = strchr(hex, ' ');
	size_t size = end ? (size_t)(end - hex) / 2 : 0;
	uint8_t *table = malloc(size + 1);
	long unit = 0;

	for (size_t i = 0; i < size; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		table[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	while (end && *end == ' ') {
		int expected = (int)strtol(end + 1, &end, 10);

		units++;
		if (python_decode_line(minor, table, size, first, unit) != expected && wrong++ < 5)
			printf("# 3.%u first %d unit %ld: %d, should be %d\n", minor, first,
			       unit, python_decode_line(minor, table, size, first, unit), expected);
		unit++;
	}
	free(table);
	codes++;
}

static void from_file(const char *name)
{
	FILE *f = fopen(name, "r");
	char *text = NULL;
	size_t space = 0;

	if (!ok(f != NULL))
		return;
	while (getline(&text, &space, f) > 0)
		one_code(text);
	free(text);
	fclose(f);
	printf("# %lu code objects, %lu units, %lu wrong\n", codes, units, wrong);
	ok(wrong == 0);
	ok(codes > 1000);
}

int main(int argc, char **argv)
{
	by_hand();
	garbage();
	for (int i = 1; i < argc; i++)
		from_file(argv[i]);
	return tap_done();
}

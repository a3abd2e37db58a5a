/* cli_plot.c - the course of a trace on a terminal: an area of Braille dots a panel,
 * two by four in a character.
 */
#include "cli_own.h"
#include "course.h"

#include <string.h>

#include "print.h"

enum { LEAST = 2, MOST = 8, LABEL = 12, NARROWEST = 30, WIDEST = 400 };

static const char *number(char text[PRINT_NUMBER + 2], const struct mp_panel *p, double v)
{
	char bytes[PRINT_NUMBER];

	if (strcmp(p->unit, "%") == 0)
		snprintf(text, PRINT_NUMBER, "%.0f%%", v);
	else
		snprintf(text, PRINT_NUMBER + 2, "%s%s", print_number(bytes,
			v >= 0x1p62 ? INT64_MAX : (int64_t)v, "B"), p->unit + 1);
	return text;
}

/* The largest value of the buckets that dot X of N stands for; < 0: none. */
static double at(const struct mp_course *c, const struct mp_panel *p, size_t x, size_t n)
{
	size_t from = x * c->t->n / n, to = (x + 1) * c->t->n / n;
	double most = p->value[from];

	for (size_t i = from + 1; i < to; i++)
		most = p->value[i] > most ? p->value[i] : most;
	return most;
}

/* One character: the columns' heights in dots above its foot. */
static void put_dots(int left, int right)
{
	static const unsigned char column[2][4] = {{0x40, 4, 2, 1}, {0x80, 32, 16, 8}};
	unsigned char dots = 0;

	for (int i = 0; i < 4; i++) {
		dots |= i < left ? column[0][i] : 0;
		dots |= i < right ? column[1][i] : 0;
	}
	if (!dots)
		putchar(' ');
	else
		printf("\xe2%c%c", 0xa0 + (dots >> 6), 0x80 + (dots & 63));
}

static int height(const struct mp_panel *p, double v, int rows)
{
	int dots = (int)(v / p->most * rows * 4 + 0.5);

	return v > 0 && !dots ? 1 : dots;       /* what is there is seen */
}

static void panel(const struct mp_course *c, const struct mp_panel *p, int rows, size_t width)
{
	bool colored = print_colored((enum print_color)cli_shared.color);
	char text[PRINT_NUMBER + 2], when[PRINT_NUMBER];

	printf("%s%s%s: %s at ", print_style(colored, PRINT_BOLD), p->title,
		print_style(colored, PRINT_PLAIN), number(text, p, p->most));
	printf("%s\n", print_number(when, (int64_t)(p->time & INT64_MAX), "ns"));
	for (int row = rows - 1; row >= 0; row--) {
		printf("%*s ", LABEL - 1, row == rows - 1 ? number(text, p, p->most) : row ? ""
			: "0");
		for (size_t x = 0; x < width; x++)
			put_dots(height(p, at(c, p, 2 * x, 2 * width), rows) - 4 * row,
				height(p, at(c, p, 2 * x + 1, 2 * width), rows) - 4 * row);
		putchar('\n');
	}
}

static void axis(const struct mp_course *c, size_t width)
{
	char from[PRINT_NUMBER], to[PRINT_NUMBER];
	int used;

	print_number(from, (int64_t)(c->t->from & INT64_MAX), "ns");
	print_number(to, (int64_t)(mp_course_edge(c, c->t->n) & INT64_MAX), "ns");
	used = printf("%*s%s", LABEL, "", from) - LABEL;
	printf("%*s\n", (int)width - used, to);
}

void cli_plot(const struct mp_course *c)
{
	struct mp_panel p[MP_COURSE_PANELS];
	size_t n = mp_course_panels(c, p), width = print_width();
	int rows = n ? (int)((print_height() - 2) / n) - 1 : 0;

	width = width ? width : 80;
	width = width < NARROWEST ? NARROWEST : width > WIDEST ? WIDEST : width;
	rows = rows < LEAST ? LEAST : rows > MOST ? MOST : rows;
	for (size_t i = 0; i < n; i++)
		panel(c, &p[i], rows, width - LABEL);
	if (n)
		axis(c, width - LABEL);
	else
		puts("nothing was recorded");
}

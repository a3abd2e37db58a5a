/* course.c - the course of a trace as a picture: a panel a line, one above the other,
 * over one axis of time; nothing in it needs a script.
 * Invariant: text from the trace is printable (print_name) and escaped.
 */
#include "course.h"

#include "own.h"
#include "print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 90, RIGHT = 20, TOP = 50, PANEL = 110, GAP = 34, TICKS = 8, MARKS = 200 };

static const char style[] =
	"text{font:12px sans-serif;fill:#222}.h{font-size:16px}.t{font-weight:bold}"
	".n{fill:#b00}.g{stroke:#ddd}.m{stroke:#b00;stroke-dasharray:3 3}.a{fill:#4a78b5}"
	".b{fill:#000;opacity:0}.b:hover{opacity:.12}svg{background:#fff}";

struct picture {
	FILE *out;
	const struct mp_course *c;
	double from, span;      /* ns */
	unsigned width;
};

static double x_of(const struct picture *p, uint64_t time)
{
	return LEFT + ((double)time - p->from) / p->span * (p->width - LEFT - RIGHT);
}

static const char *number(char text[PRINT_NUMBER + 2], const char *unit, double v)
{
	char bytes[PRINT_NUMBER];

	if (!strcmp(unit, "%"))
		snprintf(text, PRINT_NUMBER, "%.0f%%", v);
	else
		snprintf(text, PRINT_NUMBER + 2, "%s%s",
			print_number(bytes, v >= 0x1p62 ? INT64_MAX : (int64_t)v, "B"), unit + 1);
	return text;
}

static const char *when(char text[PRINT_NUMBER], uint64_t time)
{
	return print_number(text, (int64_t)(time & INT64_MAX), "ns");
}

/* NAME made printable, as XML. */
static int put_name(FILE *out, const char *name)
{
	char *s = NULL;
	size_t n;
	FILE *text = open_memstream(&s, &n);

	if (!text)
		return -1;
	print_name(text, name, 0);
	if (fclose(text) || !s) {
		free(s);
		return -1;
	}
	mp_svg_xml(out, s);
	free(s);
	return 0;
}

static void draw_area(const struct picture *p, const struct mp_panel *panel, double top)
{
	bool open = false;

	for (uint32_t i = 0; i < p->c->t->n; i++) {
		double y = top + PANEL * (1 - panel->value[i] / panel->most);
		double x = x_of(p, mp_course_edge(p->c, i));

		if (panel->value[i] < 0) {
			fputs(open ? "\"/>\n" : "", p->out);
			open = false;
			continue;
		}
		if (!open)
			fprintf(p->out, "<path class=\"a\" d=\"M%.2f %.2f", x, top + PANEL);
		open = true;
		fprintf(p->out, "V%.2fH%.2f", y, x_of(p, mp_course_edge(p->c, i + 1)));
		if (i + 1 == p->c->t->n || panel->value[i + 1] < 0)
			fprintf(p->out, "V%.2fZ", top + PANEL);
	}
	fputs(open ? "\"/>\n" : "", p->out);
}

/* What the mouse finds: a bar a bucket that says its value. */
static void draw_bars(const struct picture *p, const struct mp_panel *panel, double top)
{
	char value[PRINT_NUMBER + 2], from[PRINT_NUMBER], to[PRINT_NUMBER];

	for (uint32_t i = 0; i < p->c->t->n; i++) {
		uint64_t a = mp_course_edge(p->c, i), b = mp_course_edge(p->c, i + 1);

		if (panel->value[i] < 0)
			continue;
		fprintf(p->out, "<rect class=\"b\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
			"height=\"%d\"><title>%s, %s to %s</title></rect>\n",
			x_of(p, a), top, x_of(p, b) - x_of(p, a), PANEL,
			number(value, panel->unit, panel->value[i]), when(from, a), when(to, b));
	}
}

static void draw_panel(const struct picture *p, const struct mp_panel *panel, double top)
{
	char value[PRINT_NUMBER + 2], time[PRINT_NUMBER];

	fprintf(p->out, "<text class=\"t\" x=\"%d\" y=\"%.2f\">%s: %s at %s</text>\n", LEFT,
		top - 8, panel->title, number(value, panel->unit, panel->most),
		when(time, panel->time));
	for (int i = 0; i <= 2; i++) {
		double y = top + PANEL * (2 - i) / 2.0;

		fprintf(p->out, "<path class=\"g\" d=\"M%d %.2fH%u\"/><text x=\"%d\" y=\"%.2f\" "
			"text-anchor=\"end\">%s</text>\n", LEFT, y, p->width - RIGHT, LEFT - 6,
			y + 4, i ? number(value, panel->unit, panel->most * i / 2) : "0");
	}
	draw_area(p, panel, top);
	draw_bars(p, panel, top);
}

/* At round times: 1, 2 or 5 of a power of ten, in ns. */
static void draw_ticks(const struct picture *p, double bottom)
{
	uint64_t step = 1, first, end = (uint64_t)(p->from + p->span);
	char text[PRINT_NUMBER];

	for (int i = 0; p->span / (double)step > TICKS && step < UINT64_MAX / 5; i++)
		step = i % 3 == 1 ? step / 2 * 5 : step * 2;
	first = ((uint64_t)p->from + step - 1) / step * step;
	for (uint64_t t = first; t <= end && t >= first; t += step)
		fprintf(p->out, "<path class=\"g\" d=\"M%.2f %.2fv6\"/><text x=\"%.2f\" y=\"%.2f\" "
			"text-anchor=\"middle\">%s</text>\n", x_of(p, t), bottom, x_of(p, t),
			bottom + 20, when(text, t));
}

static int draw_marks(const struct picture *p, double bottom)
{
	const struct mp_timeline *t = p->c->t;
	char text[PRINT_NUMBER];

	for (size_t i = 0; i < t->n_marks && i < MARKS; i++) {
		fprintf(p->out, "<path class=\"m\" d=\"M%.2f %dV%.2f\"><title>",
			x_of(p, t->mark[i].time), TOP, bottom);
		if (put_name(p->out, t->mark[i].name))
			return -1;
		fprintf(p->out, " %" PRId64 " at %s</title></path>\n", t->mark[i].value,
			when(text, t->mark[i].time));
	}
	return 0;
}

int mp_course_svg(FILE *out, const struct mp_course *c, const char *title, const char *note,
	unsigned width)
{
	struct mp_panel panel[MP_COURSE_PANELS];
	size_t n = mp_course_panels(c, panel);
	uint64_t end = mp_course_edge(c, c->t->n);
	struct picture p = {.out = out, .c = c, .width = width, .from = (double)c->t->from,
		.span = c->t->n && end > c->t->from ? (double)(end - c->t->from) : 1};
	double bottom = TOP + (double)n * (PANEL + GAP);

	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%.0f\" "
		"viewBox=\"0 0 %u %.0f\">\n<style>%s</style>\n<text class=\"h\" x=\"%d\" y=\"26\">",
		width, bottom + 30, width, bottom + 30, style, LEFT);
	if (put_name(out, title))
		return -1;
	fputs("</text>\n", out);
	if (*note) {
		fprintf(out, "<text class=\"n\" x=\"%d\" y=\"44\">", LEFT);
		if (put_name(out, note))
			return -1;
		fputs("</text>\n", out);
	}
	for (size_t i = 0; i < n; i++)
		draw_panel(&p, &panel[i], TOP + GAP + (double)i * (PANEL + GAP));
	if (n)
		draw_ticks(&p, bottom);
	if (draw_marks(&p, bottom))
		return -1;
	fputs("</svg>\n", out);
	return 0;
}

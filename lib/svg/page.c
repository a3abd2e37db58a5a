/* page.c - a flame graph as a file.  A plain picture is seen where no script runs;
 * flame.js puts one in its place that can be zoomed and searched.
 * Invariant: text from the profile is printable (print_name) and escaped.
 */
#include "own.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "utf8.h"

/* The files beside this one, as the Makefile embeds them. */
extern const char mp_lib_svg_flame_css[], mp_lib_svg_flame_js[];

enum { LINE = 16, LETTERS = 5 };        /* a label has at least so many, or all */
static const double CHARACTER = 7.25;

static const char *const said[SVG_KINDS] = {[SVG_PYTHON] = "Python",
	[SVG_NATIVE] = "native",
	[SVG_INLINED] = "native, inlined",
	[SVG_UNKNOWN] = "language unknown",
	[SVG_NOTE] = "no frame",
	[SVG_SAME] = "unchanged",
	[SVG_GREW] = "grew",
	[SVG_SHRANK] = "shrank"};

const char *mp_svg_visible(struct svg_page *x, const char *name, size_t width)
{
	rewind(x->text);
	print_name(x->text, name, width);
	fputc('\0', x->text);
	return fflush(x->text) ? "" : x->s;
}

/* Printable text as XML; two characters that Unicode has and XML has not. */
void mp_svg_xml(FILE *out, const char *s)
{
	size_t n = strlen(s);
	uint32_t code;
	unsigned len;

	for (size_t i = 0; i < n; i += len) {
		len = mp_utf8(s + i, n - i, &code);
		len = len ? len : 1;
		if (s[i] == '&' || s[i] == '<' || s[i] == '>' || s[i] == '"')
			fprintf(out, "&#%d;", s[i]);
		else if (len == 3 && (code == 0xfffe || code == 0xffff))
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(s + i, 1, len, out);
	}
}

/* ---- colours ---------------------------------------------------------------------------- */

struct svg_colour mp_svg_own_colour(const struct svg_page *x, const struct mp_svg_frame *f)
{
	struct mp_frame frame;
	uint32_t hash = 2166136261;

	if (!f->location)
		return (struct svg_colour){f->depth ? SVG_NOTE : SVG_ROOT, 0};
	frame = mp_flame_frame(&x->g.flame, f->location);
	if (frame.flags & MP_FRAME_NOTE)
		return (struct svg_colour){SVG_NOTE, 0};
	for (const char *s = frame.func; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619;
	return (struct svg_colour){frame.flags & MP_FRAME_PYTHON    ? SVG_PYTHON
			       : frame.flags & MP_FRAME_INLINED ? SVG_INLINED
			       : frame.flags & MP_FRAME_NATIVE  ? SVG_NATIVE
								: SVG_UNKNOWN,
		(uint8_t)((hash ^ hash >> 13 ^ hash >> 22) & (SVG_SHADES - 1))};
}

/* Of a difference by how much it changed, for the one that changed most. */
static struct svg_colour colour(const struct svg_page *x, const struct mp_svg_frame *f)
{
	struct svg_colour own = mp_svg_own_colour(x, f);
	double v = (double)x->g.sums[f->sum + x->g.column];
	int level;

	if (x->g.old == SIZE_MAX || own.kind == SVG_NOTE || own.kind == SVG_ROOT)
		return own;
	if (!(v > 0 || v < 0))
		return (struct svg_colour){SVG_SAME, 0};
	level = 1 + (int)(6 * (v < 0 ? -v : v) / x->g.change);
	return (struct svg_colour){v > 0 ? SVG_GREW : SVG_SHRANK, (uint8_t)(level < 6 ? level : 6)};
}

/* ---- the picture ---------------------------------------------------------------------------- */

static double pixels(const struct svg_page *x, double weight)
{
	double whole = x->g.frame[0].weight;

	return whole > 0 ? weight / whole * (x->how->width - 2 * MP_SVG_MARGIN) : 0;
}

static unsigned level(const struct svg_page *x, uint32_t depth)
{
	return SVG_TOP + SVG_ROW * (x->how->icicle ? depth : x->g.depth - depth);
}

static void put_shape(struct svg_page *x, const struct mp_svg_frame *f)
{
	double width = f->depth ? pixels(x, f->weight)
				: x->how->width - 2. * MP_SVG_MARGIN;

	if (width < MP_SVG_SEEN)
		return;
	width = width > 2 ? width - 0.5 : width;
	fprintf(x->out, "M%.1f %uh%.1fv%dh-%.1fz", MP_SVG_MARGIN + pixels(x, f->left),
		level(x, f->depth), width, SVG_ROW - 1, width);
}

/* One path for all frames of a colour. */
static void put_shapes(struct svg_page *x)
{
	for (unsigned k = 0; k < SVG_KINDS * SVG_SHADES; k++) {
		bool any = false;

		for (size_t i = 0; i < x->g.n; i++) {
			struct svg_colour c = x->colour[i];

			if (c.kind * SVG_SHADES + c.shade != (int)k)
				continue;
			if (!any)
				fprintf(x->out, "<path class=\"%c%d\" d=\"", svg_letter[c.kind], c.shade);
			any = true;
			put_shape(x, &x->g.frame[i]);
		}
		if (any)
			fputs("\"/>\n", x->out);
	}
}

static void put_label(struct svg_page *x, const struct mp_svg_frame *f)
{
	double width = f->depth ? pixels(x, f->weight) : x->how->width;
	size_t room = width > 4 ? (size_t)((width - 4) / CHARACTER) : 0;
	const char *func = f->depth ? "[rest]" : "all";

	if (f->location)
		func = mp_flame_frame(&x->g.flame, f->location).func;
	if (room < LETTERS && (!room || strlen(func) > room))
		return;
	fprintf(x->out, "<text x=\"%.1f\" y=\"%.1f\">",
		MP_SVG_MARGIN + pixels(x, f->left) + 3, level(x, f->depth) + 11.5);
	mp_svg_xml(x->out, mp_svg_visible(x, func, room));
	fputs("</text>\n", x->out);
}


/* Frames of every kind there is, as squares with a word. */
static void put_legend(struct svg_page *x, unsigned y)
{
	unsigned left = MP_SVG_MARGIN;

	for (int k = 0; k < SVG_KINDS; k++) {
		size_t i = 0;

		while (said[k] && i < x->g.n && x->colour[i].kind != k)
			i++;
		if (!said[k] || i == x->g.n)
			continue;
		fprintf(x->out,
			"<rect class=\"%c%d\" x=\"%u\" y=\"%u\" width=\"10\" height=\"10\"/>"
			"<text x=\"%u\" y=\"%u\">%s</text>\n",
			svg_letter[k], k == SVG_GREW || k == SVG_SHRANK ? 4 : 0, left, y - 10,
			left + 14, y, said[k]);
		left += 40 + (unsigned)(CHARACTER * (double)strlen(said[k]));
	}
}

/* ---- the file ------------------------------------------------------------------------------ */

/* What is not drawn, and what is missing: as many lines as there is to say. */
static unsigned put_notes(struct svg_page *x, unsigned y)
{
	if (x->g.folded) {
		fprintf(x->out, "<text id=\"folded\" x=\"%d\" y=\"%u\">%" PRIu64 " frames ",
			MP_SVG_MARGIN, y, x->g.folded);
		if (x->g.narrowest > 0)
			fprintf(x->out, "narrower than %g pixels", x->g.narrowest);
		else
			fputs("that hold nothing", x->out);
		fputs(" are not drawn; they count in those that called them</text>\n", x->out);
		y += LINE;
	}
	if (x->g.rest) {
		fprintf(x->out, "<text id=\"rest\" x=\"%d\" y=\"%u\">%" PRIu64 " small frames are drawn as "
				"[rest]</text>\n", MP_SVG_MARGIN, y, x->g.rest);
		y += LINE;
	}
	if (*x->how->note) {
		fprintf(x->out, "<text id=\"missing\" x=\"%d\" y=\"%u\">", MP_SVG_MARGIN, y);
		mp_svg_xml(x->out, x->how->note);
		fputs("</text>\n", x->out);
		y += LINE;
	}
	return y;
}

static void put_button(FILE *out, const char *id, unsigned x, const char *text)
{
	fprintf(out, "<g id=\"%s\" class=\"button hidden\" role=\"button\" tabindex=\"0\">"
		"<rect x=\"%u\" y=\"8\" width=\"90\" height=\"20\" rx=\"3\"/>"
		"<text x=\"%u\" y=\"22\">%s</text></g>\n", id, x, x + 8, text);
}

/* What the whole holds, where no script says more. */
static void put_total(struct svg_page *x)
{
	const struct mp_profile *p = x->g.p;

	fprintf(x->out, "<text id=\"name\" x=\"%d\" y=\"46\">all</text>\n"
		"<text id=\"detail\" x=\"%d\" y=\"62\">", MP_SVG_MARGIN, MP_SVG_MARGIN);
	for (size_t k = 0; k < p->columns; k++) {
		fputs(k ? "; " : "", x->out);
		mp_svg_xml(x->out, mp_svg_visible(x, p->column[k].name, 0));
		fprintf(x->out, " %" PRId64, x->g.sums[x->g.frame[0].sum + k]);
	}
	fputs("</text>\n", x->out);
}

static void put_begin(struct svg_page *x, unsigned height)
{
	unsigned width = x->how->width;

	fprintf(x->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
		"width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"monospace\" "
		"font-size=\"12\">\n<title>",
		width, height, width, height);
	mp_svg_xml(x->out, mp_svg_visible(x, x->how->title, 0));
	fputs("</title>\n<style><![CDATA[\n", x->out);
	fputs(mp_lib_svg_flame_css, x->out);
	fprintf(x->out, "]]></style>\n<rect class=\"page\" width=\"%u\" height=\"%u\"/>\n", width,
		height);
}

/* The lines on top, behind the frames: the script keeps them in sight. */
static void put_head(struct svg_page *x)
{
	unsigned width = x->how->width, right = width - MP_SVG_MARGIN;

	fprintf(x->out, "<g id=\"head\">\n<rect class=\"page\" width=\"%u\" height=\"%d\"/>\n"
		"<text id=\"title\" x=\"%u\" y=\"24\">", width, SVG_TOP - 4, width / 2);
	mp_svg_xml(x->out, mp_svg_visible(x, x->how->title,
		width > 240 ? (size_t)((width - 240) / (CHARACTER * 4 / 3)) : 1));
	fputs("</text>\n", x->out);
	put_button(x->out, "reset", MP_SVG_MARGIN, "Reset zoom");
	put_button(x->out, "search", right - 90, "Search");
	put_total(x);
	fprintf(x->out,
		"<foreignObject id=\"field\" class=\"hidden\" x=\"%u\" y=\"7\" width=\"240\" height=\"22\">"
		"<input xmlns=\"http://www.w3.org/1999/xhtml\" id=\"find\" type=\"text\" "
		"aria-label=\"search\" placeholder=\"regular expression\"/></foreignObject>\n"
		"<text id=\"matched\" x=\"%u\" y=\"46\"/>\n</g>\n",
		right > 350 ? right - 340 : MP_SVG_MARGIN, right);
}

static bool put_page(struct svg_page *x)
{
	unsigned end = SVG_TOP + SVG_ROW * (x->g.depth + 1), y = end + LINE;
	unsigned lines = (x->g.folded > 0) + (x->g.rest > 0) + (*x->how->note != 0) + 1;

	put_begin(x, end + LINE * lines + MP_SVG_MARGIN);
	fputs("<g id=\"picture\">\n", x->out);
	put_shapes(x);
	for (size_t i = 0; i < x->g.n; i++)
		put_label(x, &x->g.frame[i]);
	fputs("</g>\n<g id=\"frames\"/>\n<g id=\"foot\">\n", x->out);
	put_legend(x, put_notes(x, y));
	fputs("</g>\n", x->out);
	put_head(x);
	fputs("<script><![CDATA[\n", x->out);
	if (!mp_svg_data(x))
		return false;
	fputs(mp_lib_svg_flame_js, x->out);
	fputs("]]></script>\n</svg>\n", x->out);
	return true;
}

int mp_svg_write(FILE *out, struct mp_profile *p, const struct mp_svg *how)
{
	struct svg_page x = {.out = out, .how = how, .names = 2};
	bool good = mp_svg_graph(&x.g, p, how) == 0;

	if (good) {
		x.name = calloc((size_t)x.g.flame.tree->location.n + 1, sizeof(*x.name));
		x.location = calloc((size_t)x.g.flame.tree->location.n + 2, sizeof(*x.location));
		x.colour = calloc(x.g.n + 1, sizeof(*x.colour));
		x.text = open_memstream(&x.s, &x.n);
		good = x.name && x.location && x.colour && x.text;
	}
	for (size_t i = 0; good && i < x.g.n; i++)
		x.colour[i] = colour(&x, &x.g.frame[i]);
	good = good && put_page(&x);
	if (x.text)
		good = !fclose(x.text) && good;
	free(x.name), free(x.location), free(x.colour), free(x.s);
	mp_svg_graph_free(&x.g);
	return good ? 0 : mp_profile_fail(p, "out of memory");
}

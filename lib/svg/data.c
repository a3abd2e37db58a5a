/* data.c - what flame.js makes the graph from: names, and frames with exact values.
 * Invariant: text from the profile is printable (print_name) and its brackets are
 * escaped, so that nothing of it can end the string or the CDATA it stands in.
 */
#include "own.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

/* NAME as a string of the script: no bracket that could end its CDATA. */
static void put_string(struct svg_page *x, const char *name)
{
	const char *s = mp_svg_visible(x, name, 0);
	size_t n = strlen(s);
	char json[MP_JSON_GROWTH * 4];
	uint32_t code;
	unsigned len;

	fputc('"', x->out);
	for (size_t i = 0; i < n; i += len) {
		len = mp_utf8(s + i, n - i, &code);
		len = len ? len : 1;
		if (strchr("<>&]", s[i]) || (len == 3 && (code == 0xfffe || code == 0xffff)))
			fprintf(x->out, "\\u%04" PRIx32, len == 1 ? (uint32_t)s[i] : 0xfffdu);
		else
			fwrite(json, 1, mp_json_escape(json, s + i, len), x->out);
	}
	fputc('"', x->out);
}

static uint32_t name_of(struct svg_page *x, const struct mp_svg_frame *f)
{
	if (!f->location)
		return f->depth ? 1 : 0;
	if (!x->name[f->location]) {
		x->name[f->location] = x->names++;
		x->location[x->name[f->location]] = f->location;
	}
	return x->name[f->location];
}

/* Whether a width is not simply the column's value. */
static bool weighted(const struct svg_page *x)
{
	for (size_t i = 0; i < x->g.n; i++) {
		double v = (double)x->g.sums[x->g.frame[i].sum + x->g.column];

		if (x->g.frame[i].weight > v || x->g.frame[i].weight < v)
			return true;
	}
	return false;
}

static void put_values(struct svg_page *x, size_t sum)
{
	for (size_t k = 0; k < x->g.p->columns; k++)
		fprintf(x->out, ",%" PRId64, x->g.sums[sum + k]);
}

/* What is as in the frame BEFORE, of which this one is often the only child, is left
 * out. */
static void put_frame(struct svg_page *x, const struct mp_svg_frame *f,
	const struct mp_svg_frame *before, bool weights)
{
	if (f->depth != before->depth + 1)
		fprintf(x->out, "%" PRIu32, f->depth);
	fprintf(x->out, ",%" PRIu32, name_of(x, f));
	for (size_t k = 0; k < x->g.p->columns; k++) {
		int64_t value = x->g.sums[f->sum + k];

		fputc(',', x->out);
		if (f == before || value != x->g.sums[before->sum + k])
			fprintf(x->out, "%" PRId64, value);
	}
	if (weights)
		fprintf(x->out, ",%.0f", f->weight);
	if (f->folded) {
		fprintf(x->out, ",%" PRIu32, f->folded);
		put_values(x, f->folded_sum);
	}
}

/* depth,name,values[,weight][,folded,values] by semicolons. */
static void put_frames(struct svg_page *x)
{
	bool weights = weighted(x);

	fprintf(x->out, "\"weighted\":%s,\n\"frames\":\"", weights ? "true" : "false");
	for (size_t i = 0; i < x->g.n; i++) {
		if (i)
			fputc(';', x->out);
		put_frame(x, &x->g.frame[i], &x->g.frame[i ? i - 1 : 0], weights);
	}
	fputs("\",\n", x->out);
}

/* Function, place in files and line of each name. */
static void put_names(struct svg_page *x, uint32_t *files)
{
	uint32_t n = 0;

	fputs("\"names\":[\"all\",-1,0,\"[rest\\u005d\",-1,0", x->out);
	for (uint32_t i = 2; i < x->names; i++) {
		const struct mp_location *l = &x->g.flame.tree->location.x[x->location[i]];
		uint32_t *file = &files[x->g.flame.tree->code.x[l->owner].file];
		struct mp_frame f = mp_flame_frame(&x->g.flame, x->location[i]);
		bool named = *f.file && !(f.flags & MP_FRAME_NOTE);

		if (named && !*file)
			*file = ++n;
		fputs(",\n", x->out);
		put_string(x, f.func);
		fprintf(x->out, ",%d,%" PRIu32, named ? (int)*file - 1 : -1, f.line);
	}
	fputs("],\n", x->out);
}

static void put_kinds(struct svg_page *x)
{
	fputs("\"kinds\":\"r0o0", x->out);
	for (uint32_t i = 2; i < x->names; i++) {
		struct mp_svg_frame f = {.location = x->location[i], .depth = 1};
		struct svg_colour c = mp_svg_own_colour(x, &f);

		fprintf(x->out, "%c%d", svg_letter[c.kind], c.shade);
	}
	fputs("\",\n", x->out);
}

/* In the order in which names ask for them, and so again by number. */
static void put_files(struct svg_page *x, const uint32_t *files)
{
	const struct mp_tree *t = x->g.flame.tree;
	uint32_t n = 0;

	fputs("\"files\":[", x->out);
	for (uint32_t i = 2; i < x->names; i++) {
		uint32_t file = t->code.x[t->location.x[x->location[i]].owner].file;

		if (files[file] != n + 1)
			continue;
		fputs(n++ ? ",\n" : "\n", x->out);
		put_string(x, mp_str(t, file));
	}
	fputs("]", x->out);
}

bool mp_svg_data(struct svg_page *x)
{
	const struct mp_profile *p = x->g.p;
	uint32_t *files = calloc((size_t)x->g.flame.tree->string.n + 1, sizeof(*files));

	if (!files)
		return false;
	fprintf(x->out,
		"const data = {\"width\":%u,\"top\":%d,\"depth\":%" PRIu32
		",\"icicle\":%s,\"diff\":%s,\"key\":%zu,\"change\":%.17g,\"folded\":%" PRIu64
		",\n\"columns\":[",
		x->how->width, SVG_TOP, x->g.depth, x->how->icicle ? "true" : "false",
		x->g.old != SIZE_MAX ? "true" : "false", x->g.column, x->g.change, x->g.folded);
	for (size_t k = 0; k < p->columns; k++) {
		fputs(k ? ",[" : "[", x->out);
		put_string(x, p->column[k].name);
		fputc(',', x->out);
		put_string(x, p->column[k].unit);
		fprintf(x->out, ",%d]", p->column[k].combine == MP_SUM);
	}
	fputs("],\n", x->out);
	put_frames(x);
	put_names(x, files);
	put_kinds(x);
	put_files(x, files);
	fputs("};\n", x->out);
	free(files);
	return true;
}

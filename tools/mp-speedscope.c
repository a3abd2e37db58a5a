/* mp-speedscope - write speedscope's file format: sampled profiles as JSON.
 * One profile a column, and a thread or process where asked for; equal stacks of a
 * profile are one sample, and the weights add up to the column's total.
 */
#include "../lib/cli.h"
#include "../lib/flame.h"
#include "../lib/parts.h"
#include "../lib/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 128 };
static const char *const names[] = { "all", "thread", "process", NULL };
static const char *const frames[] = { "default", "python", "native", "all", NULL };

static const enum mp_by ways[] = { MP_BY_STACK, MP_BY_THREAD, MP_BY_PROCESS };

static const char *key;
static int by, show;

static const struct cli_opt opts[] = {
	{'k', "key", "COLUMN[,COLUMN]...", "profiles written (default every column)",
		CLI_STRING, &key, NULL},
	{0, "by", "WHAT", "a profile for each thread or process (default all in one)",
		CLI_CHOICE, &by, names},
	{0, "frames", "WHICH", "frames written: python, native or all", CLI_CHOICE, &show,
		frames},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-speedscope", .args = "[OPTION]... [FILE]...",
	.summary = "Write a profile that speedscope (speedscope.app) opens.",
	.opts = opts,
	.example = {"mp-speedscope -o t.speedscope.json t.mp",
		"mp-leaks t.mp | mp-speedscope --by thread > leaks.json"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_OUTPUT,
};

static struct mp_profile *p;
static struct mp_flame flame;
static size_t column[COLUMNS], columns;
static struct mp_parts parts;

/* Columns of the resident set add up, but not to anything to be drawn. */
static bool drawn(const struct mp_column *c)
{
	return c->combine == MP_SUM && strncmp(c->name, "rss", 3) != 0;
}

static void find_columns(void)
{
	char *list = key ? cli_need(strdup(key)) : NULL, *name = list, *comma;

	for (size_t k = 0; !key && k < p->columns && columns < COLUMNS; k++)
		if (drawn(&p->column[k]))
			column[columns++] = k;
	for (; name && columns < COLUMNS; name = comma) {
		comma = strchr(name, ',');
		if (comma)
			*comma++ = 0;
		column[columns] = (size_t)cli_column(p, name);
		if (p->column[column[columns++]].combine != MP_SUM)
			die("column '%s' is a maximum or minimum: it does not add up", name);
	}
	if (!columns)
		die("no column of this profile adds up");
	free(list);
}

static void put_frames(void)
{
	fputs(",\n\"shared\":{\"frames\":[", stdout);
	for (uint32_t i = 1; i <= flame.tree->location.n; i++) {
		struct mp_frame f = mp_flame_frame(&flame, i);

		printf(i > 1 ? ",\n{\"name\":" : "\n{\"name\":");
		print_json(stdout, f.func);
		if (*f.file) {
			fputs(",\"file\":", stdout);
			print_json(stdout, f.file);
		}
		if (f.line)
			printf(",\"line\":%" PRIu32, f.line);
		putchar('}');
	}
	fputs("]}", stdout);
}

static const char *unit_of(const struct mp_column *c)
{
	return strcmp(c->unit, "B") == 0 ? "bytes" : strcmp(c->unit, "ns") == 0 ? "nanoseconds" :
		"none";
}

static void put_stack(mp_node node)
{
	mp_node parent = mp_parent(flame.tree, node);

	if (parent) {
		put_stack(parent);
		putchar(',');
	}
	printf("%" PRIu32, flame.tree->node.x[node].location - 1);
}

static void put_profile(struct mp_flame_sums *x, size_t k, size_t c)
{
	char *name = cli_need(mp_part_name(&parts, p, k)), *whole;
	const char *view = p->column[c].view;

	if (asprintf(&whole, *view ? "%s%s%s (%s)" : "%s%s%s", name, *name ? ": " : "",
		    p->column[c].name, view) < 0)
		die("out of memory");
	if (mp_flame_add(x, &flame, p, c, parts.of_row, k))
		cli_profile_failed(p);
	for (size_t i = 0; i < x->n; i++)
		if (x->sum[x->node[i]] < 0)
			die("column '%s' has negative values, speedscope none: use -k old,new",
				p->column[c].name);
	fputs("{\"type\":\"sampled\",\"name\":", stdout);
	print_json(stdout, whole);
	free(name), free(whole);
	printf(",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64 ",\n\"samples\":[",
		unit_of(&p->column[c]), x->total);
	for (size_t i = 0; i < x->n; i++) {
		fputs(i ? ",[" : "[", stdout);
		put_stack(x->node[i]);
		putchar(']');
	}
	fputs("],\n\"weights\":[", stdout);
	for (size_t i = 0; i < x->n; i++)
		printf("%s%" PRId64, i ? "," : "", x->sum[x->node[i]]);
	fputs("]}", stdout);
}

static void put_profiles(void)
{
	struct mp_flame_sums x = { 0 };

	fputs(",\n\"profiles\":[", stdout);
	/* one at least: speedscope opens no file without a profile */
	for (size_t i = 0; i < (parts.n ? parts.n : 1) * columns; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		put_profile(&x, i / columns, column[i % columns]);
	}
	fputs("]}\n", stdout);
	mp_flame_sums_free(&x);
}

static void put_head(void)
{
	const char *command = mp_profile_meta(p, "command");
	const char *note = cli_note_text(mp_profile_loss(p));
	char *name;

	if (asprintf(&name, "%s%s%s%s", command ? command : "mp", *note ? " (" : "", note,
		    *note ? ")" : "") < 0)
		die("out of memory");
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"mp-speedscope " MP_VERSION "\",\"activeProfileIndex\":0,\"name\":",
		stdout);
	print_json(stdout, name);
	free(name);
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);

	p = cli_load(files);
	find_columns();
	cli_fold(p, (int)column[0]);
	mp_sort(p, (int)column[0]);
	if (mp_profile_error(p) || mp_flame_build(&flame, p, (enum mp_show)show, MP_BY_LINE))
		cli_profile_failed(p);
	if (mp_parts_find(&parts, p, ways[by]))
		die("out of memory");
	cli_redirect();
	put_head();
	put_frames();
	put_profiles();
	mp_parts_free(&parts);
	mp_flame_free(&flame);
	mp_profile_free(p);
	return cli_end(CLI_OK);
}

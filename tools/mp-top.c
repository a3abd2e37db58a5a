/* mp-top - print the lines, functions or threads that hold most.
 * A sink: what it prints is for people; -t and --json are for programs.
 */
#include "../lib/cli.h"
#include "../lib/cli_follow.h"
#include "../lib/print.h"

#include <inttypes.h>
#include <string.h>

static const char *const names[] = {
	"stack", "line", "function", "file", "module", "thread", "process", "kind", "type",
		NULL,
};
static const char *const frames[] = { "default", "python", "native", "all", NULL };

static long lines = -1;
static const char *key;
static int by = MP_BY_LINE, show;
static bool by_total, follow;

static const struct cli_opt opts[] = {
	{'n', "lines", "N", "print the N largest (default 20; all with -t, --json)",
		CLI_INT, &lines, NULL},
	{'f', "follow", NULL, "every second, of a stream being written; keys on a terminal",
		CLI_FLAG, &follow, NULL},
	{'k', "key", "COLUMN", "rank by COLUMN, not the first; --total: with all it calls",
		CLI_STRING, &key, NULL},
	{0, "by", "WHAT", "line, function, file, module, stack, thread, process, kind",
		CLI_CHOICE, &by, names},
	{0, "total", NULL, NULL, CLI_FLAG, &by_total, NULL},
	{0, "frames", "WHICH", "frames named: python, native or all", CLI_CHOICE, &show,
		frames},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-top", .args = "[OPTION]... [FILE]...",
	.summary = "Print what holds most; a trace is seen at its peak.",
	.opts = opts,
	.example = {"mp-leaks t.mp | mp-top -n 10", "mp-sample -p PID | mp-top -f"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_FORM |
		CLI_OUTPUT | CLI_COLOR,
};

static void put_text(FILE *out, const struct mp_column *c, const struct mp_groups *g, size_t n)
{
	size_t i, k;

	putc('#', out);
	for (k = 0; k < g->columns; k++) {
		print_name(out, c[k].name, 0);
		fputs("\ttotal_", out);
		print_name(out, c[k].name, 0);
		putc('\t', out);
	}
	fputs("name\n", out);
	for (i = 0; i < n; i++) {
		for (k = 0; k < g->columns; k++)
			fprintf(out, "%" PRId64 "\t%" PRId64 "\t", g->group[i].self[k],
				g->group[i].total[k]);
		print_name(out, g->group[i].name, 0);
		putc('\n', out);
	}
}

static void put_json_value(FILE *out, const char *prefix, const char *name, int64_t value)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s", prefix, name);
	print_json(out, text);
	fprintf(out, ":%" PRId64 ",", value);
}

static void put_json(const struct mp_column *c, const struct mp_groups *g, size_t n,
	const struct mp_loss *loss)
{
	FILE *out = stdout;
	size_t i, k;

	for (i = 0; i < n; i++) {
		putc('{', out);
		for (k = 0; k < g->columns; k++) {
			put_json_value(out, "", c[k].name, g->group[i].self[k]);
			put_json_value(out, "total_", c[k].name, g->group[i].total[k]);
		}
		fputs("\"name\":", out);
		print_json(out, g->group[i].name);
		cli_json_estimate(loss);
		fputs("}\n", out);
	}
}

/* The rows as data: exact, and all of them unless -n or -m says otherwise. */
static void put_rows(struct mp_profile *p, const struct cli_table *t)
{
	struct mp_groups *g = mp_group(p, t->by, t->show, t->column, t->by_total);
	size_t n = 0, columns, k = (size_t)t->column;
	const struct mp_column *c = mp_columns(p, &columns);

	if (!g)
		cli_profile_failed(p);
	while (n < g->n && (lines < 0 || n < (size_t)lines)) {
		int64_t v = by_total ? g->group[n].total[k] : g->group[n].self[k];

		if (v > -t->least && v < t->least)
			break;
		n++;
	}
	cli_tell_estimate(mp_profile_loss(p));
	if (cli_json)
		put_json(c, g, n, mp_profile_loss(p));
	else
		put_text(stdout, c, g, n);
	mp_groups_free(g);
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct cli_table table = { .by = (enum mp_by)by, .show = (enum mp_show)show,
		.by_total = by_total, .lines = lines };
	struct mp_profile *p;

	if (follow && (cli_text || cli_json))
		cli_usage("-f prints tables only, not -t or --json");
	if (follow && files[1])
		cli_usage("-f follows one stream");
	p = follow ? cli_follow(*files, &table, &key) : cli_load(files);
	if (!cli_has_label(p, table.by))
		die("no row has a %s; --keep %s keeps it", cli_by_name(table.by),
			cli_by_name(table.by));
	table.column = cli_column(p, key);
	table.least = cli_least(p, table.column);
	table.lines = lines < 0 ? 20 : lines;
	if (!follow)
		cli_redirect();
	if (cli_text || cli_json)
		put_rows(p, &table);
	else
		cli_table(p, &table);
	mp_profile_free(p);
	return cli_end(CLI_OK);
}

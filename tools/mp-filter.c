/* mp-filter - keep a part of a trace or profile.
 * Traces in, traces out; a profile's rows are filtered alike.
 */
#include "../lib/cli.h"
#include "../lib/filter.h"

#include <stdlib.h>
#include <string.h>

static struct cli_list text[MP_WHERE_TEXTS], number[MP_WHERE_NUMBERS];
static struct mp_where where;

static const struct cli_opt opts[] = {
	{0, "drop", NULL, "drop what meets all conditions, keep the rest", CLI_FLAG, &where.drop,
		NULL},
	{0, "process", "NAME", "of processes of this name; --pid PID", CLI_LIST,
		&text[MP_WHERE_PROCESS], NULL},
	{0, "pid", "PID", NULL, CLI_LIST, &number[MP_WHERE_PID], NULL},
	{0, "thread", "NAME|TID", "by threads of this name or number", CLI_LIST,
		&text[MP_WHERE_THREAD], NULL},
	{0, "function", "REGEX", "with such a function in the stack; --file, --module", CLI_LIST,
		&text[MP_WHERE_FUNCTION], NULL},
	{0, "file", "REGEX", NULL, CLI_LIST, &text[MP_WHERE_FILE], NULL},
	{0, "module", "REGEX", NULL, CLI_LIST, &text[MP_WHERE_MODULE], NULL},
	{0, "self", NULL, "of the stack look at the innermost frame shown only", CLI_FLAG,
		&where.self, NULL},
	{0, "kind", "LIST", "of these allocators, or heap, object, map, file", CLI_LIST,
		&text[MP_WHERE_KIND], NULL},
	{0, "size", "MIN..MAX", "of these sizes", CLI_LIST, &number[MP_WHERE_SIZE], NULL},
	{0, "lifetime", "MIN..MAX", "that lived as long; never freed: for ever", CLI_LIST,
		&number[MP_WHERE_LIFETIME], NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-filter", .args = "[OPTION]... [FILE]...",
	.summary = "Keep the allocations, samples or rows that meet all conditions.",
	.opts = opts,
	.example = {"mp-filter --between 2s,5s --thread worker t.mp | mp-leaks | mp-top",
		"mp-filter --drop --module libpython t.mp | mp-fold"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_BETWEEN | CLI_FORM | CLI_OUTPUT | CLI_LEVEL |
		CLI_COLOR,
};

/* ---- conditions ------------------------------------------------------------------ */

static const char *const text_name[] = {
	[MP_WHERE_PROCESS] = "process", [MP_WHERE_THREAD] = "thread", [MP_WHERE_KIND] = "kind",
	[MP_WHERE_FUNCTION] = "function", [MP_WHERE_FILE] = "file", [MP_WHERE_MODULE] = "module",
};

static void add_text(enum mp_where_text which, const char *value)
{
	if (!mp_where_text(&where, which, value))
		return;
	cli_need(*where.error ? &where : NULL);
	cli_usage("--%s: %s: '%s'", text_name[which], where.error, value);
}

/* KIND,KIND … */
static void add_kinds(const char *list)
{
	char *one, *rest = cli_need(strdup(list)), *all = rest;

	while ((one = strsep(&rest, ",")))
		add_text(MP_WHERE_KIND, one);
	free(all);
}

static void add_number(enum mp_where_number which, const char *value)
{
	static const struct {
		const char *name, *what;
		bool (*parse)(const char *, uint64_t *);
	} is[] = {
		[MP_WHERE_PID] = {"pid", "not a process number", cli_parse_size},
		[MP_WHERE_SIZE] = {"size", "not sizes MIN..MAX", cli_parse_size},
		[MP_WHERE_LIFETIME] = {"lifetime", "not times MIN..MAX", cli_parse_time},
	};
	uint64_t least, most;

	if (!cli_parse_range(value, is[which].parse, &least, &most) ||
	    (which == MP_WHERE_PID && strspn(value, "0123456789") != strlen(value)))
		cli_usage("--%s: %s: '%s'", is[which].name, is[which].what, value);
	cli_need(mp_where_span(&where, which, least, most) ? NULL : &where);
}

static void conditions(void)
{
	for (enum mp_where_text i = 0; i < MP_WHERE_TEXTS; i++)
		for (size_t k = 0; k < text[i].n; k++) {
			if (i == MP_WHERE_KIND)
				add_kinds(text[i].x[k]);
			else
				add_text(i, text[i].x[k]);
		}
	for (enum mp_where_number i = 0; i < MP_WHERE_NUMBERS; i++)
		for (size_t k = 0; k < number[i].n; k++)
			add_number(i, number[i].x[k]);
	if (where.drop && !mp_where_any(&where))
		cli_usage("--drop: no condition says what");
	if (where.self && !text[MP_WHERE_FUNCTION].n && !text[MP_WHERE_FILE].n &&
	    !text[MP_WHERE_MODULE].n)
		cli_usage("--self needs --function, --file or --module");
	where.window = cli_query;
}

/* ---- streams --------------------------------------------------------------------- */

static struct mp_writer *writer;        /* of traces, made with the first */
static struct mp_profile *sum;          /* of profiles */

static void filter(const char *path)
{
	struct mp_reader *r = cli_open(path);
	struct mp_loss loss;

	while (mp_next_part(r) > 0) {
		bool trace = mp_kind(r) == MP_TRACE;

		if (trace ? sum != NULL : writer != NULL)
			die("%s: %s", cli_shown(path), trace ? "a trace cannot follow a profile" :
				"a profile cannot follow a trace");
		if (!trace) {
			cli_add_part(path, r, &sum);
			continue;
		}
		if (!writer)
			writer = cli_create_binary();
		if (mp_filter_trace(writer, r, &where) && mp_writer_error(writer))
			die("%s", mp_writer_error(writer));
	}
	loss = mp_loss(r);
	if (sum)
		mp_add_loss(mp_profile_loss(sum), &loss);
	cli_close(path, r);
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);

	conditions();
	for (; *files; files++)
		filter(*files);
	if (sum) {
		if (mp_filter_profile(sum, &where))
			cli_profile_failed(sum);
		cli_emit(sum);
	}
	if (writer)
		cli_finish_binary(writer);
	mp_profile_free(sum);
	mp_where_free(&where);
	return cli_end(CLI_OK);
}

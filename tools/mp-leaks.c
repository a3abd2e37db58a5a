/* mp-leaks - keep what was still allocated when the trace ended.
 * Traces in, one profile of view "live" out.
 */
#include "../lib/cli.h"
#include "../lib/growth.h"

#include <string.h>

static const char *const names[] = {
	"stack", "line", "function", "file", "module", "thread", "process", "kind", "type",
	NULL,
};

static bool exit_code, growing, all;
static int group = -1;
static struct cli_limit budget;

static const struct cli_opt opts[] = {
	{'e', "exit-code", NULL, "exit 1 if more than the budget is left", CLI_FLAG, &exit_code,
		NULL},
	{0, "budget", "SIZE|PCT", "what may be left in all, PCT of the peak (default 0)",
		CLI_LIMIT, &budget, NULL},
	{0, "growing", NULL, "only what keeps growing, with the evidence", CLI_FLAG, &growing,
		NULL},
	{0, "group", "WHAT", "what grows: line (default), function, file, module, stack …",
		CLI_CHOICE, &group, names},
	{0, "all", NULL, "with --growing: what has levelled off, too", CLI_FLAG, &all, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-leaks", .args = "[OPTION]... [TRACE]...",
	.summary = "Write a profile of the allocations that were never freed.",
	.opts = opts,
	.example = {"mp-leaks < t.mp | mp-top -n 10",
		"mp-leaks -e --budget 1M t.mp > leaks.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_EVENTS | CLI_QUERY | CLI_BETWEEN | CLI_MIN |
		CLI_FORM | CLI_OUTPUT | CLI_LEVEL | CLI_COLOR,
};

static int64_t bytes(struct mp_profile *p)
{
	int column = mp_column_index(p, "bytes");

	return column < 0 ? 0 : mp_total(p, column);
}

/* The traces a second time, for what a percentage is of. */
static int64_t peak(char **files)
{
	struct mp_profile *p;
	int64_t whole;

	for (size_t i = 0; files[i]; i++)
		if (strcmp(files[i], "-") == 0)
			die("--budget: a percentage of the peak needs a file, not stdin");
	cli_query.view = MP_VIEW_PEAK;
	p = cli_load(files);
	whole = bytes(p);
	mp_profile_free(p);
	return whole;
}

/* Of rows that grow. */
static int64_t growing_bytes(struct mp_profile *p)
{
	int column = mp_column_index(p, "growing");
	int64_t sum = 0;

	for (size_t i = 0; column >= 0 && i < mp_rows(p); i++) {
		struct mp_row row = mp_row(p, i);

		if (row.value[column])
			sum += row.value[0];
	}
	return sum;
}

static struct mp_profile *load_growing(char **files)
{
	static struct mp_growth growth;
	struct mp_profile *p;

	growth = (struct mp_growth){ .by = group < 0 ? MP_BY_LINE : (enum mp_by)group, .all = all };
	cli_query.growth = &growth;
	p = cli_load(files);
	if (growth.short_)
		note("%u of %u traces too short to tell what grows (under %d steps of time)",
			growth.short_, growth.parts, MP_GROWTH_LEAST);
	return p;
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *live;
	int64_t left, allowed;

	if (!growing && (group >= 0 || all))
		cli_usage("--group and --all go with --growing");
	allowed = cli_limit(&budget, exit_code && budget.percent ? peak(files) : 0, 0);
	cli_query.view = MP_VIEW_LIVE;
	live = growing ? load_growing(files) : cli_load(files);
	left = growing ? growing_bytes(live) : bytes(live);
	cli_emit_by(live, group >= 0 ? (enum mp_by)group : MP_BY_LINE);
	mp_profile_free(live);
	return cli_end(exit_code && left > allowed ? CLI_FOUND : CLI_OK);
}

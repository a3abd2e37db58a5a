/* mp-leaks - keep what was still allocated when the trace ended.
 * Traces in, one profile of view "live" out.
 */
#include "../lib/cli.h"

#include <string.h>

static bool exit_code;
static struct cli_limit budget;

static const struct cli_opt opts[] = {
	{'e', "exit-code", NULL, "exit 1 if more than the budget is left", CLI_FLAG, &exit_code,
		NULL},
	{0, "budget", "SIZE|PCT", "what may be left in all, PCT of the peak (default 0)",
		CLI_LIMIT, &budget, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-leaks", .args = "[OPTION]... [TRACE]...",
	.summary = "Write a profile of the allocations that were never freed.",
	.opts = opts,
	.example = {"mp-leaks < t.mp | mp-top -n 10",
		"mp-leaks -e --budget 1M t.mp > leaks.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_EVENTS | CLI_QUERY | CLI_MIN | CLI_FORM |
		CLI_OUTPUT | CLI_LEVEL |
		CLI_COLOR,
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

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *live;
	int64_t left, allowed;

	allowed = cli_limit(&budget, exit_code && budget.percent ? peak(files) : 0, 0);
	cli_query.view = MP_VIEW_LIVE;
	live = cli_load(files);
	left = bytes(live);
	cli_emit(live);
	mp_profile_free(live);
	return cli_end(exit_code && left > allowed ? CLI_FOUND : CLI_OK);
}

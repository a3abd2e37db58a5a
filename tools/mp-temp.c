/* mp-temp - keep the allocations that were freed almost at once.
 * Traces in, one profile of view "temporary" out.
 */
#include "../lib/cli.h"

static long within = -1;
static const char *within_time;

static const struct cli_opt opts[] = {
	{'N', "within", "N", "freed with at most N others of its thread between (default 1)",
		CLI_INT, &within, NULL},
	{0, "within-time", "T", "freed within T instead, by any thread: 10ms, 2s",
		CLI_STRING, &within_time, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-temp", .args = "[OPTION]... [TRACE]...",
	.summary = "Write a profile of the allocations that were freed almost at once.",
	.opts = opts,
	.example = {"mp-temp t.mp | mp-top -n 10", "mp-temp --within-time 1ms t.mp > short.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_EVENTS | CLI_WINDOW | CLI_MIN | CLI_FORM |
		CLI_OUTPUT | CLI_LEVEL | CLI_COLOR,
};

/* The options as a query, where 0 stands for the default. */
static void ask(struct mp_query *q)
{
	q->view = MP_VIEW_TEMPORARY;
	if (within >= 0 && within_time)
		cli_usage("-N and --within-time exclude each other");
	if (within >= (long)MP_NONE_BETWEEN)
		cli_usage("-N: too large: '%ld'", within);
	if (within >= 0)
		q->temporary = within ? (uint32_t)within : MP_NONE_BETWEEN;
	if (!within_time)
		return;
	if (!cli_parse_time(within_time, &q->temporary_ns))
		cli_usage("--within-time: not a time: '%s'", within_time);
	if (!q->temporary_ns)
		cli_usage("--within-time: must be more than 0");
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *temporary;

	ask(&cli_query);
	temporary = cli_load(files);
	cli_emit(temporary);
	mp_profile_free(temporary);
	return cli_end(CLI_OK);
}

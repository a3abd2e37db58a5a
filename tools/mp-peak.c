/* mp-peak - keep what was allocated when live memory was highest.
 * Traces in, one profile of view "peak" out.
 */
#include "../lib/cli.h"

static const struct cli cli = {
	.name = "mp-peak", .args = "[OPTION]... [TRACE]...",
	.summary = "Write a profile of what was live when live memory was highest.",
	.example = {"mp-peak t.mp | mp-top -n 10", "mp-peak --each process t.mp > peaks.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_EVENTS | CLI_EACH | CLI_WINDOW | CLI_MIN |
		CLI_FORM | CLI_OUTPUT | CLI_LEVEL | CLI_COLOR,
};

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *peak;

	cli_query.view = MP_VIEW_PEAK;
	peak = cli_load(files);
	cli_emit(peak);
	mp_profile_free(peak);
	return cli_end(CLI_OK);
}

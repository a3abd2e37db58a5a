/* mp-stat - print what a trace or profile is: its sums, rankings and shares.
 * A sink; all figures of a trace come from one reading of it.
 */
#include "../lib/cli_stat.h"

static const char *const frames[] = { "default", "python", "native", "all", NULL };
static long lines = 10;
static int show;
static struct cli_stat stat;

static const struct cli_opt opts[] = {
	{'n', "lines", "N", "rows of each ranking (default 10)", CLI_INT, &lines, NULL},
	{0, "frames", "WHICH", "frames named: python, native or all", CLI_CHOICE, &show,
		frames},
	{0, "at-exit", NULL, "live at the very end, after Python's teardown", CLI_FLAG,
		&cli_query.at_exit, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-stat", .args = "[OPTION]... [FILE]...",
	.summary = "Print a summary: sums, peak, rankings, sizes, resident set.",
	.opts = opts,
	.example = {"mp-stat t.mp", "mp-stat --json t.mp | jq -e '.peak.bytes < 100e6'"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_FORM | CLI_OUTPUT | CLI_COLOR,
};

/* What is left of R, of which nothing was read yet. */
static void add_trace(struct mp_summary *s, const char *path, struct mp_reader *r)
{
	mp_summary_read(s, r, &cli_query);
	if (mp_error(r))
		die("%s", mp_error(r));
	if (mp_summary_error(s))
		die("%s: %s", cli_shown(path), mp_summary_error(s));
	cli_close(path, r);
}

/* Files of one kind: the first says which. */
static void read_all(char **files)
{
	for (size_t i = 0; files[i]; i++) {
		struct mp_reader *r = cli_open(files[i]);
		bool profile = mp_next_part(r) > 0 && mp_kind(r) == MP_PROFILE;
		struct mp_profile *p;

		if (i && profile != !stat.s)
			die("%s: %s cannot be summed with %s", cli_shown(files[i]),
				profile ? "a profile" : "a trace", profile ? "traces"
									   : "profiles");
		if (!profile) {
			stat.s = stat.s ? stat.s : cli_need(mp_summary_new());
			stat.p = stat.s->total;
			add_trace(stat.s, files[i], r);
			continue;
		}
		p = cli_load_rest(files[i], r);
		if (i)
			cli_add(stat.p, p, files[i]);
		else
			stat.p = p;
	}
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);

	stat.lines = lines;
	stat.show = (enum mp_show)show;
	read_all(files);
	cli_redirect();
	if (cli_text || cli_json)
		cli_stat_data(&stat);
	else
		cli_stat_print(&stat);
	if (stat.s)
		mp_summary_free(stat.s);
	else
		mp_profile_free(stat.p);
	return cli_end(CLI_OK);
}

/* mp-html - a trace as one HTML file: memory over time, and where it went in any
 * window of it.  A sink; the page is lib/report's.
 */
#include "../lib/cli.h"
#include "../lib/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *title;
static bool no_source;
static long stacks;
static uint64_t size = 5000000;

static const struct cli_opt opts[] = {
	{0, "title", "TEXT", "what the report is called (default: the command)", CLI_STRING,
		&title, NULL},
	{'n', "stacks", "N", "keep N stacks at most (default 16000)", CLI_INT, &stacks, NULL},
	{0, "size", "SIZE", "keep fewer, so that the file is smaller (default 5MB)", CLI_SIZE,
		&size, NULL},
	{0, "no-source", NULL, "leave out the text of source lines", CLI_FLAG, &no_source,
		NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-html", .args = "[OPTION]... [TRACE]...",
	.summary = "Write a report as one HTML file; of two traces, with what differs.",
	.opts = opts,
	.example = {"mp-html -o report.html t.mp", "mp-html old.mp new.mp > diff.html"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_EVENTS | CLI_QUERY | CLI_OUTPUT,
};

static void failed(const char *path, const struct mp_report *r)
{
	const char *error = mp_report_error(r);

	die("%s: %s", cli_shown(path), error ? error : "out of memory");
}

/* NAMED: with the name of its file, to be told from others. */
static void add(struct mp_report *r, const char *path, bool named)
{
	struct mp_reader *in = cli_open(path);
	const char *name = strrchr(path, '/');
	int got;

	cli_events(path, in);
	name = name && name[1] ? name + 1 : cli_shown(path);
	for (got = mp_kind(in) ? 1 : 0; got > 0; got = mp_next_part(in)) {
		if (mp_kind(in) != MP_TRACE)
			die("%s: needs a trace, this is a profile", cli_shown(path));
		if (mp_report_add(r, in, &cli_query, named ? name : "") && !mp_error(in))
			failed(path, r);
	}
	cli_close(path, in);
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_report *r = cli_need(mp_report_new());
	struct mp_report_options options;
	size_t n = 0;

	if (stacks > 1000000)
		cli_usage("--stacks: at most 1000000");
	options = (struct mp_report_options){ title, (uint32_t)stacks, size, no_source };
	while (files[n])
		n++;
	for (size_t i = 0; i < n; i++)
		add(r, files[i], n > 1);
	cli_redirect();
	if (mp_report_write(r, &options, n == 2, stdout))
		failed(files[0], r);
	cli_flush();
	if (mp_report_size(r) > size)
		note("the report is %" PRIu64 " bytes, more than --size: what is left is needed",
			mp_report_size(r));
	mp_report_free(r);
	return cli_end(CLI_OK);
}

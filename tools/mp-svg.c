/* mp-svg - draw a profile as a flame graph: one interactive SVG file.
 * A sink: what is drawn and how is lib/svg's; this file has the options.
 */
#include "../lib/cli.h"
#include "../lib/svg/svg.h"

#include <string.h>

enum { NARROWEST = 200, WIDEST = 100000 };

static const char *const names[] = { "line", "function", NULL };
static const enum mp_by ways[] = { MP_BY_LINE, MP_BY_FUNCTION };
static const char *const frames[] = { "default", "python", "native", "all", NULL };

static const char *title, *key;
static int by, show;
static bool icicle;
static long width = 1200;

static const struct cli_opt opts[] = {
	{0, "title", "TEXT", "what stands on top (default the command traced)", CLI_STRING,
		&title, NULL},
	{'k', "key", "COLUMN", "what a frame is as wide as (default the first)", CLI_STRING, &key,
		NULL},
	{0, "by", "WHAT", "frames told apart by line (default) or function", CLI_CHOICE, &by,
		names},
	{0, "icicle", NULL, "the root on top", CLI_FLAG, &icicle, NULL},
	{0, "width", "PIXELS", "of the picture (default 1200)", CLI_INT, &width, NULL},
	{0, "frames", "WHICH", "frames drawn: python, native or all", CLI_CHOICE, &show, frames},
	{0, "idle", NULL, "idle samples, too", CLI_FLAG, &cli_query.idle, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-svg", .args = "[OPTION]... [FILE]...",
	.summary = "Draw a flame graph: an SVG file to look into with a browser.",
	.opts = opts,
	.example = {"mp-svg t.mp > peak.svg", "mp-diff old.mp new.mp | mp-svg > grown.svg"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_OUTPUT,
};

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *p;
	const char *command;
	struct mp_svg how;
	int column;

	if (width < NARROWEST || width > WIDEST)
		cli_usage("--width: %d to %d pixels", NARROWEST, WIDEST);
	p = cli_load(files);
	if (!key && cli_query.idle && mp_column_index(p, "time") >= 0)
		key = "time";           /* idle threads are sampled less often */
	column = cli_column(p, key);
	if (p->column[column].combine != MP_SUM)
		die("column '%s' is a maximum or minimum: it does not add up",
			p->column[column].name);
	command = mp_profile_meta(p, "command");
	how = (struct mp_svg){
		.title = title ? title : command ? command : "flame graph",
		.note = cli_note_text(mp_profile_loss(p)), .width = (unsigned)width,
		.icicle = icicle, .by = ways[by], .show = (enum mp_show)show,
		.column = (size_t)column, .least = cli_least(p, column),
	};
	cli_redirect();
	if (mp_svg_write(stdout, p, &how) < 0)
		cli_profile_failed(p);
	mp_profile_free(p);
	return cli_end(CLI_OK);
}

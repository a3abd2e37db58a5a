/* mp-tree - print a profile as an indented tree of calls.
 * A sink: what it prints is for people; -t and --json are for programs, and leave
 * nothing out that was not asked for.
 */
#include "../lib/cli_tree.h"

static const char *const names[] = { "line", "function", NULL };
static const char *const frames[] = { "default", "python", "native", "all", NULL };

static const char *key;
static long depth;
static int by, show;
static bool inverted;

static const struct cli_opt opts[] = {
	{0, "depth", "N", "show N calls from the root at most", CLI_INT, &depth, NULL},
	{0, "inverted", NULL, "from the innermost frame to its callers", CLI_FLAG, &inverted,
		NULL},
	{'k', "key", "COLUMN", "rank by COLUMN (default the first)", CLI_STRING, &key, NULL},
	{0, "by", "WHAT", "line: func (file:line); function: func (file)", CLI_CHOICE, &by,
		names},
	{0, "frames", "WHICH", "frames named: python, native or all", CLI_CHOICE, &show,
		frames},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-tree", .args = "[OPTION]... [FILE]...",
	.summary = "Print a tree of calls with what each holds; a trace is seen at its peak.",
	.opts = opts,
	.example = {"mp-leaks t.mp | mp-tree -m 1%", "mp-tree --inverted --depth 3 t.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_FORM |
		CLI_OUTPUT | CLI_COLOR,
};

/* On a terminal small calls would hide the large ones. */
static void print(struct cli_tree *tree)
{
	int64_t whole = mp_total(tree->p, tree->column);
	bool cut = cli_on_terminal() && !cli_min_given() && !depth;

	if (cut)
		tree->least = (whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole) / 100;
	cli_title(tree->p, tree->column);
	if (cli_tree_print(tree) && cut)
		puts("[N more]: calls below 1%; -m 0 for all");
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *p = cli_load(files);
	struct cli_tree tree = { .p = p, .column = cli_column(p, key), .depth = depth };
	struct mp_call_tree *calls = mp_call_tree(p, by ? MP_BY_FUNCTION : MP_BY_LINE,
		(enum mp_show)show, inverted, tree.column);

	if (!calls)
		cli_profile_failed(p);
	tree.calls = calls;
	tree.least = (uint64_t)cli_least(p, tree.column);
	cli_redirect();
	if (cli_text || cli_json)
		cli_tree_data(&tree);
	else
		print(&tree);
	mp_call_tree_free(calls);
	mp_profile_free(p);
	return cli_end(CLI_OK);
}

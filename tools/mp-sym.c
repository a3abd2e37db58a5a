/* mp-sym - name the addresses of a trace or profile.
 * Lines are added; no number, event or row changes.
 */
#include "../lib/cli.h"
#include "../lib/symbol.h"

#include <inttypes.h>
#include <stdlib.h>

static bool all;
static struct cli_list dirs;

static const struct cli_opt opts[] = {
	{0, "debug-dir", "DIR", "look there, too: DIR/.build-id, or DIR as the root", CLI_LIST,
		&dirs, NULL},
	{0, "all", NULL, "look up again what has a name", CLI_FLAG, &all, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-sym", .args = "[OPTION]... [FILE]...",
	.summary = "Name the native addresses of traces and profiles: function, file, line.",
	.opts = opts,
	.example = {"mp-capture --no-symbols -- ./app > raw.mp; mp-sym raw.mp > t.mp",
		"mp-sym --debug-dir sysroot raw.mp | mp-top"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_FORM | CLI_OUTPUT | CLI_LEVEL | CLI_COLOR,
};

static struct mp_symbols *symbols;
static struct mp_writer *writer;        /* of traces, made with the first */
static struct mp_profile *sum;          /* of profiles */
static uint64_t named, of;

static void name(const char *path)
{
	struct mp_reader *r = cli_open(path);
	struct mp_loss loss;

	while (mp_next_part(r) > 0) {
		bool trace = mp_kind(r) == MP_TRACE;

		if (trace ? sum != NULL : writer != NULL)
			die("%s: %s", cli_shown(path), trace ?
				"a trace cannot follow a profile" :
				"a profile cannot follow a trace");
		if (!trace) {
			cli_add_part(path, r, &sum);
			continue;
		}
		if (!writer)
			writer = cli_create_binary();
		if (mp_copy_named(writer, r, symbols, all, &named, &of) &&
		    mp_writer_error(writer))
			die("%s", mp_writer_error(writer));
	}
	loss = mp_loss(r);
	if (sum)
		mp_add_loss(mp_profile_loss(sum), &loss);
	cli_close(path, r);
}

static void name_profile(void)
{
	struct mp_tree *t = mp_profile_tree(sum);
	long n;

	of = mp_nameless(t, all);
	n = mp_symbolise(symbols, t, all);
	if (n < 0)
		die("out of memory");
	named = (uint64_t)n;
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	const char *servers = getenv("DEBUGINFOD_URLS");

	symbols = cli_need(mp_symbols_new());
	for (size_t i = 0; i < dirs.n; i++)
		cli_need(mp_symbols_debug_dir(symbols, dirs.x[i]) ? NULL : symbols);
	if (servers && *servers && !mp_symbols_fetch(symbols))
		note("DEBUGINFOD_URLS is set, but elfutils' libdebuginfod is not installed");
	for (; *files; files++)
		name(*files);
	if (sum)
		name_profile();
	if (of)
		note("%" PRIu64 " of %" PRIu64 " addresses named", named, of);
	if (sum)
		cli_emit(sum);
	if (writer)
		cli_finish_binary(writer);
	mp_profile_free(sum);
	mp_symbols_free(symbols);
	return cli_end(CLI_OK);
}

/* mp-cat - join traces, add profiles, change their form, or show them.
 * Traces go out part after part, undecoded where both forms are binary; profiles
 * become one.
 */
#include "../lib/cli.h"
#include "../lib/print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
	{0, "no-stacks", NULL, "JSON: of a stack only its site, as mp-top names it",
		CLI_FLAG, &cli_no_stacks, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-cat", .args = "[OPTION]... [FILE]...",
	.summary = "Copy traces, or the sum of profiles, to standard output as one stream.",
	.opts = opts,
	.example = {"mp-cat a.mp b.mp > both.mp",
		"mp-cat --json t.mp | jq -c 'select(.op == \"mark\")'"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_FORM | CLI_OUTPUT | CLI_LEVEL,
};

static struct mp_writer *writer;        /* of traces, made with the first */
static struct mp_profile *sum;          /* of profiles */

/* On a terminal: text goes here first, and as much of it as fits is shown. */
static struct { bool on, cut; int fd; uint64_t events; } screen;

static struct mp_writer *create(void)
{
	char path[32];
	struct mp_writer *w;

	if (!screen.on)
		return cli_create();
	screen.fd = memfd_create("mp-cat", MFD_CLOEXEC);
	if (screen.fd < 0)
		die("memfd_create: %s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", screen.fd);
	w = cli_need(mp_create(path, MP_TEXT, 0));
	if (mp_writer_error(w))
		die("%s", mp_writer_error(w));
	return w;
}

/* ---- a screen of text --------------------------------------------------------- */

static void end_text(const struct mp_loss *loss)
{
	mp_put_loss(writer, loss);
	mp_end(writer);
}

/* Events as long as they fit (they are more lines than a screen has); the rest
 * is only counted. */
static void take_events(struct mp_reader *r)
{
	struct mp_loss loss = { 0 };
	const char *key, *value;
	struct mp_event e;

	if (!screen.cut) {
		mp_begin(writer, MP_TRACE);
		for (size_t i = 0; mp_meta_at(r, i, &key, &value); i++)
			mp_put_meta(writer, key, value);
	}
	while (mp_next(r, &e) > 0) {
		if (!screen.cut && screen.events == print_height()) {
			end_text(&loss);
			screen.cut = true;
		}
		if (!screen.cut)
			mp_put_event(writer, mp_tree(r), &e);
		screen.events++;
	}
	loss = mp_loss(r);
	if (!screen.cut)
		end_text(&loss);
}

/* Whether a line of text holds an event or a row. */
static bool is_record(const char *line)
{
	if (sum)
		return *line != '#';
	return line[0] >= 'a' && line[0] <= 'z' && line[1] >= 'a' && line[1] <= 'z';
}

static void show_screen(void)
{
	size_t room = 0, width = print_width(), used = 0, height = print_height();
	FILE *in = fdopen(screen.fd, "r");
	uint64_t shown = 0, all = 0;
	char *line = NULL;
	bool full = false;

	if (!in)
		die("%s", strerror(errno));
	rewind(in);
	while (getline(&line, &room, in) > 0) {
		bool record = is_record(line) && strcmp(line, "end\n") != 0;

		used += width ? (strlen(line) + width - 1) / width : 1;
		full = full || used + 2 > height;
		all += record;
		shown += record && !full;
		if (!full)
			fputs(line, stdout);
	}
	all = sum ? all : screen.events;
	if (full || all > shown)
		printf("... %" PRIu64 " more; -t for all\n", all - shown);
	free(line);
	fclose(in);
}

/* ---- parts --------------------------------------------------------------------- */

static void copy_trace(const char *path, struct mp_reader *r)
{
	if (sum)
		die("%s: a trace cannot follow a profile", path);
	if (!writer)
		writer = create();
	if (screen.on)
		take_events(r);
	else if (mp_copy_part(writer, r) < 0 && mp_writer_error(writer))
		die("%s", mp_writer_error(writer));
}

static void cat(const char *path)
{
	struct mp_reader *r = cli_open(path);
	const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
	struct mp_loss loss;

	while (mp_next_part(r) > 0) {
		if (mp_kind(r) == MP_TRACE)
			copy_trace(name, r);
		else if (writer)
			die("%s: a profile cannot follow a trace", name);
		else
			cli_add_part(path, r, &sum);
	}
	loss = mp_loss(r);
	if (sum)
		mp_add_loss(mp_profile_loss(sum), &loss);
	cli_close(path, r);
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);

	if (cli_no_stacks && !cli_json)
		cli_usage("--no-stacks needs --json");
	screen.on = !cli_text && !cli_json && cli_on_terminal();
	for (; *files; files++)
		cat(*files);
	if (sum) {
		writer = create();
		if (mp_put_profile(writer, sum) < 0)
			cli_put_failed(writer, sum);
	}
	if (writer)
		cli_finish(writer);
	if (screen.on && writer) {
		cli_redirect();
		show_screen();
	}
	mp_profile_free(sum);
	return cli_end(CLI_OK);
}

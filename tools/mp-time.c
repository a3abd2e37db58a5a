/* mp-time - print the course of a trace: memory and work over time.
 * A plot on a terminal, else rows; --at: a profile of what grew, as a filter writes.
 */
#include "../lib/cli.h"
#include "../lib/course.h"
#include "../lib/views.h"
#include "../lib/window.h"

#include <stdlib.h>
#include <string.h>

enum { NARROWEST = 300, WIDEST = 100000 };

static bool svg, plot;
static const char *at;
static long width = 1200;

static const struct cli_opt opts[] = {
	{0, "plot", NULL, "the plot of a terminal, also elsewhere", CLI_FLAG, &plot, NULL},
	{0, "svg", NULL, "a picture", CLI_FLAG, &svg, NULL},
	{0, "width", "PIXELS", "of the picture (default 1200)", CLI_INT, &width, NULL},
	{0, "at", "T1,T2", "a profile of what grew from T1 to T2; T: of what is live then",
		CLI_STRING, &at, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-time", .args = "[OPTION]... [TRACE]...",
	.summary = "Print memory and work over time: a plot, rows, or a picture.",
	.opts = opts,
	.example = {"mp-time t.mp", "mp-time --at 10,1m30s t.mp | mp-top"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_EVENTS | CLI_WINDOW | CLI_BETWEEN | CLI_MIN |
		CLI_FORM | CLI_OUTPUT | CLI_LEVEL | CLI_COLOR,
};

/* ---- the course --------------------------------------------------------------------- */

static void put_part(const char *path, struct mp_reader *r, unsigned part)
{
	struct mp_timeline *t = mp_timeline_read(r, &cli_query);
	const char *command = mp_meta(r, "command");
	struct mp_loss loss = mp_loss(r);
	struct mp_course c;

	if (mp_error(r))
		die("%s", mp_error(r));
	cli_need(t);
	if (*t->missing)
		die("%s: %s", cli_shown(path), t->missing);
	if (mp_course_make(&c, t) < 0 || (svg && mp_course_svg(stdout, &c, command ? command :
			"memory over time", cli_note_text(&loss), (unsigned)width) < 0))
		die("out of memory");
	if (cli_json)
		cli_course_json(&c, part, &loss);
	else if (!cli_text && !svg && (plot || cli_on_terminal()))
		cli_plot(&c);
	else if (!svg)
		cli_course_text(&c, part);
	mp_course_free(&c);
	mp_timeline_free(t);
}

static void put_course(char **files)
{
	struct mp_loss loss;
	unsigned part = 0;
	int got;

	for (; *files; files++) {
		struct mp_reader *r = cli_open(*files);

		cli_events(*files, r);
		got = mp_kind(r) && !mp_error(r) ? 1 : mp_next_part(r);
		for (; got > 0; got = mp_next_part(r)) {
			if (mp_kind(r) == MP_PROFILE)
				die("%s: needs traces, there is a profile", cli_shown(*files));
			if (svg && part)
				die("%s: a second trace: a picture is of one", cli_shown(*files));
			put_part(*files, r, ++part);
		}
		loss = mp_loss(r);
		cli_close(*files, r);
		if (!svg)
			cli_tell_estimate(&loss);
	}
}

/* ---- what grew ----------------------------------------------------------------------- */

static void add_rows(struct mp_profile *out, struct mp_profile *p, bool new)
{
	for (size_t i = 0; i < mp_rows(p); i++) {
		struct mp_row row = mp_row(p, i);
		int64_t v = row.value[0], value[3] = { new ? v : -v, new ? 0 : v, new ? v : 0 };

		if (mp_add(out, mp_profile_tree(p), &row.key, value) < 0)
			cli_profile_failed(out);
	}
}

/* Stacks that hold more in NEW than in OLD. */
static struct mp_profile *grown(struct mp_profile *old, struct mp_profile *new)
{
	static const struct mp_column c[] = {
		{"bytes", "B", "diff", MP_SUM}, {"old", "B", "diff", MP_SUM},
		{"new", "B", "diff", MP_SUM},
	};
	struct mp_profile *all = cli_need(mp_profile_new(c, 3)), *out = cli_need(mp_profile_new(c, 3));

	add_rows(all, new, true);
	add_rows(all, old, false);
	for (size_t i = 0; i < mp_rows(all); i++) {
		struct mp_row row = mp_row(all, i);

		if (row.value[0] > 0 && mp_add(out, mp_profile_tree(all), &row.key, row.value) < 0)
			cli_profile_failed(out);
	}
	mp_add_loss(mp_profile_loss(out), mp_profile_loss(old));
	mp_profile_free(all);
	return out;
}

/* Both moments in one pass: a pipe cannot be read twice. */
static void put_moments(char **files, uint64_t first, uint64_t second, bool two)
{
	struct mp_views v = {
		.n = two ? 2 : 1, .query = {cli_query, cli_query},
		.profile = {cli_need(mp_profile_new(NULL, 0)), cli_need(mp_profile_new(NULL, 0))},
		.rows = cli_need(mp_profile_new(NULL, 0)),
	};
	struct mp_profile *p;

	for (int i = 0; i < 2; i++) {
		v.query[i].view = MP_VIEW_LIVE;
		v.query[i].at_exit = true;
		v.query[i].to = i ? second : first;
	}
	for (; *files; files++) {
		struct mp_reader *r = cli_open(*files);

		cli_events(*files, r);
		if (mp_load_views(r, &v) < 0 && mp_error(r))
			die("%s", mp_error(r));
		for (size_t i = 0; i < v.n; i++)
			if (mp_profile_error(v.profile[i]))
				die("%s: %s", cli_shown(*files), mp_profile_error(v.profile[i]));
		if (v.profiles)
			die("%s: needs traces, there is a profile", cli_shown(*files));
		cli_close(*files, r);
	}
	p = two ? grown(v.profile[0], v.profile[1]) : v.profile[0];
	cli_emit(p);
	if (two)
		mp_profile_free(v.profile[0]);
	mp_profile_free(p);
	mp_profile_free(v.profile[1]);
	mp_profile_free(v.rows);
}

static void moments(char **files)
{
	const char *comma = strchr(at, ',');
	char *one = cli_need(strndup(at, comma ? (size_t)(comma - at) : strlen(at)));
	uint64_t first, second = 0;

	if (!cli_parse_time(one, &first) || (comma && !cli_parse_time(comma + 1, &second)))
		cli_usage("--at: not a time T or two T1,T2: '%s'", at);
	if (!first || (comma && second <= first))
		cli_usage("--at: %s: '%s'", first ? "the second time is not after the first" :
			"nothing is live at the very start", at);
	free(one);
	put_moments(files, first, second, comma != NULL);
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);

	if (svg + plot + cli_text + cli_json > 1)
		cli_usage("--svg, --plot, -t and --json exclude each other");
	if (at && (svg || plot || cli_query.from || cli_query.to || mp_query_marks(&cli_query)))
		cli_usage("--at goes without --svg, --plot and a window");
	if (width < NARROWEST || width > WIDEST)
		cli_usage("--width: %d to %d pixels", NARROWEST, WIDEST);
	if (at) {
		moments(files);
	} else {
		for (char **f = files; *f; f++)
			cli_input(*f); /* none of them is the output */
		cli_redirect();
		put_course(files);
	}
	return cli_end(CLI_OK);
}

/* mp-pprof - write what `go tool pprof` reads: profile.proto, gzipped.
 * A trace becomes one profile of several views, made in one pass over it.
 */
#include "../lib/cli.h"
#include "../lib/pprof_write.h"
#include "../lib/profile.h"
#include "../lib/views.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 128 };

static const char *const frames[] = { "default", "python", "native", "all", NULL };

static const char *key;
static int show;

static const struct cli_opt opts[] = {
	{'k', "key", "COLUMN", "what pprof shows first (default inuse_space)", CLI_STRING, &key,
		NULL},
	{0, "frames", "WHICH", "frames written: python, native or all", CLI_CHOICE, &show,
		frames},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-pprof", .args = "[OPTION]... [FILE]...",
	.summary = "Write a profile that 'go tool pprof' reads.",
	.opts = opts,
	.example = {"mp-pprof t.mp > t.pb.gz && go tool pprof -top t.pb.gz",
		"mp-pprof --view peak -o peak.pb.gz t.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_OUTPUT,
};

/* What a view's columns are called by Go's own profiles, in their order. */
struct naming {
	enum mp_view view;
	struct { const char *from, *to; } column[2];
};
static const struct naming total = { MP_VIEW_TOTAL,
	{{"count", "alloc_objects"}, {"bytes", "alloc_space"}}};
static const struct naming live = { MP_VIEW_LIVE,
	{{"count", "inuse_objects"}, {"bytes", "inuse_space"}}};
static const struct naming peak = { MP_VIEW_PEAK,
	{{"count", "inuse_objects"}, {"bytes", "inuse_space"}}};
static const struct naming temporary = { MP_VIEW_TEMPORARY,
	{{"count", "temporary_objects"}, {"bytes", "temporary_space"}}};
static const struct naming samples = { MP_VIEW_SAMPLES,
	{{"samples", "samples"}, {"time", "cpu"}}};

static const struct naming *seen[MP_VIEWS_MAX];
static int column[COLUMNS];
static size_t columns;

static void plan(struct mp_views *v)
{
	bool whole = cli_query.view <= MP_VIEW_PEAK;

	if (whole || cli_query.view == MP_VIEW_TOTAL)
		seen[v->n++] = &total;
	if (whole)
		seen[v->n++] = cli_query.view == MP_VIEW_PEAK ? &peak : &live;
	if (cli_query.view == MP_VIEW_TEMPORARY)
		seen[v->n++] = &temporary;
	if (cli_query.view == MP_VIEW_DEFAULT || cli_query.view == MP_VIEW_SAMPLES)
		seen[v->n++] = &samples;
	v->as = cli_query;
	v->rows = cli_need(mp_profile_new(NULL, 0));
	for (size_t i = 0; i < v->n; i++) {
		v->query[i] = cli_query;
		v->query[i].view = seen[i]->view;
		v->profile[i] = cli_need(mp_profile_new(NULL, 0));
	}
}

static void load(struct mp_views *v, const char *path)
{
	struct mp_reader *r = cli_open(path);
	int status = mp_load_views(r, v);

	if (mp_error(r))
		die("%s", mp_error(r));
	for (size_t i = 0; status && i <= v->n; i++) {
		struct mp_profile *p = i < v->n ? v->profile[i] : v->rows;

		if (mp_profile_error(p))
			die("%s: %s", strcmp(path, "-") == 0 ? "stdin" : path,
				mp_profile_error(p));
	}
	cli_close(path, r);
	if (v->traces && v->profiles)
		die("%s: traces and profiles do not go into one", path);
}

/* The views of a trace as one profile; of allocations and samples only what the
 * trace has, unless that is nothing. */
static struct mp_profile *join(struct mp_views *v)
{
	struct mp_profile *sum = v->profile[0];
	bool allocations = false, sampled = false;

	for (size_t i = 0; i < v->n; i++) {
		sampled |= seen[i] == &samples && mp_rows(v->profile[i]);
		allocations |= seen[i] != &samples && mp_rows(v->profile[i]);
	}
	for (size_t i = 0; i < v->n; i++) {
		struct mp_profile *p = v->profile[i];
		bool has = v->n == 1 || (seen[i] == &samples ? sampled : allocations || !sampled);

		for (int k = 0; k < 2; k++)
			if (mp_rename_column(p, cli_column(p, seen[i]->column[k].from),
				    seen[i]->column[k].to))
				cli_profile_failed(p);
		if (i && has && mp_merge(sum, p, 1) < 0)
			cli_profile_failed(sum);
		for (int k = 0; k < 2 && has; k++)
			column[columns++] = cli_column(sum, seen[i]->column[k].to);
	}
	return sum;
}

/* All of a profile's columns that add up. */
static void take_columns(const struct mp_profile *p)
{
	size_t n;
	const struct mp_column *c = mp_columns(p, &n);

	for (size_t k = 0; k < n && columns < COLUMNS; k++)
		if (c[k].combine == MP_SUM)
			column[columns++] = (int)k;
	if (!columns)
		die("no column of this profile adds up");
}

/* Of a trace Go's default, else its last; of a profile its first. */
static int first_shown(const struct mp_profile *p, bool trace)
{
	int inuse = trace ? mp_column_index(p, "inuse_space") : -1;

	if (key || !trace)
		return cli_column(p, key);
	for (size_t k = 0; k < columns; k++)
		if (column[k] == inuse)
			return inuse;
	return column[columns - 1];
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_pprof how;
	struct mp_views v = { 0 };
	struct mp_profile *p;

	plan(&v);
	for (; *files; files++)
		load(&v, *files);
	p = v.profiles ? v.rows : join(&v);
	if (v.profiles)
		take_columns(p);
	how = (struct mp_pprof){ .show = (enum mp_show)show, .column = column,
		.columns = columns, .key = first_shown(p, !v.profiles), .wall = v.wall,
		.duration = v.duration, .bases = v.traces == 1,
		.lost = cli_loss_text(mp_profile_loss(p)),
		.estimate = cli_estimate_text(mp_profile_loss(p)) };
	cli_fold(p, how.key);
	if (cli_on_terminal())
		die("a profile is not written to a terminal; -o FILE");
	cli_redirect();
	if (mp_put_pprof(stdout, p, &how) < 0)
		cli_profile_failed(p);
	for (size_t i = 0; i < v.n; i++)
		mp_profile_free(v.profile[i]);
	mp_profile_free(v.rows);
	return cli_end(CLI_OK);
}

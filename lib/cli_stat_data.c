/* cli_stat_data.c - a summary as data: one JSON object, or a line a figure.
 * Both have the same figures in the same order (formats/text.md, 8); in text an
 * object's key goes in front of its members' ("peak.bytes"), and an item of a list
 * is a line of the list's key and the item's values.
 */
#include "cli_stat.h"

#include <inttypes.h>
#include <string.h>

#include "print.h"

struct data {
	char path[64];          /* of the object at hand, with a dot behind it */
	bool comma, item;
};

static void key(struct data *d, const char *name)
{
	if (cli_json) {
		if (d->comma)
			putchar(',');
		d->comma = true;
		if (name) {
			print_json(stdout, name);
			putchar(':');
		}
	} else if (d->item) {
		putchar('\t');
	} else {
		printf("%s%s\t", d->path, name);
	}
}

static void end_value(const struct data *d)
{
	if (!cli_json && !d->item)
		putchar('\n');
}

static void integer(struct data *d, const char *name, int64_t value)
{
	key(d, name);
	printf("%" PRId64, value);
	end_value(d);
}

static void natural(struct data *d, const char *name, uint64_t value)
{
	key(d, name);
	printf("%" PRIu64, value);
	end_value(d);
}

/* TEXT NULL: unknown. */
static void string(struct data *d, const char *name, const char *text)
{
	key(d, name);
	if (cli_json && text)
		print_json(stdout, text);
	else if (cli_json)
		fputs("null", stdout);
	else if (text)
		print_name(stdout, text, 0);
	end_value(d);
}

static void known(struct data *d, const char *name, int64_t value)
{
	if (value < 0)
		string(d, name, NULL);
	else
		integer(d, name, value);
}

static void begin(struct data *d, const char *name)
{
	if (cli_json) {
		key(d, name);
		putchar('{');
		d->comma = false;
	} else if (!d->item) {
		snprintf(d->path, sizeof(d->path), "%s.", name);
	}
}

static void end(struct data *d)
{
	if (cli_json)
		putchar('}');
	d->comma = true;
	if (!d->item)
		d->path[0] = 0;
}

static void begin_list(struct data *d, const char *name)
{
	if (cli_json) {
		key(d, name);
		putchar('[');
	}
	snprintf(d->path, sizeof(d->path), "%s", name);
	d->comma = false;
}

static void end_list(struct data *d)
{
	if (cli_json)
		putchar(']');
	d->comma = true;
	d->path[0] = 0;
}

static void begin_item(struct data *d)
{
	if (cli_json)
		begin(d, NULL);
	else
		fputs(d->path, stdout);
	d->item = true;
}

static void end_item(struct data *d)
{
	if (cli_json)
		putchar('}');
	else
		putchar('\n');
	d->comma = true;
	d->item = false;
}

static void amount(struct data *d, const char *name, const struct mp_amount *a)
{
	begin(d, name);
	integer(d, "bytes", a->bytes);
	integer(d, "count", a->count);
	end(d);
}

/* ---- parts of both -------------------------------------------------------------------------- */

static void loss(struct data *d, const struct mp_loss *l)
{
	begin(d, "loss");
	natural(d, "lost_events", l->lost_events);
	natural(d, "lost_bytes", l->lost_bytes);
	natural(d, "damaged_blocks", l->damaged_blocks);
	natural(d, "truncated", l->truncated);
	natural(d, "sample_interval", l->sample_interval);
	if (l->sample_interval) {
		key(d, "estimate");
		fputs(cli_json ? "true" : "1", stdout);
		end_value(d);
	}
	end(d);
}

/* The rows of a ranking, then what is not shown of it. */
static void ranking(struct data *d, const struct cli_stat *stat, const struct cli_stat_top *top)
{
	struct cli_stat_rows r = { .groups = NULL };
	const char *what = stat->s ? "bytes" : "value";
	int count = cli_stat_count(stat->p);
	char name[32];
	size_t columns;

	mp_columns(stat->p, &columns);
	if (top->column >= 0 && columns)
		r = cli_stat_rows(stat, top);
	begin_list(d, top->name);
	for (size_t k = 0; k < r.n; k++) {
		begin_item(d);
		integer(d, what, r.groups->group[k].self[0]);
		integer(d, "count", count < 0 ? 0 : r.groups->group[k].self[count]);
		string(d, "name", r.groups->group[k].name);
		end_item(d);
	}
	end_list(d);
	snprintf(name, sizeof(name), "%s_more", top->name);
	begin(d, name);
	natural(d, "rows", r.more);
	integer(d, what, r.rest.bytes);
	integer(d, "count", r.rest.count);
	end(d);
	mp_groups_free(r.groups);
}

/* ---- a trace -------------------------------------------------------------------------------- */

static void figures(struct data *d, const struct mp_summary *s)
{
	char start[32];

	natural(d, "parts", s->parts);
	string(d, "command", mp_profile_meta(s->total, "command"));
	string(d, "start", *cli_stat_start(start, s->start) ? start : NULL);
	natural(d, "start_ns", s->start);
	natural(d, "duration", s->duration);
	natural(d, "tick", s->tick);
	natural(d, "threads", s->threads);
	natural(d, "events", s->events);
	natural(d, "frees", s->frees);
	natural(d, "unknown_frees", s->unknown_frees);
	natural(d, "implicit_frees", s->implicit_frees);
	amount(d, "allocated", &s->allocated);
	begin(d, "temporary");
	known(d, "bytes", s->sampled ? -1 : s->temporary.bytes);
	known(d, "count", s->sampled ? -1 : s->temporary.count);
	end(d);
	begin(d, "peak");
	integer(d, "bytes", s->peak.bytes);
	integer(d, "count", s->peak.count);
	known(d, "time", s->parts == 1 && s->peak.count ? (int64_t)(s->peak_time & INT64_MAX)
							 : -1);
	end(d);
	amount(d, "live", &s->live);
	begin(d, "paused");
	natural(d, "count", s->pauses);
	natural(d, "ns", s->paused_ns);
	end(d);
	begin(d, "samples");
	natural(d, "count", s->samples);
	natural(d, "idle", s->idle_samples);
	natural(d, "ns", s->sampled_ns);
	end(d);
}

static void resident(struct data *d, const struct mp_summary_rss *r)
{
	bool any = r->readings != 0;

	begin(d, "rss");
	natural(d, "readings", r->readings);
	known(d, "time", any ? (int64_t)(r->time & INT64_MAX) : -1);
	natural(d, "processes", r->processes);
	known(d, "bytes", any ? r->rss : -1);
	known(d, "anon", any ? r->anon : -1);
	known(d, "file", any ? r->file : -1);
	known(d, "shmem", any ? r->shmem : -1);
	known(d, "live", any ? r->heap : -1);
	known(d, "live_mapped", any ? r->map : -1);
	known(d, "live_mapped_file", any ? r->mapped_file : -1);
	known(d, "arenas", any ? r->arena : -1);
	known(d, "runtime", any ? r->runtime : -1);
	end(d);
}

static void lists(struct data *d, const struct mp_summary *s)
{
	char text[64];

	begin_list(d, "sizes");
	for (int i = 0; i < MP_SIZES - 1; i++) {
		if (!s->size[i].count)
			continue;
		begin_item(d);
		natural(d, "from", i ? 1ull << (i - 1) : 0);
		natural(d, "to", i ? (1ull << i) - 1 : 0);
		integer(d, "bytes", s->size[i].bytes);
		integer(d, "count", s->size[i].count);
		end_item(d);
	}
	end_list(d);
	begin_list(d, "kinds");
	for (size_t i = 0; i < s->kinds; i++) {
		begin_item(d);
		integer(d, "bytes", s->kind[i].sum.bytes);
		integer(d, "count", s->kind[i].sum.count);
		key(d, "counted");
		fputs(cli_json ? s->kind[i].counted ? "true" : "false"
			       : s->kind[i].counted ? "1" : "0", stdout);
		string(d, "kind", cli_stat_kind(text, s->kind[i].kind));
		end_item(d);
	}
	end_list(d);
	begin_list(d, "marks");
	for (size_t i = 0; i < s->marks; i++) {
		begin_item(d);
		natural(d, "count", s->mark[i].count);
		integer(d, "value", s->mark[i].sum);
		string(d, "name", s->mark[i].name);
		end_item(d);
	}
	end_list(d);
	begin_list(d, "processes");
	for (size_t i = 0; i < s->processes; i++) {
		const struct mp_summary_process *p = &s->process[i];

		begin_item(d);
		natural(d, "pid", p->pid);
		natural(d, "start", p->start);
		amount(d, "allocated", &p->allocated);
		amount(d, "live", &p->live);
		string(d, "name", p->name);
		string(d, "command", p->command);
		end_item(d);
	}
	end_list(d);
}

/* ---- a profile ------------------------------------------------------------------------------ */

static void columns(struct data *d, struct mp_profile *p)
{
	size_t n;
	const struct mp_column *c = mp_columns(p, &n);

	natural(d, "rows", mp_rows(p));
	string(d, "command", mp_profile_meta(p, "command"));
	string(d, "program", mp_profile_meta(p, "program"));
	begin_list(d, "columns");
	for (size_t i = 0; i < n; i++) {
		begin_item(d);
		integer(d, "total", mp_total(p, (int)i));
		string(d, "unit", c[i].unit);
		string(d, "view", c[i].view);
		string(d, "name", c[i].name);
		end_item(d);
	}
	end_list(d);
}

void cli_stat_data(const struct cli_stat *stat)
{
	struct data d = { .path = "" };
	struct cli_stat_top top;

	if (cli_json)
		putchar('{');
	string(&d, "kind", stat->s ? "trace" : "profile");
	if (stat->s) {
		figures(&d, stat->s);
		resident(&d, &stat->s->rss);
	} else {
		columns(&d, stat->p);
	}
	for (size_t i = 0; cli_stat_top(stat, i, &top); i++)
		ranking(&d, stat, &top);
	if (stat->s)
		lists(&d, stat->s);
	loss(&d, stat->s ? &stat->s->loss : mp_profile_loss(stat->p));
	if (cli_json)
		puts("}");
}

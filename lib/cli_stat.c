/* cli_stat.c - a summary for people: a line a figure, a table a ranking. */
#include "cli_stat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli_own.h"
#include "print.h"

/* ---- rankings, shared with the data ---------------------------------------------------- */

bool cli_stat_top(const struct cli_stat *stat, size_t i, struct cli_stat_top *top)
{
	int count = cli_stat_count(stat->p);
	const struct cli_stat_top tops[] = {
		{"top_bytes", "lines by bytes", MP_BY_LINE, stat->show, 0},
		{"top_count", "lines by count", MP_BY_LINE, stat->show, count},
		{"files", "files by bytes", MP_BY_FILE, stat->show, 0},
		{"modules", "modules by bytes", MP_BY_MODULE, MP_SHOW_NATIVE, 0},
	};

	if (i >= sizeof(tops) / sizeof(*tops))
		return false;
	*top = tops[i];
	return true;
}

int cli_stat_count(const struct mp_profile *p)
{
	int column = mp_column_index(p, "count");

	return column > 0 ? column : -1;
}

struct cli_stat_rows cli_stat_rows(const struct cli_stat *stat, const struct cli_stat_top *top)
{
	struct mp_groups *g = mp_group(stat->p, top->by, top->show, top->column, false);
	struct cli_stat_rows rows = { .groups = g };
	int count = cli_stat_count(stat->p);

	if (!g)
		cli_profile_failed(stat->p);
	while (rows.n < g->n && (stat->lines < 0 || rows.n < (size_t)stat->lines) &&
			g->group[rows.n].self[top->column])
		rows.n++;
	for (size_t i = rows.n; i < g->n; i++) {
		int64_t bytes = g->group[i].self[0];
		int64_t n = count < 0 ? 0 : g->group[i].self[count];

		rows.more += bytes || n;
		rows.rest.bytes += bytes;
		rows.rest.count += n;
	}
	return rows;
}

const char *cli_stat_kind(char text[64], uint32_t kind)
{
	const char *name = mp_alloc_name(kind);

	if (strcmp(name, "?") == 0)
		snprintf(text, 64, "%" PRIu32, kind);
	else
		snprintf(text, 64, "%s", name);
	return text;
}

const char *cli_stat_start(char text[32], uint64_t wall)
{
	time_t seconds = (time_t)(wall / 1000000000u);
	struct tm tm;

	*text = 0;
	if (wall && gmtime_r(&seconds, &tm))
		strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

/* ---- lines -------------------------------------------------------------------------------- */

static void label(const char *text)
{
	bool bold = print_colored((enum print_color)cli_shared.color);

	printf("%s%-11s%s ", print_style(bold, PRINT_BOLD), text, print_style(bold, PRINT_PLAIN));
}

static const char *bytes(int64_t value)
{
	static char text[4][PRINT_NUMBER];
	static unsigned at;

	return value < 0 ? "unknown" : print_number(text[at++ % 4], value, "B");
}

static const char *ns(uint64_t value)
{
	static char text[PRINT_NUMBER];

	return print_number(text, (int64_t)(value & INT64_MAX), "ns");
}

static void amount(const char *name, const struct mp_amount *a)
{
	char text[PRINT_NUMBER];

	label(name);
	printf("%s in %" PRId64 " block%s", print_number(text, a->bytes, "B"), a->count,
		a->count == 1 ? "" : "s");
}

static void name_line(const char *what, const char *name)
{
	size_t width = print_width();

	if (!name || !*name)
		return;
	label(what);
	print_name(stdout, name, width > 12 ? width - 12 : width);
	putchar('\n');
}

static void times(const struct mp_summary *s)
{
	char start[32];

	label("time");
	if (s->parts > 1)
		printf("%" PRIu64 " parts, ", s->parts);
	if (*cli_stat_start(start, s->start))
		printf("%s, ", start);
	printf("%s", ns(s->duration));
	if (s->threads > s->parts)
		printf("; order between threads to %s", ns(s->tick));
	putchar('\n');
}

static int by_pid(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Images of one process have one pid. */
static size_t pids(const struct mp_summary *s)
{
	uint64_t *pid = cli_need(malloc((s->processes + 1) * sizeof(*pid)));
	size_t n = 0;

	for (size_t i = 0; i < s->processes; i++)
		pid[i] = s->process[i].pid;
	qsort(pid, s->processes, sizeof(*pid), by_pid);
	for (size_t i = 0; i < s->processes; i++)
		n += !i || pid[i] != pid[i - 1];
	free(pid);
	return n;
}

static void processes(const struct mp_summary *s)
{
	size_t n = pids(s);

	label("processes");
	printf("%zu", n);
	if (s->processes > n)
		printf(" in %zu images", s->processes);
	printf(", %" PRIu64 " thread%s", s->threads, s->threads == 1 ? "" : "s");
	for (size_t i = 0; i < s->marks; i++)
		if (!strcmp(s->mark[i].name, "exit status") && s->mark[i].count == 1)
			printf(", exit status %" PRId64, s->mark[i].sum);
	putchar('\n');
}

static void allocations(const struct mp_summary *s)
{
	label("events");
	printf("%" PRIu64 " allocations, %" PRIu64 " frees", s->events - s->frees, s->frees);
	if (s->unknown_frees)
		printf(", %" PRIu64 " of unknown blocks", s->unknown_frees);
	if (s->implicit_frees)
		printf(", %" PRIu64 " not seen", s->implicit_frees);
	putchar('\n');
}

static void samples(const struct mp_summary *s)
{
	label("samples");
	printf("%" PRIu64 ", %" PRIu64 " idle, %s\n", s->samples, s->idle_samples,
		ns(s->sampled_ns));
}

/* What the capture and the program told; the end of interpreters is no news, and pauses
 * have a line of their own. */
static void marks(const struct mp_summary *s)
{
	bool any = false;

	for (size_t i = 0; i < s->marks; i++) {
		const struct mp_summary_mark *m = &s->mark[i];

		if (!strcmp(m->name, "exit status") || !strcmp(m->name, "finalize") ||
			!strcmp(m->name, "pause") || !strcmp(m->name, "resume"))
			continue;
		if (any)
			fputs(", ", stdout);
		else
			label("marks");
		print_name(stdout, m->name, 0);
		printf(" %" PRId64, m->sum ? m->sum : (int64_t)m->count);
		any = true;
	}
	if (any)
		putchar('\n');
}

/* What every figure leaves out. */
static void pauses(const struct mp_summary *s)
{
	if (!s->pauses)
		return;
	label("recorded");
	printf("paused %" PRIu64 " time%s, ", s->pauses, s->pauses == 1 ? "" : "s");
	fputs(s->paused_ns ? ns(s->paused_ns) : "too short for the clock", stdout);
	printf("\n%-11s what was allocated meanwhile is in no figure\n", "");
}

static void resident(const struct mp_summary *s)
{
	const struct mp_summary_rss *r = &s->rss;
	int64_t blocks = r->heap - r->map - r->mapped_file;

	if (!r->readings)
		return;
	label("resident");
	printf("%s at most, %s after the start, %" PRIu64 " process%s\n", bytes(r->rss),
		ns(r->time), r->processes, r->processes == 1 ? "" : "es");
	if (r->anon >= 0)
		printf("%-11s %s anonymous, %s of files, %s shared\n", "", bytes(r->anon),
			bytes(r->file), bytes(r->shmem));
	if (r->heap < 0)
		return;
	printf("%-11s %s live then", "", bytes(r->heap));
	if (r->map < 0) {
		putchar('\n');
		return;
	}
	printf(": %s in blocks, %s mapped, %s of files\n", bytes(blocks), bytes(r->map),
		bytes(r->mapped_file));
	if (r->arena > 0 || r->runtime > 0)
		printf("%-11s %s in arenas, %s by the C library: not counted\n", "",
			bytes(r->arena), bytes(r->runtime));
	if (r->anon < 0)
		return;
	if (r->anon >= blocks + r->map)
		printf("%-11s %s more anonymous than live: kept free, stacks, data\n", "",
			bytes(r->anon - blocks - r->map));
	else
		printf("%-11s %s more live than anonymous: never touched, or swapped\n", "",
			bytes(blocks + r->map - r->anon));
}

static void loss(const struct mp_loss *l)
{
	if (*cli_estimate_text(l))
		printf("estimates: %s\n", cli_estimate_text(l));
	if (*cli_loss_text(l))
		printf("incomplete: %s\n", cli_loss_text(l));
}

static void amounts(const struct mp_summary *s)
{
	char part[2][PRINT_NUMBER];

	amount("allocated", &s->allocated);
	putchar('\n');
	if (s->sampled) {
		label("temporary");
		fputs("not told by a sample", stdout);
	} else {
		amount("temporary", &s->temporary);
	}
	if (s->temporary.count)
		printf(": %s of bytes, %s of blocks",
			print_percent(part[0], s->temporary.bytes, s->allocated.bytes),
			print_percent(part[1], s->temporary.count, s->allocated.count));
	putchar('\n');
	amount("peak", &s->peak);
	if (s->parts > 1)
		printf(", sum of %" PRIu64 " peaks", s->parts);
	else if (s->peak.count)
		printf(", %s after the start", ns(s->peak_time));
	putchar('\n');
	amount("live", &s->live);
	puts(" at the end");
}

static void trace(const struct mp_summary *s)
{
	bool allocs = s->events || !s->samples;         /* mp-sample records none */

	name_line("command", mp_profile_meta(s->total, "command"));
	times(s);
	processes(s);
	if (allocs)
		allocations(s);
	if (s->samples)
		samples(s);
	pauses(s);
	if (allocs)
		amounts(s);
	resident(s);
	marks(s);
	loss(&s->loss);
}

static void profile(struct mp_profile *p)
{
	size_t n;
	const struct mp_column *c = mp_columns(p, &n);
	char text[PRINT_NUMBER];

	name_line("command", mp_profile_meta(p, "command"));
	name_line("view", n ? c[0].view : "");
	name_line("made by", mp_profile_meta(p, "program"));
	label("rows");
	printf("%zu\n", mp_rows(p));
	for (size_t i = 0; i < n; i++) {
		label("total");
		printf("%s ", print_number(text, mp_total(p, (int)i), c[i].unit));
		print_name(stdout, c[i].name, 0);
		putchar('\n');
	}
	loss(mp_profile_loss(p));
}

void cli_stat_print(const struct cli_stat *stat)
{
	if (stat->s)
		trace(stat->s);
	else
		profile(stat->p);
	cli_stat_tables(stat);
}

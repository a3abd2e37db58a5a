/* cli_follow.c - the table of a stream that is still being written, once a second.
 * Invariant: making tables takes at most a tenth of the time, so that whoever writes
 * the stream is not held up by who reads it.
 */
#include "cli_follow.h"

#include "cli_own.h"
#include "follow.h"
#include "print.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EVERY = 1000, SOON = 100, SHARE = 10 };  /* ms, ms, of the time */

static struct {
	struct cli_table table;
	const char *path, *key;
	bool screen, paused;
	unsigned order;                 /* on a terminal: what it is ranked by */
	struct mp_watch watch;
	struct mp_reader *reader;
	struct mp_profile *rows;        /* NULL: none yet */
	struct mp_watched shown;        /* sums when they were made */
	char *figures;                  /* then */
	uint64_t next;                  /* ms: when the next ones are made */
} live;

static uint64_t ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now(void)
{
	return ms(CLOCK_MONOTONIC);
}

/* ---- figures above the table ------------------------------------------------------- */

static void put_threads(FILE *out)
{
	size_t known, sampled, ran;

	mp_watch_threads(&live.watch, &known, &sampled, &ran);
	if (sampled)
		fprintf(out, ", threads %zu (%zu running)", sampled, ran);
	else if (known)
		fprintf(out, ", threads %zu so far", known);
}

/* What came since WAS. */
static void put_rates(FILE *out, const struct mp_watched *was)
{
	const struct mp_watched *is = &live.watch.sum;
	double ns = (double)(is->time - was->time);

	if (ns <= 0)
		return;
	if (live.watch.last)
		fprintf(out, ", CPU %.1f%%, GIL %.1f%%, %.0f samples/s",
			100 * (double)(is->running - was->running) / ns,
			100 * (double)(is->locked - was->locked) / ns,
			1e9 * (double)(is->samples - was->samples) / ns);
	if (is->allocations)
		fprintf(out, ", %.0f allocations/s",
			1e9 * (double)(is->allocations - was->allocations) / ns);
}

static void make_figures(const struct mp_watched *was)
{
	uint64_t bytes, time = live.watch.sum.time;
	int64_t rss = mp_watch_rss(&live.watch);
	char number[PRINT_NUMBER];
	size_t size;
	FILE *out;

	free(live.figures);
	live.figures = NULL;
	out = cli_need(open_memstream(&live.figures, &size));
	fputs(print_number(number, (int64_t)(time & INT64_MAX), "ns"), out);
	if (rss > 0)
		fprintf(out, ", RSS %s", print_number(number, rss, "B"));
	put_threads(out);
	put_rates(out, was);
	if (mp_watch_live(&live.watch, &bytes))
		fprintf(out, ", live %s", print_number(number, (int64_t)(bytes & INT64_MAX), "B"));
	if (fclose(out))
		die("out of memory");
}

/* ---- one table ----------------------------------------------------------------------- */

/* Samples are told by their time, where they have any. */
static const char *default_key(const struct mp_profile *p)
{
	size_t n;
	const struct mp_column *c = mp_columns(p, &n);

	return n && strcmp(c->view, "samples") == 0 && mp_column_index(p, "time") >= 0 ?
		"time" : NULL;
}

/* The column by NAME, else the first. */
static int column(const struct mp_profile *p, const char *name)
{
	int k = name ? mp_column_index(p, name) : 0;

	return k < 0 ? 0 : k;
}

/* What order number live.order means: shares of samples are of the last interval, and so
 * are the first two orders; other rows are ranked by the key, then by another column. */
static void arrange(struct cli_table *t, const struct mp_profile *p)
{
	int recent = mp_column_index(p, "recent"), count = mp_column_index(p, "count");

	t->by_total = live.order & 1;
	t->recent = recent >= 0;
	t->share = recent;
	t->rank = live.order < 2 ? recent : t->column;
	if (!t->recent && live.order >= 2 && count >= 0)
		t->column = t->column == count ? 0 : count;
}

static struct cli_table table_of(struct mp_profile *p)
{
	struct cli_table t = live.table;

	t.column = column(p, live.key ? live.key : default_key(p));
	if (live.screen)
		arrange(&t, p);
	t.least = cli_least(p, t.column);
	return t;
}

/* On a terminal: what is not the table's rows, cut at its width. */
static void put_line(const char *text)
{
	print_name(stdout, text, print_width());
	putchar('\n');
}

static void put_frame(struct mp_profile *p)
{
	struct cli_table t = table_of(p);
	const struct mp_loss *loss = mp_profile_loss(p);
	long others = 6 + (*cli_estimate_text(loss) != '\0') + (*cli_loss_text(loss) != '\0');
	long room = (long)print_height() - others;
	char text[160];
	size_t n;

	if (room < 1)
		room = 1;
	if (t.lines < 0 || t.lines > room)
		t.lines = room;
	put_line(live.figures);
	snprintf(text, sizeof(text), "by %s, sorted by %s %s%s   s sort, g group, p pause, q quit",
		cli_by_name(t.by), t.by_total ? "total" : "self", t.recent && t.rank == t.share ? "% now" :
		mp_columns(p, &n)[t.column].name, live.paused ? " [paused]" : "");
	put_line(text);
	cli_table(p, &t);
}

static void put_plain(struct mp_profile *p)
{
	struct cli_table t = table_of(p);

	t.recent = false;
	if (t.lines < 0)
		t.lines = 20;
	printf("%s\n", live.figures);
	cli_table(p, &t);
}

static void draw(void)
{
	if (live.screen) {
		cli_screen_frame();
		if (live.rows)
			put_frame(live.rows);
		else
			put_line("waiting for the first events   q quit");
	} else if (live.rows) {
		put_plain(live.rows);
		putchar('\n');
	}
	cli_flush();
}

/* ---- keys ---------------------------------------------------------------------------- */

static void group(void)
{
	do
		live.table.by = (live.table.by + 1) % (MP_BY_TYPE + 1);
	while (live.rows && !cli_has_label(live.rows, live.table.by));
}

/* The table as it is now stays behind. */
static _Noreturn void quit(void)
{
	cli_screen_end();
	if (live.rows) {
		cli_count_loss(mp_profile_loss(live.rows));
		put_plain(live.rows);
	}
	exit(cli_end(CLI_OK));
}

static void keys(void)
{
	int key;
	bool any = false;

	while ((key = cli_screen_event()) != CLI_NO_EVENT) {
		if (key == 'q')
			quit();
		if (key == 's')
			live.order = (live.order + 1) % 4;
		else if (key == 'g')
			group();
		else if (key == 'p')
			live.paused = !live.paused;
		any = true;
	}
	if (any)
		draw();
}

/* ---- the stream ------------------------------------------------------------------------ */

static void refresh(void)
{
	struct mp_profile *p = mp_watch_rows(&live.watch);

	if (live.watch.failed)
		die("out of memory");
	if (p && mp_profile_error(p))
		die("%s: %s", cli_shown(live.path), mp_profile_error(p));
	if (!p)
		return;
	live.rows = p;
	make_figures(&live.shown);
	live.shown = live.watch.sum;
	live.watch.round++;
}

static int tick(void *ctx)
{
	uint64_t t = now(), cost = ms(CLOCK_PROCESS_CPUTIME_ID), wait;

	(void)ctx;
	if (live.screen)
		keys();
	if (t < live.next)
		return (int)(live.next - t);
	if (!live.paused) {
		refresh();
		draw();
	}
	wait = (ms(CLOCK_PROCESS_CPUTIME_ID) - cost) * SHARE;
	if (wait < EVERY)
		wait = live.rows ? EVERY : SOON;
	live.next = t + wait;
	return (int)wait;
}

struct mp_profile *cli_follow(const char *path, struct cli_table *table, const char **key)
{
	const char *term = getenv("TERM");
	struct mp_source source;
	struct mp_profile *p;

	live.path = path;
	live.table = *table;
	live.key = *key;
	live.order = table->by_total;
	live.watch = (struct mp_watch){ .tick = tick, .wake = { -1, -1 }, .round = 1 };
	cli_input(path);
	if (mp_follow_source(&source, path, &live.watch))
		die("out of memory");
	live.reader = cli_need(mp_open_source(&source, cli_shown(path)));
	live.screen = cli_on_terminal() && term && strcmp(term, "dumb") != 0;
	cli_redirect();
	if (live.screen)
		cli_screen_begin(live.watch.wake);
	else
		live.next = now() + EVERY;
	cli_query.watch = &live.watch;
	p = cli_load_rest(path, live.reader);
	cli_screen_end();
	if (live.watch.parts) {         /* there was a trace: the figures of all of it */
		make_figures(&(struct mp_watched){ 0 });
		printf("%s\n", live.figures);
	}
	free(live.figures);
	table->by = live.table.by;
	table->by_total = live.screen ? live.order & 1 : table->by_total;
	*key = *key ? *key : default_key(p);
	mp_watch_free(&live.watch);
	return p;
}

/* cli_stat_table.c - the tables of a summary for people: rankings, sizes, kinds,
 * processes.  The first three add up to what was allocated.
 */
#include "cli_stat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_own.h"
#include "print.h"

static void heading(const char *first, bool count, const char *title)
{
	bool bold = print_colored((enum print_color)cli_shared.color);

	printf("\n%s", print_style(bold, PRINT_BOLD));
	for (int pad = (int)strlen(first); pad < 11; pad++)
		putchar(' ');
	print_name(stdout, first, 11);
	printf(" %7s  %10s  %s%s\n", "%", count ? "count" : "", title, print_style(bold, PRINT_PLAIN));
}

/* PART of WHOLE is the percentage; COUNT NULL: blank. */
static void row(int64_t value, const char *unit, int64_t part, int64_t whole,
		const int64_t *count, const char *name)
{
	char text[PRINT_NUMBER];
	int used = printf("%11s", print_number(text, value, unit));
	size_t width = print_width();

	used += print_share(print_colored((enum print_color)cli_shared.color), part, whole);
	used += printf("  %10s  ", count ? print_number(text, *count, "count") : "");
	print_name(stdout, *name ? name : "?",
		width > (size_t)used + 20 ? width - (size_t)used : width ? 20 : 0);
	putchar('\n');
}

static void amount(const struct mp_amount *a, const struct mp_amount *all, const char *name)
{
	row(a->bytes, "B", a->bytes, all->bytes, &a->count, name);
}

static void ranking(const struct cli_stat *stat, const struct cli_stat_top *top)
{
	struct cli_stat_rows r = cli_stat_rows(stat, top);
	int count = cli_stat_count(stat->p), k = top->column;
	int64_t whole = mp_total(stat->p, k);
	char text[64];
	size_t n;
	const struct mp_column *c = mp_columns(stat->p, &n);

	heading(c[0].name, count >= 0, top->title);
	for (size_t i = 0; i < r.n; i++) {
		const int64_t *self = r.groups->group[i].self;

		row(self[0], c[0].unit, self[k], whole, count < 0 ? NULL : &self[count],
			r.groups->group[i].name);
	}
	snprintf(text, sizeof(text), "[%zu more]", r.more);
	if (r.more)
		row(r.rest.bytes, c[0].unit, k ? r.rest.count : r.rest.bytes, whole,
			count < 0 ? NULL : &r.rest.count, text);
	mp_groups_free(r.groups);
}

static void sizes(const struct mp_summary *s)
{
	char text[PRINT_NUMBER + 8], number[PRINT_NUMBER];

	heading("bytes", true, "size of block");
	for (int i = 0; i < MP_SIZES - 1; i++) {
		if (!s->size[i].count)
			continue;
		snprintf(text, sizeof(text), "%s%s", i ? "from " : "",
			print_number(number, i ? (int64_t)(1ull << (i - 1)) : 0, "B"));
		amount(&s->size[i], &s->allocated, text);
	}
}

static void kinds(const struct mp_summary *s)
{
	char text[64], number[PRINT_NUMBER];

	heading("bytes", true, "allocator");
	for (size_t i = 0; i < s->kinds; i++) {
		const struct mp_summary_kind *k = &s->kind[i];

		cli_stat_kind(text, k->kind);
		if (k->counted)
			amount(&k->sum, &s->allocated, text);
		else
			printf("%11s %7s  %10" PRId64 "  %s (not counted)\n",
				print_number(number, k->sum.bytes, "B"), "", k->sum.count, text);
	}
}

static int by_bytes(const void *a, const void *b)
{
	const struct mp_summary_process *const *x = a, *const *y = b;

	if ((*x)->allocated.bytes != (*y)->allocated.bytes)
		return (*x)->allocated.bytes < (*y)->allocated.bytes ? 1 : -1;
	return (*x > *y) - (*x < *y);
}

/* Every image of every process, if there are several. */
static void processes(const struct cli_stat *stat)
{
	const struct mp_summary *s = stat->s;
	const struct mp_summary_process **p;
	struct mp_amount more = { 0, 0 };
	size_t n = 0, shown;
	char *text;

	if (s->processes < 2)
		return;
	p = cli_need(malloc(s->processes * sizeof(*p)));
	for (; n < s->processes; n++)
		p[n] = &s->process[n];
	qsort(p, n, sizeof(*p), by_bytes);
	shown = stat->lines < 0 || n < (size_t)stat->lines ? n : (size_t)stat->lines;
	heading("bytes", true, "process");
	for (size_t i = 0; i < n; i++) {
		if (i >= shown) {
			more.bytes += p[i]->allocated.bytes;
			more.count += p[i]->allocated.count;
			continue;
		}
		if (asprintf(&text, "%" PRIu64 " %s", p[i]->pid, p[i]->name) < 0)
			cli_need(NULL);
		amount(&p[i]->allocated, &s->allocated, text);
		free(text);
	}
	if (asprintf(&text, "[%zu more]", n - shown) < 0)
		cli_need(NULL);
	if (shown < n)
		amount(&more, &s->allocated, text);
	free(text);
	free(p);
}

void cli_stat_tables(const struct cli_stat *stat)
{
	struct cli_stat_top top;

	for (size_t i = 0; mp_rows(stat->p) && cli_stat_top(stat, i, &top); i++)
		if (top.column >= 0)
			ranking(stat, &top);
	if (!stat->s || !stat->s->events)
		return;
	sizes(stat->s);
	kinds(stat->s);
	processes(stat);
}

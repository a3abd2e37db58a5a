/* cli_table.c - a profile as a table for people.
 * What the table leaves out is in its last row, so that self adds up to the total.
 */
#include "cli_own.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

struct shape {
	const struct cli_table *table;
	const struct mp_column *column; /* the ranked one */
	size_t k, count, old, new_;     /* columns; SIZE_MAX: not there */
	size_t share;                   /* that of the percentages, mostly k */
	int64_t whole;                  /* 100 % */
	bool diff, both;                /* both: self and total differ */
	bool color;
	struct cli_growth growth;       /* in place of what can be had without it */
	size_t width;                   /* of the terminal, 0: none */
};

static size_t named(struct mp_profile *p, const char *name, const char *view)
{
	size_t n;
	const struct mp_column *c = mp_columns(p, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(c[i].name, name) == 0 && strcmp(c[i].view, view) == 0)
			return i;
	return SIZE_MAX;
}

static bool two_values(enum mp_by by)
{
	return by == MP_BY_LINE || by == MP_BY_FUNCTION || by == MP_BY_FILE ||
		by == MP_BY_MODULE;
}

static void shape_up(struct shape *s, struct mp_profile *p, const struct cli_table *table)
{
	size_t n;

	s->table = table;
	s->k = (size_t)table->column;
	s->column = &mp_columns(p, &n)[s->k];
	s->diff = strcmp(s->column->view, "diff") == 0;
	s->count = s->diff ? SIZE_MAX : named(p, "count", s->column->view);
	if (s->count == s->k)
		s->count = SIZE_MAX;
	s->old = s->diff ? named(p, "old", "diff") : SIZE_MAX;
	s->new_ = s->diff ? named(p, "new", "diff") : SIZE_MAX;
	s->share = table->recent ? (size_t)table->share : s->k;
	s->whole = mp_total(p, s->old != SIZE_MAX ? (int)s->old : (int)s->share);
	cli_growth_find(&s->growth, p, s->k);
	s->both = two_values(table->by) && !s->growth.n;
	if (s->growth.n)
		s->count = SIZE_MAX;
	s->color = print_colored((enum print_color)cli_shared.color);
	s->width = print_width();
}

static const char *signed_number(char text[PRINT_NUMBER + 1], const struct shape *s, int64_t v,
		bool change)
{
	text[0] = '+';
	print_number(text + 1, v, s->column->unit);
	return change && v > 0 ? text : text + 1;
}

static int value(const struct shape *s, const int64_t *values)
{
	int64_t v = values[s->k];
	bool color = s->color && s->diff && v;
	char number[PRINT_NUMBER + 1];
	int used;

	fputs(print_style(color, v > 0 ? PRINT_RED : PRINT_GREEN), stdout);
	used = printf("%11s", signed_number(number, s, v, s->diff));
	fputs(print_style(color, PRINT_PLAIN), stdout);
	used += print_share(s->color, values[s->share], s->whole);
	return used + printf("  ");
}

static int plain(const struct shape *s, size_t column, const struct mp_group *g,
	const char *unit)
{
	char number[PRINT_NUMBER];

	return column == SIZE_MAX ? 0 : printf("%10s  ", print_number(number,
		s->table->by_total ? g->total[column] : g->self[column], unit));
}

static void row(const struct shape *s, const struct mp_group *g)
{
	int used = value(s, g->self);

	if (s->both)
		used += value(s, g->total);
	used += cli_growth_row(&s->growth, s->table->by_total ? g->total : g->self);
	used += plain(s, s->count, g, "count");
	used += plain(s, s->old, g, s->column->unit);
	used += plain(s, s->new_, g, s->column->unit);
	print_name(stdout, *g->name ? g->name : "?",
		s->width > (size_t)used + 20 ? s->width - (size_t)used : s->width ? 20 : 0);
	putchar('\n');
}

/* A peak is of one moment, or a sum of several peaks. */
static void peak_title(struct mp_profile *p)
{
	const char *added = mp_profile_meta(p, "peaks_added");
	const char *when = mp_profile_meta(p, "peak_time");
	char number[PRINT_NUMBER];

	if (added)
		printf(", sum of %lu peaks", strtoul(added, NULL, 10));
	else if (when)
		printf(", %s after the start",
			print_number(number, (int64_t)strtoll(when, NULL, 10), "ns"));
}

static void title(const struct shape *s, struct mp_profile *p)
{
	char number[PRINT_NUMBER + 1], other[PRINT_NUMBER];
	const struct mp_loss *loss = mp_profile_loss(p);
	const char *view = *s->column->view ? s->column->view : s->column->name;

	printf("%s: %s", view, signed_number(number, s, mp_total(p, s->table->column),
		s->diff));
	if (strcmp(s->column->unit, "B") != 0 && strcmp(s->column->unit, "ns") != 0)
		printf(" %s", s->column->name);
	if (s->count != SIZE_MAX)
		printf(" in %" PRId64 " blocks", mp_total(p, (int)s->count));
	if (s->old != SIZE_MAX)
		printf(", old %s", print_number(other, mp_total(p, (int)s->old),
			s->column->unit));
	if (s->new_ != SIZE_MAX)
		printf(", new %s", print_number(other, mp_total(p, (int)s->new_),
			s->column->unit));
	if (strcmp(view, "peak") == 0)
		peak_title(p);
	putchar('\n');
	if (*cli_estimate_text(loss))
		printf("estimates: %s\n", cli_estimate_text(loss));
	if (*cli_loss_text(loss))
		printf("incomplete: %s\n", cli_loss_text(loss));
}

void cli_title(struct mp_profile *p, int column)
{
	struct cli_table table = { .column = column };
	struct shape s;

	shape_up(&s, p, &table);
	title(&s, p);
}

const char *cli_by_name(enum mp_by by)
{
	static const char *const name[] = {
		[MP_BY_STACK] = "stack", [MP_BY_LINE] = "line", [MP_BY_FUNCTION] = "function",
		[MP_BY_FILE] = "file", [MP_BY_MODULE] = "module", [MP_BY_THREAD] = "thread",
		[MP_BY_PROCESS] = "process", [MP_BY_KIND] = "kind", [MP_BY_TYPE] = "type",
	};

	return name[by];
}

static void header(const struct shape *s)
{
	const char *share = s->table->recent ? "% now" : "%";

	printf("%s%11s %7s  ", print_style(s->color, PRINT_BOLD), s->both ? "self" : s->column->name, share);
	if (s->both)
		printf("%11s %7s  ", "total", share);
	cli_growth_header(&s->growth);
	if (s->count != SIZE_MAX)
		printf("%10s  ", "count");
	if (s->old != SIZE_MAX)
		printf("%10s  ", "old");
	if (s->new_ != SIZE_MAX)
		printf("%10s  ", "new");
	printf("%s%s\n", cli_by_name(s->table->by), print_style(s->color, PRINT_PLAIN));
}

static uint64_t size_of(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

/* The rows not shown, as one: what they hold themselves, blank where a sum over
 * them would count a stack twice. */
static void remainder_row(const struct shape *s, const struct mp_groups *g, size_t from)
{
	int64_t *self = cli_need(calloc(g->columns + 1, sizeof(*self)));
	char number[PRINT_NUMBER];

	for (size_t i = from; i < g->n; i++)
		for (size_t c = 0; c < g->columns; c++)
			self[c] = (int64_t)((uint64_t)self[c] + (uint64_t)g->group[i].self[c]);
	value(s, self);
	if (s->both)
		printf("%21s", "");
	cli_growth_blank(&s->growth);
	if (s->count != SIZE_MAX)
		printf("%10s  ", s->table->by_total ? "" : print_number(number,
			self[s->count], "count"));
	if (s->old != SIZE_MAX)
		printf("%12s", "");
	if (s->new_ != SIZE_MAX)
		printf("%12s", "");
	printf("[%zu more%s%s]\n", g->n - from, s->table->more ? "; " : "",
		s->table->more ? s->table->more : "");
	free(self);
}

/* By what is recent, then by what has come together. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct mp_group *x = a, *y = b;
	const struct cli_table *t = arg;
	const int column[] = { t->rank, t->column };

	for (int i = 0; i < 2; i++) {
		int64_t u = t->by_total ? x->total[column[i]] : x->self[column[i]];
		int64_t v = t->by_total ? y->total[column[i]] : y->self[column[i]];

		if (u != v)
			return u > v ? -1 : 1;
	}
	return strcmp(x->name, y->name);
}

void cli_table(struct mp_profile *p, const struct cli_table *table)
{
	struct cli_table ranked = *table;
	struct mp_groups *g;
	struct shape s;
	size_t i;

	shape_up(&s, p, table);
	g = mp_group(p, table->by, table->show, table->column, table->by_total);
	if (!g)
		cli_profile_failed(p);
	if (table->recent && g->n)
		qsort_r(g->group, g->n, sizeof(*g->group), compare, &ranked);
	title(&s, p);
	header(&s);
	for (i = 0; i < g->n && (table->lines < 0 || i < (size_t)table->lines); i++) {
		int64_t v = table->by_total ? g->group[i].total[s.k] : g->group[i].self[s.k];

		if (!v || size_of(v) < (uint64_t)table->least)
			break;
		row(&s, &g->group[i]);
	}
	/* callers hold nothing themselves, and evidence has no totals */
	if (i < g->n && !(s.growth.n && !table->by_total && !g->group[i].self[s.k]))
		remainder_row(&s, g, i);
	mp_groups_free(g);
}

static bool labelled(const struct mp_key *k, enum mp_by what)
{
	if (what == MP_BY_THREAD)
		return *k->thread || k->tid;
	if (what == MP_BY_PROCESS)
		return *k->process || k->pid;
	return what == MP_BY_KIND ? k->kind != 0 : what != MP_BY_TYPE || *k->type;
}

bool cli_has_label(struct mp_profile *p, enum mp_by what)
{
	bool any = mp_rows(p) == 0;

	for (size_t i = 0; i < mp_rows(p) && !any; i++) {
		struct mp_row row = mp_row(p, i);

		any = labelled(&row.key, what);
	}
	return any;
}

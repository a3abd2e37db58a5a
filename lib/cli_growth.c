/* cli_growth.c - the evidence of growth in a table: the columns of view growth, with
 * the verdict in words behind them.
 */
#include "cli_own.h"

#include <string.h>

#include "print.h"

enum { WIDE = 12 };

void cli_growth_find(struct cli_growth *g, struct mp_profile *p, size_t ranked)
{
	size_t n;

	g->column = mp_columns(p, &n);
	g->n = 0;
	for (size_t i = 0; i < n && g->n < sizeof(g->at) / sizeof(*g->at); i++)
		if (strcmp(g->column[i].view, "growth") == 0 && i != ranked)
			g->at[g->n++] = i;
}

static bool is(const struct mp_column *c, const char *name)
{
	return strcmp(c->name, name) == 0;
}

static int cell(const struct mp_column *c, int64_t v)
{
	bool rate = strcmp(c->unit, "B/min") == 0, percent = strcmp(c->unit, "%") == 0;
	char number[PRINT_NUMBER];

	if (is(c, "growing"))
		return printf("%-*s", WIDE, v ? "growing" : "levelled");
	print_number(number, v, rate ? "B" : c->unit);
	return printf("%*s%s  ", percent ? WIDE - 3 : WIDE - 2, number, percent ? "%" : "");
}

int cli_growth_row(const struct cli_growth *g, const int64_t *value)
{
	int used = 0;

	for (size_t i = 0; i < g->n; i++)
		used += cell(&g->column[g->at[i]], value[g->at[i]]);
	return used;
}

void cli_growth_header(const struct cli_growth *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct mp_column *c = &g->column[g->at[i]];

		if (is(c, "growing"))
			printf("%-*s", WIDE, "verdict");
		else
			printf("%*s  ", WIDE - 2, is(c, "slope") ? "slope/min" : c->name);
	}
}

void cli_growth_blank(const struct cli_growth *g)
{
	printf("%*s", (int)g->n * WIDE, "");
}

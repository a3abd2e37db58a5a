/* mp-diff - subtract one profile from another.
 * Rows are matched by what people see of a stack (function, file, line, name of
 * the module), never by address, so that a rebuilt or moved program compares; a
 * row of the result has the stack of NEW where it has the row.
 */
#include "../lib/cli.h"

#include <stdlib.h>
#include <string.h>

static bool exit_code;
static struct cli_limit budget;
static const char *key;

static const struct cli_opt opts[] = {
	{'k', "key", "COLUMN", "what to compare (default the first)", CLI_STRING, &key, NULL},
	{'e', "exit-code", NULL, "exit 1 if the total grew by more than the budget",
		CLI_FLAG, &exit_code, NULL},
	{0, "budget", "SIZE|PCT", "growth allowed, PCT of old (default 0)",
		CLI_LIMIT, &budget, NULL},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-diff", .args = "[OPTION]... OLD NEW",
	.summary = "Write a profile of what changed: NEW - OLD, old and new; traces at peak.",
	.opts = opts,
	.example = {"mp-diff old.mp new.mp | mp-top",
		"mp-diff -e --budget 5% old.mp new.mp > grown.mp"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_FORM |
		CLI_OUTPUT | CLI_LEVEL | CLI_COLOR,
};

/* Where a stack of names was first seen: what the result shows for it. */
struct origin { struct mp_profile *p; mp_node node; };
static struct origin *origin;
static size_t origins;

static void remember(mp_node name, struct mp_profile *p, mp_node node)
{
	if (name >= origins) {
		size_t n = 2 * (size_t)name + 64;

		origin = cli_need(realloc(origin, n * sizeof(*origin)));
		memset(origin + origins, 0, (n - origins) * sizeof(*origin));
		origins = n;
	}
	if (!origin[name].p)
		origin[name] = (struct origin){ p, node };
}

/* Add column COLUMN of P to OUT, once as the change and once as itself. */
static void add(struct mp_profile *out, struct mp_profile *p, int column, bool is_new)
{
	for (size_t i = 0; i < mp_rows(p); i++) {
		struct mp_row row = mp_row(p, i);
		int64_t v = row.value[column];
		int64_t value[3] = { is_new ? v : -v, is_new ? 0 : v, is_new ? v : 0 };
		mp_node node = row.key.node;

		if (v == INT64_MIN)
			die("a value does not fit 63 bits");
		row.key.node = cli_push_names(mp_profile_tree(out), mp_profile_tree(p), node,
			MP_SHOW_ALL, CLI_NAME_MODULE);
		remember(row.key.node, p, node);
		if (mp_add(out, NULL, &row.key, value) < 0)
			cli_profile_failed(out);
	}
}

static struct mp_profile *with_stacks(struct mp_profile *names, const struct mp_column *c)
{
	struct mp_profile *out = cli_need(mp_profile_new(c, 3));

	for (size_t i = 0; i < mp_rows(names); i++) {
		struct mp_row row = mp_row(names, i);
		struct origin from = origin[row.key.node];

		row.key.node = from.node;
		if ((row.value[0] || row.value[1] || row.value[2]) &&
		    mp_add(out, mp_profile_tree(from.p), &row.key, row.value) < 0)
			cli_profile_failed(out);
	}
	return out;
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *old, *new, *names, *out;
	struct mp_column c[3];
	int old_column, new_column;
	size_t n;
	bool grew;

	if (!files[0] || !files[1] || files[2])
		cli_usage("two operands are needed: OLD NEW");
	if (strcmp(files[0], "-") == 0 && strcmp(files[1], "-") == 0)
		cli_usage("only one of OLD and NEW can be standard input");
	old = cli_load((char *[]){files[0], NULL});
	new = cli_load((char *[]){files[1], NULL});
	new_column = cli_column(new, key);
	c[0] = mp_columns(new, &n)[new_column];
	old_column = cli_column(old, c[0].name);
	if (strcmp(mp_columns(old, &n)[old_column].view, c[0].view) != 0)
		die("%s is of view %s, %s of view %s", files[0],
			mp_columns(old, &n)[old_column].view, files[1], c[0].view);
	if (strcmp(c[0].name, "old") == 0 || strcmp(c[0].name, "new") == 0)
		c[0].name = "change";
	c[0].view = "diff";
	c[0].combine = MP_SUM;
	c[1] = c[2] = c[0];
	c[1].name = "old";
	c[2].name = "new";
	names = cli_need(mp_profile_new(c, 3));
	add(names, new, new_column, true);
	add(names, old, old_column, false);
	out = with_stacks(names, c);
	mp_add_loss(mp_profile_loss(out), mp_profile_loss(old));
	mp_add_loss(mp_profile_loss(out), mp_profile_loss(new));
	grew = mp_total(out, 0) > cli_limit(&budget, mp_total(out, 1), 0);
	cli_emit(out);
	mp_profile_free(out);
	mp_profile_free(names);
	mp_profile_free(new);
	mp_profile_free(old);
	free(origin);
	return cli_end(exit_code && grew ? CLI_FOUND : CLI_OK);
}

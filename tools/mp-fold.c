/* mp-fold - print a profile as folded stacks, for flamegraph.pl and its relatives.
 * One line a stack: frames from root to leaf joined by ';', a space, values that
 * are not negative.  Equal stacks are one line.
 */
#include "../lib/cli.h"

#include "../formats/folded.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 2 };      /* flamegraph.pl reads one value, or two to compare */

static const char *const names[] = { "line", "function", NULL };
static const char *const frames[] = { "default", "python", "native", "all", NULL };

static const char *key;
static int by, show;
static size_t keys;
static int column[KEYS];

static const struct cli_opt opts[] = {
	{'k', "key", "COLUMN[,COLUMN]", "what to print (default the first)", CLI_STRING, &key,
		NULL},
	{0, "by", "WHAT", "line: func (file:line); function: func", CLI_CHOICE, &by, names},
	{0, "frames", "WHICH", "frames named: python, native or all", CLI_CHOICE, &show,
		frames},
	{.type = CLI_END},
};

static const struct cli cli = {
	.name = "mp-fold", .args = "[OPTION]... [FILE]...",
	.summary = "Print folded stacks: frames joined by ';', a space, a value.",
	.opts = opts,
	.example = {"mp-fold t.mp | flamegraph.pl --countname bytes > f.svg",
		"mp-diff a.mp b.mp | mp-fold -k old,new | flamegraph.pl > d.svg"},
	.flags = CLI_INPUT | CLI_STRICT | CLI_VIEW | CLI_QUERY | CLI_MIN | CLI_OUTPUT,
};

static void find_columns(struct mp_profile *p)
{
	char *list = key ? cli_need(strdup(key)) : NULL, *name = list, *comma;

	for (; name && keys < KEYS; name = comma) {
		comma = strchr(name, ',');
		if (comma)
			*comma++ = 0;
		column[keys++] = cli_column(p, name);
	}
	if (name)
		cli_usage("-k: at most two columns: %s", key);
	if (!keys)
		column[keys++] = cli_column(p, NULL);
	free(list);
}

/* The chosen columns of P by what is printed of its stacks. */
static struct mp_profile *refold(struct mp_profile *p)
{
	size_t n, k, i;
	const struct mp_column *all = mp_columns(p, &n);
	struct mp_column c[KEYS];
	struct mp_profile *out;

	for (k = 0; k < keys; k++)
		c[k] = all[column[k]];
	out = cli_need(mp_profile_new(c, keys));
	for (i = 0; i < mp_rows(p); i++) {
		struct mp_row row = mp_row(p, i);
		struct mp_key to = { .process = "", .thread = "", .type = "" };
		int64_t value[KEYS] = { 0 };

		for (k = 0; k < keys; k++)
			value[k] = row.value[column[k]];
		to.node = cli_push_names(mp_profile_tree(out), mp_profile_tree(p), row.key.node,
			(enum mp_show)show, by ? CLI_NAME_FUNCTION : CLI_NAME_LINE);
		if (mp_add(out, NULL, &to, value) < 0)
			cli_profile_failed(out);
	}
	mp_sort(out, 0);
	if (mp_profile_error(out))
		cli_profile_failed(out);
	return out;
}

static void put_name(const char *name)
{
	static char *text;
	static size_t room;
	size_t n = strlen(name);

	if (n * MP_TSV_GROWTH >= room) {
		room = 2 * n * MP_TSV_GROWTH + 256;
		text = cli_need(realloc(text, room));
	}
	fwrite(text, 1, mp_folded_escape(text, name, n), stdout);
}

static void put_stack(const struct mp_tree *t, mp_node node)
{
	struct mp_frame f;

	if (mp_parent(t, node)) {
		put_stack(t, mp_parent(t, node));
		putchar(';');
	}
	if (!mp_frames(t, node, &f, 1)) {
		fputs("[no stack]", stdout);
		return;
	}
	put_name(*f.func || *f.file ? f.func : "?");
	if (!*f.file)
		return;
	fputs(" (", stdout);
	put_name(f.file);
	if (f.line)
		printf(":%" PRIu32, f.line);
	putchar(')');
}

static void refuse_negative(struct mp_profile *p)
{
	for (size_t i = 0; i < mp_rows(p); i++)
		for (size_t k = 0; k < keys; k++)
			if (mp_row(p, i).value[k] < 0)
				die("flamegraph.pl drops negative values: use -k old,new");
}

static void put_row(struct mp_profile *p, struct mp_row row)
{
	bool any = false;

	for (size_t k = 0; k < keys; k++)
		any = any || row.value[k];
	if (!any)
		return;
	put_stack(mp_profile_tree(p), row.key.node);
	for (size_t k = 0; k < keys; k++)
		printf(" %" PRId64, row.value[k]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	struct mp_profile *p = cli_load(files), *out;

	find_columns(p);
	cli_fold(p, column[0]);
	out = refold(p);
	refuse_negative(out);
	cli_tell_estimate(mp_profile_loss(p));
	cli_redirect();
	for (size_t i = 0; i < mp_rows(out); i++)
		put_row(out, mp_row(out, i));
	mp_profile_free(out);
	mp_profile_free(p);
	return cli_end(CLI_OK);
}

/* test_group.c - what is shown of a stack, and sums per function, line, thread. */
#include "tap.h"

#include "profile.h"

#include <string.h>

static const struct mp_column column[] = {{"bytes", "B", "live", MP_SUM}};

static struct mp_frame py(const char *func, uint32_t line)
{
	return (struct mp_frame){.func = func,
		.file = "app.py",
		.module = "",
		.build_id = "",
		.line = line,
		.flags = MP_FRAME_PYTHON};
}

static struct mp_frame c(const char *func, uint64_t offset)
{
	return (struct mp_frame){.func = func,
		.file = "",
		.module = "/usr/lib/libx.so",
		.build_id = "",
		.offset = offset,
		.flags = MP_FRAME_NATIVE | (*func ? 0 : MP_FRAME_UNRESOLVED)};
}

static mp_node stack(struct mp_profile *p, const struct mp_frame *f, size_t n)
{
	mp_node node = 0;

	for (size_t i = 0; i < n; i++)
		node = mp_push(p->tree, node, &f[i]);
	return node;
}

static void put(
	struct mp_profile *p, mp_node node, const char *thread, uint32_t tid, int64_t value)
{
	struct mp_key k = {.node = node,
		.process = "",
		.thread = thread,
		.tid = tid,
		.type = "",
		.kind = tid ? MP_ALLOC_CALLOC : 0};

	mp_add(p, NULL, &k, &value);
}

/* main > work > work > (native) malloc_it, and a stack that is native only */
static struct mp_profile *make(void)
{
	struct mp_profile *p = mp_profile_new(column, 1);
	const struct mp_frame deep[] = {c("start", 1), py("main", 3), c("eval", 2),
		py("work", 8), py("work", 8), c("malloc_it", 5)};
	const struct mp_frame only[] = {c("start", 1), c("", 0x77)};
	uint32_t line[2];
	mp_node node;

	put(p, stack(p, deep, 6), "main", 1, 100);
	put(p, stack(p, deep, 2), "main", 1, 10);
	node = stack(p, only, 2);
	put(p, node, "", 4, 1);
	put(p, 0, "", 0, 1000);
	/* malloc_it turns out to be inlined */
	node = stack(p, deep, 6);
	line[0] = mp_def_line(
		p->tree, mp_def_cstring(p->tree, "inner"), mp_def_cstring(p->tree, "x.h"), 4);
	line[1] = mp_def_line(p->tree, mp_def_cstring(p->tree, "malloc_it"), 0, 0);
	mp_set_lines(p->tree, p->tree->node.x[node].location, line, 2);
	return p;
}

/* "self/total" of a group, -1 of one that is not there. */
static bool has(struct mp_profile *p, enum mp_by by, enum mp_show show, const char *name,
	int64_t self, int64_t total)
{
	struct mp_groups *g = mp_group(p, by, show, 0, false);
	int64_t sum = 0;
	bool found = false;

	for (size_t i = 0; i < g->n; i++) {
		sum += g->group[i].self[0];
		if (!strcmp(g->group[i].name, name))
			found = g->group[i].self[0] == self && g->group[i].total[0] == total;
	}
	mp_groups_free(g);
	return found && sum == mp_total(p, 0);
}

static void shown(void)
{
	struct mp_profile *p = make();
	struct mp_frame f[8];
	mp_node deep = mp_row(p, 0).key.node, native = mp_row(p, 2).key.node;

	ok(mp_shown(p->tree, deep, MP_SHOW_DEFAULT, f, 8) == 3);
	ok(!strcmp(f[0].func, "work") && !strcmp(f[2].func, "main"));
	ok(mp_shown(p->tree, deep, MP_SHOW_ALL, f, 8) == 7);
	ok(!strcmp(f[0].func, "inner") && f[0].flags & MP_FRAME_INLINED &&
		!strcmp(f[1].func, "malloc_it") && !strcmp(f[6].func, "start"));
	ok(mp_shown(p->tree, deep, MP_SHOW_NATIVE, f, 8) == 4 && !strcmp(f[2].func, "eval"));
	ok(mp_shown(p->tree, native, MP_SHOW_DEFAULT, f, 8) == 2);
	ok(mp_shown(p->tree, native, MP_SHOW_PYTHON, f, 8) == 0);
	ok(mp_shown(p->tree, deep, MP_SHOW_ALL, f, 2) == 7);
	ok(mp_shown(p->tree, 999, MP_SHOW_ALL, f, 2) == 0);
	mp_profile_free(p);
}

static void groups(void)
{
	struct mp_profile *p = make();
	struct mp_groups *g;

	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "work (app.py:8)", 100, 100)); /* recursion */
	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "main (app.py:3)", 10, 110));
	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "0x77 [libx.so]", 1, 1));
	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "[no stack]", 1000, 1000));
	ok(has(p, MP_BY_FUNCTION, MP_SHOW_DEFAULT, "work (app.py)", 100, 100));
	ok(has(p, MP_BY_FUNCTION, MP_SHOW_ALL, "inner (x.h)", 100, 100));
	ok(has(p, MP_BY_FUNCTION, MP_SHOW_ALL, "malloc_it", 0, 100));
	ok(has(p, MP_BY_FUNCTION, MP_SHOW_ALL, "start", 0, 111));
	ok(has(p, MP_BY_FUNCTION, MP_SHOW_PYTHON, "[no Python frame]", 1, 1));
	ok(has(p, MP_BY_FILE, MP_SHOW_DEFAULT, "app.py", 110, 110));
	ok(has(p, MP_BY_MODULE, MP_SHOW_ALL, "libx.so", 101, 111));
	ok(has(p, MP_BY_THREAD, MP_SHOW_DEFAULT, "main", 110, 110));
	ok(has(p, MP_BY_THREAD, MP_SHOW_DEFAULT, "thread 4", 1, 1));
	ok(has(p, MP_BY_THREAD, MP_SHOW_DEFAULT, "[no name]", 1000, 1000));
	ok(has(p, MP_BY_KIND, MP_SHOW_DEFAULT, "calloc", 111, 111));
	ok(has(p, MP_BY_STACK, MP_SHOW_DEFAULT,
		"main (app.py:3);work (app.py:8);work (app.py:8)", 100, 100));
	g = mp_group(p, MP_BY_LINE, MP_SHOW_DEFAULT, 0, true);
	ok(g->n == 5 && g->columns == 1 && !strcmp(g->group[0].name, "[no stack]") &&
		!strcmp(g->group[1].name, "main (app.py:3)"));
	mp_groups_free(g);
	mp_profile_free(p);
}

static void rest_is_shown(void)
{
	struct mp_profile *p = make();

	ok(!mp_fold_below(p, 0, 50));
	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "[rest]", 11, 11));
	ok(has(p, MP_BY_LINE, MP_SHOW_PYTHON, "[rest]", 11, 11));
	ok(has(p, MP_BY_MODULE, MP_SHOW_NATIVE, "[rest]", 11, 11));
	mp_profile_free(p);
}

/* More inlined calls at one address than most have: every one is counted. */
static void many_lines(void)
{
	struct mp_profile *p = make();
	uint32_t location = p->tree->node.x[mp_row(p, 2).key.node].location, line[100];
	char name[16];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		line[i] = mp_def_line(p->tree, mp_def_cstring(p->tree, name), 0, 0);
	}
	ok(!mp_set_lines(p->tree, location, line, 100));
	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "f0", 1, 1));
	ok(has(p, MP_BY_LINE, MP_SHOW_DEFAULT, "f99", 0, 1));
	mp_profile_free(p);
}

int main(void)
{
	shown();
	groups();
	rest_is_shown();
	many_lines();
	return tap_done();
}

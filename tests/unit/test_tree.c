/* test_tree.c - interning, frames and back, limits, mapping between trees. */
#include "tap.h"

#include "arena.h"
#include "tree.h"

#include <string.h>

static const struct mp_frame python = {.func = "load",
	.file = "app.py",
	.module = "",
	.build_id = "",
	.line = 7,
	.flags = MP_FRAME_PYTHON};
static const struct mp_frame native = {.func = "fread",
	.file = "io.c",
	.module = "/lib/libc.so",
	.build_id = "ab12",
	.offset = 0x1f0,
	.line = 9,
	.flags = MP_FRAME_NATIVE};

static bool same_frame(const struct mp_frame *a, const struct mp_frame *b)
{
	return !strcmp(a->func, b->func) && !strcmp(a->file, b->file) &&
	       !strcmp(a->module, b->module) && !strcmp(a->build_id, b->build_id) &&
	       a->offset == b->offset && a->line == b->line && a->flags == b->flags;
}

static void interning(void)
{
	struct mp_tree *t = mp_tree_new();
	uint32_t a = mp_def_cstring(t, "a"), ids[5000], wrong = 0;
	struct mp_site s = {.process = 1, .node = 2, .kind = 1, .size = 16};
	uint32_t site = mp_def_site(t, &s);
	char name[16];

	ok(mp_def_string(t, "", 0) == 0);
	ok(mp_def_cstring(t, NULL) == 0);
	ok(!strcmp(mp_str(t, 0), "") && !strcmp(mp_str(t, 99), ""));
	ok(a == 1 && mp_def_string(t, "abc", 1) == a);
	ok(mp_def_string(t, "a\0b", 3) != a && t->string.x[2].len == 3);
	ok(mp_def_module(t, a, 0) == 1 && mp_def_module(t, a, 0) == 1 &&
		mp_def_module(t, 0, a) == 2);
	ok(mp_def_line(t, a, a, 1) == 1 && mp_def_line(t, a, a, 2) == 2);
	ok(mp_def_line(t, a, a, 1) == 1);
	s.size = 17;
	ok(site == 1 && mp_def_site(t, &s) == 2);
	s.size = 16;
	ok(mp_def_site(t, &s) == 1 && t->site.n == 2);
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		ids[i] = mp_def_cstring(t, name);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		wrong += mp_def_cstring(t, name) != ids[i] ||
			 strcmp(mp_str(t, ids[i]), name) != 0;
	}
	ok(wrong == 0);
	ok(!t->failed);
	mp_tree_free(t);
}

static void long_string(void)
{
	struct mp_tree *t = mp_tree_new();
	size_t n = MP_STRING_MAX + 10;
	char *s = malloc(n);
	uint32_t id;

	memset(s, 'x', n);
	id = mp_def_string(t, s, MP_STRING_MAX);
	ok(t->string.x[id].len == MP_STRING_MAX && !t->string.x[id].cut);
	memcpy(s + MP_STRING_MAX - 1, "\xe2\x82\xac", 3); /* the limit is inside it */
	id = mp_def_string(t, s, n);
	ok(t->string.x[id].cut && t->string.x[id].len == MP_STRING_MAX - 1);
	free(s);
	mp_tree_free(t);
}

static void frames(void)
{
	struct mp_tree *t = mp_tree_new();
	struct mp_frame f[4], raw = native;
	uint32_t line[3], location;
	mp_node a = mp_push(t, 0, &python), b = mp_push(t, a, &native), c;

	ok(mp_nodes(t) == 2 && mp_parent(t, b) == a && mp_parent(t, a) == 0);
	ok(mp_push(t, 0, &python) == a && mp_push(t, a, &native) == b);
	ok(mp_frames(t, a, f, 4) == 1 && same_frame(f, &python));
	ok(mp_frames(t, b, f, 4) == 1 && same_frame(f, &native));
	ok(mp_frames(t, 0, f, 4) == 0 && mp_frames(t, 77, f, 4) == 0 && mp_parent(t, 77) == 0);
	raw.offset = 0x200;
	raw.flags |= MP_FRAME_UNRESOLVED;
	c = mp_push(t, b, &raw);
	ok(mp_frames(t, c, f, 4) == 1 && !strcmp(f->func, "0x200") && !*f->file);
	ok(f->flags == (MP_FRAME_NATIVE | MP_FRAME_UNRESOLVED) &&
		!strcmp(f->module, "/lib/libc.so"));
	mp_frames(t, c, f + 1, 1);
	ok(f[0].func == f[1].func); /* made once */
	location = t->node.x[c].location;
	line[0] = mp_def_line(t, mp_def_cstring(t, "in"), mp_def_cstring(t, "h.h"), 1);
	line[1] = mp_def_line(t, mp_def_cstring(t, "mid"), 0, 0);
	line[2] = mp_def_line(t, mp_def_cstring(t, "out"), mp_def_cstring(t, "m.c"), 3);
	ok(!mp_set_lines(t, location, line, 3) && t->late.n == 2);
	ok(!mp_set_lines(t, location, line, 3) && t->late.n == 2); /* nothing new */
	ok(mp_frames(t, c, f, 2) == 3 && mp_frames(t, c, f, 4) == 3);
	ok(!strcmp(f[0].func, "in") && !strcmp(f[2].func, "out") && f[2].line == 3);
	ok(f[0].flags & MP_FRAME_INLINED && f[1].flags & MP_FRAME_INLINED &&
		!(f[2].flags & MP_FRAME_INLINED));
	ok(mp_set_lines(t, 99, line, 3) == -1);
	/* a name that contradicts what is known of the address */
	raw = native;
	raw.func = "other";
	c = mp_push(t, a, &raw);
	ok(c != b && mp_frames(t, c, f, 4) == 1 && !strcmp(f->func, "other"));
	ok(mp_frames(t, b, f, 4) == 1 && !strcmp(f->func, "fread"));
	mp_tree_free(t);
}

static void depth(void)
{
	struct mp_tree *t = mp_tree_new();
	struct mp_frame f = python;
	mp_node node = 0, last = 0;

	for (uint32_t i = 0; i < MP_DEPTH_MAX; i++)
		node = mp_push(t, node, &f);
	ok(mp_nodes(t) == MP_DEPTH_MAX);
	last = mp_push(t, node, &f);
	ok(mp_nodes(t) == MP_DEPTH_MAX + 1 && mp_parent(t, last) == node);
	f.line = 8;
	ok(mp_push(t, node, &f) == last && mp_push(t, last, &f) == last);
	ok(mp_frames(t, last, &f, 1) == 1 && !strcmp(f.func, "[deeper]") &&
		f.flags == MP_FRAME_NOTE);
	ok(!t->failed && mp_def_node(t, 0, 12345) == 0 && t->failed);
	mp_tree_free(t);
}

static void mapping(void)
{
	struct mp_tree *t = mp_tree_new(), *to = mp_tree_new();
	mp_node a = mp_push(t, 0, &python), b = mp_push(t, a, &native), c;
	struct mp_frame raw = native, f[2];
	struct mp_tree_map m;
	uint32_t line;

	raw.offset = 0x300;
	raw.flags |= MP_FRAME_UNRESOLVED;
	c = mp_push(t, b, &raw);
	mp_push(to, 0, &native); /* other numbers there */
	mp_tree_map_init(&m, to, t);
	c = mp_map_node(&m, c);
	ok(c && mp_map_node(&m, b) == mp_parent(to, c) && mp_nodes(to) == 4);
	ok(mp_frames(to, mp_map_node(&m, b), f, 2) == 1 && same_frame(f, &native));
	ok(mp_frames(to, mp_map_node(&m, a), f, 2) == 1 && same_frame(f, &python));
	ok(mp_frames(to, c, f, 2) == 1 && f->flags & MP_FRAME_UNRESOLVED);
	line = mp_def_line(t, mp_def_cstring(t, "late"), 0, 0);
	mp_set_lines(t, t->node.x[3].location, &line, 1);
	mp_map_late_lines(&m);
	ok(mp_frames(to, c, f, 2) == 1 && !strcmp(f->func, "late"));
	ok(mp_map_node(&m, 0) == 0 && mp_map_node(&m, 99) == 0 && mp_map_string(&m, 99) == 0);
	mp_tree_map_free(&m);
	mp_tree_map_init(&m, to, t);
	m.forget = true;
	ok(mp_map_node(&m, 3) == c && !m.node && mp_nodes(to) == 4);
	mp_tree_map_free(&m);
	mp_tree_free(t);
	mp_tree_free(to);
}

static void arena(void)
{
	struct arena *a = mp_arena_new();
	char *piece[300];
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < 300; i++) {
		size_t n = (i * 7919) % 9000;

		piece[i] = mp_arena_alloc(a, n + 1);
		wrong += !piece[i] || (uintptr_t)piece[i] % 8;
		memset(piece[i], (int)(i & 127), n + 1);
	}
	for (uint32_t i = 0; i < 300; i++)
		for (size_t k = 0; k <= (i * 7919) % 9000; k++)
			wrong += piece[i][k] != (char)(i & 127);
	ok(wrong == 0);
	ok(mp_arena_alloc(a, SIZE_MAX / 2 + 9) == NULL);
	ok(!strcmp(mp_arena_copy(a, "xyz", 2), "xy"));
	mp_arena_free(a);
}

static void names(void)
{
	ok(mp_alloc_by_name("PyObject_Malloc") == MP_ALLOC_PYOBJECT_MALLOC);
	ok(mp_alloc_by_name("nothing") == 0);
	ok(!strcmp(mp_alloc_name(MP_ALLOC_MMAP_FILE), "mmap file"));
	ok(!strcmp(mp_alloc_name(63), "?"));
	ok(mp_alloc_class(MP_ALLOC_ARENA) == MP_CLASS_ARENA &&
		mp_alloc_class(63) == MP_CLASS_NONE);
}

int main(void)
{
	interning();
	long_string();
	frames();
	depth();
	mapping();
	arena();
	names();
	return tap_done();
}

/* tree.c - the definitions of a part: dense arrays, interned by hash.
 * Invariant: an interned array holds no two equal entries, and an entry refers
 * only to entries that exist.
 */
#include "tree.h"

#include "arena.h"
#include "tree_index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { ROOM_FIRST = 8, ID_MAX = 0x7ffffff0 };

/* ---- arrays ---------------------------------------------------------------------- */

/* Room for entry n + 1.  Returns the array, maybe moved, or NULL. */
static void *grow(void *x, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : ROOM_FIRST;

	if (x && n + 1 < *room)
		return x;
	if (n >= ID_MAX)
		return NULL;
	x = realloc(x, more * size);
	if (!x)
		return NULL;
	if (!*room)
		memset(x, 0, size);
	*room = more;
	return x;
}

#define GROW(t, v) grow_checked((t), grow((t)->v.x, (t)->v.n, &(t)->v.room, sizeof(*(t)->v.x)))
/* Set entry n + 1 of V without counting it yet; false when memory is out. */
#define STAGE(t, v, ...) \
	__extension__({ \
		void *moved_ = GROW(t, v); \
		if (moved_) { \
			(t)->v.x = moved_; \
			(t)->v.x[(t)->v.n + 1] = (__VA_ARGS__); \
		} \
		moved_ != NULL; \
	})

static void *grow_checked(struct mp_tree *t, void *x)
{
	if (!x)
		t->failed = true;
	return x;
}

/* ---- interning ------------------------------------------------------------------- */

#define HASH(name) static uint64_t hash_##name(const struct mp_tree *t, uint32_t id)
#define SAME(name) static bool same_##name(const struct mp_tree *t, uint32_t i, uint32_t j)

HASH(string)
{
	const struct mp_string *s = &t->string.x[id];

	return XXH3_64bits(s->data, s->len);
}
SAME(string)
{
	const struct mp_string *a = &t->string.x[i], *b = &t->string.x[j];

	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

HASH(module)
{
	return mix(t->module.x[id].path, t->module.x[id].build_id);
}
SAME(module)
{
	return !memcmp(&t->module.x[i], &t->module.x[j], sizeof(*t->module.x));
}

HASH(line)
{
	const struct mp_line *l = &t->line.x[id];

	return mix((uint64_t)l->function << 32 | l->file, l->line);
}
SAME(line)
{
	return !memcmp(&t->line.x[i], &t->line.x[j], sizeof(*t->line.x));
}

HASH(code)
{
	const struct mp_code *c = &t->code.x[id];

	return mix((uint64_t)c->function << 32 | c->file, c->line);
}
SAME(code)
{
	return !memcmp(&t->code.x[i], &t->code.x[j], sizeof(*t->code.x));
}

HASH(location)
{
	const struct mp_location *l = &t->location.x[id];

	return mix(l->at, (uint64_t)l->owner << 8 | l->kind);
}
SAME(location)
{
	const struct mp_location *a = &t->location.x[i], *b = &t->location.x[j];

	return a->at == b->at && a->owner == b->owner && a->kind == b->kind;
}

HASH(node)
{
	return mix(t->node.x[id].parent, t->node.x[id].location);
}
SAME(node)
{
	const struct mp_tree_node *a = &t->node.x[i], *b = &t->node.x[j];

	return a->parent == b->parent && a->location == b->location;
}

HASH(site)
{
	const struct mp_site *s = &t->site.x[id];

	return mix(mix((uint64_t)s->node << 32 | s->process, s->size),
		((uint64_t)s->type << 8 | s->kind) + ((uint64_t)s->extra << 40));
}
SAME(site)
{
	const struct mp_site *a = &t->site.x[i], *b = &t->site.x[j];

	return a->node == b->node && a->size == b->size && a->process == b->process &&
	       a->kind == b->kind && a->type == b->type && a->extra == b->extra;
}

#define INTERN(t, name) intern((t), &(t)->by_##name, &(t)->name.n, hash_##name, same_##name)

/* ---- the tree -------------------------------------------------------------------- */

struct mp_tree *mp_tree_new(void)
{
	struct mp_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->strings = mp_arena_new();
#define FIRST(v) (void)((t->v.x = GROW(t, v)))
	FIRST(string), FIRST(module), FIRST(map), FIRST(line), FIRST(code), FIRST(location);
	FIRST(node), FIRST(site), FIRST(thread), FIRST(process), FIRST(clock), FIRST(column);
	FIRST(late_line), FIRST(late), FIRST(renamed);
#undef FIRST
	if (!t->strings || t->failed) {
		mp_tree_free(t);
		return NULL;
	}
	t->string.x[0].data = "";
	return t;
}

void mp_tree_free(struct mp_tree *t)
{
	if (!t)
		return;
	free(t->string.x), free(t->module.x), free(t->map.x), free(t->line.x), free(t->code.x);
	free(t->location.x), free(t->node.x), free(t->site.x), free(t->thread.x);
	free(t->process.x), free(t->clock.x), free(t->column.x);
	free(t->late_line.x), free(t->late.x), free(t->renamed.x);
	free(t->by_string.slot), free(t->by_module.slot), free(t->by_line.slot);
	free(t->by_code.slot), free(t->by_location.slot), free(t->by_node.slot);
	free(t->by_site.slot);
	mp_arena_free(t->strings);
	free(t);
}

uint32_t mp_def_string(struct mp_tree *t, const char *data, size_t len)
{
	bool cut = len > MP_STRING_MAX;
	uint32_t *place;
	char *copy;

	if (!len)
		return 0;
	if (cut) {
		len = MP_STRING_MAX;
		for (int i = 0; i < 3 && ((unsigned char)data[len] & 0xc0) == 0x80; i++)
			len--; /* not in the middle of a UTF-8 character */
	}
	if (!STAGE(t, string, (struct mp_string){data, (uint32_t)len, cut}))
		return 0;
	place = find(t, &t->by_string, t->string.n + 1, hash_string, same_string);
	if (!place)
		return 0;
	if (!*place) {
		copy = mp_arena_copy(t->strings, data, len);
		if (!copy) {
			t->failed = true;
			return 0;
		}
		*place = ++t->string.n;
		t->by_string.used++;
		t->by_string.known = *place;
		t->string.x[*place].data = copy;
	}
	return *place;
}

uint32_t mp_def_cstring(struct mp_tree *t, const char *s)
{
	return s ? mp_def_string(t, s, strlen(s)) : 0;
}

uint32_t mp_def_module(struct mp_tree *t, uint32_t path, uint32_t build_id)
{
	return STAGE(t, module, (struct mp_module){path, build_id}) ? INTERN(t, module) : 0;
}

uint32_t mp_def_line(struct mp_tree *t, uint32_t function, uint32_t file, uint32_t line)
{
	return STAGE(t, line, (struct mp_line){function, file, line}) ? INTERN(t, line) : 0;
}

uint32_t mp_def_code(struct mp_tree *t, uint32_t function, uint32_t file, uint32_t line)
{
	return STAGE(t, code, (struct mp_code){function, file, line}) ? INTERN(t, code) : 0;
}

uint32_t mp_def_location(struct mp_tree *t, enum mp_loc kind, uint32_t owner, uint64_t at)
{
	struct mp_location l = {.kind = kind, .owner = owner, .at = at};

	return STAGE(t, location, l) ? INTERN(t, location) : 0;
}

uint32_t mp_def_node(struct mp_tree *t, uint32_t parent, uint32_t location)
{
	uint32_t depth;

	if (parent > t->node.n || !location || location > t->location.n) {
		t->failed = true;
		return 0;
	}
	depth = t->node.x[parent].depth;
	if (depth > MP_DEPTH_MAX)
		return parent;
	if (depth == MP_DEPTH_MAX) {
		if (!t->note_deeper) {
			uint32_t name = mp_def_cstring(t, "[deeper]");
			uint32_t code = name ? mp_def_code(t, name, 0, 0) : 0;

			t->note_deeper = code ? mp_def_location(t, MP_LOC_NOTE, code, 0) : 0;
		}
		location = t->note_deeper;
		if (!location)
			return 0;
	}
	if (!STAGE(t, node, (struct mp_tree_node){parent, location, depth + 1}))
		return 0;
	return INTERN(t, node);
}

uint32_t mp_def_site(struct mp_tree *t, const struct mp_site *s)
{
	if (!mp_site_fits(s)) {
		t->failed = true;
		return 0;
	}
	return STAGE(t, site, *s) ? INTERN(t, site) : 0;
}

#define APPEND(t, v, value) (STAGE(t, v, value) ? ++(t)->v.n : 0)

uint32_t mp_def_map(struct mp_tree *t, const struct mp_map *m)
{
	return APPEND(t, map, *m);
}

uint32_t mp_def_thread(struct mp_tree *t, const struct mp_thread *thread)
{
	return APPEND(t, thread, *thread);
}

uint32_t mp_def_process(struct mp_tree *t, const struct mp_process *p)
{
	return APPEND(t, process, *p);
}

uint32_t mp_def_clock(struct mp_tree *t, const struct mp_clock *c)
{
	return APPEND(t, clock, *c);
}

uint32_t mp_def_column(struct mp_tree *t, const struct mp_coldef *c)
{
	return APPEND(t, column, *c);
}

int mp_set_lines(struct mp_tree *t, uint32_t location, const uint32_t *line, uint32_t n)
{
	struct mp_location *l;
	uint32_t first = t->late_line.n + 1;

	if (!location || location > t->location.n || n > MP_DEF_LINES_MAX)
		return -1;
	l = &t->location.x[location];
	if (l->resolved && l->n_lines == n &&
		(!n || !memcmp(t->late_line.x + l->lines, line, n * sizeof(*line))))
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (!APPEND(t, late_line, line[i]))
			return -1;
	if (!APPEND(t, late, location))
		return -1;
	l->lines = n ? first : 0;
	l->n_lines = n;
	l->resolved = true;
	return 0;
}

int mp_set_thread_name(struct mp_tree *t, uint32_t thread, uint32_t name)
{
	if (!thread || thread > t->thread.n)
		return -1;
	if (t->thread.x[thread].name == name)
		return 0;
	if (!APPEND(t, renamed, thread))
		return -1;
	t->thread.x[thread].name = name;
	return 0;
}

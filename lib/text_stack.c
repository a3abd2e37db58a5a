/* text_stack.c - stacks as text to nodes of a tree (formats/text.md [S1]-[S8]).
 * Any text is a stack but for wrong escapes and numbers that do not fit.
 */
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char *const bad_escape = "a backslash that begins no escape";
static const char *const no_memory = "out of memory, or over a limit of the format";

bool mp_text_get_string(struct mp_tree *t, struct mp_slice f, uint32_t *id)
{
	bool cut;

	*id = 0;
	if (!mp_tsv_unescape(&f, &cut))
		return false;
	if (f.n)
		*id = mp_def_string(t, f.s, f.n);
	if (*id && cut)
		t->string.x[*id].cut = true;
	return true;
}

bool mp_text_get_kind(const struct mp_slice *f, uint32_t *kind)
{
	char name[32];
	uint64_t number;

	*kind = 0;
	if (!f->n)
		return true;
	if (mp_tsv_u64(f->s, f->n, &number)) {
		*kind = (uint32_t)number;
		return number <= UINT32_MAX;
	}
	if (f->n >= sizeof(name))
		return false;
	memcpy(name, f->s, f->n);
	name[f->n] = 0;
	*kind = mp_alloc_by_name(name);
	return *kind != 0;
}

bool mp_text_set_build(struct mp_text_stacks *x, uint32_t path, uint32_t build_id)
{
	uint32_t room = x->builds ? x->builds : 64, *build;

	while (room <= path)
		room *= 2;
	if (room > x->builds) {
		build = realloc(x->build, room * sizeof(*build));
		if (!build)
			return false;
		memset(build + x->builds, 0, (room - x->builds) * sizeof(*build));
		x->build = build;
		x->builds = room;
	}
	x->build[path] = build_id;
	return true;
}

void mp_text_stacks_free(struct mp_text_stacks *x)
{
	free(x->build);
	free(x->line);
	free(x->known);
	mp_buf_free(&x->texts);
	*x = (struct mp_text_stacks){ 0 };
}

/* ---- one frame ---------------------------------------------------------------------- */

static const char *code_location(struct mp_text_stacks *x, const struct mp_frame_text *f,
		bool bare, uint32_t *location)
{
	enum mp_loc kind = f->tag == MP_TAG_PYTHON ? MP_LOC_PYTHON :
			f->tag == MP_TAG_NOTE ? MP_LOC_NOTE : MP_LOC_NAMED;
	struct mp_tree *t = x->tree;
	uint32_t name, file, code;

	if (f->first > UINT32_MAX || f->line > UINT32_MAX)
		return "a line number over 32 bits";
	if (bare) {
		name = mp_def_string(t, f->name.s, f->name.n);
		file = mp_def_string(t, f->file.s, f->file.n);
	} else if (!mp_text_get_string(t, f->name, &name) ||
			!mp_text_get_string(t, f->file, &file)) {
		return bad_escape;
	}
	code = mp_def_code(t, name, file, (uint32_t)f->first);
	*location = code ? mp_def_location(t, kind, code, f->line) : 0;
	return t->failed ? no_memory : NULL;
}

static const char *native_location(struct mp_text_stacks *x, const struct mp_frame_text *f,
		uint32_t *location)
{
	uint32_t path, build_id, module = 0;
	struct mp_tree *t = x->tree;

	if (!mp_text_get_string(t, f->module, &path) ||
	    !mp_text_get_string(t, f->build_id, &build_id))
		return bad_escape;
	if (!f->braced && path < x->builds)
		build_id = x->build[path];
	if (path || f->braced)
		module = mp_def_module(t, path, build_id);
	*location = mp_def_location(t, MP_LOC_NATIVE, module, f->offset);
	return t->failed ? no_memory : NULL;
}

/* Gathers the lines of a native location, from the outermost. */
static const char *add_line(struct mp_text_stacks *x, const struct mp_frame_text *f)
{
	uint32_t name, file, room, *line;

	if (f->line > UINT32_MAX)
		return "a line number over 32 bits";
	if (!mp_text_get_string(x->tree, f->name, &name) ||
	    !mp_text_get_string(x->tree, f->file, &file))
		return bad_escape;
	if (x->lines == x->line_room) {
		room = x->line_room ? x->line_room * 2 : 16;
		line = realloc(x->line, room * sizeof(*line));
		if (!line)
			return no_memory;
		x->line = line;
		x->line_room = room;
	}
	x->line[x->lines++] = mp_def_line(x->tree, name, file, (uint32_t)f->line);
	return x->tree->failed ? no_memory : NULL;
}

/* The lines gathered become LOCATION's. */
static const char *close_lines(struct mp_text_stacks *x, uint32_t location)
{
	uint32_t i, n = x->lines;

	if (!n)
		return NULL;
	for (i = 0; i < n / 2; i++) {
		uint32_t line = x->line[i];

		x->line[i] = x->line[n - 1 - i];
		x->line[n - 1 - i] = line;
	}
	x->lines = 0;
	return mp_set_lines(x->tree, location, x->line, n) ? no_memory : NULL;
}

static const char *frame(struct mp_text_stacks *x, const struct mp_frame_text *f, bool bare,
		uint32_t *location)
{
	const char *wrong;

	if (f->tag != MP_TAG_NATIVE)
		return code_location(x, f, bare, location);
	wrong = native_location(x, f, location);
	if (wrong)
		return wrong;
	if (f->name.n || f->placed)
		return add_line(x, f);
	if (f->asked && !x->tree->location.x[*location].resolved &&
	    mp_set_lines(x->tree, *location, NULL, 0))
		return no_memory;
	return NULL;
}

/* ---- frames met before ---------------------------------------------------------------- */

static bool known_grow(struct mp_text_stacks *x)
{
	size_t mask = x->known ? x->known_mask * 2 + 1 : 255, i, at;
	struct mp_text_known *known = calloc(mask + 1, sizeof(*known));

	if (!known)
		return false;
	for (i = 0; x->known && i <= x->known_mask; i++) {
		if (!x->known[i].location)
			continue;
		for (at = x->known[i].hash & mask; known[at].location; at = (at + 1) & mask)
			;
		known[at] = x->known[i];
	}
	free(x->known);
	x->known = known;
	x->known_mask = mask;
	return true;
}

/* The place of text S in the table, which is empty (location 0) if it is new;
 * NULL when memory is out. */
static struct mp_text_known *known_find(struct mp_text_stacks *x, const char *s, size_t n)
{
	uint64_t hash = XXH3_64bits(s, n);
	struct mp_text_known *k;
	size_t at;

	if ((!x->known || x->knowns > x->known_mask / 2) && !known_grow(x))
		return NULL;
	for (at = hash & x->known_mask; ; at = (at + 1) & x->known_mask) {
		k = &x->known[at];
		if (!k->location || (k->hash == hash && k->n == n &&
				!memcmp(x->texts.s + k->at, s, n)))
			break;
	}
	k->hash = hash;
	return k;
}

/* ---- stacks ---------------------------------------------------------------------------- */

/* One location, from the N bytes of its frames (changed in place). */
static const char *location_of(struct mp_text_stacks *x, char *s, size_t n, bool bare,
		uint32_t *location)
{
	const char *wrong = NULL;
	struct mp_frame_text f;
	size_t at = 0, span;

	x->lines = 0;
	while (!wrong && at <= n) {
		span = mp_frame_span(s + at, n - at, bare);
		mp_frame_parse(s + at, span, bare, &f);
		if (!at && f.tag == MP_TAG_INLINED)
			return "an inlined frame needs a named native frame before it";
		if (!at)
			wrong = frame(x, &f, bare, location);
		else if (!x->lines)
			return "an inlined frame needs a named native frame before it";
		else
			wrong = add_line(x, &f);
		at += span + 1;
	}
	return wrong ? wrong : close_lines(x, *location);
}

/* Bytes of the first frame and the frames inlined into it. */
static size_t location_span(const char *s, size_t n, bool bare)
{
	static const char tag[] = " [inlined]";
	size_t at = mp_frame_span(s, n, bare), span;

	while (!bare && at < n) {
		span = mp_frame_span(s + at + 1, n - at - 1, false);
		if (span < sizeof(tag) - 1 ||
		    memcmp(s + at + 1 + span - (sizeof(tag) - 1), tag, sizeof(tag) - 1))
			break;
		at += 1 + span;
	}
	return at;
}

const char *mp_text_get_stack(struct mp_text_stacks *x, char *s, size_t n, bool bare,
		mp_node *node)
{
	struct mp_text_known *k;
	size_t at = 0, span, text;
	const char *wrong;

	*node = 0;
	while (n && at <= n) {
		span = location_span(s + at, n - at, bare);
		k = span <= UINT32_MAX ? known_find(x, s + at, span) : NULL;
		if (!k)
			return no_memory;
		if (!k->location) {
			text = x->texts.n;
			mp_buf_add(&x->texts, s + at, span);
			wrong = location_of(x, s + at, span, bare, &k->location);
			if (wrong || x->texts.failed) {
				k->location = 0;
				return wrong ? wrong : no_memory;
			}
			k->at = text;
			k->n = (uint32_t)span;
			x->knowns++;
		}
		*node = mp_def_node(x->tree, *node, k->location);
		if (!*node)
			return no_memory;
		at += span + 1;
	}
	return NULL;
}

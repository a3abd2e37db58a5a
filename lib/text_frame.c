/* text_frame.c - strings and stacks of a tree as text (formats/text.md [S1]-[S6]).
 * What is written here, mp_text_get_stack() gives back as the same node.
 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void escaped(struct mp_buf *b, const char *s, size_t n, enum mp_tsv_what what)
{
	char *out = mp_buf_room(b, n * MP_TSV_GROWTH);

	if (out)
		b->n += mp_tsv_escape(out, s, n, what);
}

void mp_text_string(struct mp_buf *b, const struct mp_tree *t, uint32_t id,
		enum mp_tsv_what what)
{
	const struct mp_string *s;

	if (!id || id > t->string.n)
		return;
	s = &t->string.x[id];
	escaped(b, s->data, s->len, what);
	if (s->cut)
		mp_buf_text(b, "\\~");
}

void mp_text_cstring(struct mp_buf *b, const char *s, enum mp_tsv_what what)
{
	escaped(b, s, strlen(s), what);
}

void mp_text_kind(struct mp_buf *b, uint32_t kind)
{
	const char *name = mp_alloc_name(kind);

	if (*name != '?')
		mp_buf_text(b, name);
	else if (kind)
		mp_buf_u64(b, kind);
}

const char *mp_text_replace_name(uint32_t replace)
{
	static const char *const name[] = {
		"", "realloc", "mremap", "partial", "brk", "overlap",
	};

	return replace < sizeof(name) / sizeof(*name) ? name[replace] : "";
}

/* ---- modules ---------------------------------------------------------------------- */

static bool owner_room(struct mp_text_modules *m, uint32_t strings)
{
	uint32_t room = m->room ? m->room : 256, *owner;

	if (strings < m->room)
		return true;
	while (room <= strings)
		room *= 2;
	owner = realloc(m->owner, room * sizeof(*owner));
	if (!owner)
		return false;
	memset(owner + m->room, 0, (room - m->room) * sizeof(*owner));
	m->owner = owner;
	m->room = room;
	return true;
}

void mp_text_new_modules(struct mp_buf *b, struct mp_text_modules *m, const struct mp_tree *t)
{
	if (m->seen < t->module.n && !owner_room(m, t->string.n)) {
		b->failed = true;
		return;
	}
	while (m->seen < t->module.n) {
		const struct mp_module *x = &t->module.x[++m->seen];

		if (m->owner[x->path])
			continue;
		m->owner[x->path] = m->seen;
		if (!x->build_id)
			continue;
		mp_buf_text(b, "##module=");
		mp_text_string(b, t, x->path, MP_TSV_NAME);
		mp_buf_char(b, '\t');
		mp_text_string(b, t, x->build_id, MP_TSV_NAME);
		mp_buf_char(b, '\n');
	}
}

void mp_text_modules_free(struct mp_text_modules *m)
{
	free(m->owner);
	free(m->text);
	mp_buf_free(&m->texts);
	*m = (struct mp_text_modules){ 0 };
}

static bool owns(const struct mp_text_modules *m, const struct mp_tree *t, uint32_t module)
{
	uint32_t path = t->module.x[module].path;

	if (!m)
		return !t->module.x[module].build_id;
	return path < m->room && m->owner[path] == module;
}

/* ---- frames ------------------------------------------------------------------------ */

/* FILE would be read as FILE:LINE. */
static bool ends_in_line(const struct mp_string *s)
{
	uint32_t i = s->len;

	while (i && s->data[i - 1] >= '0' && s->data[i - 1] <= '9')
		i--;
	return i < s->len && i && s->data[i - 1] == ':';
}

static void put_place(struct mp_buf *b, const struct mp_tree *t, uint32_t file, uint64_t line)
{
	mp_buf_text(b, " (");
	mp_text_string(b, t, file, MP_TSV_NAME);
	if (line || (file && ends_in_line(&t->string.x[file]))) {
		mp_buf_char(b, ':');
		mp_buf_u64(b, line);
	}
	mp_buf_char(b, ')');
}

static void put_line(struct mp_buf *b, const struct mp_tree *t, uint32_t id)
{
	const struct mp_line *l = &t->line.x[id];

	mp_text_string(b, t, l->function, MP_TSV_NAME);
	if (l->file || l->line || !l->function)
		put_place(b, t, l->file, l->line);
}

static void put_native(struct mp_buf *b, const struct mp_text_modules *m,
		const struct mp_tree *t, const struct mp_location *l)
{
	uint32_t path = t->module.x[l->owner].path, i;

	if (l->n_lines)
		put_line(b, t, t->late_line.x[l->lines + l->n_lines - 1]);
	mp_buf_text(b, " [");
	if (l->owner) {
		mp_text_string(b, t, path, MP_TSV_NAME);
		if (!path || !owns(m, t, l->owner)) {
			mp_buf_text(b, " {");
			mp_text_string(b, t, t->module.x[l->owner].build_id, MP_TSV_NAME);
			mp_buf_char(b, '}');
		}
	}
	mp_buf_char(b, '+');
	mp_buf_hex(b, l->at);
	mp_buf_text(b, l->resolved && !l->n_lines ? "?]" : "]");
	for (i = l->n_lines; i > 1; i--) {
		mp_buf_char(b, ';');
		put_line(b, t, t->late_line.x[l->lines + i - 2]);
		mp_buf_text(b, " [inlined]");
	}
}

static void put_code(struct mp_buf *b, const struct mp_tree *t, const struct mp_location *l)
{
	const char *tag = l->kind == MP_LOC_PYTHON ? "py" :
			l->kind == MP_LOC_NOTE ? "note" : "";
	const struct mp_code *c = &t->code.x[l->owner];

	mp_text_string(b, t, c->function, MP_TSV_NAME);
	if (c->file || l->at || (!c->function && !*tag))
		put_place(b, t, c->file, l->at);
	if (!*tag && !c->line)
		return;
	mp_buf_text(b, " [");
	mp_buf_text(b, tag);
	if (c->line) {
		mp_buf_char(b, ':');
		mp_buf_u64(b, c->line);
	}
	mp_buf_char(b, ']');
}

static void put_location(struct mp_buf *b, const struct mp_text_modules *m,
		const struct mp_tree *t, uint32_t location)
{
	const struct mp_location *l = &t->location.x[location];

	if (l->kind == MP_LOC_NATIVE)
		put_native(b, m, t, l);
	else
		put_code(b, t, l);
}

/* The same out of what has been written before. */
static void put_known(struct mp_buf *b, struct mp_text_modules *m, const struct mp_tree *t,
		uint32_t location)
{
	uint32_t room = t->location.n + 1;
	void *text;

	if (m->texts_room < room) {
		text = realloc(m->text, room * sizeof(*m->text));
		if (!text) {
			b->failed = true;
			return;
		}
		m->text = text;
		memset(m->text + m->texts_room, 0, (room - m->texts_room) * sizeof(*m->text));
		m->texts_room = room;
	}
	if (!m->text[location].n) {
		m->text[location].at = m->texts.n;
		put_location(&m->texts, m, t, location);
		m->text[location].n = m->texts.n - m->text[location].at;
		b->failed |= m->texts.failed;
	}
	if (!b->failed)
		mp_buf_add(b, m->texts.s + m->text[location].at, m->text[location].n);
}

void mp_text_stack(struct mp_buf *b, struct mp_text_modules *m, const struct mp_tree *t,
		mp_node node)
{
	uint32_t small[256], *path = small, n, i;

	if (!node || node > t->node.n)
		return;
	n = t->node.x[node].depth;
	if (n > 256)
		path = malloc(n * sizeof(*path));
	if (!path) {
		b->failed = true;
		return;
	}
	for (i = n; i; i--, node = t->node.x[node].parent)
		path[i - 1] = t->node.x[node].location;
	for (i = 0; i < n; i++) {
		if (i)
			mp_buf_char(b, ';');
		if (m)
			put_known(b, m, t, path[i]);
		else
			put_location(b, m, t, path[i]);
	}
	if (path != small)
		free(path);
}

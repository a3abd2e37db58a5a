/* json_frame.c - strings, stacks and events as JSON (formats/text.md, section 7).
 * Whatever is in the tree, what is written is valid JSON.
 */
#include "group.h"
#include "json_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static void quoted(struct mp_buf *b, const char *s, size_t n)
{
	char *out = mp_buf_room(b, n * MP_JSON_GROWTH + 2);

	if (!out)
		return;
	*out = '"';
	n = mp_json_escape(out + 1, s, n);
	out[n + 1] = '"';
	b->n += n + 2;
}

void mp_json_key(struct mp_buf *b, const char *key)
{
	if (b->n && b->s[b->n - 1] != '{')
		mp_buf_char(b, ',');
	quoted(b, key, strlen(key));
	mp_buf_char(b, ':');
}

void mp_json_text(struct mp_buf *b, const char *key, const char *s)
{
	mp_json_key(b, key);
	quoted(b, s, strlen(s));
}

void mp_json_id(struct mp_buf *b, const char *key, const struct mp_tree *t, uint32_t id)
{
	if (key)
		mp_json_key(b, key);
	if (id && id <= t->string.n)
		quoted(b, t->string.x[id].data, t->string.x[id].len);
	else
		quoted(b, "", 0);
}

void mp_json_u64(struct mp_buf *b, const char *key, uint64_t value)
{
	mp_json_key(b, key);
	mp_buf_u64(b, value);
}

void mp_json_i64(struct mp_buf *b, const char *key, int64_t value)
{
	mp_json_key(b, key);
	mp_buf_i64(b, value);
}

void mp_json_kind(struct mp_buf *b, uint32_t kind)
{
	mp_json_key(b, "kind");
	mp_buf_char(b, '"');
	mp_text_kind(b, kind);
	mp_buf_char(b, '"');
}

/* ---- stacks ------------------------------------------------------------------------ */

static void named(struct mp_buf *b, const struct mp_tree *t, uint32_t function, uint32_t file,
		uint64_t line)
{
	mp_json_id(b, "func", t, function);
	if (file)
		mp_json_id(b, "file", t, file);
	if (line)
		mp_json_u64(b, "line", line);
}

static void native(struct mp_buf *b, const struct mp_tree *t, const struct mp_location *l)
{
	const struct mp_module *m = &t->module.x[l->owner];
	uint32_t i = l->n_lines ? l->n_lines : 1;
	struct mp_line none = { 0, 0, 0 };

	while (i--) {
		const struct mp_line *x = &none;

		if (l->n_lines)
			x = &t->line.x[t->late_line.x[l->lines + i]];
		mp_buf_text(b, i + 1 < l->n_lines ? ",{" : "{");
		if (x->function) {
			named(b, t, x->function, x->file, x->line);
		} else {
			mp_json_key(b, "func");
			mp_buf_char(b, '"');
			mp_buf_hex(b, l->at);
			mp_buf_char(b, '"');
			if (x->file)
				mp_json_id(b, "file", t, x->file);
			if (x->line)
				mp_json_u64(b, "line", x->line);
		}
		if (m->path)
			mp_json_id(b, "module", t, m->path);
		mp_json_u64(b, "offset", l->at);
		if (m->build_id)
			mp_json_id(b, "build_id", t, m->build_id);
		mp_json_text(b, "lang", "native");
		if (i + 1 < l->n_lines) {
			mp_json_key(b, "inlined");
			mp_buf_text(b, "true");
		}
		mp_buf_char(b, '}');
	}
}

static void location(struct mp_buf *b, const struct mp_tree *t, const struct mp_location *l)
{
	const struct mp_code *c;

	if (l->kind == MP_LOC_NATIVE) {
		native(b, t, l);
		return;
	}
	c = &t->code.x[l->owner];
	mp_buf_char(b, '{');
	named(b, t, c->function, c->file, l->at);
	if (l->kind == MP_LOC_PYTHON)
		mp_json_text(b, "lang", "python");
	else if (l->kind == MP_LOC_NOTE)
		mp_json_text(b, "lang", "note");
	mp_buf_char(b, '}');
}

static void put_site(struct mp_buf *b, const struct mp_tree *t, mp_node node)
{
	struct mp_frame frame;
	size_t n = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &n);

	if (!out) {
		b->failed = true;
		return;
	}
	if (mp_shown(t, node, MP_SHOW_DEFAULT, &frame, 1))
		mp_print_name(out, &frame, MP_BY_LINE);
	else
		fputs("[no stack]", out);
	if (fclose(out)) {
		b->failed = true;
	} else {
		mp_json_key(b, "site");
		quoted(b, text, n);
	}
	free(text);
}

void mp_json_stack(struct mp_buf *b, const struct mp_tree *t, mp_node node, bool site)
{
	uint32_t small[256], *path = small, n, i;

	if (site) {
		put_site(b, t, node);
		return;
	}
	mp_json_key(b, "stack");
	mp_buf_char(b, '[');
	n = node <= t->node.n ? t->node.x[node].depth : 0;
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
			mp_buf_char(b, ',');
		location(b, t, &t->location.x[path[i]]);
	}
	mp_buf_char(b, ']');
	if (path != small)
		free(path);
}

/* ---- events ------------------------------------------------------------------------- */

static void process(struct mp_buf *b, const struct mp_tree *t, uint32_t id)
{
	const struct mp_process *p = &t->process.x[id <= t->process.n ? id : 0];

	mp_json_id(b, "process", t, p->name);
	mp_json_u64(b, "pid", p->pid);
}

static void thread(struct mp_buf *b, const struct mp_tree *t, uint32_t id)
{
	const struct mp_thread *x = &t->thread.x[id <= t->thread.n ? id : 0];

	mp_json_id(b, "thread", t, x->name);
	mp_json_u64(b, "tid", x->tid);
}

static void block(struct mp_buf *b, const struct mp_tree *t, const struct mp_event *e, bool site)
{
	mp_json_u64(b, "block", e->block);
	mp_json_u64(b, "size", e->size);
	if (e->weight > 1)
		mp_json_u64(b, "weight", e->weight);
	mp_json_kind(b, e->kind);
	mp_json_id(b, "type", t, e->type);
	if (e->op != MP_OP_FREE)
		mp_json_stack(b, t, e->node, site);
	if (e->replace) {
		mp_json_text(b, "replace", mp_text_replace_name(e->replace));
		mp_json_u64(b, "replace_number",
				e->replace_number < MP_TEXT_BESIDE ? e->replace_number : 0);
	}
}

void mp_json_event(struct mp_buf *b, const struct mp_tree *t, const struct mp_event *e, bool site)
{
	static const char *const op[] = {
		"", "alloc", "free", "procend", "sample", "series", "mark", "base",
	};

	mp_buf_char(b, '{');
	mp_json_text(b, "op", e->op <= MP_OP_BASE ? op[e->op] : "");
	mp_json_u64(b, "time", e->time);
	process(b, t, e->process);
	if (e->op != MP_OP_PROCEND && e->op != MP_OP_SERIES)
		thread(b, t, e->thread);
	switch (e->op) {
	case MP_OP_ALLOC:
	case MP_OP_FREE:
	case MP_OP_BASE:
		block(b, t, e, site);
		break;
	case MP_OP_SAMPLE:
		mp_json_u64(b, "weight", e->weight);
		mp_json_u64(b, "state", e->state);
		mp_json_u64(b, "rss", e->rss);
		mp_json_stack(b, t, e->node, site);
		break;
	case MP_OP_SERIES:
	case MP_OP_MARK:
		mp_json_text(b, e->op == MP_OP_MARK ? "name" : "metric",
				e->name ? e->name : "");
		mp_json_i64(b, "value", e->value);
		break;
	case MP_OP_PROCEND:
	default:
		break;
	}
	mp_buf_text(b, "}\n");
}

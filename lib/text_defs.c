/* text_defs.c - the definitions of a trace as lines (formats/text.md, section 5).
 * Whatever the tree has gained since the last call is written, so a definition
 * stands before its first use.
 */
#include "text.h"

static void tab(struct mp_buf *b)
{
	mp_buf_char(b, '\t');
}

static void number(struct mp_buf *b, uint64_t n)
{
	tab(b);
	mp_buf_u64(b, n);
}

static void hex(struct mp_buf *b, uint64_t n)
{
	tab(b);
	mp_buf_hex(b, n);
}

static void string(struct mp_buf *b, const struct mp_tree *t, uint32_t id)
{
	tab(b);
	mp_text_string(b, t, id, MP_TSV_FIELD);
}

static void begin(struct mp_buf *b, char letter, uint32_t id)
{
	mp_buf_char(b, letter);
	number(b, id);
}

static void end(struct mp_buf *b)
{
	while (b->n && b->s[b->n - 1] == '\t')
		b->n--;         /* trailing empty fields */
	mp_buf_char(b, '\n');
}

static void processes(struct mp_buf *b, struct mp_text_seen *seen, const struct mp_tree *t)
{
	while (seen->process < t->process.n) {
		const struct mp_process *p = &t->process.x[++seen->process];

		begin(b, 'P', seen->process);
		number(b, p->pid);
		number(b, p->parent);
		number(b, p->start);
		string(b, t, p->name);
		string(b, t, p->command);
		string(b, t, p->arch);
		number(b, p->page);
		string(b, t, p->namespace_);
		end(b);
	}
	while (seen->thread < t->thread.n) {
		const struct mp_thread *x = &t->thread.x[++seen->thread];

		begin(b, 'T', seen->thread);
		number(b, x->process);
		number(b, x->tid);
		number(b, x->start);
		string(b, t, x->name);
		end(b);
	}
	while (seen->renamed < t->renamed.n) {
		uint32_t id = t->renamed.x[++seen->renamed];

		begin(b, 't', id);
		string(b, t, t->thread.x[id].name);
		end(b);
	}
	while (seen->clock < t->clock.n) {
		const struct mp_clock *c = &t->clock.x[++seen->clock];

		begin(b, 'K', seen->clock);
		number(b, c->wall);
		number(b, c->monotonic);
		number(b, c->boottime);
		end(b);
	}
}

static void modules(struct mp_buf *b, struct mp_text_seen *seen, const struct mp_tree *t)
{
	while (seen->module < t->module.n) {
		const struct mp_module *m = &t->module.x[++seen->module];

		begin(b, 'M', seen->module);
		string(b, t, m->path);
		string(b, t, m->build_id);
		end(b);
	}
	while (seen->map < t->map.n) {
		const struct mp_map *m = &t->map.x[++seen->map];

		begin(b, 'A', seen->map);
		number(b, m->process);
		number(b, m->module);
		hex(b, m->base);
		hex(b, m->from);
		hex(b, m->to);
		end(b);
	}
	while (seen->line < t->line.n) {
		const struct mp_line *l = &t->line.x[++seen->line];

		begin(b, 'L', seen->line);
		string(b, t, l->function);
		string(b, t, l->file);
		number(b, l->line);
		end(b);
	}
	while (seen->code < t->code.n) {
		const struct mp_code *c = &t->code.x[++seen->code];

		begin(b, 'C', seen->code);
		string(b, t, c->function);
		string(b, t, c->file);
		number(b, c->line);
		end(b);
	}
}

static void frames(struct mp_buf *b, struct mp_text_seen *seen, const struct mp_tree *t)
{
	static const char *const kind[] = { "", "native", "python", "named", "note" };
	uint32_t i;

	while (seen->location < t->location.n) {
		const struct mp_location *l = &t->location.x[++seen->location];

		begin(b, 'F', seen->location);
		tab(b);
		mp_buf_text(b, l->kind <= MP_LOC_NOTE ? kind[l->kind] : "?");
		number(b, l->owner);
		if (l->kind == MP_LOC_NATIVE)
			hex(b, l->at);
		else
			number(b, l->at);
		end(b);
	}
	while (seen->late < t->late.n) {
		const struct mp_location *l = &t->location.x[t->late.x[++seen->late]];

		begin(b, 'f', t->late.x[seen->late]);
		for (i = 0; i < l->n_lines; i++)
			number(b, t->late_line.x[l->lines + i]);
		end(b);
	}
	while (seen->node < t->node.n) {
		const struct mp_tree_node *x = &t->node.x[++seen->node];

		begin(b, 'N', seen->node);
		number(b, x->parent);
		number(b, x->location);
		end(b);
	}
	while (seen->site < t->site.n) {
		const struct mp_site *s = &t->site.x[++seen->site];

		begin(b, 'S', seen->site);
		number(b, s->process);
		number(b, s->node);
		number(b, s->size);
		tab(b);
		mp_text_kind(b, s->kind);
		string(b, t, s->type);
		if (s->extra)
			number(b, mp_site_weight(s));
		end(b);
	}
}

void mp_text_defs(struct mp_buf *b, struct mp_text_seen *seen, const struct mp_tree *t)
{
	processes(b, seen, t);
	modules(b, seen, t);
	frames(b, seen, t);
}

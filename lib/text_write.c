/* text_write.c - the text twin as a form of the writer (formats/text.md).  The
 * rows of a profile leave at its end, when all its modules and labels are known.
 */
#include "form.h"

#include <string.h>

static int begin(struct mp_writer *w, enum mp_kind kind)
{
	struct mp_text_form *f = mp_form_of(w);

	if (!f)
		return -1;
	mp_form_reset(f);
	mp_buf_text(&f->line, kind == MP_TRACE ? "##mp=trace 1\n" : "##mp=profile 1\n");
	return mp_form_flush(w);
}

static bool reserved(const char *key)
{
	static const char *const name[] = {
		"mp", "column", "module", "loss", "objects", "tick",
	};
	size_t i;

	for (i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (!strcmp(key, name[i]))
			return true;
	return false;
}

static int meta(struct mp_writer *w, const char *key, const char *value)
{
	struct mp_text_form *f = w->form;
	const char *rest = key;
	char first[8] = "\\x";

	mp_buf_text(&f->line, "##");
	if (reserved(key)) {
		mp_put_hex(first + 2, (unsigned char)*rest++);
		memmove(first + 2, first + 4, 2);
		mp_buf_add(&f->line, first, 4);
	}
	mp_text_cstring(&f->line, rest, MP_TSV_KEY);
	mp_buf_char(&f->line, '=');
	mp_text_cstring(&f->line, value, MP_TSV_FIELD);
	mp_buf_char(&f->line, '\n');
	return mp_form_flush(w);
}

static void put_loss(struct mp_buf *b, const struct mp_loss *l)
{
	const struct { const char *name; uint64_t n; } field[] = {
		{ "lost_events", l->lost_events }, { "lost_bytes", l->lost_bytes },
		{ "damaged_blocks", l->damaged_blocks }, { "truncated", l->truncated },
		{ "sample_interval", l->sample_interval },
	};
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(field) / sizeof(*field); i++) {
		if (!field[i].n)
			continue;
		mp_buf_text(b, any ? " " : "##loss=");
		mp_buf_text(b, field[i].name);
		mp_buf_char(b, ' ');
		mp_buf_u64(b, field[i].n);
		any = true;
	}
	if (any)
		mp_buf_char(b, '\n');
}

/* ---- a trace ----------------------------------------------------------------------- */

static void number(struct mp_buf *b, uint64_t n)
{
	mp_buf_char(b, '\t');
	mp_buf_u64(b, n);
}

static void name_value(struct mp_buf *b, const struct mp_event *e)
{
	mp_buf_char(b, '\t');
	mp_text_cstring(b, e->name ? e->name : "", MP_TSV_FIELD);
	mp_buf_char(b, '\t');
	mp_buf_i64(b, e->value);
}

static void block(struct mp_buf *b, const struct mp_tree *t, const struct mp_event *e)
{
	bool known = e->site || e->op != MP_OP_FREE || e->block;

	number(b, e->thread);
	number(b, e->block);
	if (known) {
		number(b, e->size);
		mp_buf_char(b, '\t');
		mp_text_kind(b, e->kind);
		mp_buf_char(b, '\t');
		if (e->site) {
			mp_buf_char(b, '@');
			mp_buf_u64(b, e->site);
		} else if (e->op != MP_OP_FREE) {
			mp_text_stack(b, NULL, t, e->node);
		}
	} else if (e->replace) {
		mp_buf_text(b, "\t\t\t");
	}
	if (e->replace) {
		mp_buf_char(b, '\t');
		mp_buf_text(b, mp_text_replace_name(e->replace));
		if (e->replace_number && e->replace_number < MP_TEXT_BESIDE) {
			mp_buf_char(b, ':');
			mp_buf_u64(b, e->replace_number);
		}
	}
	if (known && e->weight > 1) {
		mp_buf_text(b, e->replace ? "" : "\t");
		number(b, e->weight);
	}
}

static void put_event(struct mp_buf *b, const struct mp_tree *t, const struct mp_event *e)
{
	static const char *const op[] = {
		"?", "alloc", "free", "procend", "sample", "series", "mark", "base",
	};

	mp_buf_text(b, op[e->op <= MP_OP_BASE ? e->op : 0]);
	number(b, e->time);
	switch (e->op) {
	case MP_OP_PROCEND:
		number(b, e->process);
		break;
	case MP_OP_SAMPLE:
		number(b, e->thread);
		number(b, e->weight);
		number(b, e->state);
		number(b, e->rss);
		mp_buf_text(b, "\t@");
		mp_buf_u64(b, e->node);
		break;
	case MP_OP_SERIES:
		number(b, e->process);
		name_value(b, e);
		break;
	case MP_OP_MARK:
		number(b, e->thread);
		number(b, e->process);
		name_value(b, e);
		break;
	case MP_OP_ALLOC:
	case MP_OP_FREE:
	case MP_OP_BASE:
	default:
		block(b, t, e);
	}
	mp_buf_char(b, '\n');
}

static int head(struct mp_writer *w, const struct mp_tree *t)
{
	struct mp_text_form *f = w->form;

	if (mp_form_tree(w, t))
		return -1;
	if (f->head)
		return 0;
	f->head = true;
	if (f->objects || t->objects)
		mp_buf_text(&f->line, "##objects=1\n");
	if (f->tick > 1) {
		mp_buf_text(&f->line, "##tick=");
		mp_buf_u64(&f->line, f->tick);
		mp_buf_char(&f->line, '\n');
	}
	/* it goes ahead of the weights, the rest stands at the end */
	put_loss(&f->line, &(struct mp_loss){ .sample_interval = f->loss.sample_interval });
	f->interval = f->loss.sample_interval;
	return 0;
}

static int event(struct mp_writer *w, const struct mp_tree *t, const struct mp_event *e)
{
	struct mp_text_form *f = w->form;

	if (head(w, t))
		return -1;
	mp_text_defs(&f->line, &f->seen, t);
	put_event(&f->line, t, e);
	return mp_form_flush(w);
}

static int lost(struct mp_writer *w, uint64_t events, uint64_t bytes)
{
	struct mp_text_form *f = w->form;

	if (head(w, f->tree))
		return -1;
	mp_buf_text(&f->line, "lost");
	number(&f->line, events);
	number(&f->line, bytes);
	mp_buf_char(&f->line, '\n');
	return mp_form_flush(w);
}

/* ---- a profile --------------------------------------------------------------------- */

static const char *const label_name[MP_FORM_LABELS] = {
	"stack", "process", "thread", "kind", "type", "pid", "tid",
};

static void column_name(struct mp_buf *b, const struct mp_tree *t, uint32_t name)
{
	const char *text = mp_str(t, name);
	char digits[MP_DECIMAL_MAX];
	size_t i;

	for (i = 0; i < MP_FORM_LABELS && strcmp(text, label_name[i]); i++)
		;
	if (i == MP_FORM_LABELS) {
		mp_text_string(b, t, name, MP_TSV_FIELD);
		return;
	}
	mp_put_hex(digits, (unsigned char)*text);
	mp_buf_text(b, "\\x");
	mp_buf_add(b, digits + 2, 2);
	mp_text_cstring(b, text + 1, MP_TSV_FIELD);
}

static void put_header(struct mp_buf *b, struct mp_text_form *f, bool pid, bool tid)
{
	static const char *const combine[] = { "sum", "max", "min" };
	const struct mp_tree *t = f->tree;
	uint32_t i;

	for (i = 1; i <= t->column.n; i++) {
		const struct mp_coldef *c = &t->column.x[i];

		mp_buf_text(b, "##column=");
		mp_text_string(b, t, c->name, MP_TSV_FIELD);
		mp_buf_char(b, '\t');
		mp_text_string(b, t, c->unit, MP_TSV_FIELD);
		mp_buf_char(b, '\t');
		mp_text_string(b, t, c->view, MP_TSV_FIELD);
		mp_buf_char(b, '\t');
		mp_buf_text(b, combine[c->combine <= MP_MIN ? c->combine : 0]);
		mp_buf_char(b, '\n');
	}
	mp_text_new_modules(b, &f->modules, t);
	put_loss(b, &f->loss);
	mp_buf_char(b, '#');
	for (i = 1; i <= t->column.n; i++) {
		column_name(b, t, t->column.x[i].name);
		mp_buf_char(b, '\t');
	}
	mp_buf_text(b, "process\tthread\tkind\ttype\t");
	mp_buf_text(b, pid ? "pid\t" : "");
	mp_buf_text(b, tid ? "tid\t" : "");
	mp_buf_text(b, "stack\n");
}

static void put_row(struct mp_buf *b, struct mp_text_form *f, size_t row, bool pid, bool tid)
{
	const int64_t *x = mp_form_row(f, row);
	size_t k;

	for (k = MP_FORM_LABELS; k < f->row.width; k++) {
		mp_buf_i64(b, x[k]);
		mp_buf_char(b, '\t');
	}
	for (k = 1; k < MP_FORM_LABELS; k++) {
		if ((k == 5 && !pid) || (k == 6 && !tid))
			continue;
		if (k == 3)
			mp_text_kind(b, (uint32_t)x[k]);
		else if (k < 5)
			mp_text_string(b, f->tree, (uint32_t)x[k], MP_TSV_FIELD);
		else
			mp_buf_u64(b, (uint64_t)x[k]);
		mp_buf_char(b, '\t');
	}
	mp_text_stack(b, &f->modules, f->tree, (mp_node)x[0]);
	mp_buf_char(b, '\n');
}

static int put_rows(struct mp_writer *w)
{
	struct mp_text_form *f = w->form;
	bool pid = mp_form_has(f, 5), tid = mp_form_has(f, 6);
	size_t i;

	put_header(&f->line, f, pid, tid);
	for (i = 0; i < f->row.rows; i++) {
		put_row(&f->line, f, i, pid, tid);
		if (mp_form_flush(w))
			return -1;
	}
	return 0;
}

static int rows(struct mp_writer *w, const struct mp_rows_out *r)
{
	return mp_form_keep_rows(w, w->tree, r);
}

/* ---- the end ------------------------------------------------------------------------- */

static int end(struct mp_writer *w)
{
	struct mp_text_form *f = w->form;

	if (!f->tree)
		f->tree = w->tree;
	if (w->kind == MP_PROFILE) {
		if (put_rows(w))
			return -1;
	} else {
		if (head(w, f->tree))
			return -1;
		mp_text_defs(&f->line, &f->seen, f->tree);
		if (f->loss.sample_interval == f->interval)
			f->loss.sample_interval = 0;
		put_loss(&f->line, &f->loss);
		if (!f->cut)
			mp_buf_text(&f->line, "end\n");
	}
	return mp_form_flush(w);
}

static int copy(struct mp_writer *w, struct mp_reader *r)
{
	return mp_form_copy(w, r, NULL, lost);
}

const struct mp_form_ops mp_text_ops = {
	begin, meta, event, rows, mp_form_loss, copy, end, mp_form_free,
};

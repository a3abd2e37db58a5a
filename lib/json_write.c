/* json_write.c - JSON lines as a form of the writer (formats/text.md, section 7).
 * Every line is one object; those of a profile are its rows and nothing else,
 * but for a last one where something is missing.
 */
#include "form.h"
#include "json_out.h"

#include <string.h>

static int begin(struct mp_writer *w, enum mp_kind kind)
{
	struct mp_text_form *f = mp_form_of(w);

	(void)kind;
	if (!f)
		return -1;
	mp_form_reset(f);
	return 0;
}

static int meta(struct mp_writer *w, const char *key, const char *value)
{
	struct mp_text_form *f = w->form;

	mp_json_text(&f->meta, key, value);
	return f->meta.failed ? mp_writer_fail(w, "%s: out of memory", w->out.name) : 0;
}

static void put_interval(struct mp_buf *b, uint64_t interval)
{
	mp_json_u64(b, "sample_interval", interval);
	if (interval) {
		mp_json_key(b, "estimate");
		mp_buf_text(b, "true");
	}
}

static void put_head(struct mp_text_form *f)
{
	struct mp_buf *b = &f->line;

	if (f->head)
		return;
	f->head = true;
	mp_buf_char(b, '{');
	mp_json_text(b, "op", "head");
	mp_json_text(b, "kind", "trace");
	mp_json_key(b, "meta");
	mp_buf_char(b, '{');
	mp_buf_add(b, f->meta.s, f->meta.n);
	mp_buf_char(b, '}');
	if (f->loss.sample_interval)
		put_interval(b, f->loss.sample_interval);
	mp_buf_text(b, "}\n");
}

static int event(struct mp_writer *w, const struct mp_tree *t, const struct mp_event *e)
{
	struct mp_text_form *f = w->form;

	put_head(f);
	mp_json_event(&f->line, t, e, w->sites);
	return mp_form_flush(w);
}

static int lost(struct mp_writer *w, uint64_t events, uint64_t bytes)
{
	struct mp_text_form *f = w->form;
	struct mp_buf *b = &f->line;

	put_head(f);
	mp_buf_char(b, '{');
	mp_json_text(b, "op", "lost");
	mp_json_u64(b, "lost_events", events);
	mp_json_u64(b, "lost_bytes", bytes);
	mp_buf_text(b, "}\n");
	return mp_form_flush(w);
}

static void put_end(struct mp_buf *b, const char *op, const struct mp_text_form *f)
{
	const struct mp_loss *l = &f->loss;

	mp_buf_char(b, '{');
	mp_json_text(b, "op", op);
	/* all of it, what was told where it was lost included */
	mp_json_u64(b, "lost_events", l->lost_events + f->lost_events);
	mp_json_u64(b, "lost_bytes", l->lost_bytes + f->lost_bytes);
	mp_json_u64(b, "damaged_blocks", l->damaged_blocks);
	mp_json_u64(b, "truncated", l->truncated + f->cut);
	put_interval(b, l->sample_interval);
	mp_buf_text(b, "}\n");
}

/* ---- a profile --------------------------------------------------------------------- */

static bool taken(const struct mp_tree *t, uint32_t column)
{
	static const char *const label[MP_FORM_LABELS] = {
		"stack", "process", "thread", "kind", "type", "pid", "tid",
	};
	const char *name = mp_str(t, t->column.x[column].name);
	uint32_t i;

	for (i = 0; i < MP_FORM_LABELS; i++)
		if (!strcmp(name, label[i]))
			return true;
	for (i = 1; i < column; i++)
		if (t->column.x[i].name == t->column.x[column].name)
			return true;
	return !strcmp(name, "op");
}

/* Column NAME, or NAME#NUMBER where another key has the name. */
static void put_value(struct mp_buf *b, const struct mp_tree *t, uint32_t column, int64_t value)
{
	mp_json_id(b, NULL, t, t->column.x[column].name);
	if (taken(t, column)) {
		b->n--;         /* the closing quote */
		mp_buf_char(b, '#');
		mp_buf_u64(b, column);
		mp_buf_char(b, '"');
	}
	mp_buf_char(b, ':');
	mp_buf_i64(b, value);
}

static void put_row(struct mp_writer *w, size_t row, bool pid, bool tid)
{
	struct mp_text_form *f = w->form;
	struct mp_buf *b = &f->line;
	const int64_t *x = mp_form_row(f, row);
	const struct mp_tree *t = f->tree;
	uint32_t k;

	mp_buf_char(b, '{');
	for (k = MP_FORM_LABELS; k < f->row.width; k++) {
		if (k > MP_FORM_LABELS)
			mp_buf_char(b, ',');
		put_value(b, t, k - MP_FORM_LABELS + 1, x[k]);
	}
	mp_json_id(b, "process", t, (uint32_t)x[1]);
	mp_json_id(b, "thread", t, (uint32_t)x[2]);
	mp_json_kind(b, (uint32_t)x[3]);
	mp_json_id(b, "type", t, (uint32_t)x[4]);
	if (pid)
		mp_json_u64(b, "pid", (uint64_t)x[5]);
	if (tid)
		mp_json_u64(b, "tid", (uint64_t)x[6]);
	mp_json_stack(b, t, (mp_node)x[0], w->sites);
	mp_buf_text(b, "}\n");
}

static int rows(struct mp_writer *w, const struct mp_rows_out *r)
{
	return mp_form_keep_rows(w, w->tree, r);
}

/* ---- the end ------------------------------------------------------------------------- */

static int end(struct mp_writer *w)
{
	struct mp_text_form *f = w->form;
	const struct mp_loss *l = &f->loss;
	bool pid = mp_form_has(f, 5), tid = mp_form_has(f, 6);
	size_t i;

	if (w->kind != MP_PROFILE) {
		put_head(f);
		put_end(&f->line, "end", f);
		return mp_form_flush(w);
	}
	for (i = 0; i < f->row.rows; i++) {
		put_row(w, i, pid, tid);
		if (mp_form_flush(w))
			return -1;
	}
	if (l->lost_events || l->lost_bytes || l->damaged_blocks || l->truncated ||
	    l->sample_interval)
		put_end(&f->line, "loss", f);
	return mp_form_flush(w);
}

static int copy(struct mp_writer *w, struct mp_reader *r)
{
	struct mp_reader *ahead = NULL;
	int status;

	/* a line cannot be changed once it is out: all names first */
	if (mp_kind(r) == MP_TRACE) {
		ahead = mp_read_ahead(r);
		if (!ahead)
			return mp_writer_fail(w, "%s", mp_error(r));
	}
	status = mp_form_copy(w, r, ahead ? mp_tree(ahead) : NULL, lost);
	if (!ahead)
		return status;
	/* what it met, the other has met as well: but for memory that was out */
	if (!status && mp_error(ahead) && !mp_error(r))
		status = mp_writer_fail(w, "%s", mp_error(ahead));
	if (!status && mp_damage(ahead) && !mp_damage(r))
		status = mp_writer_fail(w, "%s", mp_damage(ahead));
	if (mp_close(ahead) < 0)
		return status;  /* told above */
	return status;
}

const struct mp_form_ops mp_json_ops = {
	begin, meta, event, rows, mp_form_loss, copy, end, mp_form_free,
};

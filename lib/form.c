/* form.c - what the text forms share.  Invariant: the loss told in a part's lines
 * and the loss told at its end add up to the loss of what it was made from.
 */
#include "form.h"

#include <stdlib.h>
#include <string.h>

struct mp_text_form *mp_form_of(struct mp_writer *w)
{
	if (!w->form) {
		w->form = calloc(1, sizeof(struct mp_text_form));
		if (!w->form)
			mp_writer_fail(w, "%s: out of memory", w->out.name);
	}
	return w->form;
}

static void drop(struct mp_text_form *f)
{
	mp_buf_free(&f->line);
	mp_buf_free(&f->meta);
	mp_text_modules_free(&f->modules);
	free(f->row.x);
}

void mp_form_reset(struct mp_text_form *f)
{
	drop(f);
	*f = (struct mp_text_form){ 0 };
}

void mp_form_free(struct mp_writer *w)
{
	struct mp_text_form *f = w->form;

	if (!f)
		return;
	drop(f);
	free(f);
	w->form = NULL;
}

int mp_form_flush(struct mp_writer *w)
{
	struct mp_text_form *f = w->form;
	int bad;

	if (f->line.failed || f->meta.failed)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	bad = mp_out_add(&w->out, f->line.s, f->line.n);
	f->line.n = 0;
	return bad;
}

int mp_form_tree(struct mp_writer *w, const struct mp_tree *t)
{
	struct mp_text_form *f = w->form;

	if (!f->tree)
		f->tree = t;
	if (f->tree == t)
		return 0;
	return mp_writer_fail(w, "%s: events of two trees in one part of text", w->out.name);
}

/* ---- rows -------------------------------------------------------------------------- */

int mp_form_keep_rows(struct mp_writer *w, const struct mp_tree *t, const struct mp_rows_out *r)
{
	const uint32_t *label[MP_FORM_LABELS] = {
		r->node, r->process, r->thread, r->kind, r->type, r->pid, r->tid,
	};
	struct mp_text_form *f = w->form;
	size_t i, k, room, width = MP_FORM_LABELS + r->columns;
	int64_t *x;

	if (mp_form_tree(w, t))
		return -1;
	if (f->row.width && f->row.width != width)
		return mp_writer_fail(w, "%s: rows with other columns", w->out.name);
	f->row.width = width;
	if (f->row.room - f->row.rows < r->n) {
		room = f->row.rows + r->n;
		room = f->row.room * 2 > room ? f->row.room * 2 : room;
		x = room <= SIZE_MAX / sizeof(*x) / width ?
			realloc(f->row.x, room * width * sizeof(*x)) : NULL;
		if (!x)
			return mp_writer_fail(w, "%s: out of memory", w->out.name);
		f->row.x = x;
		f->row.room = room;
	}
	for (i = 0; i < r->n; i++) {
		x = f->row.x + (f->row.rows + i) * width;
		for (k = 0; k < MP_FORM_LABELS; k++)
			x[k] = label[k] ? label[k][i] : 0;
		for (k = 0; k < r->columns; k++)
			x[MP_FORM_LABELS + k] = r->value[k][i];
	}
	f->row.rows += r->n;
	return 0;
}

bool mp_form_has(const struct mp_text_form *f, unsigned label)
{
	size_t i;

	for (i = 0; i < f->row.rows; i++)
		if (mp_form_row(f, i)[label])
			return true;
	return false;
}

int mp_form_loss(struct mp_writer *w, const struct mp_loss *loss)
{
	struct mp_text_form *f = mp_form_of(w);

	if (!f)
		return -1;
	mp_add_loss(&f->loss, loss);
	return 0;
}

/* ---- copying ------------------------------------------------------------------------ */

static uint32_t *narrow(const uint64_t *x, size_t n, bool *failed)
{
	uint32_t *y = x ? malloc((n + 1) * sizeof(*y)) : NULL;
	size_t i;

	for (i = 0; y && i < n; i++)
		y[i] = (uint32_t)x[i];
	*failed |= x && !y;
	return y;
}

static int copy_rows(struct mp_writer *w, struct mp_reader *r)
{
	const struct mp_tree *t = mp_tree(r);
	const struct mp_block *b;
	int more, bad = 0;

	while (!bad && (more = mp_next_block(r, MP_WANT_ALL, &b)) > 0) {
		bool failed = false;
		struct mp_rows_out out = {
			.n = b->n, .columns = b->n_values,
			.node = narrow(b->r_node, b->n, &failed),
			.process = narrow(b->r_process, b->n, &failed),
			.thread = narrow(b->r_thread, b->n, &failed),
			.kind = narrow(b->r_kind, b->n, &failed),
			.type = narrow(b->r_type, b->n, &failed),
			.pid = narrow(b->r_pid, b->n, &failed),
			.tid = narrow(b->r_tid, b->n, &failed),
			.value = b->values,
		};

		if (failed)
			bad = mp_writer_fail(w, "%s: out of memory", w->out.name);
		else if (b->kind == MP_BLOCK_ROWS)
			bad = mp_form_keep_rows(w, t, &out);
		free((void *)(uintptr_t)out.node), free((void *)(uintptr_t)out.process);
		free((void *)(uintptr_t)out.thread), free((void *)(uintptr_t)out.kind);
		free((void *)(uintptr_t)out.type), free((void *)(uintptr_t)out.pid);
		free((void *)(uintptr_t)out.tid);
	}
	return bad || more < 0 ? -1 : mp_form_tree(w, t);
}

static int copy_events(struct mp_writer *w, struct mp_reader *r, const struct mp_tree *t,
		int (*lost)(struct mp_writer *, uint64_t, uint64_t))
{
	struct mp_text_form *f = w->form;
	struct mp_event e;
	struct mp_loss loss;
	int more;

	while ((more = mp_next(r, &e)) > 0) {
		loss = mp_part_loss(r);
		if (loss.lost_events > f->lost_events || loss.lost_bytes > f->lost_bytes) {
			if (mp_form_tree(w, t) ||
			    lost(w, loss.lost_events - f->lost_events,
				 loss.lost_bytes - f->lost_bytes))
				return -1;
			f->lost_events = loss.lost_events;
			f->lost_bytes = loss.lost_bytes;
		}
		if (mp_put_event(w, t, &e))
			return -1;
	}
	return more < 0 ? -1 : mp_form_tree(w, t);
}

int mp_form_copy(struct mp_writer *w, struct mp_reader *r, const struct mp_tree *names,
		int (*lost)(struct mp_writer *, uint64_t, uint64_t))
{
	const char *key, *value;
	struct mp_loss loss;
	struct mp_text_form *f;
	size_t i;

	if (mp_begin(w, mp_kind(r)))
		return -1;
	f = w->form;
	for (i = 0; mp_meta_at(r, i, &key, &value); i++)
		if (mp_put_meta(w, key, value))
			return -1;
	loss = (struct mp_loss){ .sample_interval = mp_part_loss(r).sample_interval };
	if (mp_put_loss(w, &loss))
		return -1;
	f->objects = mp_reader_objects(r);
	f->tick = mp_reader_tick(r);
	if (mp_kind(r) == MP_PROFILE ? copy_rows(w, r) :
			copy_events(w, r, names ? names : mp_tree(r), lost))
		return -1;
	loss = mp_part_loss(r);
	loss.lost_events -= f->lost_events;
	loss.lost_bytes -= f->lost_bytes;
	f->cut = !mp_part_complete(r);
	if (f->cut && loss.truncated)
		loss.truncated--;       /* the missing end mark says so */
	if (mp_put_loss(w, &loss))
		return -1;
	return mp_end(w);
}

/* writer.c - the writing half of mp.h, whatever the form.
 * Invariant: a hook of a form is called only in its place (between begin and end,
 * rows in a profile, events in a trace) and never after a failure.
 */
#include "io.h"

#include <stdlib.h>
#include <string.h>

int mp_writer_fail(struct mp_writer *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mp_err_vset(&w->error, format, args);
	va_end(args);
	return -1;
}

const char *mp_writer_error(const struct mp_writer *w)
{
	return mp_err_is(&w->out.error) ? w->out.error.text :
		mp_err_is(&w->error) ? w->error.text : NULL;
}

struct mp_writer *mp_create(const char *path, enum mp_form form, int level)
{
	struct mp_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	mp_out_open(&w->out, path);
	if (!w->out.name) {
		free(w);
		return NULL;
	}
	w->ops = form == MP_TEXT ? &mp_text_ops : form == MP_BINARY ? &mp_binary_ops :
		&mp_json_ops;
	w->sites = form == MP_JSON_SITES;
	w->level = level >= 0 ? level : w->out.regular;
	w->asked = level >= 0;
	return w;
}

struct mp_writer *mp_create_sink(int (*write)(void *ctx, const void *, size_t), void *ctx,
		int level)
{
	struct mp_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->ops = &mp_binary_ops;
	w->level = level;
	w->out = (struct mp_out){ .fd = -1, .write = write, .ctx = ctx, .name = strdup("output") };
	if (!w->out.name) {
		free(w);
		return NULL;
	}
	return w;
}

/* Whether a part of kind KIND (0: any) is being written and nothing failed. */
static bool writing(struct mp_writer *w, enum mp_kind kind)
{
	if (mp_writer_error(w))
		return false;
	if (w->kind && (!kind || w->kind == kind))
		return true;
	mp_writer_fail(w, "%s: %s", w->out.name, !w->kind ? "no part was begun" :
			kind == MP_TRACE ? "events in a profile" : "rows in a trace");
	return false;
}

int mp_begin(struct mp_writer *w, enum mp_kind kind)
{
	if (mp_writer_error(w))
		return -1;
	if (w->kind)
		return mp_writer_fail(w, "%s: a part within a part", w->out.name);
	w->tree = mp_tree_new();
	if (!w->tree)
		return mp_writer_fail(w, "%s: out of memory", w->out.name);
	w->kind = kind;
	return w->ops->begin(w, kind);
}

int mp_put_meta(struct mp_writer *w, const char *key, const char *value)
{
	return writing(w, 0) ? w->ops->meta(w, key, value) : -1;
}

int mp_put_event(struct mp_writer *w, const struct mp_tree *tree, const struct mp_event *e)
{
	return writing(w, MP_TRACE) ? w->ops->event(w, tree, e) : -1;
}

int mp_put_rows(struct mp_writer *w, const struct mp_rows_out *rows)
{
	return writing(w, MP_PROFILE) ? w->ops->rows(w, rows) : -1;
}

int mp_put_loss(struct mp_writer *w, const struct mp_loss *loss)
{
	return writing(w, 0) ? w->ops->loss(w, loss) : -1;
}

int mp_copy_part(struct mp_writer *w, struct mp_reader *r)
{
	if (mp_writer_error(w))
		return -1;
	if (w->kind)
		return mp_writer_fail(w, "%s: a part within a part", w->out.name);
	return w->ops->copy(w, r) || mp_out_flush(&w->out) ? -1 : 0;
}

struct mp_tree *mp_writer_tree(struct mp_writer *w)
{
	return w->tree;
}

int mp_end(struct mp_writer *w)
{
	int status = writing(w, 0) && !w->ops->end(w) && !mp_out_flush(&w->out) ? 0 : -1;

	mp_tree_free(w->tree);
	w->tree = NULL;
	w->kind = 0;
	return status;
}

int mp_finish(struct mp_writer *w)
{
	int status = mp_writer_error(w) || w->kind ? -1 : 0;

	if (w->ops->free)
		w->ops->free(w);
	if (mp_out_close(&w->out))
		status = -1;
	mp_tree_free(w->tree);
	free(w->out.name);
	free(w);
	return status;
}

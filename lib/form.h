/* form.h - what the text forms share: rows kept until the part ends (their header
 * depends on all of them), and a reader's part copied event by event.
 */
#ifndef MP_FORM_H
#define MP_FORM_H

#include "io.h"
#include "text.h"

struct mp_text_form {
	struct mp_buf line;             /* what is being written */
	const struct mp_tree *tree;     /* whose numbers are written */
	bool head;                      /* what stands before the first event is written */
	uint64_t interval;              /* of a sample: told in it */
	bool cut;                       /* the part gets no end mark */
	bool objects;                   /* HEAD: Python objects are traced */
	uint64_t tick;                  /* HEAD: ns, 0 = unknown */
	struct mp_loss loss;
	uint64_t lost_events, lost_bytes;       /* told where they were lost */
	struct mp_buf meta;             /* JSON: the inside of its object */
	struct mp_text_seen seen;
	struct mp_text_modules modules;
	/* rows: 7 labels and the values of one after the other */
	struct { int64_t *x; size_t rows, room, width; } row;
};
enum { MP_FORM_LABELS = 7 };    /* node, process, thread, kind, type, pid, tid */

struct mp_text_form *mp_form_of(struct mp_writer *);    /* NULL (and the error): no memory */
void mp_form_reset(struct mp_text_form *);                   /* a part begins */
void mp_form_free(struct mp_writer *);
int mp_form_flush(struct mp_writer *);                  /* the line goes out */
/* TREE's numbers are used from now on; it must be the same throughout a part. */
int mp_form_tree(struct mp_writer *, const struct mp_tree *);
int mp_form_keep_rows(struct mp_writer *, const struct mp_tree *, const struct mp_rows_out *);
static inline const int64_t *mp_form_row(const struct mp_text_form *f, size_t i)
{
	return f->row.x + i * f->row.width;
}
/* Any row has a number other than 0 in this label. */
bool mp_form_has(const struct mp_text_form *, unsigned label);
int mp_form_loss(struct mp_writer *, const struct mp_loss *);
/* Between mp_begin and mp_end, which it calls.  NAMES: a tree with the reader's numbers
 * to take names from, NULL: its own.  LOST tells of events missing here. */
int mp_form_copy(struct mp_writer *, struct mp_reader *, const struct mp_tree *names,
		int (*lost)(struct mp_writer *, uint64_t events, uint64_t bytes));

#endif

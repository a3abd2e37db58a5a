/* io.h - inside lib/: what readers, writers and the forms share.
 *
 * There is one decoding path: text and JSON come in through a source that turns
 * them into binary .mp (mp_text_source), and go out through a struct
 * mp_form_ops.  A form's hooks return 0 or -1 with the writer's error set.
 */
#ifndef MP_IO_H
#define MP_IO_H

#include "encode.h"
#include "stream.h"
#include "tree.h"

/* ---- reading ------------------------------------------------------------------- */

/* lib/text_source.c.  IN is positioned at the first byte, which is neither
 * zstd's nor an .mp block's; it is taken over (closed by out->close), even if the
 * call fails.  The source gives a binary .mp stream.  What is not text of a known
 * form makes fill fail with the error "NAME: not a trace or profile", a bad line
 * with "NAME: line 12: cause".  0, or -1 when memory is out. */
int mp_text_source(struct mp_source *out, struct mp_stream *in, const char *name);

const char *mp_reader_name(const struct mp_reader *);
/* Damage that only somebody who follows the events can see (a total that does
 * not fit a block's header); counted and told like the reader's own. */
__attribute__((format(printf, 2, 3))) void mp_note_damage(struct mp_reader *, const char *, ...);
/* Fixed numbers of the current part's HEAD, and of its END once it was read. */
/* The current part's tree for another, which is freed with the part.  What the
 * reader handed out of the old one (metadata, frames) lives as long as that does. */
struct mp_tree *mp_reader_swap_tree(struct mp_reader *, struct mp_tree *);
bool mp_reader_objects(const struct mp_reader *);
uint64_t mp_reader_tick(const struct mp_reader *);      /* ns */
/* Loss of the current part alone; complete once its end was reached. */
struct mp_loss mp_part_loss(const struct mp_reader *);
/* Read what is left of the current part: every column, and the sums of its headers
 * against its events.  What is wrong is damage.  Adds its events or rows to *RECORDS. */
int mp_verify_part(struct mp_reader *, uint64_t *records);
/* A second reader of the current part, at its begin: the same blocks, the same numbers.
 * Between mp_next_part and the first record; to be closed before the other.  NULL: an
 * error of the other. */
struct mp_reader *mp_read_again(struct mp_reader *);
/* One that has read the part to its end, events left out: its tree has the names that
 * come late, too. */
struct mp_reader *mp_read_ahead(struct mp_reader *);
bool mp_part_complete(const struct mp_reader *);        /* its END was read */

/* ---- writing ------------------------------------------------------------------- */

struct mp_rows_out {
	size_t n;
	uint32_t columns;               /* as many as the writer's tree has */
	/* ids of the writer's tree (strings but for node, kind, pid, tid);
	 * NULL: 0 in every row */
	const uint32_t *node, *process, *thread, *kind, *type, *pid, *tid;
	const int64_t *const *value;    /* [column][row] */
};

struct mp_form_ops {
	int (*begin)(struct mp_writer *, enum mp_kind);
	int (*meta)(struct mp_writer *, const char *key, const char *value);
	int (*event)(struct mp_writer *, const struct mp_tree *, const struct mp_event *);
	int (*rows)(struct mp_writer *, const struct mp_rows_out *);
	int (*loss)(struct mp_writer *, const struct mp_loss *);
	int (*copy)(struct mp_writer *, struct mp_reader *);    /* the reader's current part */
	int (*end)(struct mp_writer *);
	void (*free)(struct mp_writer *);       /* the form's own state */
};

extern const struct mp_form_ops mp_binary_ops;  /* lib/writer_binary.c */
extern const struct mp_form_ops mp_text_ops, mp_json_ops;

struct mp_writer {
	const struct mp_form_ops *ops;
	void *form;                     /* the form's own state, NULL at first */
	struct mp_out out;
	struct mp_err error;            /* of the writer; out.error is the output's */
	int level;                      /* zstd's, 0 = stored */
	bool asked;                     /* for this level: not the default */
	bool sites;                     /* JSON: no stacks */
	enum mp_kind kind;              /* of the part begun, 0 = none */
	struct mp_tree *tree;           /* of the part begun */
};

/* A writer into a callback (0, or -1 to make it fail).  Form MP_BINARY. */
struct mp_writer *mp_create_sink(int (*write)(void *ctx, const void *, size_t), void *ctx,
		int level);
/* Set the error that sticks (the first one stays); always -1. */
__attribute__((format(printf, 2, 3))) int mp_writer_fail(struct mp_writer *, const char *, ...);
/* Rows of the profile begun; its columns are the tree's mp_def_column entries.
 * May be called several times. */
int mp_put_rows(struct mp_writer *, const struct mp_rows_out *);

#endif

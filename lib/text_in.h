/* text_in.h - inside the reader of the text twin: one part being put together,
 * line by line.  A line that is wrong sets x->wrong and changes nothing after.
 */
#ifndef MP_TEXT_IN_H
#define MP_TEXT_IN_H

#include "io.h"
#include "text.h"

enum mp_text_ids {              /* definitions whose numbers lines refer to */
	MP_IDS_PROCESS, MP_IDS_THREAD, MP_IDS_MODULE, MP_IDS_CODE, MP_IDS_LINE,
	MP_IDS_FRAME, MP_IDS_NODE, MP_IDS_SITE, MP_IDS_MAP, MP_IDS_CLOCK, MP_IDS_KINDS
};

enum mp_text_group {            /* records that share a block */
	MP_GROUP_NONE, MP_GROUP_EVENTS, MP_GROUP_SAMPLES, MP_GROUP_SERIES, MP_GROUP_MARKS,
	MP_GROUP_BASE,
};

enum { MP_LABEL_NODE, MP_LABEL_PROCESS, MP_LABEL_THREAD, MP_LABEL_KIND, MP_LABEL_TYPE,
	MP_LABEL_PID, MP_LABEL_TID, MP_LABELS };

struct mp_text_table {          /* a profile */
	struct { uint32_t name, label, column; } *field;        /* of a row */
	struct mp_slice *slice;         /* room for the fields of one row */
	size_t fields;
	struct mp_coldef *defined;      /* ##column lines */
	uint32_t n_defined;
	bool resolved;                  /* the writer's tree has the columns */
	struct mp_buf held;             /* rows that wait for the header, or for all of them */
	/* rows on their way to the writer */
	uint32_t *label[MP_LABELS], columns;
	int64_t **value;
	size_t rows;
};

struct mp_text_in {
	enum mp_kind kind;              /* 0: no part is open */
	bool folded;                    /* a profile of bare lines */
	bool begun;                     /* its ##mp line has been seen */
	const char *wrong;              /* of the line at hand, NULL: nothing */
	struct mp_writer *writer;
	struct mp_tree *tree;           /* the writer's */
	struct mp_text_stacks stacks;
	struct mp_loss loss;
	bool sampled;                   /* told ahead of the first event: there may be weights */
	uint64_t line_number, byte;     /* of the line at hand */
	bool content;                   /* an event or a row has gone to the writer */
	struct mp_text_table table;
	/* a trace */
	MP_VEC(uint32_t) ids[MP_IDS_KINDS];     /* number in the text -> id in the tree */
	uint32_t *line;                 /* of an f line */
	uint32_t line_room;
	enum mp_text_group group;       /* of the event before */
	bool ending;                    /* it was a procend, at end_time */
	uint64_t end_time, last_time, last_block;
	uint32_t half;                  /* replacement the event before was the free of */
	bool ended;                     /* the end line has been seen */
};

enum { MP_TEXT_FIELDS = 12 };
/* A line of a trace: a definition (false if it is none), an event. */
bool mp_text_definition(struct mp_text_in *, char *line, size_t n);
void mp_text_definitions(struct mp_text_in *);  /* before one */
void mp_text_event(struct mp_text_in *, char *line, size_t n);

/* A line of a profile. */
void mp_text_column(struct mp_text_in *, char *value, size_t n);
void mp_text_module(struct mp_text_in *, char *value, size_t n);
void mp_text_header(struct mp_text_in *, char *line, size_t n);
void mp_text_row(struct mp_text_in *, char *line, size_t n);
/* The rows held back, and the part is whole. */
void mp_text_rows_end(struct mp_text_in *);
void mp_text_table_free(struct mp_text_in *);

/* Splits into MAX fields, missing ones empty; false if there are more. */
bool mp_text_fields(struct mp_text_in *, char *line, size_t n, struct mp_slice *f, size_t max);
bool mp_text_is(const struct mp_slice *, const char *word);

/* Fields as values; an empty one is 0. */
uint64_t mp_text_number(struct mp_text_in *, const struct mp_slice *);
uint32_t mp_text_number32(struct mp_text_in *, const struct mp_slice *);
int64_t mp_text_signed(struct mp_text_in *, const struct mp_slice *);
uint64_t mp_text_hex(struct mp_text_in *, const struct mp_slice *);
uint32_t mp_text_id(struct mp_text_in *, const struct mp_slice *);      /* a string */
uint32_t mp_text_kind_of(struct mp_text_in *, const struct mp_slice *);
uint32_t mp_text_weight(struct mp_text_in *, const struct mp_slice *);  /* less 1 */
uint32_t mp_text_ref(struct mp_text_in *, enum mp_text_ids, const struct mp_slice *);

#endif

/* report_own.h - inside lib/report*.c: runs on their way into one page.
 *
 * Every run has its own tree; the report has one of its own, of frames without
 * addresses, in which a stack of two runs is one.  It holds the stacks kept; any
 * other stack is a child [rest] of the nearest kept one above it.
 * Invariant: every cell of a run is in one row of each of its two tables, so the sums of
 * both are the run's own, whatever was left out.
 */
#ifndef MP_REPORT_OWN_H
#define MP_REPORT_OWN_H

#include "report.h"

#include "error.h"
#include "summary.h"
#include "text.h"
#include "timeline.h"
#include "tree.h"
#include "tuples.h"

/* Flags of a frame: MP_FRAME_NATIVE, _PYTHON, _INLINED, _UNRESOLVED, _NOTE and */
enum {
	REPORT_INTERPRETER = 32,        /* native, of the interpreter itself */
	REPORT_IMPORT = 64,             /* of the import system */
};

/* Where a stack's own bytes are told to be: the innermost frame as mp-top names it;
 * that outside the interpreter; the innermost of all. */
enum { LEAF_LINE, LEAF_OUTSIDE, LEAF_INNER, LEAVES };

enum { FRAME_FUNC, FRAME_FILE, FRAME_MODULE, FRAME_LINE, FRAME_FLAGS, FRAME_WIDTH };
enum { NODE_PARENT, NODE_FRAME, NODE_WIDTH };
/* keys of a run's two tables */
enum { STACK_NODE, STACK_LABEL, STACK_MODULE, STACK_WIDTH };
enum {
	LINE_LEAF,
	LINE_LABEL = LINE_LEAF + LEAVES,
	LINE_MODULE,
	LINE_KIND,
	LINE_TYPE,
	LINE_CLASS,
	LINE_WIDTH
};
enum { REST_NODE, REST_FRAME, REST_WIDTH };
enum { LABEL_PROCESS, LABEL_THREAD, LABEL_WIDTH };

#define REPORT_REST 0x80000000u /* in shown[]: the [rest] below that node */
#define REPORT_MIXED UINT64_MAX /* in rows.size[]: blocks of more than one size */

struct report_rows {
	struct mp_tuples key;
	uint32_t *of_cell;
	uint64_t *size;                 /* of a row's blocks, or REPORT_MIXED */
	size_t size_room;
};

struct report_meta { char *key, *value; };

struct report_run {
	char *name;
	struct report_meta *meta;
	size_t n_meta;
	struct mp_timeline *t;
	struct mp_summary *s;
	const struct mp_tree *tree;
	struct mp_tree *taken;  /* the same, to be freed; NULL: it is the summary's */
	struct mp_loss loss;
	/* report_frames.c: frames of the report */
	uint32_t *frames;       /* of each location: how many, then they, innermost first */
	size_t frames_n, frames_room;
	size_t *frames_at;      /* location -> its place there */
	uint32_t *leaf[LEAVES]; /* node -> frame, 0: none */
	/* report_weight.c: the largest share of a node, all below it included; of its own */
	float *weight, *own;
	/* report_prune.c: node -> node of the report */
	uint32_t *shown;
	/* report_rows.c */
	struct mp_tuples label;
	bool by_name;           /* so many threads that those of one name are one */
	struct report_rows stacks, lines;
};

struct mp_report {
	struct report_run run[MP_REPORT_RUNS];
	size_t runs;
	struct mp_tree *names;  /* strings alone */
	struct mp_tuples frame, node;
	uint32_t rest, no_stack;        /* frames */
	float *frame_weight, *module_weight;    /* by frame; by string, of MODULES */
	uint32_t modules;               /* strings when frames were named: those of frames */
	uint8_t *frame_kept, *module_kept;
	struct mp_tuples rest_leaf;     /* node, frame: what a [rest] still tells apart */
	float *rest_weight;
	size_t rest_room;
	uint8_t *rest_kept;
	uint32_t *source;       /* per frame the string of its line's text; NULL: not shown */
	uint64_t size;          /* of the page written */
	struct mp_err error;
};

int mp_report_fail(struct mp_report *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int mp_report_memory(struct mp_report *);       /* fails: out of memory */

/* report_read.c: timeline, summary and tree of the part begun by mp_next_part. */
int mp_report_read(struct mp_report *, struct report_run *, struct mp_reader *,
	const struct mp_query *);

/* report_frames.c */
int mp_report_frames(struct mp_report *, struct report_run *);
uint32_t mp_report_note(struct mp_report *, const char *name);  /* a frame that is none */
/* The string a frame's row is filtered by: a Python file, a native module. */
uint32_t mp_report_module(const struct mp_report *, uint32_t frame);

/* report_weight.c */
int mp_report_weigh(struct mp_report *);
/* Keep the MAX heaviest of 1..N, of equals the lower numbers. */
void mp_report_choose(const float *weight, uint32_t n, uint32_t max, uint8_t *keep);

/* report_prune.c: the report's nodes, STACKS of them kept */
int mp_report_prune(struct mp_report *, uint32_t stacks);

/* report_rows.c */
int mp_report_rows(struct mp_report *, struct report_run *);

/* report_encode.c */
int mp_report_encode(struct mp_report *, const char *title, bool diff, struct mp_buf *payload);
/* report_head.c: a run's figures as a JSON object. */
void mp_report_head(const struct report_run *, struct mp_buf *);
/* report_source.c: r->source */
int mp_report_source(struct mp_report *);
/* report_page.c: PAYLOAD as a page; how many bytes of it are the payload's. */
int mp_report_pack(struct mp_report *, const struct mp_buf *payload, struct mp_buf *packed);
void mp_report_page(const struct mp_buf *packed, FILE *out);
size_t mp_report_page_size(void);       /* without the payload */
struct report_column { const char *name; struct mp_buf data; size_t n; };
void mp_column_put(struct report_column *, uint64_t value);
enum { REPORT_FLOW_COLUMNS = 13 };
/* report_flow.c: flows, levels and partial replacements of a table. */
int mp_report_flows(struct mp_report *, const struct report_run *, const struct report_rows *,
	struct report_column column[REPORT_FLOW_COLUMNS]);

#endif

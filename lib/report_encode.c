/* report_encode.c - what a page holds, before compression.
 *
 *	u32     length of the JSON text
 *	JSON    {"version":1,"title":…,"diff":true,"strings":[…],
 *	        "columns":[[name,values,bytes]…],"runs":[…]}; strings[0] is ""; runs:
 *	        report_head.c
 *	bytes   the columns one after another: LEB128 numbers; of those marked d zigzag of
 *	        the difference to the value before (the first: to 0)
 *
 *	frame.func .file .module .source (d; strings), frame.line (d), frame.flags
 *			numbered from 1; 1 is [rest]
 *	node.parent .frame (d)
 *			numbered from 1; a parent is < its children
 *
 * and before them for each run its table of stacks (s), then that of lines (l):
 *
 *	s.node .label .module (d)
 *			label: of the run, from 0; module: a string
 *	l.leaf0 .leaf1 .leaf2 .label .module .kind .type .class (d)
 *			leaves: frames, as mp-top names a line, outside the interpreter,
 *			innermost; type: a string
 *	size		1 + the size of a row's blocks, 0: it varies
 *	flows		n + 1 numbers: how many died in bucket 0, 1, … n - 1, never
 *	flow.row	+ that of the flow before in the list (0)
 *	flow.age	bucket of death (never: n) - of birth; 1 more: born before, 2 more: not
 *			known when
 *	flow.count, flow.bytes
 *			bytes only where size is 0
 *	levels		n numbers: changes at the maximum of each bucket
 *	level.row, .count, .bytes
 *			likewise; count and bytes are zigzag differences
 *	partial.row .born .count .bytes
 *			to be taken off what was allocated
 *
 * Rows are numbered from 1.  Invariant: the page depends on nothing but its input.
 */
#include "report_own.h"

#include "bytes.h"
#include "json_out.h"

#include <stdlib.h>
#include <string.h>

struct encoder {
	struct mp_report *r;
	struct mp_buf columns, data;    /* their list, their bytes */
	uint32_t *string, *frame;       /* -> number in the page, 0: not used */
	uint32_t *strings, *frames;     /* number in the page -> here */
	uint32_t n_strings, n_frames;
};

static uint32_t use(uint32_t *number, uint32_t *list, uint32_t *n, uint32_t id)
{
	if (id && !number[id]) {
		number[id] = ++*n;
		list[*n] = id;
	}
	return id ? number[id] : 0;
}

static uint32_t use_string(struct encoder *e, uint32_t id)
{
	return use(e->string, e->strings, &e->n_strings, id);
}

static uint32_t use_frame(struct encoder *e, uint32_t id)
{
	return use(e->frame, e->frames, &e->n_frames, id);
}

/* ---- columns ------------------------------------------------------------------------ */

static void put_column(struct encoder *e, struct report_column *c)
{
	struct mp_buf *b = &e->columns;

	mp_buf_text(b, b->n ? ",[\"" : "[\"");
	mp_buf_text(b, c->name);
	mp_buf_text(b, "\",");
	mp_buf_u64(b, c->n);
	mp_buf_char(b, ',');
	mp_buf_u64(b, c->data.n);
	mp_buf_char(b, ']');
	mp_buf_add(&e->data, c->data.s, c->data.n);
	e->data.failed |= c->data.failed;
	mp_buf_free(&c->data);
}

static void put_delta(struct report_column *c, uint32_t value, uint32_t *last)
{
	mp_column_put(c, mp_zigzag((uint64_t)value - *last));
	*last = value;
}

static void put_frames(struct encoder *e)
{
	static const char *const name[] = { "frame.func", "frame.file", "frame.module" };
	struct report_column c;
	uint32_t last;

	for (int k = FRAME_FUNC; k <= FRAME_MODULE; k++) {
		c = (struct report_column){ .name = name[k] };
		last = 0;
		for (uint32_t i = 1; i <= e->n_frames; i++)
			put_delta(&c, use_string(e, mp_tuple_at(&e->r->frame, e->frames[i])[k]),
				&last);
		put_column(e, &c);
	}
	c = (struct report_column){ .name = "frame.source" };
	last = 0;
	for (uint32_t i = 1; i <= e->n_frames; i++)
		put_delta(&c, e->r->source ? use_string(e, e->r->source[e->frames[i]]) : 0,
			&last);
	put_column(e, &c);
	c = (struct report_column){ .name = "frame.line" };
	last = 0;
	for (uint32_t i = 1; i <= e->n_frames; i++)
		put_delta(&c, mp_tuple_at(&e->r->frame, e->frames[i])[FRAME_LINE], &last);
	put_column(e, &c);
	c = (struct report_column){ .name = "frame.flags" };
	for (uint32_t i = 1; i <= e->n_frames; i++)
		mp_column_put(&c, mp_tuple_at(&e->r->frame, e->frames[i])[FRAME_FLAGS]);
	put_column(e, &c);
}

static void put_nodes(struct encoder *e)
{
	struct report_column parent = {.name = "node.parent"}, frame = {.name = "node.frame"};
	uint32_t last[2] = { 0, 0 };

	for (uint32_t i = 1; i <= e->r->node.n; i++) {
		const uint32_t *n = mp_tuple_at(&e->r->node, i);

		put_delta(&parent, n[NODE_PARENT], &last[0]);
		put_delta(&frame, use_frame(e, n[NODE_FRAME]), &last[1]);
	}
	put_column(e, &parent);
	put_column(e, &frame);
}

/* What number K of a row's key is in the page. */
static uint32_t key_value(struct encoder *e, bool stacks, int k, uint32_t value)
{
	if (stacks)
		return k == STACK_MODULE  ? use_string(e, value)
		       : k == STACK_LABEL ? value - 1
					  : value;
	if (k < LEAVES)
		return use_frame(e, value);
	return k == LINE_MODULE || k == LINE_TYPE ? use_string(e, value)
		: k == LINE_LABEL ? value - 1 : value;
}

static int put_rows(struct encoder *e, const struct report_run *run,
	const struct report_rows *rows, const char *const *name)
{
	struct report_column flow[REPORT_FLOW_COLUMNS], c;
	uint32_t last;

	for (uint32_t k = 0; k < rows->key.width; k++) {
		c = (struct report_column){ .name = name[k] };
		last = 0;
		for (uint32_t i = 1; i <= rows->key.n; i++)
			put_delta(&c, key_value(e, rows == &run->stacks, (int)k,
				mp_tuple_at(&rows->key, i)[k]), &last);
		put_column(e, &c);
	}
	c = (struct report_column){ .name = "size" };
	for (uint32_t i = 1; i <= rows->key.n; i++)
		mp_column_put(&c, rows->size[i] == REPORT_MIXED ? 0 : rows->size[i]);
	put_column(e, &c);
	if (mp_report_flows(e->r, run, rows, flow)) {
		for (int i = 0; i < REPORT_FLOW_COLUMNS; i++)
			mp_buf_free(&flow[i].data);
		return -1;
	}
	for (int i = 0; i < REPORT_FLOW_COLUMNS; i++)
		put_column(e, &flow[i]);
	return 0;
}

static int put_runs(struct encoder *e)
{
	static const char *const stack[] = { "s.node", "s.label", "s.module" };
	static const char *const line[] = {"l.leaf0", "l.leaf1", "l.leaf2", "l.label",
		"l.module", "l.kind", "l.type", "l.class"};

	for (size_t i = 0; i < e->r->runs; i++) {
		const struct report_run *run = &e->r->run[i];

		if (put_rows(e, run, &run->stacks, stack) ||
			put_rows(e, run, &run->lines, line))
			return -1;
	}
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static void put_text(struct encoder *e, const char *title, bool diff, struct mp_buf *json)
{
	mp_buf_char(json, '{');
	mp_json_u64(json, "version", 1);
	if (title)
		mp_json_text(json, "title", title);
	if (diff)
		mp_buf_text(json, ",\"diff\":true");
	mp_buf_text(json, ",\"strings\":[\"\"");
	for (uint32_t i = 1; i <= e->n_strings; i++) {
		mp_buf_char(json, ',');
		mp_json_id(json, NULL, e->r->names, e->strings[i]);
	}
	mp_buf_text(json, "],\"columns\":[");
	mp_buf_add(json, e->columns.s, e->columns.n);
	mp_buf_text(json, "],\"runs\":[");
	for (size_t i = 0; i < e->r->runs; i++) {
		mp_buf_text(json, i ? "," : "");
		mp_report_head(&e->r->run[i], json);
	}
	mp_buf_text(json, "]}");
}

static int encode(struct encoder *e, const char *title, bool diff, struct mp_buf *payload)
{
	struct mp_buf json = { 0 };
	uint8_t head[4];

	/* the rows first: the frames they use are listed as they are met, [rest] as 1 */
	use_frame(e, e->r->rest);
	if (put_runs(e))
		return -1;
	put_nodes(e);
	put_frames(e);
	put_text(e, title, diff, &json);
	mp_set_u32(head, (uint32_t)json.n);
	mp_buf_add(payload, head, sizeof(head));
	mp_buf_add(payload, json.s, json.n);
	mp_buf_add(payload, e->data.s, e->data.n);
	payload->failed |= json.failed || e->data.failed || e->columns.failed ||
		json.n > UINT32_MAX;
	mp_buf_free(&json);
	return payload->failed ? mp_report_memory(e->r) : 0;
}

int mp_report_encode(struct mp_report *r, const char *title, bool diff, struct mp_buf *payload)
{
	size_t strings = (size_t)r->names->string.n + 1, frames = (size_t)r->frame.n + 1;
	struct encoder e = { .r = r };
	int status = -1;

	e.string = calloc(strings, sizeof(*e.string));
	e.strings = calloc(strings + 1, sizeof(*e.strings));
	e.frame = calloc(frames, sizeof(*e.frame));
	e.frames = calloc(frames + 1, sizeof(*e.frames));
	if (e.string && e.strings && e.frame && e.frames)
		status = encode(&e, title, diff, payload);
	else
		mp_report_memory(r);
	free(e.string), free(e.strings), free(e.frame), free(e.frames);
	mp_buf_free(&e.columns);
	mp_buf_free(&e.data);
	return status;
}

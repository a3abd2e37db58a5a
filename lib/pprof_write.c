/* pprof_write.c - rows to pprof's samples.  Each message is made in `message`,
 * strings are numbered by a tree of their own, and all that was numbered goes out
 * behind the samples.  Invariant: no sample without a location.
 */
#include "pprof_own.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "utf8.h"

/* ---- bytes out --------------------------------------------------------------------- */

static void deflate_out(struct pprof_out *o, int flush)
{
	uint8_t bytes[16384];

	do {
		o->z.next_out = bytes;
		o->z.avail_out = sizeof(bytes);
		deflate(&o->z, flush);
		fwrite(bytes, 1, sizeof(bytes) - o->z.avail_out, o->file);
	} while (!o->z.avail_out);
}

static void put_bytes(struct pprof_out *o, const uint8_t *data, size_t n)
{
	while (n) {
		uInt part = n < 1 << 30 ? (uInt)n : 1 << 30;

		o->z.next_in = (Bytef *)(uintptr_t)data;
		o->z.avail_in = part;
		deflate_out(o, Z_NO_FLUSH);
		data += part;
		n -= part;
	}
}

struct mp_pb mp_pprof_message(struct pprof_out *o, size_t room)
{
	uint8_t *s;

	o->message.n = 0;
	s = (uint8_t *)mp_buf_room(&o->message, room + MP_PB_FIELD_MAX);
	return (struct mp_pb){s, s, s ? s + room : s, !s};
}

void mp_pprof_put(struct pprof_out *o, unsigned field, const struct mp_pb *m)
{
	uint8_t head[MP_PB_FIELD_MAX];
	struct mp_pb b = {head, head, head + sizeof(head), false};
	size_t n = (size_t)(m->at - m->start);

	if (m->full)
		return;
	mp_pb_length(&b, field, n);
	put_bytes(o, head, (size_t)(b.at - b.start));
	put_bytes(o, m->start, n);
}

static void put_number(struct pprof_out *o, unsigned field, uint64_t value)
{
	uint8_t head[MP_PB_FIELD_MAX];
	struct mp_pb b = {head, head, head + sizeof(head), false};

	mp_pb_number(&b, field, value);
	put_bytes(o, head, (size_t)(b.at - b.start));
}

/* ---- strings ----------------------------------------------------------------------- */

uint32_t mp_pprof_string(struct pprof_out *o, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = strlen(s);
	uint32_t code;
	unsigned len;

	o->text.n = 0;
	for (size_t i = 0; i < n; i += len) {
		len = mp_utf8(s + i, n - i, &code);
		if (len && code >= 0x20 && (code < 0x7f || code >= 0xa0)) {
			mp_buf_add(&o->text, s + i, len);
			continue;
		}
		len = len ? len : 1;
		for (unsigned k = 0; k < len; k++) {
			unsigned char c = (unsigned char)s[i + k];

			mp_buf_add(&o->text, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
		}
	}
	return mp_def_string(o->names, o->text.s, o->text.n);
}

static void put_value_type(struct pprof_out *o, unsigned field, const char *type, const char *unit)
{
	struct mp_pb m = mp_pprof_message(o, 2 * MP_PB_FIELD_MAX);

	unit = !strcmp(unit, "B") ? "bytes" : !strcmp(unit, "ns") ? "nanoseconds" : unit;
	mp_pb_number(&m, PPROF_TYPE, mp_pprof_string(o, type));
	mp_pb_number(&m, PPROF_UNIT, mp_pprof_string(o, unit));
	mp_pprof_put(o, field, &m);
}

/* ---- samples ------------------------------------------------------------------------- */

static bool stack_room(struct pprof_out *o, size_t n)
{
	uint64_t *stack;

	if (n <= o->room)
		return true;
	stack = realloc(o->stack, 2 * n * sizeof(*stack));
	if (!stack)
		return false;
	o->stack = stack;
	o->room = 2 * n;
	return true;
}

static uint64_t location_of(struct pprof_out *o, mp_node node)
{
	uint32_t at = o->p->tree->node.x[node].location;

	if (!o->id[at]) {
		o->id[at] = ++o->locations;
		o->node[o->locations] = node;
	}
	return o->id[at];
}

/* The stack's locations, innermost first; how many, 0 when memory is out. */
static size_t find_stack(struct pprof_out *o, mp_node node)
{
	const struct mp_tree *t = o->p->tree;
	enum mp_show show = mp_show_of(t, node, o->how->show);
	size_t n = 0;

	if (!stack_room(o, (size_t)t->node.x[node].depth + 1))
		return 0;
	for (mp_node at = node; at; at = t->node.x[at].parent)
		if (mp_is_shown(t, at, show))
			o->stack[n++] = location_of(o, at);
	if (!n)
		o->stack[n++] = location_of(o, o->none[node != 0]);
	return n;
}

static void label(struct pprof_out *o, struct mp_pb *m, const char *key, const char *text, uint64_t n)
{
	uint8_t bytes[3 * MP_PB_FIELD_MAX];
	struct mp_pb b = {bytes, bytes, bytes + sizeof(bytes), false};

	if (!*text && !n)
		return;
	mp_pb_number(&b, PPROF_LABEL_KEY, mp_pprof_string(o, key));
	mp_pb_number(&b, PPROF_LABEL_STR, mp_pprof_string(o, text));
	mp_pb_number(&b, PPROF_LABEL_NUM, n);
	mp_pb_bytes(m, PPROF_SAMPLE_LABEL, b.start, (size_t)(b.at - b.start));
}

enum { LABELS = 6, LABEL_ROOM = 4 * MP_PB_FIELD_MAX };

static bool put_sample(struct pprof_out *o, size_t row)
{
	struct mp_row r = mp_row(o->p, row);
	uint64_t any = 0;
	struct mp_pb m;
	size_t n;

	for (size_t k = 0; k < o->how->columns; k++) {
		o->value[k] = (uint64_t)r.value[o->how->column[k]];
		any |= o->value[k];
	}
	if (!any)
		return true;
	n = find_stack(o, r.key.node);
	m = mp_pprof_message(o, (n + o->how->columns) * MP_LEB_MAX + 2 * MP_PB_FIELD_MAX +
			       LABELS * LABEL_ROOM);
	if (!n || m.full)
		return false;
	mp_pb_packed(&m, PPROF_SAMPLE_LOCATION, o->stack, n);
	mp_pb_packed(&m, PPROF_SAMPLE_VALUE, o->value, o->how->columns);
	label(o, &m, "process", r.key.process, 0);
	label(o, &m, "thread", r.key.thread, 0);
	label(o, &m, "kind", r.key.kind ? mp_alloc_name(r.key.kind) : "", 0);
	label(o, &m, "type", r.key.type, 0);
	label(o, &m, "pid", "", r.key.pid);
	label(o, &m, "tid", "", r.key.tid);
	mp_pprof_put(o, PPROF_SAMPLE, &m);
	return true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static mp_node note_node(struct pprof_out *o, const char *text)
{
	struct mp_frame f = {.func = text, .file = "", .module = "", .build_id = "",
		.flags = MP_FRAME_NOTE};

	return mp_push(o->p->tree, 0, &f);
}

static bool prepare(struct pprof_out *o)
{
	const struct mp_tree *t = o->p->tree;

	o->names = mp_tree_new();
	o->none[0] = note_node(o, mp_no_frame(0, o->how->show));
	o->none[1] = note_node(o, mp_no_frame(1, o->how->show));
	o->id = calloc((size_t)t->location.n + 1, sizeof(*o->id));
	o->node = calloc((size_t)t->location.n + 1, sizeof(*o->node));
	o->module = calloc((size_t)t->module.n + 1, sizeof(*o->module));
	o->value = calloc(o->how->columns + 1, sizeof(*o->value));
	if (!o->names || !o->none[0] || !o->none[1] || !o->id || !o->node || !o->module ||
		!o->value || !stack_room(o, 64))
		return false;
	mp_pprof_bases(o);
	return deflateInit2(&o->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
		       Z_DEFAULT_STRATEGY) == Z_OK;
}

/* When the first trace began, ns since 1970: "start" is a sorted set. */
static uint64_t start_of(const struct mp_profile *p)
{
	const char *text = mp_profile_meta(p, "start");
	struct tm tm = {0};
	time_t t = text && strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) ? timegm(&tm) : 0;

	return t > 0 && t < INT64_MAX / 1000000000 ? (uint64_t)t * 1000000000 : 0;
}

/* Bytes from one recorded allocation to the next, or the time a sample stands for. */
static void put_period(struct pprof_out *o, const char *unit)
{
	uint64_t interval = o->p->loss.sample_interval;
	int samples = mp_column_index(o->p, "samples");
	int64_t n = samples < 0 ? 0 : mp_total(o->p, samples);

	if (!strcmp(unit, "B")) {
		put_value_type(o, PPROF_PERIOD_TYPE, "space", unit);
		put_number(o, PPROF_PERIOD, interval ? interval : 1);
	} else if (!strcmp(unit, "ns") && n > 0) {
		put_value_type(o, PPROF_PERIOD_TYPE, "cpu", unit);
		put_number(o, PPROF_PERIOD, (uint64_t)(mp_total(o->p, o->how->key) / n));
	}
}

static bool put_comment(struct pprof_out *o, const char *key, const char *value)
{
	char *text;

	if (!*value)
		return true;
	if (asprintf(&text, "%s: %s", key, value) < 0)
		return false;
	put_number(o, PPROF_COMMENT, mp_pprof_string(o, text));
	free(text);
	return true;
}

static bool put_comments(struct pprof_out *o)
{
	bool good = put_comment(o, "incomplete", o->how->lost) &&
		    put_comment(o, "estimates", o->how->estimate);

	for (size_t i = 0; good && i < o->p->n_meta; i++) {
		const char *key = o->p->meta[i].key;

		/* told above; the view is in the names of the values */
		if (strcmp(key, "view") && strcmp(key, "estimates"))
			good = put_comment(o, key, o->p->meta[i].value);
	}
	return good;
}

static bool put_head(struct pprof_out *o)
{
	const struct mp_pprof *how = o->how;
	const struct mp_column *c = o->p->column;

	for (size_t k = 0; k < how->columns; k++)
		put_value_type(o, PPROF_SAMPLE_TYPE, c[how->column[k]].name,
			c[how->column[k]].unit);
	put_number(o, PPROF_DEFAULT_SAMPLE_TYPE, mp_pprof_string(o, c[how->key].name));
	put_number(o, PPROF_TIME_NANOS, how->wall ? how->wall : start_of(o->p));
	put_number(o, PPROF_DURATION_NANOS,
		how->duration < INT64_MAX ? how->duration : INT64_MAX);
	put_period(o, c[how->key].unit);
	return put_comments(o);
}

static bool put_all(struct pprof_out *o)
{
	mp_sort(o->p, o->how->key);
	if (!put_head(o))
		return false;
	for (size_t i = 0; i < mp_rows(o->p); i++)
		if (!put_sample(o, i))
			return false;
	if (!mp_pprof_places(o))
		return false;
	for (uint32_t i = 0; i <= o->names->string.n; i++) {
		const char *s = mp_str(o->names, i);
		size_t n = i ? o->names->string.x[i].len : 0;
		struct mp_pb m = mp_pprof_message(o, n);

		if (m.full)
			return false;
		if (n)
			memcpy(m.at, s, n);
		m.at += n;
		mp_pprof_put(o, PPROF_STRING_TABLE, &m);
	}
	deflate_out(o, Z_FINISH);
	return !o->names->failed && !o->text.failed && !o->message.failed && !mp_profile_error(o->p);
}

int mp_put_pprof(FILE *file, struct mp_profile *p, const struct mp_pprof *how)
{
	struct pprof_out o = {.p = p, .how = how, .file = file};
	bool good = prepare(&o);

	good = good && put_all(&o);
	deflateEnd(&o.z);
	mp_tree_free(o.names);
	mp_buf_free(&o.message);
	mp_buf_free(&o.text);
	free(o.id), free(o.node), free(o.module), free(o.value);
	free(o.stack), free(o.frame);
	return good ? 0 : mp_profile_fail(p, "out of memory");
}

/* import_mojo.c - what austin writes with -b (MOJO) as a trace of samples.
 * References are relative to the process named last.  A stack is over when the next
 * begins: its metrics come behind its frames.
 * Invariant: a message is taken from the stream when all of it is there.
 */
#include "import.h"

#include "import_mojo.h"

#include <stdlib.h>
#include <string.h>

enum message {
	METADATA = 1, STACK, FRAME, FRAME_INVALID, FRAME_REF, FRAME_KERNEL, GC, IDLE,
	METRIC_TIME, METRIC_MEMORY, STRING, STRING_REF, STACK_REPEAT, TASK_STACK, TASK_WAITER,
	TASK_RUNNING,
};
enum { VERSION_MAX = 4, STRING_MOST = 1 << 20 };

bool mp_like_mojo(const uint8_t *data, size_t n)
{
	return n >= 4 && !memcmp(data, "MOJ", 3) && data[3] > 0 && data[3] < 0x40;
}

/* ---- bytes ------------------------------------------------------------------------------ */

/* There are N more bytes of the message.  Not: cut, or an error is set. */
static bool have(struct mojo *m, size_t n)
{
	struct mp_stream *in = m->feed.in;

	if (in->have - m->at >= n)
		return true;
	if (mp_stream_want(in, m->at + n))
		mp_err_set(&m->feed.error, "%s", in->error.text);
	else
		m->cut = in->have - m->at < n;
	return in->have - m->at >= n;
}

/* 6 bits and a sign, then 7 bits a byte, while the highest bit says so. */
static bool number(struct mojo *m, uint64_t *value, bool *negative)
{
	unsigned shift = 6;
	uint8_t byte;

	if (!have(m, 1))
		return false;
	byte = m->feed.in->data[m->at++];
	*value = byte & 0x3f;
	*negative = byte & 0x40;
	while (byte & 0x80) {
		if (!have(m, 1))
			return false;
		byte = m->feed.in->data[m->at++];
		if (shift > 63 || (uint64_t)(byte & 0x7f) << shift >> shift != (byte & 0x7f)) {
			mojo_fail(m, "a number over 64 bits");
			return false;
		}
		*value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	}
	return true;
}

static bool natural(struct mojo *m, uint64_t *value)
{
	bool negative;

	if (!number(m, value, &negative))
		return false;
	if (negative)
		mojo_fail(m, "a negative number");
	return !negative;
}

/* Up to its zero; TEXT is valid until more is asked for. */
static bool text(struct mojo *m, const char **text, size_t *n)
{
	const uint8_t *end = NULL;

	for (size_t seen = 0; !end; seen = m->feed.in->have - m->at) {
		if (seen > STRING_MOST) {
			mojo_fail(m, "a string over 1 MiB");
			return false;
		}
		if (!have(m, seen + 1))
			return false;
		end = memchr(m->feed.in->data + m->at + seen, 0, m->feed.in->have - m->at - seen);
	}
	*text = (const char *)m->feed.in->data + m->at;
	*n = (size_t)(end - (const uint8_t *)*text);
	m->at += *n + 1;
	return true;
}

/* ---- messages --------------------------------------------------------------------------- */

/* What is told before the first stack. */
static int metadata(struct mojo *m)
{
	struct mp_buf *tool = &m->feed.line, *b;
	size_t n, name;
	const char *s;
	bool version;

	if (!text(m, &s, &n))
		return -1;
	version = n == 6 && !memcmp(s, "austin", 6);
	b = version ? tool : &m->options;
	name = b->n;
	if (name)
		mp_buf_char(b, ' ');
	mp_buf_add(b, s, n);
	mp_buf_char(b, version ? ' ' : '=');
	if (!text(m, &s, &n))
		return -1;
	mp_buf_add(b, s, n);
	return b->failed ? mojo_no_memory(m) : 0;
}

static int begin(struct mojo *m)
{
	struct mp_buf *tool = &m->feed.line;

	m->begun = true;
	mp_buf_char(tool, 0);
	mp_buf_char(&m->options, 0);
	if (tool->failed || m->options.failed)
		return mojo_no_memory(m);
	if (mp_put_meta(m->feed.writer, "tool", tool->n > 1 ? tool->s : "austin") ||
	    (m->options.n > 1 && mp_put_meta(m->feed.writer, "options", m->options.s)))
		return mojo_fail(m, mp_writer_error(m->feed.writer));
	return 0;
}

static int stack(struct mojo *m)
{
	uint64_t pid, iid = 0;
	const char *name;
	size_t n;

	if (!natural(m, &pid) || (m->version > 2 && !natural(m, &iid)) || !text(m, &name, &n))
		return -1;
	if (mojo_flush(m) || (!m->begun && begin(m)))
		return -1;
	m->frames = m->state = 0;
	m->weight = m->skip = 0;
	m->gc = m->repeated = false;
	return mojo_find_process(m, pid) || mojo_find_thread(m, iid, name, n) ? -1 : 0;
}

/* Where columns are told they are read over. */
static int frame(struct mojo *m)
{
	uint64_t key, file, scope, line, other;
	uint32_t path, function;

	if (!natural(m, &key) || !natural(m, &file) || !natural(m, &scope) || !natural(m, &line))
		return -1;
	for (int i = 0; m->version > 1 && i < 3; i++)
		if (!natural(m, &other))
			return -1;
	if (!mojo_find(m, MOJO_STRING, file, &path) || !mojo_find(m, MOJO_STRING, scope, &function))
		return -1;
	if (line > UINT32_MAX)
		return mojo_fail(m, "a line number over 32 bits");
	return mojo_define(m, MOJO_FRAME, key,
			mp_import_location(m->tree, function, path, (uint32_t)line, 0));
}

static int frame_ref(struct mojo *m)
{
	uint32_t location;
	uint64_t key;

	if (!natural(m, &key) || !mojo_find(m, MOJO_FRAME, key, &location))
		return -1;
	if (m->skip) {
		m->skip--;
		return 0;
	}
	return mojo_put(m, location);
}

static int kernel(struct mojo *m)
{
	const char *s;
	size_t n;

	if (!text(m, &s, &n))
		return -1;
	return mojo_put(m, mp_def_location(m->tree, MP_LOC_NAMED, mp_def_code(m->tree,
			mp_def_string(m->tree, s, n), mp_def_cstring(m->tree, "[kernel]"), 0), 0));
}

static int string(struct mojo *m)
{
	uint64_t key;
	const char *s;
	size_t n;

	if (!natural(m, &key) || !text(m, &s, &n))
		return -1;
	return mojo_define(m, MOJO_STRING, key, mp_def_string(m->tree, s, n));
}

static int metric(struct mojo *m, enum message which)
{
	int64_t *memory = &m->process[m->p - 1].memory, most = INT64_MAX;
	bool negative;
	uint64_t n;

	if (!number(m, &n, &negative))
		return -1;
	if (which == METRIC_TIME && (negative || n > INT64_MAX / MOJO_TICK))
		return mojo_fail(m, "not a time");
	if (which == METRIC_TIME) {
		m->weight = n * MOJO_TICK;
	} else if (n > (uint64_t)most || __builtin_add_overflow(*memory,
			negative ? -(int64_t)n : (int64_t)n, memory)) {
		return mojo_fail(m, "a sum of memory over 63 bits");
	}
	return 0;
}

/* What asyncio's tasks await, beside the stack, is not taken. */
static int task(struct mojo *m, unsigned numbers)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < numbers; i++)
		if (!natural(m, &n))
			return -1;
	if (numbers == 3)
		m->skip = n;
	return 0;
}

static int message(struct mojo *m)
{
	enum message kind = m->kind = m->feed.in->data[m->at++];
	uint64_t key;

	if (kind == METADATA)
		return metadata(m);
	if (kind == STACK)
		return stack(m);
	if (!m->t)
		return mojo_fail(m, "no stack, or not a message of MOJO");
	switch (kind) {
	case FRAME:
		return frame(m);
	case FRAME_REF:
		return frame_ref(m);
	case FRAME_INVALID:
		return mojo_put(m, mojo_note(m, "[torn]"));
	case FRAME_KERNEL:
		return kernel(m);
	case GC:
		m->gc = true;
		return 0;
	case IDLE:
		m->state |= MP_STATE_IDLE;
		return 0;
	case METRIC_TIME:
	case METRIC_MEMORY:
		return metric(m, kind);
	case STRING:
		return string(m);
	case STRING_REF:
		return natural(m, &key) ? 0 : -1;
	case STACK_REPEAT:
		return mojo_repeat(m);
	case TASK_STACK:
		return task(m, 3);
	case TASK_WAITER:
		return task(m, 2);
	case TASK_RUNNING:
		return task(m, 1);
	case METADATA:
	case STACK:
	default:
		return mojo_fail(m, "not a message of MOJO");
	}
}

static int head(struct mojo *m)
{
	m->at = 3;
	if (!natural(m, &m->version))
		return -1;
	if (m->version > VERSION_MAX)
		return mojo_fail(m, "a version of MOJO that this program does not know");
	if (mp_feed_begin(&m->feed, MP_TRACE))
		return -1;
	m->tree = mp_writer_tree(m->feed.writer);
	mp_set_tick(m->feed.writer, MOJO_TICK);
	return 0;
}

static int end(struct mojo *m, bool cut)
{
	m->feed.done = true;
	/* the stack at hand is whole where the next begins */
	if (cut)
		return m->kind == STACK && mojo_flush(m) ? -1 : mp_feed_cut(&m->feed, m->time);
	return mojo_flush(m) || (!m->begun && begin(m)) ? -1 : mp_feed_end(&m->feed);
}

static int step(struct mp_feed *feed)
{
	struct mojo *m = (struct mojo *)feed;

	if (m->tree && !have(m, 1))
		return mp_err_is(&feed->error) ? -1 : end(m, false);
	if (m->tree ? message(m) : head(m)) {
		if (!m->cut || mp_err_is(&feed->error) || !m->tree)
			return mp_err_is(&feed->error) ? -1 : mojo_fail(m, "not a whole header");
		return end(m, true);
	}
	mp_stream_skip(feed->in, m->at);
	m->at = 0;
	return 0;
}

static void free_state(struct mp_feed *feed)
{
	struct mojo *m = (struct mojo *)feed;

	for (uint32_t i = 0; i < m->threads; i++)
		free(m->thread[i].frame);
	free(m->thread), free(m->process), free(m->ref), free(m->frame);
	mp_buf_free(&m->options);
}

int mp_mojo_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	static const struct mp_feed_ops ops = { step, free_state };

	return mp_feed_new(sizeof(struct mojo), &ops, out, in, name) ? 0 : -1;
}

/* feed.c - sources of binary .mp made of other formats, see feed.h. */
#include "feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- blocks out ---------------------------------------------------------------------- */

static int sink(void *ctx, const void *data, size_t n)
{
	struct mp_feed *f = ctx;

	mp_buf_add(&f->out, data, n);
	return f->out.failed ? mp_err_set(&f->error, "%s: out of memory", f->name) : 0;
}

static ssize_t fill(void *ctx, void *buf, size_t room)
{
	struct mp_feed *f = ctx;
	size_t n;

	while (f->taken == f->out.n && !f->done && !mp_err_is(&f->error)) {
		f->out.n = f->taken = 0;
		f->ops->step(f);
	}
	n = f->out.n - f->taken;
	if (!n)
		return mp_err_is(&f->error) ? -1 : 0;
	n = n < room ? n : room;
	memcpy(buf, f->out.s + f->taken, n);
	f->taken += n;
	return (ssize_t)n;
}

static const char *error(void *ctx)
{
	return ((struct mp_feed *)ctx)->error.text;
}

/* A part still open is one that was cut, or that an error ended: closing it so is no
 * failure of its own. */
static void finish(struct mp_feed *f)
{
	bool open = f->writer && f->writer->kind;

	if (f->writer && mp_finish(f->writer) && !open && !mp_err_is(&f->error))
		mp_err_set(&f->error, "%s: out of memory", f->name);
	f->writer = NULL;
}

static void close_feed(void *ctx)
{
	struct mp_feed *f = ctx;

	finish(f);
	f->ops->free(f);
	mp_stream_close(f->in);
	mp_buf_free(&f->line);
	mp_buf_free(&f->out);
	free(f->name);
	free(f);
}

void *mp_feed_new(size_t size, const struct mp_feed_ops *ops, struct mp_source *out,
		struct mp_stream *in, const char *name)
{
	struct mp_feed *f = calloc(1, size);
	char *copy = strdup(name);

	if (!f || !copy) {
		free(f);
		free(copy);
		mp_stream_close(in);
		return NULL;
	}
	f->ops = ops;
	f->in = in;
	f->name = copy;
	*out = (struct mp_source){ f, fill, error, close_feed };
	return f;
}

/* ---- lines in ------------------------------------------------------------------------- */

int mp_feed_line(struct mp_feed *f, bool more)
{
	struct mp_stream *in = f->in;
	const uint8_t *end = NULL;
	size_t seen = 0, n;

	for (;;) {
		if (in->have > seen)
			end = memchr(in->data + seen, '\n', in->have - seen);
		if (end || in->end)
			break;
		seen = in->have;
		/* do not read gigabytes of something else in search of a line */
		if (!f->lines && seen && memchr(in->data, 0, seen))
			return mp_err_set(&f->error, "%s: not a trace or profile", f->name);
		if (mp_stream_want(in, seen < 1 << 20 ? seen + 1 : 2 * seen))
			return mp_err_set(&f->error, "%s", in->error.text);
	}
	if (!end && !in->have)
		return 0;
	n = end ? (size_t)(end - in->data) : in->have;
	f->lines++;
	if (more) {
		mp_buf_char(&f->line, '\n');
	} else {
		f->line.n = 0;
		f->number = f->lines;
		f->byte = in->offset;
	}
	mp_buf_add(&f->line, in->data, n);
	/* a zero behind it, which does not count */
	if (mp_buf_room(&f->line, 1))
		f->line.s[f->line.n] = 0;
	mp_stream_skip(in, end ? n + 1 : n);
	return f->line.failed ? mp_err_set(&f->error, "%s: out of memory", f->name) : 1;
}

int mp_feed_fail(struct mp_feed *f, const char *what)
{
	const struct mp_writer *w = f->writer;
	size_t name;

	if (what && !*what && w) {
		what = mp_writer_error(w);
		name = strlen(w->out.name);
		if (what && !strncmp(what, w->out.name, name) && what[name] == ':')
			what += name + 2;       /* "output: " */
	}
	return mp_err_set(&f->error, "%s: byte %" PRIu64 ": line %" PRIu64 ": %s", f->name,
			f->byte, f->number, what && *what ? what : "out of memory");
}

/* ---- parts ------------------------------------------------------------------------------ */

int mp_feed_begin(struct mp_feed *f, enum mp_kind kind)
{
	f->writer = mp_create_sink(sink, f, 0);
	return f->writer && !mp_begin(f->writer, kind) ? 0 : mp_feed_fail(f, "");
}

int mp_feed_end(struct mp_feed *f)
{
	if (mp_end(f->writer))
		return mp_feed_fail(f, "");
	finish(f);
	return mp_err_is(&f->error) ? -1 : 0;
}

int mp_feed_cut(struct mp_feed *f, uint64_t time)
{
	if (mp_enc_flush(f->writer, time) || mp_out_flush(&f->writer->out))
		return mp_feed_fail(f, "");
	finish(f);
	return mp_err_is(&f->error) ? -1 : 0;
}

int mp_feed_profile(struct mp_feed *f, struct mp_profile *p)
{
	f->done = true;
	f->writer = mp_create_sink(sink, f, 0);
	if (!f->writer || mp_put_profile(f->writer, p))
		return mp_feed_fail(f, "");
	finish(f);
	return mp_err_is(&f->error) ? -1 : 0;
}

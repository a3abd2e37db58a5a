/* stream.c - bytes in and out.  Short reads and writes and EINTR end here.
 * Invariant: data[0..have) are the stream's bytes from offset on, in buf unless
 * the input is memory.
 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, WRITE_SIZE = 256 * 1024 };

/* ---- in -------------------------------------------------------------------------- */

struct file { int fd; bool owned; struct mp_err error; char name[]; };

static ssize_t file_fill(void *ctx, void *buf, size_t n)
{
	struct file *f = ctx;
	ssize_t got;

	do
		got = read(f->fd, buf, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		mp_err_set(&f->error, "%s: %s", f->name, strerror(errno));
	return got;
}

static const char *file_error(void *ctx)
{
	return ((struct file *)ctx)->error.text;
}

static void file_close(void *ctx)
{
	struct file *f = ctx;

	if (f->owned)
		close(f->fd);
	free(f);
}

struct mp_stream *mp_stream_open(const char *path)
{
	struct mp_stream *s = calloc(1, sizeof(*s));
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "stdin" : path;
	size_t len = strlen(name) + 1;
	struct file *f = s ? calloc(1, sizeof(*f) + len) : NULL;
	struct stat st;
	off_t at;

	if (!f) {
		free(s);
		return NULL;
	}
	memcpy(f->name, name, len);
	f->owned = !standard;
	f->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0) {
		mp_err_set(&s->error, "%s: %s", name, strerror(errno));
		free(f);
		return s;
	}
	s->source = (struct mp_source){ f, file_fill, file_error, file_close };
	s->fd = f->fd;
	at = lseek(f->fd, 0, SEEK_CUR);
	s->plain = at >= 0 && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
	s->base = s->plain ? (uint64_t)at : 0;
	return s;
}

struct mp_stream *mp_stream_mem(const void *data, size_t size)
{
	struct mp_stream *s = calloc(1, sizeof(*s));

	if (s) {
		s->data = data;
		s->have = size;
		s->end = true;
	}
	return s;
}

struct mp_stream *mp_stream_source(const struct mp_source *source)
{
	struct mp_stream *s = calloc(1, sizeof(*s));

	if (s)
		s->source = *source;
	return s;
}

/* Room for READ_SIZE bytes behind what is there. */
static int stream_room(struct mp_stream *s, size_t want)
{
	size_t need = (want > s->have ? want : s->have) + READ_SIZE;
	uint8_t *more;

	if (s->room - (size_t)(s->data ? s->data - s->buf : 0) >= s->have + READ_SIZE)
		return 0;
	if (s->have)
		memmove(s->buf, s->data, s->have);
	s->data = s->buf;
	if (s->room >= s->have + READ_SIZE)
		return 0;
	/* grow by what was really read, not by what a length field promises */
	if (need > 2 * s->room + READ_SIZE)
		need = 2 * s->room + READ_SIZE;
	more = realloc(s->buf, need);
	if (!more)
		return mp_err_set(&s->error, "out of memory");
	s->buf = more;
	s->data = more;
	s->room = need;
	return 0;
}

int mp_stream_want(struct mp_stream *s, size_t want)
{
	while (s->have < want && !s->end && !mp_err_is(&s->error)) {
		size_t used;
		ssize_t got;

		if (stream_room(s, want))
			return -1;
		used = (size_t)(s->data - s->buf) + s->have;
		got = s->source.fill(s->source.ctx, s->buf + used, s->room - used);
		if (got < 0)
			return mp_err_set(&s->error, "%s", s->source.error(s->source.ctx));
		if (!got)
			s->end = true;
		s->have += (size_t)got;
		if (s->progress)
			s->progress(s->progress_ctx, s->base + s->offset + s->have);
	}
	return mp_err_is(&s->error) ? -1 : 0;
}

void mp_stream_skip(struct mp_stream *s, size_t n)
{
	if (!n)
		return;         /* data may be NULL */
	s->data += n;
	s->have -= n;
	s->offset += n;
}

void mp_stream_close(struct mp_stream *s)
{
	if (!s)
		return;
	if (s->source.close)
		s->source.close(s->source.ctx);
	free(s->buf);
	free(s);
}

/* ---- out ------------------------------------------------------------------------- */

int mp_out_open(struct mp_out *o, const char *path)
{
	bool standard = !path || strcmp(path, "-") == 0;
	struct stat st;

	memset(o, 0, sizeof(*o));
	o->fd = STDOUT_FILENO;
	o->name = strdup(standard ? "stdout" : path);
	if (!o->name)
		return -1;
	if (!standard) {
		o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
		if (o->fd < 0)
			return mp_err_set(&o->error, "%s: %s", o->name, strerror(errno));
		o->owned = true;
	}
	o->regular = fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

static int out_write(struct mp_out *o, const uint8_t *p, size_t n)
{
	if (o->write && n && o->write(o->ctx, p, n))
		return mp_err_set(&o->error, "%s: cannot write", o->name);
	while (!o->write && n) {
		ssize_t done = write(o->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return mp_err_set(&o->error, "%s: %s", o->name, strerror(errno));
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int mp_out_flush(struct mp_out *o)
{
	size_t n = o->n;

	o->n = 0;
	if (mp_err_is(&o->error))
		return -1;
	return out_write(o, o->buf, n);
}

int mp_out_add(struct mp_out *o, const void *data, size_t n)
{
	if (mp_err_is(&o->error))
		return -1;
	if (!o->buf) {
		o->buf = malloc(WRITE_SIZE);
		if (!o->buf)
			return mp_err_set(&o->error, "%s: out of memory", o->name);
		o->room = WRITE_SIZE;
	}
	if (n > o->room - o->n && mp_out_flush(o))
		return -1;
	if (n > o->room)
		return out_write(o, data, n);
	if (n)
		memcpy(o->buf + o->n, data, n);
	o->n += n;
	return 0;
}

int mp_out_close(struct mp_out *o)
{
	int status = mp_out_flush(o);

	if (o->owned && close(o->fd) < 0 && errno != EINTR)
		status = mp_err_set(&o->error, "%s: %s", o->name, strerror(errno));
	o->owned = false;
	free(o->buf);
	o->buf = NULL;
	o->room = o->n = 0;
	return status;
}

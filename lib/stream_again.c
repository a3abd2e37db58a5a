/* stream_again.c - what a stream still holds, a second time.
 * Memory and plain regular files are looked at where they are; anything else is
 * spooled to a file without a name first, and both streams read that.
 * Invariant: the first stream gives the same bytes, and the same failure behind
 * them, as if there had been no second one.
 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_SIZE = 256 * 1024 };

/* ---- a file read from a place of its own ----------------------------------------- */

struct place { int fd; bool owned; uint64_t at; struct mp_err error, late; };

static ssize_t place_fill(void *ctx, void *buf, size_t n)
{
	struct place *p = ctx;
	ssize_t got;

	do
		got = pread(p->fd, buf, n, (off_t)p->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return mp_err_set(&p->error, "%s", strerror(errno));
	if (!got && mp_err_is(&p->late))
		return mp_err_set(&p->error, "%s", p->late.text);
	p->at += (uint64_t)got;
	return got;
}

static const char *place_error(void *ctx)
{
	return ((struct place *)ctx)->error.text;
}

static void place_close(void *ctx)
{
	struct place *p = ctx;

	if (p->owned)
		close(p->fd);
	free(p);
}

static struct place *place_new(struct mp_source *source, int fd, uint64_t at)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p) {
		p->fd = fd;
		p->at = at;
		*source = (struct mp_source){ p, place_fill, place_error, place_close };
	}
	return p;
}

/* ---- the spool ------------------------------------------------------------------- */

const char *mp_spool_dir(void)
{
	const char *dir = secure_getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

int mp_spool_open(void)
{
	const char *dir = mp_spool_dir();
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[4096];
	int n;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	/* a file system without files that have no name */
	n = snprintf(name, sizeof(name), "%s/mp-XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* The rest of S into TO: 0, or -1 and TO's error; S's own goes to LATE. */
static int spool_rest(struct mp_stream *s, struct mp_out *to, struct mp_err *late)
{
	uint64_t at = s->base + s->offset + s->have;
	uint8_t *buf = malloc(COPY_SIZE);
	ssize_t got;

	if (!buf)
		return mp_err_set(&to->error, "out of memory");
	while (!mp_err_is(&to->error) &&
	       (got = s->source.fill(s->source.ctx, buf, COPY_SIZE)) != 0) {
		if (got < 0) {
			mp_err_set(late, "%s", s->source.error(s->source.ctx));
			break;
		}
		mp_out_add(to, buf, (size_t)got);
		at += (uint64_t)got;
		if (s->progress)
			s->progress(s->progress_ctx, at);
	}
	free(buf);
	return mp_out_flush(to);
}

/* From now on S reads a file that holds the N bytes before it as well. */
static int spool(struct mp_stream *s, const void *before, size_t n)
{
	struct mp_source source;
	struct mp_out out = { 0 };
	struct place *p;

	out.name = strdup(mp_spool_dir());
	if (!out.name)
		return mp_err_set(&s->error, "out of memory");
	out.fd = mp_spool_open();
	p = out.fd < 0 ? NULL : place_new(&source, out.fd, n + s->have);
	if (!p)
		mp_err_set(&out.error, "%s: %s", out.name, strerror(errno));
	mp_out_add(&out, before, n);
	mp_out_add(&out, s->data, s->have);
	if (p && !mp_err_is(&out.error) && !spool_rest(s, &out, &p->late)) {
		p->owned = true;
		s->source.close(s->source.ctx);
		s->source = source;
		s->plain = true;
		s->fd = out.fd;
		s->base = n - s->offset;        /* modulo 2^64 */
	} else {
		mp_err_set(&s->error, "%s", out.error.text);
		free(p);
		if (out.fd >= 0)
			close(out.fd);
	}
	mp_out_close(&out);
	free(out.name);
	return mp_err_is(&s->error) ? -1 : 0;
}

struct mp_stream *mp_stream_again(struct mp_stream *s, const void *before, size_t n)
{
	struct mp_source source;
	struct mp_stream *again;

	if (mp_err_is(&s->error))
		return NULL;
	if (!s->source.fill)
		return mp_stream_mem(s->data - n, n + s->have);
	if (!s->plain && spool(s, before, n))
		return NULL;
	if (!place_new(&source, s->fd, s->base + s->offset - n)) {
		mp_err_set(&s->error, "out of memory");
		return NULL;
	}
	again = mp_stream_source(&source);
	if (!again) {
		source.close(source.ctx);
		mp_err_set(&s->error, "out of memory");
		return NULL;
	}
	again->base = s->base + s->offset - n;
	again->progress = s->progress;
	again->progress_ctx = s->progress_ctx;
	return again;
}

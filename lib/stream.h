/* stream.h - bytes in, from a file, a pipe, memory or another source, and bytes
 * out, to a file or a callback.
 * Invariant: a failure is met once, sticks, and leaves nothing half read.
 */
#ifndef MP_STREAM_H
#define MP_STREAM_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where bytes come from. */
struct mp_source {
	void *ctx;
	/* At least one byte, 0 at the end, -1 on failure. */
	ssize_t (*fill)(void *ctx, void *buf, size_t n);
	/* After -1: the whole line, the object's name and place included. */
	const char *(*error)(void *ctx);
	void (*close)(void *ctx);
};

struct mp_stream {
	struct mp_source source;        /* fill NULL: memory, or an input that failed to open */
	const uint8_t *data;            /* the bytes read and not yet skipped */
	size_t have;
	uint64_t offset;                /* of data[0] in the stream */
	uint8_t *buf;
	size_t room;
	bool end;                       /* nothing comes after data[have] */
	bool plain;                     /* the bytes of a regular file as they are: */
	int fd;
	uint64_t base;                  /* where in the file byte 0 of the stream is */
	void (*progress)(void *ctx, uint64_t at);       /* or NULL; AT: in the file */
	void *progress_ctx;
	struct mp_err error;
};

struct mp_stream *mp_stream_open(const char *path);     /* NULL: out of memory */
struct mp_stream *mp_stream_mem(const void *data, size_t size);
struct mp_stream *mp_stream_source(const struct mp_source *);
/* Make have at least WANT unless the stream ends before; -1 on failure. */
int mp_stream_want(struct mp_stream *, size_t want);
void mp_stream_skip(struct mp_stream *, size_t n);      /* n <= have */
void mp_stream_close(struct mp_stream *);
/* A second stream: the N bytes BEFORE, which come right before data, then all that
 * the first one still has; what can be read once only is spooled to $TMPDIR for
 * both.  To be closed before the first.  NULL: the first one's error says why. */
struct mp_stream *mp_stream_again(struct mp_stream *, const void *before, size_t n);
/* A file without a name in $TMPDIR, or /tmp; -1: errno says why. */
const char *mp_spool_dir(void);
int mp_spool_open(void);
/* The decompressed bytes of IN, a zstd or gzip file; takes IN over, even if it fails. */
int mp_zstd_source(struct mp_source *, struct mp_stream *in, const char *name);
int mp_gzip_source(struct mp_source *, struct mp_stream *in, const char *name);

/* Where bytes go.  What is added is written by mp_out_flush or when much of it
 * has come together. */
struct mp_out {
	int fd;                         /* -1: the callback */
	bool owned;                     /* close it */
	bool regular;                   /* a regular file */
	int (*write)(void *ctx, const void *, size_t);
	void *ctx;
	char *name;
	uint8_t *buf;
	size_t n, room;
	struct mp_err error;
};

int mp_out_open(struct mp_out *, const char *path);
int mp_out_add(struct mp_out *, const void *, size_t);
int mp_out_flush(struct mp_out *);
int mp_out_close(struct mp_out *);      /* flush, close, free */

#endif

/* stream_zstd.c - the contents of a zstd file as a source.
 * Invariant: an end in the middle of a frame is a failure, never a short stream.
 */
#include "stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct unzstd {
	ZSTD_DStream *z;
	struct mp_stream *in;
	size_t left;                    /* what zstd said: 0 between frames */
	struct mp_err error;
	char name[];
};

static ssize_t unzstd_fill(void *ctx, void *buf, size_t n)
{
	struct unzstd *u = ctx;
	ZSTD_outBuffer to = { buf, n, 0 };

	while (!to.pos) {
		ZSTD_inBuffer from;

		if (mp_stream_want(u->in, 1))
			return mp_err_set(&u->error, "%s", u->in->error.text);
		from = (ZSTD_inBuffer){ u->in->data, u->in->have, 0 };
		if (!from.size && !u->left)
			return 0;
		/* with no input left, zstd may still hold output */
		u->left = ZSTD_decompressStream(u->z, &to, &from);
		if (ZSTD_isError(u->left))
			return mp_err_set(&u->error, "%s: byte %" PRIu64 ": %s", u->name,
					u->in->offset, ZSTD_getErrorName(u->left));
		if (!from.size && !to.pos && u->left)
			return mp_err_set(&u->error, "%s: byte %" PRIu64 ": zstd frame is cut off",
					u->name, u->in->offset);
		mp_stream_skip(u->in, from.pos);
	}
	return (ssize_t)to.pos;
}

static const char *unzstd_error(void *ctx)
{
	return ((struct unzstd *)ctx)->error.text;
}

static void unzstd_close(void *ctx)
{
	struct unzstd *u = ctx;

	ZSTD_freeDStream(u->z);
	mp_stream_close(u->in);
	free(u);
}

int mp_zstd_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	size_t len = strlen(name) + 1;
	struct unzstd *u = calloc(1, sizeof(*u) + len);

	if (u)
		u->z = ZSTD_createDStream();
	if (!u || !u->z) {
		free(u);
		mp_stream_close(in);
		return -1;
	}
	u->in = in;
	memcpy(u->name, name, len);
	*out = (struct mp_source){ u, unzstd_fill, unzstd_error, unzstd_close };
	return 0;
}

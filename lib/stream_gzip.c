/* stream_gzip.c - the contents of a gzip file as a source.
 * Invariant: an end in the middle of a member is a failure, never a short stream.
 */
#include "stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST                      /* input is not written to */
#include <zlib.h>

enum { GZIP_WINDOW = 16 + MAX_WBITS };  /* a gzip header is expected */

struct gunzip {
	z_stream z;
	struct mp_stream *in;
	bool inside;                    /* of a member */
	struct mp_err error;
	char name[];
};

static int fail(struct gunzip *g, const char *cause)
{
	return mp_err_set(&g->error, "%s: byte %" PRIu64 ": %s", g->name, g->in->offset, cause);
}

/* Between members: 1 another one begins, 0 the end, -1. */
static int next_member(struct gunzip *g)
{
	if (!g->in->have)
		return 0;
	if (inflateReset(&g->z) != Z_OK)
		return fail(g, "out of memory");
	g->inside = true;
	return 1;
}

static ssize_t gunzip_fill(void *ctx, void *buf, size_t n)
{
	struct gunzip *g = ctx;
	int status;

	g->z.next_out = buf;
	g->z.avail_out = n < UINT32_MAX ? (uInt)n : UINT32_MAX;
	while (g->z.next_out == buf) {
		uInt have;

		if (mp_stream_want(g->in, 1))
			return mp_err_set(&g->error, "%s", g->in->error.text);
		if (!g->inside) {
			status = next_member(g);
			if (status <= 0)
				return status;
		}
		if (!g->in->have)
			return fail(g, "gzip data are cut off");
		have = g->in->have < UINT32_MAX ? (uInt)g->in->have : UINT32_MAX;
		g->z.next_in = g->in->data;
		g->z.avail_in = have;
		status = inflate(&g->z, Z_NO_FLUSH);
		if (status != Z_OK && status != Z_STREAM_END)
			return fail(g, g->z.msg ? g->z.msg : zError(status));
		g->inside = status != Z_STREAM_END;
		mp_stream_skip(g->in, have - g->z.avail_in);
	}
	return (ssize_t)(g->z.next_out - (Bytef *)buf);
}

static const char *gunzip_error(void *ctx)
{
	return ((struct gunzip *)ctx)->error.text;
}

static void gunzip_close(void *ctx)
{
	struct gunzip *g = ctx;

	inflateEnd(&g->z);
	mp_stream_close(g->in);
	free(g);
}

int mp_gzip_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	size_t len = strlen(name) + 1;
	struct gunzip *g = calloc(1, sizeof(*g) + len);

	if (!g || inflateInit2(&g->z, GZIP_WINDOW) != Z_OK) {
		free(g);
		mp_stream_close(in);
		return -1;
	}
	g->in = in;
	memcpy(g->name, name, len);
	*out = (struct mp_source){ g, gunzip_fill, gunzip_error, gunzip_close };
	return 0;
}

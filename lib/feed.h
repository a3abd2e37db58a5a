/* feed.h - a format of text or messages on its way to binary .mp: what all such
 * sources share, lines in and blocks out.
 * Invariant: what a step has written is taken before the next step; after an error
 * nothing more is read.
 */
#ifndef MP_FEED_H
#define MP_FEED_H

#include "io.h"
#include "text.h"

struct mp_feed {                        /* the first member of a source's own state */
	const struct mp_feed_ops *ops;
	struct mp_stream *in;
	char *name;
	struct mp_buf line;             /* the line at hand, without its end; may be changed */
	uint64_t lines, number, byte;   /* read so far; its number and where it begins */
	struct mp_writer *writer;       /* of the part at hand, NULL: none */
	bool done;                      /* no step follows */
	struct mp_buf out;              /* blocks not yet taken */
	size_t taken;
	struct mp_err error;
};

struct mp_feed_ops {
	/* Read on: 0, or -1 and an error. */
	int (*step)(struct mp_feed *);
	void (*free)(struct mp_feed *); /* the state's own */
};

/* A state of SIZE bytes, zeroed, as the source OUT of IN, which is taken over even
 * if the call fails.  NULL: out of memory. */
void *mp_feed_new(size_t size, const struct mp_feed_ops *, struct mp_source *out,
		struct mp_stream *in, const char *name);
/* The next line: 1, 0 at the end, -1; behind the line at hand and a line feed if MORE.
 * A zero byte in the first line: TEXT is wanted, this is none. */
int mp_feed_line(struct mp_feed *, bool more);
/* "NAME: byte B: line L: WHAT", of the line at hand; WHAT "": the writer knows, NULL:
 * out of memory. -1. */
int mp_feed_fail(struct mp_feed *, const char *what);
/* The writer of a new part. */
int mp_feed_begin(struct mp_feed *, enum mp_kind);
/* The part is over: whole, or cut (a trace, at TIME). */
int mp_feed_end(struct mp_feed *);
int mp_feed_cut(struct mp_feed *, uint64_t time);
/* P as a part of its own; the feed is done. */
int mp_feed_profile(struct mp_feed *, struct mp_profile *p);

#endif

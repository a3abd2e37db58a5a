/* reader_raw.c - bytes to blocks: headers, hashes, and the search for the next
 * marker after damage.
 * Invariant: nothing of a header or column is believed before its hash fits, and
 * a length field never makes memory grow beyond what was really read.
 */
#include "reader.h"

#include "bytes.h"
#include "coding.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FRAMES_MAX (256u << 20)

/* ---- bytes ----------------------------------------------------------------------- */

static int skip(struct mp_reader *r, size_t n)
{
	if (r->copy && n && mp_out_add(r->copy, r->in->data, n))
		return mp_reader_fail(r, "%s", r->copy->error.text);
	if (r->keeping && n) {
		if (!mp_room(r, &r->kept, &r->kept_room, r->kept_n + n, 1))
			return -1;
		memcpy(r->kept + r->kept_n, r->in->data, n);
		r->kept_n += n;
	}
	mp_stream_skip(r->in, n);
	return 0;
}

static int want(struct mp_reader *r, size_t n)
{
	if (mp_stream_want(r->in, n))
		return mp_reader_fail(r, "%s", r->in->error.text);
	return 0;
}

/* Search the next marker, FROM bytes from here, and stop at its block: 1, or 0 at
 * the end of the stream with LEAVE bytes not skipped. */
static int seek(struct mp_reader *r, size_t from, bool keep)
{
	const struct mp_stream *in = r->in;

	for (;;) {
		const uint8_t *p;
		size_t at;

		if (want(r, from + MP_MARKER_LEN))
			return -1;
		if (in->have < from + MP_MARKER_LEN)
			return keep ? 0 : skip(r, in->have);
		p = memmem(in->data + from, in->have - from, MP_MARKER, MP_MARKER_LEN);
		if (p) {
			at = (size_t)(p - in->data);
			r->at_marker = at < MP_FRAME_HEAD || !mp_is_head(p - MP_FRAME_HEAD);
			return skip(r, r->at_marker ? at : at - MP_FRAME_HEAD) ? -1 : 1;
		}
		/* what may be the begin of a frame head and marker stays */
		at = in->have - (MP_FRAME_HEAD + MP_MARKER_LEN - 1);
		from = in->have - (MP_MARKER_LEN - 1);
		if (!keep && in->have > MP_FRAME_HEAD + MP_MARKER_LEN) {
			if (skip(r, at))
				return -1;
			from -= at;
		}
	}
}

/* ---- one block --------------------------------------------------------------------- */

/* Whether what is left of the stream can be the begin of a block. */
static bool begins_block(const struct mp_stream *in)
{
	uint8_t head[4];
	size_t n = in->have < 4 ? in->have : 4;

	mp_set_u32(head, MP_SKIPPABLE);
	if (memcmp(in->data, head, n) != 0)
		return false;
	if (in->have <= MP_FRAME_HEAD)
		return true;
	n = in->have - MP_FRAME_HEAD;
	return memcmp(in->data + MP_FRAME_HEAD, MP_MARKER,
			n < MP_MARKER_LEN ? n : MP_MARKER_LEN) == 0;
}

/* The stream ends before the block does.  A marker further on says that lengths
 * are wrong, not that the stream was cut. */
static int cut_off(struct mp_reader *r, size_t lead, bool *cut)
{
	uint64_t offset = r->in->offset;
	int found = seek(r, lead + 1, true);

	if (found > 0) {
		r->noise = true;
		mp_damaged(r, offset, "a block is cut off");
		return 1;
	}
	if (found < 0)
		return -1;
	*cut = true;
	mp_stream_skip(r->in, r->in->have);
	return 0;
}

static void check_columns(struct mp_reader *r)
{
	if (mp_raw_columns(&r->raw))
		return;
	for (unsigned i = 0; i < r->raw.h.columns; i++)
		if (r->raw.bad[i])
			mp_damaged(r, mp_column_offset(r, i), "checksum differs");
}

/* The block that begins LEAD bytes before its marker, here: 1, 0 it is none (the
 * next one was searched), -1; *END: the stream is over. */
static int block_here(struct mp_reader *r, size_t lead, bool *cut, bool *end)
{
	struct mp_raw *raw = &r->raw;
	const char *cause;
	size_t len;
	int found;

	if (want(r, lead + MP_HEADER_FIXED))
		return -1;
	if (r->in->have < lead + MP_HEADER_FIXED)
		goto cut;
	raw->offset = r->in->offset + lead;
	len = mp_header_length(r->in->data + lead);
	cause = len ? NULL : "no block header after the marker";
	if (len && want(r, lead + len))
		return -1;
	if (len && r->in->have < lead + len)
		goto cut;
	if (len)
		cause = mp_header_parse(r->in->data + lead, len, &raw->h);
	if (!cause && raw->h.frames > FRAMES_MAX)
		cause = "a block is too long";
	if (!cause) {
		if (want(r, lead + len + raw->h.frames))
			return -1;
		if (r->in->have < lead + len + raw->h.frames)
			goto cut;
		if (lead && mp_get_u32(r->in->data + 4) != len) {
			mp_damaged(r, r->in->offset + 4, "frame length differs from the header's");
			r->noise = true;
		}
		raw->header = r->in->data + lead;
		check_columns(r);
		r->resume = raw->bad_own || raw->bad_defs;
		r->pending = r->resume ? lead + 1 : lead + len + raw->h.frames;
		return 1;
	}
	mp_damaged(r, raw->offset, "%s", cause);
	r->noise = true;
	found = seek(r, lead + 1, false);
	*end = !found;
	return found < 0 ? -1 : 0;
cut:
	found = cut_off(r, lead, cut);
	*end = !found;
	return found < 0 ? -1 : 0;
}

int mp_raw_next(struct mp_reader *r, bool *cut)
{
	bool end = false;
	int found;

	*cut = false;
	if (r->resume) {
		found = seek(r, r->pending, false);
		r->resume = false;
		r->pending = 0;
		if (found <= 0)
			return found;
	}
	if (skip(r, r->pending))
		return -1;
	r->pending = 0;
	if (mp_fetch_next(r))
		return 1;
	while (!end) {
		size_t lead = r->at_marker ? 0 : MP_FRAME_HEAD;

		if (want(r, MP_FRAME_HEAD + MP_MARKER_LEN))
			return -1;
		if (!r->in->have)
			return 0;
		r->at_marker = false;
		if (r->in->have < lead + MP_MARKER_LEN ? begins_block(r->in) :
		    !lead || mp_is_head(r->in->data)) {
			found = block_here(r, lead, cut, &end);
			if (found)
				return found;
			continue;
		}
		mp_damaged(r, r->in->offset, "not a block");
		r->noise = true;
		found = seek(r, 0, false);
		if (found <= 0)
			return found;
	}
	return 0;
}

void mp_raw_done(struct mp_reader *r)
{
	if (r->resume)
		seek(r, r->pending, false);
	else
		skip(r, r->pending);
	r->resume = false;
	r->pending = 0;
}

/* ---- columns ------------------------------------------------------------------------- */

int mp_column_find(const struct mp_reader *r, unsigned id)
{
	return mp_raw_find(&r->raw, id);
}

uint64_t mp_column_offset(const struct mp_reader *r, unsigned i)
{
	return r->raw.offset + (uint64_t)(r->raw.frame[i] - r->raw.header);
}

const uint8_t *mp_column_open(struct mp_reader *r, unsigned i, const char **cause)
{
	const uint8_t *raw = mp_raw_unpack(&r->unpack, &r->raw, i, cause);

	if (*cause == mp_no_memory)
		mp_reader_fail(r, "%s: out of memory", r->name);
	return raw;
}

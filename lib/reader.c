/* reader.c - opening and closing, what kind of stream it is, metadata, loss.
 * Invariant: an error stays; the first damage is the one that is told.
 */
#include "reader.h"

#include "bytes.h"
#include "follow.h"
#include "progress.h"
#include "import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

enum { ALIKE = 15 };                    /* bytes of magic and marker, of 20 */

/* ---- failing --------------------------------------------------------------------- */

int mp_reader_fail(struct mp_reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mp_err_vset(&r->error, format, args);
	va_end(args);
	return -1;
}

void mp_damaged(struct mp_reader *r, uint64_t offset, const char *format, ...)
{
	struct mp_err cause = { "" };
	va_list args;

	va_start(args, format);
	mp_err_vset(&cause, format, args);
	va_end(args);
	mp_err_set(&r->damage, "%s: byte %" PRIu64 ": %s", r->name, offset, cause.text);
	r->damaged = true;
	r->resync = true;
}

void mp_note_damage(struct mp_reader *r, const char *format, ...)
{
	struct mp_err cause = { "" };
	va_list args;

	va_start(args, format);
	mp_err_vset(&cause, format, args);
	va_end(args);
	mp_damaged(r, r->raw.offset, "%s", cause.text);
	r->own.damaged_blocks++;
}

bool mp_make_room(void *p, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room : 64;
	void *old, *moved;

	if (n <= *room)
		return true;
	while (more < n)
		more *= 2;
	memcpy(&old, p, sizeof(old));
	moved = realloc(old, more * size);
	if (!moved)
		return false;
	memcpy(p, &moved, sizeof(moved));
	*room = more;
	return true;
}

bool mp_room(struct mp_reader *r, void *p, size_t *room, size_t n, size_t size)
{
	if (mp_make_room(p, room, n, size))
		return true;
	mp_reader_fail(r, "%s: out of memory", r->name);
	return false;
}

/* ---- opening --------------------------------------------------------------------- */

static struct mp_reader *reader_new(struct mp_stream *in, const char *name)
{
	struct mp_reader *r = in ? calloc(1, sizeof(*r)) : NULL;

	if (r) {
		r->in = in;
		r->name = strdup(name);
		r->chain = XXH3_createState();
	}
	if (!r || !r->name || !r->chain) {
		mp_stream_close(in);
		if (r) {
			free(r->name);
			XXH3_freeState(r->chain);
		}
		free(r);
		return NULL;
	}
	if (mp_err_is(&in->error))
		mp_reader_fail(r, "%s", in->error.text);
	return r;
}

struct mp_reader *mp_open(const char *path)
{
	return reader_new(mp_stream_open(path), strcmp(path, "-") == 0 ? "stdin" : path);
}

struct mp_reader *mp_open_mem(const void *data, size_t size)
{
	return reader_new(mp_stream_mem(data, size), "memory");
}

struct mp_reader *mp_open_source(const struct mp_source *source, const char *name)
{
	return reader_new(mp_stream_source(source), name);
}

/* Whether the first bytes are a block's, a few of them damaged or the rest cut. */
static bool like_block(const struct mp_stream *in)
{
	uint8_t known[MP_FRAME_HEAD + MP_MARKER_LEN];
	unsigned alike = 0, n = 0;

	mp_set_u32(known, MP_SKIPPABLE);
	memcpy(known + MP_FRAME_HEAD, MP_MARKER, MP_MARKER_LEN);
	for (size_t i = 0; i < sizeof(known) && i < in->have; i++) {
		if (i >= 4 && i < MP_FRAME_HEAD)
			continue;
		n++;
		alike += in->data[i] == known[i];
	}
	return alike >= ALIKE || (n >= 4 && alike == n);
}

static bool like_zstd(const struct mp_stream *in)
{
	uint32_t magic = in->have < 4 ? 0 : mp_get_u32(in->data);

	return magic == ZSTD_MAGICNUMBER ||
		(magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static bool like_gzip(const struct mp_stream *in)
{
	/* its magic, and the only method there is */
	return in->have >= 3 && memcmp(in->data, "\x1f\x8b\x08", 3) == 0;
}

/* Put a source in front of the stream; it takes the stream over. */
static int stack(struct mp_reader *r, int (*make)(struct mp_source *, struct mp_stream *,
		const char *))
{
	struct mp_stream *in = r->in;
	struct mp_source source;

	r->in = NULL;
	if (!make(&source, in, r->name)) {
		r->in = mp_stream_source(&source);
		if (!r->in)
			source.close(source.ctx);
	}
	return r->in ? 0 : mp_reader_fail(r, "%s: out of memory", r->name);
}

/* What the stream is: from its first bytes. */
static int detect(struct mp_reader *r)
{
	static const struct {
		bool (*like)(const uint8_t *data, size_t n);
		int (*make)(struct mp_source *, struct mp_stream *, const char *);
	} other[] = {
		{ mp_like_memray, mp_memray_source }, { mp_like_heaptrack, mp_heaptrack_source },
		{ mp_like_pprof, mp_pprof_source }, { mp_like_mojo, mp_mojo_source },
	};

	for (int depth = 0; depth < 2; depth++) {
		if (mp_stream_want(r->in, MP_LIKE_BYTES))
			return mp_reader_fail(r, "%s", r->in->error.text);
		if (!r->in->have)
			return mp_reader_fail(r, "%s: empty", r->name);
		if (like_block(r->in))
			return 0;
		for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
			if (other[i].like(r->in->data, r->in->have))
				return stack(r, other[i].make);
		if (depth || !(like_zstd(r->in) || like_gzip(r->in)))
			return stack(r, mp_text_source);
		if (stack(r, like_gzip(r->in) ? mp_gzip_source : mp_zstd_source))
			return -1;
	}
	return 0;
}

int mp_reader_detect(struct mp_reader *r)
{
	if (mp_err_is(&r->error))
		return -1;
	if (r->detected)
		return 0;
	r->detected = true;
	return detect(r);
}

struct mp_reader *mp_read_again(struct mp_reader *r)
{
	struct mp_stream *in = mp_err_is(&r->error) ? NULL :
		mp_stream_again(r->in, r->kept, r->kept_n);
	struct mp_reader *again;

	if (!in) {
		mp_reader_fail(r, "%s: %s", r->name, r->in->error.text);
		return NULL;
	}
	again = reader_new(in, r->name);
	if (!again) {
		mp_reader_fail(r, "%s: out of memory", r->name);
		return NULL;
	}
	again->detected = true;
	if (mp_next_part(again) > 0)
		return again;
	mp_reader_fail(r, "%s: %s", r->name, again->error.text);
	if (mp_close(again))
		return NULL;
	return NULL;
}

struct mp_reader *mp_read_ahead(struct mp_reader *r)
{
	struct mp_reader *ahead = mp_read_again(r);
	const struct mp_block *unused;

	/* what is wrong with the part is the first reader's to find and tell */
	while (ahead && mp_next_block(ahead, 0, &unused) > 0)
		;
	return ahead;
}

void mp_reader_progress(struct mp_reader *r, mp_progress_fn *fn, void *ctx)
{
	r->in->progress = fn;
	r->in->progress_ctx = ctx;
}

/* ---- asking ---------------------------------------------------------------------- */

const char *mp_reader_name(const struct mp_reader *r)
{
	return r->name;
}

enum mp_kind mp_kind(const struct mp_reader *r)
{
	return r->kind;
}

const struct mp_tree *mp_tree(const struct mp_reader *r)
{
	return r->tree;
}

struct mp_tree *mp_reader_swap_tree(struct mp_reader *r, struct mp_tree *tree)
{
	struct mp_tree *old = r->tree;

	r->tree = tree;
	return old;
}

bool mp_reader_objects(const struct mp_reader *r)
{
	return r->tree && r->tree->objects;
}

uint64_t mp_reader_tick(const struct mp_reader *r)
{
	return r->tick ? r->tick : 1;
}

bool mp_meta_at(const struct mp_reader *r, size_t i, const char **key, const char **value)
{
	if (!r->tree || i >= r->n_meta)
		return false;
	*key = mp_str(r->tree, r->meta[2 * i]);
	*value = mp_str(r->tree, r->meta[2 * i + 1]);
	return true;
}

const char *mp_meta(const struct mp_reader *r, const char *key)
{
	const char *k, *v;

	for (size_t i = 0; mp_meta_at(r, i, &k, &v); i++)
		if (strcmp(k, key) == 0)
			return v;
	return NULL;
}

/* Too much to count is never little. */
static void add(uint64_t *into, uint64_t more)
{
	if (__builtin_add_overflow(*into, more, into))
		*into = UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void mp_add_loss(struct mp_loss *into, const struct mp_loss *from)
{
	add(&into->lost_events, from->lost_events);
	add(&into->lost_bytes, from->lost_bytes);
	add(&into->damaged_blocks, from->damaged_blocks);
	add(&into->truncated, from->truncated);
	if (from->sample_interval > into->sample_interval)
		into->sample_interval = from->sample_interval;
}

/* END counts what the headers told before it, too, if it does not lie. */
struct mp_loss mp_part_loss(const struct mp_reader *r)
{
	struct mp_loss loss = r->own, end = r->end;

	if (r->complete) {
		end.lost_events -= least(end.lost_events, loss.lost_events);
		end.lost_bytes -= least(end.lost_bytes, loss.lost_bytes);
		mp_add_loss(&loss, &end);
	}
	return loss;
}

struct mp_loss mp_loss(const struct mp_reader *r)
{
	struct mp_loss loss = mp_part_loss(r);

	mp_add_loss(&loss, &r->before);
	return loss;
}

bool mp_part_complete(const struct mp_reader *r)
{
	return r->complete;
}

const char *mp_damage(const struct mp_reader *r)
{
	return mp_err_is(&r->damage) ? r->damage.text : NULL;
}

const char *mp_error(const struct mp_reader *r)
{
	return mp_err_is(&r->error) ? r->error.text : NULL;
}

int mp_close(struct mp_reader *r)
{
	struct mp_decoded *d;
	int status;

	if (!r)
		return -1;
	d = &r->d;
	status = mp_err_is(&r->error) ? -1 : 0;
	mp_fetch_stop(r);
	mp_stream_close(r->in);
	mp_defs_reset(r);
	mp_next_reset(r);
	free(r->next);
	mp_tree_free(r->tree);
	mp_unpack_free(&r->unpack);
	mp_unpacked_free(&r->unpacked);
	XXH3_freeState(r->chain);
	free(d->ended), free(d->thread), free(d->time), free(d->c_thread);
	for (int i = 0; i < 3; i++)
		free(d->pairs[i]);
	for (size_t i = 0; i < sizeof(d->column) / sizeof(*d->column); i++)
		free(d->column[i].x);
	free(r->meta), free(r->kept), free(r->name);
	free(r);
	return status;
}

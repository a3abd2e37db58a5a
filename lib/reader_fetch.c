/* reader_fetch.c - a thread that reads whole blocks ahead: bytes, hashes, and the
 * columns of events decoded.  Only of a large trace in a regular file, where a read
 * does not wait for somebody.
 * Invariant: the thread takes nothing but a whole, undamaged block of the same part
 * off the stream.  At anything else it ends, and the reader goes on from there as if
 * there had been no thread; so damage has one place and one wording.
 */
#include "reader.h"

#include "bytes.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4, BLOCK_BYTES = 4 << 20 };

struct slot {
	struct mp_raw raw;
	uint8_t *bytes;                 /* header and frames */
	size_t room;
	struct mp_unpacked unpacked;
};

struct mp_fetch {
	pthread_t thread;
	struct mp_stream *in;           /* the thread's while it runs */
	uint64_t part;
	struct mp_unpack unpack;
	struct slot slot[SLOTS];
	unsigned first;                 /* slot at hand, or the next one */
	bool held;                      /* it is at hand */
	pthread_mutex_t lock;           /* of what follows */
	pthread_cond_t changed;
	unsigned filled, want;
	bool stop, over;
};

/* ---- the thread ------------------------------------------------------------------ */

/* N bytes of the stream are there. */
static bool have(struct mp_fetch *f, size_t n)
{
	return !mp_stream_want(f->in, n) && f->in->have >= n;
}

static bool known(const struct mp_header *h)
{
	return h->kind > MP_BLOCK_HEAD && h->kind <= MP_BLOCK_BASE && h->kind != MP_BLOCK_ROWS;
}

/* The next block into slot S and off the stream; false if it is not one for us. */
static bool fill(struct mp_fetch *f, struct slot *s, unsigned want)
{
	struct mp_raw *raw = &s->raw;
	size_t len, size;

	if (!have(f, MP_FRAME_HEAD + MP_HEADER_FIXED) || !mp_is_head(f->in->data))
		return false;
	len = mp_header_length(f->in->data + MP_FRAME_HEAD);
	if (!len || mp_get_u32(f->in->data + 4) != len || !have(f, MP_FRAME_HEAD + len) ||
	    mp_header_parse(f->in->data + MP_FRAME_HEAD, len, &raw->h))
		return false;
	if (!known(&raw->h) || raw->h.part != f->part || raw->h.frames > BLOCK_BYTES)
		return false;
	size = len + (size_t)raw->h.frames;
	if (!have(f, MP_FRAME_HEAD + size) || !mp_make_room(&s->bytes, &s->room, size, 1))
		return false;
	memcpy(s->bytes, f->in->data + MP_FRAME_HEAD, size);
	raw->header = s->bytes;
	raw->offset = f->in->offset + MP_FRAME_HEAD;
	if (!mp_raw_columns(raw))
		return false;
	s->unpacked.want = 0;
	if (raw->h.kind == MP_BLOCK_EVENTS)
		mp_unpacked_read(&s->unpacked, &f->unpack, raw, want);
	mp_stream_skip(f->in, MP_FRAME_HEAD + size);
	return true;
}

static void *run(void *ctx)
{
	struct mp_fetch *f = ctx;
	unsigned at = 0;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		unsigned want = f->want;
		bool good;

		if (f->filled == SLOTS) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		pthread_mutex_unlock(&f->lock);
		good = fill(f, &f->slot[at], want);
		at = (at + 1) % SLOTS;
		pthread_mutex_lock(&f->lock);
		f->filled += good;
		f->stop |= !good;
		pthread_cond_signal(&f->changed);
	}
	f->over = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- the reader's side -------------------------------------------------------------- */

static void release(struct mp_fetch *f)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		free(f->slot[i].bytes);
		mp_unpacked_free(&f->slot[i].unpacked);
	}
	mp_unpack_free(&f->unpack);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
}

void mp_fetch_stop(struct mp_reader *r)
{
	struct mp_fetch *f = r->fetch;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	release(f);
	r->fetch = NULL;
	r->fetch_from = r->events + MP_FETCH_FROM;
}

/* A thread, if it is worth it: the part has been long so far.  Signals are for the
 * program's own threads. */
static bool begin(struct mp_reader *r)
{
	sigset_t all, before;
	struct mp_fetch *f;

	if (r->events < r->fetch_from || !(r->want & MP_WANT_COLUMNS) || r->kind != MP_TRACE ||
	    !r->in->plain || r->at_marker || r->copy || r->keeping)
		return false;
	r->fetch_from = UINT64_MAX;     /* if it fails, it is not tried again */
	f = calloc(1, sizeof(*f));
	if (!f)
		return false;
	f->in = r->in;
	f->part = r->part;
	f->want = r->want;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&f->thread, NULL, run, f))
		release(f);
	else
		r->fetch = f;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r->fetch != NULL;
}

int mp_fetch_next(struct mp_reader *r)
{
	struct mp_fetch *f;
	const struct mp_raw *raw;
	bool any;

	if (!r->fetch && !begin(r))
		return 0;
	f = r->fetch;
	pthread_mutex_lock(&f->lock);
	if (f->held) {
		f->first = (f->first + 1) % SLOTS;
		f->filled--;
		pthread_cond_signal(&f->changed);
	}
	f->want = r->want;
	while (!f->filled && !f->over)
		pthread_cond_wait(&f->changed, &f->lock);
	any = f->held = f->filled > 0;
	pthread_mutex_unlock(&f->lock);
	if (!any) {
		mp_fetch_stop(r);
		return 0;
	}
	raw = &f->slot[f->first].raw;
	r->raw.h = raw->h;
	r->raw.offset = raw->offset;
	r->raw.header = raw->header;
	r->raw.bad_own = r->raw.bad_defs = false;
	memcpy(r->raw.entry, raw->entry, raw->h.columns * sizeof(*raw->entry));
	memcpy(r->raw.frame, raw->frame, raw->h.columns * sizeof(*raw->frame));
	memset(r->raw.bad, 0, raw->h.columns * sizeof(*raw->bad));
	return 1;
}

struct mp_unpacked *mp_fetched(struct mp_reader *r, unsigned want)
{
	struct mp_unpacked *u = r->fetch && r->fetch->held ?
		&r->fetch->slot[r->fetch->first].unpacked : NULL;

	return u && u->want && u->want == (want & MP_WANT_COLUMNS) ? u : NULL;
}

/* test_fetch.c - a long trace read with a thread ahead (from a file) and without one
 * (from memory): the same blocks, damage and loss, whatever was done to the bytes.
 */
#include "tap.h"

#include "encode.h"
#include "io.h"
#include "reader.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS = MP_FETCH_FROM + 160000, FLUSH = 1900, LIVE = 512, ROUNDS = 60 };

struct mem { uint8_t *p; size_t n, room; };

static char path[] = "/tmp/mp-test-fetch.XXXXXX";
static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 20) % n);
}

static int to_mem(void *ctx, const void *data, size_t n)
{
	struct mem *m = ctx;

	if (m->n + n > m->room) {
		m->room = 2 * (m->n + n);
		m->p = realloc(m->p, m->room);
		if (!m->p)
			abort();
	}
	memcpy(m->p + m->n, data, n);
	m->n += n;
	return 0;
}

/* ---- what is written --------------------------------------------------------------- */

static struct { uint32_t ref, site; } live[LIVE];
static uint32_t open_block[MP_BLOCK_MAX];       /* allocation -> place in live[] + 1 */

static void survivor(void *ctx, uint32_t index, uint32_t slot)
{
	(void)ctx;
	if (open_block[index])
		live[open_block[index] - 1].ref = slot;
}

static uint32_t new_site(struct mp_tree *t, uint32_t process, uint32_t i)
{
	struct mp_frame f = { .func = "f", .file = "a.py", .module = "", .build_id = "",
		.line = i % 97, .flags = MP_FRAME_PYTHON };

	return mp_def_site(t, &(struct mp_site){ .process = process, .kind = MP_ALLOC_MALLOC,
			.size = i, .node = mp_push(t, 0, &f) });
}

static void write_trace(struct mem *m)
{
	static const struct mp_encoder encoder = { NULL, survivor };
	struct mp_writer *w = mp_create_sink(to_mem, m, 1);
	uint32_t process, thread[2], sites = 0;
	struct mp_tree *t;

	memset(live, 0, sizeof(live));
	ok(!mp_begin(w, MP_TRACE));
	mp_set_encoder(w, &encoder);
	t = mp_writer_tree(w);
	process = mp_def_process(t, &(struct mp_process){ .pid = 10 });
	for (int i = 0; i < 2; i++)
		thread[i] = mp_def_thread(t, &(struct mp_thread){ .process = process });
	for (uint32_t i = 0; i < EVENTS; i++) {
		uint32_t at = rnd(4) ? rnd(8) : rnd(LIVE), index;

		if (i % FLUSH == 0) {
			sites = new_site(t, process, i);
			mp_enc_flush(w, i);
			mp_enc_series(w, i, process, mp_def_cstring(t, "rss"), i);
		}
		if (live[at].site) {
			mp_enc_free(w, i, thread[i / 100 % 2], live[at].ref, live[at].site);
			live[at].site = 0;
			continue;
		}
		live[at].site = 1 + rnd(sites);
		live[at].ref = mp_enc_alloc(w, i, thread[i / 100 % 2], live[at].site);
		index = live[at].ref & ~MP_REF_OPEN;
		open_block[index] = at + 1;
	}
	mp_enc_mark(w, EVENTS, 0, process, mp_def_cstring(t, "finalize"), 0);
	ok(!mp_end(w) && !mp_finish(w));
}

/* ---- what is read ------------------------------------------------------------------ */

struct seen {
	uint64_t hash;                  /* of everything handed out */
	char damage[256], error[256];   /* behind the name */
	struct mp_loss loss;
	unsigned parts, blocks;
	bool fetched;
};

static void mix(struct seen *s, const void *data, size_t n)
{
	s->hash = mp_hash(data, n) ^ s->hash * 0x9e3779b97f4a7c15ull;
}

static void mix_block(struct seen *s, const struct mp_block *b)
{
	uint64_t head[] = { b->kind, b->n, b->sequence, b->n_alloc, b->n_free, b->n_sites, b->n_old,
		b->n_new, b->live_bytes, b->resync };

	s->blocks++;
	mix(s, head, sizeof(head));
	if (b->op)
		mix(s, b->op, (b->n + 7) / 8 + 8);
	if (b->site) {
		mix(s, b->site, b->n_alloc * sizeof(*b->site));
		mix(s, b->sites, b->n_sites * sizeof(*b->sites));
	}
	if (b->gone) {
		mix(s, b->gone, b->n_alloc + 8);
		mix(s, b->back, b->n_free * sizeof(*b->back));
		mix(s, b->old, b->n_old * sizeof(*b->old));
		mix(s, b->new_, b->n_new * sizeof(*b->new_));
	}
	for (uint32_t i = 0; i < b->n_time; i++)
		mix(s, &b->time[i].value, sizeof(b->time[i].value));
	for (uint32_t i = 0; i < b->n_thread; i++)
		mix(s, &b->thread[i].value, sizeof(b->thread[i].value));
}

static void behind_name(const struct mp_reader *r, char *to, size_t size, const char *text)
{
	size_t name = strlen(mp_reader_name(r));

	snprintf(to, size, "%s", text && strlen(text) > name ? text + name : "");
}

/* WANTS: the columns asked for, one after the other; MOST blocks of each part. */
static void read_all(struct seen *s, struct mp_reader *r, const unsigned *wants, unsigned most)
{
	const struct mp_block *b;

	memset(s, 0, sizeof(*s));
	while (mp_next_part(r) == 1) {
		s->parts++;
		for (unsigned i = 0; i < most && mp_next_block(r, wants[i % 4], &b) > 0; i++) {
			mix_block(s, b);
			s->fetched |= r->fetch != NULL;
		}
		mix(s, &mp_tree(r)->site.n, sizeof(mp_tree(r)->site.n));
	}
	behind_name(r, s->damage, sizeof(s->damage), mp_damage(r));
	behind_name(r, s->error, sizeof(s->error), mp_error(r));
	s->loss = mp_loss(r);
	ok(mp_close(r) == (s->error[0] ? -1 : 0));
}

/* Whether there was a thread. */
static bool compare(const struct mem *m, const unsigned *wants, unsigned most)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	struct seen with, without;

	ok(write(fd, m->p, m->n) == (ssize_t)m->n && !close(fd));
	read_all(&with, mp_open(path), wants, most);
	read_all(&without, mp_open_mem(m->p, m->n), wants, most);
	ok(!without.fetched);
	ok(with.hash == without.hash && with.parts == without.parts &&
			with.blocks == without.blocks);
	ok(!strcmp(with.damage, without.damage) && !strcmp(with.error, without.error));
	ok(!memcmp(&with.loss, &without.loss, sizeof(with.loss)));
	return with.fetched;
}

/* ---- what is done to it -------------------------------------------------------------- */

static void copy(struct mem *to, const struct mem *from)
{
	to->n = 0;
	to_mem(to, from->p, from->n);
}

static void harm(struct mem *m)
{
	size_t at = m->n / 3 + rnd(m->n - m->n / 3), n = 1 + rnd(3000);
	uint8_t piece[3000];

	n = n < m->n - at ? n : m->n - at;
	memcpy(piece, m->p + m->n - n, n);
	switch (rnd(4)) {
	case 0:
		m->p[at] ^= (uint8_t)(1 << rnd(8));
		return;
	case 1:                         /* a hole */
		memmove(m->p + at, m->p + at + n, m->n - at - n);
		m->n -= n;
		return;
	case 2:                         /* bytes too many */
		to_mem(m, piece, n);
		memmove(m->p + at + n, m->p + at, m->n - at - n);
		return;
	default:
		m->n = at;
		return;
	}
}

int main(void)
{
	static const unsigned all[4] = { 255, 255, 255, 255 },
		mixed[4] = { 255, MP_WANT_SITE, MP_WANT_FREES, 0 };
	struct mem whole = { NULL, 0, 0 }, m = { NULL, 0, 0 };
	int fd = mkstemp(path);

	ok(fd >= 0 && !close(fd));
	write_trace(&whole);
	ok(compare(&whole, all, UINT32_MAX));
	ok(compare(&whole, mixed, UINT32_MAX));
	for (unsigned i = 0; i < 10; i++)       /* left in the middle */
		compare(&whole, all, 270 + i * 10);
	copy(&m, &whole);
	to_mem(&m, whole.p, whole.n);
	ok(compare(&m, all, UINT32_MAX));
	for (unsigned i = 0; i < ROUNDS; i++) {
		copy(&m, &whole);
		to_mem(&m, whole.p, i % 2 ? whole.n : 0);
		for (unsigned k = 0; k <= i % 3; k++)
			harm(&m);
		compare(&m, i % 5 ? all : mixed, UINT32_MAX);
	}
	unlink(path);
	free(whole.p);
	free(m.p);
	return tap_done();
}

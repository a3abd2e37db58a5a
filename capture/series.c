/* series.c - see series.h. */
#include "series.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 4096, HEADER_PAGES = 6 };

void series_init(struct series *s, struct mp_tree *tree, uint64_t every)
{
	s->every = every;
	s->last = 0;
	s->rss = mp_def_cstring(tree, "rss");
	s->anon = mp_def_cstring(tree, "rss_anon");
	s->file = mp_def_cstring(tree, "rss_file");
	s->shmem = mp_def_cstring(tree, "rss_shmem");
}

/* The number of kB behind LABEL, in bytes; -1: not there. */
static int64_t field(const char *text, const char *label)
{
	const char *p = strstr(text, label);

	return p ? (int64_t)strtoull(p + strlen(label), NULL, 10) * 1024 : -1;
}

/* Chunks that hold what we have not read yet are touched, too.  Each is walked once. */
static void find_touched(struct drain *d, struct image *image)
{
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];
		struct cursor c = slot_cursor(s);
		struct record r;
		uint32_t chunk;
		uint64_t tail;

		if (s->image != image || s->bad)
			continue;
		tail = atomic_load_explicit(&s->shared->tail, memory_order_acquire);
		if (tail / MP_CHUNK == c.pos / MP_CHUNK ||
				tail - c.pos > (uint64_t)d->session->chunks * MP_CHUNK)
			continue;
		if (s->walked > s->pos)
			c = (struct cursor){ s->walked, s->walked_at, s->walked_chunk };
		chunk = c.chunk;
		for (; slot_read(d->session, &c, tail, &r) == SLOT_RECORD; c.pos += r.words * 8u) {
			if (c.chunk == chunk)
				continue;
			chunk = c.chunk;
			image_touched(image, chunk);
		}
		s->walked = c.pos;
		s->walked_at = c.chunk_at;
		s->walked_chunk = c.chunk;
	}
}

/* Chunks of slots that were claimed after the last pass. */
static uint64_t find_new(const struct drain *d, const struct image *image)
{
	uint32_t used = atomic_load(&d->session->shared->slots_used);
	uint64_t chunks = 0;

	for (uint32_t i = 0; i < used && i < d->session->slots; i++) {
		struct mp_slot *m = &d->session->slot[i];

		if (!d->slot[i].used && atomic_load(&m->owner) >> 32 == image->pid)
			chunks += atomic_load(&m->tail) / MP_CHUNK + 1;
	}
	return chunks < d->session->chunks ? chunks : d->session->chunks;
}

/* Bytes of the ring that this process has touched. */
static int64_t ring_bytes(struct drain *d, struct image *image)
{
	find_touched(d, image);
	return (int64_t)(image->chunks_touched + find_new(d, image)) * MP_CHUNK +
		(int64_t)(HEADER_PAGES + image->slots / 16) * PAGE;
}

static void sample(struct series *s, struct drain *d, struct image *image)
{
	int64_t anon, file, shmem, ours;
	uint32_t process = image->memory.process;
	char text[2048];
	ssize_t n;

	if (image->status_fd < 0) {
		snprintf(text, sizeof text, "/proc/%u/status", image->pid);
		image->status_fd = open(text, O_RDONLY | O_CLOEXEC);
	}
	n = image->status_fd < 0 ? -1 : pread(image->status_fd, text, sizeof text - 1, 0);
	if (n <= 0)
		return;
	text[n] = '\0';
	anon = field(text, "\nRssAnon:");
	file = field(text, "\nRssFile:");
	shmem = field(text, "\nRssShmem:");
	if (anon < 0 || file < 0 || shmem < 0)
		return;         /* it is ending: no memory any more */
	ours = ring_bytes(d, image);    /* after the reading: no less than it holds */
	shmem = shmem > ours ? shmem - ours : 0;
	image->rss = (uint64_t)(anon + file + shmem);
	mp_enc_series(d->writer, s->last, process, s->rss, anon + file + shmem);
	mp_enc_series(d->writer, s->last, process, s->anon, anon);
	mp_enc_series(d->writer, s->last, process, s->file, file);
	mp_enc_series(d->writer, s->last, process, s->shmem, shmem);
}

void series_sample(struct series *s, struct drain *d)
{
	uint64_t now = session_now(d->session);

	if (!s->every || now - s->last < s->every)
		return;
	s->last = now;
	for (uint32_t i = d->images.first; i < d->images.n; i++)
		if (!d->images.x[i]->ended && !d->images.x[i]->gone && d->images.x[i]->pidfd >= 0)
			sample(s, d, d->images.x[i]);
}

/* output.c - see output.h.  The order of bytes: memory, then spool; while the
 * spool holds anything, what comes in goes behind it.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 16 };

static int open_spool(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof path, "%s/mp-spool-XXXXXX", dir) >= (int)sizeof path)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool fits_memory(const struct output *o, size_t n)
{
	return o->spool_from == o->spool_to && o->to - o->from + n <= OUTPUT_MEMORY;
}

/* Room for N more bytes; waits while the spool is full.  False: the output failed. */
static bool store(struct output *o, const unsigned char *data, size_t n)
{
	while (!o->error && !fits_memory(o, n) && o->spool_to - o->spool_from + n > o->spool_max)
		pthread_cond_wait(&o->changed, &o->lock);
	if (o->error)
		return false;
	if (fits_memory(o, n)) {
		for (size_t done = 0, k; done < n; done += k, o->to += k) {
			uint64_t at = o->to % OUTPUT_MEMORY;

			k = n - done < OUTPUT_MEMORY - at ? n - done : OUTPUT_MEMORY - at;
			memcpy(o->memory + at, data + done, k);
		}
		return true;
	}
	if (o->spool < 0)
		o->spool = open_spool();
	/* a full or missing spool: what is written below waits for the memory instead */
	if (o->spool < 0 || pwrite(o->spool, data, n, (off_t)o->spool_to) != (ssize_t)n) {
		while (!o->error && !fits_memory(o, n))
			pthread_cond_wait(&o->changed, &o->lock);
		return store(o, data, n);
	}
	o->spool_to += n;
	return true;
}

static void *read_all(void *arg)
{
	struct output *o = arg;
	unsigned char piece[PIECE];
	bool good = true;
	ssize_t n;

	while (good && (n = read(o->in, piece, sizeof piece)) != 0) {
		if (n < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		pthread_mutex_lock(&o->lock);
		good = store(o, piece, (size_t)n);
		pthread_cond_broadcast(&o->changed);
		pthread_mutex_unlock(&o->lock);
	}
	pthread_mutex_lock(&o->lock);
	o->ended = true;
	close(o->in);           /* whoever still writes gets EPIPE */
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* The next bytes in order; waits for some.  0: the end. */
static size_t fetch(struct output *o, unsigned char *piece)
{
	size_t n = PIECE;
	ssize_t got;

	while (o->from == o->to && o->spool_from == o->spool_to && !o->ended)
		pthread_cond_wait(&o->changed, &o->lock);
	if (o->from != o->to) {
		uint64_t at = o->from % OUTPUT_MEMORY;

		if (n > o->to - o->from)
			n = o->to - o->from;
		if (n > OUTPUT_MEMORY - at)
			n = OUTPUT_MEMORY - at;
		memcpy(piece, o->memory + at, n);
		o->from += n;
		return n;
	}
	if (o->spool_from == o->spool_to)
		return 0;
	if (n > o->spool_to - o->spool_from)
		n = o->spool_to - o->spool_from;
	got = pread(o->spool, piece, n, (off_t)o->spool_from);
	if (got <= 0) {
		o->error = got < 0 ? errno : EIO;
		return 0;
	}
	/* give the disk back at once; where that is not possible, at the end */
	(void)!fallocate(o->spool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)o->spool_from, got);
	o->spool_from += (uint64_t)got;
	if (o->spool_from == o->spool_to) {
		o->spool_from = o->spool_to = 0;
		if (ftruncate(o->spool, 0) < 0)
			o->error = errno;
	}
	return (size_t)got;
}

static void *write_all(void *arg)
{
	struct output *o = arg;
	unsigned char piece[PIECE];
	size_t n, done;
	ssize_t k = 0;
	int error = 0;

	do {
		pthread_mutex_lock(&o->lock);
		o->error = o->error ? o->error : error;
		n = o->error ? 0 : fetch(o, piece);
		pthread_cond_broadcast(&o->changed);
		pthread_mutex_unlock(&o->lock);
		for (done = 0; done < n && !error; done += (size_t)(k > 0 ? k : 0)) {
			k = write(o->fd, piece + done, n - done);
			if (k < 0 && errno != EINTR)
				error = errno;
		}
		if (!error)
			o->written += n;
	} while (n);
	return NULL;
}

int output_open(struct output *o, int fd, uint64_t spool_max)
{
	int ends[2];

	memset(o, 0, sizeof *o);
	o->fd = fd;
	o->spool = -1;
	o->spool_max = spool_max;
	o->memory = malloc(OUTPUT_MEMORY);
	if (!o->memory || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	o->in = ends[0];
	o->keep = ends[1];
	fcntl(o->keep, F_SETPIPE_SZ, 1 << 20);  /* as large as we may; smaller works, too */
	snprintf(o->path, sizeof o->path, "/proc/self/fd/%d", o->keep);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	errno = pthread_create(&o->reader, NULL, read_all, o);
	if (errno)
		return -1;
	errno = pthread_create(&o->writer, NULL, write_all, o);
	if (errno)
		return -1;
	o->running = true;
	return 0;
}

void output_opened(struct output *o)
{
	close(o->keep);
	o->keep = -1;
}

int output_error(struct output *o)
{
	int e;

	if (!o->running)
		return 0;
	pthread_mutex_lock(&o->lock);
	e = o->error;
	pthread_mutex_unlock(&o->lock);
	return e;
}

int output_close(struct output *o)
{
	if (!o->running)
		return 0;
	if (o->keep >= 0)
		output_opened(o);
	pthread_join(o->reader, NULL);
	pthread_join(o->writer, NULL);
	o->running = false;
	free(o->memory);
	if (o->spool >= 0)
		close(o->spool);
	if (close(o->fd) < 0 && !o->error)
		o->error = errno;
	errno = o->error;
	return o->error ? -1 : 0;
}

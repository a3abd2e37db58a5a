/* heap.c - a scripted sequence of allocations over four threads, with its own sums.
 *
 *	heap [OPS [SEED]]
 *
 * The threads do the same work in every run and hand blocks to each other, so
 * that a block is often freed by another thread than made it.  They meet at
 * barriers round the moment of the greatest sum.  Prints one line:
 *	count N bytes N live N live_bytes N peak_bytes N failed N
 * of the blocks made by script() and what it calls; nothing else of the program
 * is counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS = 4, KEEP = 512, PEAK_BLOCKS = 300 };

struct block {
	void *p;
	size_t size;
};

struct script {
	pthread_t thread;
	uint64_t random;
	long ops;
	struct block kept[KEEP];
	uint64_t count, bytes, frees, freed_bytes, failed;
	void *peak[PEAK_BLOCKS];
};

static struct script all[THREADS];
static struct block handed[KEEP];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static uint64_t peak_bytes;
static volatile size_t huge = PTRDIFF_MAX, half = SIZE_MAX / 2;

static uint64_t draw(struct script *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (s->random >> 11) % below;
}

static void made(struct script *s, struct block *b, void *p, size_t size)
{
	if (!p)
		abort();
	memset(p, 1, size < 64 ? size : 64);
	b->p = p;
	b->size = size;
	s->count++;
	s->bytes += size;
}

static void gone(struct script *s, struct block *b)
{
	if (b->p) {
		s->frees++;
		s->freed_bytes += b->size;
	}
	b->p = NULL;
}

__attribute__((noinline)) static void make(struct script *s, struct block *b)
{
	size_t size = draw(s, 20) == 0 ? draw(s, 300000) + 1 : draw(s, 900) + 1;
	void *p = NULL;

	switch (draw(s, 9)) {
	case 0:
		made(s, b, calloc(size, 3), size * 3);
		return;
	case 1:
		if (posix_memalign(&p, 64, size) != 0)
			abort();
		made(s, b, p, size);
		return;
	case 2:
		size = (size + 31) & ~31ul;
		made(s, b, aligned_alloc(32, size), size);
		return;
	case 3:
		made(s, b, memalign(128, size), size);
		return;
	case 4:
		made(s, b, draw(s, 2) ? valloc(size) : pvalloc(size), size);
		return;
	case 5:
		made(s, b, realloc(NULL, size), size);
		return;
	case 6:
		made(s, b, reallocarray(NULL, size, 2), size * 2);
		return;
	default:
		made(s, b, malloc(size), size);
	}
}

__attribute__((noinline)) static void change(struct script *s, struct block *b)
{
	size_t size = draw(s, 2) ? b->size / 2 + 1 : b->size * 2 + 17;
	void *p;

	if (size > 1 << 20)
		size = 100;
	switch (draw(s, 12)) {
	case 0:                 /* frees it */
		p = realloc(b->p, 0);
		if (p)
			abort();
		gone(s, b);
		return;
	case 1:                 /* too large: the block stays */
		errno = 0;
		if (realloc(b->p, huge - 4096) || errno != ENOMEM)
			abort();
		s->failed++;
		return;
	case 2:
		errno = 0;
		if (reallocarray(b->p, half, 3) || errno != ENOMEM)
			abort();
		s->failed++;
		return;
	case 3:
		p = reallocarray(b->p, size, 1);
		break;
	default:
		p = realloc(b->p, size);
	}
	s->frees++;
	s->freed_bytes += b->size;
	made(s, b, p, size);
}

__attribute__((noinline)) static void step(struct script *s)
{
	struct block *b = &s->kept[draw(s, KEEP)], swap;

	if (draw(s, 4) == 0) {  /* exchange with the others; whatever comes out is as good */
		pthread_mutex_lock(&lock);
		swap = handed[b - s->kept];
		handed[b - s->kept] = *b;
		*b = swap;
		pthread_mutex_unlock(&lock);
	}
	errno = 4711;           /* a call that succeeds leaves it */
	if (!b->p) {
		make(s, b);
		if (errno != 4711)
			abort();
	} else if (draw(s, 3) == 0) {
		change(s, b);
	} else {
		gone(s, &(struct block){ b->p, b->size });
		free(b->p);
		b->p = NULL;
		if (errno != 4711)
			abort();
	}
	if (draw(s, 50) == 0) {
		errno = 0;
		if (malloc(huge) || calloc(half, 4) || errno != ENOMEM)
			abort();
		s->failed += 2;
	}
}

static uint64_t live_bytes(void)
{
	uint64_t n = 0;

	for (int i = 0; i < THREADS; i++)
		n += all[i].bytes - all[i].freed_bytes;
	return n;
}

static void rest(void)
{
	struct timespec t = { 0, 60000000 };

	nanosleep(&t, NULL);
}

/* Everybody holds its peak blocks while all rest. */
__attribute__((noinline)) static void peak(struct script *s)
{
	int i;

	pthread_barrier_wait(&barrier);
	for (i = 0; i < PEAK_BLOCKS; i++) {
		struct block b;

		made(s, &b, malloc(100000), 100000);
		s->peak[i] = b.p;
	}
	rest();
	if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
		peak_bytes = live_bytes();
	pthread_barrier_wait(&barrier);
	rest();
	for (i = 0; i < PEAK_BLOCKS; i++) {
		gone(s, &(struct block){ s->peak[i], 100000 });
		free(s->peak[i]);
	}
	pthread_barrier_wait(&barrier);
}

static void *script(void *arg)
{
	struct script *s = arg;
	long i;

	for (i = 0; i < s->ops / 2; i++)
		step(s);
	peak(s);
	for (; i < s->ops; i++)
		step(s);
	return NULL;
}

int main(int argc, char **argv)
{
	long ops = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	uint64_t count = 0, bytes = 0, frees = 0, freed = 0, failed = 0;
	int i;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		all[i].random = (seed + i + 1) * 0x9E3779B97F4A7C15ull;
		all[i].ops = ops / THREADS;
		if (pthread_create(&all[i].thread, NULL, script, &all[i]) != 0)
			return 1;
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(all[i].thread, NULL);
		count += all[i].count;
		bytes += all[i].bytes;
		frees += all[i].frees;
		freed += all[i].freed_bytes;
		failed += all[i].failed;
	}
	printf("count %lu bytes %lu live %lu live_bytes %lu peak_bytes %lu failed %lu\n", count,
	       bytes, count - frees, bytes - freed, peak_bytes, failed);
	return 0;
}

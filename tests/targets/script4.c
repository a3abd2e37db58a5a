/* script4 - four threads and a script of 100,000 allocations whose sums are known.
 *
 * Every allocation of the script is made below a function named script_*, so that
 * what libc does for itself can be told apart.  Blocks are handed to the next
 * thread, which frees them.  The peak lies between barriers, each many
 * milliseconds long, so that no event near it is on the other side.
 * Prints one line: total count, total bytes, live count, live bytes at the end,
 * bytes at the peak, and how much of them the four script_peak functions hold.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, STEPS = 28000, KEEP = 64, PASS = 256 };

static pthread_barrier_t barrier;
static _Atomic(void *) passed[THREADS][PASS];
static struct sums { uint64_t count, bytes, frees, freed; } sums[THREADS];
static uint64_t held[THREADS], peak;

static __thread uint64_t seed;
static __thread struct sums *mine;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 8) % below;
}

/* Every block remembers its size; that is how it is counted when it goes. */
static void *made(void *p, size_t n)
{
	if (!p)
		abort();
	mine->count++;
	mine->bytes += n;
	*(size_t *)p = n;
	return p;
}

static void gone(const void *p)
{
	mine->frees++;
	mine->freed += *(const size_t *)p;
}

__attribute__((noinline)) static void *script_malloc(size_t n)
{
	return made(malloc(n), n);
}

__attribute__((noinline)) static void *script_calloc(size_t n)
{
	return made(calloc(n / 8, 8), n / 8 * 8);
}

__attribute__((noinline)) static void *script_aligned(size_t n, unsigned how)
{
	void *p = NULL;

	if (how == 0 && posix_memalign(&p, 64, n) == 0)
		return made(p, n);
	if (how == 1)
		return made(aligned_alloc(128, (n + 127) / 128 * 128), (n + 127) / 128 * 128);
	return made(memalign(32, n), n);
}

__attribute__((noinline)) static void script_free(void *p)
{
	gone(p);
	free(p);
}

__attribute__((noinline)) static void *script_realloc(void *p, size_t n)
{
	gone(p);
	return made(realloc(p, n), n);
}

__attribute__((noinline)) static void script_realloc_zero(void *p)
{
	gone(p);
	if (realloc(p, 0))
		abort();
}

__attribute__((noinline)) static void script_realloc_fails(void *p)
{
	volatile size_t far_too_much = PTRDIFF_MAX;

	if (realloc(p, far_too_much))
		abort();
}

static void *script_any(void)
{
	size_t n = 8 + draw(draw(50) ? 2000 : 300000);

	switch (draw(6)) {
	case 0: return script_calloc(n);
	case 1: return script_aligned(n, draw(3));
	default: return script_malloc(n);
	}
}

static void *one_step(void *p)
{
	switch (draw(8)) {
	case 0: return script_realloc(p, *(size_t *)p + 1 + draw(5000));
	case 1: return script_realloc(p, *(size_t *)p / 2 + 8);
	case 2: script_realloc_fails(p); return p;
	case 3: script_realloc_zero(p); return script_any();
	default: script_free(p); return script_any();
	}
}

static void rest(void)
{
	struct timespec t = { 0, 60000000 };

	nanosleep(&t, NULL);
}

static void meet(void)
{
	rest();
	pthread_barrier_wait(&barrier);
	rest();
}

static void steps(unsigned me, void **keep, unsigned n)
{
	void *p;

	while (n--) {
		unsigned k = draw(KEEP);

		keep[k] = keep[k] ? one_step(keep[k]) : script_any();
		if (draw(4))
			continue;
		/* to the next thread; what lies there is mine to free */
		p = atomic_exchange(&passed[(me + 1) % THREADS][draw(PASS)], keep[k]);
		keep[k] = NULL;
		if (p)
			script_free(p);
		p = atomic_exchange(&passed[me][draw(PASS)], NULL);
		if (p)
			script_free(p);
	}
}

#define HOLD(name, part) \
	__attribute__((noinline)) static void *script_peak_##name(void) \
	{ \
		return script_malloc((8u << 20) + (part) * 4096); \
	}
HOLD(a, 1) HOLD(b, 2) HOLD(c, 3) HOLD(d, 4)

static void *run(void *arg)
{
	static void *(*const hold[THREADS])(void) = {
		script_peak_a, script_peak_b, script_peak_c, script_peak_d };
	unsigned me = (unsigned)(uintptr_t)arg;
	void *keep[KEEP] = { NULL }, *big;

	mine = &sums[me];
	seed = 88172645463325252ull + me * 7919;
	steps(me, keep, STEPS / 2);
	meet();
	big = hold[me]();
	held[me] = *(size_t *)big;
	meet();
	if (me == 0)
		for (unsigned i = 0; i < THREADS; i++)
			peak += sums[i].bytes - sums[i].freed;
	meet();
	script_free(big);
	meet();
	steps(me, keep, STEPS / 2);
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];
	char line[256];
	struct sums all = { 0, 0, 0, 0 };
	uint64_t four = 0;
	int n;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, run, (void *)i) != 0)
			return 1;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		all.count += sums[i].count;
		all.bytes += sums[i].bytes;
		all.frees += sums[i].frees;
		all.freed += sums[i].freed;
		four += held[i];
	}
	n = snprintf(line, sizeof line, "%llu %llu %llu %llu %llu %llu\n",
			(unsigned long long)all.count, (unsigned long long)all.bytes,
			(unsigned long long)(all.count - all.frees),
			(unsigned long long)(all.bytes - all.freed),
			(unsigned long long)peak, (unsigned long long)four);
	return write(1, line, (size_t)n) == n ? 0 : 1;
}

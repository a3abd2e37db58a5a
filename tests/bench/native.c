/* native.c - a loop of malloc and free at the bottom of a call chain, on several threads.
 *
 *	native DEPTH THREADS PAIRS
 *
 * Each thread makes and frees PAIRS blocks, sizes and the number of blocks held going
 * round.  Prints: thread CPU ns per event (an event is a malloc or a free; mean of the
 * threads), wall ns per event of one thread.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HELD = 8, THREADS_MAX = 64 };

struct job {
	pthread_t thread;
	unsigned long pairs;
	unsigned depth;
	double cpu;
};

static pthread_barrier_t start;
static volatile unsigned sink;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

__attribute__((noinline)) static void work(struct job *j)
{
	char *held[HELD] = { NULL };
	double begun;

	pthread_barrier_wait(&start);
	begun = now(CLOCK_THREAD_CPUTIME_ID);
	for (unsigned long i = 0; i < j->pairs; i++) {
		free(held[i % HELD]);
		held[i % HELD] = malloc(24 + i % 13 * 16);
		if (!held[i % HELD])
			abort();
		held[i % HELD][0] = 1;
	}
	j->cpu = now(CLOCK_THREAD_CPUTIME_ID) - begun;
	for (unsigned i = 0; i < HELD; i++)
		free(held[i]);
}

__attribute__((noinline)) static void descend(struct job *j, unsigned depth)
{
	if (depth > 1)
		descend(j, depth - 1);
	else
		work(j);
	sink++;                 /* no tail call */
}

static void *run(void *arg)
{
	struct job *j = arg;

	descend(j, j->depth);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct job job[THREADS_MAX];
	unsigned threads = argc > 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	unsigned long pairs = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	double wall, cpu = 0;

	if (!pairs || !threads || threads > THREADS_MAX) {
		fprintf(stderr, "usage: native DEPTH THREADS PAIRS\n");
		return 2;
	}
	pthread_barrier_init(&start, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++) {
		job[i].pairs = pairs;
		job[i].depth = (unsigned)strtoul(argv[1], NULL, 10);
		if (pthread_create(&job[i].thread, NULL, run, &job[i]))
			return 2;
	}
	pthread_barrier_wait(&start);
	wall = now(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(job[i].thread, NULL);
		cpu += job[i].cpu;
	}
	wall = now(CLOCK_MONOTONIC) - wall;
	printf("%.2f %.2f\n", cpu / threads / (2.0 * (double)pairs), wall / (2.0 * (double)pairs));
	return 0;
}

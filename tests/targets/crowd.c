/* crowd.c - many threads at once, more than the ring has room for.
 *
 *	crowd THREADS PAIRS     each makes and frees PAIRS blocks, all start together
 *	crowd THREADS PAIRS slow        and looks on for a moment in the middle
 *
 * Prints how many blocks were made.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_barrier_t start;
static unsigned long pairs;
static int slow;

__attribute__((noinline)) static void crowd_pair(unsigned long i)
{
	free(malloc(32 + i % 7));
}

static void *work(void *unused)
{
	struct timespec moment = { 0, 50000000 };

	(void)unused;
	pthread_barrier_wait(&start);
	for (unsigned long i = 0; i < pairs; i++) {
		if (slow && i == pairs / 2)
			nanosleep(&moment, NULL);
		crowd_pair(i);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 8;
	pthread_t *t = calloc(threads, sizeof *t);

	pairs = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	slow = argc > 3;
	pthread_barrier_init(&start, NULL, (unsigned)threads);
	for (unsigned long i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, work, NULL))
			return 1;
	for (unsigned long i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("%lu\n", threads * pairs);
	free(t);
	return 0;
}

/* spin.c - a program without Python whose time is known: spin SECONDS [SIGNALS].
 *
 * Per round 3 units in much, 1 in little, reached by calls of their own; a thread waits.
 * Prints "ready", and at the end "much N little N caught N sent N" (ns, signals).  By a clock
 * that is no system call: where there is one a scheduler may choose to let others run. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static volatile uint64_t sink;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_signal(int number)
{
	(void)number;
	caught++;
}

__attribute__((noinline)) static void burn(unsigned units)
{
	for (unsigned i = 0; i < units * 20000; i++)
		sink += i * sink;
}

__attribute__((noinline)) static uint64_t much(void)
{
	uint64_t from = now(CLOCK_MONOTONIC);

	burn(3);
	return now(CLOCK_MONOTONIC) - from;
}

__attribute__((noinline)) static uint64_t little(void)
{
	uint64_t from = now(CLOCK_MONOTONIC);

	burn(1);
	return now(CLOCK_MONOTONIC) - from;
}

__attribute__((noinline)) static void *waits_here(void *arg)
{
	pthread_mutex_lock(&held);
	sink++;
	return arg;
}

int main(int argc, char **argv)
{
	uint64_t end = now(CLOCK_MONOTONIC) + (uint64_t)(strtod(argv[1], NULL) * 1e9), a = 0, b = 0;
	long sent = 0, signals = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	struct sigaction catching = { .sa_handler = on_signal };
	pthread_t thread;

	sigaction(SIGUSR1, &catching, NULL);
	pthread_mutex_lock(&held);
	pthread_create(&thread, NULL, waits_here, NULL);
	puts("ready");
	fflush(stdout);
	while (now(CLOCK_MONOTONIC) < end) {
		a += much();
		b += little();
		if (sent < signals) {
			raise(SIGUSR1);
			sent++;
		}
	}
	printf("much %llu little %llu caught %ld sent %ld\n", (unsigned long long)a,
			(unsigned long long)b, (long)caught, sent);
	return 7;
}

/* marks.c - what a program says itself: marks, pauses.
 *
 *	marks MODE
 *
 * Sizes say which block is which; none of them is used twice with different fates.
 */
#define _GNU_SOURCE
#include "../../capture/mark.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, ROUNDS = 200, THREADS = 4 };

static void *volatile kept;

__attribute__((noinline)) static void *block(size_t n)
{
	void *p = malloc(n);

	if (!p)
		abort();
	return p;
}

/* A mark between two blocks, again and again. */
static void order(void)
{
	for (int64_t i = 1; i <= ROUNDS; i++) {
		void *p = block(1000 + (size_t)i), *q;

		mp_mark("between", i);
		q = block(3000 + (size_t)i);
		free(p);
		mp_mark("freed", -i);
		free(q);
	}
}

static void *rounds(void *name)
{
	for (int64_t i = 1; i <= ROUNDS; i++) {
		void *p = block(5000 + (size_t)i);

		mp_mark(name, i);
		free(p);
	}
	return NULL;
}

static void threads(void)
{
	static char name[THREADS][8];
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) {
		snprintf(name[i], sizeof name[i], "t%d", i);
		pthread_create(&t[i], NULL, rounds, name[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* One thread says so, then the other one goes on. */
static pthread_barrier_t barrier;

static void *follower(void *x)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		free(block(2000));
		pthread_barrier_wait(&barrier);
	}
	return x;
}

static void handoff(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, follower, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		free(block(1000));
		mp_mark("over", i);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		mp_mark("back", i);
	}
	pthread_join(t, NULL);
}

static char *pages(size_t n)
{
	char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* What is live at the end: 21, 24, 27 from before or after, mappings of 3 and 7 pages. */
static void pauses(void)
{
	void *before[3], *within[3], *grown, *shrunk, *moved;
	char *map[4];

	for (int i = 0; i < 3; i++)
		before[i] = block(20001 + (size_t)i);
	grown = block(20010);
	map[0] = pages(3);
	map[1] = pages(5);
	map[2] = pages(6);
	mp_pause();
	free(before[1]);
	free(block(30001));
	for (int i = 0; i < 3; i++)
		within[i] = block(30002 + (size_t)i);
	grown = realloc(grown, 300100);         /* ends unseen as a new block */
	free(realloc(block(30010), 30020));
	free(calloc(1, 300200));
	munmap(map[1], 5 * PAGE);
	map[2] = mremap(map[2], 6 * PAGE, 60 * PAGE, MREMAP_MAYMOVE);
	map[1] = pages(50);
	map[3] = pages(70);
	mp_mark("inside", 1);
	mp_resume();
	free(within[0]);
	shrunk = realloc(within[1], 20020);     /* recorded as a new one */
	moved = realloc(grown, 400000);
	free(moved);
	munmap(map[1], 50 * PAGE);
	map[3] = mremap(map[3], 70 * PAGE, 7 * PAGE, MREMAP_MAYMOVE);
	munmap(map[2], 60 * PAGE);
	free(within[2]);
	kept = before[0];
	kept = before[2];
	kept = shrunk;
}

static void nested(void)
{
	mp_resume();            /* one too many */
	free(block(1001));
	mp_pause();
	mp_pause();
	free(block(1002));
	mp_resume();
	free(block(1003));
	mp_pause();
	mp_resume();
	free(block(1004));
	mp_resume();
	free(block(1005));
	mp_resume();
	free(block(1006));
}

/* Recorded blocks are freed by paused threads; two others switch over and back meanwhile. */
static void *toggler(void *x)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		mp_pause();
		free(block(50));
		mp_resume();
	}
	return x;
}

static void *churn(void *x)
{
	static void *_Atomic shared[64];
	unsigned seed = (unsigned)(uintptr_t)&x;

	for (int i = 0; i < 100 * ROUNDS; i++) {
		void *p;

		if (i % 100 == 0)
			pthread_barrier_wait(&barrier);
		p = block(100 + (size_t)(i & 511));
		p = realloc(p, 700 + (size_t)(i & 1023));
		free(__atomic_exchange_n(&shared[rand_r(&seed) % 64], p, __ATOMIC_ACQ_REL));
	}
	for (int i = 0; i < 64; i++)
		free(__atomic_exchange_n(&shared[i], NULL, __ATOMIC_ACQ_REL));
	return x;
}

static void toggle(void)
{
	pthread_t t[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, i < 2 ? toggler : churn, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	kept = block(77777);
}

static void forks(char **argv)
{
	void *p = block(1000);
	pid_t pid;

	mp_pause();
	free(block(1500));
	pid = fork();
	if (!pid) {
		free(block(2000));
		free(p);
		mp_mark("child", 0);
		mp_resume();
		kept = block(2001);
		pid = fork();
		if (!pid) {
			kept = block(3000);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		mp_pause();
		execl(argv[0], argv[0], "block", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	mp_resume();
	free(p);
	kept = block(1001);
}

static void handler(int signal)
{
	(void)signal;
	mp_mark("signal", 1);
	mp_pause();
	mp_resume();
}

static void signals(void)
{
	signal(SIGUSR1, handler);
	for (int i = 0; i < ROUNDS; i++) {
		free(block(1000));
		raise(SIGUSR1);
	}
}

static void names(void)
{
	char text[4096];

	mp_mark(NULL, 1);
	mp_mark("", 1);
	mp_mark("new\nline \033[31m\ttab,\"quote\"\\", 2);
	mp_mark("not utf-8 \xff\xfe", INT64_MIN);
	mp_mark("gr\xc3\xbc\xc3\x9f", INT64_MAX);
	mp_mark("finalize", 3);
	mp_mark("pause", 4);
	mp_mark("resume", 5);
	mp_mark("exit status", 6);
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	mp_mark(text, 7);
	memcpy(text + 1022, "\xe2\x82\xac", 3); /* a character over the limit */
	mp_mark(text, 8);
	memset(text, '\x80', sizeof text - 1);
	mp_mark(text, 9);
	kept = block(1000);
}

/* More than a ring has room for. */
static void flood(void)
{
	for (int64_t i = 1; i <= 100000; i++)
		mp_mark("flood", i);
	mp_pause();
	free(block(1000));
	mp_resume();
}

/* As a library loaded late has it: see marks.bats. */
static void plugin(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void (*say)(void) = library ? (void (*)(void))dlsym(library, "say") : NULL;

	if (!say)
		exit(3);
	say();
}

/* No error of ours may be seen. */
static void quiet(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		errno = 7654;
		mp_mark("quiet", i);
		mp_pause();
		mp_resume();
		if (errno != 7654)
			exit(4);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "order"))
		order();
	else if (!strcmp(mode, "threads"))
		threads();
	else if (!strcmp(mode, "handoff"))
		handoff();
	else if (!strcmp(mode, "pauses"))
		pauses();
	else if (!strcmp(mode, "nested"))
		nested();
	else if (!strcmp(mode, "toggle"))
		toggle();
	else if (!strcmp(mode, "forks"))
		forks(argv);
	else if (!strcmp(mode, "signals"))
		signals();
	else if (!strcmp(mode, "names"))
		names();
	else if (!strcmp(mode, "quiet"))
		quiet();
	else if (!strcmp(mode, "flood"))
		flood();
	else if (!strcmp(mode, "plugin") && argc > 2)
		plugin(argv[2]);
	else if (!strcmp(mode, "block"))
		kept = block(4000);
	else
		return 2;
	return 0;
}

/* signals.c - a signal handler that allocates in the middle of everything.
 *
 *	signals [-u MICROSECONDS] [COUNT [jump]]
 *
 * Only with an allocator that is safe in signal handlers (bump.c, preloaded
 * behind the hook).  With "jump" each handler leaves by siglongjmp, on an
 * alternate stack every other time.  A signal comes every 200 microseconds, or
 * as -u says where that is less than a handler takes.  Prints "handled N main N".
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile unsigned long handled, in_main;
static volatile sig_atomic_t jumping;
static sigjmp_buf back;

__attribute__((noinline)) static void in_handler(void)
{
	free(malloc(48));
	(void)!malloc(16);
}

static void handler(int sig)
{
	(void)sig;
	in_handler();
	handled++;
	if (jumping)
		siglongjmp(back, 1);
}

static void install(int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = handler;
	sa.sa_flags = flags;
	sigaction(SIGALRM, &sa, NULL);
}

int main(int argc, char **argv)
{
	static char alternate[65536];
	stack_t ss = { alternate, 0, sizeof alternate };
	struct itimerval every = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
	volatile int turn = 0;
	unsigned long count;

	if (argc > 2 && !strcmp(argv[1], "-u")) {
		every.it_value.tv_usec = every.it_interval.tv_usec = strtol(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaltstack(&ss, NULL);
	install(SA_ONSTACK);
	setitimer(ITIMER_REAL, &every, NULL);
	if (argc > 2) {
		sigsetjmp(back, 1);
		jumping = 0;
		install(turn++ & 1 ? SA_ONSTACK : 0);
		jumping = 1;
	}
	while (handled < count) {
		free(malloc(100 + in_main % 1000));
		(void)!malloc(24);
		in_main++;
	}
	jumping = 0;
	setitimer(ITIMER_REAL, &never, NULL);
	printf("handled %lu main %lu\n", handled, in_main);
	return 0;
}

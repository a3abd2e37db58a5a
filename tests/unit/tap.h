/* tap.h - the smallest unit test: ok(), and a plan at the end. */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <stdlib.h>

static int tap_n, tap_failed;

#define ok(condition) tap_check(!!(condition), #condition, __FILE__, __LINE__)

static inline int tap_check(int good, const char *what, const char *file, int line)
{
	tap_n++;
	if (!good) {
		tap_failed++;
		printf("not ok %d - %s\n# %s:%d\n", tap_n, what, file, line);
	}
	return good;
}

static inline int tap_done(void)
{
	printf("1..%d\n# %d checks, %d failed\n", tap_n, tap_n, tap_failed);
	return tap_failed != 0;
}

#endif

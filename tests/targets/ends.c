/* ends - a program that ends in the way its argument says: exit N, signal N,
 * wait (until a signal comes), busy SECONDS, write FILE [ready] (after a moment and
 * many allocations).  It keeps 1234 bytes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *volatile kept;

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "exit";
	int n = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	struct timespec moment = { 0, 300000000 };

	kept = malloc(1234);
	if (strcmp(how, "exit") == 0)
		return n;
	if (strcmp(how, "signal") == 0) {
		raise(n);
	} else if (strcmp(how, "wait") == 0) {
		if (write(1, "ready\n", 6) != 6)
			return 1;
		for (;;)
			pause();
	} else if (strcmp(how, "busy") == 0) {
		time_t end = time(NULL) + n;

		while (time(NULL) < end)
			for (int i = 0; i < 100000; i++)
				free(malloc(100));
	} else if (strcmp(how, "write") == 0) {
		if (argc > 3 && write(1, "ready\n", 6) != 6)
			return 1;
		nanosleep(&moment, NULL);
		FILE *f = fopen(argv[2], "w");

		for (int i = 0; i < 100000; i++)
			free(malloc(100));
		if (f)
			fputs("done\n", f), fclose(f);
	}
	return 0;
}

/* cost.c - what a command costs: wall seconds, CPU seconds and its largest resident
 * set in KiB, on one line.  A program of its own because the maximum of a child
 * counts from before its exec: a large parent would be measured instead.
 * Usage: cost COMMAND [ARGUMENT]...   (its stdout goes to /dev/null)
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
	double start = now();
	struct rusage used;
	int status, null;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: cost COMMAND [ARGUMENT]...\n");
		return 2;
	}
	pid = fork();
	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		if (null >= 0 && dup2(null, 1) >= 0)
			execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0) {
		perror("cost");
		return 2;
	}
	printf("%.4f %.4f %ld\n", now() - start, seconds(used.ru_utime) + seconds(used.ru_stime),
		used.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

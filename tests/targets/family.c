/* family - a program that makes others: family MODE.
 * fork: a child that frees what it inherited and keeps 1000 bytes; the parent
 *   keeps 2000.
 * exec PROGRAM ARG…: replaces itself.  many: 20 children, each with 100 bytes.
 * orphan: the parent ends at once, the child half a second later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *volatile kept;

__attribute__((noinline)) static void family_keep(size_t n)
{
	kept = malloc(n);
}

static int fork_one(void)
{
	void *inherited = malloc(500);
	pid_t child = fork();

	if (child == 0) {
		free(inherited);
		family_keep(1000);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	free(inherited);
	family_keep(2000);
	return 0;
}

static int many(void)
{
	for (int i = 0; i < 20; i++) {
		if (fork() == 0) {
			family_keep(100);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct timespec half = { 0, 500000000 };

	if (strcmp(mode, "fork") == 0)
		return fork_one();
	if (strcmp(mode, "many") == 0)
		return many();
	if (strcmp(mode, "exec") == 0) {
		family_keep(300);
		execvp(argv[2], argv + 2);
		return 1;
	}
	if (strcmp(mode, "orphan") == 0) {
		if (fork() == 0) {
			nanosleep(&half, NULL);
			family_keep(700);
			_exit(0);
		}
		return 0;
	}
	family_keep(50);
	return 0;
}

/* process.c - children of every kind; each process makes one block whose size
 * tells which it is, and keeps it.
 *
 *	process MODE [SIZE]
 *
 * MODE block: malloc(SIZE) and end.  Every other MODE makes 1000 bytes, starts a
 * child by the function of that name (the child makes SIZE bytes), waits, and
 * prints "MODE STATUS".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *self, *size = "2000";
static void *volatile kept;

__attribute__((noinline)) static void keep(size_t n)
{
	kept = malloc(n);
}

static void child(void)
{
	keep(strtoul(size, NULL, 10));
	_exit(7);
}

static char *empty[] = { NULL };
static char *own_preload[] = { (char *)"LD_PRELOAD=libc.so.6", (char *)"A=b", NULL };

static void exec(const char *mode)
{
	char *const argv[] = { (char *)self, (char *)"block", (char *)size, NULL };

	if (!strcmp(mode, "execv"))
		execv(self, argv);
	else if (!strcmp(mode, "execve"))
		execve(self, argv, empty);
	else if (!strcmp(mode, "preload"))
		execve(self, argv, own_preload);
	else if (!strcmp(mode, "execvp"))
		execvp(self, argv);
	else if (!strcmp(mode, "execvpe"))
		execvpe(self, argv, empty);
	else if (!strcmp(mode, "execl"))
		execl(self, self, "block", size, NULL);
	else if (!strcmp(mode, "execle"))
		execle(self, self, "block", size, NULL, empty);
	else if (!strcmp(mode, "execlp"))
		execlp(self, self, "block", size, NULL);
	else if (!strcmp(mode, "fexecve"))
		fexecve(open(self, O_RDONLY | O_CLOEXEC), argv, empty);
	else if (!strcmp(mode, "execveat"))
		execveat(AT_FDCWD, self, argv, empty, 0);
	_exit(127);
}

static int start(const char *mode)
{
	char *const argv[] = { (char *)self, (char *)"block", (char *)size, NULL };
	char command[4096];
	FILE *f;
	int status = -1;
	pid_t pid = -1;

	if (!strcmp(mode, "fork")) {
		pid = fork();
		if (pid == 0)
			child();
	} else if (!strcmp(mode, "_fork")) {
		pid = _Fork();
		if (pid == 0)
			child();
	} else if (!strcmp(mode, "clone")) {
		pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
		if (pid == 0)
			child();
	} else if (!strcmp(mode, "vfork")) {
		pid = vfork();
		if (pid == 0) {
			execve(self, argv, empty);
			_exit(127);
		}
	} else if (!strcmp(mode, "posix_spawn")) {
		errno = posix_spawn(&pid, self, NULL, NULL, argv, empty);
	} else if (!strcmp(mode, "posix_spawnp")) {
		errno = posix_spawnp(&pid, self, NULL, NULL, argv, NULL);
	} else if (!strcmp(mode, "system") || !strcmp(mode, "popen")) {
		snprintf(command, sizeof command, "exec %s block %s", self, size);
		clearenv();
		if (mode[0] == 's')
			return system(command);
		f = popen(command, "r");
		return f ? pclose(f) : -1;
	} else {
		pid = fork();
		if (pid == 0)
			exec(mode);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "fork";

	self = realpath("/proc/self/exe", NULL);
	if (argc > 2)
		size = argv[2];
	if (!strcmp(mode, "block")) {
		keep(strtoul(size, NULL, 10));
		return 7;
	}
	keep(1000);
	errno = 0;
	printf("%s %d", mode, start(mode));
	printf(" environ %s\n", environ && environ[0] ? "set" : "empty");
	return 0;
}

/* child.c - see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const int touched[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };
enum { TOUCHED = sizeof touched / sizeof touched[0] };
static struct sigaction inherited[TOUCHED];
static sigset_t inherited_mask;
static volatile pid_t target;

void child_remember_signals(void)
{
	for (unsigned i = 0; i < TOUCHED; i++)
		sigaction(touched[i], NULL, &inherited[i]);
	sigprocmask(SIG_SETMASK, NULL, &inherited_mask);
	signal(SIGXFSZ, SIG_IGN);       /* a file that may not grow is an error to tell */
}

static _Noreturn void run(const struct child *c, const char *path, char **argv, char **env,
		bool stdout_to_stderr)
{
	char byte;
	int e;

	if (read(c->go, &byte, 1) != 1)
		_exit(125);             /* it was called off */
	if (stdout_to_stderr)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	for (unsigned i = 0; i < TOUCHED; i++)
		sigaction(touched[i], &inherited[i], NULL);
	sigprocmask(SIG_SETMASK, &inherited_mask, NULL);
	execve(path, argv, env);
	if (errno == ENOEXEC) {         /* a script without a first line, as execvp has it */
		size_t n = 0;
		char **shell;

		while (argv[n])
			n++;
		shell = calloc(n + 3, sizeof *shell);
		if (shell) {
			union { const char *from; char *to; } p = { .from = path };

			shell[0] = argv[0];
			shell[1] = p.to;
			for (size_t i = 1; i < n; i++)
				shell[i + 1] = argv[i];
			execve("/bin/sh", shell, env);
		}
	}
	e = errno;
	if (write(c->result, &e, sizeof e) != (ssize_t)sizeof e)
		_exit(126);
	_exit(e == ENOENT ? 127 : 126);
}

int child_start(struct child *c, const char *path, char **argv, char **env, bool stdout_to_stderr)
{
	int go[2], result[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(result, O_CLOEXEC) < 0)
		return -1;
	c->pid = fork();
	if (c->pid < 0)
		return -1;
	if (c->pid == 0) {
		close(go[1]);
		close(result[0]);
		c->go = go[0];
		c->result = result[1];
		run(c, path, argv, env, stdout_to_stderr);
	}
	close(go[0]);
	close(result[1]);
	c->go = go[1];
	c->result = result[0];
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->reaped = false;
	target = c->pid;
	return c->pidfd < 0 ? -1 : 0;
}

static void pass_on(int number)
{
	int e = errno;

	if (target > 0)
		kill(target, number);
	errno = e;
}

void child_signals(const struct child *c)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction forward = { .sa_handler = pass_on, .sa_flags = SA_RESTART };

	target = c->pid;
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGTERM, &forward, NULL);
	/* under nohup it stays ignored */
	for (unsigned i = 0; i < TOUCHED; i++)
		if (touched[i] == SIGHUP && inherited[i].sa_handler != SIG_IGN)
			sigaction(SIGHUP, &forward, NULL);
}

int child_go(struct child *c)
{
	int e = 0;
	ssize_t n;

	if (write(c->go, "g", 1) != 1)
		return errno;
	close(c->go);
	do
		n = read(c->result, &e, sizeof e);
	while (n < 0 && errno == EINTR);
	close(c->result);
	return n == (ssize_t)sizeof e ? e : 0;
}

bool child_ended(struct child *c, bool wait)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };

	if (c->reaped)
		return true;
	while (poll(&p, 1, wait ? -1 : 0) <= 0)
		if (!wait)
			return false;
	while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
		;
	target = 0;             /* its number may be another's from here on */
	c->reaped = true;
	return true;
}

int child_exit_status(const struct child *c)
{
	if (WIFSIGNALED(c->status))
		return 128 + WTERMSIG(c->status);
	return WEXITSTATUS(c->status);
}

/* process.c - fork, and the functions that start another program: the child
 * finds the session again through LD_PRELOAD and MP_SESSION.
 *
 * Both are put back into the environment a program passes on, when it left them
 * out; a user's own LD_PRELOAD stays behind ours, and another session's
 * MP_SESSION stays as it is.
 */
#include "internal.h"
#include "environment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- fork ----
 * Our handlers were registered first, so that "prepare" runs last and "parent"
 * first: nothing of the program comes between them and the fork itself. */

static void fork_prepare(void)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	hook_event_life(t, MP_REC_FORK_BEGIN, 0);
	hook_leave(t);
}

static void fork_end(uint64_t child)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	hook_event_life(t, MP_REC_FORK_END, child);
	hook_leave(t);
}

/* A fork from inside libc (forkpty, daemon): what became of it is not known. */
static void fork_parent(void)
{
	struct hook_thread *t = hook_tls.thread;

	if (t == NULL || t->in_fork == 0)
		fork_end(1);
}

/* The wiped page tells; this is for kernels that cannot wipe (before 4.14). */
static void fork_child(void)
{
	atomic_store(&hook_page.on, HOOK_OFF);
}

void hook_watch_fork(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

HOOK_EXPORT pid_t fork(void)
{
	struct hook_thread *t;
	int saved;
	pid_t pid;

	if (hook_real.fork == NULL)
		hook_resolve();
	t = hook_enter();
	if (t != NULL) {
		t->in_fork = 1;
		hook_leave(t);
	}
	pid = hook_real.fork();
	if (pid == 0 || t == NULL)
		return pid;
	saved = errno;
	t->in_fork = 0;
	fork_end(pid > 0 ? (uint64_t)pid : 0);
	errno = saved;
	return pid;
}

/* ---- exec ---- */

/* The environment to pass on; tells the drain, unless this is a child that
 * shares its parent's memory (vfork). */
static char *const *before_exec(char *const envp[])
{
	struct hook_thread *t;

	if (hook_real.execve == NULL)
		hook_resolve();
	if (hook_mode != HOOK_TRACING)
		return envp;
	t = hook_enter();
	if (t == NULL)
		return envp;
	if ((uint32_t)hook_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0) == hook_pid)
		hook_event_life(t, MP_REC_EXEC, 0);
	hook_leave(t);
	return hook_environment(t, envp);
}

static char *const *before_spawn(char *const envp[])
{
	struct hook_thread *t;

	if (hook_real.execve == NULL)
		hook_resolve();
	t = hook_enter();
	if (t == NULL)
		return envp;
	hook_leave(t);
	return hook_environment(t, envp);
}

HOOK_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	char *const *env = before_exec(envp);

	return hook_real.execve(path, argv, env);
}

HOOK_EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

HOOK_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	char *const *env = before_exec(envp);

	return hook_real.execvpe(file, argv, env);
}

HOOK_EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

HOOK_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	char *const *env = before_exec(envp);

	return hook_real.fexecve(fd, argv, env);
}

HOOK_EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[],
			 int flags)
{
	char *const *env = before_exec(envp);
	long r;

	if (hook_real.execveat != NULL)
		return hook_real.execveat(dir, path, argv, env, flags);
	r = hook_syscall(SYS_execveat, dir, (long)path, (long)argv, (long)env, flags, 0);
	errno = (int)-r;
	return -1;
}

/* The arguments of execl*() from FIRST on as an array in OUT; more than fit
 * there lie in a mapping, which the new program's coming frees. */
enum { ARGUMENTS = 256 };

static char **gather(const char *first, va_list args, char **out, char *const **envp)
{
	va_list again;
	size_t n = 0, i;

	va_copy(again, args);
	for (const char *a = first; a != NULL; a = va_arg(again, const char *))
		n++;
	va_end(again);
	if (n >= ARGUMENTS) {
		out = hook_map((n + 1) * sizeof(*out));
		if (out == NULL)
			return NULL;
	}
	out[0] = (char *)(uintptr_t)first;
	for (i = 1; i <= n; i++)
		out[i] = va_arg(args, char *);
	if (envp != NULL)
		*envp = va_arg(args, char *const *);
	return out;
}

#define GATHER(envp) \
	char *room[ARGUMENTS], **argv; \
	va_list args; \
\
	va_start(args, arg); \
	argv = gather(arg, args, room, envp); \
	va_end(args); \
	if (argv == NULL) { \
		errno = ENOMEM; \
		return -1; \
	}

HOOK_EXPORT int execl(const char *path, const char *arg, ...)
{
	GATHER(NULL)
	return execve(path, argv, environ);
}

HOOK_EXPORT int execlp(const char *file, const char *arg, ...)
{
	GATHER(NULL)
	return execvpe(file, argv, environ);
}

HOOK_EXPORT int execle(const char *path, const char *arg, ...)
{
	char *const *envp = NULL;
	GATHER(&envp)
	return execve(path, argv, envp);
}

/* ---- spawn ---- */

HOOK_EXPORT int posix_spawn(pid_t *pid, const char *path,
			    const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attr, char *const argv[],
			    char *const envp[])
{
	char *const *env = before_spawn(envp);

	return hook_real.posix_spawn(pid, path, actions, attr, argv, env);
}

HOOK_EXPORT int posix_spawnp(pid_t *pid, const char *file,
			     const posix_spawn_file_actions_t *actions,
			     const posix_spawnattr_t *attr, char *const argv[],
			     char *const envp[])
{
	char *const *env = before_spawn(envp);

	return hook_real.posix_spawnp(pid, file, actions, attr, argv, env);
}

/* system() and popen() pass `environ` on: it is exchanged for the call. */
static char **exchange(void)
{
	char **kept = environ;

	environ = (char **)(uintptr_t)before_spawn(environ);
	return kept;
}

HOOK_EXPORT int system(const char *command)
{
	char **kept, **given;
	int r;

	if (hook_real.system == NULL)
		hook_resolve();
	kept = exchange();
	given = environ;
	r = hook_real.system(command);
	if (environ == given)
		environ = kept;
	return r;
}

HOOK_EXPORT FILE *popen(const char *command, const char *mode)
{
	char **kept, **given;
	FILE *f;

	if (hook_real.popen == NULL)
		hook_resolve();
	kept = exchange();
	given = environ;
	f = hook_real.popen(command, mode);
	if (environ == given)
		environ = kept;
	return f;
}

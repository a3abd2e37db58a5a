/* child.h - the program that is traced: started held, let go when everything is
 * ready, signals passed on, its end observed.
 */
#ifndef MP_CHILD_H
#define MP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int pidfd;
	int go, result;         /* pipes: let it go; errno of a failed exec */
	int status;             /* of waitpid */
	bool reaped;
};

/* To be called first: what the program inherits is what we were given. */
void child_remember_signals(void);
/* Start PATH with ARGV and ENV, held.  -1: errno. */
int child_start(struct child *, const char *path, char **argv, char **env, bool stdout_to_stderr);
/* From now on SIGTERM and SIGHUP go to it; SIGINT and SIGQUIT are its own. */
void child_signals(const struct child *);
/* Let it go.  0, or errno of the exec that failed. */
int child_go(struct child *);
/* Look whether it has ended; never blocks unless WAIT. */
bool child_ended(struct child *, bool wait);
/* The exit status a shell would show. */
int child_exit_status(const struct child *);

#endif

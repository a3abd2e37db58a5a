/* sample_ptrace.c - one thread of another process, stopped for a moment.
 *
 * It is seized, interrupted and let go each time, so between two samples nothing is left
 * of us in it.  What it would have met at that moment - a signal, a stop - it still meets:
 * a signal that stopped it for us is delivered when it is let go.
 */
#include "sample_native.h"

#include "sample_proc.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { MOST_WAIT = 2000000 };   /* ns */

/* 1: it has stopped, *SIGNAL to be delivered; 0: not yet; -1: it is held no more.  Of one
 * that ends while it is traced nobody is told before we have taken note of it: its parent
 * would wait for ever.  Only the end of a CHILD of ours is left for who waits for it here. */
static int stopped(uint32_t tid, bool child, int *signal)
{
	siginfo_t i = { .si_pid = 0 };
	int event;

	*signal = 0;
	if (waitid(P_PID, tid, &i, WSTOPPED | WNOHANG | __WALL | (child ? 0 : WEXITED)) < 0)
		return -1;
	if (!i.si_pid)
		return 0;
	if (i.si_code == CLD_EXITED || i.si_code == CLD_KILLED || i.si_code == CLD_DUMPED)
		return -1;
	event = i.si_status >> 8;
	/* our stop, or that of job control, in which it stays by itself */
	if (i.si_code == CLD_TRAPPED && event == 0)
		*signal = i.si_status;
	return 1;
}

static int let_go_with;         /* the signal that the one held has met */

/* False: it was killed while it was stopped. */
static bool detach(uint32_t tid, int signal)
{
	return ptrace(PTRACE_DETACH, (pid_t)tid, NULL, (void *)(uintptr_t)signal) == 0;
}

static bool registers(uint32_t tid, struct hook_state *s)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, (pid_t)tid, NULL, &r) < 0)
		return false;
	*s = (struct hook_state){ .ip = r.rip, .sp = r.rsp, .fp = r.rbp, .exact = true };
	return true;
}

int ptrace_hold(uint32_t tid, bool child, struct hook_state *state, uint64_t *since)
{
	uint64_t until;
	int is;

	*since = proc_clock();
	until = *since + MOST_WAIT;

	if (ptrace(PTRACE_SEIZE, (pid_t)tid, NULL, NULL) < 0)
		return -1;
	ptrace(PTRACE_INTERRUPT, (pid_t)tid, NULL, NULL);
	while ((is = stopped(tid, child, &let_go_with)) == 0 && *since < until) {
		sched_yield();
		*since = proc_clock();
	}
	if (is <= 0)
		return is;
	if (registers(tid, state))
		return 1;
	return ptrace_let_go(tid) ? -1 : 0;
}

bool ptrace_let_go(uint32_t tid)
{
	return detach(tid, let_go_with);
}

bool ptrace_release(uint32_t tid, bool child)
{
	int signal, is = stopped(tid, child, &signal);

	return is > 0 ? detach(tid, signal) : is < 0;
}

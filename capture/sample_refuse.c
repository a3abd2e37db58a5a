/* sample_refuse.c - see sample_refuse.h.  The rules are those of ptrace(2), "ptrace
 * access mode checking".
 */
#include "sample_refuse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTAINER "docker run --cap-add SYS_PTRACE; kubectl debug --profile=general " \
	"--target=CONTAINER, or securityContext.capabilities.add: [SYS_PTRACE]"

enum { CAP_PTRACE = 19 };       /* CAP_SYS_PTRACE of linux/capability.h */

/* The number behind LABEL in a file of /proc; -1: not there. */
static long long field(const char *path, const char *label, int base)
{
	char *line = NULL;
	FILE *f = fopen(path, "re");
	long long value = -1;
	size_t room = 0;

	while (f && value < 0 && getline(&line, &room, f) > 0)
		if (strncmp(line, label, strlen(label)) == 0)
			value = strtoll(line + strlen(label), NULL, base);
	free(line);
	if (f)
		fclose(f);
	return value;
}

/* Capabilities are worth nothing outside of the user namespace they were given in. */
static bool in_user_namespace(void)
{
	FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned long inner = 0, outer = 0, n = 0;
	int got = f ? fscanf(f, "%lu %lu %lu", &inner, &outer, &n) : 0;

	if (f)
		fclose(f);
	return got == 3 && n != UINT32_MAX;
}

static void refuse_access(pid_t pid, char *text, size_t room)
{
	long long scope = field("/proc/sys/kernel/yama/ptrace_scope", "", 10);
	long long caps = field("/proc/self/status", "CapEff:", 16), uid;
	bool privileged = caps >= 0 && caps >> CAP_PTRACE & 1;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	uid = field(path, "Uid:", 10);
	if (scope == 3)
		snprintf(text, room, "kernel.yama.ptrace_scope is 3: no process may be read "
				"until the system is started anew");
	else if (!privileged && uid >= 0 && uid != (long long)geteuid())
		snprintf(text, room, "it belongs to user %lld: run mp-sample as that user or as "
				"root (" CONTAINER ")", uid);
	else if (!privileged && scope > 0)
		snprintf(text, room, "kernel.yama.ptrace_scope is %lld: run mp-sample as root, or "
				"start the program by mp-sample -- COMMAND (" CONTAINER ")", scope);
	else if (!privileged)
		snprintf(text, room, "the capability CAP_SYS_PTRACE is missing: its groups or "
				"capabilities differ, or it may not be dumped; run as root ("
				CONTAINER ")");
	else if (in_user_namespace())
		snprintf(text, room, "it is not of mp-sample's user namespace: run mp-sample as "
				"root outside of all, or in its container (" CONTAINER ")");
	else
		snprintf(text, room, "a seccomp filter or security module forbids "
				"process_vm_readv (" CONTAINER ")");
}

static bool there_is(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	return access(path, F_OK) == 0;
}

void sample_refuse(pid_t pid, int e, char *text, size_t room)
{
	if (e == EPERM || e == EACCES)
		refuse_access(pid, text, room);
	else if (e == ENOSYS)
		snprintf(text, room, "a seccomp filter forbids process_vm_readv (" CONTAINER ")");
	else if (e == ESRCH)
		snprintf(text, room, there_is(pid) ? "it has no memory: it has ended, or is a "
				"thread of the kernel" : "no such process");
	else
		snprintf(text, room, "%s", strerror(e));
}

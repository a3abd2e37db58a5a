/* image.c - what the drain is told first of a process image: IMAGE, then its
 * modules.  A forked child sends what its parent read.
 */
#include "internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { EXE_MAX = 4096, COMMAND_MAX = 8192 };

uint64_t hook_image;

static char exe[EXE_MAX], command[COMMAND_MAX];
static size_t exe_len, command_len;
static uint64_t start, parent_image;
static uint64_t python_eval;
static uint32_t python_version;
static _Atomic uint32_t announced;

static size_t read_file(const char *path, char *out, size_t max)
{
	long fd = hook_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	size_t n = 0;

	if (fd < 0)
		return 0;
	while (n < max) {
		long r = hook_syscall(SYS_read, fd, (long)(out + n), (long)(max - n), 0, 0, 0);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	hook_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return n;
}

/* Field 22 of /proc/self/stat; the name in parentheses may hold anything. */
static uint64_t read_start(void)
{
	char text[1024];
	size_t n = read_file("/proc/self/stat", text, sizeof(text) - 1);
	const char *p;
	uint64_t value = 0;

	text[n] = '\0';
	p = strrchr(text, ')');
	for (unsigned field = 2; p != NULL && field < 22; field++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	for (; p != NULL && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	return value;
}

static void new_number(void)
{
	uint64_t n = 0;

	if (hook_syscall(SYS_getrandom, (long)&n, sizeof(n), 1, 0, 0, 0) != sizeof(n))
		n = hook_mix(hook_mix(hook_image, (uint64_t)hook_pid << 32), arch_ticks());
	hook_image = n != 0 ? n : 1;
}

void hook_image_begin(void)
{
	long r = hook_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)exe,
			      sizeof(exe), 0, 0);

	exe_len = r > 0 ? (size_t)r : 0;
	command_len = read_file("/proc/self/cmdline", command, sizeof(command));
	start = read_start();
	new_number();
}

void hook_image_fork(void)
{
	parent_image = hook_image;
	start = 0;
	hook_image = hook_mix(hook_mix(hook_image, (uint64_t)hook_pid << 32), arch_ticks()) | 1;
	atomic_store(&announced, 0);
}

/* Not inherited: a child may be the first process of a new one. */
static uint64_t pid_namespace(void)
{
	struct stat st;

	if (hook_syscall(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)&st, 0, 0,
			 0) != 0)
		return 0;
	return st.st_ino;
}

static void publish_image(struct hook_thread *t)
{
	struct mp_rec_image r = {
		.w0 = MP_REC_WORD0(MP_REC_IMAGE, 0, 0, 0),
		.pid = hook_pid,
		.words = (uint32_t)(sizeof(r) / 8 + (exe_len + command_len + 7) / 8),
		.ppid = (uint32_t)hook_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0),
		.page = (uint32_t)getauxval(AT_PAGESZ),
		.parent_image = parent_image,
		.start = start,
		.python = python_eval,
		.python_version = python_version,
		.exe_len = (uint16_t)exe_len,
		.command_len = (uint16_t)command_len,
		.pid_namespace = pid_namespace(),
	};
	uint64_t *w = hook_reserve(t, r.words, false, 0);

	if (w == NULL)
		return;
	w[r.words - 1] = 0;
	memcpy(w, &r, sizeof(r));
	memcpy(w + sizeof(r) / 8, exe, exe_len);
	memcpy((char *)(w + sizeof(r) / 8) + exe_len, command, command_len);
	hook_publish(t, r.words);
}

void hook_announce(struct hook_thread *t)
{
	uint32_t no = 0;

	if (!atomic_compare_exchange_strong(&announced, &no, 1))
		return;
	publish_image(t);
	hook_pause_announce(t);
	hook_modules_publish(t);
	if (parent_image == 0 && hook_find_symbol("malloc") != (void *)hook_malloc)
		hook_event_note(t, "the program has a malloc of its own: heap blocks may be "
				   "missing, mappings and Python objects are traced");
}

void hook_python_found(const void *eval, uint32_t version)
{
	struct hook_thread *t;

	python_eval = (uintptr_t)eval;
	python_version = version;
	if (atomic_load(&announced) == 0)
		return;
	t = hook_enter();
	if (t == NULL)
		return;
	publish_image(t);
	hook_leave(t);
}

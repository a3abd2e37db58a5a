/* init.c - find the real functions, join the session, begin.
 *
 * Invariant: until the session is joined, and for good if it cannot be, every
 * function of ours only calls the real one; nothing is printed.
 */
#include "internal.h"
#include "elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct hook_real hook_real;
struct mp_session *hook_session;
uint32_t hook_options, hook_pid;
enum hook_mode hook_mode;
bool hook_resolved;
char hook_session_env[256];

/* ---- memory before there is any ---- */

static _Alignas(16) char early[65536];
static _Atomic size_t early_used;

void *hook_early_alloc(size_t size, size_t align)
{
	size_t head = align < 16 ? 16 : align, need, at;
	char *p;

	if (size > sizeof(early) || head > 4096)
		return NULL;
	need = ((size + 15) & ~15ul) + 2 * head;
	at = atomic_fetch_add(&early_used, need);
	if (at > sizeof(early) || need > sizeof(early) - at)
		return NULL;
	p = (char *)(((uintptr_t)early + at + 2 * head - 1) & ~(head - 1));
	memcpy(p - sizeof(size), &size, sizeof(size));
	return p;
}

bool hook_is_early(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early < sizeof(early);
}

size_t hook_early_size(const void *p)
{
	size_t size;

	memcpy(&size, (const char *)p - sizeof(size), sizeof(size));
	return size;
}

/* ---- the real functions ---- */

struct search {
	const void *own;        /* an address in this library: what is sought comes after it */
	bool passed;
};

static int look_in(struct dl_phdr_info *info, size_t size, void *data)
{
	struct hook_elf elf = {info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum};
	struct search *search = data;
	uintptr_t from, to;

	(void)size;
	hook_elf_range(&elf, &from, &to);
	if ((uintptr_t)search->own >= from && (uintptr_t)search->own < to) {
		search->passed = true;
		return 0;
	}
	if (!search->passed)
		return 0;
#define X(type, name, args) \
	if (hook_real.name == NULL) \
		hook_real.name = (type(*) args)hook_elf_symbol(&elf, #name, NULL);
	HOOK_REAL(X)
#undef X
	return 0;
}

/* As dlsym(RTLD_NEXT) would, but without its allocations, its lock and its
 * traces in dlerror().  Repeated when a name is missing: libdl may come later. */
HOOK_COLD void hook_resolve(void)
{
	static _Atomic bool resolving;
	struct search search = {&hook_real, false};

	if (atomic_exchange(&resolving, true))
		return;
	dl_iterate_phdr(look_in, &search);
	hook_resolved = hook_real.malloc != NULL && hook_real.free != NULL;
	atomic_store(&resolving, false);
}

/* ---- the session ---- */

struct address {
	char name[108], token[80];
	size_t name_len, token_len;
	long pid, fd;
};

static bool parse_number(const char **p, char end, long *out)
{
	long n = 0;

	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		n = n * 10 + (**p - '0');
		if (n > INT32_MAX)
			return false;
	}
	if (**p != end)
		return false;
	*out = n;
	return true;
}

static bool parse_field(const char **p, char *out, size_t max, size_t *len)
{
	const char *end = strchr(*p, ':');

	if (end == NULL || end == *p || (size_t)(end - *p) >= max)
		return false;
	*len = (size_t)(end - *p);
	memcpy(out, *p, *len);
	*p = end + 1;
	return true;
}

static bool parse_address(struct address *a)
{
	static const char key[] = "MP_SESSION=";
	const char *p;
	size_t n;

	for (char **e = environ; *e != NULL; e++) {
		if (strncmp(*e, key, sizeof(key) - 1) != 0)
			continue;
		n = strlen(*e);
		if (n >= sizeof(hook_session_env))
			return false;
		memcpy(hook_session_env, *e, n + 1);
		p = hook_session_env + sizeof(key) - 1;
		if (!parse_field(&p, a->name, sizeof(a->name) - 1, &a->name_len) ||
		    !parse_field(&p, a->token, sizeof(a->token) - 1, &a->token_len) ||
		    !parse_number(&p, ':', &a->pid))
			return false;
		p++;
		return parse_number(&p, '\0', &a->fd);
	}
	return false;
}

static long receive_fd(long s)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int fd;

	if (hook_syscall(SYS_recvmsg, s, (long)&m, MSG_CMSG_CLOEXEC, 0, 0, 0) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static long ask_for_fd(struct address *a)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval wait = {2, 0};
	long s = hook_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
	long fd = -1, len = (long)(offsetof(struct sockaddr_un, sun_path) + 1 + a->name_len);

	if (s < 0)
		return -1;
	if (a->name_len + 1 <= sizeof(to.sun_path)) {
		memcpy(to.sun_path + 1, a->name, a->name_len);
		a->token[a->token_len] = '\n';
		hook_syscall(SYS_setsockopt, s, SOL_SOCKET, SO_RCVTIMEO, (long)&wait,
			     sizeof(wait), 0);
		if (hook_syscall(SYS_connect, s, (long)&to, len, 0, 0, 0) == 0 &&
		    hook_syscall(SYS_sendto, s, (long)a->token, (long)a->token_len + 1,
				 MSG_NOSIGNAL, 0, 0) == (long)a->token_len + 1)
			fd = receive_fd(s);
	}
	hook_syscall(SYS_close, s, 0, 0, 0, 0, 0);
	return fd;
}

static long open_proc_fd(const struct address *a)
{
	char path[64];
	int n = snprintf(path, sizeof(path), "/proc/%ld/fd/%ld", a->pid, a->fd);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	return hook_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0);
}

static bool is_session(const struct mp_session *s, uint64_t size)
{
	return size >= sizeof(*s) && s->magic == MP_RING_MAGIC &&
	       s->version == MP_RING_VERSION && s->size <= size && s->slots <= MP_SLOTS &&
	       s->chunks <= MP_CHUNKS_MAX && s->slot_offset % 64 == 0 &&
	       s->chunk_offset % 8 == 0 && s->slot_offset >= sizeof(*s) &&
	       s->slot_offset <= size && s->chunk_offset <= size &&
	       s->slots * sizeof(struct mp_slot) <= size - s->slot_offset &&
	       (uint64_t)s->chunks * MP_CHUNK <= size - s->chunk_offset;
}

static struct mp_session *join(void)
{
	struct address a = {0};
	struct stat st;
	long fd, r = -1;

	if (!parse_address(&a))
		return NULL;
	fd = ask_for_fd(&a);
	if (fd < 0)
		fd = open_proc_fd(&a);
	if (fd < 0)
		return NULL;
	if (hook_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) == 0 &&
	    st.st_size >= (off_t)sizeof(struct mp_session))
		r = hook_syscall(SYS_mmap, 0, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 fd, 0);
	hook_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (r < 0 && r > -4096)
		return NULL;
	if (is_session((struct mp_session *)r, (uint64_t)st.st_size))
		return (struct mp_session *)r;
	hook_unmap((void *)r, (size_t)st.st_size);
	return NULL;
}

/* ---- begin ---- */

void hook_python_check(void)
{
	static _Atomic bool found;

	if (!atomic_load(&found) && python_loaded())
		atomic_store(&found, true);
}

/* Called by the constructor, or before it by another library's first
 * allocation; not before libc knows the environment. */
HOOK_COLD void hook_start(void)
{
	int saved = errno;

	if (environ == NULL)
		return;
	hook_mode = HOOK_PASSIVE;
	hook_resolve();
	if (hook_resolved)
		hook_session = join();
	if (hook_session != NULL && atomic_load(&hook_session->stopped) == 0) {
		hook_options = hook_session->options;
		hook_clock_begin();
		hook_pid = (uint32_t)hook_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
		hook_syscall(SYS_madvise, (long)&hook_page, sizeof(hook_page), MADV_WIPEONFORK,
			     0, 0, 0);
		hook_image_begin();
		hook_mode = HOOK_TRACING;
		hook_modules_refresh(NULL);
		if (hook_mode == HOOK_TRACING) {
			hook_sampling = hook_session->sample != 0;
			atomic_store(&hook_page.on, HOOK_ON | (hook_sampling ? HOOK_SAMPLED : 0));
			hook_watch_fork();
			hook_python_check();
		}
	}
	errno = saved;
}

__attribute__((constructor(101))) static void begin(void)
{
	if (hook_mode == HOOK_STARTING)
		hook_start();
	if (hook_mode == HOOK_STARTING)
		hook_mode = HOOK_PASSIVE;
	if (hook_mode == HOOK_TRACING) {
		struct hook_thread *t = hook_enter();

		if (t != NULL)
			hook_leave(t);
	}
}

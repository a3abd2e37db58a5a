/* session.c - see session.h. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t session_now(const struct session *s)
{
	return clock_ns() - s->started;
}

uint32_t session_tick(struct session *s)
{
	uint32_t now = (uint32_t)(session_now(s) / 1000000);
	uint32_t epoch = atomic_load_explicit(&s->shared->epoch, memory_order_relaxed);

	/* producers set it, too, while we are not running: it never goes back */
	while (epoch < now && !atomic_compare_exchange_weak_explicit(&s->shared->epoch, &epoch,
			now, memory_order_relaxed, memory_order_relaxed))
		;
	if (epoch > now)
		now = (uint32_t)(session_now(s) / 1000000);
	if (epoch > now)                /* it was scribbled over */
		atomic_store_explicit(&s->shared->epoch, now, memory_order_relaxed);
	return now;
}

static int fail(struct session *s, const char *what)
{
	snprintf(s->error, sizeof s->error, "%s: %s", what, strerror(errno));
	return -1;
}

static int robust_lock(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;
	int e;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	e = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	return e ? e : pthread_mutex_lock(m);
}

static void fill_header(struct session *s, uint64_t slot_offset, uint64_t chunk_offset)
{
	struct mp_session *h = s->shared;

	h->version = MP_RING_VERSION;
	h->options = s->options;
	h->size = s->size;
	h->slots = s->slots;
	h->chunks = s->chunks;
	/* for some milliseconds without the drain, but two hot ones never take all */
	h->chunks_per_slot = s->chunks / 4;
	h->slot_offset = slot_offset;
	h->chunk_offset = chunk_offset;
	h->drain_pid = getpid();
	h->drain_fd = s->memory;
	for (uint32_t i = 0; i < s->chunks; i++)
		h->chunk_free[i / 64] |= 1ull << (i % 64);
	s->slot = (struct mp_slot *)(void *)((char *)h + slot_offset);
	s->chunk = (unsigned char *)h + chunk_offset;
}

static int open_memory(struct session *s, uint64_t ring)
{
	uint64_t slot_offset = (sizeof(struct mp_session) + 4095) & ~4095ull;
	uint64_t chunk_offset = slot_offset + MP_SLOTS * sizeof(struct mp_slot);

	chunk_offset = (chunk_offset + MP_CHUNK - 1) & ~(uint64_t)(MP_CHUNK - 1);
	s->slots = MP_SLOTS;
	s->chunks = (uint32_t)(ring / MP_CHUNK);
	s->size = chunk_offset + (uint64_t)s->chunks * MP_CHUNK;
	s->memory = memfd_create("mp-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->memory < 0)
		return fail(s, "memfd_create");
	if (ftruncate(s->memory, (off_t)s->size) < 0)
		return fail(s, "shared memory");
	if (fcntl(s->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return fail(s, "sealing the shared memory");
	s->shared = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
	if (s->shared == MAP_FAILED) {
		s->shared = NULL;
		return fail(s, "mapping the shared memory");
	}
	fill_header(s, slot_offset, chunk_offset);
	return 0;
}

void session_sample(struct session *s, uint32_t interval)
{
	const char *seed = getenv("MP_SAMPLE_SEED");

	s->shared->sample = s->sample = interval;
	s->shared->sample_seed = seed ? strtoull(seed, NULL, 10) : 0;
}

static socklen_t address_of(const struct session *s, struct sockaddr_un *a)
{
	size_t n = strlen(s->name);

	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path + 1, s->name, n);    /* a zero first: the abstract namespace */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

static int open_socket(struct session *s)
{
	unsigned char random[16];
	struct sockaddr_un a;
	socklen_t length;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return fail(s, "getrandom");
	for (unsigned i = 0; i < 16; i++)
		snprintf(s->token + 2 * i, 3, "%02x", random[i]);
	snprintf(s->name, sizeof s->name, "mp-capture-%d-%.8s", (int)getpid(), s->token + 24);
	length = address_of(s, &a);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return fail(s, "socket");
	if (bind(s->listener, (const struct sockaddr *)&a, length) < 0 || listen(s->listener, 128) < 0)
		return fail(s, "socket");
	return 0;
}

int session_open(struct session *s, uint64_t ring, uint32_t options)
{
	memset(s, 0, sizeof *s);
	s->memory = s->listener = -1;
	s->options = options;
	s->started = clock_ns();
	for (unsigned i = 0; i < SESSION_WAITING; i++)
		s->waiting[i].fd = -1;
	if (open_memory(s, ring) < 0 || open_socket(s) < 0) {
		session_close(s);
		return -1;
	}
	return 0;
}

int session_begin(struct session *s)
{
	int e = robust_lock(&s->shared->drain_alive);

	if (e) {
		errno = e;
		return fail(s, "lock");
	}
	atomic_thread_fence(memory_order_release);
	s->shared->magic = MP_RING_MAGIC;
	s->began = true;
	return 0;
}

void session_wake(_Atomic uint32_t *waiting)
{
	if (atomic_load_explicit(waiting, memory_order_relaxed) &&
			atomic_exchange(waiting, 0))
		syscall(SYS_futex, waiting, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void session_stop(struct session *s)
{
	atomic_store(&s->shared->stopped, 1);
	for (uint32_t i = 0; i < s->slots; i++)
		session_wake(&s->slot[i].waiting);
}

void session_close(struct session *s)
{
	for (unsigned i = 0; i < SESSION_WAITING; i++)
		if (s->waiting[i].fd >= 0)
			close(s->waiting[i].fd);
	if (s->listener >= 0)
		close(s->listener);
	if (s->began) {
		session_stop(s);        /* the lock goes with the memory it lies in */
		pthread_mutex_unlock(&s->shared->drain_alive);
	}
	if (s->shared)
		munmap(s->shared, s->size);
	if (s->memory >= 0)
		close(s->memory);
	s->memory = s->listener = -1;
	s->shared = NULL;
	s->began = false;
}

static void hand_out(const struct session *s, int fd)
{
	union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control;
	char byte = 'M';
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			.msg_controllen = sizeof control };
	struct cmsghdr *c;

	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &s->memory, sizeof(int));
	/* a caller that is gone by now needs no answer */
	if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

/* True: done with it, one way or the other. */
static bool serve_one(const struct session *s, int fd)
{
	char token[32];
	ssize_t n = recv(fd, token, sizeof token, MSG_DONTWAIT | MSG_PEEK);
	unsigned char differ = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0 && n < (ssize_t)sizeof token)
		return false;
	if (n <= 0)
		return true;
	for (unsigned i = 0; i < sizeof token; i++)
		differ |= (unsigned char)(token[i] ^ s->token[i]);
	if (!differ)
		hand_out(s, fd);
	return true;
}

static bool same_user(int fd)
{
	struct ucred who;
	socklen_t n = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
		(who.uid == geteuid() || who.uid == 0);
}

void session_serve(struct session *s)
{
	uint64_t now = clock_ns();
	unsigned i;
	int fd;

	for (i = 0; i < SESSION_WAITING; i++) {
		fd = s->waiting[i].fd;
		if (fd >= 0 && (serve_one(s, fd) || now - s->waiting[i].since > 1000000000)) {
			close(fd);
			s->waiting[i].fd = -1;
		}
	}
	for (i = 0; i < SESSION_WAITING && s->waiting[i].fd >= 0; i++)
		;
	for (unsigned n = 0; i < SESSION_WAITING && n < 64; n++) {
		fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (!same_user(fd) || serve_one(s, fd)) {
			close(fd);
			continue;
		}
		s->waiting[i].fd = fd;
		s->waiting[i].since = now;
		while (i < SESSION_WAITING && s->waiting[i].fd >= 0)
			i++;
	}
}

unsigned session_poll(const struct session *s, struct pollfd *p, unsigned max)
{
	unsigned n = 0;

	if (n < max)
		p[n++] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
	for (unsigned i = 0; i < SESSION_WAITING && n < max; i++)
		if (s->waiting[i].fd >= 0)
			p[n++] = (struct pollfd){ .fd = s->waiting[i].fd, .events = POLLIN };
	return n;
}

void session_environment(const struct session *s, char *text, size_t size)
{
	snprintf(text, size, "%s:%s:%d:%d", s->name, s->token, (int)getpid(), s->memory);
}

/* sample_perf.c - a photograph of a running thread, made by the kernel's perf events.
 *
 * An event of its CPU time is armed for one overflow: some ten microseconds later, if it is
 * on a CPU, its registers and stack are in a ring we share with the kernel.  Nobody stops
 * it, no system call of it is interrupted, and where it is caught does not depend on where
 * it next enters the kernel, as it does with ptrace.
 */
#include "sample_native.h"

#include "sample_proc.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <asm/perf_regs.h>
/* in this order in the record */
#define REGISTERS (1 << PERF_REG_X86_BP | 1 << PERF_REG_X86_SP | 1 << PERF_REG_X86_IP)
#endif

enum {
	PAGE = 4096, RING = 8 * PAGE, STACK = 16384, MOST_OPEN = 64,
	PERIOD = 10000, SPIN = 100000, MOST_WAIT = 500000,      /* ns */
};

struct photo {                  /* a thread's event */
	uint32_t tid;
	int fd;
	uint8_t *map;                   /* the kernel's page, then the ring */
	uint64_t used;                  /* when, in photographs made */
};

/* ---- events ------------------------------------------------------------------------------- */

static int open_event(uint32_t tid, bool kernel)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof a, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD, .sample_type = PERF_SAMPLE_REGS_USER |
			PERF_SAMPLE_STACK_USER,
		.sample_regs_user = REGISTERS, .sample_stack_user = STACK,
		.wakeup_events = 1, .disabled = 1, .exclude_kernel = !kernel, .exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &a, (pid_t)tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void close_photo(struct photo *p)
{
	if (p->map)
		munmap(p->map, PAGE + RING);
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct photo){ .fd = -1 };
}

/* False: errno. */
static bool open_photo(struct photo *p, uint32_t tid)
{
	void *map;

	/* without the kernel's part a thread is seen only where it runs its own code */
	p->fd = open_event(tid, true);
	if (p->fd < 0 && (errno == EACCES || errno == EPERM))
		p->fd = open_event(tid, false);
	if (p->fd < 0)
		return false;
	map = mmap(NULL, PAGE + RING, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (map == MAP_FAILED) {
		close_photo(p);
		errno = EPERM;          /* of the memory that may be locked */
		return false;
	}
	p->map = map;
	p->tid = tid;
	return true;
}

static bool make_room(struct native *n)
{
	if (n->photo)
		return true;
	n->photo = calloc(MOST_OPEN, sizeof *n->photo);
	for (size_t i = 0; n->photo && i < MOST_OPEN; i++)
		n->photo[i].fd = -1;
	return n->photo != NULL;
}

/* Of threads that have ended; ALL: of the others, too.  False: there was none. */
static bool close_photos(struct native *n, bool all)
{
	struct pollfd fd[MOST_OPEN];
	bool any = false;

	for (size_t i = 0; i < MOST_OPEN; i++)
		fd[i] = (struct pollfd){ .fd = n->photo[i].fd };
	poll(fd, MOST_OPEN, 0);
	for (size_t i = 0; i < MOST_OPEN; i++) {
		if (n->photo[i].fd < 0 || !(all || fd[i].revents & POLLHUP))
			continue;
		close_photo(&n->photo[i]);
		any = true;
	}
	return any;
}

/* The thread's, or the place of the one not used for longest.  NULL: errno. */
static struct photo *photo_of(struct native *n, uint32_t tid)
{
	struct photo *oldest;

	if (!make_room(n))
		return NULL;
	for (size_t i = 0; i < MOST_OPEN; i++)
		if (n->photo[i].tid == tid)
			return &n->photo[i];
	close_photos(n, false);
	oldest = &n->photo[0];
	for (size_t i = 0; i < MOST_OPEN; i++)
		if (n->photo[i].used < oldest->used)
			oldest = &n->photo[i];
	close_photo(oldest);
	/* too many files, or too much locked memory: with fewer it may go on */
	if (open_photo(oldest, tid) || (errno != ESRCH && close_photos(n, true) &&
			open_photo(oldest, tid)))
		return oldest;
	return NULL;
}

/* ---- records ------------------------------------------------------------------------------- */

static void take(const uint8_t *ring, uint64_t at, void *to, size_t size)
{
	size_t first = at % RING, part = size < RING - first ? size : RING - first;

	memcpy(to, ring + first, part);
	memcpy((uint8_t *)to + part, ring, size - part);
}

/* A sample that begins AT, SIZE bytes with its header: abi, registers, size of the piece of
 * stack, it, and how much of it was there. */
static bool take_sample(struct native *n, const uint8_t *ring, uint64_t at, size_t size)
{
	uint64_t head[5], piece, copied;

	if (size < 8 + sizeof head)
		return false;
	take(ring, at + 8, head, sizeof head);
	piece = head[4];
	if (head[0] != PERF_SAMPLE_REGS_ABI_64 || piece > STACK || size < 8 + sizeof head + piece +
			(piece ? 8 : 0))
		return false;
	copied = 0;
	if (piece)
		take(ring, at + 8 + sizeof head + piece, &copied, sizeof copied);
	if (copied > piece || !native_room(n, copied))
		return false;
	take(ring, at + 8 + sizeof head, n->bytes, copied);
	n->size = copied;
	n->state = (struct hook_state){ .fp = head[1], .sp = head[2], .ip = head[3],
		.exact = true };
	return true;
}

/* What has come since the last time; the last sample of it is the thread's. */
static bool read_ring(struct native *n, struct photo *p)
{
	struct perf_event_mmap_page *page = (void *)p->map;
	uint64_t head = atomic_load_explicit((_Atomic uint64_t *)&page->data_head,
			memory_order_acquire), at = page->data_tail;
	bool found = false;

	while (head - at >= sizeof(struct perf_event_header) && head - at <= RING) {
		struct perf_event_header h;

		take(p->map + PAGE, at, &h, sizeof h);
		if (h.size < sizeof h || h.size > head - at)
			break;
		if (h.type == PERF_RECORD_SAMPLE)
			found = take_sample(n, p->map + PAGE, at, h.size);
		at += h.size;
	}
	atomic_store_explicit((_Atomic uint64_t *)&page->data_tail, head, memory_order_release);
	return found;
}

/* It runs on another CPU: it is there in no time.  On ours it runs while we sleep. */
static bool wait_for(struct native *n, struct photo *p, unsigned cpu)
{
	uint64_t now = proc_clock(), spin = now + (cpu == (unsigned)sched_getcpu() ? 0 : SPIN);
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	struct timespec wait = { .tv_nsec = MOST_WAIT };

	for (; now < spin; now = proc_clock())
		if (read_ring(n, p))
			return true;
	ppoll(&fd, 1, &wait, NULL);
	if (read_ring(n, p))
		return true;
	if (fd.revents & POLLHUP)
		close_photo(p);         /* it has ended; its number may be another's by now */
	return false;
}

int perf_photo(struct native *n, uint32_t tid, unsigned cpu)
{
	struct photo *p = photo_of(n, tid);

	if (!p)
		return errno == ESRCH ? 0 : -1;
	p->used = ++n->photos;
	read_ring(n, p);                /* of a moment that is over */
	if (ioctl(p->fd, PERF_EVENT_IOC_REFRESH, 1) < 0) {
		close_photo(p);
		return 0;
	}
	/* else it stays armed: to disarm and arm it anew takes until the kernel's next tick */
	return wait_for(n, p, cpu);
}

void perf_free(struct native *n)
{
	for (size_t i = 0; n->photo && i < MOST_OPEN; i++)
		close_photo(&n->photo[i]);
	free(n->photo);
	n->photo = NULL;
}

/* thread.c - the states of threads and of signal handlers on top of them.
 *
 * A state belongs to the thread that holds its robust mutex; when that thread
 * is dead, the next new thread takes it over.  No thread-specific key, so no
 * destructor runs in the target.
 */
#include "internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct hook_page hook_page __attribute__((aligned(ARCH_PAGE_MAX)));
__thread struct hook_tls hook_tls __attribute__((tls_model("initial-exec")));

static _Atomic(struct hook_thread *) threads;   /* of depth 0 */

static struct hook_thread *take_over(void)
{
	struct hook_thread *t;

	for (t = atomic_load(&threads); t != NULL; t = t->next) {
		uint32_t one = 1;

		if (atomic_load_explicit(&t->unowned, memory_order_relaxed) != 0) {
			if (atomic_compare_exchange_strong(&t->unowned, &one, 0)) {
				hook_lock_for_life(&t->alive);
				return t;
			}
		} else if (mp_owner_died(&t->alive) &&
			   hook_real.pthread_mutex_trylock(&t->alive) == EOWNERDEAD) {
			return t;
		}
	}
	return NULL;
}

/* Ready to claim a slot of its own, as if new; mappings are kept. */
static void recycle(struct hook_thread *t)
{
	t->write = t->limit = NULL;
	t->tail = 0;
	t->slot = NULL;
	t->object_depth = t->begun = t->begin_lost = t->dropping = t->in_fork = 0;
	t->turning = 0;
	t->lost_events = t->lost_bytes = 0;
	t->known = t->known_end = t->frame = 0;
	t->ground++;
	memset(t->python, 0, sizeof(t->python));
}

static struct hook_thread *new_state(void)
{
	struct hook_thread *t = hook_map(sizeof(*t)), *head;

	if (t == NULL)
		return NULL;
	hook_lock_for_life(&t->alive);
	head = atomic_load(&threads);
	do
		t->next = head;
	while (!atomic_compare_exchange_weak(&threads, &head, t));
	return t;
}

void hook_thread_name(struct hook_thread *t)
{
	char name[16] = "";
	uint64_t *w;

	if (hook_syscall(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0) != 0)
		return;
	w = hook_reserve(t, 4, false, 0);
	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(MP_REC_THREAD_NAME, 0, 0, 0);
	w[1] = 4ull << 32 | strnlen(name, sizeof(name));
	memcpy(&w[2], name, sizeof(name));
	hook_publish(t, 4);
}

/* The first record of a state: its slot, the image if it is the first, its name. */
bool hook_begin_state(struct hook_thread *t)
{
	if (!hook_claim(t))
		return false;
	hook_announce(t);
	if (t->depth == 0)
		hook_thread_name(t);
	return true;
}

static struct hook_thread *first_entry(struct hook_tls *tls)
{
	struct hook_thread *t, *above;
	size_t size = 0;

	tls->depth = 1;         /* a signal handler finds no state yet and goes by */
	t = take_over();
	if (t == NULL)
		t = new_state();
	if (t == NULL || hook_session == NULL) {
		tls->depth = 0;
		hook_count_lost(NULL, 1, 0);
		return NULL;
	}
	recycle(t);
	hook_syscall(SYS_get_robust_list, 0, (long)&t->robust_list, (long)&size, 0, 0, 0);
	for (above = t->above; above != NULL; above = above->above)
		recycle(above);
	tls->thread = t;
	atomic_signal_fence(memory_order_seq_cst);
	hook_begin_state(t);
	tls->depth = 0;
	return t;
}

/* Is the activation of T over, though it never left (siglongjmp out of a
 * signal handler)?  FRAME is where the caller is now. */
static bool is_dead(const struct hook_thread *t, uintptr_t frame)
{
	stack_t ss = {0};
	uintptr_t from, to;
	bool then, now;

	hook_syscall(SYS_sigaltstack, 0, (long)&ss, 0, 0, 0, 0);
	from = (uintptr_t)ss.ss_sp;
	to = from + ss.ss_size;
	then = t->frame >= from && t->frame < to;
	now = frame >= from && frame < to;
	if (now != then)
		return then;    /* away from the alternate stack; or just come to it */
	return frame >= t->frame;
}

static struct hook_thread *nested_entry(struct hook_tls *tls, uintptr_t frame)
{
	struct hook_thread *chain[HOOK_DEPTHS], *t = tls->thread, *above;
	uint32_t depth = tls->depth, n = 0;

	if (t == NULL || depth > HOOK_DEPTHS) {
		hook_count_lost(t, 1, 0);
		return NULL;
	}
	for (; t != NULL && n < depth; t = t->above)
		chain[n++] = t;
	while (n > 0 && is_dead(chain[n - 1], frame))
		n--;
	if (n == 0)
		return tls->thread;
	if (n == HOOK_DEPTHS) {
		hook_count_lost(chain[0], 1, 0);
		return NULL;
	}
	t = chain[n - 1];
	if (t->above == NULL) {
		above = hook_map(sizeof(*above));
		if (above == NULL) {
			hook_count_lost(chain[0], 1, 0);
			return NULL;
		}
		above->depth = n;
		t->above = above;
	}
	return t->above;
}

HOOK_COLD struct hook_thread *hook_enter_slow(uintptr_t frame)
{
	struct hook_tls *tls = &hook_tls;
	struct hook_thread *t;

	if (hook_mode == HOOK_STARTING && hook_resolved)
		hook_start();
	if (hook_mode != HOOK_TRACING)
		return NULL;
	if (!(atomic_load_explicit(&hook_page.on, memory_order_relaxed) & HOOK_ON))
		hook_fork_child();
	if (tls->depth == 0 &&
	    (atomic_load_explicit(&hook_page.on, memory_order_relaxed) & HOOK_DUE) != 0 &&
	    (atomic_fetch_and(&hook_page.on, ~(uint32_t)HOOK_DUE) & HOOK_DUE) != 0)
		hook_python_check();
	if (tls->depth != 0)
		t = nested_entry(tls, frame);
	else
		t = tls->thread != NULL ? tls->thread : first_entry(tls);
	if (t == NULL)
		return NULL;
	t->frame = frame;
	tls->depth = t->depth + 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (t->slot == NULL && !hook_begin_state(t) && hook_mode != HOOK_TRACING) {
		hook_leave(t);
		return NULL;
	}
	return t;
}

/* The acquire in hook_is_paused() puts whatever becomes of the block that is not recorded
 * behind the mark that was published before the pause began. */
HOOK_COLD struct hook_thread *hook_enter_alloc_slow(uintptr_t frame)
{
	const uint32_t paused = HOOK_ON | HOOK_PAUSED;
	struct hook_thread *t = NULL;

	if (atomic_load_explicit(&hook_page.on, memory_order_relaxed) != paused)
		t = hook_enter_slow(frame);
	if (t == NULL || !hook_is_paused())
		return t;
	hook_leave(t);
	return NULL;
}

void hook_stop(void)
{
	hook_mode = HOOK_PASSIVE;
	atomic_store(&hook_page.on, HOOK_OFF);
}

/* A child of a bare clone() or fork system call inherits libc's list of robust
 * mutexes, with ours of the parent in it, and the kernel does not know of it: its
 * death would go unseen.  After libc's own fork() there is nothing to do. */
static void renew_robust_list(void *list)
{
	struct robust_list_head *head = list, *known = NULL;
	size_t size = 0;

	if (head == NULL ||
	    hook_syscall(SYS_get_robust_list, 0, (long)&known, (long)&size, 0, 0, 0) != 0 ||
	    known != NULL)
		return;
	head->list.next = &head->list;
	head->list_op_pending = NULL;
	hook_syscall(SYS_set_robust_list, (long)head, sizeof(*head), 0, 0, 0, 0);
}

/* In a forked child, at its first event: the page was wiped.  Only this thread
 * exists; what the others held is free for new ones. */
HOOK_COLD void hook_fork_child(void)
{
	struct hook_thread *t, *own = hook_tls.thread;

	hook_pid = (uint32_t)hook_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	hook_image_fork();
	if (own != NULL)
		renew_robust_list(own->robust_list);
	for (t = atomic_load(&threads); t != NULL; t = t->next) {
		struct hook_thread *each;

		for (each = t; each != NULL; each = each->above)
			recycle(each);
		if (t == own)
			hook_lock_for_life(&t->alive);
		else
			atomic_store(&t->unowned, 1);
	}
	python_forked();
	hook_pause_forked();
	hook_sample_forked();
	atomic_store(&hook_page.on, HOOK_ON | (hook_is_paused() ? HOOK_PAUSED : 0) |
				    (hook_sampling ? HOOK_SAMPLED : 0));
}

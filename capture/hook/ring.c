/* ring.c - claiming a slot, chunk after chunk, and what to do when none is free.
 *
 * Invariant: between limit and the end of a thread's chunk there is always
 * room for one NEXT.  The wait for space, be it a first chunk or a further one, is
 * bounded (2 s), and it is over at once when the drain is gone.
 */
#include "internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	WAIT_MS = 2000,
	SLICE_MS = 20,
	LOOK_MS = 1,
	NO_CHUNK = UINT32_MAX,
};

static int64_t joined_ns;
static uint32_t joined_epoch;

static struct mp_slot *slot_at(uint32_t i)
{
	return (struct mp_slot *)(void *)((char *)hook_session + hook_session->slot_offset) + i;
}

static uint64_t *chunk_at(uint32_t i)
{
	return (uint64_t *)(void *)((char *)hook_session + hook_session->chunk_offset +
				    (uint64_t)i * MP_CHUNK);
}

/* Lowest first, so that a quiet session touches few pages. */
static uint32_t take_chunk(void)
{
	struct mp_session *s = hook_session;
	uint32_t chunks = s->chunks < MP_CHUNKS_MAX ? s->chunks : MP_CHUNKS_MAX;
	uint32_t i;

	for (i = 0; i * 64 < chunks; i++) {
		uint64_t free = atomic_load_explicit(&s->chunk_free[i], memory_order_relaxed);

		while (free != 0) {
			uint32_t bit = (uint32_t)__builtin_ctzll(free);

			if (i * 64 + bit >= chunks)
				return NO_CHUNK;
			if (atomic_compare_exchange_weak_explicit(&s->chunk_free[i], &free,
								  free & (free - 1),
								  memory_order_acquire,
								  memory_order_relaxed))
				return i * 64 + bit;
		}
	}
	return NO_CHUNK;
}

static void give_chunk(uint32_t i)
{
	atomic_fetch_or_explicit(&hook_session->chunk_free[i / 64], 1ull << (i % 64),
				 memory_order_release);
}

static struct mp_slot *take_slot(void)
{
	struct mp_session *s = hook_session;
	uint32_t i, used;

	for (i = 0; i < s->slots && i < MP_SLOTS; i++) {
		struct mp_slot *slot = slot_at(i);
		uint64_t free = 0;

		if (atomic_load_explicit(&slot->owner, memory_order_relaxed) != 0 ||
		    !atomic_compare_exchange_strong_explicit(&slot->owner, &free,
							     MP_SLOT_CLAIMING,
							     memory_order_acquire,
							     memory_order_relaxed))
			continue;
		used = atomic_load(&s->slots_used);
		while (used <= i &&
		       !atomic_compare_exchange_weak(&s->slots_used, &used, i + 1))
			;
		return slot;
	}
	return NULL;
}

static bool drain_gone(void)
{
	return atomic_load_explicit(&hook_session->stopped, memory_order_acquire) != 0 ||
	       mp_owner_died(&hook_session->drain_alive);
}

void hook_count_lost(struct hook_thread *t, uint64_t events, uint64_t bytes)
{
	struct mp_session *s = hook_session;

	if (t != NULL && t->slot != NULL) {
		t->lost_events += events;
		t->lost_bytes += bytes;
		atomic_fetch_add_explicit(&t->slot->lost_events, events, memory_order_relaxed);
		atomic_fetch_add_explicit(&t->slot->lost_bytes, bytes, memory_order_relaxed);
	} else if (s != NULL) {
		atomic_fetch_add_explicit(&s->lost_events, events, memory_order_relaxed);
		atomic_fetch_add_explicit(&s->lost_bytes, bytes, memory_order_relaxed);
	}
}

/* The clock goes on by the chunk even if the drain is kept waiting for a processor: a
 * step of its work is a stretch of that clock. */
static void tick(void)
{
	struct timespec now;
	int64_t ahead;
	uint32_t then = atomic_load_explicit(&hook_session->epoch, memory_order_relaxed);

	hook_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
	ahead = (now.tv_sec * 1000000000ll + now.tv_nsec - joined_ns) / 1000000 +
		joined_epoch - then;
	/* more than the drain can be late: another clock (a time namespace) */
	if (ahead > 0 && ahead < 2 * WAIT_MS)
		atomic_compare_exchange_strong_explicit(&hook_session->epoch, &then,
							then + (uint32_t)ahead,
							memory_order_relaxed,
							memory_order_relaxed);
}

void hook_clock_begin(void)
{
	struct timespec now;

	joined_epoch = atomic_load_explicit(&hook_session->epoch, memory_order_relaxed);
	hook_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
	joined_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
}

static uint32_t free_chunks(void)
{
	const struct mp_session *s = hook_session;
	uint32_t n = 0;

	for (uint32_t i = 0; i * 64 < s->chunks && i < MP_CHUNKS_MAX / 64; i++)
		n += (uint32_t)__builtin_popcountll(
			atomic_load_explicit(&s->chunk_free[i], memory_order_relaxed));
	return n;
}

/* Nobody holds more than there is left, so that N hot threads have a share of
 * 1 / (N + 1) each, and there is one for whoever comes next. */
static bool enough(struct hook_thread *t)
{
	uint32_t held = atomic_load_explicit(&t->slot->chunks, memory_order_acquire);

	return held >= hook_session->chunks_per_slot || held >= free_chunks();
}

static bool consumed(const struct hook_thread *t)
{
	return atomic_load_explicit(&t->slot->head, memory_order_acquire) == t->tail;
}

/* ---- waiting ----
 * Each asks whether what T waits for is there. */

/* A chunk to go on in; T's own will do when all in it has been read. */
static bool next_is_there(struct hook_thread *t)
{
	t->chunk = enough(t) ? NO_CHUNK : take_chunk();
	if (t->chunk == NO_CHUNK && consumed(t))
		t->chunk = t->own_chunk;
	return t->chunk != NO_CHUNK;
}

static bool first_is_there(struct hook_thread *t)
{
	t->chunk = take_chunk();
	if (t->chunk == NO_CHUNK)
		return false;
	t->slot = take_slot();
	if (t->slot != NULL)
		return true;
	give_chunk(t->chunk);
	return false;
}

static bool is_consumed(struct hook_thread *t)
{
	return consumed(t);
}

static void count_wait(uint64_t ns)
{
	atomic_fetch_add_explicit(&hook_session->waits, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&hook_session->waited_ns, ns, memory_order_relaxed);
}

/* False: the drain is gone, or it took too long; then there is no more waiting until
 * something is there.  A thread with a slot is woken, one without looks again. */
static bool wait_until(struct hook_thread *t, bool (*is_there)(struct hook_thread *))
{
	struct mp_slot *slot = t->slot;
	struct timespec slice = {0, (slot != NULL ? SLICE_MS : LOOK_MS) * 1000000l}, now;
	_Atomic uint32_t *word = slot != NULL ? &slot->waiting : &hook_session->epoch;
	int64_t begun = 0, ns = 0;
	uint32_t value = 1;
	bool there;

	for (bool first = true;; first = false) {
		if (drain_gone()) {
			hook_stop();
			return false;
		}
		if (slot == NULL)
			value = atomic_load_explicit(word, memory_order_relaxed);
		else if (!first)
			atomic_store_explicit(word, value, memory_order_seq_cst);
		there = is_there(t);
		if (!first || (!there && !t->dropping)) {
			hook_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
			ns = now.tv_sec * 1000000000ll + now.tv_nsec;
			if (first)
				begun = ns;
			t->dropping = !there && ns - begun >= WAIT_MS * 1000000ll;
		}
		if (there || t->dropping) {
			if (slot != NULL && !first)
				atomic_store(word, 0);
			if (!first)
				count_wait((uint64_t)(ns - begun));
			if (there)
				t->dropping = 0;
			return there;
		}
		if (!first)
			hook_syscall(SYS_futex, (long)word, FUTEX_WAIT, value, (long)&slice, 0, 0);
	}
}

static void use_chunk(struct hook_thread *t, uint32_t i)
{
	t->own_chunk = i;
	t->write = chunk_at(i);
	t->limit = t->write + MP_CHUNK / 8 - 1;
}

/* Where a thread goes on in its own chunk it may write only when the drain has
 * read the NEXT at the end of it. */
static bool next_chunk(struct hook_thread *t)
{
	if (!t->turning) {
		if (!wait_until(t, next_is_there)) {
			t->limit = t->write;    /* nothing more before a LOST record */
			return false;
		}
		*t->write = MP_REC_WORD0(MP_REC_NEXT, 0, 0, t->chunk);
		t->turning = t->chunk == t->own_chunk;
		if (!t->turning)
			atomic_fetch_add_explicit(&t->slot->chunks, 1, memory_order_relaxed);
		t->tail = (t->tail / MP_CHUNK + 1) * MP_CHUNK;
		atomic_store_explicit(&t->slot->tail, t->tail, memory_order_release);
	}
	if (t->turning && !wait_until(t, is_consumed)) {
		t->limit = t->write;
		return false;
	}
	t->turning = 0;
	use_chunk(t, t->chunk);
	tick();
	return true;
}

static void publish_lost(struct hook_thread *t)
{
	uint64_t *w = t->write;

	w[0] = MP_REC_WORD0(MP_REC_LOST, 0, 0, 0);
	w[1] = t->lost_events;
	w[2] = t->lost_bytes;
	hook_publish(t, 3);
	t->lost_events = t->lost_bytes = 0;
}

HOOK_COLD uint64_t *hook_reserve_slow(struct hook_thread *t, uint32_t words, bool event,
				      uint64_t bytes)
{
	bool ok = words < MP_CHUNK / 8 - 4;

	if (ok && t->slot == NULL)
		ok = hook_begin_state(t);
	if (ok && t->write + words + (t->lost_events != 0 ? 3 : 0) > t->limit)
		ok = next_chunk(t);
	if (!ok) {
		if (event)
			hook_count_lost(t, 1, bytes);
		return NULL;
	}
	if (t->lost_events != 0)
		publish_lost(t);
	return t->write;
}

/* ---- slots ---- */

/* The tail of slot I, if this image holds it; CLAIMED says by which claim. */
static bool tail_of(uint32_t i, uint32_t *claimed, uint64_t *tail)
{
	struct mp_slot *slot = slot_at(i);

	*claimed = atomic_load_explicit(&slot->claimed, memory_order_acquire);
	if (!atomic_load_explicit(&slot->ready, memory_order_acquire) ||
	    slot->image != hook_image)
		return false;
	*tail = atomic_load_explicit(&slot->tail, memory_order_acquire);
	return atomic_load_explicit(&slot->claimed, memory_order_acquire) == *claimed;
}

uint32_t hook_look_around(const struct hook_thread *t, struct mp_rec_cut *cut, uint32_t max)
{
	uint32_t n = 0, first, k = 0, claimed;
	uint64_t tail;

	for (uint32_t i = 0; i < atomic_load(&hook_session->slots_used) && i < MP_SLOTS; i++) {
		if (slot_at(i) == t->slot || !tail_of(i, &claimed, &tail))
			continue;
		if (n < max)
			cut[n] = (struct mp_rec_cut){i, claimed, tail, tail};
		n++;
	}
	first = n < max ? n : max;
	for (uint32_t i = 0; i < atomic_load(&hook_session->slots_used) && i < MP_SLOTS; i++) {
		while (k < first && cut[k].slot < i)
			k++;
		if (slot_at(i) == t->slot || !tail_of(i, &claimed, &tail))
			continue;
		if (k < first && cut[k].slot == i && cut[k].claimed == claimed) {
			cut[k].behind = tail;
		} else {
			if (n < max)
				cut[n] = (struct mp_rec_cut){i, claimed, 0, tail};
			n++;
		}
	}
	return n;
}

/* As pthread_mutex_init() with these attributes leaves it; spelt out because the
 * functions' versions would tie the hook to glibc 2.34. */
void hook_lock_for_life(pthread_mutex_t *m)
{
	enum { ROBUST = 16, SHARED = 128 };
	int tid = (int)hook_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);

	memset(m, 0, sizeof(*m));
	m->__data.__kind = ROBUST | SHARED;
	if (hook_real.pthread_mutex_trylock == NULL)
		return; /* glibc < 2.34 without libpthread: the drain looks for the process */
	hook_real.pthread_mutex_trylock(m);
	/* libc does not know its own thread id in the child of a bare clone() */
	if (__atomic_load_n(&m->__data.__lock, __ATOMIC_RELAXED) != tid)
		__atomic_store_n(&m->__data.__lock, tid, __ATOMIC_RELEASE);
}

HOOK_COLD bool hook_claim(struct hook_thread *t)
{
	struct mp_slot *slot;

	if (!wait_until(t, first_is_there))
		return false;
	slot = t->slot;
	slot->image = hook_image;
	slot->depth = t->depth;
	slot->first_chunk = t->chunk;
	atomic_store(&slot->tail, 0);
	atomic_store(&slot->lost_events, 0);
	atomic_store(&slot->lost_bytes, 0);
	atomic_store(&slot->head, 0);
	atomic_store(&slot->chunks, 1);
	atomic_store(&slot->waiting, 0);
	hook_lock_for_life(&slot->alive);
	t->tid = (uint32_t)hook_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	t->tail = 0;
	use_chunk(t, t->chunk);
	hook_stacks_reset(t);
	atomic_fetch_add(&slot->claimed, 1);
	atomic_store(&slot->owner, (uint64_t)hook_pid << 32 | t->tid);
	atomic_store_explicit(&slot->ready, 1, memory_order_release);
	return true;
}

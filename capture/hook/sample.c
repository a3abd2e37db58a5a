/* sample.c - which allocations a sample holds: those in which a byte is met that is to be
 * sampled, by a countdown in each thread; and where they are, so that of all frees only
 * theirs are recorded.
 *
 * The addresses lie in buckets of a cache line each, and how many of them each 256 bytes
 * of memory have in a byte of its own: a free mostly reads that byte and no more.  Nothing waits for
 * anybody: who owns a block is the only one to put its address in or to take it out.
 * Invariant: the address of a recorded block that lives is in its bucket, or the bucket
 * has been marked full for good; and the byte of its place is not 0.
 */
#include "internal.h"
#include "sample_draw.h"

enum {
	BUCKETS = 4096, WIDTH = 8,
	STICKY = 255,           /* of a place: counted no more */
	ROUND = 64,             /* debug hooks put fewer bytes round an object */
};

bool hook_sampling;
_Atomic uint8_t hook_sample_place[HOOK_SAMPLE_PLACES];

static struct bucket {
	_Alignas(64) _Atomic uintptr_t block[WIDTH];
} bucket[BUCKETS];
static _Atomic bool full[BUCKETS];

/* ---- which ---- */

/* Threads do not sample alike, nor do a child and its parent. */
static uint64_t new_seed(void)
{
	static _Atomic uint64_t threads;
	uint64_t seed = hook_session->sample_seed;

	return hook_mix(seed ? seed : hook_image, atomic_fetch_add(&threads, 1) + 1) | 1;
}

/* What a signal handler draws in between is as good as what it replaces: the bytes to
 * come do not depend on those that went by. */
HOOK_COLD bool hook_sample_draw(size_t size)
{
	struct hook_tls *tls = &hook_tls;
	bool due = true;

	if (tls->seed == 0) {   /* the thread begins */
		tls->seed = new_seed();
		due = sample_gap(&tls->seed, hook_session->sample) < (int64_t)(size + !size);
	}
	tls->countdown = sample_gap(&tls->seed, hook_session->sample);
	return due;
}

void hook_sample_forked(void)
{
	hook_tls.seed = 0;
	hook_tls.countdown = 0;
}

/* ---- whose ---- */

static struct bucket *bucket_of(uintptr_t address)
{
	return &bucket[(address >> 4) * 0x9E3779B97F4A7C15ull >> 52];
}

static void count_place(uintptr_t address, int more)
{
	_Atomic uint8_t *place = &hook_sample_place[address >> 8 & (HOOK_SAMPLE_PLACES - 1)];
	uint8_t now = atomic_load(place);

	while (now != STICKY && !atomic_compare_exchange_weak(place, &now, (uint8_t)(now + more)))
		;
}

/* P is recorded; nobody else knows it yet. */
static void keep(const void *p)
{
	uintptr_t address = (uintptr_t)p;
	struct bucket *b = bucket_of(address);

	count_place(address, 1);
	for (int i = 0; i < WIDTH; i++) {
		uintptr_t none = 0;

		if (atomic_compare_exchange_strong(&b->block[i], &none, address))
			return;
	}
	atomic_store(&full[b - bucket], true);
}

/* P ends: true if it was recorded, or may have been; then the drain knows. */
static bool drop(const void *p)
{
	uintptr_t address = (uintptr_t)p;
	struct bucket *b = bucket_of(address);

	for (int i = 0; i < WIDTH; i++) {
		if (atomic_load_explicit(&b->block[i], memory_order_relaxed) == address) {
			atomic_store(&b->block[i], 0);
			count_place(address, -1);
			return true;
		}
	}
	return atomic_load(&full[b - bucket]);
}

/* ---- events ---- */

void hook_sample_record(unsigned kind, const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *t = p != NULL ? hook_enter_alloc() : NULL;

	if (t == NULL)
		return;
	hook_life_check(t);
	hook_event_alloc(t, kind, p, size, caller);
	keep(p);
	hook_leave(t);
}

void hook_sample_made(unsigned kind, const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *t;

	if (hook_unlikely(hook_tls.object_frame != 0) && hook_sample_is_object(size, caller))
		return;
	/* forked, or an interpreter was loaded: that does not wait for the next sample */
	if (hook_unlikely(!hook_samples())) {
		t = hook_enter();
		if (t != NULL)
			hook_leave(t);
	}
	if (hook_sample_due(size))
		hook_sample_record(kind, p, size, caller);
}

void hook_sample_ends(unsigned kind, const void *p)
{
	struct hook_thread *t = drop(p) ? hook_enter() : NULL;

	if (t == NULL)
		return;
	hook_life_check(t);
	hook_event_free(t, kind, p);
	hook_leave(t);
}

bool hook_sample_begins(unsigned kind, const void *old, size_t size)
{
	struct hook_thread *t;

	if (hook_likely(!hook_sample_maybe(old)) || !drop(old))
		return false;
	t = hook_enter();
	if (t == NULL)
		return false;
	hook_life_check(t);
	hook_event_begin(t, kind, old, size);
	hook_leave(t);
	return true;
}

void hook_sample_resized(unsigned kind, const void *old, bool begun, const void *p, size_t size,
			 struct hook_caller caller)
{
	struct hook_thread *t;

	if (p == NULL || !hook_sample_due(size)) {
		if (begun)
			hook_realloc_unseen(kind, p != NULL || size == 0);
		if (begun && p == NULL && size != 0)
			keep(old);
		return;
	}
	if (!begun) {
		hook_sample_record(kind, p, size, caller);
		return;
	}
	t = hook_enter_alloc();
	if (t == NULL) {
		hook_realloc_unseen(kind, true);
		return;
	}
	hook_event_end(t, kind, p, size, caller);
	keep(p);
	hook_leave(t);
}

/* ---- what object allocators allocate themselves ---- */

/* A signal handler may have jumped out of a wrapper: that one's frame lies below ours. */
bool hook_sample_in_object(struct hook_caller caller)
{
	if (hook_tls.object_frame > (uintptr_t)caller.frame)
		return true;
	hook_tls.object_frame = 0;
	return false;
}

bool hook_sample_is_object(size_t size, struct hook_caller caller)
{
	return hook_sample_in_object(caller) && size >= hook_tls.object_size &&
	       size - hook_tls.object_size < ROUND;
}

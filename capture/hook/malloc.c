/* malloc.c - the malloc family.
 *
 * Order is everything: an allocation is published after the real call and
 * before its result is returned, a free before the real call; a realloc begins
 * before and ends after.  Then any two events of one address are published in
 * the order they happened, whichever threads they came from.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

enum { LARGE = 65536 };         /* page faults inside calloc and realloc are worth an INTENT */

static void *volatile no_slot;
struct hook_watch hook_watch = {&no_slot, NULL};
struct hook_watch hook_life = {&no_slot, NULL};

/* False: the real functions are being looked for right now (dlsym allocates). */
ALWAYS bool ready(void)
{
	if (hook_likely(hook_real.malloc != NULL && hook_real.free != NULL))
		return true;
	hook_resolve();
	return hook_real.malloc != NULL && hook_real.free != NULL;
}

#define CALL(function, ...) \
	({ \
		__typeof__(hook_real.function(__VA_ARGS__)) result_; \
		hook_tls.in_real++; \
		result_ = hook_real.function(__VA_ARGS__); \
		hook_tls.in_real--; \
		result_; \
	})

ALWAYS void publish(struct hook_thread *t, unsigned kind, const void *p, size_t size,
		    struct hook_caller caller)
{
	if (hook_likely(t->object_depth == 0) ||
	    !python_nested_alloc(t, kind, p, size, caller))
		hook_event_alloc(t, kind, p, size, caller);
	hook_leave(t);
}

NOINLINE void made_slow(unsigned kind, const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *t;

	if (hook_is_sample()) {
		hook_sample_made(kind, p, size, caller);
		return;
	}
	t = hook_enter_alloc_slow((uintptr_t)caller.frame);
	if (t != NULL)
		publish(t, kind, p, size, caller);
}

ALWAYS void made(unsigned kind, const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *t;

	if (p == NULL)
		return;
	t = hook_enter_quick();
	if (hook_likely(t != NULL))
		publish(t, kind, p, size, caller);
	else if (!hook_sample_passes(size))
		made_slow(kind, p, size, caller);
}

ALWAYS void publish_end(struct hook_thread *t, const void *p)
{
	hook_life_check(t);
	if (hook_likely(t->object_depth == 0) || !python_nested_free(t, p))
		hook_event_free(t, MP_ALLOC_MALLOC, p);
	hook_leave(t);
}

NOINLINE void ends_slow(const void *p, uintptr_t frame)
{
	struct hook_thread *t;

	if (hook_is_sample()) {
		if (hook_unlikely(hook_sample_maybe(p)))
			hook_sample_ends(MP_ALLOC_MALLOC, p);
		return;
	}
	t = hook_enter_slow(frame);
	if (t != NULL)
		publish_end(t, p);
}

ALWAYS void ends(const void *p)
{
	struct hook_thread *t = hook_enter_quick();

	if (hook_likely(t != NULL))
		publish_end(t, p);
	else if (!hook_samples() || hook_sample_maybe(p))
		ends_slow(p, (uintptr_t)__builtin_frame_address(0));
}

void *hook_malloc(size_t size)
{
	void *p;

	if (hook_unlikely(!ready()))
		return hook_early_alloc(size, 16);
	hook_watch_check();
	p = CALL(malloc, size);
	made(MP_ALLOC_MALLOC, p, size, HOOK_CALLER);
	return p;
}
HOOK_EXPORT_AS(malloc);

void *hook_calloc(size_t n, size_t each)
{
	size_t size;
	bool over = __builtin_mul_overflow(n, each, &size);
	void *p;

	if (hook_unlikely(!ready()))
		return over ? NULL : hook_early_alloc(size, 16);
	hook_watch_check();
	if (hook_unlikely(over))
		return hook_real.calloc(n, each);
	if (hook_unlikely(size >= LARGE))
		hook_intent(MP_ALLOC_CALLOC, size, HOOK_CALLER);
	p = CALL(calloc, n, each);
	made(MP_ALLOC_CALLOC, p, size, HOOK_CALLER);
	if (hook_unlikely(size >= LARGE) && (p == NULL || hook_is_paused()))
		hook_intent_undone(MP_ALLOC_CALLOC);
	return p;
}
HOOK_EXPORT_AS(calloc);

void hook_free(void *p)
{
	if (p == NULL || hook_unlikely(hook_is_early(p)))
		return;
	if (hook_unlikely(!ready()))
		return;
	ends(p);
	hook_tls.in_real++;
	hook_real.free(p);
	hook_tls.in_real--;
}
HOOK_EXPORT_AS(free);

HOOK_EXPORT void cfree(void *p);
HOOK_EXPORT void cfree(void *p)
{
	hook_free(p);
}

HOOK_EXPORT void free_sized(void *p, size_t size);
HOOK_EXPORT void free_sized(void *p, size_t size)
{
	if (hook_real.free_sized == NULL || p == NULL || hook_is_early(p)) {
		hook_free(p);
		return;
	}
	ends(p);
	hook_real.free_sized(p, size);
}

HOOK_EXPORT void free_aligned_sized(void *p, size_t align, size_t size);
HOOK_EXPORT void free_aligned_sized(void *p, size_t align, size_t size)
{
	if (hook_real.free_aligned_sized == NULL || p == NULL || hook_is_early(p)) {
		hook_free(p);
		return;
	}
	ends(p);
	hook_real.free_aligned_sized(p, align, size);
}

/* ---- realloc ---- */

HOOK_COLD static void *move_early(void *old, size_t size)
{
	size_t had = hook_early_size(old);
	void *p = hook_malloc(size);

	if (p != NULL)
		memcpy(p, old, had < size ? had : size);
	return p;
}

/* True: a BEGIN was published, END or UNDO is due. */
ALWAYS bool realloc_begins(unsigned kind, const void *old, size_t size,
			   struct hook_caller caller)
{
	struct hook_thread *t = hook_enter();
	bool begun;

	if (t == NULL)
		return false;
	hook_life_check(t);
	begun = hook_likely(t->object_depth == 0) || !python_nested_realloc(t, old, size);
	if (begun) {
		if (hook_unlikely(size >= LARGE))
			hook_event_intent(t, kind, size, caller);
		hook_event_begin(t, kind, old, size);
	}
	hook_leave(t);
	return begun;
}

ALWAYS void realloc_ends(unsigned kind, const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *t = hook_enter_alloc();

	if (t == NULL) {
		hook_realloc_unseen(kind, p != NULL || size == 0);
		return;
	}
	if (p != NULL || size == 0)
		hook_event_end(t, kind, p, size, caller);
	else
		hook_event_undo(t, kind);
	hook_leave(t);
}

NOINLINE void *sampled_realloc(unsigned kind, void *old, size_t size, struct hook_caller caller)
{
	bool object = hook_sample_is_object(size, caller), begun = false;
	void *p;

	if (hook_likely(!object))
		begun = hook_sample_begins(kind, old, size);
	p = CALL(realloc, old, size);
	if (hook_likely(!object))
		hook_sample_resized(kind, old, begun, p, size, caller);
	return p;
}

void *hook_realloc(void *old, size_t size)
{
	bool begun;
	void *p;

	if (hook_unlikely(!ready()))
		return old == NULL ? hook_early_alloc(size, 16) : move_early(old, size);
	if (hook_unlikely(hook_is_early(old)))
		return move_early(old, size);
	hook_watch_check();
	if (old == NULL) {
		p = CALL(realloc, NULL, size);
		made(MP_ALLOC_REALLOC, p, size, HOOK_CALLER);
		return p;
	}
	if (hook_unlikely(!hook_records_all()) && hook_is_sample())
		return sampled_realloc(MP_ALLOC_REALLOC, old, size, HOOK_CALLER);
	begun = realloc_begins(MP_ALLOC_REALLOC, old, size, HOOK_CALLER);
	p = CALL(realloc, old, size);
	if (begun)
		realloc_ends(MP_ALLOC_REALLOC, p, size, HOOK_CALLER);
	return p;
}
HOOK_EXPORT_AS(realloc);

void *hook_reallocarray(void *old, size_t n, size_t each)
{
	size_t size;
	bool begun;
	void *p;

	if (__builtin_mul_overflow(n, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	if (hook_unlikely(!ready() || hook_is_early(old)))
		return hook_realloc(old, size);
	if (old == NULL) {
		p = CALL(realloc, NULL, size);
		made(MP_ALLOC_REALLOCARRAY, p, size, HOOK_CALLER);
		return p;
	}
	if (hook_unlikely(!hook_records_all()) && hook_is_sample())
		return sampled_realloc(MP_ALLOC_REALLOCARRAY, old, size, HOOK_CALLER);
	begun = realloc_begins(MP_ALLOC_REALLOCARRAY, old, size, HOOK_CALLER);
	p = CALL(realloc, old, size);
	if (begun)
		realloc_ends(MP_ALLOC_REALLOCARRAY, p, size, HOOK_CALLER);
	return p;
}
HOOK_EXPORT_AS(reallocarray);

/* ---- aligned ---- */

int hook_posix_memalign(void **out, size_t align, size_t size)
{
	int error;

	if (hook_unlikely(!ready() || hook_real.posix_memalign == NULL))
		return ENOMEM;
	error = CALL(posix_memalign, out, align, size);
	if (error == 0)
		made(MP_ALLOC_POSIX_MEMALIGN, *out, size, HOOK_CALLER);
	return error;
}
HOOK_EXPORT_AS(posix_memalign);

#define ALIGNED(name, kind) \
	void *hook_##name(size_t align, size_t size) \
	{ \
		void *p; \
\
		if (hook_unlikely(!ready() || hook_real.name == NULL)) \
			return hook_early_alloc(size, align); \
		p = CALL(name, align, size); \
		made(kind, p, size, HOOK_CALLER); \
		return p; \
	} \
	HOOK_EXPORT_AS(name)
ALIGNED(aligned_alloc, MP_ALLOC_ALIGNED_ALLOC);
ALIGNED(memalign, MP_ALLOC_MEMALIGN);

#define PAGES(name, kind) \
	void *hook_##name(size_t size) \
	{ \
		void *p; \
\
		if (hook_unlikely(!ready() || hook_real.name == NULL)) \
			return hook_early_alloc(size, 4096); \
		p = CALL(name, size); \
		made(kind, p, size, HOOK_CALLER); \
		return p; \
	} \
	HOOK_EXPORT_AS(name)
PAGES(valloc, MP_ALLOC_VALLOC);
PAGES(pvalloc, MP_ALLOC_PVALLOC);

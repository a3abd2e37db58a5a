/* python_sample.c - the wrappers of CPython's object allocators for a sample: as those of
 * python_alloc.c, but what is not sampled costs a countdown, or the look at a byte.
 *
 * Invariant: an object is met once, by the outermost wrapper.  While it calls the original
 * function, object_frame and object_size tell the wrappers and malloc.c below what it
 * makes; what else is allocated down there is met for itself.  A block that is freed or
 * resized below is never one that was recorded: the outermost wrapper has dropped it.
 */
#include "python.h"

#define ALWAYS static inline __attribute__((always_inline))

/* False: it is part of an object that another wrapper makes. */
ALWAYS bool open_object(size_t size, struct hook_caller caller)
{
	struct hook_tls *tls = &hook_tls;

	if (hook_unlikely(tls->object_frame != 0) && hook_sample_is_object(size, caller))
		return false;
	tls->object_size = size;
	tls->object_frame = (uintptr_t)caller.frame;
	return true;
}

ALWAYS void close_object(void)
{
	hook_tls.object_frame = 0;
}

static HOOK_COLD void *wrap_malloc_slow(struct python_original *o, unsigned kind, void *ctx,
					size_t size, struct hook_caller caller)
{
	bool due;
	void *p;

	if (!open_object(size, caller))
		return o->malloc(ctx, size);
	due = hook_sample_due(size);
	p = o->malloc(ctx, size);
	close_object();
	if (hook_unlikely(due))
		hook_sample_record(kind, p, size, caller);
	return p;
}

/* Nearly always nothing is at work, and nothing is due. */
ALWAYS void *wrap_malloc(struct python_original *o, unsigned kind, void *ctx, size_t size,
			 struct hook_caller caller)
{
	struct hook_tls *tls = &hook_tls;
	void *p;

	if (hook_unlikely(tls->object_frame != 0 || !size || tls->countdown < (int64_t)size))
		return wrap_malloc_slow(o, kind, ctx, size, caller);
	tls->countdown -= (int64_t)size;
	tls->object_size = size;
	tls->object_frame = (uintptr_t)caller.frame;
	p = o->malloc(ctx, size);
	close_object();
	return p;
}

static void *wrap_calloc(struct python_original *o, unsigned kind, void *ctx, size_t n,
			 size_t each, struct hook_caller caller)
{
	size_t size;
	bool due;
	void *p;

	if (__builtin_mul_overflow(n, each, &size) || !open_object(size, caller))
		return o->calloc(ctx, n, each);
	due = hook_sample_due(size);
	p = o->calloc(ctx, n, each);
	close_object();
	if (hook_unlikely(due))
		hook_sample_record(kind, p, size, caller);
	return p;
}

static void *wrap_realloc(struct python_original *o, unsigned kind, void *ctx, void *old,
			  size_t size, struct hook_caller caller)
{
	bool begun;
	void *p;

	if (!open_object(size, caller))
		return o->realloc(ctx, old, size);
	begun = old && hook_sample_begins(kind, old, size);
	p = o->realloc(ctx, old, size);
	close_object();
	hook_sample_resized(kind, old, begun, p, size, caller);
	return p;
}

static HOOK_COLD void wrap_free_slow(struct python_original *o, unsigned kind, void *ctx, void *p)
{
	if (p)
		hook_sample_ends(kind, p);
	o->free(ctx, p);
}

ALWAYS void wrap_free(struct python_original *o, unsigned kind, void *ctx, void *p)
{
	if (hook_unlikely(hook_sample_maybe(p)))
		wrap_free_slow(o, kind, ctx, p);
	else
		o->free(ctx, p);
}

/* ---- the functions themselves ----------------------------------------------------------- */

#define WRAPPERS(domain, DOMAIN, g) \
	static void *domain##_malloc_##g(void *ctx, size_t size) \
	{ \
		return wrap_malloc(&python_original[PYTHON_##DOMAIN][g], \
				   MP_ALLOC_PY##DOMAIN##_MALLOC, ctx, size, HOOK_CALLER); \
	} \
	static void *domain##_calloc_##g(void *ctx, size_t n, size_t size) \
	{ \
		return wrap_calloc(&python_original[PYTHON_##DOMAIN][g], \
				   MP_ALLOC_PY##DOMAIN##_CALLOC, ctx, n, size, HOOK_CALLER); \
	} \
	static void *domain##_realloc_##g(void *ctx, void *p, size_t size) \
	{ \
		return wrap_realloc(&python_original[PYTHON_##DOMAIN][g], \
				    MP_ALLOC_PY##DOMAIN##_REALLOC, ctx, p, size, HOOK_CALLER); \
	} \
	static void domain##_free_##g(void *ctx, void *p) \
	{ \
		wrap_free(&python_original[PYTHON_##DOMAIN][g], \
			  MP_ALLOC_PY##DOMAIN##_MALLOC, ctx, p); \
	}
#define GENERATION(g) \
	WRAPPERS(mem, MEM, g) \
	WRAPPERS(object, OBJECT, g)

GENERATION(0)
GENERATION(1)
GENERATION(2)
GENERATION(3)

#define TABLE(domain, g) \
	{ NULL, domain##_malloc_##g, domain##_calloc_##g, domain##_realloc_##g, domain##_free_##g }

struct python_allocator python_sampled_wrappers(unsigned domain, unsigned generation)
{
	static const struct python_allocator all[PYTHON_DOMAINS][PYTHON_GENERATIONS] = {
		{ TABLE(mem, 0), TABLE(mem, 1), TABLE(mem, 2), TABLE(mem, 3) },
		{ TABLE(object, 0), TABLE(object, 1), TABLE(object, 2), TABLE(object, 3) },
	};

	return all[domain][generation];
}

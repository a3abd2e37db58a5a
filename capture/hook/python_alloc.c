/* python_alloc.c - wrappers round CPython's object allocators (domains MEM and
 * OBJ; RAW is malloc, which malloc.c sees).
 *
 * The interpreter may replace the wrappers at any time, so each generation has
 * its own functions and originals, and any torn mix of old and new function
 * pointers is valid: the context pointer never changes.  A block is counted
 * once: what happens to the same block further down (in malloc.c, or in an older
 * generation below us) is dropped, everything else down there is recorded.
 */
#include "python.h"

#define ALWAYS static inline __attribute__((always_inline))

struct python_original python_original[PYTHON_DOMAINS][PYTHON_GENERATIONS];

enum {
	/* The debug hooks put 16 bytes before a block, twice where their block comes
	 * from the wrapped malloc, and fewer than 64 round it. */
	FRONT = 16, ROUND = 64,
};

/* ---- the calls of this thread ----------------------------------------------------- */

static HOOK_COLD void release(struct hook_thread *t, struct python_call *call, uint32_t i,
			      uint32_t stack)
{
	hook_event_alloc_stack(t, MP_REC_ALLOC, call->hold[i].kind,
			       (const void *)call->hold[i].address, call->hold[i].size, stack);
	call->hold[i] = call->hold[--call->held];
}

/* Publishes what a call still holds. */
static HOOK_COLD void release_all(struct hook_thread *t, struct python_call *call,
				  struct hook_caller caller)
{
	uint32_t stack = hook_stack(t, caller);

	while (call->held)
		release(t, call, 0, stack);
}

/* A signal handler has jumped out of calls that are deeper than we are. */
static HOOK_COLD void drop_dead(struct hook_thread *t, struct hook_caller caller)
{
	struct python_call *call = python_thread(t)->call;

	while (t->object_depth && call[t->object_depth - 1].frame <= (uintptr_t)caller.frame)
		release_all(t, &call[--t->object_depth], caller);
}

/* Opens a call; inside an event.  NULL: too many, then it goes unmarked. */
ALWAYS struct python_call *push(struct hook_thread *t, struct python_original *original,
				const void *old, size_t size, bool makes,
				struct hook_caller caller)
{
	struct python_call *call = python_thread(t)->call;
	uint32_t depth = t->object_depth;

	if (hook_unlikely(depth >= PYTHON_CALLS))
		return NULL;
	call += depth;
	call->frame = (uintptr_t)caller.frame;
	call->original = original;
	call->old = (uintptr_t)old;
	call->size = size;
	call->makes = makes;
	call->held = 0;
	t->object_depth = depth + 1;
	return call;
}

ALWAYS struct hook_thread *enter(struct hook_caller caller)
{
	struct hook_thread *t = hook_enter();

	if (t && hook_unlikely(t->object_depth))
		drop_dead(t, caller);
	return t;
}

/* The calls's block is P: what was allocated for it is no block of its own. */
static HOOK_COLD void settle(struct hook_thread *t, struct python_call *call, const void *p,
			     struct hook_caller caller)
{
	uintptr_t address = (uintptr_t)p;

	for (uint32_t i = 0; i < call->held; i++) {
		uintptr_t from = call->hold[i].address;

		if (!p || address < from || address - from >= call->hold[i].size)
			continue;
		if (address != from)
			atomic_store_explicit(&call->original->front, (uint32_t)(address - from),
					      memory_order_relaxed);
		call->hold[i] = call->hold[--call->held];
		break;
	}
	if (call->held)
		release_all(t, call, caller);
}

/* Is ADDRESS, freed or resized within CALL, the block CALL is about? */
static bool same(const struct python_call *call, uintptr_t address)
{
	uintptr_t front = call->old - address;

	return call->old && (front == 0 || front == FRONT ||
			     (front && front == atomic_load_explicit(&call->original->front,
								     memory_order_relaxed)));
}

/* ---- asked by malloc.c and by wrappers within wrappers ------------------------------ */

bool python_nested_alloc(struct hook_thread *t, unsigned kind, const void *address, size_t size,
			 struct hook_caller caller)
{
	struct python_call *call = &python_thread(t)->call[t->object_depth - 1];

	(void)caller;
	if (!call->makes || size < call->size || size - call->size >= ROUND ||
	    call->held == PYTHON_HELD)
		return false;
	call->hold[call->held].address = (uintptr_t)address;
	call->hold[call->held].size = size ? size : 1;
	call->hold[call->held++].kind = kind;
	return true;
}

bool python_nested_free(struct hook_thread *t, const void *address)
{
	struct python_call *call = &python_thread(t)->call[t->object_depth - 1];

	for (uint32_t i = 0; hook_unlikely(i < call->held); i++)
		if (call->hold[i].address == (uintptr_t)address) {
			release(t, call, i, 0);
			return false;
		}
	return same(call, (uintptr_t)address);
}

bool python_nested_realloc(struct hook_thread *t, const void *old, size_t size)
{
	(void)size;
	return python_nested_free(t, old);
}

/* ---- what a wrapper does -------------------------------------------------------------- */

ALWAYS void made(struct hook_thread *t, struct python_call *call, unsigned kind, const void *p,
		 size_t size, struct hook_caller caller)
{
	t->object_depth--;
	if (hook_unlikely(call->held))
		settle(t, call, p, caller);
	if (p && (hook_likely(!t->object_depth) ||
		  !python_nested_alloc(t, kind, p, size, caller)))
		hook_event_alloc(t, kind, p, size, caller);
}

/* The end of a call: t is still the state of this thread at this depth.  While paused
 * nothing is recorded of it, nor of what it holds: from then on no free is missed. */
ALWAYS void finish_alloc(struct hook_thread *t, struct python_call *call, unsigned kind,
			 const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *now = hook_enter_alloc();

	if (hook_likely(now == t)) {
		made(t, call, kind, p, size, caller);
		hook_leave(t);
	} else {
		t->object_depth--;
		if (now)
			hook_leave(now);
	}
}

ALWAYS void *wrap_malloc(struct python_original *o, unsigned kind, void *ctx, size_t size,
			 struct hook_caller caller)
{
	struct hook_thread *t = enter(caller);
	struct python_call *call;
	void *p;

	if (!t)
		return o->malloc(ctx, size);
	call = push(t, o, NULL, size, true, caller);
	hook_leave(t);
	p = o->malloc(ctx, size);
	if (call)
		finish_alloc(t, call, kind, p, size, caller);
	return p;
}

ALWAYS void *wrap_calloc(struct python_original *o, unsigned kind, void *ctx, size_t n,
			 size_t each, struct hook_caller caller)
{
	struct hook_thread *t = enter(caller);
	struct python_call *call;
	size_t size;
	void *p;

	if (!t || __builtin_mul_overflow(n, each, &size)) {
		if (t)
			hook_leave(t);
		return o->calloc(ctx, n, each);
	}
	call = push(t, o, NULL, size, true, caller);
	hook_leave(t);
	p = o->calloc(ctx, n, each);
	if (call)
		finish_alloc(t, call, kind, p, size, caller);
	return p;
}

/* The end of a realloc; begun: its BEGIN was published. */
static void resized(struct hook_thread *t, struct python_call *call, bool begun, unsigned kind,
		    const void *p, size_t size, struct hook_caller caller)
{
	struct hook_thread *now = hook_enter_alloc();

	t->object_depth--;
	if (begun && !now)
		hook_realloc_unseen(kind, p != NULL);
	if (now == t) {
		if (call->held)
			settle(t, call, p, caller);
		if (begun && p)
			hook_event_end(t, kind, p, size, caller);
		else if (begun)
			hook_event_undo(t, kind);
	}
	if (now)
		hook_leave(now);
}

static void *wrap_realloc(struct python_original *o, unsigned kind, void *ctx, void *old,
			  size_t size, struct hook_caller caller)
{
	struct hook_thread *t = enter(caller);
	struct python_call *call;
	bool begun;
	void *p;

	if (!t)
		return o->realloc(ctx, old, size);
	if (!old) {
		call = push(t, o, NULL, size, true, caller);
		hook_leave(t);
		p = o->realloc(ctx, old, size);
		if (call)
			finish_alloc(t, call, kind, p, size, caller);
		return p;
	}
	hook_life_check(t);
	begun = !t->object_depth || !python_nested_realloc(t, old, size);
	if (begun)
		hook_event_begin(t, kind, old, size);
	call = push(t, o, old, size, true, caller);
	hook_leave(t);
	p = o->realloc(ctx, old, size);
	if (call)
		resized(t, call, begun, kind, p, size, caller);
	return p;
}

ALWAYS void wrap_free(struct python_original *o, unsigned kind, void *ctx, void *p,
		      struct hook_caller caller)
{
	struct hook_thread *t = p ? enter(caller) : NULL;
	struct python_call *call;

	if (!t) {
		o->free(ctx, p);
		return;
	}
	hook_life_check(t);
	if (hook_likely(!t->object_depth) || !python_nested_free(t, p))
		hook_event_free(t, kind, p);
	call = push(t, o, p, 0, false, caller);
	hook_leave(t);
	o->free(ctx, p);
	if (call)
		t->object_depth--;
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
			  MP_ALLOC_PY##DOMAIN##_MALLOC, ctx, p, HOOK_CALLER); \
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

struct python_allocator python_wrappers(unsigned domain, unsigned generation)
{
	static const struct python_allocator all[PYTHON_DOMAINS][PYTHON_GENERATIONS] = {
		{ TABLE(mem, 0), TABLE(mem, 1), TABLE(mem, 2), TABLE(mem, 3) },
		{ TABLE(object, 0), TABLE(object, 1), TABLE(object, 2), TABLE(object, 3) },
	};

	return hook_sampling ? python_sampled_wrappers(domain, generation) : all[domain][generation];
}

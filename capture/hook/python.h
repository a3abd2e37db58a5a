/* python.h - shared by python*.c; the rest of the hook sees hook.h only.
 *
 * Nothing here runs interpreter code, allocates or locks.  Frames are those of
 * the calling thread, read from its own thread state.
 */
#ifndef MP_PYTHON_H
#define MP_PYTHON_H

#include "hook.h"
#include "python_offsets.h"

enum {
	PYTHON_CALLS = 6,       /* object allocators within one another */
	PYTHON_HELD = 2,
	PYTHON_DYING = 4,
	PYTHON_CACHE = 256,     /* code objects, per thread */
};

struct python {
	const struct python_offsets *_Atomic offsets;   /* NULL: no frames; set last */
	unsigned minor;
	const char *runtime;                    /* _PyRuntime; NULL: no interpreter */
	const void *code_type;                  /* PyCode_Type */
	const void *(*current)(void);           /* from 3.12: the thread's own variable */
	const void *(*gilstate)(void);
	/* The thread state that finalises the interpreter, NULL while none does. */
	void *_Atomic const *finalizing;
};
extern struct python mp_python;

/* The original functions behind one generation of wrappers of one domain. */
struct python_original {
	void *(*malloc)(void *ctx, size_t size);
	void *(*calloc)(void *ctx, size_t n, size_t size);
	void *(*realloc)(void *ctx, void *p, size_t size);
	void (*free)(void *ctx, void *p);
	/* Bytes the debug hooks put in front of a block that came from malloc,
	 * learned from such blocks. */
	_Atomic uint32_t front;
};

/* An object allocator at work in this thread. */
struct python_call {
	uintptr_t frame;        /* of the wrapper: tells calls that were jumped out of */
	struct python_original *original;
	uintptr_t old;          /* the block being freed or resized, 0: none */
	size_t size;            /* of the block being made */
	bool makes;             /* malloc, calloc, realloc */
	uint32_t held;
	/* Allocations made for this one and not published yet: each is dropped if
	 * the block turns out to lie in it. */
	struct { uintptr_t address; size_t size; uint32_t kind; } hold[PYTHON_HELD];
};

struct python_cached {
	const void *code;
	uint32_t id, generation;
};

/* hook_thread.python; hook_thread.object_depth says how many calls are in use. */
struct python_thread {
	uint32_t dying_depth;
	struct { const void *code; uintptr_t frame; uint32_t id; } dying[PYTHON_DYING];
	struct python_call call[PYTHON_CALLS];
	struct python_cached cache[PYTHON_CACHE];
};
_Static_assert(sizeof(struct python_thread) <= HOOK_PYTHON_WORDS * 8, "hook.h: too few words");

static inline struct python_thread *python_thread(struct hook_thread *t)
{
	return (struct python_thread *)t->python;
}

static inline const void *python_field(const void *base, ptrdiff_t offset)
{
	return (const char *)base + offset;
}
static inline const char *python_pointer(const void *base, ptrdiff_t offset)
{
	return *(const char *const *)python_field(base, offset);
}

/* ---- python_code.c ---- */
/* Puts our destructor of code objects behind this field of PyCode_Type. */
bool python_code_setup(void **destructor);
void python_code_forked(void);
/* The id of a code object that a frame of this thread holds; CODE is published
 * before the id is known to anybody.  *dying: it must not be read any more.
 * 0: none could be had. */
uint32_t python_code_id(struct hook_thread *, const void *code, bool *dying);

/* Moves when an id dies: what threads have cached before is void. */
extern _Atomic uint32_t python_generation;

static inline uint32_t python_code_hash(const void *code)
{
	return (uint32_t)(((uintptr_t)code >> 4) * 0x9E3779B97F4A7C15ull >> 40);
}

static inline struct python_cached *python_cached(struct python_thread *py, const void *code)
{
	return &py->cache[python_code_hash(code) % PYTHON_CACHE];
}

/* ---- python_alloc.c: PyMemAllocatorEx as CPython has it ---- */
struct python_allocator {
	void *ctx;
	void *(*malloc)(void *ctx, size_t size);
	void *(*calloc)(void *ctx, size_t n, size_t size);
	void *(*realloc)(void *ctx, void *p, size_t size);
	void (*free)(void *ctx, void *p);
};
enum { PYTHON_MEM, PYTHON_OBJECT, PYTHON_DOMAINS, PYTHON_GENERATIONS = 4 };
/* The wrappers of a generation, and what they call. */
struct python_allocator python_wrappers(unsigned domain, unsigned generation);
struct python_allocator python_sampled_wrappers(unsigned domain, unsigned generation);
extern struct python_original python_original[PYTHON_DOMAINS][PYTHON_GENERATIONS];

/* ---- python_slots.c ---- */
bool python_slots_install(void);

/* ---- python_walk.c ---- */
/* Whether STATE, which is alive, is that of the calling thread. */
bool python_is_own(const void *state);

/* ---- python.c ---- */
bool python_initialized(void);

#endif

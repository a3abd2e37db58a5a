/* hook.h - inside the library that is preloaded into a traced program.
 *
 * Nothing here allocates from the heap, takes a lock, prints, changes errno or
 * makes a system call per event.  Whatever fails switches tracing off (or
 * drops and counts an event); the program runs on.
 *
 * An event is written between hook_enter() and hook_leave(), never while the
 * program's own function runs:
 *
 *      p = real(n);
 *      t = hook_enter();
 *      if (t) {
 *              hook_event_alloc(t, kind, p, n, HOOK_CALLER);
 *              hook_leave(t);
 *      }
 *      return p;
 *
 * A signal handler that allocates between the two gets another hook_thread
 * (the next depth) with its own slot, so a half-written record is never mixed
 * with another.
 */
#ifndef MP_HOOK_H
#define MP_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "arch.h"
#include "ring.h"
#include "wire.h"

#define HOOK_EXPORT __attribute__((visibility("default")))
#define HOOK_COLD __attribute__((cold, noinline))
#define hook_likely(x) __builtin_expect(!!(x), 1)
#define hook_unlikely(x) __builtin_expect(!!(x), 0)

enum {
	HOOK_DEPTHS = 4,                /* signal handlers on top of each other; deeper: lost */
	HOOK_FRAMES_MAX = 1024,         /* native and Python each; more is CUT */
	HOOK_PYTHON_WORDS = 640,        /* per-thread words of python*.c, zero at first */
};

/* A Python frame as it is read from the interpreter; innermost first. */
struct py_raw {
	uint32_t code;          /* id of a CODE record published before */
	uint32_t entry;         /* as in struct mp_rec_frame */
	uint64_t instr;         /* instruction pointer: code and instr give the line */
	const void *object;     /* the code object */
};

struct hook_stacks;             /* stack.c */
struct hook_walk;               /* unwind.c */
struct python_stack;            /* python_walk.c */
struct hook_check;              /* check.c */

struct hook_thread {
	/* writer (ring.c): private to the hook_thread */
	uint64_t *write;        /* where the next record goes; NULL: no chunk yet */
	uint64_t *limit;        /* first word that may not be used (the last holds NEXT) */
	uint64_t tail;          /* bytes published, as slot->tail */
	struct mp_slot *slot;   /* NULL: none could be had */
	/* for python*.c: how many of its allocator wrappers are running the
	 * original function now.  malloc.c asks python_nested_*() while it is not 0. */
	uint32_t object_depth;
	uint32_t depth;         /* 0: the thread itself; n: the n-th signal handler on it */
	uintptr_t frame;        /* stack pointer at hook_enter(), 0: not inside */
	struct hook_stacks *stacks;
	struct hook_walk *walk; /* unwind.c: the last stack */
	struct python_stack *python_stack;      /* python_walk.c: likewise */
	struct hook_check *check;
	struct hook_thread *above;      /* depth + 1, made when first needed */
	struct hook_thread *next;       /* all depth-0 threads of the image */
	pthread_mutex_t alive;  /* robust: says whether the state may be reused */
	_Atomic uint32_t unowned;       /* 1: reusable in spite of `alive` (after fork) */
	uint64_t lost_events, lost_bytes;       /* not yet reported by a LOST record */
	uint32_t tid;
	uint32_t dropping;      /* the wait for space was in vain: do not wait again */
	uint32_t own_chunk;     /* WRITE lies in it */
	uint32_t chunk;         /* ring.c: the one that follows */
	uint32_t turning;       /* it is the same, and its NEXT has not been read yet */
	uint32_t begun;         /* BEGINs whose END or UNDO is due */
	uint32_t begin_lost;    /* bit n: the n-th of them was dropped */
	uintptr_t known, known_end;     /* this part of a stack is readable */
	uint32_t ground;        /* moves when known is no longer what it was plus more */
	uint32_t in_fork;       /* fork() of ours will say what became of it */
	uint32_t last_module;   /* modules.c: where the last address was found */
	void *robust_list;      /* the thread's list of robust mutexes */
	void *scratch;          /* exec: room for argv and envp */
	size_t scratch_size;
	uint64_t python[HOOK_PYTHON_WORDS];
	struct py_raw frames[HOOK_FRAMES_MAX];
	uint64_t native[HOOK_FRAMES_MAX];
};

static inline uint64_t hook_mix(uint64_t h, uint64_t x)
{
	unsigned __int128 m = (unsigned __int128)(h ^ x) * 0x9E3779B97F4A7C15ull;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* ---- off, on, forked ----
 * The word lies in a page that fork wipes, so one load tells "on" and nothing else;
 * "off", "forked child" and whatever else there is fall on the same slow path. */

enum {
	HOOK_OFF = 0,
	HOOK_ON = 1,
	HOOK_DUE = 2,           /* python_loaded() is to be called before the next event */
	HOOK_PAUSED = 4,        /* allocations are not recorded, frees are */
	HOOK_SAMPLED = 8,       /* hook_sampling: what is not sampled does not enter */
};
extern struct hook_page {
	_Atomic uint32_t on;
	char fill[ARCH_PAGE_MAX - sizeof(uint32_t)];
} hook_page;

struct hook_tls {
	struct hook_thread *thread;     /* of depth 0 */
	uint32_t depth;                 /* hook_enter()s not left */
	uint32_t in_real;               /* inside the real allocator: its mmaps are its own */
	int64_t countdown;              /* sample.c: bytes up to the next that is sampled */
	uint64_t seed;                  /* of the countdowns; 0: none yet */
	uintptr_t object_frame;         /* of a wrapper of python_sample.c at work, 0: none */
	size_t object_size;             /* of the block it makes */
};
extern __thread struct hook_tls hook_tls __attribute__((tls_model("initial-exec")));

extern struct mp_session *hook_session; /* NULL until tracing begins */
extern uint32_t hook_options;           /* MP_OPT_* */
extern uint64_t hook_image;             /* random number of this process image */

struct hook_thread *hook_enter_slow(uintptr_t frame);
struct hook_thread *hook_enter_alloc_slow(uintptr_t frame);

/* NULL unless everything is recorded, and no signal handler is at work. */
static inline __attribute__((always_inline)) struct hook_thread *hook_enter_quick(void)
{
	struct hook_tls *tls = &hook_tls;
	struct hook_thread *t = tls->thread;

	if (hook_unlikely(atomic_load_explicit(&hook_page.on, memory_order_relaxed) !=
				  HOOK_ON ||
			  tls->depth != 0 || t == NULL))
		return NULL;
	t->frame = (uintptr_t)__builtin_frame_address(0);
	tls->depth = 1;
	atomic_signal_fence(memory_order_seq_cst);
	return t;
}

static inline __attribute__((always_inline)) struct hook_thread *
hook_enter_by(struct hook_thread *(*slow)(uintptr_t))
{
	struct hook_thread *t = hook_enter_quick();

	return hook_likely(t != NULL) ? t : slow((uintptr_t)__builtin_frame_address(0));
}

/* NULL when tracing is off or nothing can be recorded; then there is no leave. */
static inline __attribute__((always_inline)) struct hook_thread *hook_enter(void)
{
	return hook_enter_by(hook_enter_slow);
}

/* For what makes a block or a mapping: NULL while recording is paused, too. */
static inline __attribute__((always_inline)) struct hook_thread *hook_enter_alloc(void)
{
	return hook_enter_by(hook_enter_alloc_slow);
}

static inline __attribute__((always_inline)) void hook_leave(struct hook_thread *t)
{
	atomic_signal_fence(memory_order_seq_cst);
	hook_tls.depth = t->depth;
}

/* For good: in this process nothing is recorded any more. */
void hook_stop(void);

/* ---- records ----
 * reserve: room for WORDS (< 8000) words in one chunk, or NULL: dropped, and
 * counted as one event of BYTES if EVENT.  publish: what was written there
 * becomes visible.  Nothing else may be reserved in between. */

uint64_t *hook_reserve_slow(struct hook_thread *, uint32_t words, bool event, uint64_t bytes);

static inline uint64_t *hook_reserve(struct hook_thread *t, uint32_t words, bool event,
				     uint64_t bytes)
{
	uint64_t *w = t->write;

	if (hook_likely((size_t)((const char *)t->limit - (const char *)w) >= words * 8ul))
		return w;
	return hook_reserve_slow(t, words, event, bytes);
}

static inline void hook_publish(struct hook_thread *t, uint32_t words)
{
	t->write += words;
	t->tail += words * 8ull;
	atomic_store_explicit(&t->slot->tail, t->tail, memory_order_release);
}

static inline uint64_t hook_epoch(void)
{
	return atomic_load_explicit(&hook_session->epoch, memory_order_relaxed) & 0xffff;
}

static inline uint32_t hook_stamp(const void *address)
{
	return atomic_fetch_add_explicit(&hook_session->stamp[mp_stripe((uintptr_t)address)], 1,
					 memory_order_acq_rel);
}

/* ---- samples (sample.c): of all allocations some, of the frees those of them ---- */

extern bool hook_sampling;

HOOK_COLD bool hook_sample_draw(size_t size);
/* An allocation of SIZE bytes is made: is it to be recorded?  One of none counts as a byte. */
static inline __attribute__((always_inline)) bool hook_sample_due(size_t size)
{
	hook_tls.countdown -= (int64_t)(size + (size == 0));
	return hook_unlikely(hook_tls.countdown < 0) && hook_sample_draw(size);
}

enum { HOOK_SAMPLE_PLACES = 65536 };
extern _Atomic uint8_t hook_sample_place[HOOK_SAMPLE_PLACES];     /* recorded blocks that live */

/* False: P is none of those. */
static inline bool hook_sample_maybe(const void *p)
{
	return atomic_load_explicit(&hook_sample_place[(uintptr_t)p >> 8 & (HOOK_SAMPLE_PLACES - 1)],
				    memory_order_relaxed) != 0;
}

/* Outside any event.  record: where due() said yes; P may be NULL.  ends: before the free
 * of P, where maybe() said yes.  begins: before a realloc of OLD, true if BEGIN was
 * published; resized: after it. */
HOOK_COLD void hook_sample_record(unsigned kind, const void *p, size_t size, struct hook_caller);
HOOK_COLD void hook_sample_ends(unsigned kind, const void *p);
bool hook_sample_begins(unsigned kind, const void *old, size_t size);
void hook_sample_resized(unsigned kind, const void *old, bool begun, const void *p, size_t size,
			 struct hook_caller);

/* Is CALLER's allocation one of an object allocator at work, and what it makes (of SIZE)? */
HOOK_COLD bool hook_sample_in_object(struct hook_caller);
HOOK_COLD bool hook_sample_is_object(size_t size, struct hook_caller);

/* ---- events (event.c) ----
 * alloc: after the real call, before its result is handed out.  free: before
 * the real call.  begin: before a real realloc; then exactly one of end or
 * undo after it.  None takes a null address. */

void hook_event_alloc(struct hook_thread *, unsigned kind, const void *address, size_t size,
		      struct hook_caller);
void hook_event_free(struct hook_thread *, unsigned kind, const void *address);
void hook_event_begin(struct hook_thread *, unsigned kind, const void *old, size_t size);
void hook_event_end(struct hook_thread *, unsigned kind, const void *address, size_t size,
		    struct hook_caller);
void hook_event_undo(struct hook_thread *, unsigned kind);
/* In place of end and undo where hook_enter_alloc() said no: what was resized (if SUCCEEDED)
 * is gone, what it has become is not recorded.  Outside any event. */
void hook_realloc_unseen(unsigned kind, bool succeeded);
/* A call that may be killed half-way (page faults inside) is about to be made. */
void hook_event_intent(struct hook_thread *, unsigned kind, size_t size, struct hook_caller);
/* The same outside any event, and that it has returned with nothing to record. */
void hook_intent(unsigned kind, size_t size, struct hook_caller);
void hook_intent_undone(unsigned kind);
/* FORK_*, EXEC: W0's address bits are VALUE. */
void hook_event_life(struct hook_thread *, unsigned type, uint64_t value);
/* FINALIZE, MARK: in order with all threads.  NAME has at most 1,024 bytes.  False:
 * there was no room; it is counted as lost. */
bool hook_event_mark(struct hook_thread *, unsigned type, unsigned kind, const char *name,
		     size_t len, int64_t value);
void hook_event_note(struct hook_thread *, const char *text);

/* The id of the stack of CALLER (0: none), defined in the ring if new, and an
 * allocation published with a stack taken earlier. */
uint32_t hook_stack(struct hook_thread *, struct hook_caller);
void hook_event_alloc_stack(struct hook_thread *, unsigned type, unsigned kind,
			    const void *address, size_t size, uint32_t stack);

/* ---- memory and system calls that leave no trace: errno untouched ---- */

void *hook_map(size_t size);            /* zeroed, private; NULL when there is none */
void hook_unmap(void *, size_t size);
long hook_syscall(long number, long, long, long, long, long, long);     /* -errno */

/* ---- modules (modules.c) ----
 * Looked up in our own list of modules, without the dynamic linker's locks;
 * local (RTLD_LOCAL) libraries are found too.  NULL: no module exports it. */
void *hook_find_symbol(const char *name);
void *hook_find_object(const char *name, size_t *size);
/* The library that holds ADDRESS stays for good, dlclose or no. */
void hook_pin(const void *address);
/* Writable segments of the module that holds ADDRESS: the I-th; false: no more. */
bool hook_writable_segment(const void *address, unsigned i, uintptr_t *from, uintptr_t *to);

/* ---- what python*.c provides ---- */

/* Called outside any event, at start and whenever modules were added, until it
 * returns true: an interpreter was found and is wrapped.  May call
 * hook_python_found(). */
bool python_loaded(void);
/* In a forked child before its first event: code ids begin anew. */
void python_forked(void);
/* A hash of the frames of the calling thread, 0: none; they stay with the thread
 * until its next stack.  *flags gets MP_STACK_CUT.  May publish CODE records. */
uint64_t python_walk(struct hook_thread *, unsigned *flags);
void python_forget(struct hook_thread *);        /* the next walk builds on nothing */
/* Those frames, innermost first, at most HOOK_FRAMES_MAX; returns how many. */
unsigned python_frames(const struct hook_thread *, struct py_raw *out);
int32_t python_line(const struct py_raw *);
/* Called by malloc.c inside an event while t->object_depth is not 0.
 * alloc: after the real call; true: it is not to be recorded (or is held back).
 * free, realloc: before the real call; true: it is not to be recorded (of a
 * realloc: neither begin nor end). */
bool python_nested_alloc(struct hook_thread *, unsigned kind, const void *address, size_t size,
			 struct hook_caller);
bool python_nested_free(struct hook_thread *, const void *address);
bool python_nested_realloc(struct hook_thread *, const void *old, size_t size);
/* Slot watch: malloc.c calls python_watch() before a real call, outside any
 * event, when *hook_watch.slot != hook_watch.expect. */
void python_watch(void);

extern struct hook_watch {
	void *volatile *slot;
	void *expect;
} hook_watch;

static inline void hook_watch_check(void)
{
	if (hook_unlikely(*hook_watch.slot != hook_watch.expect))
		python_watch();
}

/* Has the interpreter begun, or ended, to tear itself down?  malloc.c asks inside
 * an event, before a free or a realloc is published. */
void python_life(struct hook_thread *);
extern struct hook_watch hook_life;

static inline void hook_life_check(struct hook_thread *t)
{
	if (hook_unlikely(*hook_life.slot != hook_life.expect))
		python_life(t);
}

/* The interpreter's eval function (0: unknown) and PY_VERSION_HEX >> 16, for the
 * IMAGE record (sent again if it was sent before). */
void hook_python_found(const void *eval, uint32_t version);

#endif

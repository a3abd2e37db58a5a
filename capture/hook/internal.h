/* internal.h - what the native half of the hook shares among its own files.
 * python*.c needs hook.h only. */
#ifndef MP_HOOK_INTERNAL_H
#define MP_HOOK_INTERNAL_H

#include "hook.h"

#include <spawn.h>
#include <stdio.h>

/* ---- init.c ---- */

enum hook_mode {
	HOOK_STARTING,  /* the constructor has not run yet */
	HOOK_TRACING,
	HOOK_PASSIVE,   /* for good */
};
extern enum hook_mode hook_mode;

/* What lies behind our own functions (RTLD_NEXT); NULL where libc has none.
 * malloc comes last: another allocator may need all the rest at its first call. */
#define HOOK_REAL(X) \
	X(void *, mmap, (void *, size_t, int, int, int, off_t)) \
	X(void *, mmap64, (void *, size_t, int, int, int, off64_t)) \
	X(int, munmap, (void *, size_t)) \
	X(void *, mremap, (void *, size_t, size_t, int, void *)) \
	X(int, brk, (void *)) \
	X(void *, sbrk, (intptr_t)) \
	X(pid_t, fork, (void)) \
	X(int, execve, (const char *, char *const[], char *const[])) \
	X(int, execvpe, (const char *, char *const[], char *const[])) \
	X(int, fexecve, (int, char *const[], char *const[])) \
	X(int, execveat, (int, const char *, char *const[], char *const[], int)) \
	X(int, posix_spawn, (pid_t *, const char *, const posix_spawn_file_actions_t *, \
			     const posix_spawnattr_t *, char *const[], char *const[])) \
	X(int, posix_spawnp, (pid_t *, const char *, const posix_spawn_file_actions_t *, \
			      const posix_spawnattr_t *, char *const[], char *const[])) \
	X(int, system, (const char *)) \
	X(FILE *, popen, (const char *, const char *)) \
	X(void *, dlopen, (const char *, int)) \
	X(int, dlclose, (void *)) \
	X(void *, dlsym, (void *, const char *)) \
	X(int, pthread_mutex_trylock, (pthread_mutex_t *)) \
	X(int, pthread_setname_np, (pthread_t, const char *)) \
	X(int, prctl, (int, unsigned long, unsigned long, unsigned long, unsigned long)) \
	X(int, posix_memalign, (void **, size_t, size_t)) \
	X(void *, aligned_alloc, (size_t, size_t)) \
	X(void *, memalign, (size_t, size_t)) \
	X(void *, valloc, (size_t)) \
	X(void *, pvalloc, (size_t)) \
	X(void *, calloc, (size_t, size_t)) \
	X(void *, realloc, (void *, size_t)) \
	X(void *, reallocarray, (void *, size_t, size_t)) \
	X(void, free_sized, (void *, size_t)) \
	X(void, free_aligned_sized, (void *, size_t, size_t)) \
	X(void, cfree, (void *)) \
	X(void, free, (void *)) \
	X(void *, malloc, (size_t))

extern struct hook_real {
#define X(type, name, args) type (*name) args;
	HOOK_REAL(X)
#undef X
} hook_real;

void hook_resolve(void);        /* fills hook_real as far as it can */
extern bool hook_resolved;
void hook_start(void);          /* begins tracing, or goes passive */
/* Memory while the real allocator is not known: an allocator behind ours may
 * allocate while it is being looked for. */
void *hook_early_alloc(size_t size, size_t align);
bool hook_is_early(const void *);
size_t hook_early_size(const void *);

extern char hook_session_env[256];      /* "MP_SESSION=…" */
extern uint32_t hook_pid;
void hook_python_check(void);   /* asks python_loaded() until it says yes */


/* ---- image.c ---- */

void hook_image_begin(void);    /* after exec: reads /proc/self, a new image number */
void hook_image_fork(void);     /* in a forked child: a new image number */
/* IMAGE and MODULE records, once per image, by the first thread that has a slot. */
void hook_announce(struct hook_thread *);

/* ---- ring.c ---- */

void hook_clock_begin(void);
bool hook_claim(struct hook_thread *);  /* slot and first chunk; false: none to be had */
/* Initialises a robust mutex and locks it for the life of the calling thread. */
void hook_lock_for_life(pthread_mutex_t *);
void hook_count_lost(struct hook_thread *, uint64_t events, uint64_t bytes);
/* How far the other slots of this image are.  Returns how many, fills at most MAX. */
uint32_t hook_look_around(const struct hook_thread *, struct mp_rec_cut *, uint32_t max);

/* ---- event.c: mappings ---- */

static inline uint32_t hook_map_stamp(void)
{
	return atomic_fetch_add_explicit(&hook_session->stamp[MP_STAMP_MAPS], 1,
					 memory_order_acq_rel);
}
/* MAP or BREAK, after the real call (a BREAK downwards: before it). */
void hook_event_map(struct hook_thread *, unsigned type, unsigned kind, unsigned flags,
		    const void *address, size_t size, struct hook_caller);
/* Before a call that unmaps; false: dropped, then there is nothing to undo. */
bool hook_event_unmap(struct hook_thread *, unsigned flags, const void *, size_t size);
void hook_event_unmap_undo(struct hook_thread *, unsigned kind);

/* ---- sample.c ---- */

static inline bool hook_samples(void)
{
	return atomic_load_explicit(&hook_page.on, memory_order_relaxed) ==
	       (HOOK_ON | HOOK_SAMPLED);
}

/* Nearly always: an allocation of SIZE bytes is one of a sample that is not recorded. */
static inline bool hook_sample_passes(size_t size)
{
	struct hook_tls *tls = &hook_tls;

	size += size == 0;
	if (!hook_samples() || tls->object_frame != 0 || tls->countdown < (int64_t)size)
		return false;
	tls->countdown -= (int64_t)size;
	return true;
}

void hook_sample_made(unsigned kind, const void *p, size_t size, struct hook_caller);
void hook_sample_forked(void);  /* in a forked child */

static inline bool hook_records_all(void)
{
	return atomic_load_explicit(&hook_page.on, memory_order_relaxed) == HOOK_ON;
}

/* Asked before an event where not all are recorded; tracing may begin with it. */
static inline bool hook_is_sample(void)
{
	struct hook_thread *t = hook_unlikely(hook_mode == HOOK_STARTING) ? hook_enter() : NULL;

	if (t != NULL)
		hook_leave(t);
	return hook_sampling;
}

/* ---- mark.c ---- */

extern _Atomic bool hook_paused;        /* as HOOK_PAUSED, but fork leaves it */
static inline bool hook_is_paused(void)
{
	return atomic_load_explicit(&hook_paused, memory_order_acquire);
}
void hook_pause_forked(void);           /* in a forked child */
void hook_pause_announce(struct hook_thread *); /* a new image begins paused: say so */

/* ---- thread.c ---- */

void hook_fork_child(void);
/* Claims a slot for a state that has none, and says who it is; false: none to be had. */
bool hook_begin_state(struct hook_thread *);
void hook_watch_fork(void);      /* process.c: FORK_BEGIN and FORK_END from now on */
void hook_thread_name(struct hook_thread *);

/* ---- stack.c ---- */

void hook_stacks_reset(struct hook_thread *);
/* ---- unwind.c ---- */

/* A hash over all native frames; they stay with the thread until its next stack. */
uint64_t hook_unwind(struct hook_thread *, struct hook_caller, unsigned *flags);
/* Those frames, innermost first; returns how many. */
unsigned hook_unwind_frames(struct hook_thread *, struct hook_caller, uint64_t *out);
bool hook_unwind_ready(struct hook_thread *);   /* memory for it; false: none */

/* All frames of libgcc's answer, as hook_unwind_frames() has them. */
unsigned hook_unwind_full(struct hook_caller, uint64_t *out, unsigned max, unsigned *flags);

/* ---- check.c ---- */

void hook_check_stack(struct hook_thread *, struct hook_caller, uint64_t native,
		      uint64_t python, unsigned flags);

/* ---- modules.c ---- */

extern _Atomic uint32_t hook_modules_pending;   /* the list may have changed */
extern _Atomic uint32_t hook_generation;        /* counts unloads */
void hook_modules_refresh(struct hook_thread *);        /* takes the linker's lock */
void hook_modules_publish(struct hook_thread *);        /* all, in a new image */
/* Makes ADDRESS's module known to the drain.  False: no module holds it. */
bool hook_module_of(struct hook_thread *, uintptr_t address);
/* Likewise for all frames of one stack, given as return addresses. */
void hook_modules_of(struct hook_thread *, const uint64_t *address, unsigned n);
/* The .eh_frame_hdr that covers ADDRESS; NULL: none. */
const uint8_t *hook_eh_frame_hdr(uintptr_t address);
/* Does the dynamic linker hold ADDRESS?  Its entry has no unwind table. */
bool hook_in_linker(uintptr_t address);
/* Whatever is due after modules came or went; outside any event. */
void hook_modules_changed(void);
/* Path of the module that holds ADDRESS; NULL: none. */
const char *hook_module_path(const void *address, size_t *len);

/* ---- malloc.c, mmap.c: our own functions, whatever the names resolve to ---- */

void *hook_malloc(size_t);
void *hook_calloc(size_t, size_t);
void *hook_realloc(void *, size_t);
void *hook_reallocarray(void *, size_t, size_t);
void hook_free(void *);
int hook_posix_memalign(void **, size_t, size_t);
void *hook_aligned_alloc(size_t, size_t);
void *hook_memalign(size_t, size_t);
void *hook_valloc(size_t);
void *hook_pvalloc(size_t);
void *hook_mmap(void *, size_t, int, int, int, off_t);
void *hook_mmap64(void *, size_t, int, int, int, off64_t);
int hook_munmap(void *, size_t);
void *hook_mremap(void *, size_t, size_t, int, ...);
int hook_brk(void *);
void *hook_sbrk(intptr_t);

/* NAME is exported and is hook_NAME, which the rest of the hook can refer to. */
#define HOOK_EXPORT_AS(name) \
	extern __typeof__(hook_##name) name __attribute__((alias("hook_" #name), \
							  visibility("default")))

#endif

/* sample_native.h - native stacks of a process's threads, for a sampler.
 *
 * A running thread is photographed: its registers and a piece of its stack are copied, by
 * the kernel's perf events or, where those are not permitted, while ptrace holds it, and
 * unwound from the copy.  Of a thread that
 * waits the kernel tells where (/proc/PID/task/TID/syscall); nobody stops it.
 * Invariant: whoever is held is let go, also if this process ends: the kernel does that.
 */
#ifndef MP_SAMPLE_NATIVE_H
#define MP_SAMPLE_NATIVE_H

#include "hook/cfi_step.h"
#include "last.h"
#include "sample_threads.h"
#include "sample_unwind.h"

struct symboliser;
struct stacks;

struct native_counts {
	uint64_t stacks;
	uint64_t cut, torn;             /* not to their outer end */
	uint64_t unjoined;
	uint64_t missed;                /* a running thread could not be copied */
	uint64_t waiting;               /* it was ready to run, but on no CPU */
	uint64_t spared;                /* was not, since those before had their share of the time */
	uint64_t photos;                /* by perf events */
	uint64_t stops, held;           /* by ptrace: how many, and their sum in ns */
};

struct native {                 /* all zero but the first four at first */
	pid_t pid;
	struct mp_tree *tree;
	struct symboliser *symboliser;
	uint32_t process;
	struct stacks *stacks;          /* NULL: not attached */
	bool child;                     /* of this process, which waits for its end */
	struct unwind unwind;
	struct last last;
	struct hook_state state;        /* what was copied of a thread: registers */
	uint8_t *bytes;                 /* and its stack, from state.sp on */
	size_t size, room;
	size_t wanted;                  /* bytes of it that the unwinder asked for */
	uint64_t *address;              /* of the stack being made, innermost first */
	uint64_t began, stopped_at;     /* ns: of the first stop, of this one */
	bool no_perf, holds;            /* not permitted; ptrace holds the one being copied */
	struct photo *photo;
	uint64_t photos;
	uint32_t *late;                 /* threads asked to stop and not let go of yet */
	size_t n_late, late_room;
	uint64_t released;              /* ns: when those were last looked at */
	bool changed;                   /* other files are mapped than native_refresh told of */
	uint64_t look_next;             /* when to see what is mapped */
	uint64_t looked, look_gap;      /* ns of proc_clock: for a stranger's sake; 0: at once */
	struct native_counts counts;
};

void native_counts_add(struct native_counts *to, const struct native_counts *);
/* EVAL: where Python's eval function is, 0: none.  False: no memory. */
bool native_attach(struct native *, uint64_t eval);
void native_eval(struct native *, uint64_t eval);       /* it is there now */
void native_detach(struct native *);
void native_free(struct native *);
/* See, now and then, what is mapped.  True: other files than before. */
bool native_refresh(struct native *, uint64_t now);

/* Copy what T does; until native_end it may be held.  False: it cannot be told. */
bool native_begin(struct native *, const struct os_thread *t);
void native_end(struct native *, const struct os_thread *t);
bool native_room(struct native *, size_t size);        /* in bytes[] */
/* The node of what was copied, with the N Python frames that ran there, innermost
 * first.  0: no memory, or there is nothing. */
uint32_t native_node(struct native *, const uint32_t *location, const bool *entry, size_t n);
/* Threads that stopped late go on; to be called soon while there are any. */
void native_release(struct native *);

/* sample_perf.c.  Registers and stack of thread TID, last seen on CPU, are copied: 1; it is on
 * none: 0; it is not permitted: -1. */
int perf_photo(struct native *, uint32_t tid, unsigned cpu);
void perf_free(struct native *);
/* sample_ptrace.c.  Stopped with its registers in *STATE: 1; not yet: 0; it cannot be: -1.
 * CHILD: it is a child of this process, which waits for its end elsewhere.  *SINCE: not
 * before that, by proc_clock. */
int ptrace_hold(uint32_t tid, bool child, struct hook_state *state, uint64_t *since);
/* False: it was killed in between, and is to be released when it has ended. */
bool ptrace_let_go(uint32_t tid);
/* One that was late, or killed: true if it is done with. */
bool ptrace_release(uint32_t tid, bool child);

#endif

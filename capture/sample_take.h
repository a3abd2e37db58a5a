/* sample_take.h - samples of one process: at each moment what every Python thread of it
 * does, or, with native stacks, every thread, as records of a trace.
 *
 * A stack that changed while it was read is written as it is if each of its calls has
 * been seen in one that did not; if not by the time it is written, it ends at the first
 * call that nobody saw with the frame [torn].  Weights of a thread's samples add up to
 * the time it was watched.
 */
#ifndef MP_SAMPLE_TAKE_H
#define MP_SAMPLE_TAKE_H

#include "sample_code.h"
#include "sample_find.h"
#include "sample_native.h"
#include "sample_other.h"
#include "sample_size.h"
#include "sample_stack.h"
#include "sample_threads.h"
#include "trail.h"

enum { SAMPLE_TICK = 1000, SAMPLE_WHY = 320, SAMPLE_COMMAND = 4096 };    /* ns; bytes */

struct sample_counts {
	uint64_t moments, missed;       /* missed: the lists of threads could not be read */
	uint64_t locked;                /* moments in which a thread held a GIL */
	uint64_t running, idle, torn;
	uint64_t unknown;               /* a state whose thread is not known was left out */
	uint64_t threads;
};

struct doubt { uint64_t call; uint32_t node; };         /* node: of the caller */

struct pending {                /* a sample not written yet */
	uint64_t time, weight, rss;
	uint32_t thread, process, node, state;
	uint32_t doubt, doubts;         /* calls not seen in a stable stack: into doubt[] */
	bool broken;                    /* node is not the innermost frame: that is not known */
};

struct sampler {                /* all zero at first */
	struct mp_writer *writer;
	struct mp_tree *tree;
	pid_t pid;
	bool all_idle, gil_only;
	enum { NATIVE_NEVER, NATIVE_BARE, NATIVE_ALL } native_mode;     /* BARE: without Python */
	uint64_t bare_after;            /* ns without Python until it has none */
	/* For a trace that has the process and its threads already, and its resident set
	 * as a series: own_process, with process and size.rss set by the owner. */
	bool own_process;
	uint32_t (*thread_of)(void *ctx, uint32_t tid, uint64_t now);
	void *thread_ctx;
	bool attached;
	struct interpreter_image image, found;
	struct threads threads;
	struct stack_reader reader;
	struct codes codes;
	struct sample_other *other;     /* a second interpreter; NULL: there is none */
	uint64_t other_next, other_gap; /* when to look for it, how long after that again */
	struct native native;
	struct symboliser *symboliser;  /* the owner's; made when it is needed */
	struct trail trail;
	struct table calls;             /* seen in a stable stack: caller's location, code */
	uint8_t *sure;                  /* by node: all calls of its stack are */
	size_t sure_room;
	struct pending *pending;
	struct doubt *doubt;
	size_t n_pending, n_written, pending_room, n_doubt, doubt_room;
	uint32_t *location;             /* of the stack being made */
	bool *entry;
	uint64_t *call;
	size_t location_room;
	uint32_t process;
	struct sample_size size;
	uint64_t last;                  /* time of the moment before this one */
	struct sample_counts counts;
	bool failed;                    /* memory ran out */
	/* sampler_step's: */
	uint64_t find_next, lost;       /* when to look for it; since when there is none */
	uint64_t bare_since, exe;       /* since when it has no Python; hash of its file's name */
	bool again;                     /* other files were mapped */
	unsigned unread;                /* moments since then */
	char why[SAMPLE_WHY];
};

/* Look for the interpreter in s->pid.  1: found, 0: there is none that can be read (see
 * why), -1: the process cannot be read (see why). */
int sampler_find(struct sampler *);
/* After that was 0: whether it is to be sampled all the same, without Python. */
bool sampler_bare(struct sampler *, uint64_t now);
/* The command line of a process, "" if it cannot be read. */
void sampler_command(pid_t, char line[SAMPLE_COMMAND]);
/* After it was found: begin to sample.  False: it is the one sampled so far. */
bool sampler_attach(struct sampler *, uint64_t now);
/* There is none any more.  What waits is still to be written. */
void sampler_detach(struct sampler *, uint64_t now);
/* Samples of this moment, NOW ns after the trace began.  False: its threads cannot be
 * told; if the interpreter is still there the moment is lost. */
bool sampler_take(struct sampler *, uint64_t now);
/* The same; or the interpreter is looked for, which may come, go and be replaced by
 * another program's: the less often the longer there is none, since it is no small work. */
void sampler_step(struct sampler *, uint64_t now);
/* Moments in which the threads could not be told though the interpreter was there. */
void sampler_lost(struct sampler *);
/* Write what waits, of N samplers of one writer in the order of time: a second late or so,
 * since a stack that was torn may be known by then; at the latest when one is full. */
void samplers_write(struct sampler *const *, size_t n);
bool sampler_is_full(const struct sampler *);
void sample_counts_add(struct sample_counts *to, const struct sample_counts *);
/* Now and then: names that changed, threads that ended while no Python was in them. */
void sampler_names(struct sampler *);
void sampler_free(struct sampler *);

#endif

/* sample_stack.h - the Python frames of one thread, read while it runs.
 *
 * What is read is a guess first: where the frames were the last time, twice in one
 * system call.  A chain that both copies show is whole and of one moment; one that
 * they do not agree on may be torn, and who reads it must doubt it.
 */
#ifndef MP_SAMPLE_STACK_H
#define MP_SAMPLE_STACK_H

#include "sample_threads.h"

struct py_frame {
	uint64_t code;
	int64_t unit;                   /* code unit, negative: not started */
	bool generator;                 /* it belongs to one (from 3.12) */
	bool entry;                     /* the outermost of an activation of the eval function */
};

struct chain {                  /* innermost first */
	struct py_frame *x;
	size_t n, room;
	bool whole;                     /* its outer end was reached */
};

extern const struct chain no_frames;

struct stack_reader {           /* all zero but for the first two */
	pid_t pid;
	const struct interpreter_image *image;
	struct snapshot s;
	struct chain chain[2];
	struct stack_guess next;        /* where the frames are this time */
	size_t known;                   /* pieces that need no guess */
	uint64_t oldest;                /* chunk known of the state being walked */
};

/* The frames of the N states of a thread, those of the newest interpreter innermost.
 * NULL: nothing could be read.  *STABLE: they did not change meanwhile. */
const struct chain *stack_read(struct stack_reader *, const struct py_state *const *state,
		size_t n, struct stack_guess *, size_t state_bytes, bool *stable);
void stack_reader_free(struct stack_reader *);

#endif

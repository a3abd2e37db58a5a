/* import_mojo.h - inside the reader of austin's MOJO: its bytes and messages
 * (import_mojo.c), and what they refer to and become (import_mojo_state.c).
 * Invariant: of the stack at hand, process and thread are known and in the tree.
 */
#ifndef MP_IMPORT_MOJO_H
#define MP_IMPORT_MOJO_H

#include "binary.h"
#include "feed.h"

enum {
	MOJO_TICK = 1000,
	/* what a key refers to, above the process, which needs the bits below */
	MOJO_STRING = 1 << 28, MOJO_FRAME = 2 << 28, MOJO_THREAD = 3 << 28,
	MOJO_PROCESS = 4 << 28,
};

struct mojo_reference { uint64_t key; uint32_t scope, id; };    /* scope 0: empty */

struct mojo_thread {
	uint32_t id;                    /* in the tree */
	uint64_t clock;                 /* ns: when it was sampled last */
	uint32_t *frame;                /* of its last stack, where that may be repeated */
	uint32_t frames, room;
};

struct mojo_process { uint32_t id; int64_t memory; };   /* memory: bytes more than at first */

struct mojo {
	struct mp_feed feed;            /* its line: "austin VERSION" */
	struct mp_tree *tree;
	size_t at;                      /* into the message at hand */
	unsigned kind;                  /* of it */
	bool cut, begun;                /* it ends in the midst of it; a stack was met */
	uint64_t version, time;
	struct mp_buf options;
	struct mojo_reference *ref;     /* open addressing */
	uint32_t refs, mask;
	struct mojo_process *process;
	struct mojo_thread *thread;
	uint32_t processes, process_room, threads, thread_room;
	uint32_t p, t;                  /* of the stack at hand, from 1; t 0: there is none */
	uint32_t *frame, frames, frame_room;    /* its locations, outermost first */
	uint64_t skip;                  /* frames to come that are a task's */
	uint64_t weight;
	uint32_t state;
	bool gc, repeated;
};

/* "NAME: byte B: WHAT". -1. */
int mojo_fail(struct mojo *, const char *what);
int mojo_no_memory(struct mojo *);

/* The process at hand's, where KIND is of one. */
int mojo_define(struct mojo *, uint32_t kind, uint64_t key, uint32_t id);
bool mojo_find(struct mojo *, uint32_t kind, uint64_t key, uint32_t *id);
int mojo_find_process(struct mojo *, uint64_t pid);
int mojo_find_thread(struct mojo *, uint64_t iid, const char *name, size_t n);

/* A frame of the stack at hand. */
int mojo_put(struct mojo *, uint32_t location);
uint32_t mojo_note(struct mojo *, const char *name);
int mojo_repeat(struct mojo *);
/* The stack at hand is over: a sample. */
int mojo_flush(struct mojo *);

#endif

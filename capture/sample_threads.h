/* sample_threads.h - the threads of an interpreter: its own list of thread states, who
 * holds the GIL, and what the kernel says of each.
 *
 * The lists are read with one system call as long as they are what they were.
 */
#ifndef MP_SAMPLE_THREADS_H
#define MP_SAMPLE_THREADS_H

#include "sample_find.h"
#include "sample_memory.h"

enum { STATE_BYTES = PYTHON_STATE_ROOM };       /* of a thread state that are read */

struct stack_guess {            /* where the frames of a thread were last time */
	uint64_t *frame;
	size_t frames, frame_room;
	uint64_t (*chunk)[2];           /* older chunks: address, bytes */
	size_t chunks, chunk_room;
};

/* A thread of the kernel. */
struct os_thread {
	uint32_t tid;
	int stat_fd, sched_fd;          /* -1: opened each time */
	uint64_t ran, slices;           /* as schedstat said last */
	bool looked;                    /* at all */
	bool running;                   /* runs or is ready to */
	unsigned cpu;                   /* where, if it runs */
	bool moved;                     /* may have run since somebody set this to false */
	bool gone;
	bool listed;                    /* the kernel had it when all were asked for */
	bool used;                      /* a thread state is its own, or all are wanted */
	bool locks;                     /* the sampler's: one of them holds a GIL */
	bool locks_other;               /* that of a second interpreter */
	/* the sampler's: */
	uint32_t id;                    /* in the tree, 0: none yet */
	uint32_t idle_node;             /* its stack when last read */
	uint64_t idle_ns, idle_time;    /* idle and not written yet; when last written */
	bool ran_since;                 /* since its name was read */
	struct stack_guess guess;
};

struct py_state {
	uint64_t address, native;
	uint32_t interpreter;           /* index */
	struct os_thread *thread;       /* NULL: not known (yet) */
	bool holds_gil;
	uint8_t bytes[STATE_BYTES];
};

struct py_interpreter { uint64_t address, gil; };

struct threads {
	pid_t pid;
	struct interpreter_image image;
	size_t state_bytes;
	int tid_offset;                 /* in struct pthread, to 3.10; -1: not known yet */
	unsigned offset_tries;          /* to find it */
	bool other_namespace;           /* the process knows its threads by other numbers */
	bool all;                       /* those without a thread state, too */
	uint64_t list_next;             /* ns: when to ask the kernel for all */
	struct snapshot table;
	bool built;                     /* table holds the pieces of the lists below */
	struct py_interpreter *interpreter;
	struct py_state *state;         /* interpreter by interpreter, the newest first */
	size_t interpreters, states, interpreter_room, state_room;
	struct os_thread **thread;
	size_t n, room;
};

void threads_init(struct threads *, pid_t, const struct interpreter_image *);
/* From now on of this interpreter; no offsets: of none. */
void threads_image(struct threads *, const struct interpreter_image *);
/* False: they cannot be read, or change faster than they can be. */
bool threads_read(struct threads *);
/* Ask the kernel what T does. */
void threads_look(const struct threads *, struct os_thread *);
/* The name the kernel has for it. */
size_t threads_name(const struct threads *, const struct os_thread *, char *name, size_t room);
/* A thread that may go: its states are gone and so is it; NULL: none. */
struct os_thread *threads_gone(struct threads *);
void threads_drop(struct threads *, struct os_thread *);
void threads_free(struct threads *);

#endif

/* process.h - process images and their threads, from the first slot that names
 * an image to the end of it.
 *
 * An image is what one exec or fork began.  It ends when all its slots are
 * consumed and its process is gone or has begun another image.
 */
#ifndef MP_PROCESS_H
#define MP_PROCESS_H

#include "ident.h"
#include "ring.h"
#include "stacks.h"

struct thread_id { uint32_t tid, id; };         /* tid 0: empty */

struct image {
	uint64_t number;        /* random, from the slot */
	uint32_t pid, index;
	uint64_t start;         /* clock ticks since boot, 0 unknown */
	int pidfd;              /* -1: cannot tell when the process is gone */
	uint32_t slots;         /* live ones */
	uint32_t windows;       /* of this round: slots with records in sight */
	uint32_t held;          /* reallocs and unmaps whose outcome is not known */
	struct image *before;   /* an older image of the same process: ends first */
	bool over;              /* its threads are dead, whatever their locks say */
	bool gone, ended, finalized;    /* gone: the process was seen to have ended */
	uint64_t overtaken_at;  /* ns: when its process began another image, 0: not yet */
	uint64_t idle_since;    /* ns: when its last slot went, 0: it has some */
	bool exec;              /* an exec was tried */
	char *became;           /* what its process runs now, should that stay unseen */
	struct memory memory;
	struct stacks *stacks;
	struct thread_id *thread;
	uint32_t threads, thread_room, ordinal;
	uint32_t comm;          /* string: what its threads are called unless renamed */
	int status_fd;          /* series: /proc/PID/status, -1 */
	uint64_t rss;           /* as last read for it; 0: not yet */
	uint64_t *chunk_seen;   /* bitmap: ring chunks this image has touched */
	uint32_t chunks_touched;
};

struct images {
	struct image **x;
	uint32_t n, room, live;
	uint32_t first;         /* all before it have ended */
	struct mp_tree *tree;
	struct symboliser *symboliser;
	uint32_t chunks;
	struct stacks_counts counts;    /* of those that ended */
};

void images_init(struct images *, struct mp_tree *, struct symboliser *, uint32_t chunks);
void images_free(struct images *);
struct image *images_find(const struct images *, uint64_t number);
/* A new image; RECORD (BYTES long, checked here) may be NULL: it never came.
 * Time in ns.  NULL: no memory. */
struct image *images_new(struct images *, uint64_t number, uint32_t pid,
		const struct mp_rec_image *record, size_t bytes, uint64_t time);
/* Whether its process has ended, or has become something else. */
bool image_gone(const struct image *);
/* What the stacks of an image that ends now were like. */
void images_count(struct images *, const struct image *);
/* The memory of an image that ended, but not its number. */
void image_close(struct image *);

/* The thread of the tree for TID; made new if FRESH or unknown.  NAME: string, 0:
 * it has none of its own. */
uint32_t image_thread(struct images *, struct image *, uint32_t tid, bool fresh,
		uint32_t name, uint64_t time);
void image_thread_gone(struct image *, uint32_t tid);
/* The image's process has touched CHUNK of the ring. */
void image_touched(struct image *, uint32_t chunk);

int process_watch(uint32_t pid);                /* a pidfd, -1 */
bool process_exited(int pidfd);
/* The program PID runs; NULL: it is ending.  To be freed. */
char *process_program(uint32_t pid);
/* Whether PID maps the session's memory: a forked child that has not used it yet. */
bool process_maps_ring(uint32_t pid);

#endif

/* last.h - the stack that a slot defined last: the next one mostly has its outer frames.
 *
 * Frames are kept outermost first, so that what stays is what comes first.
 */
#ifndef MP_LAST_H
#define MP_LAST_H

#include "trail.h"

/* beside the location of a native frame: */
#define IN_EVAL (1ull << 32)
#define IN_HOOK (1ull << 33) /* our own frame: not the program's, left out */

enum { LAST_FRAMES_MAX = 1 << 14 }; /* of each kind */

struct last {
	struct last_native {
		uint64_t address;  /* inside the instruction */
		uint64_t location; /* | IN_* */
	} *native;
	struct last_python {
		uint32_t location, entry;
	} *python;
	size_t natives, pythons, native_room, python_room;
	uint32_t *chain; /* locations of the whole stack, innermost first */
	size_t chained, chain_room;
	struct trail trail;
	uint32_t age; /* of the native locations: stacks.c knows when they are stale */
};

/* Room for so many frames; those that are there stay.  False: no memory. */
bool last_room(struct last *, size_t natives, size_t pythons);

/* Fills the chain with native and Python frames in call order.  Of the native frames
 * in the eval function the innermost KEPT are not replaced: they own no Python frame. */
void last_join(struct last *, long kept);
/* Fills it with the Python frames, NOTE, the native frames. */
void last_keep_apart(struct last *, uint32_t note);

void last_free(struct last *);

#endif

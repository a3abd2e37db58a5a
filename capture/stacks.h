/* stacks.h - a target's definition records (modules, code objects, stacks)
 * turned into locations and nodes of the trace's tree.
 *
 * One `struct stacks` per process image.  Records come from memory a hostile
 * target may scribble on: the caller passes a private copy (8-byte aligned) and
 * its length in bytes; nothing in a record is believed beyond that length.
 */
#ifndef MP_STACKS_H
#define MP_STACKS_H

#include "last.h"
#include "ring.h"
#include "tree.h"

struct symboliser;
struct stacks;

/* What could not be taken as it was sent. */
struct stacks_counts {
	uint64_t stacks;
	uint64_t unjoined;  /* native and Python kept apart under [unjoined] */
	uint64_t cut, torn, libgcc; /* as the records say */
	uint64_t no_code;   /* Python frames whose code object was never sent: shown as "?" */
	uint64_t no_module; /* native addresses in no known module (distinct ones) */
	uint64_t bad;       /* malformed records, refused */
};

/* SYMBOLISER (may be NULL: no symbols) is shared by all images. */
struct stacks *stacks_new(struct mp_tree *tree, struct symboliser *symboliser);
void stacks_free(struct stacks *);

/* The image's process in the tree; from here on modules get a map definition. */
void stacks_process(struct stacks *, uint32_t process);
/* All of these: 0, or -1 for a malformed record (counted) or no memory. */
int stacks_image(struct stacks *, const struct mp_rec_image *, size_t bytes);
int stacks_module(struct stacks *, const struct mp_rec_module *, size_t bytes);
int stacks_unload(struct stacks *, uint64_t base);
int stacks_code(struct stacks *, const struct mp_rec_code *, size_t bytes);
bool stacks_knows_code(const struct stacks *, uint32_t id);
/* The node of a stack.  Native and Python frames in true call order: each activation
 * of the eval function gives way to the run of Python frames it executed.  LAST: of
 * the slot that the record is from.  0: malformed, or no memory. */
mp_node stacks_define(
	struct stacks *, struct last *, const struct mp_rec_stack *, size_t bytes);
/* The same in its two halves, for who reads the frames elsewhere: the location of a native
 * frame (ADDRESS inside its instruction; as in struct last; 0: no memory), and the node
 * of what is in LAST (flags: MP_STACK_*). */
uint64_t stacks_native(struct stacks *, uint64_t address);
mp_node stacks_join(struct stacks *, struct last *, uint32_t flags);
struct stacks_counts stacks_counts(const struct stacks *);

#endif

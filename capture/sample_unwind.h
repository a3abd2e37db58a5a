/* sample_unwind.h - from the copy of a thread's stack to the calls on it, by the call
 * frame tables that lie in its process's memory.
 *
 * Of the tables only pages that are asked for are copied.  They may be made up: nothing
 * in them is believed beyond them.
 */
#ifndef MP_SAMPLE_UNWIND_H
#define MP_SAMPLE_UNWIND_H

#include "hook/cfi_step.h"

#include <sys/types.h>

enum { UNWIND_ROWS = 1024, UNWIND_BUILD_ID = 64 };

struct unwind_module {
	uint64_t base, from, to;        /* load bias; where it lies */
	uint64_t tables;                /* address of .eh_frame_hdr, 0: none */
	char *path;
	uint8_t build_id[UNWIND_BUILD_ID];
	uint16_t build_id_size;
	bool kept;                      /* it was there at the look before */
	/* the module's memory as far as it was copied: */
	uint8_t *copy;
	uint64_t *present;              /* a bit a page */
};

struct unwind_row {
	uint64_t pc;
	bool known;
	struct cfi_row row;
};

struct unwind_listed { uint64_t from, to, name; };      /* of the list of mappings */

struct unwind {                 /* all zero but the first three at first */
	pid_t pid;
	void (*gone)(void *of, const struct unwind_module *);   /* it is mapped no more */
	void *of;
	struct unwind_module *x;        /* by address */
	size_t n, room;
	uint64_t linker;                /* where the dynamic linker lies, 0: there is none */
	struct unwind_row *row;
	struct unwind_listed *list;     /* as it was at the last look */
	size_t listed;
	uint64_t strangers;             /* addresses met that lie in none of them */
};

/* What is mapped now.  *CHANGED: not what it was; rows are forgotten.  False: it cannot
 * be read. */
bool unwind_look(struct unwind *, bool *changed);
const struct unwind_module *unwind_module(const struct unwind *, uint64_t address);
/* The calls on the stack at *S, innermost first, each as an address inside the calling
 * instruction; at most MOST.  *FLAGS: MP_STACK_CUT, MP_STACK_TORN or 0. */
size_t unwind_stack(struct unwind *, struct hook_state s, const struct cfi_memory *,
		uint64_t *address, size_t most, unsigned *flags);
void unwind_free(struct unwind *);

#endif

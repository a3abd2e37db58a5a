/* cfi_step.h - from a frame to its caller. */
#ifndef MP_HOOK_CFI_STEP_H
#define MP_HOOK_CFI_STEP_H

#include "arch.h"
#include "cfi.h"

enum hook_step { STEP_ON, STEP_END, STEP_TORN, STEP_FULL };

struct hook_state {
	uintptr_t ip, sp, fp;   /* fp: rbp, x29 */
	bool exact;             /* ip was interrupted there, not returned to */
	bool fp_unknown;
	struct arch_link link;  /* if exact */
};

struct cfi_memory {
	bool (*load)(void *of, uintptr_t address, uintptr_t *out);
	void *of;
};

enum hook_step cfi_step(const struct cfi_row *, const struct cfi_memory *, struct hook_state *);
/* Out of the frame the kernel made for a signal: ucontext lies at the stack pointer. */
enum hook_step cfi_step_signal(const struct cfi_memory *, struct hook_state *);

#endif

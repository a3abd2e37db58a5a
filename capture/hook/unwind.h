/* unwind.h - the fast half of the unwinder (unwind.c) and the slow one
 * (unwind_slow.c) share this. */
#ifndef MP_HOOK_UNWIND_H
#define MP_HOOK_UNWIND_H

#include "cfi_step.h"
#include "internal.h"

/* A frame's flags are below this bit; from it on, how far below the cfa fp is saved. */
enum { FRAME_SAVED = 16 };

/* How to step from an address: the cfa lies so many bytes above a register, and
 * what was saved so many below the cfa. */
enum { ROW_SP, ROW_FP, ROW_END, ROW_SPECIAL };

struct hook_row {
	unsigned kind;
	uint32_t cfa;
	uint32_t fp;            /* 0: unchanged */
	uint32_t ra;
};

bool hook_readable(struct hook_thread *, uintptr_t address, size_t bytes);

static inline bool hook_load(struct hook_thread *t, uintptr_t address, uintptr_t *out)
{
	if (hook_unlikely(address < t->known || address + 8 > t->known_end ||
			  (address & 7) != 0)) {
		if ((address & 7) != 0 || !hook_readable(t, address, 8))
			return false;
	}
	*out = *(const uintptr_t *)address;
	return true;
}

/* The row for PC from the tables; *keep: it may be cached. */
struct hook_row hook_row(uintptr_t pc, bool *keep);
enum hook_step hook_step_special(struct hook_thread *, struct hook_state *, uintptr_t pc);
#endif

/* unwind.h - the fast half of the unwinder (unwind.c) and the slow one
 * (unwind_slow.c) share this. */
#ifndef MP_HOOK_UNWIND_H
#define MP_HOOK_UNWIND_H

#include "internal.h"

enum hook_step { STEP_ON, STEP_END, STEP_TORN, STEP_FULL };

struct hook_state {
	uintptr_t ip, sp, rbp;
	bool exact;             /* ip was interrupted there, not returned to */
	bool rbp_unknown;
};

/* How to step from an address, in one word: bits 0-1 kind, 2-16 cfa offset / 8,
 * 17-24 distance of the saved rbp below the cfa / 8 (0: unchanged). */
enum { ROW_RSP, ROW_RBP, ROW_END, ROW_SPECIAL };
enum { ROW_DISTANCE = 17 };

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
uint64_t hook_row(uintptr_t pc, bool *keep);
enum hook_step hook_step_special(struct hook_thread *, struct hook_state *, uintptr_t pc);
#endif

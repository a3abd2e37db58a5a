/* tell.h - what the user and the trace are told at the end of a capture. */
#ifndef MP_TELL_H
#define MP_TELL_H

#include "cpu.h"

/* Stacks not taken as they were: one line, and a mark for each kind; nothing if
 * there are none.  What --check-stacks found likewise. */
void tell_stacks(struct drain *, void (*say)(const char *));

/* Allocations and frees that do not fit what came before: a line each. */
void tell_blocks(const struct ident *, void (*say)(const char *));

/* Events lost, or thrown away: a line; nothing if there are none. */
void tell_loss(const struct drain *, void (*say)(const char *));

/* What was sampled, and what of it is not whole, with a mark for each. */
void tell_cpu(const struct cpu *, void (*say)(const char *));

/* How often threads of the program had to sleep until there was room, likewise. */
void tell_waits(const struct drain *, void (*say)(const char *));

#endif

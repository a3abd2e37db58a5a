/* arch.h - what of the hook depends on the machine it runs on, and nothing else
 * does: registers, where a caller is found, system calls, the signal frame.
 *
 * Every machine's header offers the same names.  What one of them has no need of
 * is an empty structure or a constant there, so that it costs nothing.
 */
#ifndef MP_HOOK_ARCH_H
#define MP_HOOK_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "arch_x86_64.h"
#elif defined(__aarch64__)
#include "arch_aarch64.h"
#else
#error "the hook does not know this machine"
#endif

#endif

/* environment.h - the environment a child needs to be traced. */
#ifndef MP_HOOK_ENVIRONMENT_H
#define MP_HOOK_ENVIRONMENT_H

#include "internal.h"

/* ENVP itself if nothing is missing in it, else a copy that is good until the
 * next call in this thread.  ENVP may be NULL: empty. */
char *const *hook_environment(struct hook_thread *, char *const envp[]);

#endif

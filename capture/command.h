/* command.h - the program to trace: where it is, and whether it can be traced at
 * all.  What cannot is refused before anything starts.
 */
#ifndef MP_COMMAND_H
#define MP_COMMAND_H

#include <stddef.h>

/* NAME as a shell would find it, into PATH.  0, or the exit status (126 not
 * executable, 127 not found). */
int command_find(const char *name, char *path, size_t room);
/* NULL: it can be traced.  Else why not (static string). */
const char *command_refuse(const char *path);
/* The hook library that belongs to this program; 0, or -1: not there. */
int command_hook(char *path, size_t room);
/* The environment for the target: ours with the hook first in LD_PRELOAD and
 * SESSION as MP_SESSION.  NULL: no memory. */
char **command_environment(const char *hook, const char *session);

#endif

/* sample_refuse.h - why a process cannot be read, and what would help. */
#ifndef MP_SAMPLE_REFUSE_H
#define MP_SAMPLE_REFUSE_H

#include <stddef.h>
#include <sys/types.h>

/* E: the errno of the attempt.  One line into TEXT. */
void sample_refuse(pid_t, int e, char *text, size_t room);

#endif

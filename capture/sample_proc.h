/* sample_proc.h - between sample_threads.c and sample_proc.c. */
#ifndef MP_SAMPLE_PROC_H
#define MP_SAMPLE_PROC_H

#include "sample_threads.h"

/* A file of a thread; -1: errno. */
int proc_open(pid_t, uint32_t tid, const char *file);
/* It from its beginning, as a string; 0: nothing can be read. */
size_t proc_read(int fd, char *text, size_t room);
/* The thread of that number, known or new; NULL: there is none. */
struct os_thread *os_thread_get(struct threads *, uint32_t tid);

#endif

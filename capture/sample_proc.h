/* sample_proc.h - between sample_threads.c and sample_proc.c. */
#ifndef MP_SAMPLE_PROC_H
#define MP_SAMPLE_PROC_H

#include "sample_threads.h"

uint64_t proc_clock(void);      /* CLOCK_MONOTONIC, ns */
/* A file of a thread; -1: errno. */
int proc_open(pid_t, uint32_t tid, const char *file);
/* It from its beginning, as a string; 0: nothing can be read. */
size_t proc_read(int fd, char *text, size_t room);
/* The thread of that number, known or new; NULL: there is none. */
struct os_thread *os_thread_get(struct threads *, uint32_t tid);
/* Mark all the process has as listed, asking the kernel ten times a second.  False: it
 * has none any more. */
bool threads_list(struct threads *);

#endif

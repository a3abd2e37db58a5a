/* python_state.h - the calling thread's own thread state.
 * Included by python_walk.c alone.
 */
#ifndef MP_PYTHON_STATE_H
#define MP_PYTHON_STATE_H

#include "python.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* To 3.11 a thread inside a sub-interpreter runs on a state that is not the one
 * in its own variable: the process-wide current one, if that is this thread's.
 * That one may be freed by another thread under our eyes, hence the careful
 * read.  With one interpreter there is no need. */
static HOOK_COLD const void *sub_interpreter(const void *own, const void *current)
{
	const struct python_offsets *o = mp_python.offsets;
	unsigned long thread = 0;
	struct iovec to = { &thread, sizeof(thread) };
	struct iovec from = { (void *)((uintptr_t)current + o->thread_id), sizeof(thread) };

	if (hook_syscall(SYS_process_vm_readv, hook_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0),
			 (long)&to, 1, (long)&from, 1, 0) != (long)sizeof(thread))
		return own;
	return thread == (unsigned long)pthread_self() ? current : own;
}

/* The thread's own state.  To 3.11 the process-wide current one is it if it says so
 * itself, else libpython is asked. */
static inline const void *own_state(const void *last)
{
	const struct python_offsets *o = mp_python.offsets;
	const void *own, *current, *newest;

	if (mp_python.minor >= 12) {
		own = mp_python.current();
		return own ? own : mp_python.gilstate();
	}
	current = *(void *const volatile *)python_field(mp_python.runtime, o->runtime_current);
	if (hook_likely(current && current == last &&
			*(const uintptr_t *)python_field(last, o->thread_id) == arch_thread()))
		return last;
	own = mp_python.gilstate();
	if (hook_likely(current == own) || !current)
		return own;
	newest = python_pointer(mp_python.runtime, o->runtime_interpreters);
	if (!newest || !python_pointer(newest, o->interpreter_next))
		return own;
	return sub_interpreter(own, current);
}

#endif

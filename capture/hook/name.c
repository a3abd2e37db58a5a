/* name.c - threads that name themselves. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/prctl.h>

static void named(void)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	hook_thread_name(t);
	hook_leave(t);
}

HOOK_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
	int r;

	if (hook_real.pthread_setname_np == NULL)
		hook_resolve();
	if (hook_real.pthread_setname_np == NULL)
		return ENOSYS;
	r = hook_real.pthread_setname_np(thread, name);
	if (r == 0 && pthread_equal(thread, pthread_self()))
		named();
	return r;
}

HOOK_EXPORT int prctl(int option, ...)
{
	unsigned long a[4];
	va_list args;
	int r;

	va_start(args, option);
	for (unsigned i = 0; i < 4; i++)
		a[i] = va_arg(args, unsigned long);
	va_end(args);
	if (hook_real.prctl == NULL)
		hook_resolve();
	r = hook_real.prctl(option, a[0], a[1], a[2], a[3]);
	if (r == 0 && option == PR_SET_NAME)
		named();
	return r;
}

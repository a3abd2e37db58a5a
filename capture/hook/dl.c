/* dl.c - dlopen, dlclose, dlsym.
 *
 * The dynamic linker looks at the return address to tell whose RUNPATH a name
 * is searched in and what RTLD_NEXT means, so dlopen and dlsym jump to the real
 * function and leave the stack as it was; the work is done before.
 * RTLD_DEEPBIND is cleared: it would hide our allocator from the library.
 */
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

void *hook_before_dlopen(void);
void *hook_before_dlsym(void *handle);

ARCH_TRAMPOLINE("dlopen", "hook_before_dlopen", ARCH_CLEAR_BIT_3); /* RTLD_DEEPBIND */
ARCH_TRAMPOLINE("dlsym", "hook_before_dlsym", "");

static void catch_up(void)
{
	int saved = errno;

	if (hook_mode == HOOK_TRACING && atomic_load(&hook_modules_pending) != 0)
		hook_modules_changed();
	errno = saved;
}

static void *no_function(void)
{
	return NULL;
}

void *hook_before_dlopen(void)
{
	if (hook_real.dlopen == NULL)
		hook_resolve();
	catch_up();
	atomic_store(&hook_modules_pending, 1);
	return hook_real.dlopen != NULL ? (void *)hook_real.dlopen : (void *)no_function;
}

/* One of our names asked of libc by its handle: ours comes first there, too,
 * else its blocks would be freed unseen.  Not so if another allocator stands
 * between us and libc. */
static void *dlsym_of_handle(void *handle, const char *name)
{
	static const struct {
		size_t real;
		void *own;
	} names[] = {
#define OWN(name) {offsetof(struct hook_real, name), (void *)hook_##name}
		OWN(malloc),        OWN(calloc),        OWN(realloc), OWN(reallocarray),
		OWN(free),          OWN(posix_memalign), OWN(aligned_alloc), OWN(memalign),
		OWN(valloc),        OWN(pvalloc),       OWN(mmap),    OWN(mmap64),
		OWN(munmap),        OWN(mremap),        OWN(brk),     OWN(sbrk),
#undef OWN
	};
	void *found = hook_real.dlsym(handle, name);

	if (found == NULL || hook_mode != HOOK_TRACING)
		return found;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (*(void **)(void *)((char *)&hook_real + names[i].real) == found)
			return names[i].own;
	return found;
}

void *hook_before_dlsym(void *handle)
{
	if (hook_real.dlsym == NULL)
		hook_resolve();
	catch_up();
	if (hook_real.dlsym == NULL)
		return (void *)no_function;
	if (handle == RTLD_NEXT || handle == RTLD_DEFAULT)
		return (void *)hook_real.dlsym;
	return (void *)dlsym_of_handle;
}

HOOK_EXPORT int dlclose(void *handle)
{
	int r, saved;

	if (hook_real.dlclose == NULL)
		hook_resolve();
	catch_up();
	if (hook_real.dlclose == NULL)
		return -1;
	r = hook_real.dlclose(handle);
	saved = errno;
	if (r == 0 && hook_mode == HOOK_TRACING)
		hook_modules_changed();
	errno = saved;
	return r;
}

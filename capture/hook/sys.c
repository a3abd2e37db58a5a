/* sys.c - system calls without libc: errno stays as it is, and a target that
 * interposes libc functions never sees them. */
#include "internal.h"

#include <sys/mman.h>
#include <sys/syscall.h>

long hook_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	return arch_syscall(number, a, b, c, d, e, f);
}

void *hook_map(size_t size)
{
	long r = hook_syscall(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

void hook_unmap(void *address, size_t size)
{
	if (address != NULL)
		hook_syscall(SYS_munmap, (long)address, (long)size, 0, 0, 0, 0);
}

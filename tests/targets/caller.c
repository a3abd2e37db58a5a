/* caller.c - what the hook's arch.h knows of a caller still holds in a function that the
 * one it was read in ended with a jump to, and that has put a frame in the same place.
 * Prints "caller", and how many of address, stack and frame pointer are right: 3.
 */
#define _GNU_SOURCE
#include "../../capture/hook/arch.h"

#include <stdio.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static uintptr_t ip, fp, sp;

static NOINLINE int behind(char c, struct hook_caller caller)
{
	char room[512];

	memset(room, c, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
	return (arch_caller_ip(caller) == ip) + (arch_caller_sp(caller) == sp) +
	       (arch_caller_fp(caller) == fp);
}

static NOINLINE int exported(char c)
{
	ip = arch_address((uintptr_t)__builtin_return_address(0));
	fp = *(const uintptr_t *)__builtin_frame_address(0);
	return behind(c, HOOK_CALLER);
}

/* Nothing lies between where its frame begins and where that of what it calls ends. */
static NOINLINE int call(void)
{
#ifdef __x86_64__
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
#else
	__asm__ volatile("mov %0, sp" : "=r"(sp));
#endif
	return exported(1) + (sp == 0);
}

int main(void)
{
	printf("caller %d\n", call());
	return 0;
}

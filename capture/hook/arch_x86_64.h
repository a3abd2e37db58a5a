/* arch_x86_64.h - see arch.h.
 *
 * A call pushes the return address, so it lies right below the CFA in every frame
 * with a simple rule.
 */
#ifndef MP_HOOK_ARCH_X86_64_H
#define MP_HOOK_ARCH_X86_64_H

#include <x86intrin.h>

enum {
	ARCH_FP = 6, ARCH_SP = 7, ARCH_RA = 16, /* as DWARF numbers them */
	ARCH_BREG_IP = 0x70 + 16,       /* in expressions: the instruction pointer */
	ARCH_PAGE_MAX = 4096,   /* no kernel has larger pages */
};

/* ---- who called the allocator: read in the exported function itself ---- */

struct hook_caller {
	const void *ip;         /* return address: the innermost frame shown */
	const void *frame;      /* holds saved rbp, then ip */
};
#define HOOK_CALLER \
	((struct hook_caller){ __builtin_return_address(0), __builtin_frame_address(0) })

static inline uintptr_t arch_caller_ip(struct hook_caller c)
{
	return (uintptr_t)c.ip;
}

static inline uintptr_t arch_caller_sp(struct hook_caller c)
{
	return (uintptr_t)c.frame + 16;
}

static inline uintptr_t arch_caller_fp(struct hook_caller c)
{
	return *(const uintptr_t *)c.frame;
}

/* ---- return addresses ---- */

/* Where a frame keeps it: so far below its CFA. */
struct arch_ra {};

static inline struct arch_ra arch_ra(uint32_t below)
{
	(void)below;
	return (struct arch_ra){};
}

static inline uint32_t arch_ra_below(struct arch_ra ra)
{
	(void)ra;
	return 8;
}

static inline bool arch_ra_is_simple(int64_t below)
{
	return below == 8;
}

/* The address in a word that a call saved; and the word, once it was that one. */
static inline uintptr_t arch_address(uintptr_t word)
{
	return word;
}

static inline uintptr_t arch_word(uintptr_t at, uintptr_t address)
{
	(void)at;
	return address;
}

/* The return address of a function that has not saved it: no such thing. */
struct arch_link {};

static inline struct arch_link arch_link(uintptr_t word)
{
	(void)word;
	return (struct arch_link){};
}

static inline bool arch_link_address(struct arch_link link, uintptr_t *out)
{
	(void)link, (void)out;
	return false;
}

/* Call frame instructions of this machine alone, which change no place. */
static inline bool arch_cfi_is_mark(uint8_t op)
{
	(void)op;
	return false;
}

/* ---- the kernel's signal frame, from the stack pointer in it ---- */

enum {
	ARCH_SIGNAL_FP = 40 + 10 * 8, ARCH_SIGNAL_SP = 40 + 15 * 8,
	ARCH_SIGNAL_IP = 40 + 16 * 8,
	ARCH_SIGNAL_LINK = 0,           /* none */
	ARCH_SIGRETURN = 0,             /* bytes of code to know it by; 0: a table says */
};

static inline bool arch_is_sigreturn(uintptr_t ip)
{
	(void)ip;
	return false;
}

/* ---- */

static inline uint64_t arch_ticks(void)
{
	return __rdtsc();
}

/* pthread_self(), in one instruction */
static inline uintptr_t arch_thread(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* A function NAME that calls BEFORE with its own arguments, of which there are two
 * at most, does EDIT to them and jumps to what BEFORE returned. */
#define ARCH_TRAMPOLINE(name, before, edit) \
	__asm__(".text\n" \
		".globl " name "\n" \
		".type " name ", @function\n" \
		name ":\n" \
		"	.cfi_startproc\n" \
		"	pushq %rdi\n" \
		"	.cfi_adjust_cfa_offset 8\n" \
		"	pushq %rsi\n" \
		"	.cfi_adjust_cfa_offset 8\n" \
		"	subq $8, %rsp\n" \
		"	.cfi_adjust_cfa_offset 8\n" \
		"	call " before "\n" \
		"	addq $8, %rsp\n" \
		"	.cfi_adjust_cfa_offset -8\n" \
		"	popq %rsi\n" \
		"	.cfi_adjust_cfa_offset -8\n" \
		"	popq %rdi\n" \
		"	.cfi_adjust_cfa_offset -8\n" \
		edit \
		"	jmp *%rax\n" \
		"	.cfi_endproc\n" \
		".size " name ", .-" name "\n")
#define ARCH_CLEAR_BIT_3 "	andl $~8, %esi\n" /* of the second argument */

#endif

/* arch_aarch64.h - see arch.h.
 *
 * A call leaves the return address in x30.  A function that calls others saves
 * it, mostly beside x29 at the bottom of its frame, so each rule says where; one
 * that has not yet is met only where a signal interrupted it.  It may be signed:
 * the signature, in the bits no address uses, is taken off, not verified.
 */
#ifndef MP_HOOK_ARCH_AARCH64_H
#define MP_HOOK_ARCH_AARCH64_H

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

enum {
	ARCH_FP = 29, ARCH_SP = 31, ARCH_RA = 30,       /* as DWARF numbers them */
	ARCH_BREG_IP = 0,       /* in expressions: the instruction pointer has no number */
	ARCH_PAGE_MAX = 65536,  /* no kernel has larger pages */
};

/* ---- return addresses ---- */

/* Where a frame keeps it: so far below its CFA. */
struct arch_ra {
	uint32_t below;
};

static inline struct arch_ra arch_ra(uint32_t below)
{
	return (struct arch_ra){below};
}

static inline uint32_t arch_ra_below(struct arch_ra ra)
{
	return ra.below;
}

static inline bool arch_ra_is_simple(int64_t below)
{
	return below >= 8 && below < 1 << 18 && (below & 7) == 0;
}

/* The address in a word that a call saved; and the word, once it was that one.  How
 * many bits a signature has, the kernel decides: xpaclri knows, and is a nop where
 * nothing is signed. */
static inline uintptr_t arch_address(uintptr_t word)
{
	register uintptr_t x30 __asm__("x30") = word;

	__asm__("hint #7" : "+r"(x30));
	return x30;
}

static inline uintptr_t arch_word(uintptr_t at, uintptr_t address)
{
	(void)address;
	return *(const uintptr_t *)at;
}

/* The return address of a function that has not saved it. */
struct arch_link {
	uintptr_t word;
};

static inline struct arch_link arch_link(uintptr_t word)
{
	return (struct arch_link){word};
}

static inline bool arch_link_address(struct arch_link link, uintptr_t *out)
{
	*out = arch_address(link.word);
	return true;
}

/* Call frame instructions of this machine alone, which change no place: the
 * return address is, or is no longer, signed (negate_ra_state, …_with_pc). */
static inline bool arch_cfi_is_mark(uint8_t op)
{
	return op == 0x2d || op == 0x2c;
}

/* ---- who called the allocator: read in the exported function itself ---- */

/* All of it at once: the function may end with a jump to another, which is given this and
 * puts a frame of its own where the function's was. */
struct hook_caller {
	const void *ip;         /* return address: the innermost frame shown */
	const void *frame;      /* where the caller's ends */
	uintptr_t fp;
};
#ifdef __clang__
#define ARCH_CFA __builtin_sponentry()
#else
#define ARCH_CFA __builtin_dwarf_cfa()
#endif
#define HOOK_CALLER \
	((struct hook_caller){ __builtin_return_address(0), ARCH_CFA, \
			       *(const uintptr_t *)__builtin_frame_address(0) })

static inline uintptr_t arch_caller_ip(struct hook_caller c)
{
	return arch_address((uintptr_t)c.ip);
}

static inline uintptr_t arch_caller_sp(struct hook_caller c)
{
	return (uintptr_t)c.frame;
}

static inline uintptr_t arch_caller_fp(struct hook_caller c)
{
	return c.fp;
}

/* ---- the kernel's signal frame, from the stack pointer in it ---- */

enum {
	ARCH_SIGNAL_REGS = sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext.regs),
	ARCH_SIGNAL_FP = ARCH_SIGNAL_REGS + 29 * 8,
	ARCH_SIGNAL_LINK = ARCH_SIGNAL_REGS + 30 * 8,
	ARCH_SIGNAL_SP = ARCH_SIGNAL_REGS + 31 * 8,
	ARCH_SIGNAL_IP = ARCH_SIGNAL_REGS + 32 * 8,
	ARCH_SIGRETURN = 8,     /* bytes of code to know it by */
};

/* The vdso has no table for what a handler returns to: mov x8, #139; svc #0. */
static inline bool arch_is_sigreturn(uintptr_t ip)
{
	const uint32_t *code = (const uint32_t *)ip;

	return code[0] == 0xd2801168 && code[1] == 0xd4000001;
}

/* ---- */

static inline uint64_t arch_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

static inline uintptr_t arch_thread(void)
{
	return (uintptr_t)pthread_self();
}

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

/* A function NAME that calls BEFORE with its own arguments, of which there are two
 * at most, does EDIT to them and jumps to what BEFORE returned.  hint #34 is bti c. */
#define ARCH_TRAMPOLINE(name, before, edit) \
	__asm__(".text\n" \
		".balign 4\n" \
		".globl " name "\n" \
		".type " name ", %function\n" \
		name ":\n" \
		"	.cfi_startproc\n" \
		"	hint #34\n" \
		"	stp x29, x30, [sp, #-32]!\n" \
		"	.cfi_def_cfa_offset 32\n" \
		"	.cfi_offset 29, -32\n" \
		"	.cfi_offset 30, -24\n" \
		"	mov x29, sp\n" \
		"	stp x0, x1, [sp, #16]\n" \
		"	bl " before "\n" \
		"	mov x16, x0\n" \
		"	ldp x0, x1, [sp, #16]\n" \
		"	ldp x29, x30, [sp], #32\n" \
		"	.cfi_restore 29\n" \
		"	.cfi_restore 30\n" \
		"	.cfi_def_cfa_offset 0\n" \
		edit \
		"	br x16\n" \
		"	.cfi_endproc\n" \
		".size " name ", .-" name "\n")
#define ARCH_CLEAR_BIT_3 "	and w1, w1, #0xfffffff7\n" /* of the second argument */

#endif

/* stacks.c - stacks that change under a cache of stacks.
 *
 *	stacks MODE ROUNDS
 *
 * sites: one function called from two places at one depth; frames: from frames of
 * changing size, whose caller is found by the frame pointer; jumps: left by longjmp;
 * recursion: one function, two in turn, a tree, through libc's qsort, and now and then
 * deeper than a stack is recorded; coroutines: on stacks of makecontext, unmapped and
 * mapped again between guard pages; jit: through code that has no unwind table;
 * altstack: in signal handlers on a stack of their own; faults: in handlers, on either
 * stack, of what struck in a function that saves nothing; odd: through code whose caller
 * is found by a register that hardly any uses for it.  Prints "MODE ROUNDS" and how many
 * blocks were made.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline, noclone))

static volatile unsigned long made;
static jmp_buf back;
static sigjmp_buf behind_fault;
static ucontext_t outside, inside;
static int rounds;

static NOINLINE void leaf(size_t size)
{
	free(malloc(size));
	made++;
}

static NOINLINE void inner(size_t size)
{
	leaf(size);
	__asm__ volatile("");
}

static NOINLINE void sites(int i)
{
	if (i & 1)
		inner(10);
	else
		inner(10);
	inner(20);
}

static NOINLINE void frames(int i)
{
	volatile char *room = __builtin_alloca((size_t)(i * 37 % 9000) + 1);

	room[0] = 1;
	inner(30);
	room[0] = 2;
}

static NOINLINE void jump(int depth)
{
	inner(40);
	if (!depth)
		longjmp(back, 1);
	jump(depth - 1);
	__asm__ volatile("");
}

static NOINLINE void jumps(int i)
{
	if (!setjmp(back))
		jump(i % 7);
	inner(50);
}

static NOINLINE int plain(int depth)
{
	int below = depth ? plain(depth - 1) : 0;

	if (!depth)
		inner(130);
	return below + 1;
}

static NOINLINE int even(int depth);

static NOINLINE int odd(int depth)
{
	volatile char *room = __builtin_alloca((size_t)depth * 24 + 1);

	room[0] = (char)depth;
	return even(depth - 1) + room[0];
}

static NOINLINE int even(int depth)
{
	if (depth > 0)
		return odd(depth - 1) + 1;
	inner(140);
	return 0;
}

static NOINLINE void tree(int depth)
{
	if (depth) {
		tree(depth - 1);
		inner(150);
		tree(depth - 1);
	}
}

static int compare(const void *a, const void *b)
{
	inner(160);
	return *(const char *)a - *(const char *)b;
}

static NOINLINE void recursion(int i)
{
	char text[] = "ba";

	plain(i % 40);
	even(i % 30);
	tree(i % 4);
	qsort(text, 2, 1, compare);
	if (i % 100 == 50)
		plain(1500);
}

static void coroutine(void)
{
	for (int k = 0; k < 3; k++) {
		inner(60);
		swapcontext(&inside, &outside);
	}
	inner(70);
}

/* The stack ends at a page that cannot be read. */
static NOINLINE void coroutines(int i)
{
	size_t size = (size_t)(4 + i % 3) * 4096;
	char *stack = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED || mprotect(stack + size, 4096, PROT_NONE))
		exit(1);
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = size;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	for (int k = 0; k < 4; k++) {
		swapcontext(&outside, &inside);
		inner(80);
	}
	munmap(stack, size + 4096);
}

static void (*through)(void (*)(size_t), size_t);

static NOINLINE void jit(int i)
{
	through(i & 1 ? inner : leaf, 90);
	inner(100);
}

/* Calls its first argument with the second; nothing describes its frame. */
static void make_jit(void)
{
#ifdef __x86_64__
	static const unsigned char code[] = {
		0x48, 0x83, 0xec, 0x18,         /* sub $24, %rsp */
		0x48, 0x89, 0xf8,               /* mov %rdi, %rax */
		0x48, 0x89, 0xf7,               /* mov %rsi, %rdi */
		0xff, 0xd0,                     /* call *%rax */
		0x48, 0x83, 0xc4, 0x18,         /* add $24, %rsp */
		0xc3,
	};
#elif defined __aarch64__
	static const unsigned int code[] = {
		0xa9be7bfd,                     /* stp x29, x30, [sp, #-32]! */
		0xaa0003e2,                     /* mov x2, x0 */
		0xaa0103e0,                     /* mov x0, x1 */
		0xd63f0040,                     /* blr x2 */
		0xa8c27bfd,                     /* ldp x29, x30, [sp], #32 */
		0xd65f03c0,                     /* ret */
	};
#endif
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		exit(1);
	memcpy(page, code, sizeof(code));
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	__builtin___clear_cache((char *)page, (char *)page + sizeof(code));
	memcpy(&through, &page, sizeof(page));
}

/* Does the same; where its frame lies, a register says that is not the frame pointer. */
void by_register(void (*)(size_t), size_t);
#ifdef __x86_64__
__asm__(".text\n"
	"by_register:\n"
	"	.cfi_startproc\n"
	"	pushq %rbx\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset 3, -16\n"
	"	movq %rsp, %rbx\n"
	"	.cfi_def_cfa_register 3\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	call *%rax\n"
	"	popq %rbx\n"
	"	.cfi_def_cfa 7, 8\n"
	"	ret\n"
	"	.cfi_endproc\n");
#elif defined __aarch64__
__asm__(".text\n"
	"by_register:\n"
	"	.cfi_startproc\n"
	"	stp x19, x30, [sp, #-16]!\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset 19, -16\n"
	"	.cfi_offset 30, -8\n"
	"	mov x19, sp\n"
	"	.cfi_def_cfa_register 19\n"
	"	mov x2, x0\n"
	"	mov x0, x1\n"
	"	blr x2\n"
	"	.cfi_def_cfa 31, 16\n"
	"	ldp x19, x30, [sp], #16\n"
	"	.cfi_def_cfa_offset 0\n"
	"	.cfi_restore 19\n"
	"	.cfi_restore 30\n"
	"	ret\n"
	"	.cfi_endproc\n");
#endif

static NOINLINE void odd_frames(int i)
{
	by_register(i & 1 ? inner : leaf, 190);
	inner(200);
}

static void handler(int number)
{
	(void)number;
	inner(110);
}

static NOINLINE void altstack(int i)
{
	raise(i & 1 ? SIGUSR1 : SIGUSR2);
	inner(120);
}

/* It calls nothing, so the return address is where the call left it. */
static NOINLINE int saves_nothing(const volatile int *at)
{
	return *at + 1;
}

static void fault(int number)
{
	(void)number;
	inner(170);
	siglongjmp(behind_fault, 1);
}

static NOINLINE void faults(int i)
{
	struct sigaction sa = { .sa_handler = fault, .sa_flags = i & 1 ? SA_ONSTACK : 0 };

	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(behind_fault, 1))
		made += (unsigned long)saves_nothing(NULL);
	inner(180);
}

static void make_altstack(void)
{
	stack_t ss = { .ss_size = 65536 };
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	ss.ss_sp = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_flags = 0;
	sigaction(SIGUSR2, &sa, NULL);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(int); } modes[] = {
		{ "sites", sites }, { "frames", frames }, { "jumps", jumps },
		{ "recursion", recursion }, { "coroutines", coroutines }, { "jit", jit },
		{ "altstack", altstack }, { "faults", faults }, { "odd", odd_frames },
	};

	rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	make_jit();
	make_altstack();
	for (size_t m = 0; argc > 1 && m < sizeof(modes) / sizeof(*modes); m++) {
		if (strcmp(modes[m].name, argv[1]))
			continue;
		for (int i = 0; i < rounds; i++)
			modes[m].run(i);
		printf("%s %d %lu\n", argv[1], rounds, made);
	}
	return 0;
}

/* hostile.c - a process that looks like CPython 3.9 from outside and means no good:
 * lists that end in themselves, frames without end, code objects with names and line
 * tables of any length.  What reads it must come to an end.
 *
 * Operand: what is bad of it (0 nothing, 1 interpreters, 2 threads, 3 frames, 4 names,
 * 5 tables, 6 types, 7 addresses, 8 the stack pointer).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNTIME = 656, MANY = 40000 };

/* the symbol's size says which version it is */
__attribute__((visibility("default"))) uint64_t _PyRuntime[RUNTIME / 8];

static char interpreter[64], state[264], thread[2048];
static char type_of_code[512], type_name[] = "code";
static char frame[MANY][128], code[MANY][176], string[96], table[64], bytes[64];

static void put(void *base, int offset, uint64_t value)
{
	memcpy((char *)base + offset, &value, sizeof value);
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void good(void)
{
	uint32_t kind = 1 << 2 | 1 << 5 | 1 << 6, tid = (uint32_t)getpid();

	put(_PyRuntime, 32, address(interpreter));
	put(_PyRuntime, 568, address(state));
	put(interpreter, 8, address(state));
	put(state, 24, address(frame[0]));
	put(state, 176, address(thread));
	memcpy(thread + 720, &tid, sizeof tid);
	put(type_of_code, 24, address(type_name));
	put(string, 16, 8);
	memcpy(string + 32, &kind, sizeof kind);
	memcpy(string + 48, "function", 8);
	put(table, 16, 2);
	put(bytes, 16, 20);
	for (int i = 0; i < MANY; i++) {
		put(frame[i], 24, i < 9 ? address(frame[i + 1]) : 0);
		put(frame[i], 32, address(code[i]));
		put(code[i], 8, address(type_of_code));
		put(code[i], 48, address(bytes));
		put(code[i], 104, address(string));
		put(code[i], 112, address(string));
		put(code[i], 120, address(table));
	}
}

static void bad(int what)
{
	switch (what) {
	case 1:
		put(interpreter, 0, address(interpreter));
		break;
	case 2:
		put(state, 8, address(state));
		break;
	case 3:
		for (int i = 0; i < MANY; i++)
			put(frame[i], 24, address(frame[(i + 1) % MANY]));
		break;
	case 4:
		put(string, 16, UINT64_MAX / 4);
		break;
	case 5:
		put(table, 16, INT64_MAX);
		break;
	case 6:
		put(type_of_code, 24, 1);
		break;
	case 7:
		put(frame[3], 24, UINT64_MAX - 7);
		put(code[1], 120, UINT64_MAX - 40);
		put(code[2], 104, 1ull << 63);
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	good();
	if (argc > 1)
		bad((int)strtol(argv[1], NULL, 10));
	puts("ready");
	fflush(stdout);
#ifdef __x86_64__
	/* its stack is at 0, and the return address just below that */
	if (argc > 1 && strtol(argv[1], NULL, 10) == 8)
		__asm__ volatile(".cfi_remember_state\n\t.cfi_def_cfa rsp, 8\n\t"
				".cfi_offset rip, -16\n\txor %esp, %esp\n0:\tjmp 0b\n\t"
				".cfi_restore_state");
#endif
	for (volatile uint64_t i = 0;; i++)     /* it runs, so its stack is read each time */
		;
}

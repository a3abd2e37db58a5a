/* test_sampled_stack.c - chains of frames a sampler may find torn: what they may not
 * do is keep it busy.  Made in this process's own memory; counts the system calls.
 */
#include "sample_code.h"
#include "sample_stack.h"
#include "tap.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DEEP = 50000, MANY = 3000 };

struct frame { uint64_t previous, code, unit; };
struct state { uint64_t next, frame; };

static const struct interpreter_image image = { .minor = 10, .offsets = {
	.thread_next = 0, .thread_frame = 8, .thread_chunk = -1, .cframe_current = -1,
	.frame_previous = 0, .frame_code = 8, .frame_instr = 16, .frame_owner = -1,
	.code_units = -1, .code_traceable = -1, .code_lines = 8,
} };
static struct frame frame[DEEP];
static struct state state;
static struct py_state at;
static unsigned long calls;

/* In place of the C library's. */
ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long n,
		const struct iovec *there, unsigned long m, unsigned long flags)
{
	calls++;
	return syscall(SYS_process_vm_readv, pid, local, n, there, m, flags);
}

static const struct chain *walk(struct stack_reader *r, struct stack_guess *g, bool *stable)
{
	const struct py_state *states = &at;

	at.address = (uintptr_t)&state;
	memcpy(at.bytes, &state, sizeof state);
	calls = 0;
	return stack_read(r, &states, 1, g, sizeof state, stable);
}

/* N frames; the outermost is called by frame BACK, by none if that is N. */
static void build(size_t n, size_t back)
{
	for (size_t i = 0; i < n; i++)
		frame[i] = (struct frame){ .previous = i + 1 < n ? (uintptr_t)&frame[i + 1] : 0,
			.code = 4096 + 8 * i, .unit = i };
	if (back < n)
		frame[n - 1].previous = (uintptr_t)&frame[back];
	state = (struct state){ .frame = (uintptr_t)&frame[0] };
}

static void circles(void)
{
	static const size_t shape[][2] = { { 1, 0 }, { 2, 0 }, { 2, 1 }, { 3, 2 }, { 100, 0 },
		{ 100, 57 }, { 1000, 999 }, { 1000, 1 } };
	struct stack_reader r = { .pid = getpid(), .image = &image };
	struct stack_guess g = { 0 };
	const struct chain *c;
	bool stable;

	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
		build(shape[i][0], shape[i][1]);
		c = walk(&r, &g, &stable);
		ok(c && !c->whole && !stable);
		ok(c && c->n < 4 * shape[i][0] + 4);
		ok(calls < shape[i][0] + 4);
	}
	free(g.frame);
	free(g.chunk);
	stack_reader_free(&r);
}

static void whole(void)
{
	static const size_t depth[] = { 1, 2, 3, 1000, 4000 };
	struct stack_reader r = { .pid = getpid(), .image = &image };
	struct stack_guess g = { 0 };
	const struct chain *c;
	bool stable;

	for (size_t i = 0; i < sizeof depth / sizeof *depth; i++) {
		build(depth[i], depth[i]);
		c = walk(&r, &g, &stable);
		ok(c && c->whole && c->n == depth[i] && stable);
		ok(c && c->n && c->x[c->n - 1].code == 4096 + 8 * (depth[i] - 1));
		/* where they were the last time, they are read at once */
		c = walk(&r, &g, &stable);
		ok(c && c->whole && stable && calls < 4 + 2 * depth[i] / 500);
	}
	/* ever deeper, as a recursion goes, until all of it is known */
	build(DEEP, DEEP);
	for (size_t i = 0; i < DEEP / MANY && !(c = walk(&r, &g, &stable))->whole; i++)
		ok(c->n > 0);
	ok(c && c->whole && c->n == DEEP);
	free(g.frame);
	free(g.chunk);
	stack_reader_free(&r);
}

/* What is no code object is looked at once a moment, however often it is in the chain. */
static void bad_code(void)
{
	struct codes codes = { .pid = getpid(), .image = &image, .tree = mp_tree_new() };
	struct py_frame *x = calloc(MANY, sizeof *x);
	struct chain c = { .x = x, .n = MANY, .whole = true };
	uint32_t def, location;

	for (size_t i = 0; i < MANY; i++)
		x[i] = (struct py_frame){ .code = i % 3 ? 4096 : 8192, .unit = 1 };
	for (uint64_t moment = 1; moment < 4; moment++) {
		calls = 0;
		codes_check(&codes, &c, moment);
		ok(calls > 0 && calls < 10);
		ok(codes_place(&codes, &x[0], moment, &def, &location) == CODE_UNKNOWN);
	}
	mp_tree_free(codes.tree);
	codes_free(&codes);
	free(x);
}

int main(void)
{
	circles();
	whole();
	bad_code();
	return tap_done();
}

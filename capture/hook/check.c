/* check.c - every stack put together from caches once more from scratch, and once
 * by libgcc's unwinder (mp-capture --check-stacks).
 *
 * The caches are not touched, so that what is checked is what they do.
 */
#include "internal.h"

struct hook_check {
	struct hook_walk *walk;
	struct python_stack *python;
	uint64_t full[HOOK_FRAMES_MAX];
};

static void count(enum mp_check what)
{
	atomic_fetch_add_explicit(&hook_session->check[what], 1, memory_order_relaxed);
}

static bool ready(struct hook_thread *t)
{
	if (t->check == NULL)
		t->check = hook_map(sizeof(*t->check));
	return t->check != NULL;
}

static uint64_t native_anew(struct hook_thread *t, struct hook_caller caller, unsigned *n,
			    unsigned *flags)
{
	struct hook_walk *walk = t->walk;
	uint64_t hash = 0;

	t->walk = t->check->walk;
	if (hook_unwind_ready(t)) {
		hash = hook_unwind(t, caller, flags);
		*n = hook_unwind_frames(t, caller, t->native);
	}
	t->check->walk = t->walk;
	t->walk = walk;
	return hash;
}

static uint64_t python_anew(struct hook_thread *t, unsigned *flags)
{
	struct python_stack *stack = t->python_stack;
	uint64_t hash;

	t->python_stack = t->check->python;
	python_forget(t);
	hash = python_walk(t, flags);
	t->check->python = t->python_stack;
	t->python_stack = stack;
	return hash;
}

static bool as_libgcc(struct hook_thread *t, struct hook_caller caller, unsigned n)
{
	uint64_t *full = t->check->full;
	unsigned flags = 0, m = hook_unwind_full(caller, full, HOOK_FRAMES_MAX, &flags);

	if (m != n || flags != 0)
		return false;
	while (m > 0 && full[m - 1] == t->native[m - 1])
		m--;
	return m == 0;
}

HOOK_COLD void hook_check_stack(struct hook_thread *t, struct hook_caller caller,
				uint64_t native, uint64_t python, unsigned flags)
{
	unsigned n = 0, now = flags & MP_STACK_NO_NATIVE;

	if (!ready(t))
		return;
	count(MP_CHECK_STACKS);
	if (!(flags & MP_STACK_NO_NATIVE)) {
		if (native_anew(t, caller, &n, &now) != native)
			count(MP_CHECK_NATIVE);
		if (!(now & (MP_STACK_CUT | MP_STACK_TORN)) && !as_libgcc(t, caller, n))
			count(MP_CHECK_ROWS);
	}
	if (hook_options & MP_OPT_PYTHON && python_anew(t, &now) != python)
		count(MP_CHECK_PYTHON);
	if (now != flags)
		count(MP_CHECK_FLAGS);
}

/* python_slots.c - puts the wrappers into the interpreter's table of allocators
 * and keeps them there while it starts: PYTHONMALLOC, -X dev, tracemalloc and a
 * second Py_Initialize() replace them without a word.
 *
 * malloc.c compares one slot of the table with what it held when we last looked
 * and calls python_watch() when it differs.  In a running interpreter a change
 * is the program's own and is left alone; one that is starting gets a new
 * generation of wrappers.  Only function pointers are written.
 */
#include "python.h"

/* In CPython's enum PyMemAllocatorDomain. */
static const int domain_number[PYTHON_DOMAINS] = { [PYTHON_MEM] = 1, [PYTHON_OBJECT] = 2 };

static volatile struct python_allocator *slots[PYTHON_DOMAINS];
static unsigned generations[PYTHON_DOMAINS];    /* in use */

static bool is_ours(unsigned domain, void *(*function)(void *, size_t))
{
	for (unsigned g = 0; g < generations[domain]; g++)
		if (python_wrappers(domain, g).malloc == function)
			return true;
	return false;
}

/* A generation whose originals are these; a new one if need be; -1: none left. */
static int generation_of(unsigned domain, const struct python_allocator *a)
{
	struct python_original *o = python_original[domain];
	unsigned g;

	for (g = 0; g < generations[domain]; g++)
		if (o[g].malloc == a->malloc && o[g].calloc == a->calloc &&
		    o[g].realloc == a->realloc && o[g].free == a->free)
			return (int)g;
	if (g == PYTHON_GENERATIONS)
		return -1;
	o[g].malloc = a->malloc;
	o[g].calloc = a->calloc;
	o[g].realloc = a->realloc;
	o[g].free = a->free;
	generations[domain] = g + 1;
	return (int)g;
}

static bool reinstall(unsigned domain)
{
	volatile struct python_allocator *slot = slots[domain];
	struct python_allocator now = { slot->ctx, slot->malloc, slot->calloc, slot->realloc,
					slot->free };
	int g;

	if (is_ours(domain, now.malloc))
		return true;
	g = generation_of(domain, &now);
	if (g < 0)
		return false;
	now = python_wrappers(domain, (unsigned)g);
	atomic_thread_fence(memory_order_seq_cst);      /* the originals first */
	slot->free = now.free;
	slot->realloc = now.realloc;
	slot->calloc = now.calloc;
	slot->malloc = now.malloc;
	return true;
}

static HOOK_COLD void say_lost(void)
{
	struct hook_thread *t = hook_enter();

	if (t) {
		hook_event_note(t, "Python's allocators were replaced too often: "
				   "its objects are not traced from here on");
		hook_leave(t);
	}
}

static void look_at(void *now)
{
	hook_watch.expect = now;
	hook_watch.slot = (void *volatile *)&slots[PYTHON_OBJECT]->malloc;
}

HOOK_COLD void python_watch(void)
{
	static _Atomic uint32_t busy;
	volatile struct python_allocator *slot = slots[PYTHON_OBJECT];

	if (!slot || atomic_exchange(&busy, 1))
		return;
	if (!is_ours(PYTHON_OBJECT, slot->malloc) && !python_initialized()) {
		bool mem = reinstall(PYTHON_MEM), object = reinstall(PYTHON_OBJECT);

		if (!mem || !object)
			say_lost();
	}
	look_at((void *)(uintptr_t)slot->malloc);
	atomic_store(&busy, 0);
}

/* Where in the module's data are the five words of this allocator? */
static volatile struct python_allocator *find(const struct python_allocator *a)
{
	uintptr_t from, to;

	for (unsigned i = 0; hook_writable_segment(mp_python.runtime, i, &from, &to); i++)
		for (from = (from + 7) & ~7ul; from + sizeof(*a) <= to; from += 8) {
			volatile struct python_allocator *x =
				(volatile struct python_allocator *)from;

			if (x->malloc == a->malloc && x->calloc == a->calloc &&
			    x->realloc == a->realloc && x->free == a->free && x->ctx == a->ctx)
				return x;
		}
	return NULL;
}

bool python_slots_install(void)
{
	void (*get)(int, struct python_allocator *);
	void (*set)(int, const struct python_allocator *);
	struct python_allocator a, ours;

	get = (void (*)(int, struct python_allocator *))
		(uintptr_t)hook_find_symbol("PyMem_GetAllocator");
	set = (void (*)(int, const struct python_allocator *))
		(uintptr_t)hook_find_symbol("PyMem_SetAllocator");
	if (!get || !set)
		return false;
	for (unsigned d = 0; d < PYTHON_DOMAINS; d++) {
		get(domain_number[d], &a);
		ours = python_wrappers(d, (unsigned)generation_of(d, &a));
		ours.ctx = a.ctx;
		set(domain_number[d], &ours);
		slots[d] = find(&ours);
	}
	/* Without the table a change goes unnoticed; the wrappers work as long as
	 * nobody replaces them. */
	if (slots[PYTHON_MEM] && slots[PYTHON_OBJECT])
		look_at((void *)(uintptr_t)ours.malloc);
	else
		slots[PYTHON_MEM] = slots[PYTHON_OBJECT] = NULL;
	return true;
}

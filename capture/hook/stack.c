/* stack.c - stacks get an id in their thread: one look-up by a hash over every
 * frame, native and Python.
 *
 * Invariant: a stack's record is published before an event names its id, and a
 * module's before a stack that runs through it.
 */
#include "internal.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

struct entry {
	uint64_t hash;          /* 0: free */
	uint32_t id, unused;
};

/* The line of an instruction, once it is known: reading the line table from its
 * start costs more than all the rest of a new stack.  Ids of code are never used
 * again in an image. */
struct line {
	uint32_t code, instr;   /* code 0: free */
	int32_t line;
};

enum { FIRST_ENTRIES = 4096, LINES = 4096 };

/* The stack defined last, outermost frames first: the next one mostly ends as it did. */
struct last {
	uint64_t native[HOOK_FRAMES_MAX];
	struct py_raw frame[HOOK_FRAMES_MAX];
	unsigned natives, pythons;
	uint32_t generation;    /* of the modules */
};

struct hook_stacks {
	struct entry *table;
	size_t mask, used;      /* entries - 1 */
	uint32_t next_id;
	struct line line[LINES];
	struct last last;
};

void hook_stacks_reset(struct hook_thread *t)
{
	struct hook_stacks *s = t->stacks;

	if (!hook_unwind_ready(t))
		return;
	if (s == NULL) {
		s = hook_map(sizeof(*s));
		if (s == NULL)
			return;
		s->table = hook_map(FIRST_ENTRIES * sizeof(*s->table));
		if (s->table == NULL) {
			hook_unmap(s, sizeof(*s));
			return;
		}
		s->mask = FIRST_ENTRIES - 1;
		t->stacks = s;
	} else {
		hook_syscall(SYS_madvise, (long)s->table,
			     (long)((s->mask + 1) * sizeof(*s->table)), MADV_DONTNEED, 0, 0, 0);
		memset(s->line, 0, sizeof(s->line));
	}
	s->used = 0;
	s->next_id = 1;
	s->last.natives = s->last.pythons = 0;
}

static struct entry *find(const struct hook_stacks *s, uint64_t hash)
{
	size_t i = hash & s->mask;

	while (s->table[i].hash != 0 && s->table[i].hash != hash)
		i = (i + 1) & s->mask;
	return &s->table[i];
}

static bool grow(struct hook_stacks *s)
{
	struct hook_stacks larger = *s;
	size_t entries = (s->mask + 1) * 4, i;

	larger.mask = entries - 1;
	larger.table = hook_map(entries * sizeof(*s->table));
	if (larger.table == NULL)
		return false;
	for (i = 0; i <= s->mask; i++)
		if (s->table[i].hash != 0)
			*find(&larger, s->table[i].hash) = s->table[i];
	hook_unmap(s->table, (s->mask + 1) * sizeof(*s->table));
	*s = larger;
	return true;
}

static int32_t line_of(struct hook_stacks *s, const struct py_raw *frame)
{
	uint64_t at = (uint64_t)frame->code << 32 | (uint32_t)frame->instr;
	struct line *l = &s->line[(at * 0x9E3779B97F4A7C15ull >> 32) % LINES];
	int32_t line;

	if (l->code == frame->code && l->instr == (uint32_t)frame->instr && l->code != 0 &&
	    frame->object != NULL)
		return l->line;
	line = python_line(frame);
	if (frame->object != NULL && (int64_t)frame->instr < INT32_MAX) {
		l->code = 0;    /* a signal handler has a table of its own, but may leave for good */
		atomic_signal_fence(memory_order_seq_cst);
		l->instr = (uint32_t)frame->instr;
		l->line = line;
		atomic_signal_fence(memory_order_seq_cst);
		l->code = frame->code;
	}
	return line;
}

static bool same_frame(const struct py_raw *a, const struct py_raw *b)
{
	return a->code == b->code && a->instr == b->instr && a->entry == b->entry &&
	       a->object == b->object;
}

/* Outermost frames that are those of the stack before, but for the innermost of either:
 * it stands elsewhere in its function, or its address is no return address. */
static unsigned same_natives(const struct hook_thread *t, const struct last *l, unsigned n)
{
	unsigned i = 0;

	while (i + 1 < n && i + 1 < l->natives && l->native[i] == t->native[n - 1 - i])
		i++;
	return i;
}

static unsigned same_pythons(const struct hook_thread *t, const struct last *l, unsigned n)
{
	unsigned i = 0;

	while (i + 1 < n && i + 1 < l->pythons && same_frame(&l->frame[i], &t->frames[n - 1 - i]))
		i++;
	return i;
}

static void keep(const struct hook_thread *t, struct last *l, unsigned same_natives,
		 unsigned natives, unsigned same_pythons, unsigned pythons)
{
	for (unsigned i = same_natives; i < natives; i++)
		l->native[i] = t->native[natives - 1 - i];
	for (unsigned i = same_pythons; i < pythons; i++)
		l->frame[i] = t->frames[pythons - 1 - i];
	atomic_signal_fence(memory_order_seq_cst);
	l->natives = natives;
	l->pythons = pythons;
}

static bool publish(struct hook_thread *t, uint32_t id, unsigned natives, unsigned pythons,
		    unsigned flags)
{
	struct last *l = &t->stacks->last;
	uint32_t generation = atomic_load_explicit(&hook_generation, memory_order_relaxed);
	unsigned native, python, i;
	struct mp_rec_stack r;
	uint64_t *w;

	if (l->generation != generation)        /* an address may mean something else */
		l->natives = 0;
	native = same_natives(t, l, natives);
	python = same_pythons(t, l, pythons);
	r = (struct mp_rec_stack){
		.w0 = MP_REC_WORD0(MP_REC_STACK, 0, 0, 0),
		.id = id,
		.same_natives = (uint16_t)native,
		.same_pythons = (uint16_t)python,
		.natives = (uint16_t)(natives - native),
		.pythons = (uint16_t)(pythons - python),
		.flags = flags,
	};
	r.words = (uint32_t)(sizeof(r) / 8 + r.natives + 2ul * r.pythons);
	/* a signal handler may leave for good from here on */
	l->natives = l->pythons = 0;
	atomic_signal_fence(memory_order_seq_cst);
	hook_modules_of(t, t->native, r.natives);
	w = hook_reserve(t, r.words, false, 0);
	if (w == NULL)
		return false;
	memcpy(w, &r, sizeof(r));
	w += sizeof(r) / 8;
	memcpy(w, t->native, r.natives * 8ul);
	w += r.natives;
	for (i = 0; i < r.pythons; i++) {
		struct mp_rec_frame f = {
			.code = t->frames[i].code,
			.line = line_of(t->stacks, &t->frames[i]),
			.entry = t->frames[i].entry,
		};

		memcpy(w, &f, sizeof(f));
		w += 2;
	}
	hook_publish(t, r.words);
	keep(t, l, native, natives, python, pythons);
	l->generation = generation;
	return true;
}

HOOK_COLD static uint32_t define(struct hook_thread *t, uint64_t hash,
				 struct hook_caller caller, unsigned flags)
{
	struct hook_stacks *s = t->stacks;
	unsigned natives = 0, pythons = 0;
	struct entry *e;
	uint32_t id = s->next_id;

	if (s->used * 2 > s->mask && !grow(s) && s->used == s->mask)
		return 0;
	if (hook_options & MP_OPT_NATIVE)
		natives = hook_unwind_frames(t, caller, t->native);
	if (hook_options & MP_OPT_PYTHON)
		pythons = python_frames(t, t->frames);
	if (!publish(t, id, natives, pythons, flags))
		return 0;
	s->next_id++;
	e = find(s, hash);
	e->id = id;
	e->hash = hash;
	s->used++;
	return id;
}

uint32_t hook_stack(struct hook_thread *t, struct hook_caller caller)
{
	struct hook_stacks *s = t->stacks;
	unsigned flags = 0;
	const struct entry *e;
	uint64_t native = 0, python = 0, h;

	if (hook_unlikely(s == NULL))
		return 0;
	if (hook_likely(hook_options & MP_OPT_NATIVE))
		native = hook_unwind(t, caller, &flags);
	else
		flags = MP_STACK_NO_NATIVE;
	if (hook_likely(hook_options & MP_OPT_PYTHON))
		python = python_walk(t, &flags);
	if (hook_unlikely(hook_options & MP_OPT_CHECK))
		hook_check_stack(t, caller, native, python, flags);
	h = (uint64_t)atomic_load_explicit(&hook_generation, memory_order_relaxed) << 32 | flags;
	h = hook_mix(native + h * 0xC2B2AE3D27D4EB4Full, python) | 1;
	e = find(s, h);
	return hook_likely(e->hash == h) ? e->id : define(t, h, caller, flags);
}

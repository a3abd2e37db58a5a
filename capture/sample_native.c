/* sample_native.c - see sample_native.h. */
#include "sample_native.h"

#include "sample_memory.h"
#include "sample_proc.h"
#include "stacks.h"
#include "symboliser.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	MOST_DEPTH = LAST_FRAMES_MAX, LEAST_BYTES = 16384, MOST_BYTES = 1 << 20,
	LOOK_EVERY = 500000000, LEAST_GAP = 10000000,
	SHARE = 100,                    /* of the time, one part for copies and stops */
	PHOTO = 15000,                  /* ns a photograph takes the thread, at most */
};
#define MOST_GAP 5000000000ull

void native_counts_add(struct native_counts *to, const struct native_counts *c)
{
	to->stacks += c->stacks;
	to->cut += c->cut;
	to->torn += c->torn;
	to->unjoined += c->unjoined;
	to->missed += c->missed;
	to->waiting += c->waiting;
	to->spared += c->spared;
	to->photos += c->photos;
	to->stops += c->stops;
	to->held += c->held;
}

/* ---- modules ------------------------------------------------------------------------------ */

static bool send_module(struct native *n, const struct unwind_module *m)
{
	size_t path = strlen(m->path), size = sizeof(struct mp_rec_module) + path + m->build_id_size;
	struct mp_rec_module *r = calloc(1, size);
	bool good;

	if (!r)
		return false;
	r->base = m->base;
	r->from = m->from;
	r->to = m->to;
	r->path_len = (uint16_t)path;
	r->build_id_len = m->build_id_size;
	memcpy(r + 1, m->path, path);
	memcpy((char *)(r + 1) + path, m->build_id, m->build_id_size);
	good = path <= UINT16_MAX && stacks_module(n->stacks, r, size) == 0;
	free(r);
	return good;
}

static void gone(void *of, const struct unwind_module *m)
{
	const struct native *n = of;

	stacks_unload(n->stacks, m->base);
}

/* True: it is not what it was. */
static bool look(struct native *n)
{
	bool changed;

	if (!unwind_look(&n->unwind, &changed) || !changed)
		return false;
	for (size_t i = 0; i < n->unwind.n; i++)
		if (!n->unwind.x[i].kept)
			send_module(n, &n->unwind.x[i]);
	return n->changed = true;
}

void native_eval(struct native *n, uint64_t eval)
{
	struct mp_rec_image r = { .pid = (uint32_t)n->pid, .python = eval };

	stacks_image(n->stacks, &r, sizeof r);
}

bool native_attach(struct native *n, uint64_t eval)
{
	native_detach(n);
	n->unwind.pid = n->pid;
	n->unwind.gone = gone;
	n->unwind.of = n;
	n->stacks = stacks_new(n->tree, n->symboliser);
	if (!n->address)
		n->address = calloc(MOST_DEPTH, sizeof *n->address);
	if (!n->stacks || !n->address)
		return false;
	stacks_process(n->stacks, n->process);
	native_eval(n, eval);
	look(n);
	return true;
}

void native_detach(struct native *n)
{
	if (n->stacks) {
		n->counts.unjoined += stacks_counts(n->stacks).unjoined;
		stacks_free(n->stacks);
	}
	n->stacks = NULL;
	perf_free(n);
	unwind_free(&n->unwind);
	last_free(&n->last);
	free(n->bytes);
	free(n->address);
	n->bytes = NULL;
	n->address = NULL;
	n->room = n->size = 0;
}

void native_free(struct native *n)
{
	native_detach(n);
	free(n->late);
	n->late = NULL;
	n->n_late = n->late_room = 0;
}

bool native_refresh(struct native *n, uint64_t now)
{
	bool changed;

	if (n->stacks && now >= n->look_next) {
		n->look_next = now + LOOK_EVERY;
		look(n);
	}
	changed = n->changed;
	n->changed = false;
	return changed;
}

/* ---- the copy ------------------------------------------------------------------------------ */

bool native_room(struct native *n, size_t size)
{
	uint8_t *bytes;

	if (size <= n->room)
		return true;
	bytes = realloc(n->bytes, size);
	if (!bytes)
		return false;
	n->bytes = bytes;
	n->room = size;
	return true;
}

/* Up to MORE bytes of its stack behind what there is, to the end of its mapping. */
static bool copy_more(struct native *n, size_t more)
{
	if (!native_room(n, n->size + more))
		return false;
	for (; more >= 512; more /= 2) {
		if (remote_read(n->pid, n->state.sp + n->size, n->bytes + n->size, more)) {
			n->size += more;
			return true;
		}
	}
	return false;
}

/* As much as is likely to be asked for. */
static void copy_stack(struct native *n)
{
	size_t want = n->wanted < LEAST_BYTES ? LEAST_BYTES :
		n->wanted < MOST_BYTES ? n->wanted : MOST_BYTES;

	n->size = 0;
	copy_more(n, want);
}

/* Where a thread that waits for the kernel does so. */
static bool waits_at(struct native *n, const struct os_thread *t)
{
	int fd = proc_open(n->pid, t->tid, "syscall");
	unsigned long long sp = 0, ip = 0;
	char text[512], *p;

	proc_read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	/* "NUMBER six arguments SP IP", or "-1 SP IP", or "running" */
	p = strrchr(text, ' ');
	if (!p || p == text)
		return false;
	ip = strtoull(p, NULL, 16);
	for (p--; p > text && *p != ' '; p--)
		;
	sp = strtoull(p, NULL, 16);
	n->state = (struct hook_state){ .ip = ip, .sp = sp, .exact = true, .fp_unknown = true };
	return ip && sp;
}

static bool room_for_late(struct native *n)
{
	size_t room = n->late_room ? n->late_room * 2 : 16;
	uint32_t *x;

	if (n->n_late < n->late_room)
		return true;
	x = realloc(n->late, room * sizeof *x);
	if (!x)
		return false;
	n->late = x;
	n->late_room = room;
	return true;
}

static bool is_late(const struct native *n, uint32_t tid)
{
	for (size_t i = 0; i < n->n_late; i++)
		if (n->late[i] == tid)
			return true;
	return false;
}

static bool is_child(const struct native *n, uint32_t tid)
{
	return n->child && tid == (uint32_t)n->pid;
}

static bool hold(struct native *n, uint32_t tid)
{
	int is;

	if (is_late(n, tid) || !room_for_late(n))
		return false;
	is = ptrace_hold(tid, is_child(n, tid), &n->state, &n->stopped_at);
	if (is == 0) {
		n->late[n->n_late++] = tid;
		n->released = proc_clock();
	}
	if (is <= 0)
		n->counts.missed++;
	n->counts.stops += is >= 0;
	n->holds = is > 0;
	if (n->holds)
		copy_stack(n);
	return n->holds;
}

static bool has_had_its_share(const struct native *n)
{
	uint64_t spent = n->counts.held + n->counts.photos * PHOTO;

	return spent > (proc_clock() - n->began) / SHARE + 1000000;
}

static bool copy_running(struct native *n, const struct os_thread *t)
{
	int is;

	if (!n->began)
		n->began = proc_clock();
	if (has_had_its_share(n)) {
		n->counts.spared++;
		return false;
	}
	if (n->no_perf)
		return hold(n, t->tid);
	is = perf_photo(n, t->tid, t->cpu);
	n->counts.photos += is > 0;
	n->counts.waiting += is == 0;
	if (is >= 0)
		return is > 0;
	n->no_perf = true;
	return hold(n, t->tid);
}

bool native_begin(struct native *n, const struct os_thread *t)
{
	n->size = 0;
	if (!n->stacks)
		return false;
	if (t->running)
		return copy_running(n, t);
	if (!waits_at(n, t))
		return false;
	copy_stack(n);
	return true;
}

void native_end(struct native *n, const struct os_thread *t)
{
	if (!n->holds)
		return;
	if (!ptrace_let_go(t->tid)) {
		n->late[n->n_late++] = t->tid;  /* hold() left room */
		n->released = proc_clock();
	}
	n->holds = false;
	n->counts.held += proc_clock() - n->stopped_at;
}

void native_release(struct native *n)
{
	uint64_t now = n->n_late ? proc_clock() : 0;
	size_t left = 0;

	for (size_t i = 0; i < n->n_late; i++) {
		if (ptrace_release(n->late[i], is_child(n, n->late[i])))
			n->counts.held += now - n->released;    /* at most */
		else
			n->late[left++] = n->late[i];
	}
	n->n_late = left;
	n->released = now;
}

/* ---- the stack ------------------------------------------------------------------------------ */

static bool load(void *of, uintptr_t address, uintptr_t *out)
{
	struct native *n = of;
	uint64_t at = address - n->state.sp;

	if (address < n->state.sp || address & 7)
		return false;
	if (at > MOST_BYTES)
		return remote_read(n->pid, address, out, sizeof *out);
	if (at + 8 > n->wanted)
		n->wanted = at + 4096;
	while (at + 8 > n->size)
		if (!copy_more(n, 4 * LEAST_BYTES))
			return remote_read(n->pid, address, out, sizeof *out);
	memcpy(out, n->bytes + at, sizeof *out);
	return true;
}

/* Code in no file known: a library may have come; the rarer it was one, the rarer we look. */
static bool look_for_stranger(struct native *n)
{
	uint64_t now = proc_clock();

	if (now < n->looked + n->look_gap)
		return false;
	n->looked = now;
	n->look_gap = n->look_gap ? n->look_gap * 2 : LEAST_GAP;
	if (n->look_gap > MOST_GAP)
		n->look_gap = MOST_GAP;
	if (!look(n))
		return false;
	n->look_gap = 0;
	return true;
}

uint32_t native_node(struct native *n, const uint32_t *location, const bool *entry, size_t pythons)
{
	const struct cfi_memory memory = { load, n };
	struct last *l = &n->last;
	uint64_t strangers = n->unwind.strangers;
	unsigned flags;
	size_t natives;

	n->wanted = 0;
	natives = unwind_stack(&n->unwind, n->state, &memory, n->address, MOST_DEPTH, &flags);
	if (n->unwind.strangers > strangers && look_for_stranger(n))
		natives = unwind_stack(&n->unwind, n->state, &memory, n->address, MOST_DEPTH,
				&flags);
	if (pythons > LAST_FRAMES_MAX)
		pythons = LAST_FRAMES_MAX;
	l->natives = l->pythons = 0;
	if (!last_room(l, natives, pythons))
		return 0;
	for (size_t i = 0; i < natives; i++) {
		l->native[i].address = n->address[natives - 1 - i];
		l->native[i].location = stacks_native(n->stacks, l->native[i].address);
		if (!l->native[i].location)
			return 0;
	}
	for (size_t i = 0; i < pythons; i++)
		l->python[i] = (struct last_python){ location[pythons - 1 - i],
			entry[pythons - 1 - i] };
	l->natives = natives;
	l->pythons = pythons;
	n->counts.stacks++;
	n->counts.cut += flags == MP_STACK_CUT;
	n->counts.torn += flags == MP_STACK_TORN;
	return natives || pythons ? stacks_join(n->stacks, l, flags) : 0;
}

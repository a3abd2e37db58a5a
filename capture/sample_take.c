/* sample_take.c - see sample_take.h. */
#include "sample_take.h"

#include "encode.h"
#include "sample_own.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OTHER_LEAST 100000000ull         /* ns */
#define OTHER_MOST 4000000000ull

enum { IDLE_EVERY = 100000000, MOST_JOINED = 64 };

/* ---- stacks ----------------------------------------------------------------------------- */

static bool reserve(struct sampler *s, size_t n)
{
	size_t room = s->location_room ? s->location_room : 64;
	uint32_t *location;
	uint64_t *call;
	bool *entry;

	while (room < n)
		room *= 2;
	if (room == s->location_room)
		return true;
	location = realloc(s->location, room * sizeof *location);
	if (location)
		s->location = location;
	call = realloc(s->call, room * sizeof *call);
	if (call)
		s->call = call;
	entry = realloc(s->entry, room * sizeof *entry);
	if (entry)
		s->entry = entry;
	if (!location || !call || !entry)
		return false;
	s->location_room = room;
	return true;
}

/* Behind N frames those of a whole chain the interpreter would show, innermost first.
 * *BROKEN: those inside of the first one are not known. */
static size_t place_chain(struct sampler *s, struct codes *codes, const struct chain *c,
		uint64_t moment, size_t n, bool *broken)
{
	uint32_t def = 0;

	if (c->n)
		codes_check(codes, c, moment);
	for (size_t i = 0; i < c->n; i++) {
		enum code_place place = codes_place(codes, &c->x[i], moment, &def,
				&s->location[n]);

		if (place == CODE_UNKNOWN) {
			n = 0;          /* what it called is not to be trusted either */
			*broken = true;
		} else if (place == CODE_AT) {
			s->entry[n] = c->x[i].entry;
			s->call[n++] = def;
		} else if (n) {
			s->entry[n - 1] |= c->x[i].entry;
		}
	}
	return n;
}

/* Of both interpreters, and for each frame the call that leads to it. */
static size_t place_frames(struct sampler *s, const struct chain *inner, const struct chain *c,
		uint64_t moment, bool *broken)
{
	uint32_t outer = 0;
	size_t n = 0;

	*broken = false;
	if (s->other)
		n = place_chain(s, &s->other->codes, inner, moment, n, broken);
	n = place_chain(s, &s->codes, c, moment, n, broken);
	for (size_t i = n; i-- > 0; outer = s->location[i])
		s->call[i] |= (uint64_t)outer << 32;
	return n;
}

static bool is_sure(const struct sampler *s, uint32_t node)
{
	return node < s->sure_room && s->sure[node];
}

static void put_calls(struct sampler *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->failed |= table_put(&s->calls, s->call[i], 1) < 0;
}

static void make_sure(struct sampler *s, uint32_t node, size_t n)
{
	size_t room = s->sure_room ? s->sure_room : 1024;
	uint8_t *sure;

	put_calls(s, n);
	while (room <= node)
		room *= 2;
	if (room > s->sure_room) {
		sure = realloc(s->sure, room);
		if (!sure) {
			s->failed = true;
			return;
		}
		memset(sure + s->sure_room, 0, room - s->sure_room);
		s->sure = sure;
		s->sure_room = room;
	}
	s->sure[node] = 1;
}

/* Calls of the N frames down to NODE that were never seen in a stable stack. */
static void add_doubts(struct sampler *s, struct pending *p, size_t n)
{
	uint32_t node = p->node;

	p->doubt = (uint32_t)s->n_doubt;
	for (size_t i = 0; i < n; i++) {
		node = s->tree->node.x[node].parent;
		if (table_find(&s->calls, s->call[i]))
			continue;
		if (!sample_room(s, &s->doubt, s->n_doubt, &s->doubt_room, sizeof *s->doubt))
			return;
		s->doubt[s->n_doubt++] = (struct doubt){ s->call[i], node };
		p->doubts++;
	}
}

/* The Python frames of T; without any it is empty.  NULL: they cannot be told. */
static const struct chain *read_chain(struct sampler *s, struct os_thread *t, bool *stable)
{
	const struct py_state *state[MOST_JOINED];
	const struct chain *c;
	size_t n = 0;

	*stable = true;
	for (size_t i = 0; i < s->threads.states && n < MOST_JOINED; i++)
		if (s->threads.state[i].thread == t)
			state[n++] = &s->threads.state[i];
	if (!n)
		return &no_frames;
	c = stack_read(&s->reader, state, n, &t->guess, s->threads.state_bytes, stable);
	return c && c->whole ? c : NULL;
}

static uint32_t note(struct sampler *s, uint32_t node, const char *text)
{
	uint32_t code = mp_def_code(s->tree, mp_def_cstring(s->tree, text), 0, 0);

	return mp_def_node(s->tree, node, mp_def_location(s->tree, MP_LOC_NOTE, code, 0));
}

/* Of N Python frames that are known, without native ones. */
static bool place_python(struct sampler *s, size_t n, bool stable, struct pending *p)
{
	if (n)
		p->node = trail_put(&s->trail, s->tree, s->location, n);
	else if (s->native.stacks && !p->broken)
		p->node = note(s, 0, "[not copied]");
	else if (!p->broken)
		return false;
	if (stable && !p->broken && n)
		make_sure(s, p->node, n);
	else if (!is_sure(s, p->node))
		add_doubts(s, p, n);
	return true;
}

/* Whether each call of N frames has been seen in a stable stack. */
static bool all_known(const struct sampler *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!table_find(&s->calls, s->call[i]))
			return false;
	return true;
}

/* The stack of thread T, into P.  False: it has none. */
static bool read_stack(struct sampler *s, struct os_thread *t, uint64_t moment, struct pending *p)
{
	bool copied = native_begin(&s->native, t), stable, inner_stable = true;
	const struct chain *c = read_chain(s, t, &stable), *inner = &no_frames;
	size_t n;

	if (s->other)
		inner = other_chain(s->other, t, &inner_stable);
	stable &= inner_stable;

	if (copied)
		native_end(&s->native, t);
	p->node = 0;
	if (!c || !inner || !reserve(s, c->n + inner->n + 1)) {
		p->broken = true;
		return true;
	}
	if (!c->n && !inner->n && !s->native.stacks)
		return false;
	n = place_frames(s, inner, c, moment, &p->broken);
	if (copied && !p->broken && (stable || all_known(s, n)))
		p->node = native_node(&s->native, s->location, s->entry, n);
	if (!p->node)
		return place_python(s, n, stable, p);
	if (stable)
		put_calls(s, n);
	return true;
}

/* ---- one moment ------------------------------------------------------------------------- */

void sampler_name(struct sampler *s, struct os_thread *t, uint64_t now)
{
	struct mp_thread def = { .process = s->process, .tid = t->tid };
	char name[64];
	size_t n;

	if (t->id && (!t->ran_since || s->thread_of))
		return;
	if (s->thread_of) {
		t->id = s->thread_of(s->thread_ctx, t->tid, now);
		s->counts.threads++;
		return;
	}
	n = threads_name(&s->threads, t, name, sizeof name);
	t->ran_since = false;
	if (t->id) {
		if (n)
			mp_set_thread_name(s->tree, t->id, mp_def_string(s->tree, name, n));
		return;
	}
	def.name = mp_def_string(s->tree, name, n);
	def.start = now / SAMPLE_TICK;
	t->id = mp_def_thread(s->tree, &def);
	s->counts.threads++;
}

void sampler_put(struct sampler *s, struct os_thread *t, struct pending p, uint32_t state,
		uint64_t weight, uint64_t now)
{
	p.time = now;
	p.weight = weight;
	p.state = state | (t->locks ? MP_STATE_LOCK : 0);
	p.rss = s->size.rss;
	p.process = s->process;
	p.thread = t->id;
	if (!sample_room(s, &s->pending, s->n_pending, &s->pending_room, sizeof *s->pending))
		return;
	s->pending[s->n_pending++] = p;
	if (state & MP_STATE_IDLE)
		s->counts.idle++;
	else
		s->counts.running++;
}

/* An idle thread's stack cannot change: it is read when the thread has run, no more than
 * ten times a second. */
static void take_idle(struct sampler *s, struct os_thread *t, uint64_t moment, uint64_t gap,
		uint64_t now)
{
	struct pending p = { .node = t->idle_node };

	t->idle_ns += gap;
	if (t->idle_time && now - t->idle_time < IDLE_EVERY && !s->all_idle)
		return;
	if (t->moved || !t->idle_node) {
		t->moved = false;
		if (!read_stack(s, t, moment, &p))
			return;
		t->idle_node = p.broken || p.doubts ? 0 : p.node;
	}
	sampler_put(s, t, p, MP_STATE_IDLE, t->idle_ns, now);
	t->idle_ns = 0;
	t->idle_time = now;
}

/* Who holds the lock of an interpreter. */
static void take_locks(struct sampler *s)
{
	bool any = false;

	for (size_t i = 0; i < s->threads.n; i++)
		s->threads.thread[i]->locks = false;
	for (size_t i = 0; i < s->threads.states; i++) {
		struct py_state *state = &s->threads.state[i];

		any |= state->holds_gil;
		if (state->holds_gil && state->thread)
			state->thread->locks = true;
	}
	for (size_t i = 0; i < s->threads.n; i++) {
		struct os_thread *t = s->threads.thread[i];

		any |= t->locks_other;
		t->locks |= t->locks_other;
		t->locks_other = false;
	}
	s->counts.locked += any;
}

/* It may be loaded at any time, and is rarely there: the looks get rarer. */
static void take_other(struct sampler *s, uint64_t now)
{
	if (!s->other && s->image.readable && now >= s->other_next) {
		s->other = other_find(s->pid, &s->image, s->tree);
		s->other_gap = s->other_gap < OTHER_LEAST ? OTHER_LEAST :
			s->other_gap < OTHER_MOST ? s->other_gap * 2 : OTHER_MOST;
		s->other_next = now + s->other_gap;
		/* stacks of those that wait may be longer than they seemed */
		for (size_t i = 0; i < s->threads.n && s->other; i++)
			s->threads.thread[i]->idle_node = 0;
	}
	if (s->other && !other_read(s->other, &s->threads)) {
		other_free(s->other);
		s->other = NULL;
	}
}

static void take_thread(struct sampler *s, struct os_thread *t, uint64_t moment, uint64_t gap,
		uint64_t now)
{
	struct pending p = { 0 };

	if (s->gil_only && !t->locks)
		return;
	if (!t->id)
		sampler_name(s, t, now);
	if (!t->running && !s->gil_only) {
		take_idle(s, t, moment, gap, now);
		return;
	}
	t->idle_node = 0;
	if (read_stack(s, t, moment, &p))
		sampler_put(s, t, p, 0, gap, now);
}

bool sampler_take(struct sampler *s, uint64_t now)
{
	uint64_t gap = now - s->last;

	s->again |= native_refresh(&s->native, now);
	if (!threads_read(&s->threads))
		return false;
	s->counts.moments++;
	if (!s->own_process)
		size_take(&s->size, s->writer, now);
	take_other(s, now);
	take_locks(s);
	for (size_t i = 0; i < s->threads.n; i++)
		if (s->threads.thread[i]->used)
			threads_look(&s->threads, s->threads.thread[i]);
	for (size_t i = 0; i < s->threads.n; i++) {
		struct os_thread *t = s->threads.thread[i];

		if (t->used && !t->gone)
			take_thread(s, t, s->counts.moments, gap, now);
	}
	for (size_t i = 0; i < s->threads.states; i++)
		s->counts.unknown += !s->threads.state[i].thread;
	sampler_leave(s, now);
	if (!s->own_process)
		size_take_pss(&s->size, s->writer, now);
	s->last = now;
	return true;
}

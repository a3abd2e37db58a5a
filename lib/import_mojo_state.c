/* import_mojo_state.c - what MOJO's messages refer to, and stacks on their way to
 * samples, see import_mojo.h. */
#include "import_mojo.h"

#include "import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = 1, FRAMES_MOST = 1 << 16 };

int mojo_fail(struct mojo *m, const char *what)
{
	return mp_err_set(&m->feed.error, "%s: byte %" PRIu64 ": %s", m->feed.name,
			m->feed.in->offset, what);
}

int mojo_no_memory(struct mojo *m)
{
	return mojo_fail(m, "out of memory, or over a limit of the format");
}

/* ---- references ------------------------------------------------------------------------- */

static struct mojo_reference *place(const struct mojo *m, uint32_t scope, uint64_t key)
{
	uint64_t h = (key ^ (uint64_t)scope << 40) * 0x9E3779B97F4A7C15ull;
	uint32_t i = (uint32_t)(h >> 32) & m->mask;

	while (m->ref[i].scope && (m->ref[i].scope != scope || m->ref[i].key != key))
		i = (i + 1) & m->mask;
	return &m->ref[i];
}

static bool grow(struct mojo *m)
{
	struct mojo_reference *old = m->ref;
	uint32_t room = old ? m->mask + 1 : 0, wide = room ? room * 2 : 1024;

	m->ref = wide > room ? calloc(wide, sizeof(*m->ref)) : NULL;
	if (!m->ref) {
		m->ref = old;
		return false;
	}
	m->mask = wide - 1;
	for (uint32_t i = 0; i < room; i++)
		if (old[i].scope)
			*place(m, old[i].scope, old[i].key) = old[i];
	free(old);
	return true;
}

int mojo_define(struct mojo *m, uint32_t kind, uint64_t key, uint32_t id)
{
	uint32_t scope = kind == MOJO_PROCESS ? kind : kind | m->p;
	struct mojo_reference *r;

	if (m->refs >= m->mask / 2 && !grow(m))
		return mojo_no_memory(m);
	r = place(m, scope, key);
	m->refs += !r->scope;
	*r = (struct mojo_reference){ key, scope, id };
	return m->tree->failed ? mojo_no_memory(m) : 0;
}

bool mojo_find(struct mojo *m, uint32_t kind, uint64_t key, uint32_t *id)
{
	const struct mojo_reference *r = m->ref ? place(m, kind | m->p, key) : NULL;

	*id = r ? r->id : 0;
	if (r && r->scope)
		return true;
	if (kind == MOJO_STRING && key <= UNKNOWN) {
		*id = key ? mp_def_cstring(m->tree, "<unknown>") : 0;
		return true;
	}
	mojo_fail(m, kind == MOJO_STRING ? "no such string" : "no such frame");
	return false;
}

/* ---- who -------------------------------------------------------------------------------- */

int mojo_find_process(struct mojo *m, uint64_t pid)
{
	struct mp_process def = { .pid = pid, .start = m->time / MOJO_TICK };
	const struct mojo_reference *r;
	struct mojo_process *moved;

	r = m->ref ? place(m, MOJO_PROCESS, pid) : NULL;
	if (r && r->scope) {
		m->p = r->id;
		return 0;
	}
	moved = m->processes < MOJO_STRING - 1 ?
		mp_more(m->process, m->processes, &m->process_room, sizeof(*moved)) : NULL;
	if (!moved)
		return mojo_no_memory(m);
	m->process = moved;
	m->process[m->processes++] = (struct mojo_process){ .id = mp_def_process(m->tree, &def) };
	if (mojo_define(m, MOJO_PROCESS, pid, m->processes))
		return -1;
	m->p = m->processes;
	return 0;
}

/* A number is the thread's own, unless it is too large for one; else it is a name. */
static uint32_t define_thread(struct mojo *m, const char *name, uint32_t string)
{
	struct mp_thread def = { .process = m->process[m->p - 1].id, .name = string,
		.start = m->time / MOJO_TICK };
	const char *digits = name + 2 * (name[0] == '0' && name[1] == 'x');

	if (mp_tsv_hex(digits, strlen(digits), &def.tid) && def.tid <= INT32_MAX)
		def.name = 0;
	else
		def.tid = 0;
	return mp_def_thread(m->tree, &def);
}

int mojo_find_thread(struct mojo *m, uint64_t iid, const char *name, size_t n)
{
	uint32_t string = mp_def_string(m->tree, name, n);
	uint64_t key = iid << 32 | string;
	const struct mojo_reference *r = place(m, MOJO_THREAD | m->p, key);
	struct mojo_thread *moved;

	if (r->scope) {
		m->t = r->id;
		return 0;
	}
	moved = mp_more(m->thread, m->threads, &m->thread_room, sizeof(*moved));
	if (!moved)
		return mojo_no_memory(m);
	m->thread = moved;
	m->thread[m->threads++] = (struct mojo_thread){ .clock = m->time,
		.id = define_thread(m, mp_str(m->tree, string), string) };
	if (mojo_define(m, MOJO_THREAD, key, m->threads))
		return -1;
	m->t = m->threads;
	return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

int mojo_put(struct mojo *m, uint32_t location)
{
	uint32_t *moved = mp_more(m->frame, m->frames, &m->frame_room, sizeof(*moved));

	if (!moved || !location)
		return mojo_no_memory(m);
	if (m->frames == FRAMES_MOST)
		return mojo_fail(m, "a stack of over 65,536 frames");
	m->frame = moved;
	m->frame[m->frames++] = location;
	return 0;
}

uint32_t mojo_note(struct mojo *m, const char *name)
{
	return mp_def_location(m->tree, MP_LOC_NOTE,
			mp_def_code(m->tree, mp_def_cstring(m->tree, name), 0, 0), 0);
}

/* Threads are sampled one after the other, each with the time since it was last; there
 * is no clock. */
static uint64_t pass(struct mojo *m, struct mojo_thread *t)
{
	if (__builtin_add_overflow(t->clock, m->weight, &t->clock))
		t->clock = UINT64_MAX;
	if (t->clock < m->time)
		t->clock = m->time;
	return m->time = t->clock;
}

/* For a stack that repeats this one. */
static int keep(struct mojo *m, struct mojo_thread *t)
{
	if (m->version < 4)
		return 0;
	if (t->room < m->frames) {
		uint32_t *moved = reallocarray(t->frame, m->frames, sizeof(*moved));

		if (!moved)
			return mojo_no_memory(m);
		t->frame = moved;
		t->room = m->frames;
	}
	if (m->frames)
		memcpy(t->frame, m->frame, m->frames * sizeof(*m->frame));
	t->frames = m->frames;
	return 0;
}

int mojo_flush(struct mojo *m)
{
	struct mp_event e = { .op = MP_OP_SAMPLE, .weight = m->weight, .state = m->state };
	struct mojo_thread *t;
	int64_t memory;

	if (!m->t)
		return 0;
	t = &m->thread[m->t - 1];
	memory = m->process[m->p - 1].memory;
	if (keep(m, t) || (m->gc && mojo_put(m, mojo_note(m, "[GC]"))))
		return -1;
	for (uint32_t i = 0; i < m->frames; i++)
		e.node = mp_def_node(m->tree, e.node, m->frame[i]);
	e.time = pass(m, t);
	e.thread = t->id;
	e.process = m->process[m->p - 1].id;
	e.rss = memory > 0 ? (uint64_t)memory : 0;
	m->t = 0;
	if (m->tree->failed)
		return mojo_no_memory(m);
	return mp_put_event(m->feed.writer, m->tree, &e) ?
		mojo_fail(m, mp_writer_error(m->feed.writer)) : 0;
}

/* What the thread's last stack had, but for native frames at its end, comes before. */
int mojo_repeat(struct mojo *m)
{
	const struct mojo_thread *t = &m->thread[m->t - 1];
	const struct mp_tree *tree = m->tree;
	uint32_t n = t->frames, now = m->frames;

	if (m->repeated)
		return mojo_fail(m, "a stack repeated twice");
	m->repeated = true;
	while (n && tree->location.x[t->frame[n - 1]].kind != MP_LOC_PYTHON)
		n--;
	for (uint32_t i = 0; i < n; i++)
		if (mojo_put(m, t->frame[i]))
			return -1;
	for (uint32_t i = 0; n && i < now; i++)         /* room for them at the end */
		if (mojo_put(m, m->frame[i]))
			return -1;
	if (n) {
		memmove(m->frame, m->frame + now, (m->frames - now) * sizeof(*m->frame));
		m->frames -= now;
	}
	return 0;
}

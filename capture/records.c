/* records.c - records that are no allocations: definitions, names, marks, forks,
 * loss and notes.
 */
#include "drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NAME: a string of the tree. */
static void put_mark(struct drain *d, struct slot *s, uint32_t name, int64_t value)
{
	uint32_t process = s ? s->image->memory.process : 0;

	if (s)
		drain_take_thread(d, s);
	mp_enc_mark(d->writer, d->time, s ? s->thread : 0, process, name, value);
	d->counts.marks++;
}

void drain_mark(struct drain *d, struct slot *s, const char *name, int64_t value)
{
	put_mark(d, s, mp_def_cstring(d->tree, name), value);
}

void drain_lost(struct drain *d, uint64_t events, uint64_t bytes)
{
	mp_enc_lost(d->writer, events, bytes);
	d->counts.lost_events += events;
	d->counts.lost_bytes += bytes;
}

/* ---- definitions ------------------------------------------------------------------------- */

void drain_define(struct drain *d, struct slot *s, const struct record *r)
{
	struct stacks *stacks = s->image->stacks;
	size_t bytes;

	if (r->type == MP_REC_UNLOAD) {
		stacks_unload(stacks, word(r, 1));
		return;
	}
	if (r->type != MP_REC_CODE && r->type != MP_REC_MODULE && r->type != MP_REC_IMAGE)
		return;
	bytes = slot_copy(r, d->copy, MP_CHUNK);
	if (r->type == MP_REC_CODE)
		stacks_code(stacks, (const struct mp_rec_code *)d->copy, bytes);
	else if (r->type == MP_REC_MODULE)
		stacks_module(stacks, (const struct mp_rec_module *)d->copy, bytes);
	else
		stacks_image(stacks, (const struct mp_rec_image *)d->copy, bytes);
}

static void define_stack(struct drain *d, struct slot *s, const struct record *r)
{
	const struct mp_rec_stack *stack = (const struct mp_rec_stack *)d->copy;
	size_t bytes = slot_copy(r, d->copy, MP_CHUNK);
	mp_node node;

	if (bytes < sizeof *stack)
		return;
	node = stacks_define(s->image->stacks, &s->last, stack, bytes);
	if (slot_set_node(s, stack->id, node) < 0)
		d->ident.failed = true;
}

/* The bytes that follow w1 and are counted in its low half. */
static size_t text_of(struct drain *d, const struct record *r, const char **text)
{
	size_t bytes = slot_copy(r, d->copy, MP_CHUNK);
	size_t n = bytes >= 16 ? (uint32_t)d->copy[1] & 0xffff : 0;

	*text = (const char *)(d->copy + 2);
	return bytes < 16 ? 0 : n < bytes - 16 ? n : bytes - 16;
}

/* Threads inherit the name of the process: that says nothing. */
static void thread_name(struct drain *d, struct slot *s, const struct record *r)
{
	const char *text;
	size_t n = text_of(d, r, &text);
	uint32_t name = mp_def_string(d->tree, text, n);

	if (s->tid == s->image->pid && !s->image->comm)
		s->image->comm = name;
	if (!name || name == s->image->comm)
		return;
	if (s->thread)
		mp_set_thread_name(d->tree, s->thread, name);
	else
		s->name = name;
}

void drain_say_once(struct drain *d, const char *text, size_t n)
{
	char *line = strndup(text, n);

	for (char *p = line; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	for (unsigned i = 0; line && i < d->n_notes; i++) {
		if (strcmp(d->notes[i], line) == 0) {
			free(line);
			return;
		}
	}
	if (!line || d->n_notes == sizeof d->notes / sizeof d->notes[0]) {
		free(line);
		return;
	}
	d->notes[d->n_notes++] = line;
	d->say(line);
}

static void note(struct drain *d, const struct record *r)
{
	const char *text;
	size_t n = text_of(d, r, &text);

	drain_say_once(d, text, n);
}

void drain_apply_definition(struct drain *d, struct slot *s, const struct record *r)
{
	if (r->type == MP_REC_STACK)
		define_stack(d, s, r);
	else if (r->type == MP_REC_THREAD_NAME)
		thread_name(d, s, r);
	else if (s->pos >= s->defined)
		drain_define(d, s, r);
}

/* ---- the program's own marks --------------------------------------------------------------- */

static bool has_meaning(const char *name, size_t n)
{
	static const char *const names[] = { "finalize", "pause", "resume", "exit status" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
			return true;
	return false;
}

static void program_mark(struct drain *d, struct slot *s, const char *name, size_t n,
		int64_t value)
{
	char text[32];
	int len;

	n = strnlen(name, n);
	if (!n)
		return;
	if (has_meaning(name, n)) {
		len = snprintf(text, sizeof text, "mark %.*s", (int)n, name);
		put_mark(d, s, mp_def_string(d->tree, text, (size_t)len), value);
	} else {
		put_mark(d, s, mp_def_string(d->tree, name, n), value);
	}
}

static void mark(struct drain *d, struct slot *s, const struct record *r)
{
	const struct mp_rec_mark *m = (const struct mp_rec_mark *)d->copy;
	size_t bytes = slot_copy(r, d->copy, MP_CHUNK), at;

	if (bytes < sizeof *m)
		return;
	at = sizeof *m + m->cuts * sizeof(struct mp_rec_cut);
	switch (MP_REC_KIND(m->w0)) {
	case MP_MARK_PAUSE:
		drain_mark(d, s, "pause", 0);
		s->image->memory.gaps = true;
		break;
	case MP_MARK_RESUME:
		drain_mark(d, s, "resume", 0);
		break;
	default:
		if (at <= bytes && m->name_len <= bytes - at)
			program_mark(d, s, (const char *)d->copy + at, m->name_len, m->value);
		break;
	}
}

void drain_apply_life(struct drain *d, struct slot *s, const struct record *r)
{
	uint64_t events, bytes;

	switch (r->type) {
	case MP_REC_FORK_END:
		if (MP_REC_ADDRESS(r->w0))
			drain_expect(d, (uint32_t)MP_REC_ADDRESS(r->w0));
		break;
	case MP_REC_FINALIZE:
		if (!s->image->finalized)
			drain_mark(d, s, "finalize", 0);
		s->image->finalized = true;
		break;
	case MP_REC_MARK:
		mark(d, s, r);
		break;
	case MP_REC_LOST:
		events = word(r, 1);
		bytes = word(r, 2);
		s->lost_events += events;
		s->lost_bytes += bytes;
		drain_lost(d, events, bytes);
		break;
	case MP_REC_NOTE:
		note(d, r);
		break;
	case MP_REC_EXEC:
		s->image->exec = true;
		break;
	default:
		break;
	}
}

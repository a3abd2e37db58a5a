/* sample_other.c - see sample_other.h. */
#include "sample_other.h"

#include "sample_proc.h"

#include <stdlib.h>

enum { MOST_JOINED = 64 };

struct sample_other *other_find(pid_t pid, const struct interpreter_image *first,
		struct mp_tree *tree)
{
	struct interpreter_image image;
	struct sample_other *o;

	if (!sample_find_other(pid, first, &image))
		return NULL;
	o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->image = image;
	threads_init(&o->threads, pid, &o->image);
	o->reader.pid = o->codes.pid = pid;
	o->reader.image = o->codes.image = &o->image;
	o->codes.tree = tree;
	return o;
}

bool other_read(struct sample_other *o, struct threads *all)
{
	struct os_thread *t, *own;

	if (!threads_read(&o->threads))
		return false;
	for (size_t i = 0; i < o->threads.n; i++)
		threads_look(&o->threads, o->threads.thread[i]);
	for (size_t i = 0; i < o->threads.states; i++) {
		own = o->threads.state[i].thread;
		t = own ? os_thread_get(all, own->tid) : NULL;
		if (!t)
			continue;
		t->used = true;
		t->locks_other |= o->threads.state[i].holds_gil;
	}
	while ((t = threads_gone(&o->threads)))
		threads_drop(&o->threads, t);
	return true;
}

const struct chain *other_chain(struct sample_other *o, const struct os_thread *t, bool *stable)
{
	const struct py_state *state[MOST_JOINED];
	struct os_thread *own = NULL;
	const struct chain *c;
	size_t n = 0;

	for (size_t i = 0; i < o->threads.states && n < MOST_JOINED; i++) {
		struct os_thread *its = o->threads.state[i].thread;

		if (!its || its->tid != t->tid)
			continue;
		own = its;
		state[n++] = &o->threads.state[i];
	}
	c = &no_frames;
	*stable = true;
	if (n)
		c = stack_read(&o->reader, state, n, &own->guess, o->threads.state_bytes, stable);
	return c && c->whole ? c : NULL;
}

void other_free(struct sample_other *o)
{
	if (!o)
		return;
	threads_free(&o->threads);
	stack_reader_free(&o->reader);
	codes_free(&o->codes);
	free(o);
}

/* sample_write.c - a sampler's output (sample_take.h). */
#include "sample_own.h"

#include "encode.h"

#include <stdlib.h>

enum { PENDING_MOST = 1 << 14 };

bool sample_room(struct sampler *s, void *x, size_t n, size_t *room, size_t size)
{
	size_t wide = *room ? *room * 2 : 64;
	void **at = x, *grown;

	if (n < *room)
		return true;
	grown = realloc(*at, wide * size);
	if (!grown) {
		s->failed = true;
		return false;
	}
	*at = grown;
	*room = wide;
	return true;
}

/* ---- writing ------------------------------------------------------------------------------- */

static uint32_t torn_under(struct sampler *s, uint32_t node)
{
	uint32_t code = mp_def_code(s->tree, mp_def_cstring(s->tree, "[torn]"), 0, 0);

	s->counts.torn++;
	return mp_def_node(s->tree, node, mp_def_location(s->tree, MP_LOC_NOTE, code, 0));
}

/* As far as every call has been seen in a stable stack by now. */
static uint32_t settled(struct sampler *s, const struct pending *p)
{
	uint32_t node = p->node;
	bool torn = p->broken;

	for (uint32_t i = p->doubt; i < p->doubt + p->doubts; i++)
		if (!table_find(&s->calls, s->doubt[i].call)) {
			node = s->doubt[i].node;        /* the outermost is the last */
			torn = true;
		}
	return torn ? torn_under(s, node) : node;
}

static void write_one(struct sampler *s, const struct pending *p)
{
	struct mp_event e = {
		.time = p->time, .process = p->process, .thread = p->thread,
		.node = settled(s, p), .weight = p->weight, .state = p->state, .rss = p->rss,
	};

	mp_enc_sample(s->writer, &e);
}

/* The one whose next sample is the oldest; NULL: none has any left. */
static struct sampler *oldest(struct sampler *const *s, size_t n)
{
	struct sampler *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (s[i]->n_written < s[i]->n_pending && (!found ||
				s[i]->pending[s[i]->n_written].time <
				found->pending[found->n_written].time))
			found = s[i];
	return found;
}

void samplers_write(struct sampler *const *s, size_t n)
{
	struct sampler *next;

	while ((next = oldest(s, n)))
		write_one(next, &next->pending[next->n_written++]);
	for (size_t i = 0; i < n; i++) {
		s[i]->n_pending = s[i]->n_written = s[i]->n_doubt = 0;
		s[i]->failed |= s[i]->tree->failed;
	}
}

bool sampler_is_full(const struct sampler *s)
{
	return s->n_pending >= PENDING_MOST;
}

void sample_counts_add(struct sample_counts *to, const struct sample_counts *c)
{
	to->moments += c->moments;
	to->missed += c->missed;
	to->locked += c->locked;
	to->running += c->running;
	to->idle += c->idle;
	to->torn += c->torn;
	to->unknown += c->unknown;
	to->threads += c->threads;
}

void sampler_names(struct sampler *s)
{
	for (size_t i = 0; i < s->threads.n; i++) {
		struct os_thread *t = s->threads.thread[i];

		if (!t->used)
			threads_look(&s->threads, t);
		else if (t->id && t->ran_since)
			sampler_name(s, t, s->last);
	}
	s->failed |= s->tree->failed;
}

void sampler_rest(struct sampler *s, struct os_thread *t, uint64_t now)
{
	if (t->idle_ns && t->idle_node)
		sampler_put(s, t, (struct pending){ .node = t->idle_node }, MP_STATE_IDLE, t->idle_ns, now);
	t->idle_ns = 0;
}

void sampler_leave(struct sampler *s, uint64_t now)
{
	struct os_thread *t;

	while ((t = threads_gone(&s->threads))) {
		sampler_rest(s, t, now);
		threads_drop(&s->threads, t);
	}
}

void sampler_free(struct sampler *s)
{
	native_free(&s->native);
	stack_reader_free(&s->reader);
	trail_free(&s->trail);
	table_clear(&s->calls);
	free(s->sure);
	free(s->pending);
	free(s->doubt);
	free(s->location);
	free(s->entry);
	free(s->call);
}

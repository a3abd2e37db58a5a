/* encode.c - events into the open block: see encode.h.
 * Invariant: an allocation of the open block is known by its index, an older one
 * by its slot; live, blocks and max hold after every event.
 */
#include "binary.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000000 };

#define LIKELY(x) __builtin_expect(!!(x), 1)

/* ---- memory ---------------------------------------------------------------------- */

void *mp_more(void *x, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 64;

	if (n < *room)
		return x;
	if (more < *room)
		return NULL;
	x = realloc(x, more * size);
	if (x)
		*room = more;
	return x;
}

bool mp_pair_add(struct mp_pair_vec *v, uint32_t *at, uint32_t position, uint64_t value)
{
	uint64_t *x = mp_more(v->x, 2 * v->n + 1, &v->room, sizeof(*x));

	if (!x)
		return false;
	v->x = x;
	x[2 * v->n] = position - *at;
	x[2 * v->n++ + 1] = value;
	*at = position;
	return true;
}

int mp_enc_start(struct mp_enc *e)
{
	size_t n = MP_BLOCK_MAX;

	memset(e, 0, sizeof(*e));
	e->tick = 1;
	e->stamp = 1;
	e->slots = 1;
	e->op = calloc(n / 8 + 8, 1);
	e->site = malloc(n * sizeof(*e->site));
	e->back = malloc(n * sizeof(*e->back));
	e->sites = malloc(n * sizeof(*e->sites));
	e->old = malloc(n * sizeof(*e->old));
	e->new_ = malloc(n * sizeof(*e->new_));
	e->assigned = calloc(n, sizeof(*e->assigned));
	e->gone = malloc(n + 8);
	e->made = malloc(n * sizeof(*e->made));
	e->time.value = malloc(n * sizeof(*e->time.value));
	e->time.length = malloc(n * sizeof(*e->time.length));
	e->thread.value = malloc(n * sizeof(*e->thread.value));
	e->thread.length = malloc(n * sizeof(*e->thread.length));
	return e->op && e->site && e->back && e->sites && e->old && e->new_ && e->assigned &&
		e->gone && e->made && e->time.value && e->time.length && e->thread.value &&
		e->thread.length ? 0 : -1;
}

void mp_enc_stop(struct mp_enc *e)
{
	free(e->op), free(e->site), free(e->back), free(e->sites), free(e->old), free(e->new_);
	free(e->assigned), free(e->gone), free(e->made);
	free(e->time.value), free(e->time.length), free(e->thread.value), free(e->thread.length);
	free(e->outside.x), free(e->replace.x), free(e->procend.x);
	free(e->known), free(e->slot), free(e->free_slot), free(e->left), free(e->done);
	memset(e, 0, sizeof(*e));
}

/* ---- events ---------------------------------------------------------------------- */

/* The encoder of a trace being written in binary, or NULL. */
static struct mp_enc *encoder(struct mp_writer *w)
{
	if (w->ops != &mp_binary_ops || w->kind != MP_TRACE)
		return NULL;
	if (mp_err_is(&w->error) || mp_err_is(&w->out.error))
		return NULL;
	return &mp_binary(w)->enc;
}

void mp_set_encoder(struct mp_writer *w, const struct mp_encoder *to)
{
	struct mp_enc *e = encoder(w);

	if (e)
		e->to = *to;
}

void mp_set_tick(struct mp_writer *w, uint64_t tick_ns)
{
	struct mp_enc *e = encoder(w);

	if (e && tick_ns && !mp_binary(w)->head)
		e->tick = tick_ns;
}

/* Learn the sites up to SITE. */
static bool learn(struct mp_writer *w, struct mp_enc *e, uint32_t site)
{
	const struct mp_tree *t = w->tree;
	uint32_t n = t->site.n + 1;
	struct mp_enc_site *known;

	if (!site || site >= n) {
		mp_writer_fail(w, "%s: an allocation has no site", w->out.name);
		return false;
	}
	if (n < e->n_known * 2)
		n = e->n_known * 2;
	known = realloc(e->known, n * sizeof(*known));
	if (!known) {
		mp_writer_fail(w, "%s: out of memory", w->out.name);
		return false;
	}
	e->known = known;
	for (uint32_t i = e->n_known; i < n; i++)
		known[i] = (struct mp_enc_site){ .stamp = 0 };
	e->n_known = n;
	return true;
}

/* What is known of SITE, looked up in the tree at its first use in a block. */
static inline struct mp_enc_site *site_of(struct mp_writer *w, struct mp_enc *e, uint32_t site)
{
	struct mp_enc_site *s;
	const struct mp_site *of;

	if ((site >= e->n_known || !site) && !learn(w, e, site))
		return NULL;
	s = &e->known[site];
	if (!s->stamp) {
		if (site > w->tree->site.n) {
			mp_writer_fail(w, "%s: an allocation has no site", w->out.name);
			return NULL;
		}
		of = &w->tree->site.x[site];
		s->counted = mp_counts(w->tree, of->kind);
		s->bytes = s->counted ? mp_site_bytes(of) : 0;
		e->sampled |= of->extra > 0;
		if (of->extra && !mp_is_sampled(w)) {
			mp_writer_fail(w, "%s: a weight without a sampling interval", w->out.name);
			return NULL;
		}
		s->stamp = e->stamp - 1 ? e->stamp - 1 : UINT32_MAX;
	}
	return s;
}

/* Blocks that one of SITE, S, counts as. */
static inline uint64_t blocks_of(const struct mp_writer *w, const struct mp_enc *e,
		const struct mp_enc_site *s, uint32_t site)
{
	if (LIKELY(!e->sampled) || !s->counted)
		return s->counted;
	return mp_site_weight(&w->tree->site.x[site]);
}

/* Times never go back. */
static inline void advance(struct mp_enc *e, uint64_t time)
{
	if (time > e->last_time) {
		e->last_time = time;
		e->last_tick = time / e->tick;
	}
}

void mp_enc_pass(struct mp_writer *w, uint64_t time)
{
	struct mp_enc *e = encoder(w);

	if (e)
		advance(e, time);
}

void mp_enc_end_runs(struct mp_enc *e)
{
	if (e->time.n)
		e->time.length[e->time.n - 1] = e->n - e->time.from;
	if (e->thread.n)
		e->thread.length[e->thread.n - 1] = e->n - e->thread.from;
}

static void begin_run(struct mp_enc *e, struct mp_enc_runs *runs, uint64_t value)
{
	if (runs->n)
		runs->length[runs->n - 1] = e->n - runs->from;
	runs->value[runs->n++] = value;
	runs->from = e->n;
}

/* Another time or thread than the event's before, or a block that is full (ROOM
 * events must fit) or a second old and closes first. */
static __attribute__((noinline)) bool step_on(struct mp_writer *w, struct mp_enc *e,
		uint64_t time, uint32_t thread, uint32_t room)
{
	if (e->n + room > MP_BLOCK_MAX ||
	    (e->n && time != e->last_time && time - e->first_time > SECOND &&
	     time > e->first_time && !e->half)) {
		if (mp_enc_close(w, false))
			return false;
	}
	advance(e, time);
	if (!e->n && !e->procend.n)
		e->first_time = e->last_time;
	if (!e->n || e->last_tick != e->time.value[e->time.n - 1])
		begin_run(e, &e->time, e->last_tick);
	if (!e->n || thread != e->last_thread)
		begin_run(e, &e->thread, thread);
	e->last_thread = thread;
	e->run_time = time;
	return true;
}

/* Time and thread of the next event. */
static inline bool step(struct mp_writer *w, struct mp_enc *e, uint64_t time, uint32_t thread,
		uint32_t room)
{
	if (LIKELY(e->n && time == e->run_time && time == e->last_time &&
			thread == e->last_thread && e->n + room <= MP_BLOCK_MAX))
		return true;
	return step_on(w, e, time, thread, room);
}

/* The event at POSITION is half of a replacement: ALLOC or the free. */
static void pair(struct mp_writer *w, struct mp_enc *e, uint32_t position, bool alloc)
{
	uint64_t value = e->next_number << 3 | e->next_replace;

	if (!mp_pair_add(&e->replace, &e->rep_at, position, value))
		mp_writer_fail(w, "%s: out of memory", w->out.name);
	e->half = true;
	/* a numbered free does not speak for the allocation that happens to follow */
	e->partial = e->next_replace == MP_REPLACE_PARTIAL && (alloc || !e->next_number);
	e->next_replace = 0;
	e->next_number = 0;
}

uint32_t mp_enc_alloc(struct mp_writer *w, uint64_t time, uint32_t thread, uint32_t site)
{
	struct mp_enc *e = encoder(w);
	struct mp_enc_site *s;
	uint32_t index;

	if (!e || !step(w, e, time, thread, 1))
		return MP_REF_OUTSIDE;
	s = site_of(w, e, site);
	if (!s)
		return MP_REF_OUTSIDE;
	if (s->stamp != e->stamp) {
		s->stamp = e->stamp;
		s->local = (uint16_t)e->n_sites;
		e->sites[e->n_sites++] = site;
	}
	if (e->next_replace)
		pair(w, e, e->n, true);
	index = e->n_alloc++;
	e->site[index] = s->local;
	e->made[index] = (struct mp_enc_slot){ site, thread };
	e->gone[index] = 0;
	e->live += s->bytes;
	e->blocks += blocks_of(w, e, s, site);
	if (!e->partial)
		e->total += s->bytes;
	e->half = e->partial = false;
	e->n++;
	if (e->live > e->max) {
		e->max = e->live;
		e->position = e->n;
	}
	return MP_REF_OPEN | index;
}

void mp_enc_free(struct mp_writer *w, uint64_t time, uint32_t thread, uint32_t ref, uint32_t site)
{
	struct mp_enc *e = encoder(w);
	uint32_t stamp, position, old;
	struct mp_enc_site *s;

	if (!e)
		return;
	stamp = e->stamp;
	if (!step(w, e, time, thread, e->next_replace ? 2 : 1))
		return;
	if (ref & MP_REF_OPEN && stamp != e->stamp)
		ref = e->assigned[ref & ~MP_REF_OPEN];
	position = e->n++;
	e->op[position / 8] |= (uint8_t)(1u << position % 8);
	if (ref & MP_REF_OPEN) {
		old = ref & ~MP_REF_OPEN;
		e->back[e->n_free++] = (uint16_t)(e->n_alloc - old);
		e->gone[old] = 1;
	} else {
		e->back[e->n_free++] = 0;
		e->old[e->n_old++] = ref;
		if (ref && ref < e->slots)
			e->slot[ref].site = 0;
	}
	e->half = e->partial = false;
	if (e->next_replace)
		pair(w, e, position, false);
	if (!ref) {
		if (site && !mp_pair_add(&e->outside, &e->out_at, position, site))
			mp_writer_fail(w, "%s: out of memory", w->out.name);
		return;
	}
	s = site_of(w, e, site);
	if (s) {
		e->live -= s->bytes;
		e->blocks -= blocks_of(w, e, s, site);
	}
}

void mp_enc_replace(struct mp_writer *w, enum mp_replace reason)
{
	struct mp_enc *e = encoder(w);

	if (e)
		e->next_replace = reason;
}

/* ---- ends ------------------------------------------------------------------------ */

void mp_enc_procend(struct mp_writer *w, uint64_t time, uint32_t process)
{
	struct mp_enc *e = encoder(w);

	if (!e)
		return;
	advance(e, time);
	if (!e->n && !e->procend.n)
		e->first_time = e->last_time;
	if (!mp_pair_add(&e->procend, &e->end_at, e->n, process))
		mp_writer_fail(w, "%s: out of memory", w->out.name);
	e->ending_counts = !mp_is_done(e, process);
	mp_set_done(w, process);
}

void mp_enc_release(struct mp_writer *w, uint32_t ref, uint32_t site)
{
	struct mp_enc *e = encoder(w);
	struct mp_enc_site *s = e && ref ? site_of(w, e, site) : NULL;
	struct mp_enc_slot *was;

	if (!s)
		return;
	if (ref & MP_REF_OPEN) {
		was = &e->made[ref & ~MP_REF_OPEN];
		e->gone[ref & ~MP_REF_OPEN] = 1;
	} else {
		was = &e->slot[ref];
		if (!mp_enc_free_slot(e, ref))
			mp_writer_fail(w, "%s: out of memory", w->out.name);
	}
	if (e->ending_counts && !(was->thread & MP_FROM_BASE))
		mp_left_add(w, site, was->thread, 1);
	if (!(ref & MP_REF_OPEN))
		was->site = 0;
	e->live -= s->bytes;
	e->blocks -= blocks_of(w, e, s, site);
}

void mp_enc_lost(struct mp_writer *w, uint64_t events, uint64_t bytes)
{
	if (encoder(w)) {
		mp_binary(w)->lost_events += events;
		mp_binary(w)->lost_bytes += bytes;
	}
}

int mp_enc_flush(struct mp_writer *w, uint64_t time)
{
	struct mp_enc *e = encoder(w);

	if (!e)
		return -1;
	advance(e, time);
	if (!e->n && !e->procend.n)
		e->first_time = e->last_time;
	return mp_enc_close(w, true) || mp_flush_other(w, true) ? -1 : 0;
}

uint64_t mp_enc_total(struct mp_writer *w)
{
	struct mp_enc *e = encoder(w);

	return e ? e->total : 0;
}

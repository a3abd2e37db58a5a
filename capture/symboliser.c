/* symboliser.c - a background thread between the drain and lib/symbol.c.
 *
 * Invariant: the struct mp_symbols is used by one thread at a time: by the
 * worker while it runs, afterwards by the caller of symboliser_finish.  What it
 * returned may be read by any: it never changes and lives until the end.
 */
#include "symboliser.h"

#include "modules.h"
#include "symbol.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	BATCH = 64, /* answers handed over at a time */
	NICE = 10,
};

struct job {
	const struct module *module;
	uint64_t offset;
	uint32_t location;
};
struct jobs {
	struct job *x;
	size_t n, room;
};

struct answers {
	struct {
		uint32_t location, lines;
	} * x; /* lines: how many of line[] */
	struct mp_symbol_line *line;
	size_t n, room, n_lines, lines_room;
};

struct symboliser {
	struct modules *modules;
	struct mp_symbols *symbols; /* NULL: nothing is to be named */
	struct jobs pending;        /* the drain's: not handed over yet */
	pthread_t thread;
	bool running;
	atomic_bool stop;
	pthread_mutex_t lock; /* over the two below */
	pthread_cond_t work;
	struct jobs queue;
	struct answers done;
};

static bool room_for(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room : 64;
	void *old, *x;

	if (n <= *room)
		return true;
	while (more < n)
		more *= 2;
	memcpy(&old, array, sizeof(old));
	x = reallocarray(old, more, size);
	if (!x)
		return false;
	memcpy(array, &x, sizeof(x));
	*room = more;
	return true;
}

static bool append_jobs(struct jobs *to, const struct job *x, size_t n)
{
	if (n == 0)
		return true;
	if (!room_for(&to->x, to->n + n, &to->room, sizeof(*to->x)))
		return false;
	memcpy(to->x + to->n, x, n * sizeof(*x));
	to->n += n;
	return true;
}

static bool append_answers(struct answers *to, const struct answers *from)
{
	if (from->n == 0)
		return true;
	if (!room_for(&to->x, to->n + from->n, &to->room, sizeof(*to->x)) ||
		!room_for(&to->line, to->n_lines + from->n_lines + 1, &to->lines_room,
			sizeof(*to->line)))
		return false;
	memcpy(to->x + to->n, from->x, from->n * sizeof(*to->x));
	if (from->n_lines)
		memcpy(to->line + to->n_lines, from->line, from->n_lines * sizeof(*to->line));
	to->n += from->n;
	to->n_lines += from->n_lines;
	return true;
}

static void free_answers(struct answers *a)
{
	free(a->x);
	free(a->line);
	*a = (struct answers){0};
}

/* Without memory an answer is lost: the location stays unresolved. */
static void resolve(struct symboliser *s, const struct job *job, struct answers *a)
{
	const struct module *m = job->module;
	int n;

	if (!room_for(
		    &a->line, a->n_lines + MP_SYMBOL_LINES, &a->lines_room, sizeof(*a->line)) ||
		!room_for(&a->x, a->n + 1, &a->room, sizeof(*a->x)))
		return;
	if (m->fd >= 0)
		mp_symbols_give(s->symbols, m->path, m->build_id, m->fd);
	n = mp_symbols_resolve(s->symbols, m->path, m->build_id, job->offset,
		a->line + a->n_lines, MP_SYMBOL_LINES);
	if (n < 0)
		return;
	a->x[a->n].location = job->location;
	a->x[a->n++].lines = (uint32_t)n;
	a->n_lines += (size_t)n;
}

/* ---- the worker ------------------------------------------------------------------- */

/* Hand over what is answered, and give back what is not when the end has come. */
static void hand_over(struct symboliser *s, struct answers *a, const struct job *rest, size_t n)
{
	pthread_mutex_lock(&s->lock);
	append_answers(&s->done, a);
	append_jobs(&s->queue, rest, n);
	pthread_mutex_unlock(&s->lock);
	a->n = a->n_lines = 0;
}

static void *worker(void *arg)
{
	struct sched_param none = {0};
	struct symboliser *s = arg;
	struct answers a = {0};
	struct jobs jobs = {0};

	/* Little, but not next to nothing: on a busy machine at 19 it would hold the
	 * process's memory map for seconds while it waits for its turn, the drain would
	 * wait for it, and the rings would run over.  No SCHED_IDLE, which an ordinary
	 * user cannot leave when the end is being waited for. */
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (!s->stop) {
		struct jobs taken;
		size_t i;

		pthread_mutex_lock(&s->lock);
		while (s->queue.n == 0 && !s->stop)
			pthread_cond_wait(&s->work, &s->lock);
		taken = s->queue;
		s->queue = jobs;
		jobs = taken;
		pthread_mutex_unlock(&s->lock);
		for (i = 0; i < jobs.n && !s->stop; i++) {
			resolve(s, &jobs.x[i], &a);
			if (a.n >= BATCH)
				hand_over(s, &a, NULL, 0);
		}
		hand_over(s, &a, jobs.x + i, jobs.n - i);
		jobs.n = 0;
	}
	free(jobs.x);
	free_answers(&a);
	return NULL;
}

static void start(struct symboliser *s)
{
	sigset_t all, old;

	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->running = pthread_create(&s->thread, NULL, worker, s) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void stop(struct symboliser *s)
{
	if (!s->running)
		return;
	s->stop = true;
	pthread_mutex_lock(&s->lock);
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->running = false;
	s->stop = false;
}

/* ---- the drain's side ---------------------------------------------------------------- */

struct symboliser *symboliser_new(bool resolve_names)
{
	struct symboliser *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->modules = modules_new();
	s->symbols = resolve_names ? mp_symbols_new() : NULL;
	if (!s->modules || (resolve_names && !s->symbols)) {
		modules_free(s->modules);
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	return s;
}

struct modules *symboliser_modules(struct symboliser *s)
{
	return s->modules;
}

int symboliser_queue(
	struct symboliser *s, const struct module *module, uint64_t offset, uint32_t location)
{
	struct job job = {module, offset, location};

	return !s->symbols || append_jobs(&s->pending, &job, 1) ? 0 : -1;
}

static long apply(struct mp_tree *tree, const struct answers *a)
{
	const struct mp_symbol_line *line = a->line;
	uint32_t id[MP_SYMBOL_LINES];
	long named = 0;

	for (size_t i = 0; i < a->n; i++) {
		uint32_t n = a->x[i].lines;

		for (uint32_t j = 0; j < n; j++, line++)
			id[j] = mp_def_line(tree, mp_def_cstring(tree, line->function),
				mp_def_cstring(tree, line->file), line->line);
		if (mp_set_lines(tree, a->x[i].location, id, n) != 0)
			return -1;
		named += n > 0;
	}
	return named;
}

long symboliser_collect(struct symboliser *s, struct mp_tree *tree)
{
	struct answers taken;
	long named;

	if (!s->symbols)
		return 0;
	if (!s->running && s->pending.n > 0)
		start(s);
	if (!s->running || pthread_mutex_trylock(&s->lock) != 0)
		return 0;
	taken = s->done;
	s->done = (struct answers){0};
	if (s->pending.n > 0 && append_jobs(&s->queue, s->pending.x, s->pending.n)) {
		s->pending.n = 0;
		pthread_cond_signal(&s->work);
	}
	pthread_mutex_unlock(&s->lock);
	named = apply(tree, &taken);
	free_answers(&taken);
	return named;
}

long symboliser_finish(struct symboliser *s, struct mp_tree *tree)
{
	long named;

	if (!s->symbols)
		return 0;
	stop(s);
	for (size_t i = 0; i < s->queue.n; i++)
		resolve(s, &s->queue.x[i], &s->done);
	for (size_t i = 0; i < s->pending.n; i++)
		resolve(s, &s->pending.x[i], &s->done);
	s->queue.n = s->pending.n = 0;
	named = apply(tree, &s->done);
	free_answers(&s->done);
	return named;
}

void symboliser_free(struct symboliser *s)
{
	if (!s)
		return;
	stop(s);
	free(s->pending.x);
	free(s->queue.x);
	free_answers(&s->done);
	mp_symbols_free(s->symbols);
	modules_free(s->modules);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->work);
	free(s);
}

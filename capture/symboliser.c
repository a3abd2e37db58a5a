/* symboliser.c - background threads between the drain and lib/symbol.c, each with the
 * modules that are its share.
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
#include <sys/stat.h>
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

/* One thread with a share of the modules.  Invariant as above, of each. */
struct worker {
	struct mp_symbols *symbols;
	uint64_t bytes;      /* of the modules that are its share */
	struct jobs pending; /* the drain's: not handed over yet */
	pthread_t thread;
	bool running;
	atomic_bool stop;
	pthread_mutex_t lock; /* over the two below */
	pthread_cond_t work;
	struct jobs queue;
	struct answers done;
};

enum { WORKERS = 2 };

struct symboliser {
	struct modules *modules;
	bool named; /* else nothing is to be */
	struct worker worker[WORKERS];
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
static void resolve(struct worker *w, const struct job *job, struct answers *a)
{
	const struct module *m = job->module;
	int n;

	if (!room_for(
		    &a->line, a->n_lines + MP_SYMBOL_LINES, &a->lines_room, sizeof(*a->line)) ||
		!room_for(&a->x, a->n + 1, &a->room, sizeof(*a->x)))
		return;
	if (m->fd >= 0)
		mp_symbols_give(w->symbols, m->path, m->build_id, m->fd);
	n = mp_symbols_resolve(w->symbols, m->path, m->build_id, job->offset,
		a->line + a->n_lines, MP_SYMBOL_LINES);
	if (n < 0)
		return;
	a->x[a->n].location = job->location;
	a->x[a->n++].lines = (uint32_t)n;
	a->n_lines += (size_t)n;
}

/* ---- the worker ------------------------------------------------------------------- */

/* Hand over what is answered, and give back what is not when the end has come. */
static void hand_over(struct worker *w, struct answers *a, const struct job *rest, size_t n)
{
	pthread_mutex_lock(&w->lock);
	append_answers(&w->done, a);
	append_jobs(&w->queue, rest, n);
	pthread_mutex_unlock(&w->lock);
	a->n = a->n_lines = 0;
}

static void *work(void *arg)
{
	struct sched_param none = {0};
	struct worker *w = arg;
	struct answers a = {0};
	struct jobs jobs = {0};

	/* Little, but not next to nothing: on a busy machine at 19 it would hold the
	 * process's memory map for seconds while it waits for its turn, the drain would
	 * wait for it, and the rings would run over.  No SCHED_IDLE, which an ordinary
	 * user cannot leave when the end is being waited for. */
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (!w->stop) {
		struct jobs taken;
		size_t i;

		pthread_mutex_lock(&w->lock);
		while (w->queue.n == 0 && !w->stop)
			pthread_cond_wait(&w->work, &w->lock);
		taken = w->queue;
		w->queue = jobs;
		jobs = taken;
		pthread_mutex_unlock(&w->lock);
		for (i = 0; i < jobs.n && !w->stop; i++) {
			resolve(w, &jobs.x[i], &a);
			if (a.n >= BATCH)
				hand_over(w, &a, NULL, 0);
		}
		hand_over(w, &a, jobs.x + i, jobs.n - i);
		jobs.n = 0;
	}
	free(jobs.x);
	free_answers(&a);
	return NULL;
}

static void start(struct worker *w)
{
	sigset_t all, old;

	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	w->running = pthread_create(&w->thread, NULL, work, w) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void stop(struct worker *w)
{
	if (!w->running)
		return;
	w->stop = true;
	pthread_mutex_lock(&w->lock);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->running = false;
	w->stop = false;
}

/* ---- the drain's side ---------------------------------------------------------------- */

struct symboliser *symboliser_new(bool resolve_names)
{
	struct symboliser *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->named = resolve_names;
	s->modules = modules_new();
	for (int i = 0; i < WORKERS; i++) {
		struct worker *w = &s->worker[i];

		w->symbols = resolve_names ? mp_symbols_new() : NULL;
		pthread_mutex_init(&w->lock, NULL);
		pthread_cond_init(&w->work, NULL);
		if (!s->modules || (resolve_names && !w->symbols)) {
			symboliser_free(s);
			return NULL;
		}
	}
	return s;
}

struct modules *symboliser_modules(struct symboliser *s)
{
	return s->modules;
}

/* The worker that has least to read so far: debug info is by far most of it. */
static unsigned share(struct symboliser *s, const struct module *m)
{
	unsigned least = 0;
	struct stat st;

	for (unsigned i = 1; i < WORKERS; i++)
		if (s->worker[i].bytes < s->worker[least].bytes)
			least = i;
	if ((m->fd >= 0 ? fstat(m->fd, &st) : stat(m->path, &st)) == 0)
		s->worker[least].bytes += (uint64_t)st.st_size;
	return least + 1;
}

int symboliser_queue(
	struct symboliser *s, struct module *module, uint64_t offset, uint32_t location)
{
	struct job job = {module, offset, location};

	if (!s->named)
		return 0;
	if (!module->share)
		module->share = share(s, module);
	return append_jobs(&s->worker[module->share - 1].pending, &job, 1) ? 0 : -1;
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

static long collect(struct worker *w, struct mp_tree *tree)
{
	struct answers taken;
	long named;

	if (!w->running && w->pending.n > 0)
		start(w);
	if (!w->running || pthread_mutex_trylock(&w->lock) != 0)
		return 0;
	taken = w->done;
	w->done = (struct answers){0};
	if (w->pending.n > 0 && append_jobs(&w->queue, w->pending.x, w->pending.n)) {
		w->pending.n = 0;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	named = apply(tree, &taken);
	free_answers(&taken);
	return named;
}

long symboliser_collect(struct symboliser *s, struct mp_tree *tree)
{
	long named = 0;

	for (int i = 0; s->named && i < WORKERS && named >= 0; i++) {
		long n = collect(&s->worker[i], tree);

		named = n < 0 ? n : named + n;
	}
	return named;
}

/* What is left, by a thread of the ordinary priority. */
static void *rest(void *arg)
{
	struct worker *w = arg;

	for (size_t i = 0; i < w->queue.n; i++)
		resolve(w, &w->queue.x[i], &w->done);
	for (size_t i = 0; i < w->pending.n; i++)
		resolve(w, &w->pending.x[i], &w->done);
	w->queue.n = w->pending.n = 0;
	return NULL;
}

long symboliser_finish(struct symboliser *s, struct mp_tree *tree)
{
	pthread_t thread[WORKERS];
	bool begun[WORKERS] = {0};
	long named = 0;

	for (int i = 0; i < WORKERS; i++)
		s->worker[i].stop = true;
	for (int i = WORKERS - 1; i >= 0; i--) {
		stop(&s->worker[i]);
		begun[i] = i && pthread_create(&thread[i], NULL, rest, &s->worker[i]) == 0;
		if (!begun[i])
			rest(&s->worker[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		long n;

		if (begun[i])
			pthread_join(thread[i], NULL);
		n = named < 0 ? named : apply(tree, &s->worker[i].done);
		named = n < 0 ? n : named + n;
		free_answers(&s->worker[i].done);
	}
	return named;
}

void symboliser_free(struct symboliser *s)
{
	if (!s)
		return;
	for (int i = 0; i < WORKERS; i++) {
		struct worker *w = &s->worker[i];

		if (!w->symbols)
			continue;
		stop(w);
		free(w->pending.x);
		free(w->queue.x);
		free_answers(&w->done);
		mp_symbols_free(w->symbols);
	}
	modules_free(s->modules);
	free(s);
}

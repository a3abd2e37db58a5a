/* sample_write.c - a sampler's begin, end and output (sample_take.h). */
#include "sample_own.h"

#include "encode.h"
#include "sample_refuse.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LEAST_WAIT = 1000000, AGAIN = 20 * LEAST_WAIT, MOST_WAIT = 1000 * LEAST_WAIT };     /* ns */

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

/* ---- attaching ---------------------------------------------------------------------------- */

void sampler_command(pid_t pid, char line[SAMPLE_COMMAND])
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, SAMPLE_COMMAND - 1);
		close(fd);
	}
	while (n > 0 && !line[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!line[i])
			line[i] = ' ';
	line[n > 0 ? n : 0] = '\0';
}

static void define_process(struct sampler *s, uint64_t now)
{
	struct mp_process p = { .pid = (uint64_t)s->pid, .start = now / SAMPLE_TICK,
		.page = (uint32_t)sysconf(_SC_PAGESIZE) };
	char path[64], text[SAMPLE_COMMAND], *base;
	ssize_t n;

	sampler_command(s->pid, text);
	p.command = mp_def_cstring(s->tree, text);
	snprintf(path, sizeof path, "/proc/%d/exe", (int)s->pid);
	n = readlink(path, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	base = strrchr(text, '/');
	p.name = mp_def_cstring(s->tree, base ? base + 1 : text);
	p.arch = mp_def_cstring(s->tree, "x86_64");
	s->process = mp_def_process(s->tree, &p);
}

int sampler_find(struct sampler *s)
{
	int e = sample_find(s->pid, &s->found, s->why, SAMPLE_WHY);

	if (!e)
		return s->found.readable;
	sample_refuse(s->pid, e, s->why, SAMPLE_WHY);
	return -1;
}

bool sampler_attach(struct sampler *s, uint64_t now)
{
	if (s->attached && s->found.runtime == s->image.runtime &&
			memcmp(&s->found.offsets, &s->image.offsets, sizeof s->image.offsets) == 0)
		return false;
	sampler_detach(s, now);
	s->image = s->found;
	threads_init(&s->threads, s->pid, &s->image);
	s->reader.pid = s->codes.pid = s->pid;
	s->reader.image = s->codes.image = &s->image;
	s->codes.tree = s->tree;
	if (!s->own_process) {
		define_process(s, now);
		size_open(&s->size, s->pid, s->process, s->tree);
	}
	s->last = now;
	s->attached = true;
	return true;
}

static void look(struct sampler *s, uint64_t now)
{
	uint64_t wait;

	if (s->attached && !s->lost)
		s->lost = now;
	s->unread += s->attached;
	if (now < s->find_next)
		return;
	if (sampler_find(s) != 1)
		sampler_detach(s, now);
	else if (!sampler_attach(s, now))
		sampler_lost(s);
	s->unread = 0;          /* if not its own, those of one that is gone */
	wait = (now - s->lost) / 8 + LEAST_WAIT;
	if (wait > MOST_WAIT)
		wait = MOST_WAIT;
	if (s->attached) {
		s->lost = 0;
		wait = AGAIN;
	}
	s->find_next = now + wait;
}

void sampler_step(struct sampler *s, uint64_t now)
{
	if (s->attached && sampler_take(s, now))
		sampler_lost(s);
	else
		look(s, now);
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

void sampler_write(struct sampler *s)
{
	samplers_write(&s, 1);
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

/* The idle time of T that no sample stands for yet. */
static void put_rest(struct sampler *s, struct os_thread *t, uint64_t now)
{
	if (t->idle_ns && t->idle_node)
		sampler_put(s, t, (struct pending){ .node = t->idle_node }, MP_STATE_IDLE, t->idle_ns, now);
	t->idle_ns = 0;
}

void sampler_leave(struct sampler *s, uint64_t now)
{
	struct os_thread *t;

	while ((t = threads_gone(&s->threads))) {
		put_rest(s, t, now);
		threads_drop(&s->threads, t);
	}
}

void sampler_lost(struct sampler *s)
{
	/* of a trace of allocations none is lost by that */
	if (s->unread && !s->own_process)
		mp_enc_lost(s->writer, s->unread, 0);
	s->counts.missed += s->unread;
	s->unread = 0;
}

void sampler_detach(struct sampler *s, uint64_t now)
{
	if (!s->attached)
		return;
	for (size_t i = 0; i < s->threads.n; i++)
		put_rest(s, s->threads.thread[i], now);
	sampler_write(s);
	threads_free(&s->threads);
	codes_free(&s->codes);
	if (!s->own_process)
		size_close(&s->size);
	s->attached = false;
}

void sampler_free(struct sampler *s)
{
	stack_reader_free(&s->reader);
	trail_free(&s->trail);
	table_clear(&s->calls);
	free(s->sure);
	free(s->pending);
	free(s->doubt);
	free(s->location);
	free(s->call);
}

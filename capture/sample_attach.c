/* sample_attach.c - a sampler's begin and end (sample_take.h): which interpreter is in the
 * process, whether there is one, and when that is to be looked at again.
 */
#include "sample_own.h"

#include "encode.h"
#include "sample_refuse.h"
#include "symboliser.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LEAST_WAIT = 1000000, AGAIN = 20 * LEAST_WAIT, MOST_WAIT = 1000 * LEAST_WAIT };     /* ns */

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

bool sampler_bare(struct sampler *s, uint64_t now)
{
	if (s->native_mode != NATIVE_BARE || s->found.runtime)
		return s->native_mode == NATIVE_ALL;
	if (!s->bare_since)
		s->bare_since = now + 1;
	return now + 1 >= s->bare_since + s->bare_after;
}

/* ---- native stacks ------------------------------------------------------------------------ */

static bool wants_native(const struct sampler *s)
{
	return s->native_mode == NATIVE_ALL || (s->native_mode == NATIVE_BARE && !s->image.readable);
}

static void begin_native(struct sampler *s)
{
	if (!s->symboliser)
		s->symboliser = symboliser_new(true);
	s->native.pid = s->pid;
	s->native.tree = s->tree;
	s->native.symboliser = s->symboliser;
	s->native.process = s->process;
	s->failed |= !s->symboliser || !native_attach(&s->native, s->image.eval);
	s->threads.all = true;
}

/* The interpreter of a program that had none until now. */
static void upgrade(struct sampler *s)
{
	s->image = s->found;
	threads_image(&s->threads, &s->image);
	if (wants_native(s)) {
		native_eval(&s->native, s->image.eval);
		return;
	}
	native_detach(&s->native);
	s->threads.all = false;
}

/* ---- attaching ---------------------------------------------------------------------------- */

static uint64_t hash_exe(pid_t pid)
{
	char path[64], text[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	n = readlink(path, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	return name_hash(text);
}

static bool same_interpreter(const struct interpreter_image *a, const struct interpreter_image *b)
{
	if (!a->readable || !b->readable)
		return a->readable == b->readable;
	return a->runtime == b->runtime && !memcmp(&a->offsets, &b->offsets, sizeof a->offsets);
}

bool sampler_attach(struct sampler *s, uint64_t now)
{
	uint64_t exe = hash_exe(s->pid);
	bool same_file = s->attached && exe == s->exe;

	if (same_file && same_interpreter(&s->found, &s->image))
		return false;
	s->bare_since = 0;
	if (same_file && !s->image.readable) {
		upgrade(s);
		return true;
	}
	sampler_detach(s, now);
	s->exe = exe;
	s->image = s->found;
	threads_init(&s->threads, s->pid, &s->image);
	s->reader.pid = s->codes.pid = s->pid;
	s->reader.image = s->codes.image = &s->image;
	s->codes.tree = s->tree;
	if (!s->own_process) {
		define_process(s, now);
		size_open(&s->size, s->pid, s->process, s->tree);
	}
	if (wants_native(s))
		begin_native(s);
	s->last = now;
	s->attached = true;
	return true;
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
		sampler_rest(s, s->threads.thread[i], now);
	native_detach(&s->native);
	other_free(s->other);
	s->other = NULL;
	s->other_next = s->other_gap = 0;
	threads_free(&s->threads);
	codes_free(&s->codes);
	if (!s->own_process)
		size_close(&s->size);
	s->attached = false;
}

/* ---- step by step ------------------------------------------------------------------------- */

static void look(struct sampler *s, uint64_t now)
{
	uint64_t wait;
	int found;

	if (s->attached && !s->lost)
		s->lost = now;
	s->unread += s->attached;
	if (now < s->find_next)
		return;
	found = sampler_find(s);
	if (found < 0 || (!found && !sampler_bare(s, now)))
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

/* Other files are mapped: it may be another program now, or have got an interpreter, which
 * is there before its version can be told. */
static void look_again(struct sampler *s, uint64_t now)
{
	int found;

	if (now < s->find_next)
		return;
	s->again = false;
	s->find_next = now + AGAIN;
	if (s->image.readable)
		return;
	found = sampler_find(s);
	if (!found && hash_exe(s->pid) == s->exe)
		s->again = s->found.runtime != 0;
	else if (!found && !sampler_bare(s, now))
		sampler_detach(s, now);
	else if (found >= 0)
		sampler_attach(s, now);
}

void sampler_step(struct sampler *s, uint64_t now)
{
	if (!s->attached || !sampler_take(s, now)) {
		look(s, now);
		return;
	}
	sampler_lost(s);
	if (s->again)
		look_again(s, now);
}

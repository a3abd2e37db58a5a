/* sample_proc.c - what /proc says of the threads of a process (sample_threads.h). */
#include "sample_proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LIST_EVERY = 100000000 };        /* ns */

uint64_t proc_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t proc_read(int fd, char *text, size_t room)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, text, room - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

int proc_open(pid_t pid, uint32_t tid, const char *file)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%u/%s", (int)pid, tid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The file of O that is kept open as FD, or was not for want of descriptors. */
static size_t read_own(const struct threads *t, const struct os_thread *o, int fd,
		const char *file, char *text, size_t room)
{
	int own = fd < 0 ? proc_open(t->pid, o->tid, file) : fd;
	size_t n = proc_read(own, text, room);

	if (own >= 0 && own != fd)
		close(own);
	return n;
}

struct os_thread *os_thread_get(struct threads *t, uint32_t tid)
{
	struct os_thread *o;
	int stat_fd;

	if (!tid)
		return NULL;
	for (size_t i = 0; i < t->n; i++) {
		o = t->thread[i];
		if (o->tid != tid || o->gone)
			continue;
		threads_look(t, o);     /* the number may be another's by now */
		if (!o->gone)
			return o;
	}
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 16;
		struct os_thread **x = realloc(t->thread, room * sizeof *x);

		if (!x)
			return NULL;
		t->thread = x;
		t->room = room;
	}
	stat_fd = proc_open(t->pid, tid, "stat");
	if (stat_fd < 0 && errno != EMFILE && errno != ENFILE)
		return NULL;
	o = calloc(1, sizeof *o);
	if (!o) {
		close(stat_fd);
		return NULL;
	}
	o->tid = tid;
	o->stat_fd = stat_fd;
	o->sched_fd = proc_open(t->pid, tid, "schedstat");
	return t->thread[t->n++] = o;
}

bool threads_list(struct threads *t)
{
	uint64_t now = proc_clock();
	struct os_thread *o;
	struct dirent *e;
	char path[64];
	size_t n = 0;
	DIR *d;

	if (now < t->list_next)
		return true;
	snprintf(path, sizeof path, "/proc/%d/task", (int)t->pid);
	d = opendir(path);
	if (!d)
		return false;
	for (size_t i = 0; i < t->n; i++)
		t->thread[i]->listed = false;
	while ((e = readdir(d))) {
		o = os_thread_get(t, (uint32_t)strtoul(e->d_name, NULL, 10));
		if (!o)
			continue;       /* or too many files are open */
		o->listed = true;
		n++;
	}
	closedir(d);
	t->list_next = now + LIST_EVERY;
	return n > 0;
}

/* Whether it may have run since the last look: far cheaper to learn than its state. */
static bool may_have_run(const struct threads *t, struct os_thread *o)
{
	char text[128], *p;
	uint64_t ran, slices;

	if (!read_own(t, o, o->sched_fd, "schedstat", text, sizeof text))
		return true;
	ran = strtoull(text, &p, 10);
	strtoull(p, &p, 10);            /* time it waited */
	slices = strtoull(p, NULL, 10);
	if (o->looked && !o->running && ran == o->ran && slices == o->slices)
		return false;
	o->ran = ran;
	o->slices = slices;
	return true;
}

/* From the state, which is the third field, to the 39th. */
static unsigned cpu_of(const char *state)
{
	for (unsigned i = 3; i < 39 && *state; state++)
		i += *state == ' ';
	return (unsigned)strtoul(state, NULL, 10);
}

void threads_look(const struct threads *t, struct os_thread *o)
{
	char text[1024], *state;

	if (!may_have_run(t, o))
		return;
	o->moved = true;
	if (!read_own(t, o, o->stat_fd, "stat", text, sizeof text) ||
			!(state = strrchr(text, ')')) || !state[1] || strchr("ZX", state[2])) {
		o->gone = true;
		return;
	}
	o->looked = true;
	o->running = state[2] == 'R';
	o->cpu = o->running ? cpu_of(state + 2) : 0;
	o->ran_since |= o->running;
}

size_t threads_name(const struct threads *t, const struct os_thread *o, char *name, size_t room)
{
	size_t n = read_own(t, o, -1, "comm", name, room);

	return n && name[n - 1] == '\n' ? n - 1 : n;
}

struct os_thread *threads_gone(struct threads *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct os_thread *o = t->thread[i];

		if (o->gone && !o->used)
			return o;
	}
	return NULL;
}

void threads_drop(struct threads *t, struct os_thread *o)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->thread[i] == o)
			t->thread[i] = t->thread[--t->n];
	if (o->stat_fd >= 0)
		close(o->stat_fd);
	if (o->sched_fd >= 0)
		close(o->sched_fd);
	free(o->guess.frame);
	free(o->guess.chunk);
	free(o);
}

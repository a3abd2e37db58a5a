/* sample_group.c - see sample_group.h. */
#include "sample_group.h"

#include "sample_own.h"
#include "sample_proc.h"
#include "symboliser.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LOOK_EVERY = 20000000,          /* ns; no oftener than 200 times what it took */
	LIST_BYTES = 1 << 16, MOST_MEMBERS = 4096,
};

/* ---- members ------------------------------------------------------------------------------ */

static struct group_member *add(struct sample_group *g)
{
	struct group_member *m = g->n < MOST_MEMBERS ? calloc(1, sizeof *m) : NULL, **x = g->x;

	if (m && g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 8;

		x = realloc(g->x, room * sizeof *x);
		if (x) {
			g->x = x;
			g->room = room;
		}
	}
	if (!m || !x) {
		free(m);
		g->failed = true;
		return NULL;
	}
	m->pidfd = -1;
	g->x[g->n++] = m;
	g->processes++;
	return m;
}

struct sampler *group_first(struct sample_group *g)
{
	struct group_member *m = add(g);

	return m ? &m->s : NULL;
}

static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&p, 1, 0) > 0;
}

/* As the first is sampled. */
static void add_child(struct sample_group *g, pid_t pid)
{
	const struct sampler *first = &g->x[0]->s;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* one that nobody has waited for yet is listed, too */
	struct group_member *m = pidfd < 0 || has_ended(pidfd) ? NULL : add(g);

	if (!m) {
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	m->pidfd = pidfd;
	m->s.pid = pid;
	m->s.writer = first->writer;
	m->s.tree = first->tree;
	m->s.all_idle = first->all_idle;
	m->s.gil_only = first->gil_only;
	m->s.native_mode = first->native_mode;
	m->s.bare_after = first->bare_after;
	m->s.native.no_perf = first->native.no_perf;
}

static void drop(struct sample_group *g, size_t i, uint64_t now)
{
	struct group_member *m = g->x[i];

	native_release(&m->s.native);   /* else its parent is not told of its end */
	sampler_detach(&m->s, now);
	group_write(g);
	sample_counts_add(&g->counts, &m->s.counts);
	native_counts_add(&g->native, &m->s.native.counts);
	g->failed |= m->s.failed;
	sampler_free(&m->s);
	close(m->pidfd);
	free(m);
	g->x[i] = g->x[--g->n];
}

/* ---- children ----------------------------------------------------------------------------- */

static bool is_member(const struct sample_group *g, pid_t pid)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->x[i]->s.pid == pid)
			return true;
	return false;
}

/* Those that a thread of PID started. */
static void look_at(struct sample_group *g, pid_t pid, uint32_t tid, char *text)
{
	int fd = proc_open(pid, tid, "children");
	char *at = text, *end;
	long child;

	proc_read(fd, text, LIST_BYTES);
	if (fd >= 0)
		close(fd);
	while ((child = strtol(at, &end, 10)) > 0 && end > at) {
		if (!is_member(g, (pid_t)child))
			add_child(g, (pid_t)child);
		at = end;
	}
}

static void look_for_children(struct sample_group *g, uint64_t now)
{
	uint64_t began = proc_clock(), took;
	char path[64], *text = malloc(LIST_BYTES);
	struct dirent *e;
	DIR *d;

	/* those found now have their own at the end of the list: they are looked at, too */
	for (size_t i = 0; text && i < g->n; i++) {
		pid_t pid = g->x[i]->s.pid;

		snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
		d = opendir(path);
		while (d && (e = readdir(d)))
			if (e->d_name[0] != '.')
				look_at(g, pid, (uint32_t)strtoul(e->d_name, NULL, 10), text);
		if (d)
			closedir(d);
	}
	g->failed |= !text;
	free(text);
	took = proc_clock() - began;
	g->look_next = now + (took * 200 > LOOK_EVERY ? took * 200 : LOOK_EVERY);
}

/* ---- all of them --------------------------------------------------------------------------- */

void group_step(struct sample_group *g, uint64_t now)
{
	g->rss = 0;
	if (g->children && now >= g->look_next)
		look_for_children(g, now);
	for (size_t i = 0; i < g->n; ) {
		struct group_member *m = g->x[i];

		if (has_ended(m->pidfd)) {
			drop(g, i, now);
			continue;
		}
		if (g->symboliser)
			m->s.symboliser = g->symboliser;
		if (m->s.attached || now >= m->s.find_next)
			sampler_step(&m->s, now);
		g->symboliser = m->s.symboliser;
		g->rss += m->s.size.rss;
		i++;
	}
	if (g->rss > g->most_rss)
		g->most_rss = g->rss;
	for (size_t i = 0; i < g->n; i++)
		if (sampler_is_full(&g->x[i]->s)) {
			group_write(g);
			break;
		}
}

uint64_t group_wait(const struct sample_group *g)
{
	uint64_t next = g->children ? g->look_next : UINT64_MAX;

	for (size_t i = 0; i < g->n; i++) {
		if (g->x[i]->s.attached)
			return 0;
		if (g->x[i]->s.find_next < next)
			next = g->x[i]->s.find_next;
	}
	return next;
}

void group_write(struct sample_group *g)
{
	struct sampler **all = calloc(g->n + 1, sizeof *all);

	if (!all) {
		g->failed = true;
		return;
	}
	for (size_t i = 0; i < g->n; i++)
		all[i] = &g->x[i]->s;
	samplers_write(all, g->n);
	free(all);
}

void group_names(struct sample_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		sampler_names(&g->x[i]->s);
		g->failed |= g->x[i]->s.failed;
	}
}

bool group_release(struct sample_group *g)
{
	bool left = false;

	for (size_t i = 0; i < g->n; i++) {
		native_release(&g->x[i]->s.native);
		left |= g->x[i]->s.native.n_late > 0;
	}
	return left;
}

void group_detach(struct sample_group *g, uint64_t now)
{
	group_release(g);
	for (size_t i = 0; i < g->n; i++)
		sampler_detach(&g->x[i]->s, now);
	group_write(g);
	for (size_t i = 0; i < g->n; i++)
		g->failed |= g->x[i]->s.failed;
}

void group_counts(const struct sample_group *g, struct sample_counts *counts,
		struct native_counts *native)
{
	*counts = g->counts;
	*native = g->native;
	for (size_t i = 0; i < g->n; i++) {
		sample_counts_add(counts, &g->x[i]->s.counts);
		native_counts_add(native, &g->x[i]->s.native.counts);
	}
}

void group_free(struct sample_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		sampler_free(&g->x[i]->s);
		if (g->x[i]->pidfd >= 0)
			close(g->x[i]->pidfd);
		free(g->x[i]);
	}
	free(g->x);
	symboliser_free(g->symboliser);
}

/* sample_size.c - see sample_size.h. */
#include "sample_size.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PSS_TIMES = 200, PSS_LEAST = 1000000000 };

static int open_of(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void size_open(struct sample_size *s, pid_t pid, uint32_t process, struct mp_tree *tree)
{
	s->statm_fd = open_of(pid, "statm");
	s->rollup_fd = open_of(pid, "smaps_rollup");
	s->process = process;
	s->rss_name = mp_def_cstring(tree, "rss");
	s->pss_name = mp_def_cstring(tree, "pss");
	s->rss = 0;
}

/* The file from its beginning, as a string; false: nothing to read. */
static bool text_of(int fd, char *text, size_t room)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, text, room - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

void size_take(struct sample_size *s, struct mp_writer *w, uint64_t now)
{
	unsigned long pages;
	char text[128];

	/* one that is ending has no memory any more */
	if (!text_of(s->statm_fd, text, sizeof text) || sscanf(text, "%*u %lu", &pages) != 1 ||
			!pages)
		return;
	s->rss = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	if (s->rss > s->most_rss)
		s->most_rss = s->rss;
	mp_enc_series(w, now, s->process, s->rss_name, (int64_t)s->rss);
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void size_take_pss(struct sample_size *s, struct mp_writer *w, uint64_t now)
{
	uint64_t began = clock_ns(), wait;
	char text[2048];
	const char *p;

	if (now < s->pss_next || s->rollup_fd < 0)
		return;
	p = text_of(s->rollup_fd, text, sizeof text) ? strstr(text, "\nPss:") : NULL;
	wait = (clock_ns() - began) * PSS_TIMES;
	s->pss_next = now + (wait > PSS_LEAST ? wait : PSS_LEAST);
	if (p)
		mp_enc_series(w, now, s->process, s->pss_name,
				(int64_t)(strtoull(p + 5, NULL, 10) * 1024 & INT64_MAX));
}

void size_close(struct sample_size *s)
{
	if (s->statm_fd >= 0)
		close(s->statm_fd);
	if (s->rollup_fd >= 0)
		close(s->rollup_fd);
}

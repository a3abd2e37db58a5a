/* view_bench.c - how fast traces become reports: million events per second of every
 * view, from memory, CPU time, best of several runs; a table, one trace a row.
 * Usage: view_bench FILE…
 */
#include "timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 7 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *map(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Events of the trace, columns left alone. */
static uint64_t count(const void *data, size_t size)
{
	struct mp_reader *r = mp_open_mem(data, size);
	const struct mp_block *b;
	uint64_t n = 0;

	while (mp_next_part(r) > 0)
		while (mp_next_block(r, 0, &b) > 0)
			n += b->kind == MP_BLOCK_EVENTS ? b->n : 0;
	return mp_close(r) ? 0 : n;
}

enum { TIMELINE = MP_VIEW_TEMPORARY + 1 };

/* CPU seconds of one run: all columns decoded (VIEW 0), a view, or the timeline. */
static double run(const void *data, size_t size, int view)
{
	struct mp_query q = {.view = (enum mp_view)view, .keep = MP_KEEP_DEFAULT};
	double start = now();
	struct mp_reader *r = mp_open_mem(data, size);
	const struct mp_block *b;

	if (view == TIMELINE) {
		while (mp_next_part(r) > 0)
			mp_timeline_free(mp_timeline_read(r, &q));
	} else if (view) {
		mp_profile_free(mp_load(r, &q));
	} else {
		while (mp_next_part(r) > 0)
			while (mp_next_block(r, MP_WANT_ALL, &b) > 0)
				;
	}
	if (mp_error(r) || mp_damage(r))
		fprintf(stderr, "%s\n", mp_error(r) ? mp_error(r) : mp_damage(r));
	return mp_close(r) ? 1e9 : now() - start;
}

int main(int argc, char **argv)
{
	printf("| trace | events | B/event | decode | live | peak | total | temporary | timeline |\n"
	       "|---|---|---|---|---|---|---|---|---|\n");
	for (int i = 1; i < argc; i++) {
		size_t size;
		void *data = map(argv[i], &size);
		uint64_t events = data ? count(data, size) : 0;

		if (!events) {
			fprintf(stderr, "view_bench: %s: no events\n", argv[i]);
			return 2;
		}
		printf("| %s | %lu | %.2f |", basename(argv[i]), (unsigned long)events,
			(double)size / (double)events);
		for (int view = 0; view <= TIMELINE; view++) {
			double best = 1e9;

			for (int k = 0; k < RUNS; k++) {
				double t = run(data, size, view);

				best = t < best ? t : best;
			}
			printf(" %.0f |", (double)events / best / 1e6);
		}
		printf("\n");
		fflush(stdout);
		munmap(data, size);
	}
	return 0;
}

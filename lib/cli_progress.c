/* cli_progress.c - one line on a terminal for work that takes more than a second:
 * how much of the input has been read.
 * Invariant: the line is gone before anything else is printed.
 */
#include "cli_own.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "progress.h"

enum { SECOND = 1000, OFTEN = 100, NAME = 40 }; /* ms, ms, columns */

static struct {
	const char *path;
	uint64_t total;         /* of a regular file, else 0 */
	uint64_t begun, shown;  /* ms */
	bool visible;
} line;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void show(void *ctx, uint64_t at)
{
	char done[PRINT_NUMBER], total[PRINT_NUMBER], percent[PRINT_NUMBER];
	uint64_t t = now();

	(void)ctx;
	if (t - line.begun < SECOND || t - line.shown < OFTEN)
		return;
	line.shown = t;
	line.visible = true;
	fprintf(stderr, "\r%s: ", cli_self->name);
	print_name(stderr, cli_shown(line.path), NAME);
	fprintf(stderr, ": %s", print_number(done, (int64_t)(at & INT64_MAX), "B"));
	if (line.total)
		fprintf(stderr, " of %s, %s", print_number(total, (int64_t)line.total, "B"),
			print_percent(percent, (int64_t)(at < line.total ? at : line.total),
				(int64_t)line.total));
	fputs("\033[K", stderr);
}

/* Text that streams to the same terminal would run into it. */
static bool wanted(void)
{
	const char *term = getenv("TERM");

	return !cli_quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 &&
		!((cli_text || cli_json) && cli_on_terminal());
}

void cli_progress(const char *path, struct mp_reader *r)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;

	if (!wanted())
		return;
	line.path = path;
	line.total = line.shown = 0;
	if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 0)
		line.total = (uint64_t)st.st_size;
	if (!line.begun)
		line.begun = now();
	/* between two pipes: both neighbours are nearer to what happens */
	if (!line.total && fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		return;
	mp_reader_progress(r, show, NULL);
}

void cli_progress_end(void)
{
	if (line.visible)
		fputs("\r\033[K", stderr);
	line.visible = false;
}

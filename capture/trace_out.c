/* trace_out.c - see trace_out.h. */
#include "trace_out.h"

#include "cli.h"
#include "encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_stdout(const char *name)
{
	struct stat a, b;

	return strcmp(name, "-") == 0 || (stat(name, &a) == 0 &&
		fstat(STDOUT_FILENO, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

void trace_out_decide(struct trace_out *t, const char *path)
{
	if (path && is_stdout(path))
		path = NULL;
	t->name = path;
	if (!path && !isatty(STDOUT_FILENO)) {
		t->owns_stdout = true;
		t->name = "stdout";
	}
}

static void make_name(struct trace_out *t, const char *program, pid_t pid)
{
	const char *base = strrchr(program, '/');

	snprintf(t->made_name, sizeof t->made_name, "%s.%d.mp", base ? base + 1 : program,
			(int)pid);
	t->name = t->made_name;
	note("trace in %s (stdout is a terminal; -o FILE to choose)", t->made_name);
}

void trace_out_open(struct trace_out *t, const char *program, pid_t pid, uint64_t spool, int level)
{
	const char *path;
	int fd;

	if (!t->name)
		make_name(t, program, pid);
	path = t->name;
	fd = t->owns_stdout ? dup(STDOUT_FILENO) :
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || fstat(fd, &t->file) < 0)
		die("%s: %s", path, strerror(errno));
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (S_ISREG(t->file.st_mode)) {
		close(fd);
		if (t->owns_stdout)
			path = "-";
	} else {
		t->file.st_mode = 0;
		if (output_open(&t->output, fd, spool) < 0)
			die("%s: %s", path, strerror(errno));
		t->pumped = true;
		path = t->output.path;
	}
	t->writer = cli_need(mp_create(path, MP_BINARY, level));
	if (t->pumped)
		output_opened(&t->output);
	if (mp_writer_error(t->writer))
		die("%s", mp_writer_error(t->writer));
}

/* ---- what the trace says of itself -------------------------------------------------- */

static char *joined(char **argv)
{
	size_t n = 1;
	char *text;

	for (size_t i = 0; argv[i]; i++)
		n += strlen(argv[i]) + 1;
	text = cli_need(calloc(1, n));
	for (size_t i = 0, at = 0; argv[i]; i++)
		at += (size_t)snprintf(text + at, n - at, "%s%s", i ? " " : "", argv[i]);
	return text;
}

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void trace_out_begin(struct trace_out *t, char **command, const char *tool, const char *options,
		uint64_t tick)
{
	struct mp_writer *w = t->writer;
	char *line = joined(command), text[64], made_by[64];
	struct mp_clock clocks = {
		.wall = clock_of(CLOCK_REALTIME), .monotonic = clock_of(CLOCK_MONOTONIC),
		.boottime = clock_of(CLOCK_BOOTTIME),
	};
	time_t now = time(NULL);
	struct tm tm;
	bool good;

	snprintf(made_by, sizeof made_by, "%s " MP_VERSION, tool);
	good = mp_begin(w, MP_TRACE) == 0 && mp_put_meta(w, "command", line) == 0 &&
		mp_put_meta(w, "tool", made_by) == 0;
	if (gmtime_r(&now, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		good = good && mp_put_meta(w, "start", text) == 0;
	good = good && mp_put_meta(w, "options", options) == 0;
	free(line);
	if (!good)
		die("%s: %s", t->name, mp_writer_error(w));
	mp_set_tick(w, tick);
	mp_def_clock(mp_writer_tree(w), &clocks);
}

/* ---- the end ------------------------------------------------------------------------ */

const char *trace_out_error(struct trace_out *t)
{
	static char text[PATH_MAX + 128];
	int e = output_error(&t->output);

	if (!e)
		return mp_writer_error(t->writer);
	snprintf(text, sizeof text, "%s: %s", t->name, strerror(e));
	return text;
}

void trace_out_close(struct trace_out *t)
{
	if (mp_finish(t->writer) < 0 && !t->failed) {
		t->failed = true;
		warn("%s: writing the trace failed", t->name);
	}
	t->writer = NULL;
	if (output_close(&t->output) < 0 && !t->failed) {
		t->failed = true;
		warn("%s: %s", t->name, strerror(errno));
	}
}

uint64_t trace_out_bytes(const struct trace_out *t)
{
	struct stat st;

	if (t->pumped)
		return t->output.written;
	if ((t->owns_stdout ? fstat(STDOUT_FILENO, &st) : stat(t->name, &st)) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

void trace_out_discard(const struct trace_out *t)
{
	if (!t->owns_stdout && t->file.st_mode && !t->file.st_size)
		unlink(t->name);
}

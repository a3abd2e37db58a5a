/* mp-capture - run a program and write down every allocation it makes.
 *
 * This process only reads the shared memory the target's hook writes into; the
 * target never waits for it longer than a bounded time, and never fails with it.
 */
#include "child.h"
#include "cli.h"
#include "command.h"
#include "drain.h"
#include "output.h"
#include "print.h"
#include "series.h"
#include "tell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OWN_FAILURE = 125, CANNOT_RUN = 126, US = 1000, MS = 1000000 };

static const char *opt_output;
static bool opt_no_native, opt_no_objects, opt_no_symbols, opt_check;
static long opt_rss = 10, opt_level = -1;
static uint64_t opt_ring = 64 << 20, opt_spool = 1 << 30;

static const struct cli_opt opts[] = {
	{ 'o', "output", "FILE", "write the trace to FILE; the program keeps its stdout",
		CLI_STRING, &opt_output, NULL },
	{ 0, "no-native", NULL, "no native stacks", CLI_FLAG, &opt_no_native, NULL },
	{ 0, "no-objects", NULL, "no Python objects, only what they are made of",
		CLI_FLAG, &opt_no_objects, NULL },
	{ 0, "no-symbols", NULL, "leave addresses to be named later",
		CLI_FLAG, &opt_no_symbols, NULL },
	{ 0, "check-stacks", NULL, NULL, CLI_FLAG, &opt_check, NULL },
	{ 0, "rss", "MS", "sample the resident set each MS milliseconds (10; 0: never)",
		CLI_INT, &opt_rss, NULL },
	{ 0, "ring", "SIZE", "shared memory for events on their way (64M)",
		CLI_SIZE, &opt_ring, NULL },
	{ 0, "spool", "SIZE", "disk for what a slow reader leaves waiting (1G)",
		CLI_SIZE, &opt_spool, NULL },
	{ 0, "level", "N", "zstd level; 0 stores (default 1 to a file, 0 to a pipe)",
		CLI_INT, &opt_level, NULL },
	{ 0, NULL, NULL, NULL, CLI_END, NULL, NULL },
};

static const struct cli cli = {
	.name = "mp-capture",
	.args = "[OPTION...] -- COMMAND [ARGUMENT...]",
	.summary = "Run COMMAND and write a trace of its memory to standard output.",
	.opts = opts,
	.example = { "mp-capture -- python app.py > t.mp",
		"mp-capture -o t.mp -- ./server --port 80" },
	.flags = CLI_COMMAND,
	.trouble = OWN_FAILURE,
};

static struct capture {
	struct session session;
	struct drain drain;
	struct series series;
	struct child child;
	struct output output;
	struct mp_writer *writer;
	struct symboliser *symboliser;
	char **command, **env;
	const char *target_name;        /* of the output, for messages */
	char made_name[PATH_MAX];       /* CMD.PID.mp */
	struct stat file;               /* st_mode 0: not a regular file */
	uint64_t allocated;             /* bytes, as the trace's end tells them */
	bool owns_stdout, pumped, stopped, failed;
} cap;

static void say(const char *text)
{
	warn("%s", text);
}

static void hint(const char *text)
{
	note("%s", text);
}

/* ---- where the trace goes ----------------------------------------------------------- */

static bool is_stdout(const char *name)
{
	struct stat a, b;

	return strcmp(name, "-") == 0 || (stat(name, &a) == 0 &&
		fstat(STDOUT_FILENO, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static void decide_output(void)
{
	if (opt_output && is_stdout(opt_output))
		opt_output = NULL;
	cap.target_name = opt_output;
	if (!opt_output && !isatty(STDOUT_FILENO)) {
		cap.owns_stdout = true;
		cap.target_name = "stdout";
	}
}

static void name_output(const char *command)
{
	const char *base = strrchr(command, '/');

	if (cap.target_name)
		return;
	snprintf(cap.made_name, sizeof cap.made_name, "%s.%d.mp", base ? base + 1 : command,
			(int)cap.child.pid);
	cap.target_name = cap.made_name;
	note("trace in %s (stdout is a terminal; -o FILE to choose)", cap.made_name);
}

static void open_output(const char *command)
{
	const char *path = cap.target_name;
	int fd;

	name_output(command);
	path = cap.target_name;
	fd = cap.owns_stdout ? dup(STDOUT_FILENO) :
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || fstat(fd, &cap.file) < 0)
		die("%s: %s", path, strerror(errno));
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (S_ISREG(cap.file.st_mode)) {
		close(fd);
		if (cap.owns_stdout)
			path = "-";
	} else {
		cap.file.st_mode = 0;
		if (output_open(&cap.output, fd, opt_spool) < 0)
			die("%s: %s", path, strerror(errno));
		cap.pumped = true;
		path = cap.output.path;
	}
	cap.writer = cli_need(mp_create(path, MP_BINARY, (int)opt_level));
	if (cap.pumped)
		output_opened(&cap.output);
	if (mp_writer_error(cap.writer))
		die("%s", mp_writer_error(cap.writer));
	if (cap.owns_stdout)
		note("trace on stdout, the program's stdout on stderr; -o FILE to keep it");
}

/* ---- what the trace says of itself ----------------------------------------------------- */

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

static void begin_trace(char **argv)
{
	char *command = joined(argv), text[256];
	struct mp_clock clocks = {
		.wall = clock_of(CLOCK_REALTIME), .monotonic = clock_of(CLOCK_MONOTONIC),
		.boottime = clock_of(CLOCK_BOOTTIME),
	};
	time_t now = time(NULL);
	struct tm tm;
	bool good = mp_begin(cap.writer, MP_TRACE) == 0 &&
		mp_put_meta(cap.writer, "command", command) == 0 &&
		mp_put_meta(cap.writer, "tool", "mp-capture " MP_VERSION) == 0;
	if (gmtime_r(&now, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		good = good && mp_put_meta(cap.writer, "start", text) == 0;
	snprintf(text, sizeof text, "native=%d objects=%d symbols=%d rss=%ld ring=%llu",
			!opt_no_native, !opt_no_objects, !opt_no_symbols, opt_rss,
			(unsigned long long)opt_ring);
	good = good && mp_put_meta(cap.writer, "options", text) == 0;
	free(command);
	if (!good)
		die("%s: %s", cap.target_name, mp_writer_error(cap.writer));
	mp_set_tick(cap.writer, MS);
	mp_writer_tree(cap.writer)->objects = !opt_no_objects;
	mp_def_clock(mp_writer_tree(cap.writer), &clocks);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void check_output(void)
{
	int e = output_error(&cap.output);

	if (cap.stopped || (!e && !mp_writer_error(cap.writer)))
		return;
	cap.stopped = cap.failed = true;
	session_stop(&cap.session);
	if (e)
		warn("%s: %s; tracing is off, the program runs on", cap.target_name, strerror(e));
	else
		warn("%s; tracing is off, the program runs on", mp_writer_error(cap.writer));
}

/* Sleep until there may be something to do: less, the fuller the rings are. */
static void pause_drain(uint64_t records, unsigned *idle)
{
	struct pollfd p[SESSION_WAITING + 2];
	unsigned n = session_poll(&cap.session, p, SESSION_WAITING + 1), fill;
	struct timespec t = { 0, MS };

	if (!cap.child.reaped)
		p[n++] = (struct pollfd){ .fd = cap.child.pidfd, .events = POLLIN };
	fill = drain_fill(&cap.drain);
	*idle = records ? 0 : *idle + 1;
	if (fill > 50)
		t.tv_nsec = 0;
	else if (fill > 10 || (cap.child.reaped && !cap.drain.images.live))
		t.tv_nsec = 200 * US;
	else if (*idle > 50)
		t.tv_nsec = 5 * MS;
	if (ppoll(p, n, &t, NULL) > 0)
		session_serve(&cap.session);
}

static void loop(void)
{
	unsigned idle = 0, quiet = 0;
	uint64_t records;

	/* once nothing is left, two passes more: nothing may be in between */
	while (quiet < 3 && !cap.stopped) {
		records = drain_round(&cap.drain);
		series_sample(&cap.series, &cap.drain);
		check_output();
		if (child_ended(&cap.child, false) && !drain_busy(&cap.drain))
			quiet++;
		else
			quiet = 0;
		pause_drain(records, &idle);
	}
	child_ended(&cap.child, true);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static uint64_t bytes_written(void)
{
	struct stat st;

	if (cap.pumped)
		return cap.output.written;
	if ((cap.owns_stdout ? fstat(STDOUT_FILENO, &st) : stat(cap.target_name, &st)) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

static void finish_trace(void)
{
	struct drain *d = &cap.drain;

	if (!cap.stopped) {
		drain_finish(d);
		tell_stacks(d, hint);
		drain_mark(d, NULL, "exit status", child_exit_status(&cap.child));
		cap.allocated = mp_enc_total(cap.writer);
		mp_end(cap.writer);
		check_output();
	}
	session_stop(&cap.session);
	if (mp_finish(cap.writer) < 0 && !cap.failed) {
		cap.failed = true;
		warn("%s: writing the trace failed", cap.target_name);
	}
	if (output_close(&cap.output) < 0 && !cap.failed) {
		cap.failed = true;
		warn("%s: %s", cap.target_name, strerror(errno));
	}
}

static void tell(void)
{
	const struct drain_counts *c = &cap.drain.counts;
	const struct ident_counts *i = &cap.drain.ident.counts;
	char allocated[PRINT_NUMBER], written[PRINT_NUMBER];
	uint64_t events = i->allocs + i->frees, out = bytes_written();

	if (cap.drain.ident.failed)
		warn("out of memory: the trace is not exact");
	tell_loss(&cap.drain, say);
	if (c->untraced)
		note("%llu processes ran programs that cannot be traced",
				(unsigned long long)c->untraced);
	if (!c->images && !cap.stopped)
		warn("nothing was traced: the hook was not loaded into the program");
	tell_waits(&cap.drain, hint);
	tell_blocks(i, hint);
	if (cap.stopped) {
		note("%llu events until tracing went off, %s written", (unsigned long long)events,
				print_number(written, (int64_t)out, "B"));
		return;
	}
	note("%llu events, %s allocated, %llu lost, %.2f s, %s written (%.2f bytes per event)",
			(unsigned long long)events,
			print_number(allocated, (int64_t)cap.allocated, "B"),
			(unsigned long long)c->lost_events,
			(double)session_now(&cap.session) / 1e9,
			print_number(written, (int64_t)out, "B"),
			events ? (double)out / (double)events : 0.0);
}

/* ---- main --------------------------------------------------------------------------------------- */

static void refuse(const char *name, const char *why, int status)
{
	warn("%s: %s", name, why);
	exit(status);
}

static void open_session(void)
{
	uint32_t options = MP_OPT_PYTHON | (opt_no_native ? 0 : MP_OPT_NATIVE) |
		(opt_no_objects ? 0 : MP_OPT_OBJECTS) | (opt_check ? MP_OPT_CHECK : 0);

	if (opt_ring < 1 << 20 || opt_ring > 1ull << 30)
		cli_usage("--ring: from 1M to 1G");
	if (session_open(&cap.session, opt_ring, options) < 0)
		die("%s", cap.session.error);
}

static void start(char **argv)
{
	char path[PATH_MAX], hook[PATH_MAX], text[128];
	const char *why;
	int status = command_find(argv[0], path, sizeof path);

	if (status)
		refuse(argv[0], status == 127 ? "command not found" : "cannot be run", status);
	why = command_refuse(path);
	if (why)
		refuse(argv[0], why, CANNOT_RUN);
	if (command_hook(hook, sizeof hook) < 0)
		refuse("libmp-hook.so", "not found in ../lib/mp beside mp-capture", CANNOT_RUN);
	if (strpbrk(hook, " :"))
		refuse(hook, "LD_PRELOAD cannot name a path with a space or colon", CANNOT_RUN);
	open_session();
	session_environment(&cap.session, text, sizeof text);
	cap.env = cli_need(command_environment(hook, text));
	if (child_start(&cap.child, path, argv, cap.env, cap.owns_stdout) < 0)
		die("%s: %s", argv[0], strerror(errno));
}

int main(int argc, char **argv)
{
	int e, status;

	child_remember_signals();
	cap.command = cli_begin(&cli, argc, argv);
	if (!cap.command[0])
		cli_usage("no command to run");
	decide_output();
	start(cap.command);
	open_output(cap.command[0]);
	begin_trace(cap.command);
	child_signals(&cap.child);
	cap.symboliser = cli_need(symboliser_new(!opt_no_symbols));
	if (drain_init(&cap.drain, &cap.session, cap.writer, cap.symboliser, say) < 0)
		die("out of memory");
	cap.drain.null = getenv("MP_DRAIN") && !strcmp(getenv("MP_DRAIN"), "null");
	series_init(&cap.series, mp_writer_tree(cap.writer), (uint64_t)opt_rss * MS);
	if (session_begin(&cap.session) < 0)
		die("%s", cap.session.error);
	e = child_go(&cap.child);
	if (e) {
		child_ended(&cap.child, true);
		if (!cap.owns_stdout && cap.file.st_mode && !cap.file.st_size)
			unlink(cap.target_name);
		refuse(cap.command[0], strerror(e), e == ENOENT ? 127 : CANNOT_RUN);
	}
	loop();
	finish_trace();
	tell();
	status = child_exit_status(&cap.child);
	drain_free(&cap.drain);
	symboliser_free(cap.symboliser);
	session_close(&cap.session);
	return cap.failed && status == 0 ? OWN_FAILURE : status;
}

/* mp-capture - run a program and write down every allocation it makes.
 *
 * This process only reads the shared memory the target's hook writes into; the
 * target never waits for it longer than a bounded time, and never fails with it.
 */
#include "child.h"
#include "cli.h"
#include "command.h"
#include "cpu.h"
#include "print.h"
#include "series.h"
#include "tell.h"
#include "trace_out.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { OWN_FAILURE = 125, CANNOT_RUN = 126, US = 1000, MS = 1000000,
	MOST_HZ = 10000 };

static const char *opt_output;
static bool opt_no_native, opt_no_objects, opt_no_symbols, opt_check;
static long opt_rss = 10, opt_level = -1, opt_cpu;
static uint64_t opt_ring = 64 << 20, opt_spool = 1 << 30, opt_sample;

static const struct cli_opt opts[] = {
	{ 'o', "output", "FILE", "write the trace to FILE; the program keeps its stdout",
		CLI_STRING, &opt_output, NULL },
	{ 0, "no-native", NULL, "no native stacks", CLI_FLAG, &opt_no_native, NULL },
	{ 0, "no-objects", NULL, "no Python objects, only what they are made of",
		CLI_FLAG, &opt_no_objects, NULL },
	{ 0, "no-symbols", NULL, "leave addresses to be named later",
		CLI_FLAG, &opt_no_symbols, NULL },
	{ 0, "sample", "SIZE", "record about one allocation in SIZE bytes: estimates, cheap",
		CLI_SIZE, &opt_sample, NULL },
	{ 0, "cpu", "HZ", "sample what Python threads do, HZ times a second, too",
		CLI_INT, &opt_cpu, NULL },
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
	struct cpu cpu;
	struct child child;
	struct trace_out out;
	struct symboliser *symboliser;
	char **command, **env;
	uint64_t allocated;             /* bytes, as the trace's end tells them */
	bool stopped;
} cap;

static void say(const char *text)
{
	warn("%s", text);
}

static void hint(const char *text)
{
	note("%s", text);
}

static void begin_trace(char **argv)
{
	char text[256];

	snprintf(text, sizeof text, "native=%d objects=%d symbols=%d rss=%ld ring=%llu sample=%llu cpu=%ld",
			!opt_no_native, !opt_no_objects, !opt_no_symbols, opt_rss,
			(unsigned long long)opt_ring, (unsigned long long)opt_sample, opt_cpu);
	trace_out_begin(&cap.out, argv, cli.name, text, MS);
	mp_writer_tree(cap.out.writer)->objects = !opt_no_objects;
	if (opt_sample && mp_put_loss(cap.out.writer,
			&(struct mp_loss){ .sample_interval = opt_sample }) < 0)
		die("%s: %s", cap.out.name, mp_writer_error(cap.out.writer));
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void check_output(void)
{
	const char *error = cap.stopped ? NULL : trace_out_error(&cap.out);

	if (!error)
		return;
	cap.stopped = cap.out.failed = true;
	session_stop(&cap.session);
	warn("%s; tracing is off, the program runs on", error);
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
	t.tv_nsec = (long)cpu_wait(&cap.cpu, (uint64_t)t.tv_nsec);
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
		cpu_take(&cap.cpu);
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

static void finish_trace(void)
{
	struct drain *d = &cap.drain;

	if (!cap.stopped) {
		cpu_finish(&cap.cpu);
		drain_finish(d);
		tell_stacks(d, hint);
		tell_cpu(&cap.cpu, hint);
		drain_mark(d, NULL, "exit status", child_exit_status(&cap.child));
		cap.allocated = mp_enc_total(cap.out.writer);
		mp_end(cap.out.writer);
		check_output();
	}
	session_stop(&cap.session);
	trace_out_close(&cap.out);
}

static void tell(void)
{
	const struct drain_counts *c = &cap.drain.counts;
	const struct ident_counts *i = &cap.drain.ident.counts;
	char allocated[PRINT_NUMBER], written[PRINT_NUMBER];
	uint64_t events = i->allocs + i->frees, out = trace_out_bytes(&cap.out);
	struct rusage own;

	if (cap.drain.ident.failed)
		warn("out of memory: the trace is not exact");
	tell_loss(&cap.drain, say);
	if (c->untraced)
		note("%llu processes ran programs that cannot be traced",
				(unsigned long long)c->untraced);
	if (!c->images && !cap.stopped)
		warn("nothing was traced: the hook was not loaded into the program");
	tell_waits(&cap.drain, hint);
	tell_blocks(&cap.drain.ident, hint);
	if (cap.stopped) {
		note("%llu events until tracing went off, %s written", (unsigned long long)events,
				print_number(written, (int64_t)out, "B"));
		return;
	}
	getrusage(RUSAGE_SELF, &own);
	note("%llu events, %s%s allocated, %llu lost, %.2f s, %.2f s of CPU besides the program's, "
			"%s written (%.2f bytes per event)",
			(unsigned long long)events, opt_sample ? "about " : "",
			print_number(allocated, (int64_t)cap.allocated, "B"),
			(unsigned long long)c->lost_events,
			(double)session_now(&cap.session) / 1e9,
			(double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
			(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6,
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
	if (opt_cpu < 0 || opt_cpu > MOST_HZ)
		cli_usage("--cpu: at most %d", MOST_HZ);
	if (opt_sample > 1 << 30)
		cli_usage("--sample: at most 1G");
	if (session_open(&cap.session, opt_ring, options) < 0)
		die("%s", cap.session.error);
	session_sample(&cap.session, (uint32_t)opt_sample);
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
	if (child_start(&cap.child, path, argv, cap.env, cap.out.owns_stdout) < 0)
		die("%s: %s", argv[0], strerror(errno));
}

int main(int argc, char **argv)
{
	int e, status;

	child_remember_signals();
	cap.command = cli_begin(&cli, argc, argv);
	if (!cap.command[0])
		cli_usage("no command to run");
	trace_out_decide(&cap.out, opt_output);
	start(cap.command);
	trace_out_open(&cap.out, cap.command[0], cap.child.pid, opt_spool, (int)opt_level);
	if (cap.out.owns_stdout)
		note("trace on stdout, the program's stdout on stderr; -o FILE to keep it");
	begin_trace(cap.command);
	child_signals(&cap.child);
	cap.symboliser = cli_need(symboliser_new(!opt_no_symbols));
	if (drain_init(&cap.drain, &cap.session, cap.out.writer, cap.symboliser, say) < 0)
		die("out of memory");
	cap.drain.null = getenv("MP_DRAIN") && !strcmp(getenv("MP_DRAIN"), "null");
	cpu_init(&cap.cpu, &cap.drain, (unsigned)opt_cpu, opt_rss > 0);
	series_init(&cap.series, mp_writer_tree(cap.out.writer), (uint64_t)opt_rss * MS);
	if (session_begin(&cap.session) < 0)
		die("%s", cap.session.error);
	e = child_go(&cap.child);
	if (e) {
		child_ended(&cap.child, true);
		trace_out_discard(&cap.out);
		refuse(cap.command[0], strerror(e), e == ENOENT ? 127 : CANNOT_RUN);
	}
	loop();
	finish_trace();
	tell();
	status = child_exit_status(&cap.child);
	cpu_free(&cap.cpu);
	drain_free(&cap.drain);
	symboliser_free(cap.symboliser);
	session_close(&cap.session);
	return cap.out.failed && status == 0 ? OWN_FAILURE : status;
}

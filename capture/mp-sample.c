/* mp-sample - what the threads of a running program do, as samples of a trace.
 *
 * Without native stacks the program is only ever read: it is not stopped, not written to,
 * and nothing it brought along is run.  With them it may be stopped while registers and
 * stack of a thread are copied.  If this process goes away, the other one runs on.
 */
#include "child.h"
#include "cli.h"
#include "command.h"
#include "encode.h"
#include "sample_draw.h"
#include "sample_group.h"
#include "symboliser.h"
#include "trace_out.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OWN_FAILURE = 125, SECOND = 1000000000, BARE_AFTER = 300000000,     /* ns */
	MOST_HZ = 10000, SETTLE = 1000 };      /* ms */

static const char *opt_output, *opt_duration;
static bool opt_native, opt_stop, opt_children, opt_idle, opt_gil;
static long opt_pid = -1, opt_rate = 100, opt_level = -1;
static uint64_t opt_spool = 1 << 30;

static const struct cli_opt opts[] = {
	{ 'p', "pid", "PID", "sample the process PID", CLI_INT, &opt_pid, NULL },
	{ 'r', "rate", "HZ", "samples a second, on average (100)", CLI_INT, &opt_rate, NULL },
	{ 'd', "duration", "TIME", "stop after TIME: 30, 1.5, 1m30s", CLI_STRING, &opt_duration,
		NULL },
	{ 'o', "output", "FILE", "write the trace to FILE; the program keeps its stdout",
		CLI_STRING, &opt_output, NULL },
	{ 0, "native", NULL, "native frames, too, and threads without Python", CLI_FLAG,
		&opt_native, NULL },
	{ 0, "stop", NULL, "the same, stopping a thread for it: always in step with Python",
		CLI_FLAG, &opt_stop, NULL },
	{ 0, "children", NULL, "the processes it starts, too, and theirs", CLI_FLAG, &opt_children,
		NULL },
	{ 0, "idle", NULL, "idle threads in every sample, not ten times a second",
		CLI_FLAG, &opt_idle, NULL },
	{ 0, "gil", NULL, "only the thread that holds the interpreter's lock",
		CLI_FLAG, &opt_gil, NULL },
	{ 0, "spool", "SIZE", "disk for what a slow reader leaves waiting (1G)",
		CLI_SIZE, &opt_spool, NULL },
	{ 0, "level", "N", "zstd level; 0 stores (default 1 to a file, 0 to a pipe)",
		CLI_INT, &opt_level, NULL },
	{ 0, NULL, NULL, NULL, CLI_END, NULL, NULL },
};

static const struct cli cli = {
	.name = "mp-sample",
	.args = "[OPTION...] -p PID | [OPTION...] -- COMMAND [ARGUMENT...]",
	.summary = "Sample the stacks and the memory of a program that runs on.",
	.opts = opts,
	.example = { "mp-sample -p 4711 -d 30 | mp-svg > profile.svg",
		"mp-sample -o t.mp -- python app.py" },
	.flags = CLI_COMMAND,
	.trouble = OWN_FAILURE,
};

static struct sampling {
	struct sample_group group;
	struct sampler *s;              /* of the program itself */
	struct trace_out out;
	struct child child;             /* pid 0: it was there before us */
	int pidfd;
	bool ended;
	uint64_t began, end;            /* of CLOCK_MONOTONIC; when to stop, since then */
	uint64_t seed;
	uint64_t written;               /* time of the last write */
} run;

static volatile sig_atomic_t stopped;

/* ---- time --------------------------------------------------------------------------------- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec - run.began;
}

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

/* Our signals; what was ignored, as under nohup, stays so. */
static void catch_signals(void)
{
	static const int number[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old, stopping = { .sa_handler = stop };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
		sigaddset(&set, number[i]);
		if (sigaction(number[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(number[i], &stopping, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Until TIME, the end of the program, or a signal. */
static void sleep_until(uint64_t time)
{
	struct pollfd p = { .fd = run.pidfd, .events = POLLIN };
	uint64_t t = now(), left = time > t ? time - t : 0;
	struct timespec wait = { (time_t)(left / SECOND), (long)(left % SECOND) };
	sigset_t none;

	sigemptyset(&none);
	if (ppoll(&p, 1, &wait, &none) > 0)
		run.ended = true;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void collect(bool last)
{
	struct symboliser *names = run.group.symboliser;

	if (names && (last ? symboliser_finish(names, run.s->tree) :
			symboliser_collect(names, run.s->tree)) < 0)
		run.group.failed = true;
}

/* So that who follows sees it within a second. */
static void write_out(uint64_t t)
{
	group_write(&run.group);
	group_names(&run.group);
	collect(false);
	if (!trace_out_error(&run.out))
		mp_enc_flush(run.out.writer, t);
	run.written = t;
}

static bool output_failed(void)
{
	const char *error = trace_out_error(&run.out);

	if (run.group.failed)
		error = "out of memory";
	if (!error)
		return false;
	if (!run.out.failed)
		warn("%s; sampling ends, the program runs on", error);
	return run.out.failed = true;
}

/* When to go on: at NEXT, or earlier if a thread stops late that is to be let go. */
static uint64_t wake(uint64_t next, uint64_t t)
{
	if (group_release(&run.group) && next > t + SECOND / 1000)
		next = t + SECOND / 1000;
	return next < run.end ? next : run.end;
}

static void loop(void)
{
	uint64_t t = 0, next = 0, wait;

	while (!stopped && !run.ended && t < run.end && !output_failed()) {
		sleep_until(wake(next, t));
		t = now();
		if (run.ended || stopped)
			break;
		if (t < next)
			continue;
		group_step(&run.group, t);
		if (t >= run.written + SECOND / 2)
			write_out(t);
		/* exponential, so that no rhythm of the program's can keep step with it */
		next += (uint64_t)sample_gap(&run.seed, (uint32_t)(SECOND / opt_rate));
		t = now();
		wait = group_wait(&run.group);
		if (wait > next)
			next = wait < run.written + SECOND ? wait : run.written + SECOND;
		if (next < t)           /* late: what was missed is not made up for */
			next = t;
	}
}

/* ---- the end -------------------------------------------------------------------------------- */

static void finish(void)
{
	struct sampler *s = run.s;
	struct native_counts native;
	struct sample_counts c;
	uint64_t t = now();

	if (!run.ended)
		sampler_lost(s);
	group_detach(&run.group, t);
	group_counts(&run.group, &c, &native);
	/* what takes long is not done while a thread may still stop for us */
	for (unsigned i = 0; i < SETTLE && group_release(&run.group); i++)
		nanosleep(&(struct timespec){ .tv_nsec = SECOND / 1000 }, NULL);
	if (group_release(&run.group))
		warn("a thread that cannot be stopped yet is let go at once: native frames stay "
				"without names (see mp-sym)");
	else
		collect(true);
	if (!output_failed() && c.torn)
		mp_enc_mark(run.out.writer, t, 0, s->process,
				mp_def_cstring(s->tree, "samples torn"), (int64_t)c.torn);
	if (!output_failed() && run.child.pid && run.ended && child_ended(&run.child, true))
		mp_enc_mark(run.out.writer, t, 0, s->process,
				mp_def_cstring(s->tree, "exit status"),
				child_exit_status(&run.child));
	if (!run.out.failed)
		mp_end(run.out.writer);
	output_failed();
	trace_out_close(&run.out);
}

/* ---- main ----------------------------------------------------------------------------------- */

static void check_options(char **command)
{
	bool attach = opt_pid != -1;
	uint64_t duration = 0;

	if (attach && command[0])
		cli_usage("-p and a command exclude each other");
	if (!attach && !command[0])
		cli_usage("-p PID or a command is missing");
	if (attach && (opt_pid < 1 || opt_pid > INT_MAX))
		cli_usage("-p: not the number of a process");
	if (opt_rate < 1 || opt_rate > MOST_HZ)
		cli_usage("-r: from 1 to %d", MOST_HZ);
	if (opt_duration && (!cli_parse_time(opt_duration, &duration) || !duration))
		cli_usage("-d: not a time: %s", opt_duration);
	run.end = opt_duration ? duration : UINT64_MAX;
}

static _Noreturn void refuse(const char *name, const char *why, int status)
{
	warn("%s: %s", name, why);
	exit(status);
}

/* Refuse before the output is touched. */
static void attach(void)
{
	char name[32];
	int found;

	snprintf(name, sizeof name, "process %ld", opt_pid);
	run.s->pid = (pid_t)opt_pid;
	found = sampler_find(run.s);
	if (found < 0 || (!found && !sampler_bare(run.s, 0)))
		die("%s: %s", name, run.s->why);
	run.pidfd = (int)syscall(SYS_pidfd_open, run.s->pid, 0);
	if (run.pidfd < 0)
		die("%s: %s", name, errno == ESRCH ? "no such process" :
				"that is a thread, not a process");
}

static void launch(char **command)
{
	char path[PATH_MAX];
	int status = command_find(command[0], path, sizeof path);

	if (status)
		refuse(command[0], status == 127 ? "command not found" : "cannot be run", status);
	if (child_start(&run.child, path, command, environ, run.out.owns_stdout) < 0)
		die("%s: %s", command[0], strerror(errno));
	run.s->pid = run.child.pid;
	run.s->native.child = true;
	run.pidfd = run.child.pidfd;
}

static void begin(char **command)
{
	char text[128], line[SAMPLE_COMMAND], name[NAME_MAX];
	char *attached[] = { line, NULL };

	sampler_command(run.s->pid, line);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(line, " "), line);
	snprintf(text, sizeof text, "rate=%ld idle=%d gil=%d native=%d stop=%d children=%d", opt_rate,
			opt_idle, opt_gil, opt_native, opt_stop, opt_children);
	trace_out_open(&run.out, command[0] ? command[0] : name, run.s->pid, opt_spool,
			(int)opt_level);
	if (run.out.owns_stdout && run.child.pid)
		note("trace on stdout, the program's stdout on stderr; -o FILE to keep it");
	trace_out_begin(&run.out, command[0] ? command : attached, cli.name, text, SAMPLE_TICK);
	run.s->writer = run.out.writer;
	run.s->tree = mp_writer_tree(run.out.writer);
	run.s->all_idle = opt_idle;
	run.s->gil_only = opt_gil;
	if (getrandom(&run.seed, sizeof run.seed, 0) != (ssize_t)sizeof run.seed)
		run.seed = (uint64_t)getpid();
	prctl(PR_SET_TIMERSLACK, 1);
	catch_signals();
	run.began = now();
}

/* The program's, if it ended while we watched. */
static int exit_status(void)
{
	int own = run.out.failed ? OWN_FAILURE : 0, its = 0;

	if (!run.child.pid)
		return own;
	if (child_ended(&run.child, false))
		its = child_exit_status(&run.child);
	else
		note("the program runs on as process %d", (int)run.child.pid);
	return its ? its : own;
}

int main(int argc, char **argv)
{
	char **command;
	int e;

	child_remember_signals();
	command = cli_begin(&cli, argc, argv);
	check_options(command);
	run.s = group_first(&run.group);
	if (!run.s)
		die("out of memory");
	run.group.children = opt_children;
	run.s->native_mode = opt_native || opt_stop ? NATIVE_ALL : NATIVE_BARE;
	run.s->native.no_perf = opt_stop;
	run.s->bare_after = command[0] ? BARE_AFTER : 0;
	trace_out_decide(&run.out, opt_output);
	if (command[0])
		launch(command);
	else
		attach();
	begin(command);
	if (run.child.pid) {
		e = child_go(&run.child);
		if (e) {
			child_ended(&run.child, true);
			trace_out_discard(&run.out);
			refuse(command[0], strerror(e), e == ENOENT ? 127 : 126);
		}
	} else {
		sampler_attach(run.s, 0);
	}
	loop();
	finish();
	group_tell(&run.group, (double)now() / SECOND, trace_out_bytes(&run.out));
	if (!run.s->process)
		warn("%s: nothing was sampled: %s", command[0], run.s->why[0] ? run.s->why :
				"it ended before it could be looked at");
	e = exit_status();
	group_free(&run.group);
	return e;
}

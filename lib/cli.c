/* cli.c - the command line every program shares: option table to parsing, help,
 * messages, exit; see cli.h.  Everything a program prints on stderr goes through
 * say(), which flushes stdout first, so that the two keep their order.
 */
#include "cli_own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_follow.h"
#include "print.h"

struct mp_query cli_query = { .keep = MP_KEEP_DEFAULT };
bool cli_text, cli_json, cli_no_stacks, cli_quiet;
const struct cli *cli_self;
struct cli_shared cli_shared = { .view = -1, .each = -1, .level = -1 };

static bool want_help, want_version, want_list;

static const char *const views[] = {
	"default", "live", "peak", "total", "temporary", "samples", NULL,
};
static const char *const each[] = { "process", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct { unsigned flag; struct cli_opt opt; } shared[] = {
	{CLI_VIEW, {0, "view", "VIEW", "see a trace as live, peak, total, temporary, samples",
		CLI_CHOICE, &cli_shared.view, views}},
	{CLI_VIEW | CLI_EACH, {0, "each", "process", "every process at its own peak",
		CLI_CHOICE, &cli_shared.each, each}},
	{CLI_QUERY | CLI_WINDOW | CLI_BETWEEN, {0, "between", "T1,T2",
		"allocated from T1 to T2: times or names of marks",
		CLI_STRING, &cli_shared.between, NULL}},
	{CLI_BETWEEN, {0, "since", "T", "the same as --between T,",
		CLI_STRING, &cli_shared.since, NULL}},
	{CLI_QUERY, {0, "at-exit", NULL, "live at the very end, after Python's teardown",
		CLI_FLAG, &cli_query.at_exit, NULL}},
	{CLI_QUERY | CLI_WINDOW, {0, "keep", "LIST", "labels kept: process,thread,kind,type,pid,tid,none",
		CLI_STRING, &cli_shared.keep, NULL}},
	{CLI_MIN, {'m', "min", "SIZE|PCT", "fold smaller rows into one row [rest]",
		CLI_LIMIT, &cli_shared.min, NULL}},
	{CLI_FORM, {'t', "text", NULL, "tab-separated text; --json: JSON lines",
		CLI_FLAG, &cli_text, NULL}},
	{CLI_FORM, {0, "json", NULL, NULL, CLI_FLAG, &cli_json, NULL}},
	{CLI_OUTPUT, {'o', "output", "FILE", "write FILE instead of standard output",
		CLI_STRING, &cli_shared.output, NULL}},
	{CLI_LEVEL, {0, "level", "N", "zstd level; 0 stores (default 1 to a file, 0 to a pipe)",
		CLI_INT, &cli_shared.level, NULL}},
	{CLI_COLOR, {0, "color", "WHEN", "auto, always or never",
		CLI_CHOICE, &cli_shared.color, colors}},
	{CLI_STRICT, {0, "strict", NULL, "exit 2 if the input was cut short",
		CLI_FLAG, &cli_shared.strict, NULL}},
	{0, {'q', "quiet", NULL, "no notes on standard error", CLI_FLAG, &cli_quiet, NULL}},
	{0, {'h', "help", NULL, "this text; --version: the version",
		CLI_FLAG, &want_help, NULL}},
	{0, {0, "version", NULL, NULL, CLI_FLAG, &want_version, NULL}},
	{0, {0, "list-options", NULL, NULL, CLI_FLAG, &want_list, NULL}},
};

/* The I-th option this program takes, own ones first; NULL past the last. */
static const struct cli_opt *option(size_t i)
{
	size_t k;

	for (k = 0; cli_self->opts && cli_self->opts[k].type != CLI_END; k++)
		if (i-- == 0)
			return &cli_self->opts[k];
	for (k = 0; k < sizeof(shared) / sizeof(*shared); k++)
		if ((!shared[k].flag || (shared[k].flag & cli_self->flags)) && i-- == 0)
			return &shared[k].opt;
	return NULL;
}

/* ---- messages and exits ------------------------------------------------------ */

static void say(const char *fmt, va_list args)
{
	char text[8192];

	cli_screen_end();
	cli_progress_end();
	fflush(stdout);
	vsnprintf(text, sizeof(text), fmt, args);
	fprintf(stderr, "%s: ", cli_self ? cli_self->name : "mp");
	print_name(stderr, text, 0);    /* file names and traces may hold anything */
	putc('\n', stderr);
}

int cli_trouble(void)
{
	return cli_self && cli_self->trouble ? cli_self->trouble : CLI_TROUBLE;
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!cli_quiet)
		say(fmt, args);
	va_end(args);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	exit(cli_trouble());
}

void cli_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	fprintf(stderr, "usage: %s %s   (%s --help)\n", cli_self->name, cli_self->args,
		cli_self->name);
	exit(cli_trouble());
}

void *cli_need(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

static int output_failed(void)
{
	if (errno == EPIPE)
		_exit(cli_trouble());
	fprintf(stderr, "%s: %s: %s\n", cli_self->name,
		cli_shared.output ? cli_shared.output : "stdout", strerror(errno));
	return cli_trouble();
}

void cli_flush(void)
{
	if (ferror(stdout) || fflush(stdout))
		exit(output_failed());
}

int cli_end(int status)
{
	bool failed = ferror(stdout) != 0;

	errno = failed ? EIO : 0;
	if (fclose(stdout) != 0 || failed)
		return output_failed();
	return cli_shared.lossy ? cli_trouble() : status;
}

/* ---- help ---------------------------------------------------------------------- */

static void help(void)
{
	const struct cli_opt *o;

	printf("%s\nusage: %s %s\n\n", cli_self->summary, cli_self->name, cli_self->args);
	for (size_t i = 0; (o = option(i)); i++) {
		int n = 0;

		if (!o->help)
			continue;
		n = o->key ? printf("  -%c, --%s", o->key, o->name) : printf("      --%s",
			o->name);
		if (o->arg)
			n += printf(" %s", o->arg);
		printf("%*s%s\n", n < 24 ? 24 - n : 1, "", o->help);
	}
	printf("\nexamples: %s\n          %s\nman page: %s(1)\n", cli_self->example[0],
		cli_self->example[1], cli_self->name);
}

/* One option a line, an argument as "=ARG" or, of a choice, "=one,other". */
static void list_options(void)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = option(i)); i++) {
		if (o->value == &want_list)
			continue;
		if (o->key)
			printf("-%c%s%s\n", o->key, o->arg ? "=" : "", o->arg ? o->arg : "");
		printf("--%s%s", o->name, o->arg ? "=" : "");
		for (const char *const *c = o->choice; c && *c; c++)
			printf("%s%s", c == o->choice ? "" : ",", *c);
		printf("%s\n", o->arg && !o->choice ? o->arg : "");
	}
}

static void informed(void)
{
	if (want_help)
		help();
	else if (want_version)
		printf("%s (mp) %s\n", cli_self->name, MP_VERSION);
	else if (want_list)
		list_options();
	else
		return;
	exit(cli_end(CLI_OK));
}

/* ---- parsing ---------------------------------------------------------------------- */

static void refuse(const struct cli_opt *o, const char *what, const char *text)
{
	if (o->key)
		cli_usage("-%c: %s: '%s'", o->key, what, text);
	cli_usage("--%s: %s: '%s'", o->name, what, text);
}

static void choose(const struct cli_opt *o, const char *text)
{
	for (int i = 0; o->choice[i]; i++)
		if (strcmp(o->choice[i], text) == 0) {
			*(int *)o->value = i;
			return;
		}
	refuse(o, "unknown value", text);
}

static void append(struct cli_list *list, const char *text)
{
	list->x = cli_need(reallocarray(list->x, list->n + 1, sizeof(*list->x)));
	list->x[list->n++] = text;
}

static void set(const struct cli_opt *o, const char *text)
{
	uint64_t size;
	char *end;

	switch (o->type) {
	case CLI_FLAG:
		*(bool *)o->value = true;
		break;
	case CLI_INT:
		errno = 0;
		*(long *)o->value = strtol(text, &end, 10);
		if (errno || end == text || *end || *(long *)o->value < 0)
			refuse(o, "not a number", text);
		break;
	case CLI_SIZE:
		if (!cli_parse_size(text, &size))
			refuse(o, "not a size", text);
		*(uint64_t *)o->value = size;
		break;
	case CLI_LIMIT:
		if (!cli_parse_limit(text, o->value))
			refuse(o, "neither a size nor a percentage", text);
		break;
	case CLI_STRING:
		*(const char **)o->value = text;
		break;
	case CLI_CHOICE:
		choose(o, text);
		break;
	case CLI_LIST:
		append(o->value, text);
		break;
	case CLI_END:
		break;
	}
}

static const struct cli_opt *find_long(const char *name, size_t n)
{
	const struct cli_opt *o, *found = NULL;

	for (size_t i = 0; (o = option(i)); i++)
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	for (size_t i = 0; n && (o = option(i)); i++) {
		if (strncmp(o->name, name, n) != 0)
			continue;
		if (found)
			cli_usage("option '--%.*s' is ambiguous: --%s or --%s", (int)n, name,
				found->name, o->name);
		found = o;
	}
	return found;
}

/* One "--name", "--name=value" or "--name value"; returns arguments used. */
static int parse_long(char **argv)
{
	const char *name = argv[0] + 2, *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const struct cli_opt *o = find_long(name, n);

	if (!o)
		cli_usage("unknown option '--%.*s'", (int)n, name);
	if (!o->arg && eq)
		cli_usage("option '--%s' takes no value", o->name);
	if (o->arg && !eq && !argv[1])
		cli_usage("option '--%s' needs a value: %s", o->name, o->arg);
	set(o, eq ? eq + 1 : argv[1]);
	return o->arg && !eq ? 2 : 1;
}

/* One cluster "-abN", "-n10" or "-n 10"; returns arguments used. */
static int parse_short(char **argv)
{
	for (const char *s = argv[0] + 1; *s; s++) {
		const struct cli_opt *o;
		size_t i;

		for (i = 0; (o = option(i)) && o->key != *s;)
			i++;
		if (!o)
			cli_usage("unknown option '-%c'", *s);
		if (o->arg && !s[1] && !argv[1])
			cli_usage("option '-%c' needs a value: %s", *s, o->arg);
		if (o->arg) {
			set(o, s[1] ? s + 1 : argv[1]);
			return s[1] ? 1 : 2;
		}
		set(o, NULL);
	}
	return 1;
}

/* ---- start --------------------------------------------------------------------------- */

/* A descriptor closed by the caller must not be taken by a file of ours; opened
 * the wrong way round its use still fails, as it should. */
static void keep_standard(void)
{
	static const int mode[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd)
			exit(cli_trouble());
}

static void default_sigpipe(void)
{
	sigset_t set_;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set_);
	sigaddset(&set_, SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &set_, NULL);
}

char **cli_begin(const struct cli *cli, int argc, char **argv)
{
	static char dash[] = "-", **operand;    /* the program's for good */
	int i = 1, n = 0;

	cli_self = cli;
	keep_standard();
	if (!(cli->flags & CLI_COMMAND))        /* the command inherits it */
		default_sigpipe();
	operand = cli_need(calloc((size_t)argc + 2, sizeof(*operand)));
	while (i < argc) {
		if (argv[i][0] != '-' || !argv[i][1]) {
			if (cli->flags & CLI_COMMAND)
				break;
			operand[n++] = argv[i++];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		i += argv[i][1] == '-' ? parse_long(argv + i) : parse_short(argv + i);
		informed();
	}
	while (i < argc)
		operand[n++] = argv[i++];
	cli_shared_apply();
	if (!n && (cli->flags & CLI_INPUT)) {
		if (isatty(STDIN_FILENO))
			cli_usage("no input: name a file, or pipe one in");
		operand[n++] = dash;
	}
	return operand;
}

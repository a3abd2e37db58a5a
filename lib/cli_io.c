/* cli_io.c - streams of a program: inputs loaded and added up, loss told, the
 * output opened only when there is something to write into it.
 */
#include "cli_own.h"

#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- output ---------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The -o FILE, NULL for stdout: "-" and another name of stdout count as none. */
static const char *output(void)
{
	const char *name = cli_shared.output;
	struct stat file, out;

	if (!name || strcmp(name, "-") == 0)
		return NULL;
	if (stat(name, &file) == 0 && fstat(STDOUT_FILENO, &out) == 0 && same_file(&file, &out))
		return NULL;
	return name;
}

bool cli_on_terminal(void)
{
	const char *name = output();
	struct stat st;
	bool yes;
	int fd;

	if (!name)
		return isatty(STDOUT_FILENO);
	if (stat(name, &st) < 0 || !S_ISCHR(st.st_mode))
		return false;
	fd = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	yes = fd >= 0 && isatty(fd);
	if (fd >= 0)
		close(fd);
	return yes;
}

void cli_redirect(void)
{
	const char *name = output();
	int fd;

	if (!name)
		return;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0666);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		die("%s: %s", name, strerror(errno));
	close(fd);
}

struct mp_writer *cli_create(void)
{
	enum mp_form form = cli_no_stacks ? MP_JSON_SITES : cli_json ? MP_JSON :
		cli_text ? MP_TEXT : MP_BINARY;
	const char *name = output();
	struct mp_writer *w;

	if (form == MP_BINARY && cli_on_terminal())
		die("%s: binary is not written to a terminal; -t for text", name ? name
			: "stdout");
	w = cli_need(mp_create(name ? name : "-", form, (int)cli_shared.level));
	if (mp_writer_error(w))
		die("%s", mp_writer_error(w));
	return w;
}

void cli_finish(struct mp_writer *w)
{
	const char *error = mp_writer_error(w);

	if (error)
		die("%s", error);
	errno = 0;
	if (mp_finish(w) < 0)
		die("%s: %s", cli_shared.output ? cli_shared.output : "stdout",
			errno ? strerror(errno) : "write failed");
}

/* Where binary waits to be turned into another form. */
static char spool[32];

struct mp_writer *cli_create_binary(void)
{
	struct mp_writer *w;
	int fd;

	if (!cli_text && !cli_json)
		return cli_create();
	fd = mp_spool_open();
	if (fd < 0)
		die("%s: %s", mp_spool_dir(), strerror(errno));
	snprintf(spool, sizeof(spool), "/proc/self/fd/%d", fd);
	w = cli_need(mp_create(spool, MP_BINARY, 1));
	if (mp_writer_error(w))
		die("%s", mp_writer_error(w));
	return w;
}

void cli_finish_binary(struct mp_writer *w)
{
	struct mp_reader *r;

	cli_finish(w);
	if (!*spool)
		return;
	r = cli_need(mp_open(spool));
	w = cli_create();
	while (mp_next_part(r) > 0 && !mp_copy_part(w, r))
		;
	if (mp_writer_error(w) || mp_error(r))
		die("%s", mp_writer_error(w) ? mp_writer_error(w) : mp_error(r));
	if (mp_close(r) < 0)
		die("%s: read failed", spool);
	cli_finish(w);
}

int64_t cli_least(struct mp_profile *p, int column)
{
	return cli_limit(&cli_shared.min, mp_total(p, column), 0);
}

bool cli_min_given(void)
{
	return cli_shared.min.set;
}

void cli_profile_failed(const struct mp_profile *p)
{
	die("%s", mp_profile_error(p) ? mp_profile_error(p) : "out of memory");
}

void cli_put_failed(const struct mp_writer *w, const struct mp_profile *p)
{
	if (mp_writer_error(w))
		die("%s", mp_writer_error(w));
	cli_profile_failed(p);
}

void cli_fold(struct mp_profile *p, int column)
{
	int64_t least = cli_least(p, column);

	if (least > 0 && mp_fold_below(p, column, least) < 0)
		cli_profile_failed(p);
}

void cli_emit(struct mp_profile *p)
{
	cli_emit_by(p, MP_BY_LINE);
}

void cli_emit_by(struct mp_profile *p, enum mp_by by)
{
	struct cli_table table = { .by = by, .lines = 20, .more = "-t for all" };
	struct mp_writer *w;

	if (mp_profile_set_meta(p, "program", cli_self->name) < 0)
		cli_profile_failed(p);
	cli_fold(p, cli_column(p, NULL));
	if (!cli_text && !cli_json && cli_on_terminal()) {
		cli_redirect();
		cli_table(p, &table);
		return;
	}
	w = cli_create();
	if (mp_put_profile(w, p) < 0)
		cli_put_failed(w, p);
	cli_finish(w);
}

/* ---- input ------------------------------------------------------------------------- */

static void pass(int number)
{
	(void)number;
}

/* Ctrl-C reaches the whole pipeline: the writer ends its stream, and what it
 * wrote is still read to its end.  The second one ends the reader. */
static void outlive_interrupt(void)
{
	struct sigaction old, first = { .sa_handler = pass, .sa_flags = SA_RESETHAND |
		SA_RESTART };
	struct stat st;

	if (fstat(STDIN_FILENO, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return;
	if (sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		sigaction(SIGINT, &first, NULL);
}

const char *cli_shown(const char *path)
{
	return strcmp(path, "-") == 0 ? "stdin" : path;
}

/* Writing over what is still to be read would lose it. */
static void refuse_output(const char *path)
{
	const char *name = output();
	struct stat in, out;
	bool is_stdin = strcmp(path, "-") == 0;

	if ((is_stdin ? fstat(STDIN_FILENO, &in) : stat(path, &in)) < 0 || !S_ISREG(in.st_mode))
		return;
	if ((name ? stat(name, &out) : fstat(STDOUT_FILENO, &out)) == 0 && same_file(&in, &out))
		die("%s: input file is output file", cli_shown(path));
}

void cli_input(const char *path)
{
	if (strcmp(path, "-") == 0)
		outlive_interrupt();
	refuse_output(path);
}

/* The last one opened: what die() leaves behind stays reachable, so that a leak
 * checker tells only of real leaks. */
static struct mp_reader *reader;

struct mp_reader *cli_open(const char *path)
{
	cli_input(path);
	reader = cli_need(mp_open(path));
	if (mp_error(reader))
		die("%s", mp_error(reader));
	cli_progress(path, reader);
	return reader;
}

void cli_events(const char *path, struct mp_reader *r)
{
	const char *program;

	if (mp_next_part(r) <= 0 || mp_kind(r) != MP_PROFILE)
		return;
	program = mp_meta(r, "program");
	die("%s: needs a trace, this is a profile%s%s%s", cli_shown(path),
		program ? " (made by " : "", program ? program : "", program ? ")" : "");
}

static void tell_loss(const char *path, struct mp_reader *r)
{
	struct mp_loss loss = mp_loss(r);
	const char *damage = mp_damage(r), *text = cli_loss_text(&loss);

	if (damage)
		warn("%s", damage);
	if (loss.damaged_blocks)
		warn("%s: incomplete: %s", cli_shown(path), text);
	else if (*text)
		note("%s: incomplete: %s", cli_shown(path), text);
	cli_count_loss(&loss);
}

void cli_close(const char *path, struct mp_reader *r)
{
	cli_progress_end();
	if (mp_error(r))
		die("%s", mp_error(r));
	tell_loss(path, r);
	if (mp_close(r) < 0)
		die("%s: read failed", cli_shown(path));
}

struct mp_profile *cli_load_rest(const char *path, struct mp_reader *r)
{
	struct mp_profile *p = mp_load(r, &cli_query);

	if (mp_error(r))
		die("%s", mp_error(r));
	cli_need(p);
	if (mp_profile_error(p))
		die("%s: %s", cli_shown(path), mp_profile_error(p));
	cli_close(path, r);
	return p;
}

static struct mp_profile *load_one(const char *path)
{
	struct mp_reader *r = cli_open(path);

	if (cli_self->flags & CLI_EVENTS)
		cli_events(path, r);
	return cli_load_rest(path, r);
}

int cli_column(const struct mp_profile *p, const char *name)
{
	size_t n, k = 0;
	const struct mp_column *c = mp_columns(p, &n);

	while (name && k < n && strcmp(c[k].name, name) != 0)
		k++;
	if (k < n)
		return (int)k;
	if (!n)
		die("no columns in this profile");
	die("no column '%s' in this profile (the first is '%s')", name, c[0].name);
}

void cli_add(struct mp_profile *sum, struct mp_profile *p, const char *path)
{
	if (mp_merge(sum, p, 1) < 0)
		die("%s: %s", path, mp_profile_error(sum) ? mp_profile_error(sum) :
			"out of memory");
	mp_profile_free(p);
}

struct mp_profile *cli_load(char **files)
{
	struct mp_profile *sum = load_one(*files), *p;

	while (*++files) {
		p = load_one(*files);
		cli_add(sum, p, *files);
	}
	return sum;
}

void cli_add_part(const char *path, struct mp_reader *r, struct mp_profile **sum)
{
	static const struct mp_query all = { .keep = ~0u };
	struct mp_profile *p = mp_load_part(r, &all);

	path = cli_shown(path);
	if (mp_error(r))
		die("%s", mp_error(r));
	cli_need(p);
	if (mp_profile_error(p))
		die("%s: %s", path, mp_profile_error(p));
	if (!*sum) {
		*sum = p;
		return;
	}
	if (mp_merge(*sum, p, 1) < 0)
		die("%s: %s", path, mp_profile_error(*sum));
	mp_profile_free(p);
}

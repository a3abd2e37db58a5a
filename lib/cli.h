/* cli.h - what every mp-* program shares: options, help, messages, streams, exits.
 * Not in libmp.a: the only code beside the programs that may print or exit.
 *
 * A program states its options in a table; the shared ones come with a flag of
 * struct cli.  cli_begin() leaves only operands; cli_end() is the only way out.
 */
#ifndef MP_CLI_H
#define MP_CLI_H

#include "mp.h"
#include <stdio.h>

enum cli_type {
	CLI_END,
	CLI_FLAG,       /* bool * */
	CLI_INT,        /* long *, not negative */
	CLI_SIZE,       /* uint64_t *: 1M = 2^20, 1MB = 10^6 */
	CLI_STRING,     /* const char ** */
	CLI_LIMIT,      /* struct cli_limit *: SIZE or PCT */
	CLI_CHOICE,     /* int *: index into choice[] */
	CLI_LIST,       /* struct cli_list *: may be given several times */
};

struct cli_opt {
	char key;               /* short option, or 0 */
	const char *name;       /* long option */
	const char *arg;        /* metavariable; NULL for a flag */
	const char *help;       /* NULL: in the man page only */
	enum cli_type type;
	void *value;
	const char *const *choice;      /* NULL-terminated, CLI_CHOICE */
};

enum {
	CLI_VIEW = 1,           /* --view --each */
	CLI_QUERY = 2,          /* --keep --between --at-exit */
	CLI_FORM = 4,           /* -t --json */
	CLI_OUTPUT = 8,         /* -o */
	CLI_LEVEL = 16,         /* --level */
	CLI_INPUT = 32,         /* reads streams: "-" where no operand is */
	CLI_MIN = 64,           /* -m */
	CLI_COLOR = 128,        /* --color */
	CLI_COMMAND = 256,      /* the first operand ends the options (mp-capture) */
	CLI_EVENTS = 512,       /* a profile as input is an error */
	CLI_STRICT = 1024,      /* --strict */
	CLI_EACH = 2048,        /* --each alone: the view is fixed */
	CLI_WINDOW = 4096,      /* --keep --between alone: the end does not matter */
	CLI_BETWEEN = 8192,     /* --between --since */
};

struct cli {
	const char *name, *args, *summary;
	const struct cli_opt *opts;     /* own options, shown first */
	const char *example[2];
	unsigned flags;
	int trouble;            /* exit status of usage and other errors; 0 = CLI_TROUBLE */
};

/* Exit status: 0 done; 1 found what -e asks about; 2 trouble. */
enum { CLI_OK = 0, CLI_FOUND = 1, CLI_TROUBLE = 2 };

struct cli_list { const char **x; size_t n; };
struct cli_limit { bool set, percent; uint64_t size; double pct; };

/* Parse options (-q, -h, --version and --list-options are always there) and
 * return the operands, NULL-terminated; with CLI_INPUT {"-"} when there are none. */
char **cli_begin(const struct cli *, int argc, char **argv);
/* Two lines on stderr, then exit. */
_Noreturn void cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));  /* silent with -q */
void *cli_need(void *p);        /* P, or die: out of memory */
/* After much was written: end now if it failed, while the cause is known. */
void cli_flush(void);
/* Close stdout, checked; STATUS, or trouble if output failed or input was damaged. */
int cli_end(int status);

/* The value of LIMIT where the whole is TOTAL; OTHERWISE if it was not given. */
int64_t cli_limit(const struct cli_limit *, int64_t total, int64_t otherwise);
bool cli_parse_size(const char *text, uint64_t *size);
bool cli_parse_time(const char *text, uint64_t *ns);    /* 90, 1.5, 1m30s, 200ms */
/* MIN..MAX, either of which may be left out (then 0, UINT64_MAX), or one value. */
bool cli_parse_range(const char *text, bool (*parse)(const char *, uint64_t *),
		uint64_t *least, uint64_t *most);

/* What the shared options said.  A program may set a default before cli_begin. */
extern struct mp_query cli_query;
extern bool cli_text, cli_json, cli_no_stacks, cli_quiet;

/* ---- input (cli_io.c) -------------------------------------------------------- */

/* Before PATH is opened: refuse it as output, let Ctrl-C pass a pipe. */
void cli_input(const char *path);
struct mp_reader *cli_open(const char *path);   /* cli_input, mp_open; dies */
/* If the part just begun or to come is a profile: die, naming who made it. */
void cli_events(const char *path, struct mp_reader *);
/* cli_open does this: show how far it has come if it takes long; and stop it, before
 * something is printed that is not a message (cli_close does). */
void cli_progress(const char *path, struct mp_reader *);
void cli_progress_end(void);
void cli_close(const char *path, struct mp_reader *);   /* dies on failure, tells of loss */
/* The same for the reader of one file, whose first part may have begun; closes it. */
struct mp_profile *cli_load_rest(const char *path, struct mp_reader *);
void cli_add(struct mp_profile *sum, struct mp_profile *, const char *path);    /* freed */
const char *cli_shown(const char *path);        /* "stdin" for "-" */
struct mp_profile *cli_load(char **files);      /* through cli_query, added up; dies */
/* The part begun, a profile with all its labels, added to *SUM (NULL: the first); dies. */
void cli_add_part(const char *path, struct mp_reader *, struct mp_profile **sum);
/* The column NAME (NULL: the first); dies if it is not there. */
int cli_column(const struct mp_profile *, const char *name);
_Noreturn void cli_profile_failed(const struct mp_profile *);
_Noreturn void cli_put_failed(const struct mp_writer *, const struct mp_profile *);
/* "3 damaged blocks, 1 truncated part", "" if nothing is missing; static (cli_loss.c). */
const char *cli_loss_text(const struct mp_loss *);
/* "sampled, one allocation in about …", "" if all were recorded; static. */
const char *cli_estimate_text(const struct mp_loss *);
const char *cli_note_text(const struct mp_loss *);      /* "incomplete: …; estimates: …" */
/* Where rows have no place for it: on stderr, once; as members of a JSON object. */
void cli_tell_estimate(const struct mp_loss *);
void cli_json_estimate(const struct mp_loss *);
void cli_count_loss(const struct mp_loss *);    /* it shows in cli_end's status */

/* ---- output ---------------------------------------------------------------------- */

/* Whether stdout (or -o FILE) is a terminal. */
bool cli_on_terminal(void);
/* For text: stdout becomes -o FILE. */
void cli_redirect(void);
struct mp_writer *cli_create(void);             /* -o, -t, --json, --level applied; dies */
void cli_finish(struct mp_writer *);            /* dies if any write failed */
/* The same for who can write binary only: another form is made of it at the end. */
struct mp_writer *cli_create_binary(void);
void cli_finish_binary(struct mp_writer *);
/* A filter's last step: -m, then a table on a terminal, else the profile. */
void cli_emit(struct mp_profile *);
void cli_emit_by(struct mp_profile *, enum mp_by);     /* rows of the table */
int64_t cli_least(struct mp_profile *, int column);     /* -m as a value, 0: none */
bool cli_min_given(void);                               /* also -m 0 */
void cli_fold(struct mp_profile *, int column);         /* -m applied; dies */

/* ---- tables (cli_table.c) ----------------------------------------------------------- */

struct cli_table {
	enum mp_by by;
	enum mp_show show;
	int column;
	bool by_total;
	int64_t least;          /* smaller rows are left to the last */
	long lines;             /* rows shown; -1: all */
	const char *more;       /* how to see the rest, e.g. "-t for all" */
	bool recent;            /* shares are those of SHARE, ranked by RANK: columns */
	int share, rank;
};
void cli_table(struct mp_profile *, const struct cli_table *);
/* Whether rows by WHAT can be told apart: one of them has the label. */
bool cli_has_label(struct mp_profile *, enum mp_by what);
const char *cli_by_name(enum mp_by);
void cli_title(struct mp_profile *, int column);        /* its first line: view and sum */

/* The course of a trace (course.h) as rows (cli_course.c), on a terminal (cli_plot.c). */
struct mp_course;
void cli_course_text(const struct mp_course *, unsigned part);
void cli_course_json(const struct mp_course *, unsigned part, const struct mp_loss *);
void cli_plot(const struct mp_course *);

/* The frames of NODE, outermost first, each without its address, pushed into TO
 * (cli_names.c). */
enum cli_name { CLI_NAME_FUNCTION, CLI_NAME_LINE, CLI_NAME_MODULE };
mp_node cli_push_names(struct mp_tree *to, const struct mp_tree *from, mp_node,
		enum mp_show, enum cli_name);

#endif

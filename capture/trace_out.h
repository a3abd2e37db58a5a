/* trace_out.h - where a trace goes that is being made: a file, or standard output, or
 * where that is a terminal a file named after the program.  A slow reader of a pipe
 * does not hold up who writes (output.h).
 */
#ifndef MP_TRACE_OUT_H
#define MP_TRACE_OUT_H

#include "mp.h"
#include "output.h"

#include <limits.h>
#include <sys/stat.h>

struct trace_out {              /* all zero at first */
	struct mp_writer *writer;
	struct output output;
	const char *name;               /* for messages */
	char made_name[PATH_MAX];       /* NAME.PID.mp */
	struct stat file;               /* st_mode 0: not a regular file */
	bool owns_stdout, pumped, failed;
};

/* PATH: -o's value or NULL; "-" and a name of stdout's own file count as none. */
void trace_out_decide(struct trace_out *, const char *path);
/* Dies where it cannot be opened.  PROGRAM and PID: for the name if one is made. */
void trace_out_open(struct trace_out *, const char *program, pid_t pid, uint64_t spool, int level);
/* Begin the trace: what it says of itself.  Dies if that cannot be written. */
void trace_out_begin(struct trace_out *, char **command, const char *tool, const char *options,
		uint64_t tick);
/* What went wrong with writing so far, NULL: nothing. */
const char *trace_out_error(struct trace_out *);
/* Nothing more comes; warns once if writing failed, and sets failed. */
void trace_out_close(struct trace_out *);
uint64_t trace_out_bytes(const struct trace_out *);
/* If nothing was written into a file, remove it. */
void trace_out_discard(const struct trace_out *);

#endif

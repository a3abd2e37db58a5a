/* report.h - traces as one HTML file that needs nothing else: not the trace, no
 * network, no second file.
 *
 * What a window of time shows is worked out by the page's script from flows and levels
 * (lib/timeline.h), so every figure in it is exact; what is too small for a
 * screen is summed up under the name [rest], never left out.  The bytes depend on the
 * input alone.  formats: report_encode.c says what the page holds.
 */
#ifndef MP_REPORT_H
#define MP_REPORT_H

#include "mp.h"

#include <stdio.h>

struct mp_report_options {
	const char *title;      /* NULL: the command */
	uint32_t stacks;        /* how many are kept at most; 0: a good many */
	uint64_t size;          /* of the page: fewer stacks are kept to stay below */
	bool no_source;         /* no text of source lines */
};

enum { MP_REPORT_RUNS = 64 };

struct mp_report;
struct mp_report *mp_report_new(void);          /* NULL when memory is out */
void mp_report_free(struct mp_report *);
/* NULL if nothing went wrong; failures stick. */
const char *mp_report_error(const struct mp_report *);

/* Add the part begun by mp_next_part, which is a trace, as a run called NAME.  Of
 * QUERY count from, to, keep (threads) and at_exit.  Its tree is taken over.
 * What is wrong with the part is the reader's to say. */
int mp_report_add(struct mp_report *, struct mp_reader *, const struct mp_query *,
		const char *name) MP_USE_RESULT;
/* The page.  Two runs are compared if DIFF.  Errors of OUT are its owner's to find. */
int mp_report_write(struct mp_report *, const struct mp_report_options *, bool diff,
		FILE *out) MP_USE_RESULT;
/* Bytes of the page written: over the size asked for, if even the fewest stacks are. */
uint64_t mp_report_size(const struct mp_report *);

#endif

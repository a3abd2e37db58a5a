/* cli_stat.h - a summary for people, and as data.
 * Not in libmp.a.  What both tell of one thing they take from the same place.
 */
#ifndef MP_CLI_STAT_H
#define MP_CLI_STAT_H

#include "cli.h"
#include "summary.h"

struct cli_stat {
	struct mp_summary *s;           /* NULL: of a profile */
	struct mp_profile *p;           /* the summary's total, or the profile */
	enum mp_show show;              /* frames named */
	long lines;                     /* rows of each ranking, -1: all */
};

/* A ranking of the profile's rows. */
struct cli_stat_top {
	const char *name;               /* "top_bytes" */
	const char *title;              /* "lines by bytes" */
	enum mp_by by;
	enum mp_show show;
	int column;
};
/* The I-th ranking; false past the last. */
bool cli_stat_top(const struct cli_stat *, size_t i, struct cli_stat_top *);
struct cli_stat_rows {
	struct mp_groups *groups;
	size_t n;                       /* shown */
	size_t more;                    /* not shown, but with a value */
	struct mp_amount rest;          /* theirs */
};
struct cli_stat_rows cli_stat_rows(const struct cli_stat *, const struct cli_stat_top *);
int cli_stat_count(const struct mp_profile *);          /* the column "count", -1: none */
/* An allocator's name, or the number of an unknown one. */
const char *cli_stat_kind(char text[64], uint32_t kind);
const char *cli_stat_start(char text[32], uint64_t wall);       /* ISO 8601, UTC */

void cli_stat_print(const struct cli_stat *);
void cli_stat_tables(const struct cli_stat *);          /* its second half */
void cli_stat_data(const struct cli_stat *);            /* -t or --json */

#endif

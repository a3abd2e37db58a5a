/* cli_own.h - what the parts of cli.c share among themselves. */
#ifndef MP_CLI_OWN_H
#define MP_CLI_OWN_H

#include "cli.h"

struct cli_shared {
	int view, each, color;
	const char *between, *since, *keep, *output;
	struct cli_limit min;
	long level;
	bool strict;
	bool lossy;             /* a damaged input was used: ends with trouble */
};
extern struct cli_shared cli_shared;
extern const struct cli *cli_self;

/* Columns of a table that say how a group grows (cli_growth.c). */
struct cli_growth {
	const struct mp_column *column;
	size_t at[8], n;
};
void cli_growth_find(struct cli_growth *, struct mp_profile *, size_t ranked);
int cli_growth_row(const struct cli_growth *, const int64_t *value);    /* its width */
void cli_growth_header(const struct cli_growth *);
void cli_growth_blank(const struct cli_growth *);

int cli_trouble(void);
bool cli_parse_limit(const char *text, struct cli_limit *);
void cli_shared_apply(void);    /* the shared options into cli_query; dies */

#endif

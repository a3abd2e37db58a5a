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

int cli_trouble(void);
bool cli_parse_limit(const char *text, struct cli_limit *);
void cli_shared_apply(void);    /* the shared options into cli_query; dies */

#endif

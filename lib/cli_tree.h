/* cli_tree.h - a tree of calls for people, and as data.  Not in libmp.a. */
#ifndef MP_CLI_TREE_H
#define MP_CLI_TREE_H

#include "call_tree.h"
#include "cli.h"

struct cli_tree {
	struct mp_profile *p;
	const struct mp_call_tree *calls;
	int column;             /* ranked by */
	uint64_t least;         /* calls with a smaller total are left to "[N more]" */
	long depth;             /* deeper ones, too; 0: none */
};

/* What is left out; the tree's figures all the same add up. */
uint64_t cli_tree_print(const struct cli_tree *);       /* returns how many calls */
void cli_tree_data(const struct cli_tree *);            /* -t or --json */

#endif

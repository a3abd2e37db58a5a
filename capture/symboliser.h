/* symboliser.h - names for native locations, found in the background while the
 * target runs.
 *
 * The calling thread (the drain) never waits: what it queues is handed over and
 * what is ready is taken back in symboliser_collect(), under a lock that is only
 * tried.  The background threads run when the machine has nothing better to do.
 */
#ifndef MP_SYMBOLISER_H
#define MP_SYMBOLISER_H

#include "tree.h"

struct symboliser;
struct modules;
struct module;

/* RESOLVE false (--no-symbols): nothing is ever named; modules are still known.
 * NULL: no memory. */
struct symboliser *symboliser_new(bool resolve);
/* The modules of all images of the session. */
struct modules *symboliser_modules(struct symboliser *);
/* LOCATION of the tree is at OFFSET in MODULE. */
int symboliser_queue(
	struct symboliser *, struct module *, uint64_t offset, uint32_t location);
/* Put what has been found since the last call into TREE (mp_set_lines).  Call it
 * each round of the drain.  Returns how many locations got lines, -1: no memory. */
long symboliser_collect(struct symboliser *, struct mp_tree *tree);
/* Resolve the stragglers, put them into TREE and end the threads. */
long symboliser_finish(struct symboliser *, struct mp_tree *tree);
void symboliser_free(struct symboliser *);

#endif

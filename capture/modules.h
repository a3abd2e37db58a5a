/* modules.h - the ELF files of the traced processes: one entry per (path,
 * build-id) of a session, however many processes map it. */
#ifndef MP_MODULES_H
#define MP_MODULES_H

#include "evalrange.h"

#include <stddef.h>

struct modules;

struct module {
	char *path, *build_id; /* build_id: hex, "" if unknown */
	uint64_t hash;
	int fd;        /* the file, where `path` does not lead to it from here; else -1 */
	uint64_t eval; /* offset the ranges below belong to */
	unsigned ranges;
	bool searched; /* for the ranges of `eval` */
	struct mp_range range[MP_EVAL_RANGES];
	unsigned share; /* whose it is of the symboliser's threads; 0: nobody's yet */
	struct module *next;
};

struct modules *modules_new(void);
void modules_free(struct modules *);
/* The entry, made if new; NULL: no memory.  PID maps it at FROM … TO: its view of
 * the file system is where PATH is looked up first. */
struct module *modules_get(struct modules *, const char *path, size_t path_len,
	const unsigned char *build_id, size_t build_id_len, uint32_t pid, uint64_t from,
	uint64_t to);
/* Find the ranges of the eval function whose entry is at offset EVAL. */
void modules_find_eval(struct module *, uint64_t eval);

/* ---- what one process maps where ------------------------------------------------- */

struct mapped {
	uint64_t base, from, to;
	struct module *module;
	uint32_t id;
};

/* All zero: empty.  x[] is in order of address and none overlap. */
struct module_map {
	struct mapped *x;
	size_t n, room, last;
};

enum { MAP_SAME, MAP_INSERTED, MAP_REPLACED };

const struct mapped *module_map_find(struct module_map *, uint64_t address);
/* What it overlaps is removed.  MAP_*, or -1: no memory. */
int module_map_insert(struct module_map *, const struct mapped *);
bool module_map_remove(struct module_map *, uint64_t base);

#endif

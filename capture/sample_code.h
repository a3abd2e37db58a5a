/* sample_code.h - code objects of another process: their names, files and lines.
 *
 * Known by address, and looked at anew at every moment they are met: the memory of one
 * that died may be another's, with its strings and its line table in the very places
 * where the first one's were.
 */
#ifndef MP_SAMPLE_CODE_H
#define MP_SAMPLE_CODE_H

#include "sample_stack.h"
#include "table.h"
#include "tree.h"

enum { CODE_FACTS = 4, FACT_BYTES = 96, CODE_PLACES = 4 };

struct code_fact {              /* memory that stays as it is while the code lives */
	uint64_t address;
	uint32_t size;
	uint8_t bytes[FACT_BYTES];
};

struct py_code {
	uint64_t address;
	uint64_t moment;                /* when it was last seen to be itself; 0: unknown */
	uint64_t tried;                 /* when it was last read, in vain or not */
	uint32_t def;                   /* in the tree */
	int32_t first, traceable;
	int64_t units;
	uint8_t *lines;
	size_t lines_size;
	struct code_fact fact[CODE_FACTS];
	unsigned facts;
	struct { int64_t unit; uint32_t location; } place[CODE_PLACES];  /* location 0: none */
};

struct codes {                  /* all zero but for the first three */
	pid_t pid;
	const struct interpreter_image *image;
	struct mp_tree *tree;
	uint64_t type;                  /* the type of code objects, once known */
	struct py_code *x;
	size_t n, room;
	size_t lines_size;              /* of all line tables */
	struct table by_address;
	struct snapshot s;
	uint32_t *known;                /* those of a chain that were met before */
	size_t n_known, known_room;
	char *text;                     /* room for one string as UTF-8 */
	unsigned char *raw;
};

/* All code of the chain is read, and is at MOMENT (> 0) what it was. */
void codes_check(struct codes *, const struct chain *, uint64_t moment);

enum code_place { CODE_AT, CODE_HIDDEN, CODE_UNKNOWN };

/* Where a frame stands, after codes_check at MOMENT: *DEF and *LOCATION are the tree's.
 * Hidden: the interpreter itself does not show it (yet).  Unknown: it is no code, or not
 * a place in it. */
enum code_place codes_place(struct codes *, const struct py_frame *, uint64_t moment,
		uint32_t *def, uint32_t *location);
void codes_free(struct codes *);

#endif

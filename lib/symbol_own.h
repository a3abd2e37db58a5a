/* symbol_own.h - between symbol.c, symbol_file.c and symbol_dwarf.c. */
#ifndef MP_SYMBOL_OWN_H
#define MP_SYMBOL_OWN_H

#include "arena.h"
#include "symbol.h"

#include <elfutils/libdwfl.h>

/* One function, or one call inlined into it, at one range of addresses. */
struct sym_scope {
	uint64_t from, to;
	Dwarf_Die die;
	const char *name; /* NULL until asked for */
	uint32_t depth;   /* inlined calls: 1 and more */
	uint32_t call_file, call_line;
};

struct sym_function {
	struct sym_scope scope;
	struct sym_scope *inlined; /* in the order of their DIEs */
	size_t n;
	bool loaded;
};

struct sym_files {
	Dwarf_Files *files;
	const char **shown;
	size_t n;
};

struct sym_unit {
	Dwarf_Die die, full; /* full: of the split file, where there is one */
	struct sym_files files, full_files;
	struct sym_function *function; /* by address */
	size_t n, room;
	bool loaded;
};

struct sym_unit_range {
	uint64_t from, to;
	size_t unit;
};

struct sym_symbol {
	uint64_t from, size;
	const char *name, *shown; /* shown: demangled, NULL until asked for */
	uint32_t rank;
	bool sized; /* else: it ends where the next one or its section does */
};

struct sym_module {
	char *path, *build_id;
	struct mp_symbols *owner;
	int fd; /* given, or -1 */
	bool loaded, readable;
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf *dwarf;    /* NULL: no debug info */
	Dwarf_Addr bias; /* of the debug info to offsets */
	struct sym_unit *unit;
	size_t n_units, units_room;
	struct sym_unit_range *range; /* by address */
	size_t n_ranges, ranges_room;
	struct sym_symbol *symbol; /* by address */
	size_t n_symbols;
	bool symbols_loaded;
	struct sym_module *next;
};

struct mp_symbols {
	struct sym_module *first;
	struct arena *strings;
	char **dir;
	size_t dirs;
	bool failed; /* memory ran out */
	struct sym_fetch *fetch; /* NULL: nothing is fetched */
};

/* Room for one more in an array; false: no memory. */
bool sym_grow(struct mp_symbols *, void *array, size_t n, size_t *room, size_t size);
/* NAME demangled, kept as long as the handle. */
const char *sym_name(struct mp_symbols *, const char *name);
/* DIR/NAME, kept as long. */
char *sym_join(struct mp_symbols *, const char *dir, const char *name);

/* symbol_fetch.c: the file, or the debug file, of a build-id from a server; *NAME is for
 * free().  -1: it has none, or none is asked. */
int sym_fetch(struct mp_symbols *, const char *build_id, bool debug, char **name);
void sym_fetch_end(struct mp_symbols *);
/* symbol_file.c: find the module's files. */
void sym_open(struct sym_module *);
/* symbol_dwarf.c: as mp_symbols_resolve; 0: no debug info for it. */
void sym_load_units(struct sym_module *);
void sym_free_units(struct sym_module *);
int sym_lines(struct sym_module *, uint64_t offset, struct mp_symbol_line *line, unsigned max);

#endif

/* symbol.h - names of addresses in ELF files: inside lib/ and for capture/.
 *
 * A struct mp_symbols and all it returns belong to one thread at a time.
 */
#ifndef MP_SYMBOL_H
#define MP_SYMBOL_H

#include "mp.h"

struct mp_symbol_line {
	const char *function, *file; /* never NULL; live as long as the handle */
	uint32_t line;               /* 0 if unknown */
};

enum { MP_SYMBOL_LINES = 64, MP_SYMBOL_NO_FILE = -2 };

/* The lines of OFFSET (an ELF virtual address: run-time address - load bias) in
 * the module, innermost (inlined) first.  Returns how many, at most MAX; 0: the
 * file says nothing; MP_SYMBOL_NO_FILE: no file of that build-id can be read (an
 * empty BUILD_ID fits any); -1: no memory. */
int mp_symbols_resolve(struct mp_symbols *, const char *path, const char *build_id,
	uint64_t offset, struct mp_symbol_line *line, unsigned max);
/* Read this module from FD (not taken over: duplicated), not from its path. */
int mp_symbols_give(struct mp_symbols *, const char *path, const char *build_id, int fd);

/* Native locations that mp_symbolise would look up. */
uint32_t mp_nameless(const struct mp_tree *, bool all);
/* What mp_symbolise names in a part that is copied, in binary: the lines are added
 * before its end, everything else stays as it is.  *NAMED and *OF grow by how many
 * locations got lines and how many were looked up.  As mp_copy_part (copy_named.c). */
int mp_copy_named(struct mp_writer *, struct mp_reader *, struct mp_symbols *, bool all,
	uint64_t *named, uint64_t *of);
/* From now on ask the servers of DEBUGINFOD_URLS for what is not here (symbol_fetch.c).
 * False: elfutils' client library is not installed. */
bool mp_symbols_fetch(struct mp_symbols *);

/* demangle.c: NAME as the source has it: without a compiler's suffix (".cold",
 * ".part.0"), C++ and Rust demangled without parameters.  For free(); NULL: no memory. */
char *mp_demangle(const char *name);

#endif

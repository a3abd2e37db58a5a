/* evalrange.h - where in an ELF file the code of Python's eval function lies. */
#ifndef MP_EVALRANGE_H
#define MP_EVALRANGE_H

#include <stdbool.h>
#include <stdint.h>

struct mp_range {
	uint64_t from, to;
}; /* offsets from the load base */

enum { MP_EVAL_RANGES = 16 };

/* EVAL is the offset of the function's entry.  Fills RANGE, ascending, and
 * returns how many there are; 0 when the file does not tell.  SYMBOLS false:
 * ignore the symbol table (as in a stripped file). */
unsigned eval_ranges(
	int fd, uint64_t eval, bool symbols, struct mp_range range[MP_EVAL_RANGES]);

#endif

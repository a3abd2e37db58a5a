/* python_line.h - CPython's line tables. */
#ifndef MP_PYTHON_LINE_H
#define MP_PYTHON_LINE_H

#include <stddef.h>
#include <stdint.h>

#define PYTHON_NO_LINE 0

/* Line of code unit `unit` (two bytes each) of a code object of CPython 3.`minor`
 * whose line table is `table` and whose first line is `first`.  A negative unit is
 * a frame that has not started: the first line.
 * @return PYTHON_NO_LINE if the unit has none (or the table is broken) */
int python_decode_line(unsigned minor, const uint8_t *table, size_t size, int first, long unit);

#endif

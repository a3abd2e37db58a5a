/* python_string.h - the text of a str object. */
#ifndef MP_PYTHON_STRING_H
#define MP_PYTHON_STRING_H

#include "python_offsets.h"

/* Writes the str at `object` as UTF-8 without an end mark, at most `max` bytes, whole
 * characters only; anything that is no str gives "?".  *cut is set if it did not fit.
 * @return bytes written */
size_t python_string(const struct python_offsets *o, const void *object, char *out,
		     size_t max, int *cut);

#endif

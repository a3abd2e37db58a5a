/* python_string.h - the text of a str object. */
#ifndef MP_PYTHON_STRING_H
#define MP_PYTHON_STRING_H

#include "python_offsets.h"

/* Writes the str at `object` as UTF-8 without an end mark, at most `max` bytes, whole
 * characters only; anything that is no str gives "?".  *cut is set if it did not fit.
 * @return bytes written */
size_t python_string(const struct python_offsets *o, const void *object, char *out,
		     size_t max, int *cut);

/* The same for who reads another process: of a str whose first bytes, up to
 * string_compact + 8, are at `head`, the width and number of its characters.  *inside is
 * where in the object they lie, 0: a pointer to them is at string_compact.
 * @return 0 if it is none */
unsigned python_string_open(const struct python_offsets *o, const void *head, size_t *length,
			    size_t *inside);
size_t python_string_encode(const unsigned char *data, size_t length, unsigned width, char *out,
			    size_t max, int *cut);

#endif

/* tsv.h - fields of the text twin: escapes, splitting, whole numbers.
 * formats/text.md [T3]-[T6].  No allocation; every length is given.
 */
#ifndef MP_TSV_H
#define MP_TSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mp_slice { char *s; size_t n; };

enum mp_tsv_what {
	MP_TSV_FIELD,   /* a field of its own */
	MP_TSV_NAME,    /* part of a frame: ; and the brackets that have a meaning, too */
	MP_TSV_KEY,     /* a metadata key: = too */
};

enum { MP_TSV_GROWTH = 4, MP_DECIMAL_MAX = 20 };

/* Writes at most N * MP_TSV_GROWTH bytes; returns how many. */
size_t mp_tsv_escape(char *out, const char *in, size_t n, enum mp_tsv_what);
/* In place.  CUT (may be NULL) tells whether the mark of a cut string ended it.
 * False where a backslash begins no escape. */
bool mp_tsv_unescape(struct mp_slice *, bool *cut);
/* Splits at tabs.  Returns the number of fields, MAX + 1 if there are more. */
size_t mp_tsv_split(char *line, size_t n, struct mp_slice *field, size_t max);
/* Bytes before the first C that no backslash precedes; N if there is none. */
size_t mp_tsv_span(const char *s, size_t n, char c);

/* The whole slice is a number that fits, or false. */
bool mp_tsv_u64(const char *s, size_t n, uint64_t *value);
bool mp_tsv_i64(const char *s, size_t n, int64_t *value);
bool mp_tsv_hex(const char *s, size_t n, uint64_t *value);      /* digits only, no 0x */
/* At most MP_DECIMAL_MAX bytes; returns how many. */
size_t mp_put_u64(char *out, uint64_t value);
size_t mp_put_i64(char *out, int64_t value);
size_t mp_put_hex(char *out, uint64_t value);                   /* with 0x */

#endif

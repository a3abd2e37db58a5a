/* json.h - strings as JSON.  formats/text.md [J1]-[J3].  No allocation. */
#ifndef MP_JSON_H
#define MP_JSON_H

#include <stddef.h>

enum { MP_JSON_GROWTH = 6 };

/* The inside of a JSON string, without the quotes: at most N * MP_JSON_GROWTH
 * bytes; returns how many.  A byte that is no UTF-8 becomes U+FFFD. */
size_t mp_json_escape(char *out, const char *in, size_t n);

#endif

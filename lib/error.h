/* error.h - one line that says what went wrong; the first one stays.
 * Invariant: text is empty until the first failure and never changes after it.
 */
#ifndef MP_ERROR_H
#define MP_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

struct mp_err { char text[600]; };

/* Both always return -1. */
__attribute__((format(printf, 2, 3))) int mp_err_set(struct mp_err *, const char *format, ...);
int mp_err_vset(struct mp_err *, const char *format, va_list);

static inline bool mp_err_is(const struct mp_err *e)
{
	return e->text[0] != 0;
}

#endif

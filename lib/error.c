/* error.c - one line that says what went wrong.
 * Control bytes (a file name may hold any) are shown as '?'.
 */
#include "error.h"

#include <stdio.h>

int mp_err_vset(struct mp_err *e, const char *format, va_list args)
{
	if (mp_err_is(e))
		return -1;
	vsnprintf(e->text, sizeof(e->text), format, args);
	for (char *p = e->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (!*e->text)
		e->text[0] = '?';
	return -1;
}

int mp_err_set(struct mp_err *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mp_err_vset(e, format, args);
	va_end(args);
	return -1;
}

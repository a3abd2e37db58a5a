/* names.c - names and classes of allocators, out of the one list in wire.h. */
#include "mp.h"

#include <string.h>

const char *mp_alloc_name(uint32_t kind)
{
	switch (kind) {
#define X(number, symbol, name, class) \
	case number: \
		return name;
		MP_ALLOC_KINDS(X)
#undef X
	default:
		return "?";
	}
}

enum mp_class mp_alloc_class(uint32_t kind)
{
	switch (kind) {
#define X(number, symbol, name, class) \
	case number: \
		return MP_CLASS_##class;
		MP_ALLOC_KINDS(X)
#undef X
	default:
		return MP_CLASS_NONE;
	}
}

uint32_t mp_alloc_by_name(const char *name)
{
#define X(number, symbol, text, class) \
	if (!strcmp(name, text)) \
		return number;
	MP_ALLOC_KINDS(X)
#undef X
	return 0;
}

/* python_debug.h - where the fields of CPython 3.14 and 3.15 lie, in the interpreter's own
 * words: the structure _Py_DebugOffsets, with which its _PyRuntime begins.
 *
 * They are another process's words: no offset that is taken from them leads out of the
 * room a reader has for what it points into.
 */
#ifndef MP_PYTHON_DEBUG_H
#define MP_PYTHON_DEBUG_H

#include "python_offsets.h"

#include <stdbool.h>

enum {
	PYTHON_DEBUG_BYTES = 888,       /* of the structure, the largest there is */
	/* as much of one is read, in any version */
	PYTHON_STATE_ROOM = 312, PYTHON_GIL_ROOM = 24, PYTHON_FRAME_ROOM = 128,
	PYTHON_CODE_ROOM = 208, PYTHON_STRING_ROOM = 80,
};

/* From PYTHON_DEBUG_BYTES bytes at _PyRuntime, a symbol of SIZE bytes, into *O; what only
 * the hook needs stays -1.  False: WHY says which version this is, or what does not fit. */
bool python_debug_offsets(const void *runtime, uint64_t size, struct python_offsets *o, char *why,
		size_t room);

#endif

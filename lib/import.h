/* import.h - what other programs write, as sources of binary .mp; formats/text.md,
 * section 9, says what becomes of it.
 *
 * Each takes IN over, positioned at the first byte, even if the call fails: 0, or -1
 * when memory is out.
 */
#ifndef MP_IMPORT_H
#define MP_IMPORT_H

#include "stream.h"
#include "tree.h"

/* Whether the first bytes are those of one. */
bool mp_like_memray(const uint8_t *data, size_t n);
bool mp_like_heaptrack(const uint8_t *data, size_t n);
bool mp_like_pprof(const uint8_t *data, size_t n);
bool mp_like_mojo(const uint8_t *data, size_t n);
enum { MP_LIKE_BYTES = 64 };            /* that many are enough */

int mp_memray_source(struct mp_source *out, struct mp_stream *in, const char *name);
int mp_heaptrack_source(struct mp_source *out, struct mp_stream *in, const char *name);
int mp_pprof_source(struct mp_source *out, struct mp_stream *in, const char *name);
int mp_mojo_source(struct mp_source *out, struct mp_stream *in, const char *name);

/* A frame of which no more is known than strings: Python's, unless there is no line or
 * the file is of another language.  FIRST: line of its code, 0: not known. */
uint32_t mp_import_location(struct mp_tree *, uint32_t function, uint32_t file, uint32_t line,
		uint32_t first);

#endif

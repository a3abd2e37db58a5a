/* folded.h - stacks as text: a line of frames and numbers, and one frame.
 * formats/text.md [S1]-[S9].  No allocation, nothing is changed: the pieces
 * found are still escaped (mp_tsv_unescape).
 */
#ifndef MP_FOLDED_H
#define MP_FOLDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsv.h"

enum mp_frame_tag {
	MP_TAG_NONE,    /* language unknown */
	MP_TAG_NATIVE,  /* [module {build-id}+0xOFFSET] */
	MP_TAG_PYTHON,  /* [py] [py:FIRST] */
	MP_TAG_NOTE,    /* [note] [note:FIRST] */
	MP_TAG_INLINED, /* [inlined]: into the native frame before it */
};

struct mp_frame_text {
	enum mp_frame_tag tag;
	struct mp_slice name, file;
	uint64_t line;
	uint64_t first;         /* first line of the code; [:FIRST] has it without a tag */
	bool placed;            /* there were parentheses */
	/* MP_TAG_NATIVE */
	struct mp_slice module, build_id;
	uint64_t offset;
	bool braced;            /* a build-id was given, maybe an empty one */
	bool asked;             /* looked up, nothing found */
};

/* Bytes of the first frame of a stack. */
size_t mp_frame_span(const char *s, size_t n, bool bare);
/* BARE: a line another program folded.  There are no escapes and no tags in it,
 * and a place counts only with a line number.  Any text is a frame. */
void mp_frame_parse(char *s, size_t n, bool bare, struct mp_frame_text *);

/* A bare line: the stack, then one or two whole numbers.  Returns how many
 * numbers (0: none, or one that is not whole or too large) and fills LAST[],
 * the last number first, and the length of the stack before each of them. */
unsigned mp_folded_numbers(const char *s, size_t n, int64_t last[2], size_t stack[2]);

/* A name for a folded line, for programs that know no escapes: at most
 * N * MP_TSV_GROWTH bytes; returns how many.  Lossy: see text.md. */
size_t mp_folded_escape(char *out, const char *in, size_t n);

#endif

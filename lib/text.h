/* text.h - inside the text twin and JSON lines: a growing buffer, stacks as
 * text and back.  formats/text.md says what is written.
 */
#ifndef MP_TEXT_H
#define MP_TEXT_H

#include "tree.h"

#include "folded.h"
#include "tsv.h"

/* ---- a growing buffer: failure sticks ------------------------------------------ */

struct mp_buf { char *s; size_t n, room; bool failed; };

/* Room for MORE bytes behind n, NULL (and failed) when memory is out. */
char *mp_buf_room(struct mp_buf *, size_t more);
void mp_buf_add(struct mp_buf *, const void *data, size_t n);
void mp_buf_text(struct mp_buf *, const char *s);
void mp_buf_char(struct mp_buf *, char c);
void mp_buf_u64(struct mp_buf *, uint64_t);
void mp_buf_i64(struct mp_buf *, int64_t);
void mp_buf_hex(struct mp_buf *, uint64_t);
void mp_buf_free(struct mp_buf *);

/* ---- writing ------------------------------------------------------------------- */

void mp_text_string(struct mp_buf *, const struct mp_tree *, uint32_t string, enum mp_tsv_what);
void mp_text_cstring(struct mp_buf *, const char *s, enum mp_tsv_what);
void mp_text_kind(struct mp_buf *, uint32_t kind);      /* an allocator's name or number */
/* mp_next() numbers replacements whose halves stand side by side from here on:
 * their numbers say no more than the order does, and are not written. */
#define MP_TEXT_BESIDE (1ull << 59)
const char *mp_text_replace_name(uint32_t replace);     /* "" if there is none */

/* What a profile's stacks are written with. */
struct mp_text_modules {
	/* Which module a bare PATH means: the first of that path. */
	uint32_t *owner;        /* by string id of the path */
	uint32_t room, seen;    /* modules looked at so far */
	/* Locations written before; a profile's do not change any more. */
	struct mp_buf texts;
	struct { size_t at, n; } *text;         /* by location; n = 0: not yet */
	uint32_t texts_room;
};
void mp_text_modules_free(struct mp_text_modules *);
/* Look at new modules of the tree and write the ##module lines they need. */
void mp_text_new_modules(struct mp_buf *, struct mp_text_modules *, const struct mp_tree *);
/* MODULES NULL: every build-id is written, and nothing is remembered. */
void mp_text_stack(struct mp_buf *, struct mp_text_modules *, const struct mp_tree *,
		mp_node node);

/* How much of a trace's definitions has been written. */
struct mp_text_seen {
	uint32_t process, thread, renamed, clock, module, map, line, code, location, late, node;
	uint32_t site;
};
void mp_text_defs(struct mp_buf *, struct mp_text_seen *, const struct mp_tree *);

/* ---- reading ------------------------------------------------------------------- */

/* The kind a field names; false if none. */
bool mp_text_get_kind(const struct mp_slice *, uint32_t *kind);
/* String id of an escaped field (changed in place); false if an escape is wrong
 * or memory is out. */
bool mp_text_get_string(struct mp_tree *, struct mp_slice, uint32_t *id);

struct mp_text_stacks {
	struct mp_tree *tree;
	uint32_t *build;        /* of ##module lines: build-id by string id of the path */
	uint32_t builds;
	uint32_t *line;         /* of the native location being put together */
	uint32_t lines, line_room;
	/* frames met before: their text, by its hash */
	struct mp_text_known { uint64_t hash; size_t at; uint32_t n, location; } *known;
	size_t known_mask, knowns;
	struct mp_buf texts;
};
bool mp_text_set_build(struct mp_text_stacks *, uint32_t path, uint32_t build_id);
void mp_text_stacks_free(struct mp_text_stacks *);
/* The node of a stack as text (changed in place).  NULL, or what is wrong. */
const char *mp_text_get_stack(struct mp_text_stacks *, char *s, size_t n, bool bare,
		mp_node *node);

#endif

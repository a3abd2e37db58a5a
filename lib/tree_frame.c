/* tree_frame.c - nodes of a call tree as frames with names, and back.
 * A frame's strings belong to the tree.
 */
#include "tree.h"

#include "arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

mp_node mp_parent(const struct mp_tree *t, mp_node node)
{
	return node <= t->node.n ? t->node.x[node].parent : 0;
}

uint32_t mp_nodes(const struct mp_tree *t)
{
	return t->node.n;
}

static const char *hex_name(const struct mp_tree *t, struct mp_location *l)
{
	char text[24];

	if (!l->hex) {
		snprintf(text, sizeof(text), "0x%" PRIx64, l->at);
		l->hex = mp_arena_copy(t->strings, text, strlen(text));
	}
	return l->hex ? l->hex : "0x?";
}

static size_t native_frames(
	const struct mp_tree *t, struct mp_location *l, struct mp_frame *frame, size_t max)
{
	struct mp_module none = {0, 0};
	struct mp_module m = l->owner <= t->module.n ? t->module.x[l->owner] : none;
	uint32_t n = l->n_lines ? l->n_lines : 1;

	for (uint32_t i = 0; i < n && i < max; i++) {
		struct mp_line line = {0, 0, 0};
		struct mp_frame *f = &frame[i];

		if (l->n_lines)
			line = t->line.x[t->late_line.x[l->lines + i]];
		f->func = line.function ? mp_str(t, line.function) : hex_name(t, l);
		f->file = mp_str(t, line.file);
		f->line = line.line;
		f->module = mp_str(t, m.path);
		f->build_id = mp_str(t, m.build_id);
		f->offset = l->at;
		f->flags = MP_FRAME_NATIVE;
		if (!line.function && !line.file)
			f->flags |= MP_FRAME_UNRESOLVED;
		if (i + 1 < n)
			f->flags |= MP_FRAME_INLINED;
	}
	return n;
}

size_t mp_frames(const struct mp_tree *t, mp_node node, struct mp_frame *frame, size_t max)
{
	struct mp_location *l;
	struct mp_code *c;
	bool lost;

	if (!node || node > t->node.n)
		return 0;
	l = &t->location.x[t->node.x[node].location];
	if (l->kind == MP_LOC_NATIVE)
		return native_frames(t, l, frame, max);
	if (!max)
		return 1;
	c = &t->code.x[l->owner <= t->code.n ? l->owner : 0];
	/* a reader's placeholder for what damage took */
	lost = !l->owner || c->line == UINT32_MAX;
	*frame = (struct mp_frame){
		.func = lost ? "[lost]" : mp_str(t, c->function),
		.file = mp_str(t, c->file),
		.module = "",
		.build_id = "",
		.line = (uint32_t)l->at,
		.flags = l->kind == MP_LOC_PYTHON ? MP_FRAME_PYTHON
			 : l->kind == MP_LOC_NOTE || lost ? MP_FRAME_NOTE
							  : 0,
	};
	return 1;
}

static uint32_t code_location(struct mp_tree *t, const struct mp_frame *f, enum mp_loc kind)
{
	uint32_t function = mp_def_cstring(t, f->func);
	uint32_t code = mp_def_code(t, function, mp_def_cstring(t, f->file), 0);

	return t->failed ? 0 : mp_def_location(t, kind, code, f->line);
}

/* A native location has one set of lines.  A frame that contradicts what is
 * known of its address keeps its own name and gives up the address. */
static uint32_t native_location(struct mp_tree *t, const struct mp_frame *f)
{
	bool named = !(f->flags & MP_FRAME_UNRESOLVED);
	uint32_t path = mp_def_cstring(t, f->module), module = 0, location, line;
	uint32_t build_id = mp_def_cstring(t, f->build_id);
	struct mp_location *l;

	if (named && !path && !f->offset)
		return code_location(t, f, MP_LOC_NAMED);
	if (path || build_id)
		module = mp_def_module(t, path, build_id);
	location = t->failed ? 0 : mp_def_location(t, MP_LOC_NATIVE, module, f->offset);
	if (!location || !named)
		return location;
	line = mp_def_cstring(t, f->func);
	line = mp_def_line(t, line, mp_def_cstring(t, f->file), f->line);
	l = &t->location.x[location];
	if (t->failed)
		return 0;
	if (l->n_lines == 1 && t->late_line.x[l->lines] == line)
		return location;
	if (l->n_lines)
		return code_location(t, f, MP_LOC_NAMED);
	return mp_set_lines(t, location, &line, 1) ? 0 : location;
}

mp_node mp_push(struct mp_tree *t, mp_node parent, const struct mp_frame *f)
{
	uint32_t location;

	if (f->flags & MP_FRAME_NATIVE)
		location = native_location(t, f);
	else
		location = code_location(t, f,
			f->flags & MP_FRAME_PYTHON ? MP_LOC_PYTHON
			: f->flags & MP_FRAME_NOTE ? MP_LOC_NOTE
						   : MP_LOC_NAMED);
	return location ? mp_def_node(t, parent, location) : 0;
}

/* pprof_place.c - locations, functions and mappings, as pprof has them.
 * Invariant: a mapping says that it has functions if any was found in it; pprof
 * then looks for no others.
 */
#include "pprof_own.h"

#include <stdlib.h>
#include <string.h>

/* ---- locations ----------------------------------------------------------------------- */

/* The frames of NODE, innermost first; how many, 0 when memory is out. */
static size_t find_frames(struct pprof_out *o, mp_node node)
{
	size_t n = mp_frames(o->p->tree, node, o->frame, o->frame_room);
	struct mp_frame *frame;

	if (n <= o->frame_room)
		return n;
	frame = realloc(o->frame, n * sizeof(*frame));
	if (!frame)
		return 0;
	o->frame = frame;
	o->frame_room = n;
	return mp_frames(o->p->tree, node, frame, n);
}

/* A line of the location in M.  FIRST: of the function's code, 0: not known. */
static void put_line(struct pprof_out *o, struct mp_pb *m, const struct mp_frame *f, uint32_t first)
{
	uint32_t name = mp_pprof_string(o, *f->func || *f->file ? f->func : "?");
	uint8_t bytes[2 * MP_PB_FIELD_MAX];
	struct mp_pb b = {bytes, bytes, bytes + sizeof(bytes), false};

	mp_pb_number(&b, PPROF_LINE_FUNCTION,
		mp_def_code(o->names, name, mp_pprof_string(o, f->file), first));
	mp_pb_number(&b, PPROF_LINE_NUMBER, f->line);
	mp_pb_bytes(m, PPROF_LOCATION_LINE, b.start, (size_t)(b.at - b.start));
}

static void note_module(struct pprof_module *m, const struct mp_frame *f)
{
	m->functions |= *f->func != 0;
	m->files |= *f->file != 0;
	m->lines |= f->line != 0;
	m->inlines |= (f->flags & MP_FRAME_INLINED) != 0;
}

static bool put_location(struct pprof_out *o, uint32_t id)
{
	const struct mp_tree *t = o->p->tree;
	const struct mp_location *l = &t->location.x[t->node.x[o->node[id]].location];
	struct pprof_module *in = l->kind == MP_LOC_NATIVE && l->owner <= t->module.n
				    ? &o->module[l->owner]
				    : NULL;
	size_t n = find_frames(o, o->node[id]);
	struct mp_pb m = mp_pprof_message(o, (3 * n + 3) * MP_PB_FIELD_MAX);

	if (!n || m.full)
		return false;
	mp_pb_number(&m, PPROF_LOCATION_ID, id);
	if (in) {
		in->used = true;
		mp_pb_number(&m, PPROF_LOCATION_MAPPING, l->owner);
		mp_pb_number(&m, PPROF_LOCATION_ADDRESS, in->base + l->at);
	}
	for (size_t i = 0; i < n; i++) {
		if (o->frame[i].flags & MP_FRAME_UNRESOLVED)
			continue; /* pprof may know how to */
		if (in)
			note_module(in, &o->frame[i]);
		put_line(o, &m, &o->frame[i],
			l->kind == MP_LOC_PYTHON && l->owner <= t->code.n &&
					t->code.x[l->owner].line != UINT32_MAX
				? t->code.x[l->owner].line
				: 0);
	}
	mp_pprof_put(o, PPROF_LOCATION, &m);
	return true;
}

/* ---- what locations refer to ------------------------------------------------------------ */

/* A name that a linker may have as well: no demangler made it. */
static bool plain(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name >= 0x80 || strchr(" <>()[]:*&,", *name))
			return false;
	return true;
}

static void put_function(struct pprof_out *o, uint32_t id)
{
	const struct mp_code *c = &o->names->code.x[id];
	struct mp_pb m = mp_pprof_message(o, 5 * MP_PB_FIELD_MAX);

	mp_pb_number(&m, PPROF_FUNCTION_ID, id);
	mp_pb_number(&m, PPROF_FUNCTION_NAME, c->function);
	if (plain(mp_str(o->names, c->function)))
		mp_pb_number(&m, PPROF_FUNCTION_SYSTEM_NAME, c->function);
	mp_pb_number(&m, PPROF_FUNCTION_FILENAME, c->file);
	mp_pb_number(&m, PPROF_FUNCTION_START_LINE, c->line);
	mp_pprof_put(o, PPROF_FUNCTION, &m);
}

/* Where modules were loaded, if every process has them at the same place. */
void mp_pprof_bases(struct pprof_out *o)
{
	const struct mp_tree *t = o->p->tree;

	for (uint32_t i = 1; o->how->bases && i <= t->map.n; i++) {
		const struct mp_map *map = &t->map.x[i];
		struct pprof_module *m = &o->module[map->module <= t->module.n ? map->module : 0];
		struct pprof_module here = {.base = map->base, .from = map->from, .to = map->to};

		if (m->mapped && (m->base != here.base || m->from != here.from))
			here = (struct pprof_module){0};
		here.mapped = true;
		*m = here;
	}
	o->module[0] = (struct pprof_module){0};
}

static void put_mapping(struct pprof_out *o, uint32_t id)
{
	const struct pprof_module *x = &o->module[id];
	const struct mp_module *named = &o->p->tree->module.x[id];
	struct mp_pb m = mp_pprof_message(o, 10 * MP_PB_FIELD_MAX);

	mp_pb_number(&m, PPROF_MAPPING_ID, id);
	mp_pb_number(&m, PPROF_MAPPING_START, x->from);
	mp_pb_number(&m, PPROF_MAPPING_LIMIT, x->to);
	mp_pb_number(&m, PPROF_MAPPING_FILENAME, mp_pprof_string(o, mp_str(o->p->tree, named->path)));
	mp_pb_number(&m, PPROF_MAPPING_BUILD_ID, mp_pprof_string(o, mp_str(o->p->tree, named->build_id)));
	mp_pb_number(&m, PPROF_MAPPING_HAS_FUNCTIONS, x->functions);
	mp_pb_number(&m, PPROF_MAPPING_HAS_FILENAMES, x->files);
	mp_pb_number(&m, PPROF_MAPPING_HAS_LINES, x->lines);
	mp_pb_number(&m, PPROF_MAPPING_HAS_INLINES, x->inlines);
	mp_pprof_put(o, PPROF_MAPPING, &m);
}

bool mp_pprof_places(struct pprof_out *o)
{
	for (uint32_t i = 1; i <= o->locations; i++)
		if (!put_location(o, i))
			return false;
	for (uint32_t i = 1; i <= o->names->code.n; i++)
		put_function(o, i);
	for (uint32_t i = 1; i <= o->p->tree->module.n; i++)
		if (o->module[i].used)
			put_mapping(o, i);
	return true;
}

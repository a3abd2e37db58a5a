/* report_frames.c - what a run's stacks are called: frames without addresses, the same
 * for all runs, and the frames a stack's own bytes are told to be of.
 * Invariant: a location's frames are interned once.
 */
#include "report_own.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES = 4096 };         /* of a location, at most [F21] */

uint32_t mp_report_note(struct mp_report *r, const char *name)
{
	uint32_t key[FRAME_WIDTH] = { [FRAME_FUNC] = mp_def_cstring(r->names, name),
		[FRAME_FLAGS] = MP_FRAME_NOTE };

	return r->names->failed ? 0 : mp_tuple(&r->frame, key);
}

/* "python3.11", "libpython3.11.so.1.0" */
static bool is_interpreter(const char *module)
{
	const char *base = strrchr(module, '/');

	base = base ? base + 1 : module;
	if (!strncmp(base, "lib", 3))
		base += 3;
	if (strncmp(base, "python", 6))
		return false;
	base += 6 + strspn(base + 6, "0123456789.");
	return !*base || !strncmp(base, "so", 2) || !strcmp(base, "d") || !strcmp(base, "t");
}

static bool is_import(const char *file)
{
	return !strncmp(file, "<frozen importlib.", 18) ||
	       strstr(file, "/importlib/_bootstrap");
}

static uint32_t intern(struct mp_report *r, const struct mp_frame *f)
{
	uint32_t key[FRAME_WIDTH] = {
		[FRAME_FUNC] = mp_def_cstring(r->names, f->func),
		[FRAME_FILE] = mp_def_cstring(r->names, f->file),
		[FRAME_MODULE] = mp_def_cstring(r->names, f->module),
		[FRAME_LINE] = f->line,
		[FRAME_FLAGS] =
			f->flags & (MP_FRAME_NATIVE | MP_FRAME_PYTHON | MP_FRAME_INLINED |
					   MP_FRAME_UNRESOLVED | MP_FRAME_NOTE),
	};

	if (f->flags & MP_FRAME_NATIVE && is_interpreter(f->module))
		key[FRAME_FLAGS] |= REPORT_INTERPRETER;
	if (f->flags & MP_FRAME_PYTHON && is_import(f->file))
		key[FRAME_FLAGS] |= REPORT_IMPORT;
	return r->names->failed ? 0 : mp_tuple(&r->frame, key);
}

uint32_t mp_report_module(const struct mp_report *r, uint32_t frame)
{
	const uint32_t *f = mp_tuple_at(&r->frame, frame);

	return f[FRAME_FLAGS] & MP_FRAME_NATIVE ? f[FRAME_MODULE] : f[FRAME_FILE];
}

/* ---- locations --------------------------------------------------------------------- */

static int name_location(struct mp_report *r, struct report_run *run, mp_node node,
	struct mp_frame *frame)
{
	uint32_t location = run->tree->node.x[node].location;
	size_t n = mp_frames(run->tree, node, frame, FRAMES);

	n = n < FRAMES ? n : FRAMES;
	if (run->frames_n + n + 1 > run->frames_room) {
		size_t room = run->frames_room * 2 + n + 4096;
		uint32_t *frames = realloc(run->frames, room * sizeof(*frames));

		if (!frames)
			return mp_report_memory(r);
		run->frames = frames;
		run->frames_room = room;
	}
	run->frames_at[location] = run->frames_n;
	run->frames[run->frames_n++] = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		run->frames[run->frames_n] = intern(r, &frame[i]);
		if (!run->frames[run->frames_n++])
			return mp_report_memory(r);
	}
	return 0;
}

static int name_locations(struct mp_report *r, struct report_run *run)
{
	const struct mp_tree *t = run->tree;
	struct mp_frame *frame = malloc(FRAMES * sizeof(*frame));
	int status = frame ? 0 : mp_report_memory(r);

	for (uint32_t i = 0; i <= t->location.n && !status; i++)
		run->frames_at[i] = SIZE_MAX;
	for (uint32_t i = 1; i <= t->node.n && !status; i++)
		if (run->frames_at[t->node.x[i].location] == SIZE_MAX)
			status = name_location(r, run, i, frame);
	free(frame);
	return status;
}

/* ---- nodes ------------------------------------------------------------------------- */

/* As mp_shown() has it: of a stack with Python frames, its innermost Python frame or
 * note; of others the innermost frame. */
static void name_leaves(struct mp_report *r, struct report_run *run, uint8_t *python)
{
	const struct mp_tree *t = run->tree;

	for (uint32_t i = 1; i <= t->node.n; i++) {
		const struct mp_tree_node *n = &t->node.x[i];
		uint32_t frame = run->frames[run->frames_at[n->location] + 1];
		uint32_t flags = mp_tuple_at(&r->frame, frame)[FRAME_FLAGS];
		bool own = flags & (MP_FRAME_PYTHON | MP_FRAME_NOTE);

		python[i] = python[n->parent] || flags & MP_FRAME_PYTHON;
		run->leaf[LEAF_INNER][i] = frame;
		run->leaf[LEAF_LINE][i] =
			own || !python[i] ? frame : run->leaf[LEAF_LINE][n->parent];
		run->leaf[LEAF_OUTSIDE][i] = python[i] && flags & REPORT_INTERPRETER ?
			run->leaf[LEAF_OUTSIDE][n->parent] : frame;
	}
}

int mp_report_frames(struct mp_report *r, struct report_run *run)
{
	const struct mp_tree *t = run->tree;
	uint8_t *python = calloc((size_t)t->node.n + 1, 1);
	bool good = python != NULL;

	run->frames_at = malloc(((size_t)t->location.n + 1) * sizeof(*run->frames_at));
	for (int i = 0; i < LEAVES; i++) {
		run->leaf[i] = calloc((size_t)t->node.n + 1, sizeof(**run->leaf));
		good = good && run->leaf[i];
	}
	if (!good || !run->frames_at || name_locations(r, run)) {
		free(python);
		return mp_report_memory(r);
	}
	for (int i = 0; i < LEAVES; i++)
		run->leaf[i][0] = r->no_stack;
	name_leaves(r, run, python);
	free(python);
	return 0;
}

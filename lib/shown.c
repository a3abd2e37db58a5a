/* shown.c - which frames of a stack are shown, and under what name.
 * Invariant: a note is always shown.
 */
#include "group.h"

#include <string.h>

/* ---- which frames are shown --------------------------------------------------------- */

static const struct mp_location *location(const struct mp_tree *t, mp_node node)
{
	return &t->location.x[t->node.x[node].location];
}

bool mp_is_shown(const struct mp_tree *t, mp_node node, enum mp_show show)
{
	const struct mp_location *l = location(t, node);

	switch (show) {
	case MP_SHOW_PYTHON:
		return l->kind != MP_LOC_NATIVE;
	case MP_SHOW_NATIVE:
		return l->kind != MP_LOC_PYTHON;
	case MP_SHOW_DEFAULT: /* of a stack with Python frames */
		return l->kind == MP_LOC_PYTHON || l->kind == MP_LOC_NOTE;
	case MP_SHOW_ALL:
	default:
		return true;
	}
}

static bool has_python(const struct mp_tree *t, mp_node node)
{
	while (node && location(t, node)->kind != MP_LOC_PYTHON)
		node = t->node.x[node].parent;
	return node != 0;
}

enum mp_show mp_show_of(const struct mp_tree *t, mp_node node, enum mp_show show)
{
	return show == MP_SHOW_DEFAULT && !has_python(t, node) ? MP_SHOW_ALL : show;
}

size_t mp_shown(const struct mp_tree *t, mp_node node, enum mp_show show,
	struct mp_frame *frame, size_t max)
{
	size_t n = 0;

	if (node > t->node.n)
		return 0;
	show = mp_show_of(t, node, show);
	for (; node; node = t->node.x[node].parent) {
		size_t left = n < max ? max - n : 0;

		if (mp_is_shown(t, node, show))
			n += mp_frames(t, node, left ? frame + n : NULL, left);
	}
	return n;
}

const char *mp_no_frame(mp_node node, enum mp_show show)
{
	return !node                    ? "[no stack]"
	       : show == MP_SHOW_PYTHON ? "[no Python frame]"
					: "[no native frame]";
}

/* ---- names ------------------------------------------------------------------------ */

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void mp_print_name(FILE *out, const struct mp_frame *f, enum mp_by by)
{
	const char *func = *f->func ? f->func : "?";

	if (f->flags & MP_FRAME_NOTE) {
		fputs(func, out);
	} else if (by == MP_BY_MODULE) {
		fputs(*f->module                     ? base(f->module)
			: f->flags & MP_FRAME_PYTHON ? "[python]"
						     : "[no module]",
			out);
	} else if (by == MP_BY_FILE) {
		fputs(*f->file ? f->file : "[no file]", out);
	} else if (*f->file && f->line && by != MP_BY_FUNCTION) {
		fprintf(out, "%s (%s:%u)", func, f->file, f->line);
	} else if (*f->file) {
		fprintf(out, "%s (%s)", func, f->file);
	} else if (f->flags & MP_FRAME_UNRESOLVED && *f->module) {
		/* an offset means something in its module only */
		fprintf(out, "%s [%s]", func, base(f->module));
	} else {
		fputs(func, out);
	}
}

void mp_print_label(FILE *out, const char *name, const char *what, uint32_t number)
{
	if (*name)
		fputs(name, out);
	else if (number)
		fprintf(out, "%s %u", what, number);
	else
		fputs("[no name]", out);
}

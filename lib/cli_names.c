/* cli_names.c - stacks reduced to what is shown of them, so that stacks that look
 * alike are one.  Invariant: equal names under equal parents are one node.
 */
#include "cli_own.h"

#include <stdlib.h>
#include <string.h>

static struct mp_frame *frame;          /* of the node or stack at hand */
static size_t frame_room;

static mp_node push_name(struct mp_tree *to, mp_node parent, const struct mp_frame *f,
		enum cli_name how)
{
	struct mp_frame name = { .func = f->func, .file = f->file, .line = f->line,
		.module = "", .build_id = "" };
	const char *base = strrchr(f->module, '/');
	char *both;
	mp_node node = 0;

	if (how == CLI_NAME_FUNCTION) {
		name.file = "";
		name.line = 0;
	}
	if (how != CLI_NAME_MODULE || !*f->module) {
		node = mp_push(to, parent, &name);
	} else if (asprintf(&both, "%s\n%s", f->func, base ? base + 1 : f->module) >= 0) {
		name.func = both;
		node = mp_push(to, parent, &name);
		free(both);
	}
	if (!node)
		die("out of memory");
	return node;
}

static void frame_space(size_t n)
{
	if (n <= frame_room)
		return;
	frame_room = 2 * n;
	frame = cli_need(realloc(frame, frame_room * sizeof(*frame)));
}

/* A whole stack: each node is named once, however many stacks go through it.
 * Both trees live as long as the program. */
static mp_node push_all(struct mp_tree *to, const struct mp_tree *from, mp_node node,
		enum cli_name how)
{
	static struct { struct mp_tree *to; const struct mp_tree *from; mp_node *name,
		*path; } memo;
	mp_node at = node;
	size_t n, depth = 0;

	if (memo.to != to || memo.from != from) {
		free(memo.name);
		free(memo.path);
		memo.to = to;
		memo.from = from;
		memo.name = cli_need(calloc((size_t)mp_nodes(from) + 1, sizeof(*memo.name)));
		memo.path = cli_need(calloc((size_t)mp_nodes(from) + 1, sizeof(*memo.path)));
	}
	for (; at && !memo.name[at]; at = mp_parent(from, at))
		memo.path[depth++] = at;
	while (depth-- > 0) {
		mp_node parent = memo.name[at];

		at = memo.path[depth];
		n = mp_frames(from, at, frame, frame_room);
		frame_space(n);
		n = mp_frames(from, at, frame, frame_room);
		for (memo.name[at] = parent; n-- > 0;)
			memo.name[at] = push_name(to, memo.name[at], &frame[n], how);
	}
	return memo.name[node];
}

mp_node cli_push_names(struct mp_tree *to, const struct mp_tree *from, mp_node node,
		enum mp_show show, enum cli_name how)
{
	mp_node at = 0;
	size_t n;

	if (show == MP_SHOW_ALL)
		return push_all(to, from, node, how);
	frame_space(mp_shown(from, node, show, frame, frame_room));
	n = mp_shown(from, node, show, frame, frame_room);
	while (n-- > 0)
		at = push_name(to, at, &frame[n], how);
	return at;
}

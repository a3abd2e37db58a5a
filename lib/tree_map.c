/* tree_map.c - a foreign tree's nodes and strings in another tree, each
 * interned once.  Invariant: an entry is 0 or the counterpart's id.
 */
#include "tree_map.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_LOCAL = 64 };

void mp_tree_map_init(struct mp_tree_map *m, struct mp_tree *to, const struct mp_tree *from)
{
	memset(m, 0, sizeof(*m));
	m->to = to;
	m->from = from;
}

void mp_tree_map_free(struct mp_tree_map *m)
{
	free(m->node);
	free(m->location);
	free(m->string);
	free(m->process);
	free(m->thread);
	free(m->site);
	memset(m, 0, sizeof(*m));
}

bool mp_map_reach(struct mp_tree_map *m, uint32_t **x, uint32_t *room, uint32_t id, uint32_t n)
{
	uint32_t *moved;

	if (m->forget || id < *room)
		return true;
	moved = realloc(*x, ((size_t)n + 1) * sizeof(**x));
	if (!moved) {
		m->to->failed = true;
		return false;
	}
	memset(moved + *room, 0, ((size_t)n + 1 - *room) * sizeof(*moved));
	*x = moved;
	*room = n + 1;
	return true;
}

uint32_t mp_map_foreign_string(struct mp_tree_map *m, uint32_t string)
{
	const struct mp_string *s;
	uint32_t id;

	if (!mp_map_reach(m, &m->string, &m->strings, string, m->from->string.n))
		return 0;
	if (m->string && m->string[string])
		return m->string[string];
	s = &m->from->string.x[string];
	id = mp_def_string(m->to, s->data, s->len);
	if (s->cut && id)
		m->to->string.x[id].cut = true;
	if (m->string)
		m->string[string] = id;
	return id;
}

static void copy_lines(struct mp_tree_map *m, uint32_t from, uint32_t to)
{
	const struct mp_location *l = &m->from->location.x[from];
	uint32_t local[LINES_LOCAL], *line = local;

	if (l->n_lines > LINES_LOCAL)
		line = malloc(l->n_lines * sizeof(*line));
	if (!line) {
		m->to->failed = true;
		return;
	}
	for (uint32_t i = 0; i < l->n_lines; i++) {
		struct mp_line x = m->from->line.x[m->from->late_line.x[l->lines + i]];
		uint32_t function = mp_map_string(m, x.function);

		line[i] = mp_def_line(m->to, function, mp_map_string(m, x.file), x.line);
	}
	if (!m->to->failed)
		mp_set_lines(m->to, to, line, l->n_lines);
	if (line != local)
		free(line);
}

/* The lines of FROM's location, where TO knows none yet. */
static void map_lines(struct mp_tree_map *m, uint32_t from, uint32_t to)
{
	const struct mp_location *l = &m->from->location.x[from];
	const struct mp_location *has = &m->to->location.x[to];

	if (l->resolved && !has->n_lines && (l->n_lines || !has->resolved))
		copy_lines(m, from, to);
}

static uint32_t map_owner(struct mp_tree_map *m, const struct mp_location *l)
{
	uint32_t a, b;

	if (!l->owner)
		return 0;
	if (l->kind == MP_LOC_NATIVE) {
		if (l->owner > m->from->module.n)
			return 0;
		a = mp_map_string(m, m->from->module.x[l->owner].path);
		b = mp_map_string(m, m->from->module.x[l->owner].build_id);
		return mp_def_module(m->to, a, b);
	}
	if (l->owner > m->from->code.n)
		return 0;
	a = mp_map_string(m, m->from->code.x[l->owner].function);
	b = mp_map_string(m, m->from->code.x[l->owner].file);
	return mp_def_code(m->to, a, b, m->from->code.x[l->owner].line);
}

static uint32_t map_location(struct mp_tree_map *m, uint32_t location)
{
	const struct mp_location *l = &m->from->location.x[location];
	uint32_t owner, id;

	if (!mp_map_reach(m, &m->location, &m->locations, location, m->from->location.n))
		return 0;
	if (m->location && m->location[location])
		return m->location[location];
	owner = map_owner(m, l);
	if (m->to->failed)
		return 0;
	id = mp_def_location(m->to, l->kind, owner, l->at);
	if (!id)
		return 0;
	if (m->location)
		m->location[location] = id;
	map_lines(m, location, id);
	return id;
}

uint32_t mp_map_foreign_node(struct mp_tree_map *m, uint32_t node)
{
	uint32_t local[256], *path = local, n = 0, at, parent;

	if (!mp_map_reach(m, &m->node, &m->nodes, node, m->from->node.n))
		return 0;
	if (m->node && m->node[node])
		return m->node[node];
	if (m->from->node.x[node].depth > sizeof(local) / sizeof(*local))
		path = malloc(m->from->node.x[node].depth * sizeof(*path));
	if (!path) {
		m->to->failed = true;
		return 0;
	}
	for (at = node; at && !(m->node && m->node[at]); at = m->from->node.x[at].parent)
		path[n++] = at;
	parent = at ? m->node[at] : 0;
	while (n--) {
		uint32_t location = map_location(m, m->from->node.x[path[n]].location);

		parent = location ? mp_def_node(m->to, parent, location) : 0;
		if (!parent)
			break;
		if (m->node)
			m->node[path[n]] = parent;
	}
	if (path != local)
		free(path);
	return parent;
}

void mp_map_late_lines(struct mp_tree_map *m)
{
	for (uint32_t i = 1; i < m->locations; i++)
		if (m->location[i])
			map_lines(m, i, m->location[i]);
}

void mp_map_follow(struct mp_tree_map *m)
{
	const struct mp_tree *from = m->from;

	if (m->from == m->to)
		return;
	for (; m->late < from->late.n; m->late++) {
		uint32_t id = from->late.x[m->late + 1];

		if (id < m->locations && m->location[id])
			copy_lines(m, id, m->location[id]);
	}
	for (; m->renamed < from->renamed.n; m->renamed++) {
		uint32_t id = from->renamed.x[m->renamed + 1];

		if (id < m->threads && m->thread[id])
			mp_set_thread_name(m->to, m->thread[id],
				mp_map_string(m, from->thread.x[id].name));
	}
}

/* tree_map_own.c - processes, threads and sites of one tree in another: what is not
 * interned by content is made once.
 */
#include "tree_map.h"

#include <stdlib.h>

/* A process, and before it those it descends from. */
uint32_t mp_map_process(struct mp_tree_map *m, uint32_t id)
{
	const struct mp_tree *from = m->from;
	uint32_t few[64], *chain = few, n = 0;

	if (!id || id > from->process.n)
		return 0;
	if (m->from == m->to)
		return id;
	if (!mp_map_reach(m, &m->process, &m->processes, id, from->process.n))
		return 0;
	for (uint32_t at = id; at && !m->process[at]; at = from->process.x[at].parent)
		n++;
	if (n > sizeof(few) / sizeof(*few))
		chain = malloc(n * sizeof(*chain));
	if (!chain) {
		m->to->failed = true;
		return 0;
	}
	for (uint32_t i = 0, at = id; i < n; at = from->process.x[at].parent)
		chain[i++] = at;
	while (n) {
		uint32_t at = chain[--n];
		struct mp_process p = from->process.x[at];

		p.parent = m->process[p.parent];
		p.command = mp_map_string(m, p.command);
		p.name = mp_map_string(m, p.name);
		p.arch = mp_map_string(m, p.arch);
		p.namespace_ = mp_map_string(m, p.namespace_);
		m->process[at] = mp_def_process(m->to, &p);
	}
	if (chain != few)
		free(chain);
	return m->process[id];
}

uint32_t mp_map_thread(struct mp_tree_map *m, uint32_t id)
{
	struct mp_thread t;

	if (!id || id > m->from->thread.n)
		return 0;
	if (m->from == m->to)
		return id;
	if (!mp_map_reach(m, &m->thread, &m->threads, id, m->from->thread.n))
		return 0;
	if (!m->thread[id]) {
		t = m->from->thread.x[id];
		t.process = mp_map_process(m, t.process);
		t.name = mp_map_string(m, t.name);
		m->thread[id] = mp_def_thread(m->to, &t);
	}
	return m->thread[id];
}

uint32_t mp_map_site(struct mp_tree_map *m, uint32_t id)
{
	struct mp_site s;

	if (!id || id > m->from->site.n)
		return 0;
	if (m->from == m->to)
		return id;
	if (!mp_map_reach(m, &m->site, &m->sites, id, m->from->site.n))
		return 0;
	if (!m->site[id]) {
		s = m->from->site.x[id];
		s.process = mp_map_process(m, s.process);
		s.node = mp_map_node(m, s.node);
		s.type = mp_map_string(m, s.type);
		m->site[id] = mp_def_site(m->to, &s);
	}
	return m->site[id];
}

/* tree.h - the definitions of a part: strings, modules, code, lines, locations,
 * call-tree nodes, sites, threads, processes.  Inside lib/ and for capture/.
 *
 * Every kind is dense and append-only: ids run from 1, id 0 means none, and an
 * entry never changes except a location's lines and a thread's name (the "late"
 * records).  Interning (mp_def_*) returns the id of an equal entry if there is
 * one, else makes it; 0 when memory is out or a limit of formats/mp.md is hit
 * (t->failed is then set and stays).  The arrays may move on every mp_def_*:
 * keep ids, not pointers.  Strings do not move.
 */
#ifndef MP_TREE_H
#define MP_TREE_H

#include "mp.h"

struct mp_string { const char *data; uint32_t len; bool cut; };       /* NUL-terminated */
struct mp_module { uint32_t path, build_id; };                  /* strings */
struct mp_map { uint32_t process, module; uint64_t base, from, to; };
struct mp_line { uint32_t function, file, line; };              /* strings */
struct mp_code { uint32_t function, file, line; };              /* strings; first line */
struct mp_location {
	uint32_t kind, owner;           /* enum mp_loc; module or code */
	uint64_t at;                    /* offset or line */
	uint32_t lines, n_lines;        /* into late_line[], innermost first */
	bool resolved;                  /* a late record has been seen (even with no lines) */
	const char *hex;                /* "0x…", made when first asked for; see mp_frames() */
};
struct mp_tree_node { uint32_t parent, location, depth; };
/* EXTRA: blocks that each one recorded stands for beside itself, 0 but in a sample. */
struct mp_site { uint32_t process, node, kind, type; uint64_t size; uint32_t extra; };
struct mp_thread { uint32_t process, name; uint64_t tid, start; };
struct mp_process {
	uint32_t parent, command, name, arch, namespace_, page;
	uint64_t pid, start;
};
struct mp_clock { uint64_t wall, monotonic, boottime; };
struct mp_coldef { uint32_t name, unit, view, combine; };

/* x[1..n] are the entries; x[0] is all zero. */
#define MP_VEC(type) struct { type *x; uint32_t n, room; }

/* Open addressing, 0 = empty.  Entries past `known` were appended by a reader and
 * are indexed when something is looked up. */
struct mp_index { uint32_t *slot; uint32_t mask, used, known; };

struct mp_tree {
	MP_VEC(struct mp_string) string;
	MP_VEC(struct mp_module) module;
	MP_VEC(struct mp_map) map;
	MP_VEC(struct mp_line) line;
	MP_VEC(struct mp_code) code;
	MP_VEC(struct mp_location) location;
	MP_VEC(struct mp_tree_node) node;
	MP_VEC(struct mp_site) site;
	MP_VEC(struct mp_thread) thread;
	MP_VEC(struct mp_process) process;
	MP_VEC(struct mp_clock) clock;
	MP_VEC(struct mp_coldef) column;
	MP_VEC(uint32_t) late_line;     /* line ids, referred to by location.lines (1-based) */
	MP_VEC(uint32_t) late;          /* journal: locations that got lines, in order */
	MP_VEC(uint32_t) renamed;       /* journal: threads that got a name after their definition */
	struct mp_index by_string, by_module, by_line, by_code, by_location, by_node, by_site;
	struct arena *strings;
	uint32_t note_deeper;           /* location of [deeper], 0 until needed */
	bool failed;
	bool objects;                   /* Python objects are traced: arenas do not count */
};

struct mp_tree *mp_tree_new(void);
void mp_tree_free(struct mp_tree *);

uint32_t mp_def_string(struct mp_tree *, const char *data, size_t len); /* "" is 0 */
uint32_t mp_def_cstring(struct mp_tree *, const char *s);
uint32_t mp_def_module(struct mp_tree *, uint32_t path, uint32_t build_id);
uint32_t mp_def_line(struct mp_tree *, uint32_t function, uint32_t file, uint32_t line);
uint32_t mp_def_code(struct mp_tree *, uint32_t function, uint32_t file, uint32_t line);
uint32_t mp_def_location(struct mp_tree *, enum mp_loc, uint32_t owner, uint64_t at);
/* Past MP_DEPTH_MAX the child is a [deeper] node under the deepest one. */
uint32_t mp_def_node(struct mp_tree *, uint32_t parent, uint32_t location);
uint32_t mp_def_site(struct mp_tree *, const struct mp_site *);
/* Not interned: every call makes a new one. */
uint32_t mp_def_map(struct mp_tree *, const struct mp_map *);
uint32_t mp_def_thread(struct mp_tree *, const struct mp_thread *);
uint32_t mp_def_process(struct mp_tree *, const struct mp_process *);
uint32_t mp_def_clock(struct mp_tree *, const struct mp_clock *);
uint32_t mp_def_column(struct mp_tree *, const struct mp_coldef *);
/* Late records.  LINE holds N line ids, innermost first, at most MP_DEF_LINES_MAX;
 * N = 0: nothing known. */
int mp_set_lines(struct mp_tree *, uint32_t location, const uint32_t *line, uint32_t n);
int mp_set_thread_name(struct mp_tree *, uint32_t thread, uint32_t name);

static inline const char *mp_str(const struct mp_tree *t, uint32_t id)
{
	return id && id <= t->string.n ? t->string.x[id].data : "";
}

/* Whether a site's bytes count in sums: see formats/mp.md, meaning. */
static inline bool mp_counts(const struct mp_tree *t, uint32_t kind)
{
	enum mp_class c = mp_alloc_class(kind);

	return c != MP_CLASS_RUNTIME && (c != MP_CLASS_ARENA || !t->objects);
}

/* What one recorded block of a site stands for.  A definition whose bytes are over 63
 * bits and whose weight is not 1 does not get into a tree. */
static inline uint64_t mp_site_weight(const struct mp_site *s)
{
	return (uint64_t)s->extra + 1;
}

static inline uint64_t mp_site_bytes(const struct mp_site *s)
{
	return s->size * mp_site_weight(s);
}

static inline bool mp_site_fits(const struct mp_site *s)
{
	return !s->extra || (s->extra < MP_WEIGHT_MAX &&
			s->size <= INT64_MAX / mp_site_weight(s));
}

/* Maps entries of one tree into another, each foreign one once. */
struct mp_tree_map {
	struct mp_tree *to;
	const struct mp_tree *from;
	uint32_t *node, *location, *string;     /* 0: not mapped yet */
	uint32_t *process, *thread, *site;
	uint32_t nodes, locations, strings;     /* room of the six */
	uint32_t processes, threads, sites;
	uint32_t late, renamed;         /* of the journals, followed so far */
	bool forget;                    /* keep no record: for a single node */
};
void mp_tree_map_init(struct mp_tree_map *, struct mp_tree *to, const struct mp_tree *from);
uint32_t mp_map_foreign_node(struct mp_tree_map *, uint32_t node);
uint32_t mp_map_foreign_string(struct mp_tree_map *, uint32_t string);
/* 0 also where FROM has no such entry (tree_map_own.c). */
uint32_t mp_map_process(struct mp_tree_map *, uint32_t process);
uint32_t mp_map_thread(struct mp_tree_map *, uint32_t thread);
uint32_t mp_map_site(struct mp_tree_map *, uint32_t site);
/* Lines may come after the nodes that use them: hand over what came since. */
void mp_map_late_lines(struct mp_tree_map *);
/* The same where FROM is the only source of TO: what is replaced is replaced there,
 * too, and threads get the names they have got. */
void mp_map_follow(struct mp_tree_map *);
void mp_tree_map_free(struct mp_tree_map *);

/* 0 if there is none such, and with to->failed when memory is out. */
static inline uint32_t mp_map_node(struct mp_tree_map *m, uint32_t node)
{
	if (node > m->from->node.n)
		return 0;
	return m->from == m->to || !node ? node : mp_map_foreign_node(m, node);
}

static inline uint32_t mp_map_string(struct mp_tree_map *m, uint32_t string)
{
	if (string > m->from->string.n)
		return 0;
	return m->from == m->to || !string ? string : mp_map_foreign_string(m, string);
}

#endif

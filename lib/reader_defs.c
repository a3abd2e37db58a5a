/* reader_defs.c - definition columns to the tree.
 * Invariant: what was read once never changes; only placeholders are filled in later.
 */
#include "reader.h"

#include "arena.h"
#include "coding.h"

#include <string.h>

static void bad_defs(struct mp_reader *r, const char *cause)
{
	/* a block whose hash differs was counted already */
	if (!r->raw.bad_defs && !r->raw.bad_own)
		r->own.damaged_blocks++;
	mp_damaged(r, r->raw.offset, "%s", cause);
}

/* ---- one kind ---------------------------------------------------------------------- */

/* Entries FIRST… FIRST + N - 1 of one kind, all in the block at hand; FRESH: those
 * from that id on were not there before it. */
struct piece { unsigned def; uint32_t first, n, fresh; bool repeated; };

/* Entry ID is to be taken from the block; else it is there and has to be equal. */
static bool is_new(const struct mp_reader *r, const struct piece *p, uint32_t id)
{
	return !p->repeated || id >= p->fresh || mp_def_is_lost(r, p->def, id);
}

/* How many entries N fields bring, and whether their columns are whole. */
static const char *count(struct mp_reader *r, const struct mp_def_field *f, unsigned n,
		uint32_t *entries)
{
	*entries = 0;
	for (; n; n--, f++) {
		int i = mp_column_find(r, f->column);

		if (i < 0)
			continue;
		if (r->raw.bad[i])
			return "checksum differs";
		if (*entries && *entries != r->raw.entry[i].values)
			return "columns of a definition have different lengths";
		*entries = r->raw.entry[i].values;
	}
	return NULL;
}

static const char child_first[] = "a parent is defined after its child";
static const char too_large[] = "a definition's number is too large";
static const char unknown_kind[] = "a location of unknown kind";

/* Whether values up to MOST may stand in field F. */
static const char *field_check(struct mp_reader *r, const struct mp_def_field *f, uint64_t most)
{
	if (f->width == 4 && most > UINT32_MAX)
		return too_large;
	if (f->ref && !mp_reach_def(r, f->ref, most))
		return "a definition refers to nothing";
	if (f->column == MP_COL_D_LOC_KIND && most > MP_LOC_NOTE)
		return unknown_kind;
	if (f->column == MP_COL_D_COLUMN_COMBINE && most > MP_MIN)
		return "a column combines in an unknown way";
	return NULL;
}

/* What one field alone cannot tell of locations. */
static const char *check_locations(struct mp_reader *r, const struct piece *p)
{
	const struct mp_location *l = r->tree->location.x + p->first;
	uint32_t module = 0, code = 0;

	for (uint32_t i = 0; i < p->n; i++, l++) {
		uint32_t *most = l->kind == MP_LOC_NATIVE ? &module : &code;

		if (!l->kind)
			return unknown_kind;
		if (!is_new(r, p, p->first + i))
			continue;
		if (l->kind != MP_LOC_NATIVE && l->at > UINT32_MAX)
			return too_large;
		*most = l->owner > *most ? l->owner : *most;
	}
	return mp_reach_def(r, MP_DEF_MODULE, module) && mp_reach_def(r, MP_DEF_CODE, code) ?
		NULL : "a location refers to nothing";
}

/* The same of nodes, and how deep they are. */
static const char *check_nodes(struct mp_reader *r, const struct piece *p)
{
	struct mp_tree_node *node = r->tree->node.x;

	for (uint32_t id = p->first; id < p->first + p->n; id++) {
		struct mp_tree_node *n = &node[id];

		if (n->parent >= id)
			return child_first;
		if (!is_new(r, p, id))
			continue;
		n->depth = node[n->parent].depth + 1;
		if (n->depth > MP_DEPTH_MAX + 1)
			return "a stack is too deep";
		if (!n->location)
			return "a node has no location";
	}
	return NULL;
}

static const char *check_processes(struct mp_reader *r, const struct piece *p)
{
	for (uint32_t id = p->first; id < p->first + p->n; id++)
		if (r->tree->process.x[id].parent >= id)
			return child_first;
	return NULL;
}

/* A weight makes an estimate of every sum, and that has to be said. */
static const char *site_check(const struct mp_reader *r, const struct mp_site *s)
{
	if (s->extra && !r->sampled)
		return "a weight without a sampling interval";
	return mp_site_fits(s) ? NULL : "a site stands for too much";
}

static const char *check_sites(struct mp_reader *r, const struct piece *p)
{
	const char *cause = NULL;

	if (mp_column_find(r, MP_COL_D_SITE_WEIGHT) < 0)
		return NULL;
	for (uint32_t id = p->first; !cause && id < p->first + p->n; id++)
		cause = site_check(r, &r->tree->site.x[id]);
	return cause;
}

/* Values of one field into entries that are all new, and 0 so far. */
static const char *put_new(struct mp_reader *r, const struct piece *p,
		const struct mp_def_field *f, char *to)
{
	int i = mp_column_find(r, f->column);
	const struct mp_entry *e;
	const char *cause;
	const uint8_t *raw;
	uint64_t most;

	if (i < 0)
		return NULL;
	e = &r->raw.entry[i];
	if (e->coding != f->coding)
		return "a column has another coding or length than it must";
	raw = mp_column_open(r, (unsigned)i, &cause);
	if (!raw)
		return cause;
	return mp_fields_decode(f->coding, raw, e->raw, to, mp_def_kind[p->def].size, f->width,
			p->n, &most) ? field_check(r, f, most) :
		"a column's values do not fit its length";
}

/* What put_new leaves to check_locations, check_nodes, check_processes and check_sites. */
static const char *value_check(const struct mp_reader *r, const struct mp_def_field *f,
		uint32_t id, uint64_t value)
{
	if (f->column == MP_COL_D_SITE_WEIGHT && value)
		return site_check(r, &(struct mp_site){ .size = r->tree->site.x[id].size,
				.extra = value < MP_WEIGHT_MAX ? (uint32_t)value : MP_WEIGHT_MAX });
	if (f->column == MP_COL_D_NODE_PARENT || f->column == MP_COL_D_PROCESS_PARENT)
		return value < id ? NULL : child_first;
	return f->column != MP_COL_D_LOC_KIND || value ? NULL : unknown_kind;
}

/* Values of one field into those entries that are new; the others have them.  What
 * is wrong must not get into the tree: a placeholder among them stays. */
static const char *put_repeated(struct mp_reader *r, const struct piece *p,
		const struct mp_def_field *f, char *to)
{
	const uint64_t *value, zero = 0;
	uint64_t most = 0;
	uint32_t n;
	const char *cause = mp_read_values(r, f->column, (enum mp_coding)f->coding, 0, p->n,
			&value, &n);

	for (uint32_t i = 0; !cause && i < p->n; i++) {
		most = value && value[i] > most ? value[i] : most;
		cause = value_check(r, f, p->first + i, value ? value[i] : 0);
	}
	if (!cause)
		cause = field_check(r, f, most);
	for (uint32_t i = 0; !cause && i < p->n; i++, to += mp_def_kind[p->def].size) {
		uint32_t narrow = (uint32_t)(value ? value[i] : 0);
		const void *from = f->width == 4 ? (const void *)&narrow : value ? &value[i] : &zero;

		if (is_new(r, p, p->first + i))
			memcpy(to, from, f->width);
		else if (f->column != MP_COL_D_THREAD_NAME && memcmp(to, from, f->width))
			cause = "a repeated definition differs";
	}
	return cause;
}

static const char *put_fields(struct mp_reader *r, const struct piece *p)
{
	const struct mp_def_kind *k = &mp_def_kind[p->def];
	const char *cause = NULL;

	for (unsigned i = 0; !cause && i < k->n; i++) {
		const struct mp_def_field *f = &mp_def_field[k->first + i];
		/* the array may move from field to field */
		char *to = (char *)mp_def_vec(r->tree, p->def).x + p->first * (size_t)k->size +
			f->offset;

		cause = p->repeated || f->coding == MP_CODING_FIXED64 ? put_repeated(r, p, f, to) :
			put_new(r, p, f, to);
	}
	if (cause)
		return cause;
	return p->def == MP_DEF_LOC ? check_locations(r, p) :
		p->def == MP_DEF_NODE ? check_nodes(r, p) :
		p->def == MP_DEF_SITE ? check_sites(r, p) :
		p->def == MP_DEF_PROCESS ? check_processes(r, p) : NULL;
}

/* The bytes of strings; LEN stays in place 0 of the decoded columns. */
static const char *put_strings(struct mp_reader *r, const struct piece *p)
{
	struct mp_tree *t = r->tree;
	const uint64_t *len;
	const uint8_t *bytes = NULL;
	const char *cause;
	uint32_t n, size = 0, at = 0;
	int i = mp_column_find(r, MP_COL_D_STRING);

	cause = mp_read_values(r, MP_COL_D_STRING_LEN, MP_CODING_LEB, 0, p->n, &len, &n);
	if (cause)
		return cause;
	if (i >= 0) {
		bytes = mp_column_open(r, (unsigned)i, &cause);
		if (!bytes || r->raw.entry[i].coding != MP_CODING_BYTES)
			return cause ? cause : "strings in an unknown coding";
		size = r->raw.entry[i].raw;
	}
	for (uint32_t k = 0; k < p->n; k++) {
		struct mp_string *s = &t->string.x[p->first + k];
		uint32_t l = (uint32_t)(len[k] >> 1);

		if (len[k] >> 1 > MP_STRING_MAX || l > size - at)
			return "a string is too long";
		if (!is_new(r, p, p->first + k)) {
			if (s->len != l || memcmp(s->data, bytes + at, l) != 0)
				return "a repeated definition differs";
		} else {
			s->data = mp_arena_copy(t->strings, l ? (const char *)bytes + at : "", l);
			s->len = l;
			s->cut = len[k] & 1;
			if (!s->data) {
				s->data = "";
				mp_reader_fail(r, "%s: out of memory", r->name);
				return "out of memory";
			}
		}
		at += l;
	}
	return at == size ? NULL : "strings are longer than their lengths say";
}

/* Depths of nodes after placeholders were filled in. */
static void deepen(struct mp_tree *t)
{
	for (uint32_t i = 1; i <= t->node.n; i++)
		t->node.x[i].depth = t->node.x[t->node.x[i].parent].depth + 1;
}

/* Entries of one kind that are not there yet: made, then filled; what cannot be
 * filled is a placeholder. */
static const char *fill_new(struct mp_reader *r, const struct piece *p)
{
	size_t size = mp_def_kind[p->def].size;
	uint32_t last = p->first + p->n - 1;
	const char *cause;

	if (!mp_append_defs(r, p->def, last + 1 - p->fresh))
		return "too many definitions";
	cause = p->def == MP_DEF_STRING ? put_strings(r, p) : put_fields(r, p);
	if (!cause)
		return NULL;
	if (p->def != MP_DEF_STRING)
		memset((char *)mp_def_vec(r->tree, p->def).x + p->fresh * size, 0,
				(last + 1 - p->fresh) * size);
	mp_lose_defs(r, p->def, p->fresh, last);
	return cause;
}

static const char *read_kind(struct mp_reader *r, unsigned def, uint64_t first)
{
	static const struct mp_def_field len = { .column = MP_COL_D_STRING_LEN };
	const struct mp_def_kind *k = &mp_def_kind[def];
	struct piece p = { .def = def, .repeated = r->raw.h.flags & MP_FLAG_REPEATED };
	uint32_t last = mp_def_vec(r->tree, def).n;
	const char *cause;

	cause = def == MP_DEF_STRING ? count(r, &len, 1, &p.n) :
		count(r, &mp_def_field[k->first], k->n, &p.n);
	if (cause || !p.n)
		return cause;
	if (p.n > MP_BLOCK_MAX)
		return "too many definitions";
	if (!first)
		return "definitions without a first number";
	if (first > UINT32_MAX - p.n || (first <= last && !p.repeated))
		return "definitions come twice";
	if (first > (uint64_t)last + 1 && !r->damaged)
		return "definitions are missing";
	if (!mp_reach_def(r, def, first - 1))
		return "too many definitions are missing";
	p.first = (uint32_t)first;
	p.fresh = mp_def_vec(r->tree, def).n + 1;
	if (first + p.n > p.fresh)
		cause = fill_new(r, &p);
	else
		cause = def == MP_DEF_STRING ? put_strings(r, &p) : put_fields(r, &p);
	if (def == MP_DEF_NODE && p.repeated)
		deepen(r->tree);
	return cause;
}

/* ---- a block's ---------------------------------------------------------------------- */

/* First ids by kind. */
static const char *read_base(struct mp_reader *r, uint64_t *first)
{
	const uint64_t *pair;
	uint32_t n = 0;
	const char *cause = mp_read_values(r, MP_COL_D_BASE, MP_CODING_LEB, 0, 0, &pair, &n);

	if (cause)
		return cause;
	for (uint32_t i = 0; i + 1 < n; i += 2)
		if (pair[i] < MP_DEF_KINDS)
			first[pair[i]] = pair[i + 1];
	return n % 2 ? "first numbers of definitions are cut" : NULL;
}

void mp_read_defs(struct mp_reader *r)
{
	uint64_t first[MP_DEF_KINDS] = { 0 };
	const char *cause;

	if (!r->raw.h.columns || r->raw.entry[0].id < MP_COL_D_BASE)
		return;
	cause = read_base(r, first);
	if (cause) {
		bad_defs(r, cause);
		return;
	}
	for (unsigned i = 0; i < MP_DEF_KINDS - 1; i++) {
		const char *wrong = read_kind(r, mp_def_order[i], first[mp_def_order[i]]);

		cause = cause ? cause : wrong;
		/* what refers to it need not be refused as well */
		r->damaged |= wrong != NULL;
	}
	if (!cause)
		cause = mp_read_late(r);
	if (cause)
		bad_defs(r, cause);
}

/* reader_defs.c - definition columns to the tree.
 * Invariant: ids stay dense: what damage took is filled with placeholders, which
 * a checkpoint may fill in later; nothing else ever changes.
 */
#include "reader.h"

#include "arena.h"
#include "bytes.h"
#include "coding.h"

#include <stdlib.h>
#include <string.h>

enum { PLACEHOLDERS_MAX = 1 << 22 };

void mp_defs_reset(struct mp_reader *r)
{
	for (int i = 0; i < MP_DEF_KINDS; i++)
		free(r->lost[i].x);
	memset(r->lost, 0, sizeof(r->lost));
}

static void bad_defs(struct mp_reader *r, const char *cause)
{
	/* a block whose hash differs was counted already */
	if (!r->raw.bad_defs && !r->raw.bad_own)
		r->own.damaged_blocks++;
	mp_damaged(r, r->raw.offset, "%s", cause);
}

/* ---- placeholders ------------------------------------------------------------------ */

static bool is_lost(const struct mp_reader *r, unsigned def, uint32_t id)
{
	const struct mp_lost *l = &r->lost[def];

	for (uint32_t i = 0; i < l->n; i++)
		if (id >= l->x[i].from && id <= l->x[i].to)
			return true;
	return false;
}

/* Room for MORE entries of kind DEF. */
static bool grow(struct mp_reader *r, unsigned def, uint32_t more)
{
	struct mp_any_vec v = mp_def_vec(r->tree, def);
	uint64_t need = (uint64_t)v.n + more + 2, room = v.room;
	void *x;

	if (need <= v.room)
		return true;
	while (room < need)
		room *= 2;
	if (room > UINT32_MAX)
		return false;
	x = realloc(v.x, room * mp_def_kind[def].size);
	if (!x) {
		mp_reader_fail(r, "%s: out of memory", r->name);
		return false;
	}
	v.x = x;
	v.room = (uint32_t)room;
	mp_def_set_vec(r->tree, def, &v);
	return true;
}

static void make_lost(struct mp_tree *t, unsigned def, uint32_t id)
{
	if (def == MP_DEF_STRING)
		t->string.x[id] = (struct mp_string){ "[lost]", 6, false };
	else if (def == MP_DEF_LOC)
		t->location.x[id].kind = MP_LOC_NOTE;
	else if (def == MP_DEF_CODE)
		t->code.x[id].line = UINT32_MAX;
	else if (def == MP_DEF_NODE)
		t->node.x[id].depth = 1;
}

bool mp_reach_def(struct mp_reader *r, unsigned def, uint64_t id)
{
	struct mp_any_vec v = mp_def_vec(r->tree, def);
	struct mp_lost *l = &r->lost[def];
	struct mp_range *x;
	uint32_t n;

	if (id <= v.n)
		return true;
	if (!r->damaged || id - v.n > PLACEHOLDERS_MAX - r->placeholders)
		return false;
	n = (uint32_t)(id - v.n);
	x = realloc(l->x, (l->n + 1) * sizeof(*x));
	if (!x) {
		mp_reader_fail(r, "%s: out of memory", r->name);
		return false;
	}
	l->x = x;
	if (!grow(r, def, n))
		return false;
	x[l->n++] = (struct mp_range){ v.n + 1, (uint32_t)id };
	r->placeholders += n;
	v = mp_def_vec(r->tree, def);
	memset((char *)v.x + (v.n + 1) * (size_t)mp_def_kind[def].size, 0,
			n * (size_t)mp_def_kind[def].size);
	for (uint32_t i = 0; i < n; i++)
		make_lost(r->tree, def, v.n + 1 + i);
	v.n = (uint32_t)id;
	mp_def_set_vec(r->tree, def, &v);
	return true;
}

/* ---- one kind ---------------------------------------------------------------------- */

/* Entries FIRST… FIRST + N - 1 of one kind, all in the block at hand. */
struct piece { unsigned def; uint32_t first, n; bool repeated; };

/* Entry ID is to be taken from the block; else it is there and has to be equal. */
static bool is_new(const struct mp_reader *r, const struct piece *p, uint32_t id)
{
	return !p->repeated || is_lost(r, p->def, id);
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

/* Whether VALUE may stand in field F of entry ID. */
static const char *field_check(struct mp_reader *r, const struct mp_def_field *f, uint32_t id,
		uint64_t value)
{
	if (f->width == 4 && value > UINT32_MAX)
		return "a definition's number is too large";
	if ((f->column == MP_COL_D_NODE_PARENT || f->column == MP_COL_D_PROCESS_PARENT) &&
	    value >= id)
		return "a parent is defined after its child";
	if (f->ref && !mp_reach_def(r, f->ref, value))
		return "a definition refers to nothing";
	if (f->column == MP_COL_D_LOC_KIND && (!value || value > MP_LOC_NOTE))
		return "a location of unknown kind";
	if (f->column == MP_COL_D_COLUMN_COMBINE && value > MP_MIN)
		return "a column combines in an unknown way";
	return NULL;
}

/* What one field alone cannot tell. */
static const char *entry_check(struct mp_reader *r, unsigned def, uint32_t id)
{
	struct mp_tree *t = r->tree;

	if (def == MP_DEF_LOC) {
		const struct mp_location *l = &t->location.x[id];
		unsigned of = l->kind == MP_LOC_NATIVE ? MP_DEF_MODULE : MP_DEF_CODE;

		if (!mp_reach_def(r, of, l->owner))
			return "a location refers to nothing";
		if (of == MP_DEF_CODE && l->at > UINT32_MAX)
			return "a definition's number is too large";
	} else if (def == MP_DEF_NODE) {
		struct mp_tree_node *n = &t->node.x[id];

		n->depth = t->node.x[n->parent].depth + 1;
		if (n->depth > MP_DEPTH_MAX + 1)
			return "a stack is too deep";
		if (!n->location)
			return "a node has no location";
	}
	return NULL;
}

/* Values of one field into the entries. */
static const char *put_field(struct mp_reader *r, const struct piece *p,
		const struct mp_def_field *f)
{
	size_t size = mp_def_kind[p->def].size;
	const uint64_t *value = NULL;
	uint32_t n;
	const char *cause = mp_read_values(r, f->column, (enum mp_coding)f->coding, 0, p->n,
			&value, &n);
	uint64_t zero = 0;

	for (uint32_t i = 0; !cause && i < p->n; i++) {
		const uint64_t *v = value ? &value[i] : &zero;
		uint32_t id = p->first + i, narrow = (uint32_t)*v;
		char *to;

		cause = field_check(r, f, id, *v);
		if (cause)
			break;
		to = (char *)mp_def_vec(r->tree, p->def).x + id * size + f->offset;
		if (is_new(r, p, id)) {
			if (f->width == 4)
				memcpy(to, &narrow, 4);
			else
				memcpy(to, v, 8);
		} else if (f->column != MP_COL_D_THREAD_NAME &&
			   (f->width == 4 ? memcmp(to, &narrow, 4) : memcmp(to, v, 8))) {
			cause = "a repeated definition differs";
		}
	}
	return cause;
}

static const char *put_fields(struct mp_reader *r, const struct piece *p)
{
	const struct mp_def_kind *k = &mp_def_kind[p->def];
	const char *cause = NULL;

	for (unsigned i = 0; !cause && i < k->n; i++)
		cause = put_field(r, p, &mp_def_field[k->first + i]);
	for (uint32_t i = 0; !cause && i < p->n; i++) {
		uint32_t id = p->first + i;

		if (is_new(r, p, id))
			cause = entry_check(r, p->def, id);
	}
	return cause;
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
 * filled stays a placeholder. */
static const char *fill_new(struct mp_reader *r, const struct piece *p)
{
	struct mp_lost *l = &r->lost[p->def];
	size_t size = mp_def_kind[p->def].size;
	uint64_t spent = r->placeholders;
	uint32_t from = mp_def_vec(r->tree, p->def).n + 1;
	bool damaged = r->damaged, made;
	const char *cause;

	r->damaged = true;
	r->placeholders = 0;
	made = mp_reach_def(r, p->def, (uint64_t)p->first + p->n - 1);
	r->damaged = damaged;
	r->placeholders = spent;
	if (!made)
		return "too many definitions";
	cause = p->def == MP_DEF_STRING ? put_strings(r, p) : put_fields(r, p);
	if (!cause) {
		l->n--;         /* the range just made */
		return NULL;
	}
	for (uint32_t id = from; id < p->first + p->n && p->def != MP_DEF_STRING; id++) {
		memset((char *)mp_def_vec(r->tree, p->def).x + id * size, 0, size);
		make_lost(r->tree, p->def, id);
	}
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
	if (!first)
		return "definitions without a first number";
	if (first > UINT32_MAX - p.n || (first <= last && !p.repeated))
		return "definitions come twice";
	if (first > (uint64_t)last + 1 && !r->damaged)
		return "definitions are missing";
	if (!mp_reach_def(r, def, first - 1))
		return "too many definitions are missing";
	p.first = (uint32_t)first;
	if (first + p.n - 1 > last)
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

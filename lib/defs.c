/* defs.c - the table of definitions, and definitions to columns.
 * Invariant: nothing is sent before everything it refers to.
 */
#include "defs.h"

#include "block_out.h"

#include <stdlib.h>
#include <string.h>

#define F(col, kind, code, type, field, of) { MP_COL_D_##col, offsetof(struct type, field), \
	MP_DEF_##kind, MP_CODING_##code, sizeof(((struct type *)0)->field), of }
#define STR MP_DEF_STRING

const struct mp_def_field mp_def_field[MP_DEF_FIELDS] = {
	F(MODULE_PATH, MODULE, LEB, mp_module, path, STR),
	F(MODULE_BUILD_ID, MODULE, LEB, mp_module, build_id, STR),
	F(MAP_PROCESS, MAP, LEB, mp_map, process, MP_DEF_PROCESS),
	F(MAP_MODULE, MAP, LEB, mp_map, module, MP_DEF_MODULE),
	F(MAP_BASE, MAP, DELTA, mp_map, base, 0),
	F(MAP_FROM, MAP, DELTA, mp_map, from, 0),
	F(MAP_TO, MAP, DELTA, mp_map, to, 0),
	F(LINE_FUNCTION, LINE, DELTA, mp_line, function, STR),
	F(LINE_FILE, LINE, DELTA, mp_line, file, STR),
	F(LINE_LINE, LINE, DELTA, mp_line, line, 0),
	F(CODE_FUNCTION, CODE, DELTA, mp_code, function, STR),
	F(CODE_FILE, CODE, DELTA, mp_code, file, STR),
	F(CODE_LINE, CODE, DELTA, mp_code, line, 0),
	F(LOC_KIND, LOC, LEB, mp_location, kind, 0),
	F(LOC_OWNER, LOC, DELTA, mp_location, owner, 0),
	F(LOC_AT, LOC, DELTA, mp_location, at, 0),
	F(NODE_PARENT, NODE, DELTA, mp_tree_node, parent, MP_DEF_NODE),
	F(NODE_LOC, NODE, DELTA, mp_tree_node, location, MP_DEF_LOC),
	F(SITE_PROCESS, SITE, LEB, mp_site, process, MP_DEF_PROCESS),
	F(SITE_NODE, SITE, DELTA, mp_site, node, MP_DEF_NODE),
	F(SITE_SIZE, SITE, DELTA, mp_site, size, 0),
	F(SITE_KIND, SITE, LEB, mp_site, kind, 0),
	F(SITE_TYPE, SITE, LEB, mp_site, type, STR),
	F(SITE_WEIGHT, SITE, LEB, mp_site, extra, 0),
	F(THREAD_PROCESS, THREAD, LEB, mp_thread, process, MP_DEF_PROCESS),
	F(THREAD_TID, THREAD, DELTA, mp_thread, tid, 0),
	F(THREAD_NAME, THREAD, LEB, mp_thread, name, STR),
	F(THREAD_START, THREAD, DELTA, mp_thread, start, 0),
	F(PROCESS_PID, PROCESS, DELTA, mp_process, pid, 0),
	F(PROCESS_PARENT, PROCESS, LEB, mp_process, parent, MP_DEF_PROCESS),
	F(PROCESS_START, PROCESS, DELTA, mp_process, start, 0),
	F(PROCESS_COMMAND, PROCESS, LEB, mp_process, command, STR),
	F(PROCESS_NAME, PROCESS, LEB, mp_process, name, STR),
	F(PROCESS_ARCH, PROCESS, LEB, mp_process, arch, STR),
	F(PROCESS_PAGE, PROCESS, LEB, mp_process, page, 0),
	F(PROCESS_NAMESPACE, PROCESS, LEB, mp_process, namespace_, STR),
	F(CLOCK_WALL, CLOCK, FIXED64, mp_clock, wall, 0),
	F(CLOCK_MONOTONIC, CLOCK, FIXED64, mp_clock, monotonic, 0),
	F(CLOCK_BOOTTIME, CLOCK, FIXED64, mp_clock, boottime, 0),
	F(COLUMN_NAME, COLUMN, LEB, mp_coldef, name, STR),
	F(COLUMN_UNIT, COLUMN, LEB, mp_coldef, unit, STR),
	F(COLUMN_VIEW, COLUMN, LEB, mp_coldef, view, STR),
	F(COLUMN_COMBINE, COLUMN, LEB, mp_coldef, combine, 0),
};

#define K(member, first, n) { offsetof(struct mp_tree, member), \
	sizeof(*((struct mp_tree *)0)->member.x), first, n }

const struct mp_def_kind mp_def_kind[MP_DEF_KINDS] = {
	[MP_DEF_STRING] = K(string, 0, 0),
	[MP_DEF_MODULE] = K(module, 0, 2),
	[MP_DEF_MAP] = K(map, 2, 5),
	[MP_DEF_LINE] = K(line, 7, 3),
	[MP_DEF_CODE] = K(code, 10, 3),
	[MP_DEF_LOC] = K(location, 13, 3),
	[MP_DEF_NODE] = K(node, 16, 2),
	[MP_DEF_SITE] = K(site, 18, 6),
	[MP_DEF_THREAD] = K(thread, 24, 4),
	[MP_DEF_PROCESS] = K(process, 28, 8),
	[MP_DEF_CLOCK] = K(clock, 36, 3),
	[MP_DEF_COLUMN] = K(column, 39, 4),
};

const uint8_t mp_def_order[MP_DEF_KINDS - 1] = {
	MP_DEF_STRING, MP_DEF_MODULE, MP_DEF_LINE, MP_DEF_CODE, MP_DEF_LOC, MP_DEF_NODE,
	MP_DEF_PROCESS, MP_DEF_THREAD, MP_DEF_SITE, MP_DEF_MAP, MP_DEF_CLOCK, MP_DEF_COLUMN,
};

struct mp_any_vec mp_def_vec(const struct mp_tree *t, unsigned def)
{
	struct mp_any_vec v;

	_Static_assert(sizeof(v) == sizeof(t->string), "arrays of a tree look alike");
	memcpy(&v, (const char *)t + mp_def_kind[def].vec, sizeof(v));
	return v;
}

void mp_def_set_vec(struct mp_tree *t, unsigned def, const struct mp_any_vec *v)
{
	memcpy((char *)t + mp_def_kind[def].vec, v, sizeof(*v));
}

/* ---- out ------------------------------------------------------------------------- */

/* One field of N entries from FIRST on; columns of zeros are left out unless
 * KEEP. */
static void add_field(struct mp_block_out *b, const struct mp_any_vec *v,
		const struct mp_def_field *f, uint32_t first, uint32_t n, bool keep)
{
	const char *p = (const char *)v->x + (size_t)first * mp_def_kind[f->def].size + f->offset;
	uint64_t *value = mp_column_scratch(b), any = 0;
	uint32_t narrow;

	if (!value)
		return;
	for (uint32_t i = 0; i < n; i++, p += mp_def_kind[f->def].size) {
		if (f->width == 4) {
			memcpy(&narrow, p, 4);
			value[i] = narrow;
		} else {
			memcpy(&value[i], p, 8);
		}
		any |= value[i];
	}
	if (!any && !keep)
		return;
	mp_column_values(b, f->column, (enum mp_coding)f->coding, value, n);
	if (f->column == MP_COL_D_SITE_WEIGHT)
		mp_column_critical(b);  /* without it all sums are wrong */
}

/* Strings from FIRST on; returns how many fit. */
static uint32_t add_strings(struct mp_block_out *b, const struct mp_tree *t, uint32_t first)
{
	uint64_t *value = mp_column_scratch(b);
	uint32_t n = 0, size = 0, last = t->string.n;
	uint8_t *to;

	if (!value)
		return 0;
	while (first + n <= last && n < MP_BLOCK_MAX &&
	       size + t->string.x[first + n].len <= MP_DEFINITION_RAW_MAX) {
		value[n] = (uint64_t)t->string.x[first + n].len << 1 | t->string.x[first + n].cut;
		size += t->string.x[first + n++].len;
	}
	mp_column_values(b, MP_COL_D_STRING_LEN, MP_CODING_LEB, value, n);
	to = mp_column_room(b, size);
	for (uint32_t i = 0, at = 0; to && i < n; at += t->string.x[first + i++].len)
		memcpy(to + at, t->string.x[first + i].data, t->string.x[first + i].len);
	mp_column_add(b, MP_COL_D_STRING, MP_CODING_BYTES, size, size);
	return n;
}

/* What was not sent of one kind, as far as it fits. */
static uint32_t add_kind(struct mp_block_out *b, const struct mp_tree *t, unsigned def,
		uint32_t first)
{
	const struct mp_def_kind *k = &mp_def_kind[def];
	struct mp_any_vec v = mp_def_vec(t, def);
	uint32_t n = v.n + 1 - first;

	if (def == MP_DEF_STRING)
		return add_strings(b, t, first);
	if (n > MP_BLOCK_MAX)
		n = MP_BLOCK_MAX;
	for (unsigned i = 0; i < k->n; i++)
		add_field(b, &v, &mp_def_field[k->first + i], first, n, i == 0);
	return n;
}

struct late { uint32_t loc[MP_BLOCK_MAX], count[MP_BLOCK_MAX], line[MP_BLOCK_MAX], n, lines; };

/* The lines of location ID; false if there is no room for them. */
static bool add_location(struct late *late, const struct mp_tree *t, uint32_t id)
{
	const struct mp_location *l = &t->location.x[id];
	uint32_t n = l->n_lines;

	if (late->n == MP_BLOCK_MAX || late->lines + n > MP_BLOCK_MAX)
		return false;
	if (n)
		memcpy(late->line + late->lines, t->late_line.x + l->lines, n * sizeof(uint32_t));
	late->loc[late->n] = id;
	late->count[late->n++] = n;
	late->lines += n;
	return true;
}

/* Lines of locations: those in the journal, or all. */
static bool add_late(struct mp_block_out *b, const struct mp_tree *t, struct mp_defs_sent *sent)
{
	uint32_t end = sent->repeated ? t->location.n : t->late.n, id;
	struct late *late;

	if (sent->late >= end)
		return false;
	late = malloc(sizeof(*late));
	if (!late) {
		b->failed = true;
		return false;
	}
	late->n = late->lines = 0;
	for (; sent->late < end; sent->late++) {
		id = sent->repeated ? sent->late + 1 : t->late.x[sent->late + 1];
		if (t->location.x[id].resolved && !add_location(late, t, id))
			break;
	}
	mp_column_values32(b, MP_COL_D_LATE_LOC, MP_CODING_DELTA, late->loc, late->n);
	mp_column_values32(b, MP_COL_D_LATE_COUNT, MP_CODING_LEB, late->count, late->n);
	mp_column_values32(b, MP_COL_D_LATE_LINE, MP_CODING_DELTA, late->line, late->lines);
	free(late);
	return sent->late < end;
}

static bool add_names(struct mp_block_out *b, const struct mp_tree *t, struct mp_defs_sent *sent)
{
	uint32_t n = t->renamed.n - sent->renamed;
	uint64_t *value = mp_column_scratch(b);

	if (!n || !value)
		return false;
	if (n > MP_BLOCK_MAX)
		n = MP_BLOCK_MAX;
	for (uint32_t i = 0; i < n; i++)
		value[i] = t->renamed.x[sent->renamed + 1 + i];
	mp_column_values(b, MP_COL_D_LATE_THREAD, MP_CODING_DELTA, value, n);
	for (uint32_t i = 0; i < n; i++)
		value[i] = t->thread.x[t->renamed.x[sent->renamed + 1 + i]].name;
	mp_column_values(b, MP_COL_D_LATE_NAME, MP_CODING_LEB, value, n);
	sent->renamed += n;
	return sent->renamed < t->renamed.n;
}

bool mp_defs_add(struct mp_block_out *b, const struct mp_tree *t, struct mp_defs_sent *sent,
		bool *late)
{
	uint64_t base[2 * MP_DEF_KINDS];
	uint32_t pairs = 0;
	bool more = false;
	unsigned n = b->n;

	for (unsigned i = 0; i < MP_DEF_KINDS - 1 && !more; i++) {
		unsigned def = mp_def_order[i];
		uint32_t *done = &sent->n[def], total = mp_def_vec(t, def).n;

		if (*done == total)
			continue;
		base[2 * pairs] = def;
		base[2 * pairs++ + 1] = *done + 1;
		*done += add_kind(b, t, def, *done + 1);
		more = *done < total && !b->failed;
	}
	if (pairs)
		mp_column_values(b, MP_COL_D_BASE, MP_CODING_LEB, base, 2 * pairs);
	*late = false;
	if (more)
		return true;
	n = b->n;
	more = add_late(b, t, sent);
	if (!sent->repeated)
		more |= add_names(b, t, sent);
	*late = b->n > n;
	return more && !b->failed;
}

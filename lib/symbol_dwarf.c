/* symbol_dwarf.c - function, file, line and inlined calls from debug info.
 *
 * Tables by address are made as they are needed: units of a module, functions
 * of a unit, inlined calls of a function.  Walks end on any file: the offsets of
 * the DIEs they visit must rise.
 */
#include "symbol_own.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum { NEST_MAX = 200 };

/* ---- units ------------------------------------------------------------------------ */

static bool add_unit(struct sym_module *m, Dwarf_Die *die, Dwarf_Die *split)
{
	Dwarf_Addr base, from, to;
	ptrdiff_t at = 0;

	if (!sym_grow(m->owner, &m->unit, m->n_units, &m->units_room, sizeof(*m->unit)))
		return false;
	m->unit[m->n_units] = (struct sym_unit){.die = *die, .full = *(split ? split : die)};
	while ((at = dwarf_ranges(die, at, &base, &from, &to)) > 0) {
		if (from >= to)
			continue;
		if (!sym_grow(m->owner, &m->range, m->n_ranges, &m->ranges_room,
			    sizeof(*m->range)))
			return false;
		m->range[m->n_ranges++] = (struct sym_unit_range){from, to, m->n_units};
	}
	m->n_units++;
	return true;
}

static int by_from(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b; /* every table here begins with its address */

	return *x < *y ? -1 : *x > *y;
}

void sym_load_units(struct sym_module *m)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, split;
	uint8_t type;

	while (dwarf_get_units(m->dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
		bool skeleton = type == DW_UT_skeleton && dwarf_tag(&split) != DW_TAG_invalid;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (!add_unit(m, &die, skeleton ? &split : NULL))
			break;
	}
	if (m->n_ranges)
		qsort(m->range, m->n_ranges, sizeof(*m->range), by_from);
}

void sym_free_units(struct sym_module *m)
{
	for (size_t i = 0; i < m->n_units; i++) {
		for (size_t j = 0; j < m->unit[i].n; j++)
			free(m->unit[i].function[j].inlined);
		free(m->unit[i].function);
		free(m->unit[i].files.shown);
		free(m->unit[i].full_files.shown);
	}
	free(m->unit);
	free(m->range);
}

static struct sym_unit *find_unit(struct sym_module *m, uint64_t pc)
{
	size_t low = 0, high = m->n_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->range[middle].from <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < 8 && low > 0; back++, low--)
		if (pc < m->range[low - 1].to)
			return &m->unit[m->range[low - 1].unit];
	return NULL;
}

/* ---- functions of a unit ---------------------------------------------------------- */

struct walk {
	struct sym_module *module;
	struct sym_unit *unit;
	struct sym_function *function; /* for the walk over inlined calls */
	size_t room;
	Dwarf_Off last; /* highest DIE seen */
	bool nested;    /* functions may lie inside functions */
};

/* The first child of DIE or its next sibling; false: none, or no progress. */
static bool step(struct walk *w, Dwarf_Die *die, bool child)
{
	Dwarf_Die next;
	Dwarf_Off off;

	if ((child ? dwarf_child(die, &next) : dwarf_siblingof(die, &next)) != 0)
		return false;
	off = dwarf_dieoffset(&next);
	if (off <= w->last)
		return false;
	w->last = off;
	*die = next;
	return true;
}

static bool add_function(struct walk *w, Dwarf_Die *die)
{
	struct sym_unit *u = w->unit;
	Dwarf_Addr base, from, to;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &from, &to)) > 0) {
		if (from >= to)
			continue;
		if (!sym_grow(w->module->owner, &u->function, u->n, &u->room,
			    sizeof(*u->function)))
			return false;
		u->function[u->n++] = (struct sym_function){.scope = {from, to, .die = *die}};
	}
	return true;
}

static bool walk_functions(struct walk *w, Dwarf_Die parent, int depth)
{
	Dwarf_Die die = parent;

	if (depth == NEST_MAX || !step(w, &die, true))
		return true;
	do {
		bool inside = false;

		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (!add_function(w, &die))
				return false;
			inside = w->nested && !dwarf_hasattr(&die, DW_AT_abstract_origin);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_lexical_block:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			inside = true;
			break;
		default:
			break;
		}
		if (inside && w->nested && !walk_functions(w, die, depth + 1))
			return false;
	} while (step(w, &die, false));
	return true;
}

static bool is_c(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
		return true;
	default:
		return false;
	}
}

static void load_files(struct sym_module *m, Dwarf_Die *die, struct sym_files *f)
{
	if (dwarf_getsrcfiles(die, &f->files, &f->n) != 0 || f->n == 0) {
		f->n = 0;
		return;
	}
	f->shown = calloc(f->n, sizeof(*f->shown));
	if (!f->shown) {
		f->n = 0;
		m->owner->failed = true;
	}
}

static void load_functions(struct sym_module *m, struct sym_unit *u)
{
	struct walk w = {.module = m, .unit = u, .nested = !is_c(&u->full)};

	u->loaded = true;
	w.last = dwarf_dieoffset(&u->full);
	walk_functions(&w, u->full, 0);
	if (u->n)
		qsort(u->function, u->n, sizeof(*u->function), by_from);
	load_files(m, &u->die, &u->files);
	if (u->full.addr != u->die.addr)
		load_files(m, &u->full, &u->full_files);
}

static struct sym_function *find_function(struct sym_unit *u, uint64_t pc)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (u->function[middle].scope.from <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < 8 && low > 0; back++, low--)
		if (pc < u->function[low - 1].scope.to)
			return &u->function[low - 1];
	return NULL;
}

/* ---- calls inlined into a function -------------------------------------------------- */

static uint32_t small_number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 &&
			       value <= UINT32_MAX
		       ? (uint32_t)value
		       : 0;
}

static bool add_inlined(struct walk *w, Dwarf_Die *die, uint32_t depth)
{
	struct sym_scope scope = {.die = *die, .depth = depth};
	struct sym_function *f = w->function;
	Dwarf_Addr base, from, to;
	ptrdiff_t at = 0;

	scope.call_file = small_number(die, DW_AT_call_file);
	scope.call_line = small_number(die, DW_AT_call_line);
	while ((at = dwarf_ranges(die, at, &base, &from, &to)) > 0) {
		if (from >= to)
			continue;
		if (!sym_grow(
			    w->module->owner, &f->inlined, f->n, &w->room, sizeof(*f->inlined)))
			return false;
		scope.from = from;
		scope.to = to;
		f->inlined[f->n++] = scope;
	}
	return true;
}

static bool walk_inlined(struct walk *w, Dwarf_Die parent, uint32_t inlined, int depth)
{
	Dwarf_Die die = parent;

	if (depth == NEST_MAX || !step(w, &die, true))
		return true;
	do {
		int tag = dwarf_tag(&die);
		bool call = tag == DW_TAG_inlined_subroutine;

		if (call && !add_inlined(w, &die, inlined + 1))
			return false;
		if ((call || tag == DW_TAG_lexical_block || tag == DW_TAG_GNU_call_site ||
			    tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
			!walk_inlined(w, die, inlined + call, depth + 1))
			return false;
	} while (step(w, &die, false));
	return true;
}

/* ---- names and lines ------------------------------------------------------------------ */

static const char *scope_name(struct sym_module *m, struct sym_scope *scope)
{
	static const unsigned attributes[] = {
		DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name};

	for (int i = 0; !scope->name && i < 3; i++) {
		Dwarf_Attribute attribute;
		const char *name = dwarf_formstring(
			dwarf_attr_integrate(&scope->die, attributes[i], &attribute));

		if (name && *name)
			scope->name = sym_name(m->owner, name);
	}
	return scope->name ? scope->name : "";
}

/* File I of the unit, below the folder it was compiled in. */
static const char *file_name(
	struct sym_module *m, struct sym_unit *u, struct sym_files *f, size_t i)
{
	const char *dir, *name;
	char *shown;

	if (i >= f->n)
		return "";
	if (f->shown[i])
		return f->shown[i];
	name = dwarf_filesrc(f->files, i, NULL, NULL);
	if (!name || !*name)
		return "";
	if (name[0] != '/') {
		Dwarf_Attribute attribute;

		while (name[0] == '.' && name[1] == '/')
			name += 2;
		dir = dwarf_formstring(dwarf_attr(&u->die, DW_AT_comp_dir, &attribute));
		if (dir && *dir) {
			shown = sym_join(m->owner, dir, name);
			if (!shown)
				return "";
			name = shown;
		}
	}
	return f->shown[i] = name;
}

int sym_lines(struct sym_module *m, uint64_t offset, struct mp_symbol_line *line, unsigned max)
{
	uint64_t pc = offset - m->bias;
	struct sym_unit *u = find_unit(m, pc);
	struct mp_symbol_line at = {"", "", 0};
	struct sym_scope *chain[NEST_MAX + 1];
	struct sym_function *f;
	Dwarf_Line *row;
	unsigned n = 0, depth = 0;

	if (!u)
		return 0;
	if (!u->loaded)
		load_functions(m, u);
	row = dwarf_getsrc_die(&u->die, pc);
	if (row) {
		Dwarf_Files *files;
		size_t file;
		int number;

		if (dwarf_line_file(row, &files, &file) == 0)
			at.file = file_name(m, u, &u->files, file);
		at.line = dwarf_lineno(row, &number) == 0 && number > 0 ? (uint32_t)number : 0;
	}
	f = find_function(u, pc);
	if (!f) {
		line[0] = at;
		return row ? 1 : 0;
	}
	if (!f->loaded) {
		struct walk w = {.module = m, .unit = u, .function = f};

		f->loaded = true;
		w.last = dwarf_dieoffset(&f->scope.die);
		walk_inlined(&w, f->scope.die, 0, 0);
	}
	chain[0] = &f->scope;
	for (size_t i = 0; i < f->n && depth < NEST_MAX; i++)
		if (f->inlined[i].depth == depth + 1 && pc >= f->inlined[i].from &&
			pc < f->inlined[i].to)
			chain[++depth] = &f->inlined[i];
	for (unsigned i = depth; n < max; i--) {
		line[n] = at;
		line[n++].function = scope_name(m, chain[i]);
		if (i == 0)
			break;
		at.file = file_name(m, u, u->full_files.n ? &u->full_files : &u->files,
			chain[i]->call_file);
		at.line = chain[i]->call_line;
	}
	return (int)n;
}

/* sample_code.c - see sample_code.h. */
#include "sample_code.h"

#include "python_line.h"
#include "python_string.h"

#include <stdlib.h>

enum {
	HEAD = PYTHON_CODE_ROOM,
	STRING_HEAD = PYTHON_STRING_ROOM,
	STRING_MOST = 1 << 16,          /* characters; a trace cuts there as well */
	TEXT_MOST = 4 * STRING_MOST + 4,
	LINES_MOST = 8 << 20, LINES_ALL = 64 << 20,     /* bytes of one table, of all kept */
	CODES_MOST = 1 << 14,           /* beyond, all are read again */
};

static const struct python_offsets *offsets(const struct codes *c)
{
	return &c->image->offsets;
}

/* ---- what does not change ------------------------------------------------------------------ */

/* SIZE bytes at ADDRESS, or the last of them: DATA, until all facts are checked. */
static void add_fact(struct py_code *code, uint64_t address, const void *data, size_t size)
{
	struct code_fact *f = &code->fact[code->facts++];
	size_t skip = size > FACT_BYTES ? size - FACT_BYTES : 0;

	f->address = address + skip;
	f->size = (uint32_t)(size - skip);
	memcpy(f->bytes, (const uint8_t *)data + skip, f->size);
}

static bool add_pieces(struct snapshot *s, const struct py_code *code)
{
	bool good = true;

	for (unsigned i = 0; i < code->facts; i++)
		good = good && snapshot_add(s, code->fact[i].address, code->fact[i].size);
	return good;
}

/* Whether what was read into the pieces from number *PIECE on is what it was. */
static bool still(const struct snapshot *s, const struct py_code *code, size_t *piece)
{
	bool same = true;

	for (unsigned i = 0; i < code->facts; i++) {
		const struct code_fact *f = &code->fact[i];

		same = memcmp(s->copy[0] + s->x[(*piece)++].at, f->bytes, f->size) == 0 && same;
	}
	return same;
}

/* ---- one code object ----------------------------------------------------------------------- */

/* The str at ADDRESS as a string of the tree; false: it is none. */
static bool read_string(struct codes *c, struct py_code *code, uint64_t address, uint32_t *string)
{
	const struct python_offsets *o = offsets(c);
	uint8_t head[STRING_HEAD] = { 0 };
	size_t length, inside, used;
	unsigned width;
	int cut;

	if (!address || !remote_read_some(c->pid, address, head, (size_t)o->string_ascii,
			(size_t)o->string_compact + 8))
		return false;
	width = python_string_open(o, head, &length, &inside);
	if (!width || length > UINT32_MAX)
		return false;
	if (length > STRING_MOST)
		length = STRING_MOST + 1;       /* for the tree to see that it is cut */
	address = inside ? address + inside : remote_word(head, o->string_compact);
	if (length && !remote_read(c->pid, address, c->raw, length * width))
		return false;
	add_fact(code, address, c->raw, length * width);
	used = python_string_encode(c->raw, length, width, c->text, TEXT_MOST, &cut);
	*string = mp_def_string(c->tree, c->text, used);
	return true;
}

static bool is_code(struct codes *c, const uint8_t *head)
{
	uint64_t type = remote_word(head, offsets(c)->object_type), name;
	char text[5];

	if (c->type)
		return type == c->type;
	name = type ? remote_pointer(c->pid, type + (uint64_t)offsets(c)->type_name) : 0;
	if (!name || !remote_read(c->pid, name, text, sizeof text) || memcmp(text, "code", 5))
		return false;
	c->type = type;
	return true;
}

static bool read_lines(struct codes *c, struct py_code *code, uint64_t address)
{
	const struct python_offsets *o = offsets(c);
	size_t before = (size_t)(o->bytes_data - o->bytes_size);
	uint64_t size, from = address + (uint64_t)o->bytes_size;
	uint8_t *all;

	if (!address || !remote_read(c->pid, from, &size, sizeof size) || size > LINES_MOST ||
			c->lines_size + size > LINES_ALL)
		return false;
	all = malloc(before + size);    /* its size and hash, and the table */
	if (!all || !remote_read(c->pid, from, all, before + size)) {
		free(all);
		return false;
	}
	add_fact(code, from, all, before + size < FACT_BYTES ? before + size : FACT_BYTES);
	memmove(all, all + before, size);
	code->lines = all;
	code->lines_size = size;
	c->lines_size += size;
	return true;
}

static bool read_units(struct codes *c, struct py_code *code, const uint8_t *head)
{
	const struct python_offsets *o = offsets(c);

	if (o->code_size >= 0) {
		code->units = (int64_t)remote_word(head, o->code_size);
		code->traceable = remote_int(head, o->code_traceable);
	} else {
		code->units = (int64_t)(remote_pointer(c->pid, remote_word(head, o->code_bytes) +
				(uint64_t)o->bytes_size) / 2);
	}
	return code->units > 0;
}

/* From the first line to the names and the table, which is where they differ. */
static void add_head(const struct python_offsets *o, struct py_code *code, const uint8_t *head)
{
	int last = o->code_name > o->code_lines ? o->code_name : o->code_lines;

	add_fact(code, code->address + (uint64_t)o->code_first_line, head + o->code_first_line,
			(size_t)(last + 8 - o->code_first_line));
}

static bool read_code(struct codes *c, struct py_code *code)
{
	const struct python_offsets *o = offsets(c);
	size_t least = (size_t)(o->code_units >= 0 ? o->code_units : o->code_lines + 8), piece = 0;
	uint32_t function = 0, file = 0;
	uint8_t head[HEAD];

	if (code->address & 7 || code->address >> 47 ||
			!remote_read(c->pid, code->address, head, least) || !is_code(c, head))
		return false;
	code->first = remote_int(head, o->code_first_line);
	add_head(o, code, head);
	if (!read_units(c, code, head) || !read_lines(c, code, remote_word(head, o->code_lines)) ||
			!read_string(c, code, remote_word(head, o->code_name), &function) ||
			!read_string(c, code, remote_word(head, o->code_file), &file))
		return false;
	code->def = mp_def_code(c->tree, function, file, code->first > 0 ?
			(uint32_t)code->first : 0);
	/* it has not died meanwhile */
	snapshot_clear(&c->s);
	return code->def && add_pieces(&c->s, code) && snapshot_read(&c->s, c->pid, 1) &&
		still(&c->s, code, &piece);
}

static void drop(struct codes *c, struct py_code *code)
{
	free(code->lines);
	c->lines_size -= code->lines_size;
	*code = (struct py_code){ .address = code->address, .tried = code->tried };
}

/* Read the code at ADDRESS into X[I]; what cannot be read is of moment 0. */
static void define(struct codes *c, size_t i, uint64_t address, uint64_t moment)
{
	struct py_code code = { .address = address, .moment = moment, .tried = moment };

	if (!read_code(c, &code))
		drop(c, &code);
	c->x[i] = code;
}

/* ---- all of a chain ---------------------------------------------------------------------------- */

static void forget(struct codes *c)
{
	for (size_t i = 0; i < c->n; i++)
		drop(c, &c->x[i]);
	c->n = 0;
	table_clear(&c->by_address);
}

static struct py_code *find(const struct codes *c, uint64_t address)
{
	const uint64_t *i = table_find(&c->by_address, address);

	return i ? &c->x[*i] : NULL;
}

static bool reserve(struct codes *c, size_t more)
{
	if (!c->raw)
		c->raw = malloc(4 * (STRING_MOST + 1));
	if (!c->text)
		c->text = malloc(TEXT_MOST);
	if (c->n + more > c->room) {
		size_t room = c->n + more + 256;
		struct py_code *x = realloc(c->x, room * sizeof *x);

		if (!x)
			return false;
		c->x = x;
		c->room = room;
	}
	if (more > c->known_room) {
		uint32_t *x = realloc(c->known, more * sizeof *x);

		if (!x)
			return false;
		c->known = x;
		c->known_room = more;
	}
	return c->raw && c->text;
}

/* Those not met before are numbered, the others are put on the list. */
static void sort_out(struct codes *c, const struct chain *chain, uint64_t moment)
{
	c->n_known = 0;
	for (size_t i = 0; i < chain->n; i++) {
		struct py_code *code = find(c, chain->x[i].code);

		if (!code) {
			if (table_put(&c->by_address, chain->x[i].code, c->n) < 0)
				continue;
			c->x[c->n++] = (struct py_code){ .address = chain->x[i].code };
		} else if (code->moment && code->moment != moment) {
			code->moment = moment;  /* once, however often it is in the chain */
			c->known[c->n_known++] = (uint32_t)(code - c->x);
		}
	}
}

void codes_check(struct codes *c, const struct chain *chain, uint64_t moment)
{
	size_t piece = 0, changed = 0;
	bool read = true;

	if (c->n > CODES_MOST || c->lines_size > LINES_ALL / 2)
		forget(c);
	if (!reserve(c, chain->n))
		return;
	sort_out(c, chain, moment);
	snapshot_clear(&c->s);
	for (size_t i = 0; i < c->n_known; i++)
		read = read && add_pieces(&c->s, &c->x[c->known[i]]);
	read = read && snapshot_read(&c->s, c->pid, 1);
	for (size_t i = 0; i < c->n_known; i++)
		if (!read || !still(&c->s, &c->x[c->known[i]], &piece))
			c->known[changed++] = c->known[i];
	for (size_t i = 0; i < changed; i++)
		drop(c, &c->x[c->known[i]]);
	for (size_t i = 0; i < chain->n; i++) {
		struct py_code *code = find(c, chain->x[i].code);

		/* once: a torn chain may hold the same bad one many thousand times */
		if (code && !code->moment && code->tried != moment)
			define(c, (size_t)(code - c->x), code->address, moment);
	}
}

/* A frame that has not come to its first line is one the interpreter hides. */
static enum code_place place_in(const struct codes *c, const struct py_code *code,
		const struct py_frame *f)
{
	if (f->unit < -1 || f->unit >= code->units)
		return CODE_UNKNOWN;
	if (offsets(c)->code_traceable >= 0 && !f->generator && f->unit < code->traceable)
		return CODE_HIDDEN;
	return CODE_AT;
}

enum code_place codes_place(struct codes *c, const struct py_frame *f, uint64_t moment,
		uint32_t *def, uint32_t *location)
{
	struct py_code *code = find(c, f->code);
	enum code_place place;
	size_t i = (size_t)(f->unit + 1) % CODE_PLACES;
	int line;

	if (!code || code->moment != moment)
		return CODE_UNKNOWN;
	place = place_in(c, code, f);
	if (place != CODE_AT)
		return place;
	*def = code->def;
	if (!code->place[i].location || code->place[i].unit != f->unit) {
		line = python_decode_line(c->image->minor, code->lines, code->lines_size,
				code->first, (long)f->unit);
		code->place[i].unit = f->unit;
		code->place[i].location = mp_def_location(c->tree, MP_LOC_PYTHON, code->def,
				line == PYTHON_NO_LINE ? 0 : (uint64_t)line);
	}
	*location = code->place[i].location;
	return CODE_AT;
}

void codes_free(struct codes *c)
{
	forget(c);
	free(c->x);
	free(c->known);
	free(c->raw);
	free(c->text);
	snapshot_free(&c->s);
	memset(c, 0, sizeof *c);
}

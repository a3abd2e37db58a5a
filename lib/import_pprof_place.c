/* import_pprof_place.c - what the samples of a pprof refer to: strings, functions,
 * mappings, locations, each kind after what it refers to.
 */
#include "import_pprof.h"

#include "import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A location in a stack may not make much of little. */
enum { NAMED_MAX = 256 };

#define LOADED_FROM (1ull << 32)        /* where the system puts what can be anywhere */

int mp_pprof_in_fail(struct pprof_in *f, const char *what)
{
	uint64_t at = f->field.at ? (uint64_t)(f->field.at - f->feed.in->data) : 0;

	if (!what)
		what = mp_profile_error(f->p) ? mp_profile_error(f->p) : "out of memory";
	return mp_err_set(&f->feed.error, "%s: byte %" PRIu64 ": %s", f->feed.name, at, what);
}

/* Room for entry N of an array. */
bool mp_pprof_in_room(struct pprof_in *f, void *array, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *x;

	if (n < *room)
		return true;
	memcpy(&x, array, sizeof(x));
	x = realloc(x, more * size);
	if (!x) {
		mp_pprof_in_fail(f, NULL);
		return false;
	}
	memcpy(array, &x, sizeof(x));
	*room = more;
	return true;
}

/* FN for each field of that NUMBER that is a message or a string. */
int mp_pprof_in_each(struct pprof_in *f, unsigned number, mp_pprof_in_fn *fn)
{
	struct mp_pb_in in = f->all;
	struct mp_pb_field field;

	for (f->field = in; mp_pb_next(&in, &field); f->field = in)
		if (field.number == number && field.wire == MP_PB_LENGTH && fn(f, &field))
			return -1;
	return in.bad ? mp_pprof_in_fail(f, "not a message of pprof's") : 0;
}

/* ---- strings and what has an id -------------------------------------------------------- */

static int string(struct pprof_in *f, const struct mp_pb_field *field)
{
	size_t n = (size_t)(field->bytes.end - field->bytes.at);

	if (!f->strings && n)
		return mp_pprof_in_fail(f, "the first string is not empty");
	if (!mp_pprof_in_room(f, &f->string, &f->string_room, f->strings, sizeof(*f->string)))
		return -1;
	f->string[f->strings++] = mp_def_string(f->p->tree, (const char *)field->bytes.at, n);
	return f->p->tree->failed ? mp_pprof_in_fail(f, NULL) : 0;
}

int mp_pprof_in_string(struct pprof_in *f, uint64_t number, uint32_t *id)
{
	*id = number < f->strings ? f->string[number] : 0;
	return number < f->strings || !number ? 0 : mp_pprof_in_fail(f, "no such string");
}

static int by_id(const void *a, const void *b)
{
	const struct pprof_entry *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int sort_table(struct pprof_in *f, struct pprof_table *t)
{
	if (t->n)
		qsort(t->x, t->n, sizeof(*t->x), by_id);
	for (size_t i = 1; i < t->n; i++)
		if (t->x[i].id == t->x[i - 1].id)
			return mp_pprof_in_fail(f, "an id twice");
	return 0;
}

const struct pprof_entry *mp_pprof_in_find(const struct pprof_table *t, uint64_t id)
{
	struct pprof_entry key = { .id = id };

	/* mostly they are 1, 2, 3 */
	if (id && id <= t->n && t->x[id - 1].id == id)
		return &t->x[id - 1];
	return t->n ? bsearch(&key, t->x, t->n, sizeof(key), by_id) : NULL;
}

static int add_entry(struct pprof_in *f, struct pprof_table *t, const struct pprof_entry *e)
{
	if (!e->id)
		return mp_pprof_in_fail(f, "no id");
	if (!mp_pprof_in_room(f, &t->x, &t->room, t->n, sizeof(*t->x)))
		return -1;
	t->x[t->n++] = *e;
	return 0;
}

static int function(struct pprof_in *f, const struct mp_pb_field *field)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	struct pprof_entry e = { .id = 0 };
	uint64_t name = 0, system = 0, file = 0;

	e.function.first = 0;
	while (mp_pb_next(&in, &x)) {
		if (x.number == PPROF_FUNCTION_ID)
			e.id = x.value;
		else if (x.number == PPROF_FUNCTION_NAME)
			name = x.value;
		else if (x.number == PPROF_FUNCTION_SYSTEM_NAME)
			system = x.value;
		else if (x.number == PPROF_FUNCTION_FILENAME)
			file = x.value;
		else if (x.number == PPROF_FUNCTION_START_LINE && x.value < UINT32_MAX)
			e.function.first = (uint32_t)x.value;
	}
	if (in.bad)
		return mp_pprof_in_fail(f, "not a function");
	if (mp_pprof_in_string(f, name ? name : system, &e.function.name) ||
	    mp_pprof_in_string(f, file, &e.function.file))
		return -1;
	return add_entry(f, &f->function, &e);
}

static int mapping(struct pprof_in *f, const struct mp_pb_field *field)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	struct pprof_entry e = { .id = 0 };
	uint64_t file = 0, build_id = 0;
	uint32_t path, build;

	e.mapping.start = e.mapping.offset = 0;
	while (mp_pb_next(&in, &x)) {
		if (x.number == PPROF_MAPPING_ID)
			e.id = x.value;
		else if (x.number == PPROF_MAPPING_START)
			e.mapping.start = x.value;
		else if (x.number == PPROF_MAPPING_OFFSET)
			e.mapping.offset = x.value;
		else if (x.number == PPROF_MAPPING_FILENAME)
			file = x.value;
		else if (x.number == PPROF_MAPPING_BUILD_ID)
			build_id = x.value;
	}
	if (in.bad)
		return mp_pprof_in_fail(f, "not a mapping");
	if (mp_pprof_in_string(f, file, &path) || mp_pprof_in_string(f, build_id, &build))
		return -1;
	e.mapping.module = path ? mp_def_module(f->p->tree, path, build) : 0;
	return f->p->tree->failed ? mp_pprof_in_fail(f, NULL) : add_entry(f, &f->mapping, &e);
}

/* ---- locations --------------------------------------------------------------------------- */

static int place(struct pprof_in *f, const struct mp_pb_field *field)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	uint64_t id = 0, line = 0;

	while (mp_pb_next(&in, &x)) {
		if (x.number == PPROF_LINE_FUNCTION)
			id = x.value;
		else if (x.number == PPROF_LINE_NUMBER)
			line = x.value;
	}
	if (in.bad || field->wire != MP_PB_LENGTH)
		return mp_pprof_in_fail(f, "not a line");
	if (!mp_pprof_in_room(f, &f->place, &f->place_room, f->places, sizeof(*f->place)))
		return -1;
	f->place[f->places].function = id ? mp_pprof_in_find(&f->function, id) : NULL;
	if (id && !f->place[f->places].function)
		return mp_pprof_in_fail(f, "no such function");
	/* a negative one is none */
	f->place[f->places++].line = line <= UINT32_MAX ? (uint32_t)line : 0;
	return 0;
}

static int add_frame(struct pprof_in *f, uint32_t location)
{
	if (f->p->tree->failed || !location)
		return mp_pprof_in_fail(f, NULL);
	if (!mp_pprof_in_room(f, &f->frame, &f->frame_room, f->frames, sizeof(*f->frame)))
		return -1;
	f->frame[f->frames++] = location;
	return 0;
}

/* Without an address each line is a frame of its own. */
static int named(struct pprof_in *f)
{
	if (f->places > NAMED_MAX)
		return mp_pprof_in_fail(f, "too many lines at one location");
	for (size_t i = f->places ? f->places : 1; i; i--) {
		const struct pprof_entry *of = f->places ? f->place[i - 1].function : NULL;
		uint32_t line = f->places ? f->place[i - 1].line : 0;

		if (add_frame(f, mp_import_location(f->p->tree, of ? of->function.name : 0,
				of ? of->function.file : 0, line, of ? of->function.first : 0)))
			return -1;
	}
	return 0;
}

/* Where the address lies in its file.  What has a fixed place is known by it. */
static uint64_t offset_of(const struct pprof_entry *m, uint64_t address)
{
	if (!m || m->mapping.start < LOADED_FROM || address < m->mapping.start)
		return address;
	return address - m->mapping.start + m->mapping.offset;
}

static int native(struct pprof_in *f, const struct pprof_entry *m, uint64_t address)
{
	struct mp_tree *t = f->p->tree;
	uint32_t id = mp_def_location(t, MP_LOC_NATIVE, m ? m->mapping.module : 0,
			offset_of(m, address));
	const struct mp_location *l = &t->location.x[id];

	if (f->places > MP_DEF_LINES_MAX)
		return mp_pprof_in_fail(f, "too many lines at one location");
	for (size_t i = 0; i < f->places; i++) {
		const struct pprof_entry *of = f->place[i].function;

		if (!mp_pprof_in_room(f, &f->line, &f->line_room, i, sizeof(*f->line)))
			return -1;
		f->line[i] = mp_def_line(t, of ? of->function.name : 0,
				of ? of->function.file : 0, f->place[i].line);
	}
	if (t->failed)
		return mp_pprof_in_fail(f, NULL);
	/* an address has one set of lines; others keep their names and give it up */
	if (l->resolved && f->places && (l->n_lines != f->places ||
			memcmp(t->late_line.x + l->lines, f->line, f->places * sizeof(*f->line))))
		return named(f);
	if (f->places && mp_set_lines(t, id, f->line, (uint32_t)f->places))
		return mp_pprof_in_fail(f, NULL);
	return add_frame(f, id);
}

static int location(struct pprof_in *f, const struct mp_pb_field *field)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	struct pprof_entry e = { .id = 0 };
	const struct pprof_entry *m = NULL;
	uint64_t address = 0;

	f->places = 0;
	e.location.at = f->frames;
	while (mp_pb_next(&in, &x)) {
		if (x.number == PPROF_LOCATION_ID)
			e.id = x.value;
		else if (x.number == PPROF_LOCATION_ADDRESS)
			address = x.value;
		else if (x.number == PPROF_LOCATION_LINE && place(f, &x))
			return -1;
		else if (x.number == PPROF_LOCATION_MAPPING && x.value) {
			m = mp_pprof_in_find(&f->mapping, x.value);
			if (!m)
				return mp_pprof_in_fail(f, "no such mapping");
		}
	}
	if (in.bad)
		return mp_pprof_in_fail(f, "not a location");
	if (address && ((m && m->mapping.module) || !f->places) ? native(f, m, address) : named(f))
		return -1;
	e.location.n = f->frames - e.location.at;
	return add_entry(f, &f->location, &e);
}

int mp_pprof_in_places(struct pprof_in *f)
{
	return mp_pprof_in_each(f, PPROF_STRING_TABLE, string) ||
		mp_pprof_in_each(f, PPROF_FUNCTION, function) || sort_table(f, &f->function) ||
		mp_pprof_in_each(f, PPROF_MAPPING, mapping) || sort_table(f, &f->mapping) ||
		mp_pprof_in_each(f, PPROF_LOCATION, location) || sort_table(f, &f->location);
}

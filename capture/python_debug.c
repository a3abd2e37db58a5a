/* python_debug.c - see python_debug.h.
 *
 * The structure is words of 64 bits, a group of them for each structure it tells of, the
 * first word of a group being that one's size.  It has no version of its own: where the
 * groups begin goes by the interpreter's.
 */
#include "python_debug.h"

#include <stdio.h>
#include <string.h>

enum { VERSION = 1, FREE_THREADED = 2 };        /* words; the first one is the cookie */
enum { V3_14 = 0x030e, V3_15 = 0x030f, RELEASE_CANDIDATE = 0xc0 };

enum { RUNTIME, INTERPRETER, THREAD, FRAME, CODE, OBJECT, TYPE, BYTES, STRING, GROUPS };

static const struct group {
	const char *name;
	uint8_t word[2];                /* its size is there: of 3.14, of 3.15 */
	int16_t room;
} groups[GROUPS] = {
	[RUNTIME] = { "runtime_state", { 3, 3 }, INT16_MAX },
	[INTERPRETER] = { "interpreter_state", { 6, 6 }, INT16_MAX },
	/* datastack_top, which is not told, is the word after datastack_chunk */
	[THREAD] = { "thread_state", { 22, 22 }, PYTHON_STATE_ROOM - 8 },
	[FRAME] = { "interpreter_frame", { 31, 39 }, PYTHON_FRAME_ROOM },
	[CODE] = { "code_object", { 39, 47 }, PYTHON_CODE_ROOM },
	[OBJECT] = { "pyobject", { 50, 58 }, PYTHON_CODE_ROOM },
	[TYPE] = { "type_object", { 52, 60 }, 1024 },
	[BYTES] = { "bytes_object", { 74, 86 }, 64 },
	[STRING] = { "unicode_object", { 77, 89 }, PYTHON_STRING_ROOM },
};

#define TO(field) offsetof(struct python_offsets, field)

static const struct field {
	const char *name;
	uint8_t group, word[2];         /* behind the group's size; 0: not said */
	uint8_t bytes;                  /* as many are read there, at a multiple of it */
	uint8_t to;
} fields[] = {
	{ "interpreters_head", RUNTIME, { 2, 2 }, 8, TO(runtime_interpreters) },
	{ "next", INTERPRETER, { 2, 2 }, 8, TO(interpreter_next) },
	{ "threads_head", INTERPRETER, { 3, 3 }, 8, TO(interpreter_threads) },
	{ "ceval_gil", INTERPRETER, { 9, 9 }, 8, TO(interpreter_gil) },
	{ "next", THREAD, { 2, 2 }, 8, TO(thread_next) },
	{ "current_frame", THREAD, { 4, 4 }, 8, TO(thread_frame) },
	{ "thread_id", THREAD, { 5, 8 }, 8, TO(thread_id) },
	{ "native_thread_id", THREAD, { 6, 9 }, 8, TO(thread_native) },
	{ "datastack_chunk", THREAD, { 7, 10 }, 8, TO(thread_chunk) },
	{ "previous", FRAME, { 1, 1 }, 8, TO(frame_previous) },
	{ "executable", FRAME, { 2, 2 }, 8, TO(frame_code) },
	{ "instr_ptr", FRAME, { 3, 3 }, 8, TO(frame_instr) },
	{ "owner", FRAME, { 5, 5 }, 1, TO(frame_owner) },
	{ "filename", CODE, { 1, 1 }, 8, TO(code_file) },
	{ "qualname", CODE, { 3, 3 }, 8, TO(code_name) },
	{ "linetable", CODE, { 4, 4 }, 8, TO(code_lines) },
	{ "firstlineno", CODE, { 5, 5 }, 4, TO(code_first_line) },
	{ "co_code_adaptive", CODE, { 9, 9 }, 0, TO(code_units) },
	{ "ob_type", OBJECT, { 1, 1 }, 8, TO(object_type) },
	{ "tp_name", TYPE, { 1, 1 }, 8, TO(type_name) },
	{ "ob_size", BYTES, { 1, 1 }, 8, TO(bytes_size) },
	{ "ob_sval", BYTES, { 2, 2 }, 0, TO(bytes_data) },
	{ "state", STRING, { 1, 1 }, 4, TO(string_state) },
	{ "length", STRING, { 2, 2 }, 8, TO(string_length) },
	{ "asciiobject_size", STRING, { 3, 3 }, 8, TO(string_ascii) },
	{ "compactunicodeobject_size", STRING, { 0, 4 }, 8, TO(string_compact) },
};

/* What is read: the words, and which of the two layouts they have. */
struct debug { uint64_t word[PYTHON_DEBUG_BYTES / 8]; bool later; };

static void set(struct python_offsets *o, size_t to, int16_t value)
{
	memcpy((char *)o + to, &value, sizeof value);
}

/* The first field that does not fit into what it is a field of; NULL: they all do. */
static const struct field *take_fields(const struct debug *d, struct python_offsets *o)
{
	for (const struct field *f = fields; f < fields + sizeof fields / sizeof *fields; f++) {
		const struct group *g = &groups[f->group];
		uint64_t size = d->word[g->word[d->later]];
		uint64_t at = d->word[g->word[d->later] + f->word[d->later]];
		uint64_t most = size < (uint64_t)g->room ? size : (uint64_t)g->room;

		if (!f->word[d->later])
			continue;
		if (most < f->bytes || at > most - f->bytes || (f->bytes && at % f->bytes))
			return f;
		set(o, f->to, (int16_t)at);
	}
	return NULL;
}

/* The lock's fields are told from the start of an interpreter that has a lock of its own. */
static bool take_gil(const struct debug *d, struct python_offsets *o)
{
	enum { GIL = 10, LOCKED = 12, HOLDER = 13 };
	const uint64_t *word = d->word + groups[INTERPRETER].word[d->later];
	uint64_t locked = word[LOCKED] - word[GIL], holder = word[HOLDER] - word[GIL];

	if (locked > PYTHON_GIL_ROOM - 4 || locked % 4 ||
			holder > PYTHON_GIL_ROOM - 8 || holder % 8)
		return false;
	o->gil_locked = (int16_t)locked;
	o->gil_holder = (int16_t)holder;
	return true;
}

/* What the structure does not tell is where these two versions have it. */
static void add_rest(const struct debug *d, struct python_offsets *o)
{
	o->thread_top = (int16_t)(o->thread_chunk + 8);
	o->code_traceable = (int16_t)(o->code_units - 16);
	o->code_size = o->bytes_size;           /* of any object with a size */
	if (!d->later)
		o->string_compact = (int16_t)(o->string_ascii + 16);
}

static bool inside(int from, int bytes, int end)
{
	return from >= 0 && from + bytes <= end;
}

/* The group whose fields are not in the order they are read by; GROUPS: none. */
static int disorder(const struct python_offsets *o)
{
	int units = o->code_units;

	if (!inside(o->code_file, 8, units) || !inside(o->code_name, 8, units) ||
			!inside(o->code_lines, 8, units) || !inside(o->object_type, 8, units) ||
			!inside(o->code_size, 8, units) || o->code_traceable < 0 ||
			!inside(o->code_first_line, 4, o->code_name) ||
			!inside(o->code_first_line, 4, o->code_lines))
		return CODE;
	if (!inside(o->bytes_size, 8, o->bytes_data))
		return BYTES;
	if (!inside(o->string_state, 4, o->string_ascii) ||
			!inside(o->string_length, 8, o->string_ascii) ||
			o->string_ascii > o->string_compact ||
			!inside(o->string_compact, 8, PYTHON_STRING_ROOM))
		return STRING;
	return GROUPS;
}

static bool known(const struct debug *d, char *why, size_t room)
{
	uint64_t version = d->word[VERSION], minor = version >> 16 & 255;

	if (d->word[FREE_THREADED])
		snprintf(why, room, "CPython %u.%u built free-threaded cannot be read",
				(unsigned)(version >> 24 & 255), (unsigned)minor);
	else if (version >> 16 != V3_14 && version >> 16 != V3_15)
		snprintf(why, room, "CPython %u.%u cannot be read, only 3.8 to 3.15",
				(unsigned)(version >> 24 & 255), (unsigned)minor);
	else if (!(version & 0xff00) && (version & 0xf0) < RELEASE_CANDIDATE)
		snprintf(why, room, "CPython 3.%u before its release cannot be read",
				(unsigned)minor);
	else
		return true;
	return false;
}

/* FIELD NULL: its fields do not fit together. */
static bool refuse(const struct debug *d, int group, const char *field, char *why, size_t room)
{
	snprintf(why, room, "CPython 3.%d with changed structures cannot be read: %s%s%s does "
			"not fit", d->later ? 15 : 14, groups[group].name, field ? "." : "",
			field ? field : "");
	return false;
}

bool python_debug_offsets(const void *runtime, uint64_t size, struct python_offsets *o, char *why,
		size_t room)
{
	const struct field *f;
	struct debug d;
	uint64_t said;
	int group;

	memcpy(d.word, runtime, sizeof d.word);
	if (!known(&d, why, room))
		return false;
	d.later = d.word[VERSION] >> 16 == V3_15;
	memset(o, -1, sizeof *o);
	said = d.word[groups[RUNTIME].word[d.later]];
	if (said < PYTHON_DEBUG_BYTES || said > size)
		return refuse(&d, RUNTIME, "size", why, room);
	f = take_fields(&d, o);
	if (f)
		return refuse(&d, f->group, f->name, why, room);
	if (!take_gil(&d, o))
		return refuse(&d, INTERPRETER, "gil_runtime_state", why, room);
	add_rest(&d, o);
	group = disorder(o);
	return group == GROUPS || refuse(&d, group, NULL, why, room);
}

/* text_define.c - the definition lines of a trace in text (formats/text.md,
 * section 5).  Every number is checked against what has been defined before it
 * is used.
 */
#include "text_in.h"

#include <stdlib.h>
#include <string.h>

static void complain(struct mp_text_in *x, const char *what)
{
	if (!x->wrong)
		x->wrong = what;
}

/* ---- definitions: f[0] is the letter, f[1] the number ------------------------------- */

/* The text's next number of KIND stands for ID of the tree. */
static void define(struct mp_text_in *x, enum mp_text_ids kind, const struct mp_slice *f,
		uint32_t id)
{
	uint64_t number = mp_text_number(x, f);
	uint32_t room, *moved;

	if (x->wrong)
		return;
	if (!id || x->tree->failed) {
		complain(x, "out of memory, or over a limit of the format");
		return;
	}
	if (number != (uint64_t)x->ids[kind].n + 1) {
		complain(x, "not the next number of its letter");
		return;
	}
	if (x->ids[kind].n + 1 >= x->ids[kind].room) {
		room = x->ids[kind].room ? x->ids[kind].room * 2 : 64;
		moved = realloc(x->ids[kind].x, room * sizeof(*moved));
		if (!moved) {
			complain(x, "out of memory");
			return;
		}
		x->ids[kind].x = moved;
		x->ids[kind].room = room;
	}
	x->ids[kind].x[++x->ids[kind].n] = id;
}

static uint32_t need(struct mp_text_in *x, enum mp_text_ids kind, const struct mp_slice *f)
{
	uint32_t id = mp_text_ref(x, kind, f);

	if (!id)
		complain(x, "a number is missing");
	return id;
}

static void process(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_process p = {
		.pid = mp_text_number(x, &f[2]),
		.parent = mp_text_ref(x, MP_IDS_PROCESS, &f[3]),
		.start = mp_text_number(x, &f[4]),
		.name = mp_text_id(x, &f[5]),
		.command = mp_text_id(x, &f[6]),
		.arch = mp_text_id(x, &f[7]),
		.page = mp_text_number32(x, &f[8]),
		.namespace_ = mp_text_id(x, &f[9]),
	};

	if (!x->wrong)
		define(x, MP_IDS_PROCESS, &f[1], mp_def_process(x->tree, &p));
}

static void thread(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_thread t = {
		.process = mp_text_ref(x, MP_IDS_PROCESS, &f[2]),
		.tid = mp_text_number(x, &f[3]),
		.start = mp_text_number(x, &f[4]),
		.name = mp_text_id(x, &f[5]),
	};

	if (!x->wrong)
		define(x, MP_IDS_THREAD, &f[1], mp_def_thread(x->tree, &t));
}

static void rename_thread(struct mp_text_in *x, struct mp_slice *f)
{
	uint32_t id = need(x, MP_IDS_THREAD, &f[1]), name = mp_text_id(x, &f[2]);

	if (!x->wrong && mp_set_thread_name(x->tree, id, name))
		complain(x, "out of memory");
}

static void module(struct mp_text_in *x, struct mp_slice *f)
{
	uint32_t path = mp_text_id(x, &f[2]), build_id = mp_text_id(x, &f[3]);

	if (!x->wrong)
		define(x, MP_IDS_MODULE, &f[1], mp_def_module(x->tree, path, build_id));
}

static void mapping(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_map m = {
		.process = mp_text_ref(x, MP_IDS_PROCESS, &f[2]),
		.module = mp_text_ref(x, MP_IDS_MODULE, &f[3]),
		.base = mp_text_hex(x, &f[4]),
		.from = mp_text_hex(x, &f[5]),
		.to = mp_text_hex(x, &f[6]),
	};

	if (!x->wrong)
		define(x, MP_IDS_MAP, &f[1], mp_def_map(x->tree, &m));
}

static void code(struct mp_text_in *x, struct mp_slice *f)
{
	uint32_t function = mp_text_id(x, &f[2]), file = mp_text_id(x, &f[3]);
	uint32_t first = mp_text_number32(x, &f[4]);

	if (!x->wrong)
		define(x, MP_IDS_CODE, &f[1], mp_def_code(x->tree, function, file, first));
}

static void line(struct mp_text_in *x, struct mp_slice *f)
{
	uint32_t function = mp_text_id(x, &f[2]), file = mp_text_id(x, &f[3]);
	uint32_t number = mp_text_number32(x, &f[4]);

	if (!x->wrong)
		define(x, MP_IDS_LINE, &f[1], mp_def_line(x->tree, function, file, number));
}

static void frame(struct mp_text_in *x, struct mp_slice *f)
{
	uint32_t owner;
	enum mp_loc kind;
	uint64_t at;

	if (mp_text_is(&f[2], "native")) {
		kind = MP_LOC_NATIVE;
		owner = mp_text_ref(x, MP_IDS_MODULE, &f[3]);
		at = mp_text_hex(x, &f[4]);
	} else {
		kind = mp_text_is(&f[2], "python") ? MP_LOC_PYTHON :
			mp_text_is(&f[2], "named") ? MP_LOC_NAMED : MP_LOC_NOTE;
		if (kind == MP_LOC_NOTE && !mp_text_is(&f[2], "note"))
			complain(x, "a frame is native, python, named or note");
		owner = mp_text_ref(x, MP_IDS_CODE, &f[3]);
		at = mp_text_number32(x, &f[4]);
	}
	if (!x->wrong)
		define(x, MP_IDS_FRAME, &f[1], mp_def_location(x->tree, kind, owner, at));
}

static void node(struct mp_text_in *x, struct mp_slice *f)
{
	uint32_t parent = mp_text_ref(x, MP_IDS_NODE, &f[2]), at = need(x, MP_IDS_FRAME, &f[3]);

	if (!x->wrong)
		define(x, MP_IDS_NODE, &f[1], mp_def_node(x->tree, parent, at));
}

static void site(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_site s = {
		.process = mp_text_ref(x, MP_IDS_PROCESS, &f[2]),
		.node = mp_text_ref(x, MP_IDS_NODE, &f[3]),
		.size = mp_text_number(x, &f[4]),
		.kind = mp_text_kind_of(x, &f[5]),
		.type = mp_text_id(x, &f[6]),
		.extra = mp_text_weight(x, &f[7]),
	};

	if (!mp_site_fits(&s))
		complain(x, "a site stands for too much");
	if (!x->wrong)
		define(x, MP_IDS_SITE, &f[1], mp_def_site(x->tree, &s));
}

static void clocks(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_clock c = {
		.wall = mp_text_number(x, &f[2]),
		.monotonic = mp_text_number(x, &f[3]),
		.boottime = mp_text_number(x, &f[4]),
	};

	if (!x->wrong)
		define(x, MP_IDS_CLOCK, &f[1], mp_def_clock(x->tree, &c));
}

/* f FRAME LINE LINE ...: any number of them. */
static void frame_lines(struct mp_text_in *x, char *text, size_t n)
{
	struct mp_slice f[2];
	uint32_t frame_id = 0, lines = 0, room, *moved;
	size_t fields;

	for (fields = 0; ; fields++) {
		if (mp_tsv_split(text, n, f, 1) == 1)
			text = NULL;
		if (fields == 1)
			frame_id = need(x, MP_IDS_FRAME, &f[0]);
		if (fields > 1 && lines == x->line_room) {
			room = x->line_room ? x->line_room * 2 : 16;
			moved = realloc(x->line, room * sizeof(*moved));
			if (!moved) {
				complain(x, "out of memory");
				return;
			}
			x->line = moved;
			x->line_room = room;
		}
		if (fields > 1)
			x->line[lines++] = need(x, MP_IDS_LINE, &f[0]);
		if (!text || x->wrong)
			break;
		n -= f[0].n + 1;
		text += f[0].n + 1;
	}
	if (fields < 1)
		complain(x, "a number is missing");
	if (!x->wrong && mp_set_lines(x->tree, frame_id, x->line, lines))
		complain(x, "out of memory, or over a limit of the format");
}

/* ---- which is which ------------------------------------------------------------------ */

bool mp_text_definition(struct mp_text_in *x, char *text, size_t n)
{
	static const struct {
		char letter;
		unsigned char fields;
		void (*fn)(struct mp_text_in *, struct mp_slice *);
	} kind[] = {
		{ 'P', 10, process }, { 'T', 6, thread }, { 't', 3, rename_thread },
		{ 'M', 4, module }, { 'A', 7, mapping }, { 'C', 5, code }, { 'L', 5, line },
		{ 'F', 5, frame }, { 'N', 4, node }, { 'S', 8, site }, { 'K', 5, clocks },
	};
	struct mp_slice f[MP_TEXT_FIELDS];
	size_t i;

	if (n < 2 || text[1] != '\t')
		return false;
	mp_text_definitions(x);
	if (text[0] == 'f') {
		frame_lines(x, text, n);
		return true;
	}
	for (i = 0; i < sizeof(kind) / sizeof(*kind); i++) {
		if (kind[i].letter != text[0])
			continue;
		if (mp_text_fields(x, text, n, f, kind[i].fields))
			kind[i].fn(x, f);
		return true;
	}
	return false;
}

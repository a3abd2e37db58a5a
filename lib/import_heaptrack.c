/* import_heaptrack.c - a data file of heaptrack (as its interpreter writes it) as a
 * trace.  It names allocations by what they are, a size and a stack, not one by one:
 * a free ends the latest of those that live.
 * Invariant: live[] of an allocation's kind holds the numbers of those that live, in
 * order.
 */
#include "import.h"

#include "binary.h"
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_MAX = 3, MS = 1000000 };

struct info {                           /* a size and a stack */
	uint32_t site;
	uint32_t n, room;
	uint64_t *live;                 /* blocks */
};

struct heaptrack {
	struct mp_feed feed;
	struct mp_tree *tree;
	unsigned version;
	MP_VEC(uint32_t) string, location, node;        /* number in the file -> id */
	struct info *info;
	uint32_t infos, info_room;
	uint32_t *line;                 /* of the location at hand */
	uint32_t line_room;
	uint32_t process, thread;
	uint64_t page, time, blocks;    /* time in ns */
	bool named, ended;              /* X was seen; so was what the interpreter ends with */
};

/* "v PROGRAM FORMAT", in hex, and a line that may follow it: folded lines are not that. */
bool mp_like_heaptrack(const uint8_t *data, size_t n)
{
	size_t i = 2;

	while (i < n && (memchr("0123456789abcdef", data[i], 16) != NULL))
		i++;
	if (i < 7 || i > 10 || n < i + 4 || data[0] != 'v' || data[1] != ' ' || data[i] != ' ')
		return false;
	return data[i + 1] >= '0' && data[i + 1] <= '9' && data[i + 2] == '\n' &&
		memchr("XxAIsS#", data[i + 3], 7) != NULL;
}

static int fail(struct heaptrack *h, const char *what)
{
	return mp_feed_fail(&h->feed, what);
}

static int no_memory(struct heaptrack *h)
{
	return fail(h, "out of memory, or over a limit of the format");
}

/* ---- numbers ---------------------------------------------------------------------------- */

struct cursor { const char *s, *end; };

/* The next number, in hex behind a blank: 1, 0 at the line's end, -1. */
static int number(struct cursor *c, uint64_t *value)
{
	const char *from;

	*value = 0;
	while (c->s < c->end && *c->s == ' ')
		c->s++;
	if (c->s == c->end)
		return 0;
	for (from = c->s; c->s < c->end && *c->s != ' '; )
		c->s++;
	return mp_tsv_hex(from, (size_t)(c->s - from), value) ? 1 : -1;
}

/* The same, where one has to be: below LIMIT. */
static bool below(struct heaptrack *h, struct cursor *c, uint64_t limit, uint64_t *value)
{
	if (number(c, value) == 1 && *value < limit)
		return true;
	fail(h, "a number is missing, wrong, or of nothing in the file");
	return false;
}

/* ID as the next number of its kind. */
#define ADD(h, v, id) \
	__extension__({ \
		void *moved_ = mp_more((h)->v.x, (h)->v.n, &(h)->v.room, sizeof(*(h)->v.x)); \
		if (moved_) { \
			(h)->v.x = moved_; \
			(h)->v.x[(h)->v.n++] = (id); \
		} \
		moved_ ? 0 : no_memory(h); \
	})

/* ---- definitions -------------------------------------------------------------------------- */

/* s: a string; from version 3 on its length is told, and it may hold line feeds. */
static int string(struct heaptrack *h, struct cursor c)
{
	size_t skip = 2;
	uint64_t len;

	if (h->version >= 3) {
		if (!below(h, &c, 1 << 30, &len))
			return -1;
		skip = (size_t)(c.s - h->feed.line.s) + 1;
		while (h->feed.line.n < skip + len) {
			int got = mp_feed_line(&h->feed, true);

			if (got <= 0)
				return got < 0 ? -1 : fail(h, "a string is cut off");
		}
		if (h->feed.line.n > skip + len)
			return fail(h, "a string is longer than it says");
	}
	if (h->feed.line.n < skip)
		skip = h->feed.line.n;
	return ADD(h, string, mp_def_string(h->tree, h->feed.line.s + skip,
			h->feed.line.n - skip));
}

/* The string of that number, 0 for none. */
static bool string_of(struct heaptrack *h, uint64_t number, uint32_t *id)
{
	*id = number && number <= h->string.n ? h->string.x[number - 1] : 0;
	if (number <= h->string.n)
		return true;
	fail(h, "no such string");
	return false;
}

static int add_line(struct heaptrack *h, uint32_t *lines, uint64_t function, uint64_t file,
		uint64_t line)
{
	uint32_t *moved = mp_more(h->line, *lines, &h->line_room, sizeof(*h->line));
	uint32_t name, path;

	if (!moved)
		return no_memory(h);
	h->line = moved;
	if (!string_of(h, function, &name) || !string_of(h, file, &path))
		return -1;
	if (line > UINT32_MAX)
		return fail(h, "a line number over 32 bits");
	h->line[(*lines)++] = mp_def_line(h->tree, name, path, (uint32_t)line);
	return 0;
}

/* i ADDRESS MODULE [FUNCTION [FILE LINE [FUNCTION FILE LINE]...]]: innermost first. */
static int address(struct heaptrack *h, struct cursor c)
{
	uint64_t at, module, n[3];
	uint32_t path, owner = 0, location, lines = 0;

	if (!below(h, &c, UINT64_MAX, &at) || !below(h, &c, UINT32_MAX, &module) ||
	    !string_of(h, module, &path))
		return -1;
	if (path)
		owner = mp_def_module(h->tree, path, 0);
	location = mp_def_location(h->tree, MP_LOC_NATIVE, owner, at);
	for (int got = 1; got > 0; ) {
		got = number(&c, &n[0]);
		if (got > 0 && (number(&c, &n[1]) < 0 || number(&c, &n[2]) < 0))
			got = -1;
		if (got < 0)
			return fail(h, "not a hexadecimal number");
		if (got && add_line(h, &lines, n[0], n[1], n[2]))
			return -1;
	}
	/* without lines: it was looked up in vain, and the address is no offset to try */
	if (h->tree->failed || mp_set_lines(h->tree, location, h->line, lines))
		return no_memory(h);
	return ADD(h, location, location);
}

/* t ADDRESS PARENT: numbers of an i and a t line. */
static int trace(struct heaptrack *h, struct cursor c)
{
	uint64_t at, parent;
	uint32_t node;

	if (!below(h, &c, (uint64_t)h->location.n + 1, &at) ||
	    !below(h, &c, (uint64_t)h->node.n + 1, &parent))
		return -1;
	node = parent ? h->node.x[parent - 1] : 0;
	if (at)
		node = mp_def_node(h->tree, node, h->location.x[at - 1]);
	return h->tree->failed ? no_memory(h) : ADD(h, node, node);
}

/* a SIZE TRACE: what + and - lines refer to, from 0. */
static int allocation(struct heaptrack *h, struct cursor c)
{
	struct mp_site site = { .process = h->process };
	struct info *moved = mp_more(h->info, h->infos, &h->info_room, sizeof(*h->info));
	uint64_t trace;

	if (!moved)
		return no_memory(h);
	h->info = moved;
	if (!below(h, &c, UINT64_MAX, &site.size) ||
	    !below(h, &c, (uint64_t)h->node.n + 1, &trace))
		return -1;
	site.node = trace ? h->node.x[trace - 1] : 0;
	h->info[h->infos] = (struct info){ .site = mp_def_site(h->tree, &site) };
	return h->info[h->infos++].site ? 0 : no_memory(h);
}

/* X COMMAND, which is the process. */
static int command(struct heaptrack *h)
{
	const char *text = h->feed.line.n > 2 ? h->feed.line.s + 2 : "";
	size_t name = strcspn(text, " "), base = name;
	struct mp_process *p = &h->tree->process.x[h->process];

	if (h->named)
		return fail(h, "a second command");
	h->named = true;
	while (base && text[base - 1] != '/')
		base--;
	p->command = mp_def_cstring(h->tree, text);
	p->name = mp_def_string(h->tree, text + base, name - base);
	if (h->tree->failed || mp_put_meta(h->feed.writer, "command", text))
		return fail(h, "a command behind the first event");
	return 0;
}

/* ---- events ------------------------------------------------------------------------------ */

static int put(struct heaptrack *h, struct mp_event *e)
{
	e->time = h->time;
	e->process = h->process;
	return mp_put_event(h->feed.writer, h->tree, e) ? fail(h, "") : 0;
}

static int block(struct heaptrack *h, struct cursor c, enum mp_op op)
{
	struct mp_event e = { .op = op, .thread = h->thread };
	struct info *info;
	uint64_t at;

	if (!below(h, &c, h->infos, &at))
		return -1;
	info = &h->info[at];
	e.site = info->site;
	if (op == MP_OP_ALLOC) {
		uint64_t *moved = mp_more(info->live, info->n, &info->room, sizeof(*moved));

		if (!moved)
			return no_memory(h);
		info->live = moved;
		e.block = info->live[info->n++] = ++h->blocks;
	} else {
		/* made before heaptrack was attached: 0 */
		e.block = info->n ? info->live[--info->n] : 0;
	}
	return put(h, &e);
}

static int clock_line(struct heaptrack *h, struct cursor c)
{
	uint64_t ms;

	if (!below(h, &c, UINT64_MAX / MS, &ms))
		return -1;
	if (ms * MS < h->time)
		return fail(h, "time goes back");
	h->time = ms * MS;
	return 0;
}

static int rss(struct heaptrack *h, struct cursor c)
{
	struct mp_event e = { .op = MP_OP_SERIES, .name = "rss" };
	uint64_t pages;

	if (!below(h, &c, INT64_MAX / (h->page ? h->page : 1), &pages))
		return -1;
	if (!h->page)
		return 0;       /* nobody said how large they are */
	e.value = (int64_t)(pages * h->page);
	return put(h, &e);
}

/* ---- lines -------------------------------------------------------------------------------- */

/* v PROGRAM FORMAT: the first line. */
static int begin(struct heaptrack *h, struct cursor c)
{
	uint64_t program, format;
	char text[64];

	if (!below(h, &c, UINT32_MAX, &program) || !below(h, &c, UINT32_MAX, &format))
		return -1;
	if (!format || format > VERSION_MAX)
		return fail(h, "a version of heaptrack's format that this program does not know");
	h->version = (unsigned)format;
	if (mp_feed_begin(&h->feed, MP_TRACE))
		return -1;
	h->tree = mp_writer_tree(h->feed.writer);
	mp_set_tick(h->feed.writer, MS);
	h->process = mp_def_process(h->tree, &(struct mp_process){ 0 });
	h->thread = mp_def_thread(h->tree, &(struct mp_thread){ .process = h->process });
	snprintf(text, sizeof(text), "heaptrack %u.%u.%u", (unsigned)(program >> 16),
			(unsigned)(program >> 8 & 255), (unsigned)(program & 255));
	if (!h->process || !h->thread || mp_put_meta(h->feed.writer, "tool", text))
		return no_memory(h);
	return 0;
}

static int pages(struct heaptrack *h, struct cursor c)
{
	if (!below(h, &c, UINT32_MAX, &h->page))
		return -1;
	h->tree->process.x[h->process].page = (uint32_t)h->page;
	return 0;
}

static int one_line(struct heaptrack *h)
{
	const struct mp_buf *b = &h->feed.line;
	struct cursor c = { b->s + 1, b->s + b->n };

	switch (b->s[0]) {
	case 's':
		return string(h, c);
	case 'i':
		return address(h, c);
	case 't':
		return trace(h, c);
	case 'a':
		return allocation(h, c);
	case '+':
		return block(h, c, MP_OP_ALLOC);
	case '-':
		return block(h, c, MP_OP_FREE);
	case 'c':
		return clock_line(h, c);
	case 'R':
		return rss(h, c);
	case 'I':
		return pages(h, c);
	case 'X':
		return command(h);
	case 'A':               /* heaptrack was attached: nothing of before counts */
	case 'S':               /* leaks that heaptrack would not show */
		return 0;
	case '#':
		h->ended |= b->n > 6 && !memcmp(b->s, "# ips:", 6);
		return 0;
	case 'x':
	case 'm':
		return fail(h, "raw data of heaptrack; heaptrack --interpret reads them");
	default:
		return fail(h, "not a line of heaptrack's");
	}
}

static int step(struct mp_feed *f)
{
	struct heaptrack *h = (struct heaptrack *)f;
	int got = mp_feed_line(f, false);

	if (got < 0)
		return -1;
	if (!got) {
		f->done = true;
		return h->ended ? mp_feed_end(f) : mp_feed_cut(f, h->time);
	}
	if (!f->line.n)
		return 0;
	if (!h->tree)
		return begin(h, (struct cursor){ f->line.s + 1, f->line.s + f->line.n });
	return one_line(h);
}

static void free_state(struct mp_feed *f)
{
	struct heaptrack *h = (struct heaptrack *)f;

	for (uint32_t i = 0; i < h->infos; i++)
		free(h->info[i].live);
	free(h->info), free(h->string.x), free(h->location.x), free(h->node.x), free(h->line);
}

int mp_heaptrack_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	static const struct mp_feed_ops ops = { step, free_state };

	return mp_feed_new(sizeof(struct heaptrack), &ops, out, in, name) ? 0 : -1;
}

/* text_event.c - the event lines of a trace in text (formats/text.md, section 5).
 * An event reaches the writer only when its whole line is right, and blocks end
 * where that keeps the order of the lines.
 */
#include "text_in.h"

#include "binary.h"

#include <string.h>

static void complain(struct mp_text_in *x, const char *what)
{
	if (!x->wrong)
		x->wrong = what;
}

/* Definitions, losses and records of another kind begin a new block, as they do
 * where binary is written; and so does what comes later than a procend, which
 * has the time of its neighbour. */
static void keep_order(struct mp_text_in *x, enum mp_text_group group, uint64_t time)
{
	bool later = x->ending && time != x->end_time;

	x->ending = false;
	if (x->group == group && !later)
		return;
	x->group = group;
	if (mp_enc_close(x->writer, false) || mp_flush_other(x->writer, true))
		complain(x, "");
}

void mp_text_definitions(struct mp_text_in *x)
{
	if (x->group != MP_GROUP_NONE)
		keep_order(x, MP_GROUP_NONE, 0);
}

static void put(struct mp_text_in *x, const struct mp_event *e)
{
	static const enum mp_text_group group[] = {
		[MP_OP_ALLOC] = MP_GROUP_EVENTS, [MP_OP_FREE] = MP_GROUP_EVENTS,
		[MP_OP_PROCEND] = MP_GROUP_EVENTS, [MP_OP_SAMPLE] = MP_GROUP_SAMPLES,
		[MP_OP_SERIES] = MP_GROUP_SERIES, [MP_OP_MARK] = MP_GROUP_MARKS,
		[MP_OP_BASE] = MP_GROUP_BASE,
	};
	bool apart = !e->replace || e->replace_number;

	if (x->half && (e->op != MP_OP_ALLOC || apart || e->replace != x->half))
		complain(x, "the free before it is a replacement without its alloc");
	else if (!apart && e->op == MP_OP_ALLOC && !x->half)
		complain(x, "a replacement without its free");
	if (!x->wrong)
		keep_order(x, group[e->op], e->time);
	if (x->wrong)
		return;
	x->ending = e->op == MP_OP_PROCEND;
	x->end_time = e->time;
	x->half = !apart && e->op == MP_OP_FREE ? e->replace : 0;
	x->content = true;
	x->last_time = e->time > x->last_time ? e->time : x->last_time;
	if (mp_put_event(x->writer, x->tree, e))
		complain(x, "");        /* the writer knows what */
}

/* @NUMBER, or a stack. */
static bool reference(struct mp_slice *f)
{
	if (!f->n || f->s[0] != '@')
		return false;
	f->s++;
	f->n--;
	return true;
}

static mp_node stack(struct mp_text_in *x, const struct mp_slice *f)
{
	mp_node node = 0;
	const char *wrong = mp_text_get_stack(&x->stacks, f->s, f->n, false, &node);

	if (wrong)
		complain(x, wrong);
	return node;
}

static uint32_t required(struct mp_text_in *x, enum mp_text_ids kind, const struct mp_slice *f)
{
	uint32_t id = mp_text_ref(x, kind, f);

	if (!id)
		complain(x, kind == MP_IDS_THREAD ? "no thread" : "no process");
	return id;
}

/* The site that an alloc, a free or a base names or spells out. */
static void find_site(struct mp_text_in *x, struct mp_event *e, struct mp_slice *f)
{
	struct mp_site s = { .process = e->process };

	s.size = mp_text_number(x, &f[4]);
	s.kind = mp_text_kind_of(x, &f[5]);
	s.extra = mp_text_weight(x, &f[8]);
	if (!mp_site_fits(&s))
		complain(x, "a site stands for too much");
	if (reference(&f[6])) {
		e->site = mp_text_ref(x, MP_IDS_SITE, &f[6]);
		if (e->site && (x->tree->site.x[e->site].size != s.size ||
				x->tree->site.x[e->site].kind != s.kind ||
				x->tree->site.x[e->site].extra != s.extra))
			complain(x, "size, kind and weight are not those of the site");
	} else {
		s.node = stack(x, &f[6]);
		if (!x->wrong)
			e->site = mp_def_site(x->tree, &s);
	}
	if (!e->site)
		complain(x, x->tree->failed ? "out of memory" : "no site");
	if (x->wrong)
		return;
	s = x->tree->site.x[e->site];
	e->process = s.process;
	e->size = s.size;
	e->weight = mp_site_weight(&s);
	e->node = s.node;
	e->kind = s.kind;
	e->type = s.type;
}

static void replacement(struct mp_text_in *x, struct mp_event *e, const struct mp_slice *f)
{
	struct mp_slice word = *f, number;
	char *colon = f->n ? memchr(f->s, ':', f->n) : NULL;
	uint32_t i;

	if (!f->n)
		return;
	word.n = colon ? (size_t)(colon - f->s) : f->n;
	number = (struct mp_slice){ f->s + word.n + 1, colon ? f->n - word.n - 1 : 0 };
	for (i = MP_REPLACE_REALLOC; i <= MP_REPLACE_OVERLAP; i++)
		if (mp_text_is(&word, mp_text_replace_name(i)))
			e->replace = i;
	e->replace_number = mp_text_number(x, &number);
	if (!e->replace || (colon && !e->replace_number))
		complain(x, "a replacement is realloc, mremap, partial, brk or overlap");
}

static void block(struct mp_text_in *x, struct mp_event *e, struct mp_slice *f)
{
	e->time = mp_text_number(x, &f[1]);
	e->thread = required(x, MP_IDS_THREAD, &f[2]);
	e->process = x->tree->thread.x[e->thread].process;
	e->block = mp_text_number(x, &f[3]);
	replacement(x, e, &f[7]);
	if (e->op == MP_OP_FREE && e->block > x->last_block)
		complain(x, "no such block");
	if (e->op == MP_OP_FREE && (e->block || !f[6].n))
		return;         /* the writer knows the block */
	find_site(x, e, f);
	if (e->op != MP_OP_FREE && e->block > x->last_block)
		x->last_block = e->block;
	if (!e->block && e->op != MP_OP_FREE)
		complain(x, "a block has a number");
	if (e->op == MP_OP_BASE && e->replace)
		complain(x, "what lives before the first event replaces nothing");
}

static void alloc(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_ALLOC };

	block(x, &e, f);
	put(x, &e);
}

static void release(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_FREE };

	block(x, &e, f);
	put(x, &e);
}

static void base(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_BASE };

	block(x, &e, f);
	put(x, &e);
}

static void procend(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_PROCEND };

	e.time = mp_text_number(x, &f[1]);
	e.process = required(x, MP_IDS_PROCESS, &f[2]);
	put(x, &e);
}

static void sample(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_SAMPLE };

	e.time = mp_text_number(x, &f[1]);
	e.thread = mp_text_ref(x, MP_IDS_THREAD, &f[2]);
	e.process = x->tree->thread.x[e.thread].process;
	e.weight = mp_text_number(x, &f[3]);
	e.state = mp_text_number32(x, &f[4]);
	e.rss = mp_text_number(x, &f[5]);
	if (e.weight > INT64_MAX || e.rss > INT64_MAX)
		complain(x, "a number over 63 bits");
	e.node = reference(&f[6]) ? mp_text_ref(x, MP_IDS_NODE, &f[6]) : stack(x, &f[6]);
	put(x, &e);
}

/* The name goes to the writer as a string of the tree, so that it lives. */
static void name_value(struct mp_text_in *x, struct mp_event *e, const struct mp_slice *f)
{
	e->name = mp_str(x->tree, mp_text_id(x, &f[0]));
	e->value = mp_text_signed(x, &f[1]);
}

static void series(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_SERIES };

	e.time = mp_text_number(x, &f[1]);
	e.process = mp_text_ref(x, MP_IDS_PROCESS, &f[2]);
	name_value(x, &e, &f[3]);
	put(x, &e);
}

static void mark(struct mp_text_in *x, struct mp_slice *f)
{
	struct mp_event e = { .op = MP_OP_MARK };

	e.time = mp_text_number(x, &f[1]);
	e.thread = mp_text_ref(x, MP_IDS_THREAD, &f[2]);
	e.process = mp_text_ref(x, MP_IDS_PROCESS, &f[3]);
	name_value(x, &e, &f[4]);
	put(x, &e);
}

static void lost(struct mp_text_in *x, struct mp_slice *f)
{
	uint64_t events = mp_text_number(x, &f[1]), bytes = mp_text_number(x, &f[2]);

	if (!x->wrong)
		keep_order(x, MP_GROUP_NONE, 0);
	if (!x->wrong)
		mp_enc_lost(x->writer, events, bytes);
}

static void end(struct mp_text_in *x, struct mp_slice *f)
{
	(void)f;
	x->ended = true;
}

void mp_text_event(struct mp_text_in *x, char *line, size_t n)
{
	static const struct {
		const char *name;
		size_t fields;
		void (*fn)(struct mp_text_in *, struct mp_slice *);
	} kind[] = {
		{ "alloc", 9, alloc }, { "free", 9, release }, { "base", 9, base },
		{ "procend", 3, procend }, { "sample", 7, sample }, { "series", 5, series },
		{ "mark", 6, mark }, { "lost", 3, lost }, { "end", 1, end },
	};
	struct mp_slice f[MP_TEXT_FIELDS];
	char *tab = memchr(line, '\t', n);
	struct mp_slice word = { line, tab ? (size_t)(tab - line) : n };
	size_t i;

	if (x->ended) {
		complain(x, "a line behind the end of the trace");
		return;
	}
	for (i = 0; i < sizeof(kind) / sizeof(*kind); i++) {
		if (!mp_text_is(&word, kind[i].name))
			continue;
		if (mp_text_fields(x, line, n, f, kind[i].fields)) {
			kind[i].fn(x, f);
		}
		return;
	}
	complain(x, "neither a definition nor an event");
}

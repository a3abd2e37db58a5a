/* where.c - conditions, one by one; see where.h.
 * Invariant: a condition without alternatives is none.
 */
#include "where.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct mp_where *w, const char *what)
{
	snprintf(w->error, sizeof(w->error), "%s", what);
	return -1;
}

/* Room for one more in an array of N; false: no memory. */
static bool more(void *array, size_t n, size_t size)
{
	void *old, *x;

	memcpy(&old, array, sizeof(old));
	x = reallocarray(old, n + 1, size);
	if (x)
		memcpy(array, &x, sizeof(x));
	return x != NULL;
}

static int add_name(struct mp_where *w, struct mp_names *names, const char *text)
{
	if (!more(&names->x, names->n, sizeof(*names->x)))
		return fail(w, "");
	names->x[names->n++] = text;
	return 0;
}

static int add_regex(struct mp_where *w, struct mp_regexes *list, const char *text)
{
	regex_t *re = malloc(sizeof(*re));
	int wrong;

	if (!re || !more(&list->x, list->n, sizeof(*list->x))) {
		free(re);
		return fail(w, "");
	}
	wrong = regcomp(re, text, REG_EXTENDED | REG_NOSUB);
	if (wrong) {
		fail(w, "");
		if (wrong != REG_ESPACE)
			regerror(wrong, re, w->error, sizeof(w->error));
		free(re);
		return -1;
	}
	list->x[list->n++] = re;
	return 0;
}

static int add_kind(struct mp_where *w, const char *text)
{
	static const struct { const char *name; enum mp_class class; } classes[] = {
		{"heap", MP_CLASS_HEAP}, {"object", MP_CLASS_OBJECT}, {"map", MP_CLASS_MAP},
		{"file", MP_CLASS_FILE}, {"arena", MP_CLASS_ARENA},
		{"runtime", MP_CLASS_RUNTIME},
	};
	uint32_t kind = mp_alloc_by_name(text);
	uint64_t kinds = kind ? 1ull << kind : 0;

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		for (kind = 1; strcmp(classes[i].name, text) == 0 && kind < 64; kind++)
			if (mp_alloc_class(kind) == classes[i].class)
				kinds |= 1ull << kind;
	if (!kinds)
		return fail(w, "neither an allocator nor a class of them");
	w->kinds |= kinds;
	return 0;
}

int mp_where_text(struct mp_where *w, enum mp_where_text which, const char *text)
{
	if (which == MP_WHERE_KIND)
		return add_kind(w, text);
	if (which < MP_WHERE_KIND)
		return add_name(w, &w->name[which], text);
	return add_regex(w, &w->frame[which - MP_WHERE_FUNCTION], text);
}

int mp_where_span(struct mp_where *w, enum mp_where_number which, uint64_t least, uint64_t most)
{
	struct mp_spans *s = &w->number[which];

	if (!more(&s->x, s->n, sizeof(*s->x)))
		return fail(w, "");
	s->x[s->n++] = (struct mp_span){ least, most };
	return 0;
}

bool mp_in_spans(const struct mp_spans *s, uint64_t value)
{
	for (size_t i = 0; i < s->n; i++)
		if (value >= s->x[i].least && value <= s->x[i].most)
			return true;
	return !s->n;
}

static bool frames(const struct mp_where *w)
{
	return w->frame[0].n || w->frame[1].n || w->frame[2].n;
}

static bool processes(const struct mp_where *w)
{
	return w->name[MP_WHERE_PROCESS].n || w->number[MP_WHERE_PID].n;
}

/* A condition on anything but the process. */
static bool others(const struct mp_where *w)
{
	return frames(w) || w->name[MP_WHERE_THREAD].n || w->kinds ||
		w->number[MP_WHERE_SIZE].n || w->number[MP_WHERE_LIFETIME].n;
}

bool mp_where_any(const struct mp_where *w)
{
	return processes(w) || others(w);
}

bool mp_where_late(const struct mp_where *w)
{
	/* the module of a frame is known at once, but which one is shown is not */
	return w->frame[0].n || w->frame[1].n || w->name[MP_WHERE_THREAD].n ||
		(w->self && frames(w));
}

void mp_where_free(struct mp_where *w)
{
	for (int i = 0; i < 3; i++) {
		for (size_t k = 0; k < w->frame[i].n; k++) {
			regfree(w->frame[i].x[k]);
			free(w->frame[i].x[k]);
		}
		free(w->frame[i].x);
	}
	for (int i = 0; i < MP_WHERE_NUMBERS; i++)
		free(w->number[i].x);
	free(w->name[0].x);
	free(w->name[1].x);
	memset(w, 0, sizeof(*w));
}

/* ---- on a tree --------------------------------------------------------------------- */

enum { FUNCTION = 1, FILE_ = 2, MODULE = 4, ALL = 7, KNOWN = 8 };
enum { UNKNOWN, NO, YES };

struct memo { uint8_t *x; uint32_t n; };

struct mp_choice {
	const struct mp_where *w;
	const struct mp_tree *t;
	struct memo location, node;             /* bits */
	struct memo site, thread, process;      /* UNKNOWN, NO, YES */
	uint32_t nodes;                         /* those up to it are known */
	struct mp_frame *frame;
	size_t frames;
	bool failed;
};

struct mp_choice *mp_choice_new(const struct mp_where *w, const struct mp_tree *t)
{
	struct mp_choice *c = calloc(1, sizeof(*c));

	if (c) {
		c->w = w;
		c->t = t;
	}
	return c;
}

void mp_choice_free(struct mp_choice *c)
{
	if (!c)
		return;
	free(c->location.x), free(c->node.x), free(c->frame);
	free(c->site.x), free(c->thread.x), free(c->process.x);
	free(c);
}

bool mp_choice_failed(const struct mp_choice *c)
{
	return c->failed;
}

/* The place of entry ID, of N there are now; NULL when memory is out. */
static uint8_t *place(struct mp_choice *c, struct memo *m, uint32_t id, uint32_t n)
{
	uint8_t *x;

	if (id < m->n)
		return &m->x[id];
	n += n / 2 + 1;
	x = realloc(m->x, n);
	if (!x) {
		c->failed = true;
		return NULL;
	}
	memset(x + m->n, 0, n - m->n);
	m->x = x;
	m->n = n;
	return &x[id];
}

static bool matches(struct mp_choice *c, int which, const char *text)
{
	const struct mp_regexes *list = &c->w->frame[which];

	for (size_t i = 0; i < list->n; i++) {
		errno = 0;
		if (regexec(list->x[i], text, 0, NULL, 0) == 0)
			return true;
		c->failed |= errno == ENOMEM;   /* glibc calls this no match, too */
	}
	return !list->n;
}

/* Which of the conditions on frames this one meets. */
static uint8_t frame_bits(struct mp_choice *c, const struct mp_frame *f)
{
	const char *function = f->flags & MP_FRAME_UNRESOLVED ? "" : f->func;

	return (uint8_t)((matches(c, 0, function) ? FUNCTION : 0) |
			(matches(c, 1, f->file) ? FILE_ : 0) |
			(matches(c, 2, f->module) ? MODULE : 0));
}

/* Those that any frame of NODE's location meets. */
static uint8_t location_bits(struct mp_choice *c, uint32_t node)
{
	uint32_t location = c->t->node.x[node].location;
	uint8_t *bits = place(c, &c->location, location, c->t->location.n);
	size_t n = mp_frames(c->t, node, c->frame, c->frames);

	if (!bits || *bits & KNOWN)
		return bits ? *bits : 0;
	if (n > c->frames) {
		struct mp_frame *frame = reallocarray(c->frame, n, sizeof(*frame));

		if (!frame) {
			c->failed = true;
			return 0;
		}
		c->frame = frame;
		c->frames = n;
		mp_frames(c->t, node, frame, n);
	}
	*bits = KNOWN;
	for (size_t i = 0; i < n; i++)
		*bits |= frame_bits(c, &c->frame[i]);
	return *bits;
}

static bool node_fits(struct mp_choice *c, uint32_t node)
{
	uint8_t none = (uint8_t)((c->w->frame[0].n ? 0 : FUNCTION) |
			(c->w->frame[1].n ? 0 : FILE_) | (c->w->frame[2].n ? 0 : MODULE));
	struct mp_frame f;
	uint8_t *bits;

	if (none == ALL)
		return true;
	if (!node || node > c->t->node.n)
		return false;
	bits = place(c, &c->node, node, c->t->node.n);
	if (!bits)
		return false;
	if (c->w->self && !(*bits & KNOWN))
		*bits = KNOWN | (mp_shown(c->t, node, MP_SHOW_DEFAULT, &f, 1) ?
				frame_bits(c, &f) : 0);
	while (!c->w->self && c->nodes < node && !c->failed) {
		uint32_t i = ++c->nodes;        /* its parent comes before it */

		c->node.x[i] = location_bits(c, i) | c->node.x[c->t->node.x[i].parent];
	}
	return ((*bits | none) & ALL) == ALL;
}

static bool has_name(const struct mp_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->x[i], name) == 0)
			return true;
	return !names->n;
}

static bool process_fits(struct mp_choice *c, uint32_t id)
{
	uint8_t *memo;
	const struct mp_process *p;

	if (!processes(c->w))
		return true;
	if (!id || id > c->t->process.n)
		return false;
	memo = place(c, &c->process, id, c->t->process.n);
	if (memo && *memo == UNKNOWN) {
		p = &c->t->process.x[id];
		*memo = has_name(&c->w->name[MP_WHERE_PROCESS], mp_str(c->t, p->name)) &&
			mp_in_spans(&c->w->number[MP_WHERE_PID], p->pid) ? YES : NO;
	}
	return memo && *memo == YES;
}

/* Whether a name is one of those asked for, or is the number of a thread. */
static bool names_thread(const struct mp_names *names, const char *name, uint64_t tid)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)tid);
	return has_name(names, name) || (tid && has_name(names, number));
}

static bool thread_fits(struct mp_choice *c, uint32_t id)
{
	const struct mp_names *names = &c->w->name[MP_WHERE_THREAD];
	const struct mp_thread *t;
	uint8_t *memo;

	if (!names->n)
		return true;
	if (!id || id > c->t->thread.n)
		return false;
	memo = place(c, &c->thread, id, c->t->thread.n);
	if (memo && *memo == UNKNOWN) {
		t = &c->t->thread.x[id];
		*memo = names_thread(names, mp_str(c->t, t->name), t->tid) ? YES : NO;
	}
	return memo && *memo == YES;
}

static bool kind_fits(const struct mp_where *w, uint32_t kind)
{
	return !w->kinds || (kind < 64 && w->kinds >> kind & 1);
}

static bool site_fits(struct mp_choice *c, uint32_t id)
{
	uint8_t *memo = place(c, &c->site, id, c->t->site.n);
	const struct mp_site *s = &c->t->site.x[id];

	if (memo && *memo == UNKNOWN)
		*memo = process_fits(c, s->process) && kind_fits(c->w, s->kind) &&
			mp_in_spans(&c->w->number[MP_WHERE_SIZE], s->size) &&
			node_fits(c, s->node) ? YES : NO;
	return memo && *memo == YES;
}

bool mp_choose(struct mp_choice *c, uint32_t site, uint32_t thread, bool alive)
{
	return (alive && site_fits(c, site) && thread_fits(c, thread)) != c->w->drop;
}

bool mp_choose_sample(struct mp_choice *c, uint32_t process, uint32_t thread, uint32_t node)
{
	bool fits = !c->w->kinds && !c->w->number[MP_WHERE_SIZE].n &&
		!c->w->number[MP_WHERE_LIFETIME].n;

	return (fits && process_fits(c, process) && thread_fits(c, thread) &&
			node_fits(c, node)) != c->w->drop;
}

bool mp_choose_process(struct mp_choice *c, uint32_t process)
{
	if (!processes(c->w) || (c->w->drop && others(c->w)))
		return true;
	return process_fits(c, process) != c->w->drop;
}

bool mp_choose_row(struct mp_choice *c, const struct mp_ids *k)
{
	const struct mp_where *w = c->w;
	const struct mp_names *thread = &w->name[MP_WHERE_THREAD];

	return (has_name(&w->name[MP_WHERE_PROCESS], mp_str(c->t, k->process)) &&
			mp_in_spans(&w->number[MP_WHERE_PID], k->pid) &&
			(!thread->n || names_thread(thread, mp_str(c->t, k->thread), k->tid)) &&
			kind_fits(w, k->kind) && node_fits(c, k->node)) != w->drop;
}

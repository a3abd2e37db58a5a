/* course.c - see course.h. */
#include "course.h"

#include "tree.h"

#include <stdlib.h>
#include <string.h>

static const struct { const char *name, *unit; } own[MP_COURSE_KINDS] = {
	[MP_COURSE_LIVE] = {"live", "B"},
	[MP_COURSE_HEAP] = {"heap", "B"},
	[MP_COURSE_OBJECTS] = {"objects", "B"},
	[MP_COURSE_MAPS] = {"maps", "B"},
	[MP_COURSE_FILES] = {"files", "B"},
	[MP_COURSE_LOST] = {"lost", "B"},
	[MP_COURSE_BLOCKS] = {"blocks", "count"},
	[MP_COURSE_END] = {"end", "B"},
	[MP_COURSE_ALLOCS] = {"allocs", "count"},
	[MP_COURSE_ALLOC_BYTES] = {"alloc_bytes", "B"},
	[MP_COURSE_FREES] = {"frees", "count"},
	[MP_COURSE_FREE_BYTES] = {"free_bytes", "B"},
	[MP_COURSE_SAMPLES] = {"samples", "count"},
	[MP_COURSE_CPU] = {"cpu", "ns"},
};

/* A series may be called like another line. */
static char *name_of(const struct mp_course *c, const char *name)
{
	char *made;

	for (size_t i = 0; i < c->n; i++)
		if (c->line[i].name && !strcmp(c->line[i].name, name))
			return asprintf(&made, "%s#%zu", name, c->n + 1) < 0 ? NULL : made;
	return strdup(name);
}

static enum mp_course_kind kind_of(const struct mp_timeline *t, uint32_t cell)
{
	switch (mp_alloc_class(t->tree->site.x[t->cell[cell].site].kind)) {
	case MP_CLASS_OBJECT:
		return MP_COURSE_OBJECTS;
	case MP_CLASS_MAP:
	case MP_CLASS_ARENA: /* counted: objects are not traced */
		return MP_COURSE_MAPS;
	case MP_CLASS_FILE:
		return MP_COURSE_FILES;
	case MP_CLASS_NONE:
	case MP_CLASS_HEAP:
	case MP_CLASS_RUNTIME:
	case MP_CLASSES:
	default:
		return MP_COURSE_HEAP;
	}
}

/* Levels, summed over the cells of a class. */
static int fill_classes(struct mp_course *c)
{
	const struct mp_timeline *t = c->t;
	uint64_t *held = calloc((size_t)t->cells + 1, sizeof(*held)), sum[MP_COURSE_KINDS] = {0};
	struct mp_cursor at = {0};
	struct mp_level l;
	bool more = mp_next_level(t, &at, &l);

	for (uint32_t b = 0; held && b < t->n; b++) {
		for (; more && l.bucket == b; more = mp_next_level(t, &at, &l)) {
			sum[kind_of(t, l.cell)] +=
				(l.count - held[l.cell]) * mp_timeline_size(t, l.cell);
			held[l.cell] = l.count;
		}
		for (int k = MP_COURSE_HEAP; k <= MP_COURSE_FILES; k++)
			c->line[k].value[b] = (int64_t)sum[k];
	}
	free(held);
	return held ? 0 : -1;
}

static void fill_own(struct mp_course *c)
{
	struct mp_course_line *line = c->line;

	for (uint32_t i = 0; i < c->t->n; i++) {
		const struct mp_bucket *b = &c->t->bucket[i];

		line[MP_COURSE_LIVE].value[i] = (int64_t)b->max_bytes;
		line[MP_COURSE_LOST].value[i] = b->lost_bytes;
		line[MP_COURSE_BLOCKS].value[i] = (int64_t)b->max_blocks;
		line[MP_COURSE_END].value[i] = (int64_t)b->end_bytes;
		line[MP_COURSE_ALLOCS].value[i] = (int64_t)b->allocs;
		line[MP_COURSE_ALLOC_BYTES].value[i] = (int64_t)b->alloc_bytes;
		line[MP_COURSE_FREES].value[i] = (int64_t)b->frees;
		line[MP_COURSE_FREE_BYTES].value[i] = (int64_t)b->free_bytes;
		line[MP_COURSE_SAMPLES].value[i] = (int64_t)b->samples;
		line[MP_COURSE_CPU].value[i] = (int64_t)b->cpu;
	}
}

int mp_course_make(struct mp_course *c, const struct mp_timeline *t)
{
	size_t lines = MP_COURSE_KINDS + t->n_series;

	*c = (struct mp_course){.t = t, .line = calloc(lines, sizeof(*c->line))};
	for (size_t i = 0; c->line && i < lines; i++) {
		struct mp_course_line *l = &c->line[i];
		size_t s = i - MP_COURSE_KINDS;

		l->name = name_of(c, i < MP_COURSE_KINDS ? own[i].name : t->series[s].name);
		if (!l->name)
			return -1;
		c->n++;
		l->unit = i < MP_COURSE_KINDS ? own[i].unit
			  : strncmp(l->name, "rss", 3) && strcmp(l->name, "pss") ? "count" : "B";
		if (i >= MP_COURSE_KINDS)
			memcpy(l->value, t->series[s].max, sizeof(l->value));
	}
	if (!c->line || fill_classes(c))
		return -1;
	fill_own(c);
	for (size_t i = 0; i < c->n; i++) {
		c->line[i].most = -1;
		for (uint32_t b = 0; b < t->n; b++)
			if (c->line[i].value[b] > c->line[i].most)
				c->line[i].most = c->line[i].value[b];
	}
	return 0;
}

void mp_course_free(struct mp_course *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->line[i].name);
	free(c->line);
	*c = (struct mp_course){0};
}

uint64_t mp_course_edge(const struct mp_course *c, uint32_t i)
{
	const struct mp_timeline *t = c->t;
	uint64_t edge = t->from + i * t->width;

	/* the last bucket may begin, and so be, at the very end */
	return i < t->n || edge <= t->end ? edge : t->end > t->from + (i - 1) * t->width ? t->end : edge;
}

/* ---- what is drawn -------------------------------------------------------------------- */

static void add_panel(const struct mp_course *c, struct mp_panel *panel, size_t *n,
	const struct mp_course_line *line, const char *title, const char *unit)
{
	struct mp_panel *p = &panel[*n];
	uint32_t last = c->t->n;

	*p = (struct mp_panel){.title = title, .unit = unit, .most = -1};
	while (last && line->value[last - 1] < 0)
		last--;
	for (uint32_t i = 0; i < c->t->n; i++) {
		double ns = (double)(mp_course_edge(c, i + 1) - mp_course_edge(c, i));
		double v = (double)line->value[i];

		if (v < 0 && i && i < last) { /* what was read holds till the next reading */
			p->value[i] = p->value[i - 1];
			continue;
		}
		p->value[i] = v < 0                 ? -1
			      : !strcmp(unit, "B/s") ? v * 1e9 / ns
			      : !strcmp(unit, "%")   ? v * 100 / ns
						     : v;
		if (p->value[i] > p->most) {
			p->most = p->value[i];
			p->at = i;
		}
	}
	p->time = line == &c->line[MP_COURSE_LIVE] && c->t->n ? c->t->bucket[p->at].max_time
							      : mp_course_edge(c, p->at);
	*n += p->most > 0;
}

static bool differ(const struct mp_course *c, enum mp_course_kind a, enum mp_course_kind b)
{
	return memcmp(c->line[a].value, c->line[b].value, sizeof(c->line[a].value)) != 0;
}

size_t mp_course_panels(const struct mp_course *c, struct mp_panel panel[MP_COURSE_PANELS])
{
	size_t n = 0;

	for (size_t i = MP_COURSE_KINDS; i < c->n && !n; i++)
		if (!strcmp(c->line[i].name, "rss"))
			add_panel(c, panel, &n, &c->line[i], "resident set", "B");
	add_panel(c, panel, &n, &c->line[MP_COURSE_LIVE], "live", "B");
	if (differ(c, MP_COURSE_OBJECTS, MP_COURSE_LIVE))
		add_panel(c, panel, &n, &c->line[MP_COURSE_OBJECTS], "live objects", "B");
	if (differ(c, MP_COURSE_HEAP, MP_COURSE_LIVE))
		add_panel(c, panel, &n, &c->line[MP_COURSE_HEAP], "live heap", "B");
	add_panel(c, panel, &n, &c->line[MP_COURSE_ALLOC_BYTES], "allocated", "B/s");
	add_panel(c, panel, &n, &c->line[MP_COURSE_CPU], "CPU", "%");
	return n;
}

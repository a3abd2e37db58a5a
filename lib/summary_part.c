/* summary_part.c - a part that was read to its end, added to the summary.
 * Invariant: the amounts by size, by counted kind and by process each add up to
 * what was allocated.
 */
#include "arena.h"
#include "io.h"
#include "summary_own.h"

#include <stdlib.h>
#include <string.h>

static int add_amount(struct mp_amount *to, int64_t bytes, int64_t count)
{
	return __builtin_add_overflow(to->bytes, bytes, &to->bytes) ||
	       __builtin_add_overflow(to->count, count, &to->count);
}

/* COUNT recorded blocks of a site; true if that is over 63 bits. */
static bool amount_of(const struct mp_site *site, int64_t count, struct mp_amount *a)
{
	return site->size > INT64_MAX ||
	       __builtin_mul_overflow(count, (int64_t)mp_site_weight(site), &a->count) ||
	       __builtin_mul_overflow(count, (int64_t)mp_site_bytes(site), &a->bytes);
}

static int too_large(struct mp_summary *s)
{
	return summary_fail(s, "a sum is over 63 bits");
}

static const char *keep(struct mp_summary *s, const char *text)
{
	char *copy = mp_arena_copy(s->own->strings, text, strlen(text));

	return copy ? copy : "";
}

/* ---- by process ------------------------------------------------------------------------- */

static int add_processes(struct mp_summary *s)
{
	const struct mp_tree *t = s->own->tree;
	size_t n = s->processes + t->process.n + 1;
	struct mp_summary_process *p = realloc(s->process, n * sizeof(*p));

	if (!p)
		return summary_fail(s, "out of memory");
	s->process = p;
	/* [0]: sites without a process; dropped again if there is none */
	for (uint32_t i = 0; i <= t->process.n; i++)
		p[s->processes + i] = (struct mp_summary_process){
			.pid = t->process.x[i].pid,
			.start = t->process.x[i].start,
			.name = keep(s, mp_str(t, t->process.x[i].name)),
			.command = keep(s, mp_str(t, t->process.x[i].command)),
		};
	return 0;
}

static void end_processes(struct mp_summary *s)
{
	struct mp_summary_process *p = s->process + s->processes;
	uint32_t n = s->own->tree->process.n, none = 0;

	if (!p->allocated.count && !p->live.count) {
		memmove(p, p + 1, n * sizeof(*p));
		none = 1;
	}
	s->processes += n + 1 - none;
}

static struct mp_summary_process *process_of(struct mp_summary *s, uint32_t site)
{
	return &s->process[s->processes + mp_process_of(s->own->r, site)];
}

/* ---- peak and live ---------------------------------------------------------------------- */

/* As in view_rows.c: after damage a count may be below 0. */
static int64_t number(const struct replay *r, uint32_t count)
{
	return r->was_damaged ? (int32_t)count : (int64_t)count;
}

static int add_cell(struct mp_summary *s, struct mp_amount *to, uint32_t cell, uint32_t count)
{
	const struct replay *r = s->own->r;
	uint32_t site = r->cell[cell].site;
	struct mp_amount a;

	if (!cell || !count)
		return 0;
	if (amount_of(&r->tree->site.x[site], number(r, count), &a) ||
		add_amount(to, a.bytes, a.count))
		return too_large(s);
	if (to == &s->live && add_amount(&process_of(s, site)->live, a.bytes, a.count))
		return too_large(s);
	return 0;
}

static int add_peak(struct mp_summary *s)
{
	const struct replay *r = s->own->r;
	bool then = r->lost.stamp == r->scope->epoch;
	int status = 0;

	for (uint32_t i = 1; !status && i <= r->cells; i++) {
		const struct cell *c = &r->cell[i];

		status = add_cell(s, &s->peak, i,
			c->stamp == mp_scope_of(r, c)->epoch ? c->at : c->live);
	}
	if (!status && add_amount(&s->peak, (int64_t)(then ? r->lost.at_bytes : r->lost.bytes),
			       (int64_t)(then ? r->lost.at_blocks : r->lost.blocks)))
		status = too_large(s);
	s->peak_time = s->parts ? 0 : r->scope->when;
	return status;
}

static int add_live(struct mp_summary *s)
{
	const struct replay *r = s->own->r;
	int status = 0;

	for (size_t i = 0; !status && i < r->lefts; i++)
		status = add_cell(s, &s->live, r->left[i].cell, r->left[i].count);
	for (uint32_t i = 1; !status && i <= r->cells; i++)
		if (!r->done[mp_process_of(r, r->cell[i].site)] &&
			!(r->cell[i].thread & CELL_BASE))
			status = add_cell(s, &s->live, i, r->cell[i].live);
	if (!status &&
		add_amount(&s->live, (int64_t)r->lost.bytes, (int64_t)r->lost.blocks))
		status = too_large(s);
	return status;
}

/* ---- what was allocated -------------------------------------------------------------------- */

static int add_kind(struct mp_summary *s, uint32_t kind, bool counted, const struct mp_amount *a)
{
	struct mp_summary_kind *k = s->kind;
	size_t i = 0;

	while (i < s->kinds && (k[i].kind != kind || k[i].counted != counted))
		i++;
	if (i == s->kinds) {
		k = realloc(k, (i + 1) * sizeof(*k));
		if (!k)
			return summary_fail(s, "out of memory");
		s->kind = k;
		k[s->kinds++] = (struct mp_summary_kind){.kind = kind, .counted = counted};
	}
	return add_amount(&k[i].sum, a->bytes, a->count) ? too_large(s) : 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct mp_summary_kind *x = a, *y = b;

	if (x->counted != y->counted)
		return x->counted ? -1 : 1;
	if (x->sum.bytes != y->sum.bytes)
		return x->sum.bytes < y->sum.bytes ? 1 : -1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

static int add_site(struct mp_summary *s, const struct mp_site *site, uint32_t id)
{
	uint64_t made = s->own->made[id];
	bool counted = mp_counts(s->own->tree, site->kind);
	unsigned log = site->size ? 64 - (unsigned)__builtin_clzll(site->size) : 0;
	struct mp_amount a, *process = &process_of(s, id)->allocated;

	if (made > INT64_MAX || amount_of(site, (int64_t)made, &a))
		return too_large(s);
	if (add_kind(s, site->kind, counted, &a))
		return -1;
	if (!counted)
		return 0;
	if (add_amount(&s->allocated, a.bytes, a.count) ||
		add_amount(&s->size[log], a.bytes, a.count) ||
		add_amount(process, a.bytes, a.count))
		return too_large(s);
	return 0;
}

static int add_sites(struct mp_summary *s)
{
	const struct mp_tree *t = s->own->tree;
	uint32_t n = t->site.n < s->own->made_room ? t->site.n : s->own->made_room - 1;

	for (uint32_t i = 1; s->own->made && i <= n; i++)
		if (s->own->made[i] && add_site(s, &t->site.x[i], i))
			return -1;
	return 0;
}

/* Rows by stack, once nothing else looks at the tree: it may be taken over. */
static int add_rows(struct mp_summary *s)
{
	const struct mp_column column[] = {
		{"bytes", "B", "total", MP_SUM}, {"count", "count", "total", MP_SUM}};
	struct mp_summary_own *o = s->own;
	struct mp_profile *p = s->total;
	const struct mp_tree *t = o->tree;
	struct mp_tree_map map;
	int status = 0;

	if (!p->rows && !p->columns && !p->tree->node.n)
		p->tree = mp_reader_swap_tree(o->reader, p->tree);
	if (mp_profile_column(p, &column[0]) < 0 || mp_profile_column(p, &column[1]) < 0)
		return -1;
	mp_tree_map_init(&map, p->tree, t);
	for (uint32_t i = 1; o->made && !status && i <= t->site.n && i < o->made_room; i++) {
		const struct mp_site *site = &t->site.x[i];
		struct mp_ids ids = {.node = 0};
		int64_t value[2] = {(int64_t)(mp_site_bytes(site) * o->made[i]),
			(int64_t)(mp_site_weight(site) * o->made[i])};

		if (!o->made[i] || !mp_counts(t, site->kind))
			continue;
		ids.node = mp_map_node(&map, site->node);
		status = p->tree->failed ? summary_fail(s, "out of memory")
					 : mp_add_ids(p, &ids, value);
	}
	mp_map_late_lines(&map);
	mp_tree_map_free(&map);
	return status;
}

/* ---- the rest --------------------------------------------------------------------------------- */

static int add_meta(struct mp_summary *s)
{
	const char *key, *value;

	for (size_t i = 0; mp_meta_at(s->own->reader, i, &key, &value); i++)
		if (mp_profile_union_meta(s->total, key, value))
			return -1;
	return mp_profile_union_meta(s->total, "view", "total");
}

int summary_part_end(struct mp_summary *s)
{
	struct mp_summary_own *o = s->own;
	const struct mp_tree *t = o->tree;
	uint64_t tick = mp_reader_tick(o->reader);

	o->damaged |= o->r->was_damaged;
	s->sampled |= mp_part_loss(o->reader).sample_interval > 0;
	if (s->sampled)
		s->temporary = (struct mp_amount){0};
	summary_heap_end(s);
	if (!s->parts && t->clock.n)
		s->start = t->clock.x[1].wall;
	s->duration += o->end;
	s->threads += t->thread.n;
	s->tick = tick > s->tick ? tick : s->tick;
	if (add_processes(s) || add_peak(s) || add_live(s) || add_sites(s))
		return -1;
	end_processes(s);
	if (s->kinds)
		qsort(s->kind, s->kinds, sizeof(*s->kind), by_bytes);
	if (add_meta(s) || add_rows(s))
		return -1;
	s->parts++;
	return 0;
}

/* report_weight.c - how much of a screen each stack, line and module could ever claim:
 * its largest share of anything a window may show.
 * Invariant: a node is never heavier than its parent, so what is kept is a tree.
 */
#include "report_own.h"

#include <stdlib.h>
#include <string.h>

enum { ALLOCATED, LEAKED, PEAK, HIGHEST, MEASURES };

struct weigher {
	struct mp_report *r;
	struct report_run *run;
	uint64_t *count;        /* per cell: of the measure at hand */
	double *node, *frame, *module;
};

/* What a cell held at its highest, not at one moment: no window shows more. */
static void highest(const struct mp_timeline *t, uint64_t *count)
{
	struct mp_cursor at = { 0 };
	struct mp_level l;

	while (mp_next_level(t, &at, &l))
		if (count[l.cell] < l.count)
			count[l.cell] = l.count;
}

static void measure(const struct mp_timeline *t, int what, uint64_t *count)
{
	if (what == ALLOCATED)
		mp_timeline_allocated(t, 0, t->n, count);
	else if (what == LEAKED)
		mp_timeline_leaked(t, 0, t->n, count);
	else if (what == PEAK)
		mp_timeline_peak(t, 0, t->n, count);
	else
		highest(t, count);
}

/* Own values into W's arrays; returns their sum. */
static double spread(struct weigher *w, bool bytes)
{
	const struct mp_tree *tree = w->run->tree;
	double total = 0;

	memset(w->node, 0, ((size_t)tree->node.n + 1) * sizeof(*w->node));
	memset(w->frame, 0, ((size_t)w->r->frame.n + 1) * sizeof(*w->frame));
	memset(w->module, 0, ((size_t)w->r->modules + 1) * sizeof(*w->module));
	for (uint32_t i = 1; i <= w->run->t->cells; i++) {
		const struct mp_site *s = &tree->site.x[w->run->t->cell[i].site];
		double v = (double)w->count[i] * (bytes ? (double)s->size : 1);

		if (!w->count[i])
			continue;
		total += v;
		w->node[s->node] += v;
		for (int k = 0; k < LEAVES; k++) {
			uint32_t leaf = w->run->leaf[k][s->node];

			if (k == LEAF_LINE || leaf != w->run->leaf[k - 1][s->node])
				w->frame[leaf] += v;
			if (k == LEAF_LINE)
				w->module[mp_report_module(w->r, leaf)] += v;
		}
	}
	return total;
}

static void include_callees(struct weigher *w)
{
	const struct mp_tree *tree = w->run->tree;

	for (uint32_t i = tree->node.n; i > 0; i--)
		w->node[tree->node.x[i].parent] += w->node[i];
}

static void heaviest(float *weight, const double *value, uint32_t n, double total)
{
	for (uint32_t i = 1; i <= n; i++) {
		float share = (float)(value[i] / total);

		if (share > weight[i])
			weight[i] = share;
	}
}

static int weigh_run(struct mp_report *r, struct report_run *run)
{
	size_t cells = (size_t)run->t->cells + 1;
	struct weigher w = { r, run, malloc(cells * sizeof(*w.count)),
		malloc(((size_t)run->tree->node.n + 1) * sizeof(*w.node)),
		malloc(((size_t)r->frame.n + 1) * sizeof(*w.frame)),
		malloc(((size_t)r->modules + 1) * sizeof(*w.module)) };
	bool good = w.count && w.node && w.frame && w.module;

	run->weight = calloc((size_t)run->tree->node.n + 1, sizeof(*run->weight));
	run->own = calloc((size_t)run->tree->node.n + 1, sizeof(*run->own));
	good = good && run->weight && run->own;
	for (int what = 0; good && run->t->n && what < MEASURES; what++) {
		memset(w.count, 0, cells * sizeof(*w.count));
		measure(run->t, what, w.count);
		for (int bytes = 0; bytes < 2; bytes++) {
			double total = spread(&w, bytes);

			if (total <= 0)
				continue;
			heaviest(run->own, w.node, run->tree->node.n, total);
			include_callees(&w);
			heaviest(run->weight, w.node, run->tree->node.n, total);
			heaviest(r->frame_weight, w.frame, r->frame.n, total);
			heaviest(r->module_weight, w.module, r->modules, total);
		}
	}
	free(w.count), free(w.node), free(w.frame), free(w.module);
	return good ? 0 : mp_report_memory(r);
}

int mp_report_weigh(struct mp_report *r)
{
	r->modules = r->names->string.n;
	r->frame_weight = calloc((size_t)r->frame.n + 1, sizeof(*r->frame_weight));
	r->module_weight = calloc((size_t)r->modules + 1, sizeof(*r->module_weight));
	r->frame_kept = malloc((size_t)r->frame.n + 1);
	r->module_kept = malloc((size_t)r->modules + 1);
	if (!r->frame_weight || !r->module_weight || !r->frame_kept || !r->module_kept)
		return mp_report_memory(r);
	for (size_t i = 0; i < r->runs; i++)
		if (weigh_run(r, &r->run[i]))
			return -1;
	return 0;
}

/* ---- the heaviest -------------------------------------------------------------------- */

static uint32_t bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));      /* of floats >= 0 the bits are in their order */
	return u;
}

/* The half of the bits at SHIFT of the last weight that fits MAX, among those whose
 * higher half is HIGH; *MAX: what is left for it. */
static uint32_t edge(const float *weight, uint32_t n, unsigned shift, uint32_t high,
	uint32_t *max)
{
	uint32_t many[65536] = { 0 }, at = 65535;

	for (uint32_t i = 1; i <= n; i++)
		if (weight[i] > 0 && (shift || bits(weight[i]) >> 16 == high))
			many[bits(weight[i]) >> shift & 65535]++;
	for (; at > 0 && many[at] <= *max; at--)
		*max -= many[at];
	return at;
}

void mp_report_choose(const float *weight, uint32_t n, uint32_t max, uint8_t *keep)
{
	uint32_t last = edge(weight, n, 16, 0, &max);

	last = last << 16 | edge(weight, n, 0, last, &max);
	keep[0] = 1;
	for (uint32_t i = 1; i <= n; i++) {
		keep[i] = weight[i] > 0 && bits(weight[i]) >= last;
		if (keep[i] && bits(weight[i]) == last)
			keep[i] = max > 0 ? max-- > 0 : 0;
	}
}

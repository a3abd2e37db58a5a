/* report_prune.c - the report's own tree: the heaviest stacks of all runs.
 * Invariant: a stack kept in one run is kept in all, so that runs can be compared.
 */
#include "report_own.h"

#include <stdlib.h>

enum { MODULES = 250 };         /* to filter by, at most */

/* The node below PARENT of a location's frames, outermost first; 0: none, or memory
 * is out. */
static uint32_t below(struct mp_report *r, uint32_t parent, const uint32_t *frames, bool make)
{
	for (uint32_t n = *frames; n > 0; n--) {
		uint32_t key[NODE_WIDTH] = { parent, frames[n] };

		parent = make ? mp_tuple(&r->node, key) : mp_tuple_find(&r->node, key);
		if (!parent)
			return 0;
	}
	return parent;
}

static const uint32_t *frames_of(const struct report_run *run, uint32_t node)
{
	return run->frames + run->frames_at[run->tree->node.x[node].location];
}

static int keep_nodes(struct mp_report *r, struct report_run *run, uint32_t stacks)
{
	uint32_t n = run->tree->node.n;
	uint8_t *keep = malloc((size_t)n + 1);

	free(run->shown);
	run->shown = calloc((size_t)n + 1, sizeof(*run->shown));
	if (!keep || !run->shown) {
		free(keep);
		return mp_report_memory(r);
	}
	mp_report_choose(run->weight, n, stacks, keep);
	for (uint32_t i = 1; i <= n && !r->node.failed; i++)
		if (keep[i])
			run->shown[i] = below(r, run->shown[run->tree->node.x[i].parent],
				frames_of(run, i), true);
	free(keep);
	return r->node.failed ? mp_report_memory(r) : 0;
}

static void show_others(struct mp_report *r, struct report_run *run)
{
	for (uint32_t i = 1; i <= run->tree->node.n; i++) {
		uint32_t parent = run->tree->node.x[i].parent, above = run->shown[parent];

		if (run->shown[i])
			continue;
		if (!(above & REPORT_REST) && (above || !parent))
			run->shown[i] = below(r, above, frames_of(run, i), false);
		if (!run->shown[i])
			run->shown[i] = above | REPORT_REST;
	}
}

/* Of what goes into a [rest], the heaviest lines are still told apart there. */
static int weigh_rests(struct mp_report *r, const struct report_run *run)
{
	for (uint32_t i = 1; i <= run->tree->node.n; i++) {
		uint32_t leaf = run->leaf[LEAF_LINE][i], n = r->rest_leaf.n, pair;
		uint32_t key[REST_WIDTH] = { run->shown[i] & ~REPORT_REST, leaf };

		if (!(run->shown[i] & REPORT_REST) || run->own[i] <= 0 || !r->frame_kept[leaf])
			continue;
		pair = mp_tuple(&r->rest_leaf, key);
		if (!pair)
			return mp_report_memory(r);
		if (pair >= r->rest_room) {
			size_t room = r->rest_room ? r->rest_room * 2 : 4096;
			float *weight = realloc(r->rest_weight, room * sizeof(*weight));

			if (!weight)
				return mp_report_memory(r);
			r->rest_weight = weight;
			r->rest_room = room;
		}
		r->rest_weight[pair] = run->own[i] + (pair > n ? 0 : r->rest_weight[pair]);
	}
	return 0;
}

static int keep_rests(struct mp_report *r, uint32_t stacks)
{
	r->rest_leaf.width = REST_WIDTH;
	mp_tuples_free(&r->rest_leaf);
	for (size_t i = 0; i < r->runs; i++)
		if (weigh_rests(r, &r->run[i]))
			return -1;
	free(r->rest_kept);
	r->rest_kept = malloc((size_t)r->rest_leaf.n + 1);
	if (!r->rest_kept)
		return mp_report_memory(r);
	mp_report_choose(r->rest_weight, r->rest_leaf.n, stacks, r->rest_kept);
	return 0;
}

int mp_report_prune(struct mp_report *r, uint32_t stacks)
{
	uint32_t each = stacks / (uint32_t)r->runs;

	mp_tuples_free(&r->node);
	for (size_t i = 0; i < r->runs; i++)
		if (keep_nodes(r, &r->run[i], each ? each : 1))
			return -1;
	for (size_t i = 0; i < r->runs; i++)
		show_others(r, &r->run[i]);
	mp_report_choose(r->frame_weight, r->frame.n, stacks, r->frame_kept);
	mp_report_choose(r->module_weight, r->modules, MODULES, r->module_kept);
	return keep_rests(r, stacks);
}

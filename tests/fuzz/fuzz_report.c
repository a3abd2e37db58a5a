/* fuzz_report.c - any bytes as a report: every cell is in one row of each table, every
 * row names what is there, and the page can be written, however few stacks are kept.
 */
#include <stdlib.h>

#include "io.h"
#include "repair.h"
#include "report_own.h"

static void check_rows(const struct mp_report *r, const struct report_run *run,
	const struct report_rows *rows, bool stacks)
{
	for (uint32_t i = 1; i <= run->t->cells; i++)
		if (!rows->of_cell[i] || rows->of_cell[i] > rows->key.n)
			abort();
	for (uint32_t i = 1; i <= rows->key.n; i++) {
		const uint32_t *key = mp_tuple_at(&rows->key, i);
		uint32_t label = key[stacks ? STACK_LABEL : LINE_LABEL];

		if (!label || label > run->label.n || !rows->size[i])
			abort();
		if (stacks && (!key[STACK_NODE] || key[STACK_NODE] > r->node.n))
			abort();
		for (int k = 0; !stacks && k < LEAVES; k++)
			if (!key[LINE_LEAF + k] || key[LINE_LEAF + k] > r->frame.n)
				abort();
	}
}

static void check(const struct mp_report *r)
{
	for (uint32_t i = 1; i <= r->node.n; i++) {
		const uint32_t *node = mp_tuple_at(&r->node, i);

		if (node[NODE_PARENT] >= i || !node[NODE_FRAME] ||
		    node[NODE_FRAME] > r->frame.n)
			abort();
	}
	for (size_t i = 0; i < r->runs; i++) {
		check_rows(r, &r->run[i], &r->run[i].stacks, true);
		check_rows(r, &r->run[i], &r->run[i].lines, false);
	}
}

static void fuzz_one(const uint8_t *data, size_t size)
{
	/* the files a trace names are nobody's business here */
	struct mp_report_options o = {"t", 1 + size % 300, size % 3 * 100000, true};
	struct mp_query q = {.keep = size & 1 ? MP_KEEP_TID : 0, .at_exit = size & 2};
	struct mp_reader *in = mp_open_mem(data, size);
	struct mp_report *r = mp_report_new();
	FILE *out = fopen("/dev/null", "w");
	bool good = true;

	if (!in || !r || !out)
		abort();
	while (good && mp_next_part(in) > 0 && mp_kind(in) == MP_TRACE)
		good = !mp_report_add(r, in, &q, "n");
	if (good && r->runs) {
		if (!mp_report_write(r, &o, r->runs == 2, out))
			check(r);
		else if (!mp_report_error(r))
			abort();
	}
	fclose(out);
	mp_report_free(r);
	if (mp_close(in) < 0)
		return;
}

/* report.c - runs taken in, and written as a page that is no larger than it may be. */
#include "report_own.h"

#include "io.h"

#include <stdlib.h>
#include <string.h>

enum { STACKS = 16000, STACKS_MIN = 200 };

int mp_report_fail(struct mp_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	mp_err_vset(&r->error, fmt, ap);
	va_end(ap);
	return -1;
}

int mp_report_memory(struct mp_report *r)
{
	return mp_report_fail(r, "out of memory");
}

const char *mp_report_error(const struct mp_report *r)
{
	return mp_err_is(&r->error) ? r->error.text : NULL;
}

struct mp_report *mp_report_new(void)
{
	struct mp_report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->frame.width = FRAME_WIDTH;
	r->node.width = NODE_WIDTH;
	r->names = mp_tree_new();
	if (r->names) {
		r->rest = mp_report_note(r, "[rest]");
		r->no_stack = mp_report_note(r, "[no stack]");
	}
	if (!r->rest || !r->no_stack) {
		mp_report_free(r);
		return NULL;
	}
	return r;
}

static void free_run(struct report_run *run)
{
	free(run->name);
	for (size_t i = 0; i < run->n_meta; i++) {
		free(run->meta[i].key);
		free(run->meta[i].value);
	}
	free(run->meta);
	mp_timeline_free(run->t);
	if (run->s)
		mp_summary_free(run->s);
	free(run->frames);
	free(run->frames_at);
	for (int i = 0; i < LEAVES; i++)
		free(run->leaf[i]);
	free(run->weight), free(run->own);
	free(run->shown);
	mp_tuples_free(&run->label);
	mp_tuples_free(&run->stacks.key);
	mp_tuples_free(&run->lines.key);
	free(run->stacks.of_cell), free(run->stacks.size);
	free(run->lines.of_cell), free(run->lines.size);
	mp_tree_free(run->taken);
}

void mp_report_free(struct mp_report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->runs; i++)
		free_run(&r->run[i]);
	mp_tuples_free(&r->frame);
	mp_tuples_free(&r->node);
	mp_tuples_free(&r->rest_leaf);
	free(r->rest_weight), free(r->rest_kept);
	free(r->source);
	free(r->frame_weight), free(r->module_weight);
	free(r->frame_kept), free(r->module_kept);
	if (r->names)
		mp_tree_free(r->names);
	free(r);
}

/* ---- runs ---------------------------------------------------------------------------- */

static int copy_meta(struct mp_report *r, struct report_run *run, const struct mp_reader *in)
{
	const char *key, *value;
	size_t n = 0;

	while (mp_meta_at(in, n, &key, &value))
		n++;
	run->meta = calloc(n + 1, sizeof(*run->meta));
	for (size_t i = 0; run->meta && mp_meta_at(in, i, &key, &value); i++) {
		run->meta[i] = (struct report_meta){ strdup(key), strdup(value) };
		run->n_meta++;
		if (!run->meta[i].key || !run->meta[i].value)
			return mp_report_memory(r);
	}
	return run->meta ? 0 : mp_report_memory(r);
}

int mp_report_add(struct mp_report *r, struct mp_reader *in, const struct mp_query *q,
	const char *name)
{
	struct report_run *run = &r->run[r->runs];

	if (mp_err_is(&r->error))
		return -1;
	if (r->runs == MP_REPORT_RUNS)
		return mp_report_fail(
			r, "more than %d runs; mp-cat can choose", MP_REPORT_RUNS);
	r->runs++;
	run->label.width = LABEL_WIDTH;
	run->name = strdup(name);
	if (!run->name || copy_meta(r, run, in))
		return mp_report_memory(r);
	if (mp_report_read(r, run, in, q))
		return -1;
	run->loss = mp_part_loss(in);
	return mp_report_frames(r, run);
}

/* ---- the page ------------------------------------------------------------------------ */

static int pack(struct mp_report *r, const char *title, bool diff, uint32_t stacks,
	struct mp_buf *packed)
{
	struct mp_buf payload = { 0 };
	int status = mp_report_prune(r, stacks);

	for (size_t i = 0; i < r->runs && !status; i++)
		status = mp_report_rows(r, &r->run[i]);
	status = status ? status : mp_report_encode(r, title, diff, &payload);
	packed->n = 0;
	status = status ? status : mp_report_pack(r, &payload, packed);
	mp_buf_free(&payload);
	return status;
}

int mp_report_write(struct mp_report *r, const struct mp_report_options *o, bool diff,
	FILE *out)
{
	double room = (double)o->size - (double)mp_report_page_size();
	uint32_t stacks = o->stacks ? o->stacks : STACKS;
	struct mp_buf packed = { 0 };
	bool again = false;
	int status = mp_err_is(&r->error) ? -1 : mp_report_weigh(r);

	if (!status && !o->no_source)
		status = mp_report_source(r);
	status = status ? status : pack(r, o->title, diff, stacks, &packed);
	while (!status && (double)packed.n > room && stacks > STACKS_MIN) {
		/* a page grows with some root of its stacks: those left out first are the
		 * lightest, with the fewest flows */
		double fit = room > 0 ? room / (double)packed.n : 0;

		fit *= again ? fit * fit : fit;
		again = true;
		stacks = (uint32_t)(stacks * fit * 0.95);
		stacks = stacks < STACKS_MIN ? STACKS_MIN : stacks;
		status = pack(r, o->title, diff, stacks, &packed);
	}
	if (!status)
		mp_report_page(&packed, out);
	r->size = packed.n + mp_report_page_size();
	mp_buf_free(&packed);
	return status;
}

uint64_t mp_report_size(const struct mp_report *r)
{
	return r->size;
}

/* report_read.c - a part read once by two that follow its blocks at a time: the timeline
 * here, the summary in a thread of its own.
 * Invariant: while either looks at a block, the reader and its tree stand still.
 */
#include "report_own.h"

#include "io.h"
#include "summary_own.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

struct beside {
	struct mp_summary *s;
	const struct mp_block *block;   /* NULL: no more */
	sem_t go, done;
	pthread_t thread;
	int status;
};

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) < 0 && errno == EINTR)
		;
}

static void *follow(void *arg)
{
	struct beside *b = arg;

	for (wait_for(&b->go); b->block; wait_for(&b->go)) {
		b->status = mp_summary_block(b->s, b->block);
		sem_post(&b->done);
	}
	return NULL;
}

/* Both consumers over all blocks. */
static int follow_both(struct mp_report *r, struct report_run *run, struct mp_reader *in,
	struct mp_cut *cut, struct beside *b)
{
	const struct mp_block *block;
	unsigned long told = 0;
	int status = 0, got = 0;

	while (!status && (got = mp_next_block(in, mp_cut_want(cut) | mp_summary_want(run->s),
				   &block)) > 0) {
		b->block = block;
		sem_post(&b->go);
		status = mp_cut_block(cut, block);
		wait_for(&b->done);
		status = status ? status : b->status;
		if (told < run->s->own->r->mismatches) /* once a block */
			mp_note_damage(
				in, "block %u: sums differ from its events", block->sequence);
		told = run->s->own->r->mismatches;
	}
	if (mp_summary_error(run->s))
		return mp_report_fail(r, "%s", mp_summary_error(run->s));
	return status ? mp_report_memory(r) : got;
}

static int follow_thread(struct mp_report *r, struct report_run *run, struct mp_reader *in,
	struct mp_cut *cut)
{
	struct beside b = { .s = run->s };
	int status;

	sem_init(&b.go, 0, 0);
	sem_init(&b.done, 0, 0);
	if (pthread_create(&b.thread, NULL, follow, &b)) {
		status = mp_report_fail(r, "out of memory for a thread");
	} else {
		status = follow_both(r, run, in, cut, &b);
		b.block = NULL;
		sem_post(&b.go);
		pthread_join(b.thread, NULL);
	}
	sem_destroy(&b.go);
	sem_destroy(&b.done);
	return status;
}

/* The part's tree is the run's from here on: the summary takes it over, or else the
 * run does. */
static void take_tree(struct report_run *run, struct mp_reader *in, struct mp_tree *empty)
{
	if (mp_tree(in) == run->tree) {
		run->taken = mp_reader_swap_tree(in, empty);
	} else {
		mp_tree_free(empty);
	}
}

int mp_report_read(struct mp_report *r, struct report_run *run, struct mp_reader *in,
	const struct mp_query *q)
{
	struct mp_tree *empty = mp_tree_new();
	struct mp_cut *cut = mp_cut_new(mp_tree(in), q);
	int status;

	if (cut)
		mp_cut_tick(cut, mp_reader_tick(in));
	run->s = mp_summary_new();
	if (!empty || !cut || !run->s || mp_summary_begin(run->s, in, q))
		status = mp_report_memory(r);
	else
		status = follow_thread(r, run, in, cut);
	run->t = cut ? mp_cut_end(cut) : NULL;
	if (!status && !run->t)
		status = mp_report_memory(r);
	if (!status && run->t->missing[0])
		status = mp_report_fail(r, "%s", run->t->missing);
	run->tree = mp_tree(in);
	if (!status && mp_summary_end(run->s))
		status = mp_report_fail(r, "%s", mp_summary_error(run->s));
	if (empty)
		take_tree(run, in, empty);
	return status;
}

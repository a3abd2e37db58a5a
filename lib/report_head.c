/* report_head.c - a run's figures and names as JSON: what is not a column.
 *
 *	{"name","meta":{},"from","width","end","n" (ns; buckets),
 *	"bucket":{"max_bytes":[…],…} (as struct mp_bucket), "live_lost":[bytes,blocks],
 *	"series":[{"name","max":[…]}] (rss alone; -1: no value),
 *	"marks":[{"time","name","process","value"}], "more_marks",
 *	"processes":[[pid,name,command,since,ended]], "labels":[[process,tid,name]],
 *	"summary":{…} (as mp-stat --json), "damaged":true,"loss":{}}
 *
 * since, ended: buckets; ended -1: before the first, n: never.  label: a process and a
 * thread, tid 0: all of that name.  process: counted from 0; -1: none.
 * Invariant: numbers are exact integers; the page says so where one is over 2^53.
 */
#include "report_own.h"

#include "json_out.h"

#include <stdlib.h>
#include <string.h>

enum { MARKS = 400 };           /* more than fit a screen */

static void put_bucket(struct mp_buf *b, const struct mp_timeline *t, const char *key,
	size_t offset)
{
	mp_json_key(b, key);
	mp_buf_char(b, '[');
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&t->bucket[i] + offset, sizeof(value));
		mp_buf_text(b, i ? "," : "");
		mp_buf_i64(b, (int64_t)value);
	}
	mp_buf_char(b, ']');
}

#define BUCKET(name) put_bucket(b, t, #name, offsetof(struct mp_bucket, name))

static void put_buckets(struct mp_buf *b, const struct mp_timeline *t)
{
	mp_json_u64(b, "from", t->from);
	mp_json_u64(b, "width", t->width);
	mp_json_u64(b, "end", t->end);
	mp_json_u64(b, "n", t->n);
	mp_json_key(b, "bucket");
	mp_buf_char(b, '{');
	BUCKET(max_bytes);
	BUCKET(max_blocks);
	BUCKET(max_time);
	BUCKET(lost_bytes);
	BUCKET(lost_blocks);
	BUCKET(end_bytes);
	BUCKET(end_blocks);
	BUCKET(allocs);
	BUCKET(alloc_bytes);
	BUCKET(frees);
	BUCKET(free_bytes);
	BUCKET(samples);
	BUCKET(cpu);
	mp_buf_char(b, '}');
	mp_json_key(b, "live_lost");
	mp_buf_char(b, '[');
	mp_buf_i64(b, t->lost_bytes);
	mp_buf_char(b, ',');
	mp_buf_i64(b, t->lost_blocks);
	mp_buf_char(b, ']');
}

static void put_series(struct mp_buf *b, const struct mp_timeline *t)
{
	mp_json_key(b, "series");
	mp_buf_char(b, '[');
	for (size_t i = 0; i < t->n_series; i++) {
		/* the page draws no other */
		if (strcmp(t->series[i].name, "rss"))
			continue;
		mp_buf_char(b, '{');
		mp_json_text(b, "name", t->series[i].name);
		mp_json_key(b, "max");
		mp_buf_char(b, '[');
		for (uint32_t k = 0; k < t->n; k++) {
			mp_buf_text(b, k ? "," : "");
			mp_buf_i64(b, t->series[i].max[k]);
		}
		mp_buf_text(b, "]}");
	}
	mp_buf_char(b, ']');
}

/* Numbers of the processes that are shown, in order of their use. */
struct used { uint32_t *number, *list, n; };

static int64_t use(struct used *u, const struct mp_tree *t, uint32_t process)
{
	if (process > t->process.n || !process)
		return -1;
	if (!u->number[process]) {
		u->list[u->n++] = process;
		u->number[process] = u->n;
	}
	return u->number[process] - 1;
}

static void put_quoted(struct mp_buf *b, const struct mp_tree *t, uint32_t string)
{
	mp_buf_char(b, ',');
	mp_json_id(b, NULL, t, string);
}

static void put_marks(struct mp_buf *b, const struct report_run *run, struct used *u)
{
	const struct mp_timeline *t = run->t;
	size_t step = t->n_marks / MARKS + 1, shown = 0;

	mp_json_key(b, "marks");
	mp_buf_char(b, '[');
	for (size_t i = 0; i < t->n_marks; i += step, shown++) {
		mp_buf_text(b, i ? ",{" : "{");
		mp_json_u64(b, "time", t->mark[i].time);
		mp_json_text(b, "name", t->mark[i].name);
		mp_json_i64(b, "process", use(u, run->tree, t->mark[i].process));
		mp_json_i64(b, "value", t->mark[i].value);
		mp_buf_char(b, '}');
	}
	mp_buf_char(b, ']');
	mp_json_u64(b, "more_marks", t->n_marks - shown);
}

static void put_labels(struct mp_buf *b, const struct report_run *run, struct used *u)
{
	const struct mp_tree *t = run->tree;

	mp_json_key(b, "labels");
	mp_buf_char(b, '[');
	for (uint32_t i = 1; i <= run->label.n; i++) {
		const uint32_t *l = mp_tuple_at(&run->label, i);
		uint32_t thread = l[LABEL_THREAD] <= t->thread.n ? l[LABEL_THREAD] : 0;

		mp_buf_text(b, i > 1 ? ",[" : "[");
		mp_buf_i64(b, use(u, t, l[LABEL_PROCESS]));
		mp_buf_char(b, ',');
		/* one of many would be named for all of them */
		mp_buf_u64(b, run->by_name ? 0 : t->thread.x[thread].tid);
		put_quoted(b, t, t->thread.x[thread].name);
		mp_buf_char(b, ']');
	}
	mp_buf_char(b, ']');
}

static void put_processes(struct mp_buf *b, const struct report_run *run, const struct used *u)
{
	const struct mp_tree *t = run->tree;
	const struct mp_timeline *line = run->t;
	int64_t ended;

	mp_json_key(b, "processes");
	mp_buf_char(b, '[');
	for (uint32_t i = 0; i < u->n; i++) {
		const struct mp_process *p = &t->process.x[u->list[i]];

		mp_buf_text(b, i ? ",[" : "[");
		mp_buf_u64(b, p->pid);
		put_quoted(b, t, p->name);
		put_quoted(b, t, p->command);
		mp_buf_char(b, ',');
		mp_buf_u64(
			b, mp_timeline_at(line, p->start < line->from ? line->from : p->start));
		mp_buf_char(b, ',');
		ended = line->ended[u->list[i]];
		mp_buf_i64(b, ended == MP_BORN_BEFORE ? -1 : ended < line->n ? ended : line->n);
		mp_buf_char(b, ']');
	}
	mp_buf_char(b, ']');
}

static void put_loss(struct mp_buf *b, const struct report_run *run)
{
	mp_buf_text(b, run->t->damaged ? ",\"damaged\":true" : "");
	mp_json_key(b, "loss");
	mp_buf_char(b, '{');
	mp_json_u64(b, "lost_events", run->loss.lost_events);
	mp_json_u64(b, "lost_bytes", run->loss.lost_bytes);
	mp_json_u64(b, "damaged_blocks", run->loss.damaged_blocks);
	mp_json_u64(b, "truncated", run->loss.truncated);
	mp_json_u64(b, "sample_interval", run->loss.sample_interval);
	mp_buf_char(b, '}');
}

/* ---- the summary: the keys of mp-stat --json --------------------------------------- */

static void put_amount(struct mp_buf *b, const char *key, const struct mp_amount *a)
{
	mp_json_key(b, key);
	mp_buf_char(b, '{');
	mp_json_i64(b, "bytes", a->bytes);
	mp_json_i64(b, "count", a->count);
	mp_buf_char(b, '}');
}

static void put_resident(struct mp_buf *b, const struct mp_summary_rss *r)
{
	mp_json_key(b, "rss");
	mp_buf_char(b, '{');
	mp_json_u64(b, "readings", r->readings);
	mp_json_u64(b, "time", r->time);
	mp_json_i64(b, "rss", r->rss);
	mp_json_i64(b, "anon", r->anon);
	mp_json_i64(b, "file", r->file);
	mp_json_i64(b, "shmem", r->shmem);
	mp_json_i64(b, "heap", r->heap);
	mp_buf_char(b, '}');
}

static void put_summary(struct mp_buf *b, const struct mp_summary *s)
{
	mp_json_key(b, "summary");
	mp_buf_char(b, '{');
	mp_json_u64(b, "start_ns", s->start);
	mp_json_u64(b, "duration", s->duration);
	mp_json_u64(b, "tick", s->tick);
	mp_json_u64(b, "threads", s->threads);
	mp_json_u64(b, "events", s->events);
	mp_json_u64(b, "frees", s->frees);
	mp_json_u64(b, "unknown_frees", s->unknown_frees);
	mp_json_u64(b, "implicit_frees", s->implicit_frees);
	put_amount(b, "allocated", &s->allocated);
	if (!s->sampled)
		put_amount(b, "temporary", &s->temporary);
	put_amount(b, "peak", &s->peak);
	mp_json_u64(b, "peak_time", s->peak_time);
	put_amount(b, "live", &s->live);
	mp_json_u64(b, "samples", s->samples);
	mp_json_u64(b, "idle_samples", s->idle_samples);
	mp_json_u64(b, "sampled_ns", s->sampled_ns);
	mp_json_u64(b, "processes", s->processes);
	put_resident(b, &s->rss);
	mp_buf_char(b, '}');
}

void mp_report_head(const struct report_run *run, struct mp_buf *b)
{
	size_t n = (size_t)run->tree->process.n + 1;
	struct used u = { calloc(n, sizeof(uint32_t)), calloc(n, sizeof(uint32_t)), 0 };

	if (!u.number || !u.list)
		b->failed = true;
	mp_buf_char(b, '{');
	mp_json_text(b, "name", run->name);
	mp_json_key(b, "meta");
	mp_buf_char(b, '{');
	for (size_t i = 0; i < run->n_meta; i++)
		mp_json_text(b, run->meta[i].key, run->meta[i].value);
	mp_buf_char(b, '}');
	put_buckets(b, run->t);
	put_series(b, run->t);
	if (!b->failed) {
		put_marks(b, run, &u);
		put_labels(b, run, &u);
		put_processes(b, run, &u);
	}
	put_summary(b, run->s);
	put_loss(b, run);
	mp_buf_char(b, '}');
	free(u.number);
	free(u.list);
}

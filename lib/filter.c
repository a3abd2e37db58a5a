/* filter.c - a part of a trace or profile, block by block; see filter.h.
 * Invariant: what a program downstream sees of the selection is what it would see of
 * it in the whole.
 */
#include "filter_own.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000000 };

/* ---- other records ----------------------------------------------------------------- */

static struct mp_event record(const struct mp_filter *f, const struct mp_block *b, uint32_t i)
{
	uint32_t thread = (uint32_t)(b->s_thread ? b->s_thread[i] : 0);
	uint32_t process = (uint32_t)(b->s_process ? b->s_process[i] : 0);

	if (!process && thread <= f->map.from->thread.n)
		process = f->map.from->thread.x[thread].process;
	return (struct mp_event){
		.time = b->s_time ? b->s_time[i] : 0, .thread = thread, .process = process,
		.node = (uint32_t)(b->s_node ? b->s_node[i] : 0),
		.weight = b->s_weight ? b->s_weight[i] : 0,
		.state = (uint32_t)(b->s_state ? b->s_state[i] : 0),
		.rss = b->s_rss ? b->s_rss[i] : 0,
		.value = b->s_value ? b->s_value[i] : 0,
	};
}

/* A mark may begin or end the window, and belongs to it then.  One before it is of
 * interest only if it ends an interpreter's life. */
static int mark(struct mp_filter *f, const struct mp_event *e, uint32_t name)
{
	bool inside = e->time < f->window.to && !f->stopped;
	size_t had = f->over_room;

	mp_window_mark(&f->window, mp_str(f->map.from, name), e->time);
	f->stopped |= e->time >= f->window.to;
	if (e->time >= f->window.from && !f->opened && mp_filter_open(f, e->time, 0))
		return -1;
	if (!inside || !mp_choose_process(f->choice, e->process))
		return 0;
	if (e->time >= f->window.from) {
		mp_enc_mark(f->w, e->time, mp_map_thread(&f->map, e->thread),
				mp_map_process(&f->map, e->process),
				mp_map_string(&f->map, name), e->value);
		return 0;
	}
	if (strcmp(mp_str(f->map.from, name), MP_FINALIZE) != 0 ||
	    e->process > f->map.from->process.n)
		return 0;
	if (!mp_room(f->r, &f->over, &f->over_room, (size_t)e->process + 1, 1))
		return -1;
	memset(f->over + had, 0, f->over_room - had);
	f->over[e->process] = 1;
	return 0;
}

static int other(struct mp_filter *f, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct mp_event e = record(f, b, i);
		uint32_t name = (uint32_t)(b->s_name ? b->s_name[i] : 0);

		if (b->kind == MP_BLOCK_MARKS && mark(f, &e, name))
			return -1;
		if (mp_window_at(&f->window, e.time) != MP_WITHIN)
			continue;
		if (b->kind == MP_BLOCK_SAMPLES &&
		    mp_choose_sample(f->choice, e.process, e.thread, e.node))
			mp_put_sample(f->w, &e, mp_map_thread(&f->map, e.thread),
					mp_map_process(&f->map, e.process),
					mp_map_node(&f->map, e.node));
		if (b->kind == MP_BLOCK_SERIES && mp_choose_process(f->choice, e.process))
			mp_enc_series(f->w, e.time, mp_map_process(&f->map, e.process),
					mp_map_string(&f->map, name), e.value);
	}
	return mp_writer_error(f->w) ? -1 : 0;
}

/* ---- blocks ------------------------------------------------------------------------ */

static bool reach_slots(struct mp_filter *f, uint32_t n)
{
	size_t had = f->slots;

	if (!mp_room(f->r, &f->slot, &f->slots, n, sizeof(*f->slot)))
		return false;
	memset(f->slot + had, 0, (f->slots - had) * sizeof(*f->slot));
	return true;
}

/* What is live from the start waits for the window, like what was allocated. */
static void base(struct mp_filter *f, const struct mp_block *b)
{
	uint32_t run = 0, left = b->n_c_thread ? b->c_thread[0].length : 0;

	f->base_time = b->first_time;
	for (uint32_t i = 0; i < b->n && run < b->n_c_thread; i++) {
		uint32_t site = (uint32_t)b->c_site[i], thread = (uint32_t)b->c_thread[run].value;
		bool keeps = mp_filter_keeps(f, site, thread, ++f->number);

		if (!--left && ++run < b->n_c_thread)
			left = b->c_thread[run].length;
		f->slot[b->c_slot[i]] = (struct mp_kept){ keeps ? site : 0, thread };
	}
}

/* What was lost since the last block is lost before the next one written. */
static void tell_loss(struct mp_filter *f)
{
	struct mp_loss l = mp_part_loss(f->r), interval = { .sample_interval = l.sample_interval };

	if (l.lost_events > f->told.lost_events || l.lost_bytes > f->told.lost_bytes)
		mp_enc_lost(f->w, l.lost_events - f->told.lost_events,
				l.lost_bytes - f->told.lost_bytes);
	f->told.lost_events = l.lost_events;
	f->told.lost_bytes = l.lost_bytes;
	mp_put_loss(f->w, &interval);
}

static int block(struct mp_filter *f, const struct mp_block *b)
{
	tell_loss(f);
	if (!f->ahead)
		mp_map_follow(&f->map);
	for (uint32_t i = f->map.to->clock.n + 1; i <= f->map.from->clock.n; i++)
		mp_def_clock(f->map.to, &f->map.from->clock.x[i]);
	switch (b->kind) {
	case MP_BLOCK_EVENTS:
		if (f->stopped)
			return 0;
		if (!reach_slots(f, b->slots) || mp_filter_events(f, b))
			return -1;
		/* who follows downstream sees that time passes */
		if (f->opened && !f->stopped && b->last_time - f->beat >= SECOND) {
			f->beat = b->last_time;
			mp_filter_pass(f, b->last_time);
			return mp_enc_flush(f->w, b->last_time);
		}
		return 0;
	case MP_BLOCK_BASE:
		if (!reach_slots(f, b->slots))
			return -1;
		base(f, b);
		return 0;
	case MP_BLOCK_CHECKPOINT:
		if (f->stopped || b->first_time >= f->window.to)
			return 0;
		if (!reach_slots(f, b->slots) || (!f->opened &&
		    b->first_time >= f->window.from && mp_filter_open(f, b->first_time, 0)))
			return -1;
		return mp_filter_correct(f, b);
	case MP_BLOCK_SAMPLES:
	case MP_BLOCK_SERIES:
	case MP_BLOCK_MARKS:
		return other(f, b);
	case MP_BLOCK_HEAD:
	case MP_BLOCK_ROWS:
	case MP_BLOCK_END:
	default:
		return 0;
	}
}

/* ---- a part ------------------------------------------------------------------------ */

/* The mappings of processes that something was kept of. */
static void put_maps(struct mp_filter *f)
{
	const struct mp_tree *from = f->map.from;

	for (uint32_t i = 1; i <= from->map.n; i++) {
		struct mp_map m = from->map.x[i];
		const struct mp_module *of = &from->module.x[m.module];

		if (m.process >= f->map.processes || !f->map.process[m.process])
			continue;
		m.process = f->map.process[m.process];
		m.module = !m.module ? 0 : mp_def_module(f->map.to, mp_map_string(&f->map, of->path),
				mp_map_string(&f->map, of->build_id));
		mp_def_map(f->map.to, &m);
	}
}

static int begin(struct mp_filter *f)
{
	const struct mp_encoder encoder = { f, mp_filter_survivor };
	bool lives = f->where->number[MP_WHERE_LIFETIME].n;
	const struct mp_tree *names = f->r->tree;
	const char *key, *value;

	/* a checkpoint repeats the definitions that a damaged HEAD has lost */
	if (lives || mp_where_late(f->where) || f->r->damaged) {
		f->ahead = lives ? mp_read_again(f->r) : mp_read_ahead(f->r);
		if (!f->ahead)
			return -1;
		if (lives)
			f->lives = mp_lives_read(f->ahead, &f->where->number[MP_WHERE_LIFETIME]);
		if (lives && !f->lives)
			return -1;
		names = f->ahead->tree;
	}
	f->choice = mp_choice_new(f->where, names);
	if (!f->choice)
		return mp_reader_fail(f->r, "%s: out of memory", f->r->name);
	if (mp_begin(f->w, MP_TRACE))
		return -1;
	mp_window_begin(&f->window, &f->where->window);
	mp_tree_map_init(&f->map, mp_writer_tree(f->w), names);
	f->map.to->objects = f->r->tree->objects;
	mp_set_tick(f->w, mp_reader_tick(f->r));
	mp_set_encoder(f->w, &encoder);
	for (size_t i = 0; mp_meta_at(f->r, i, &key, &value); i++)
		mp_put_meta(f->w, key, value);
	return 0;
}

/* The end of the input: what it is missing, and what names came late. */
static int end(struct mp_filter *f)
{
	const char *missing = mp_window_missing(&f->window);
	struct mp_loss l;

	if (missing)
		return mp_reader_fail(f->r, "%s: %s", f->r->name, missing);
	if (!f->opened && mp_filter_open(f, f->window.from, 0))
		return -1;
	l = mp_part_loss(f->r);
	l.lost_events -= f->told.lost_events;
	l.lost_bytes -= f->told.lost_bytes;
	mp_put_loss(f->w, &l);
	if (!f->ahead)
		mp_map_follow(&f->map);
	put_maps(f);
	return mp_end(f->w);
}

/* What the second reader met, the first one met as well: but for memory, or room for a
 * spool, that ran out. */
static int close_ahead(struct mp_filter *f)
{
	if (f->ahead && mp_error(f->ahead) && !mp_error(f->r))
		mp_reader_fail(f->r, "%s", mp_error(f->ahead));
	return f->ahead ? mp_close(f->ahead) : 0;
}

int mp_filter_trace(struct mp_writer *w, struct mp_reader *r, const struct mp_where *where)
{
	struct mp_filter *f = calloc(1, sizeof(*f));
	const struct mp_block *b;
	int got, status = -1;

	if (!f)
		return mp_reader_fail(r, "%s: out of memory", r->name);
	*f = (struct mp_filter){ .w = w, .r = r, .where = where };
	if (!begin(f) && !mp_error(r)) {
		while ((got = mp_next_block(r, f->stopped ? MP_WANT_OTHER : MP_WANT_ALL, &b)) > 0)
			if (block(f, b))
				break;
		status = got ? -1 : end(f);
	}
	if (f->choice && mp_choice_failed(f->choice))
		mp_reader_fail(r, "%s: out of memory", r->name);
	mp_tree_map_free(&f->map);
	mp_lives_free(f->lives);
	mp_choice_free(f->choice);
	if (close_ahead(f) || mp_error(r))
		status = -1;
	free(f->slot), free(f->made), free(f->over);
	free(f);
	return status;
}

/* ---- rows -------------------------------------------------------------------------- */

/* The labels a condition needs are there, or were not kept. */
static int check_labels(struct mp_profile *p, const struct mp_where *w)
{
	bool process = false, pid = false, thread = false, kind = false;

	for (size_t i = 0; i < p->rows; i++) {
		process |= p->key[i].process != 0;
		pid |= p->key[i].pid != 0;
		thread |= p->key[i].thread || p->key[i].tid;
		kind |= p->key[i].kind != 0;
	}
	if (w->number[MP_WHERE_SIZE].n || w->number[MP_WHERE_LIFETIME].n ||
	    mp_query_window(&w->window))
		return mp_profile_fail(p, "sizes, lifetimes and times are a trace's, this is a "
				"profile");
	if (!p->rows)
		return 0;
	if (w->name[MP_WHERE_PROCESS].n && !process)
		return mp_profile_fail(p, "no process in this profile (--keep process keeps it)");
	if (w->number[MP_WHERE_PID].n && !pid)
		return mp_profile_fail(p, "no pid in this profile (--keep pid keeps it)");
	if (w->name[MP_WHERE_THREAD].n && !thread)
		return mp_profile_fail(p, "no thread in this profile (--keep thread keeps it)");
	if (w->kinds && !kind)
		return mp_profile_fail(p, "no kind in this profile (--keep kind keeps it)");
	return 0;
}

int mp_filter_profile(struct mp_profile *p, const struct mp_where *w)
{
	struct mp_choice *c = mp_choice_new(w, p->tree);
	bool *keep = calloc(p->rows + 1, sizeof(*keep));
	int status = check_labels(p, w);

	for (size_t i = 0; c && keep && !status && i < p->rows; i++)
		keep[i] = mp_choose_row(c, &p->key[i]);
	if (!c || !keep || mp_choice_failed(c))
		status = mp_profile_fail(p, "out of memory");
	if (!status)
		mp_profile_compact(p, keep);
	free(keep);
	mp_choice_free(c);
	return status;
}

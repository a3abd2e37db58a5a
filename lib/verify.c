/* verify.c - a part read to its end for nothing but what is wrong with it.  A trace's
 * events are followed one by one, without the short cuts of the views that trust
 * headers, and what headers and END tell is held against them (formats/mp.md, F14 and
 * F22 to F28).
 * Invariant: while `on`, slot[] and cur are those of the events so far; damage that
 * takes events away ends that for the rest of the part.
 */
#include "reader.h"

#include "binary.h"

#include <stdlib.h>
#include <string.h>

/* EPOCH: how often the process had ended when the block was made; of another epoch
 * than the process's now, it lives no more. */
struct made { uint32_t site, epoch; };
struct sum { uint64_t bytes, blocks; };

struct process {
	struct sum live, base;          /* counted; live before the first event */
	uint32_t epoch;
	bool done;                      /* what it leaves has been added to left */
};

struct check {
	struct mp_reader *r;
	bool on, events;                /* events: a block of them has been seen */
	const char *wrong;              /* with the block at hand */
	struct made *slot, *made;       /* by slot; by allocation of the block */
	size_t slot_room, made_room, process_room;
	struct process *process;
	uint32_t top;                   /* 1 + the highest slot used */
	struct sum cur, left;
	uint64_t peak, total, time, max;
	uint32_t position;
};

static void complain(struct check *c, const char *what)
{
	if (!c->wrong)
		c->wrong = what;
}

/* Nothing that follows can be told right from wrong. */
static void give_up(struct check *c, const char *what)
{
	complain(c, what);
	c->on = false;
}

/* What is wrong with the block at hand is counted; the reader itself did not lose
 * anything by it. */
static void tell(struct check *c, uint32_t sequence)
{
	bool damaged = c->r->damaged, resync = c->r->resync;

	if (c->wrong)
		mp_note_damage(c->r, "block %u: %s", sequence, c->wrong);
	c->wrong = NULL;
	c->r->damaged = damaged;
	c->r->resync = resync;
}

/* Entries up to N of an array; new ones are zero. */
static bool reach(struct check *c, void *array, size_t *room, size_t n, size_t size)
{
	size_t had = *room;
	char *x;

	if (n < had)
		return true;
	if (!mp_room(c->r, array, room, n + 1, size))
		return false;
	memcpy(&x, array, sizeof(x));
	memset(x + had * size, 0, (*room - had) * size);
	return true;
}

/* ---- live blocks ------------------------------------------------------------------- */

static struct process *process_of(const struct check *c, uint32_t site)
{
	return &c->process[c->r->tree->site.x[site].process];
}

/* One block more (SIGN 1) or less (-1) of SITE. */
static void change(struct check *c, uint32_t site, uint64_t sign, bool base)
{
	const struct mp_site *s = &c->r->tree->site.x[site];
	struct sum *of = base ? &process_of(c, site)->base : &process_of(c, site)->live;

	if (!mp_counts(c->r->tree, s->kind))
		return;
	of->bytes += sign * mp_site_bytes(s);
	of->blocks += sign * mp_site_weight(s);
	c->cur.bytes += sign * mp_site_bytes(s);
	c->cur.blocks += sign * mp_site_weight(s);
}

static bool lives(const struct check *c, const struct made *m)
{
	uint32_t site = m->site & ~MP_FROM_BASE;

	return site && process_of(c, site)->epoch == m->epoch;
}

static void end_block(struct check *c, struct made *m)
{
	if (!lives(c, m)) {
		give_up(c, "a free ends no allocation");
		return;
	}
	change(c, m->site & ~MP_FROM_BASE, (uint64_t)-1, m->site & MP_FROM_BASE);
	m->site = 0;
}

static void leave(struct check *c, struct process *p)
{
	if (!p->done) {
		c->left.bytes += p->live.bytes;
		c->left.blocks += p->live.blocks;
	}
	p->done = true;
}

static void end_process(struct check *c, uint64_t process)
{
	struct process *p = &c->process[process];

	leave(c, p);
	c->cur.bytes -= p->live.bytes + p->base.bytes;
	c->cur.blocks -= p->live.blocks + p->base.blocks;
	p->live = p->base = (struct sum){ 0, 0 };
	p->epoch++;
}

/* M lives on in SLOT, which is free; one never used is the lowest of those. */
static void give_slot(struct check *c, const struct made *m, uint32_t slot)
{
	if (slot > c->top) {
		give_up(c, "a new slot is not the lowest");
		return;
	}
	if (!reach(c, &c->slot, &c->slot_room, slot, sizeof(*c->slot)))
		return;
	if (slot < c->top && lives(c, &c->slot[slot]))
		give_up(c, "a slot is given twice");
	c->top += slot == c->top;
	c->slot[slot] = *m;
}

static void give_slots(struct check *c, const struct mp_block *b)
{
	uint32_t old = 0, fresh = 0;

	for (uint32_t i = 0; i < b->n_alloc && c->on; i++) {
		if (!lives(c, &c->made[i]))
			continue;
		while (old < b->n_old && !b->old[old])
			old++;
		if (old < b->n_old)
			give_slot(c, &c->made[i], b->old[old++]);
		else if (fresh < b->n_new)
			give_slot(c, &c->made[i], b->new_[fresh++]);
	}
	if (c->on && c->top != b->slots)
		complain(c, "its slots are not those its events used");
}

/* ---- a block of events --------------------------------------------------------------- */

static bool is_free(const struct mp_block *b, uint32_t i)
{
	return b->op[i / 8] >> i % 8 & 1;
}

static void check_times(struct check *c, const struct mp_block *b)
{
	uint64_t last = b->first_time;
	bool good = last >= c->time && b->last_time >= last;

	for (uint32_t i = 0; i < b->n_time; i++) {
		good &= b->time[i].value >= last;
		last = b->time[i].value;
	}
	if (!good || last > b->last_time)
		complain(c, "its times go back or differ from its header's");
	c->time = b->last_time;
}

/* A number 0 stands at a free, and the next event is its allocation. */
static void check_replace(struct check *c, const struct mp_block *b)
{
	for (uint32_t i = 0; i < b->n_replace; i++) {
		uint32_t at = b->replace[i].position;

		if (!(b->replace[i].value >> 3) &&
		    (at + 1 >= b->n || !is_free(b, at) || is_free(b, at + 1)))
			complain(c, "half of a replacement is missing");
	}
}

/* Whether allocation AT is what a partial unmap left; entry *E was the last seen. */
static bool is_partial(const struct mp_block *b, uint32_t at, uint32_t *e)
{
	const struct mp_pair *p = b->replace;

	/* an entry without a number stands at the free before */
	while (*e < b->n_replace && p[*e].position + !(p[*e].value >> 3) < at)
		++*e;
	return *e < b->n_replace && p[*e].position + !(p[*e].value >> 3) == at &&
		(p[*e].value & 7) == MP_REPLACE_PARTIAL;
}

static void walk(struct check *c, const struct mp_block *b)
{
	uint32_t allocs = 0, frees = 0, old = 0, end = 0, entry = 0;

	c->max = c->cur.bytes;
	c->position = 0;
	for (uint32_t i = 0; c->on; i++) {
		for (; end < b->n_procend && b->procend[end].position == i; end++)
			end_process(c, b->procend[end].value);
		if (i == b->n)
			break;
		if (!is_free(b, i)) {
			uint32_t site = b->sites[b->site[allocs]];

			c->made[allocs++] = (struct made){ site, process_of(c, site)->epoch };
			change(c, site, 1, false);
			if (!is_partial(b, i, &entry) &&
			    mp_counts(c->r->tree, c->r->tree->site.x[site].kind))
				c->total += mp_site_bytes(&c->r->tree->site.x[site]);
		} else if (b->back[frees]) {
			end_block(c, &c->made[allocs - b->back[frees++]]);
		} else {
			frees++;
			if (b->old[old++])
				end_block(c, &c->slot[b->old[old - 1]]);
		}
		if (c->cur.bytes > c->max) {
			c->max = c->cur.bytes;
			c->position = i + 1;
		}
	}
}

static void check_start(struct check *c, const struct mp_block *b)
{
	if (b->live_bytes != c->cur.bytes || b->live_blocks != c->cur.blocks)
		complain(c, "sums differ from its events");
}

static void check_events(struct check *c, const struct mp_block *b)
{
	c->events = true;
	check_start(c, b);
	check_times(c, b);
	check_replace(c, b);
	if (!reach(c, &c->made, &c->made_room, b->n_alloc, sizeof(*c->made)) ||
	    !reach(c, &c->slot, &c->slot_room, b->slots, sizeof(*c->slot)))
		return;
	walk(c, b);
	if (c->on && (c->max != b->max_live || c->position != b->position))
		complain(c, "sums differ from its events");
	if (c->max > c->peak)
		c->peak = c->max;
	give_slots(c, b);
}

/* ---- other blocks -------------------------------------------------------------------- */

static void check_base(struct check *c, const struct mp_block *b)
{
	if (c->events)
		complain(c, "blocks live before the first event come behind it");
	for (uint32_t i = 0; i < b->n && c->on; i++) {
		uint32_t site = (uint32_t)b->c_site[i];
		struct made m = { site | MP_FROM_BASE, process_of(c, site)->epoch };

		if (b->c_slot[i] != c->top)
			give_up(c, "a new slot is not the lowest");
		else
			give_slot(c, &m, (uint32_t)b->c_slot[i]);
		change(c, site, 1, true);
	}
	if (c->cur.bytes > c->peak)
		c->peak = c->cur.bytes;
}

static void check_other(struct check *c, const struct mp_block *b)
{
	check_start(c, b);
	if (b->max_live != b->live_bytes || b->position)
		complain(c, "sums differ from the events");
	for (uint32_t i = 1; i < b->n && b->s_time; i++)
		if (b->s_time[i] < b->s_time[i - 1])
			complain(c, "its times go back");
	for (uint32_t i = 0; b->kind == MP_BLOCK_MARKS && b->s_name && b->s_process && i < b->n; i++)
		if (b->s_process[i] &&
		    !strcmp(mp_str(c->r->tree, (uint32_t)b->s_name[i]), MP_FINALIZE))
			leave(c, &c->process[b->s_process[i]]);
}

static void check_block(struct check *c, const struct mp_block *b)
{
	c->on &= !b->resync;
	if (!c->on || !reach(c, &c->process, &c->process_room, c->r->tree->process.n,
			sizeof(*c->process)))
		return;
	if (b->kind == MP_BLOCK_EVENTS)
		check_events(c, b);
	else if (b->kind == MP_BLOCK_BASE)
		check_base(c, b);
	else if (b->kind <= MP_BLOCK_MARKS)
		check_other(c, b);
	tell(c, b->sequence);
}

/* END is at hand: what its numbers and its header tell. */
static void check_end(struct check *c)
{
	const struct mp_reader *r = c->r;
	const uint64_t *number = r->end_number;

	for (size_t i = 0; i < c->process_room; i++)
		leave(c, &c->process[i]);
	if (r->block.live_bytes != c->cur.bytes || r->block.live_blocks != c->cur.blocks)
		complain(c, "sums differ from the events");
	if (number[1] != c->total)
		complain(c, "bytes allocated differ from the events");
	if (number[2] != c->left.blocks || number[3] != c->left.bytes)
		complain(c, "what is live at the end differs from the events");
	if (number[4] != c->peak)
		complain(c, "the peak differs from the events");
	if (number[5] < r->own.lost_events || number[6] < r->own.lost_bytes ||
	    number[9] < r->own.sample_interval)
		complain(c, "less is lost than its headers say");
	tell(c, r->block.sequence);
}

int mp_verify_part(struct mp_reader *r, uint64_t *records)
{
	struct check c = { .r = r, .on = r->kind == MP_TRACE && !r->damaged, .top = 1 };
	const struct mp_block *b;

	while (mp_next_block(r, MP_WANT_ALL, &b) > 0) {
		if (b->kind != MP_BLOCK_CHECKPOINT)
			*records += b->n;
		if (r->kind == MP_TRACE)
			check_block(&c, b);
	}
	if (c.on && r->complete && !r->damaged)
		check_end(&c);
	free(c.slot), free(c.made), free(c.process);
	return mp_err_is(&r->error) ? -1 : 0;
}

/* ends.c - what ends: slots, process images, children that never showed up, and
 * the session.
 */
#include "drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	MS = 1000000,
	STALE = 100 * MS,               /* an image without slots whose process we cannot watch */
	LOOK = 100 * MS,                /* how often children that never showed up are looked at
					 * while others run */
	UNSEEN = 1000 * MS,             /* how long a child may run without the ring */
	SETTLED = 20 * MS,              /* an unmap that would have failed by now */
	OVERTAKEN = 2000 * MS,          /* a new image waits no longer for the old one's threads */
};

/* ---- children expected --------------------------------------------------------------------- */

void drain_expect(struct drain *d, uint32_t pid)
{
	int fd = process_watch(pid);

	if (fd < 0)
		return;
	if (d->expecteds == d->expected_room) {
		uint32_t room = d->expected_room ? d->expected_room * 2 : 16;
		struct expected *x = realloc(d->expected, room * sizeof *x);

		if (!x) {
			d->ident.failed = true;
			return;
		}
		d->expected = x;
		d->expected_room = room;
	}
	d->expected[d->expecteds++] = (struct expected){ pid, fd, session_now(d->session) };
}

/* A program that was started without the hook.  PROGRAM may be NULL. */
static void tell_untraced(struct drain *d, const char *program)
{
	char text[4200];
	int n = snprintf(text, sizeof text, "%s cannot be traced; it runs on unseen", program);

	d->counts.untraced++;
	if (program && n > 0)
		drain_say_once(d, text, sizeof text);
}

static void forget(struct drain *d, uint32_t i)
{
	close(d->expected[i].pidfd);
	d->expected[i] = d->expected[--d->expecteds];
}

void drain_arrived(struct drain *d, uint32_t pid)
{
	for (uint32_t i = d->expecteds; i-- > 0; )
		if (!pid || d->expected[i].pid == pid)
			forget(d, i);
}

/* Children that are gone need no waiting for; those that run on without the
 * ring have become a program we do not see. */
static void look_for_expected(struct drain *d, uint64_t now)
{
	for (uint32_t i = d->expecteds; i-- > 0; ) {
		struct expected *e = &d->expected[i];

		if (process_exited(e->pidfd)) {
			forget(d, i);
		} else if (now - e->since > UNSEEN) {
			if (!process_maps_ring(e->pid)) {
				char *program = process_program(e->pid);

				tell_untraced(d, program);
				free(program);
				forget(d, i);
			} else {
				e->since = now;
			}
		}
	}
}

/* ---- slots and images ------------------------------------------------------------------------- */

static void end_slot(struct drain *d, struct slot *s)
{
	uint64_t events = atomic_load(&s->shared->lost_events);
	uint64_t bytes = atomic_load(&s->shared->lost_bytes);

	drain_settle(d, s);
	if (events > s->lost_events)
		drain_lost(d, events - s->lost_events,
				bytes > s->lost_bytes ? bytes - s->lost_bytes : 0);
	if (s->depth == 0)
		image_thread_gone(s->image, s->tid);
	if (--s->image->slots)
		return;
	s->image->idle_since = session_now(d->session) | 1;
	/* alive without threads: an exec.  If the hook is not in it, this stays its name. */
	if (s->image->exec && !s->image->became && s->image->pidfd >= 0 &&
			!process_exited(s->image->pidfd) && !process_maps_ring(s->image->pid))
		s->image->became = process_program(s->image->pid);
}

static void end_image(struct drain *d, struct image *image)
{
	if (image->became && !image->overtaken_at)
		tell_untraced(d, image->became);
	drain_set_time(d, d->epoch);
	ident_procend(&d->ident, &image->memory);
	image->ended = true;
	d->images.live--;
	for (uint32_t i = d->images.first; i < d->images.n; i++)
		if (d->images.x[i]->before == image)
			d->images.x[i]->before = NULL;
	images_count(&d->images, image);
	image_close(image);
}

static void end_slots(struct drain *d)
{
	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		if (!s->used || s->pos != s->seen || !s->image)
			continue;
		if (s->dead) {
			end_slot(d, s);
			slot_recycle(s, d->session);
			d->gave = true;
		} else if (s->unmap && (uint64_t)d->epoch * MS > s->unmap_since + SETTLED) {
			drain_confirm_unmap(d, s);
		}
	}
}

/* Locks can be lost (a program may replace its robust list); processes cannot. */
static void look_for_over(struct drain *d, uint64_t now)
{
	for (uint32_t i = d->images.first; i < d->images.n; i++) {
		struct image *image = d->images.x[i];

		if (!image->slots)
			continue;
		if (image->pidfd >= 0 && process_exited(image->pidfd))
			image->over = true;
		if (image->overtaken_at && now - image->overtaken_at > OVERTAKEN)
			image->over = true;
	}
}

/* IMAGE has no slot. */
static bool has_ended(const struct image *image, uint64_t now)
{
	if (image->overtaken_at)
		return true;
	if (image->became && now - image->idle_since > UNSEEN)
		return true;
	return image_gone(image) &&
		(image->pidfd >= 0 || image->over || now - image->idle_since > STALE);
}

void drain_find_ends(struct drain *d)
{
	struct images *im = &d->images;
	uint64_t now;

	end_slots(d);
	now = session_now(d->session);  /* not before: images are idle since then */
	while (im->first < im->n && im->x[im->first]->ended)
		im->first++;
	for (uint32_t i = im->first; i < im->n; i++) {
		struct image *image = im->x[i];

		if (image->ended)
			continue;
		/* gone once, and in the pass after that still no slot */
		if (image->slots)
			image->gone = false;
		else if (image->gone)
			end_image(d, image);
		else
			image->gone = has_ended(image, now);
	}
	if (now - d->looked > LOOK || !im->live) {
		d->looked = now;
		look_for_expected(d, now);
		look_for_over(d, now);
	}
}

bool drain_busy(const struct drain *d)
{
	for (uint32_t i = 0; i < d->used; i++)
		if (d->slot[i].used && !d->slot[i].bad && d->slot[i].pos < d->slot[i].seen)
			return true;
	return d->images.live || d->expecteds;
}

void drain_finish(struct drain *d)
{
	struct mp_session *shared = d->session->shared;

	for (uint32_t i = 0; i < d->used; i++) {
		struct slot *s = &d->slot[i];

		if (s->used && s->image)
			end_slot(d, s);
	}
	drain_lost(d, atomic_load(&shared->lost_events) + d->thrown,
			atomic_load(&shared->lost_bytes));
	if (d->ident.counts.unrecorded)
		drain_mark(d, NULL, "frees left out", (int64_t)d->ident.counts.unrecorded);
	if (d->symboliser && symboliser_finish(d->symboliser, d->tree) < 0)
		d->ident.failed = true;
	drain_set_time(d, (uint32_t)(session_now(d->session) / MS));
	mp_enc_flush(d->writer, d->time);
}

/* tell.c - see tell.h. */
#include "tell.h"

#include "print.h"

#include <inttypes.h>
#include <stdio.h>

static void tell_checks(struct drain *d, void (*say)(const char *))
{
	static const char *const name[MP_CHECKS] = {
		"stacks checked", "native stacks wrong", "python stacks wrong",
		"stack flags wrong", "stacks not as libgcc",
	};
	char text[256];
	size_t at = 0;

	for (unsigned i = 0; i < MP_CHECKS; i++) {
		uint64_t n = atomic_load(&d->session->shared->check[i]);

		drain_mark(d, NULL, name[i], (int64_t)n);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s: %" PRIu64,
				i ? ", " : "", name[i], n);
	}
	say(text);
}

void tell_stacks(struct drain *d, void (*say)(const char *))
{
	const struct stacks_counts *c = &d->images.counts;
	const struct { uint64_t n; const char *mark, *what; } part[] = {
		{ c->unjoined, "stacks unjoined", "with native and Python frames apart" },
		{ c->cut, "stacks cut", "cut at their outer end" },
		{ c->torn, "stacks torn", "that changed while they were read" },
		{ c->libgcc, "stacks by libgcc", "that only libgcc's unwinder could make" },
		{ c->no_code, "frames unnamed", "with a Python frame of unknown code" },
		{ c->bad, "stacks refused", "that made no sense" },
	};
	char text[512];
	size_t at = (size_t)snprintf(text, sizeof text, "of %" PRIu64 " distinct stacks:",
			c->stacks), first = at;

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		if (!part[i].n)
			continue;
		drain_mark(d, NULL, part[i].mark, (int64_t)part[i].n);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s %" PRIu64 " %s",
				at > first ? "," : "", part[i].n, part[i].what);
	}
	if (at > first)
		say(text);
	if (d->session->options & MP_OPT_CHECK)
		tell_checks(d, say);
}

void tell_blocks(const struct ident *ident, void (*say)(const char *))
{
	const struct ident_counts *c = &ident->counts;
	bool sampled = ident->interval != 0;
	char text[128];

	snprintf(text, sizeof text, "%" PRIu64 " allocations over a live block: its free was "
			"not seen", c->overlaps);
	if (c->overlaps)
		say(text);
	snprintf(text, sizeof text, "%" PRIu64 " frees of blocks made before tracing or a fork",
			c->outside);
	if (c->outside)
		say(text);
	snprintf(text, sizeof text, "%" PRIu64 " frees of blocks made while recording was paused",
			c->unrecorded);
	if (c->unrecorded && !sampled)
		say(text);
}

void tell_loss(const struct drain *d, void (*say)(const char *))
{
	const struct drain_counts *c = &d->counts;
	char text[128], bytes[PRINT_NUMBER];

	if (d->null)
		snprintf(text, sizeof text, "MP_DRAIN=null: %" PRIu64 " events were thrown away",
				d->thrown);
	else
		snprintf(text, sizeof text, "%" PRIu64 " events (%s) were lost: the rings were full",
				c->lost_events, print_number(bytes, (int64_t)c->lost_bytes, "B"));
	if (d->null || c->lost_events)
		say(text);
}

void tell_waits(const struct drain *d, void (*say)(const char *))
{
	const struct mp_session *s = d->session->shared;
	uint64_t waits = atomic_load(&s->waits);
	char text[128];

	snprintf(text, sizeof text, "threads waited %" PRIu64 " times for room, %.3f s in all "
			"(--ring gives more)", waits, (double)atomic_load(&s->waited_ns) / 1e9);
	if (waits)
		say(text);
}

void tell_cpu(const struct cpu *cpu, void (*say)(const char *))
{
	const struct sample_counts *c = &cpu->counts;
	char text[512];
	int at;

	if (!cpu->gap)
		return;
	at = snprintf(text, sizeof text, "%" PRIu64 " samples running, %" PRIu64 " idle", c->running,
			c->idle);
	if (!c->moments)
		snprintf(text + at, sizeof text - (size_t)at, ": %s", cpu->why[0] ? cpu->why :
				"the program ended before it could be looked at");
	else if (c->torn || c->missed)
		snprintf(text + at, sizeof text - (size_t)at, ", %" PRIu64 " of them torn; %" PRIu64
				" moments missed", c->torn, c->missed);
	say(text);
	if (c->torn)
		drain_mark(cpu->drain, NULL, "samples torn", (int64_t)c->torn);
	if (c->missed)
		drain_mark(cpu->drain, NULL, "moments missed", (int64_t)c->missed);
}

/* tell.c - see tell.h. */
#include "tell.h"

#include "cli.h"

#include <inttypes.h>
#include <stdio.h>

void tell_stacks(struct drain *d)
{
	const struct stacks_counts *c = &d->images.counts;
	const struct { uint64_t n; const char *mark, *what; } part[] = {
		{ c->unjoined, "stacks unjoined", "with native and Python frames apart" },
		{ c->cut, "stacks cut", "cut at their outer end" },
		{ c->torn, "stacks torn", "that changed while they were read" },
		{ c->no_code, "frames unnamed", "with a Python frame of unknown code" },
		{ c->bad, "stacks refused", "that made no sense" },
	};
	char text[512];
	size_t at = 0;

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		if (!part[i].n)
			continue;
		drain_mark(d, NULL, part[i].mark, (int64_t)part[i].n);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRIu64 " %s",
				at ? ", " : "", part[i].n, part[i].what);
	}
	if (at)
		note("of %" PRIu64 " distinct stacks: %s", c->stacks, text);
}

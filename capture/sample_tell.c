/* sample_tell.c - what a sampler says at its end: losses always, the rest unless quiet
 * (sample_group.h).
 */
#include "sample_group.h"

#include "cli.h"
#include "print.h"

#include <sys/resource.h>

static void tell_native(const struct native_counts *c, double seconds)
{
	if (!c->stacks && !c->missed)
		return;
	note("native stacks by %s: %llu, not joined with Python %llu, cut %llu, torn %llu; not "
			"made: on no CPU %llu, over %d %% of its time %llu",
			!c->stops ? "perf_event" : c->photos ? "perf_event and ptrace" : "ptrace",
			(unsigned long long)c->stacks, (unsigned long long)c->unjoined,
			(unsigned long long)c->cut, (unsigned long long)c->torn,
			(unsigned long long)c->waiting, 1, (unsigned long long)c->spared);
	if (c->stops)
		note("stops by ptrace: %llu, %.3f %% of the time", (unsigned long long)c->stops,
				(double)c->held * 100 / 1e9 / seconds);
	if (c->missed)
		warn("%llu of %llu native stacks could not be copied: the thread did not stop, or "
				"is traced by another program", (unsigned long long)c->missed,
				(unsigned long long)(c->missed + c->stacks));
}

void group_tell(const struct sample_group *g, double seconds, uint64_t bytes)
{
	struct sample_counts counts, *c = &counts;
	struct native_counts native;
	char rss[PRINT_NUMBER], most[PRINT_NUMBER], written[PRINT_NUMBER];
	struct rusage own;

	group_counts(g, &counts, &native);
	if (c->missed)
		warn("%llu of %llu moments were lost: the threads changed faster than they could "
				"be read", (unsigned long long)c->missed,
				(unsigned long long)(c->missed + c->moments));
	if (c->unknown)
		warn("%llu times a thread was left out: its number could not be told",
				(unsigned long long)c->unknown);
	if (c->torn)
		note("torn samples: %llu; they end in [torn] where the stack changed while it was "
				"read", (unsigned long long)c->torn);
	tell_native(&native, seconds);
	if (g->processes > 1)
		note("processes sampled: %llu", (unsigned long long)g->processes);
	getrusage(RUSAGE_SELF, &own);
	note("%.2f s, %llu moments: %llu samples running, %llu idle, threads %llu, GIL held %llu %%; "
			"RSS %s, at most %s; %s written; %.2f %% of a core used", seconds,
			(unsigned long long)c->moments, (unsigned long long)c->running,
			(unsigned long long)c->idle, (unsigned long long)c->threads,
			(unsigned long long)(c->moments ? c->locked * 100 / c->moments : 0),
			print_number(rss, (int64_t)g->rss, "B"),
			print_number(most, (int64_t)g->most_rss, "B"),
			print_number(written, (int64_t)bytes, "B"),
			((double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
			(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6) * 100 / seconds);
}

/* cpu.c - see cpu.h. */
#include "cpu.h"

#include "encode.h"
#include "sample_draw.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { SECOND = 1000000000 };

void cpu_init(struct cpu *c, struct drain *d, unsigned hz, bool resident)
{
	*c = (struct cpu){ .drain = d, .gap = hz ? SECOND / hz : 0, .resident = resident };
	if (getrandom(&c->seed, sizeof c->seed, 0) != (ssize_t)sizeof c->seed)
		c->seed = (uint64_t)getpid();
}

/* The trace has a thread's name, or gets it from the thread. */
static uint32_t thread_of(void *ctx, uint32_t tid, uint64_t now)
{
	struct cpu_image *i = ctx;

	return image_thread(&i->cpu->drain->images, i->image, tid, false, 0, now);
}

static struct cpu_image *new_image(struct cpu *c, struct image *image)
{
	struct cpu_image *i = calloc(1, sizeof *i);

	if (!i)
		return NULL;
	i->image = image;
	i->cpu = c;
	i->s.writer = c->drain->writer;
	i->s.tree = c->drain->tree;
	i->s.pid = (pid_t)image->pid;
	i->s.process = image->memory.process;
	i->s.own_process = true;
	i->s.thread_of = thread_of;
	i->s.thread_ctx = i;
	return i;
}

static struct cpu_image *image_of(struct cpu *c, uint32_t n)
{
	struct images *images = &c->drain->images;

	if (n >= c->n) {
		struct cpu_image **x = reallocarray(c->x, images->room, sizeof *x);

		if (!x)
			return NULL;
		for (; c->n < images->room; c->n++)
			x[c->n] = NULL;
		c->x = x;
	}
	if (!c->x[n])
		c->x[n] = new_image(c, images->x[n]);
	return c->x[n];
}

/* Late: by then a stack that was torn may be known. */
static void write_all(struct cpu *c)
{
	struct sampler **all = calloc(c->n + 1, sizeof *all);
	uint32_t live = 0;

	if (!all) {
		c->failed = true;
		return;
	}
	for (uint32_t n = 0; n < c->n; n++)
		if (c->x[n] && c->x[n]->image)
			all[live++] = &c->x[n]->s;
	samplers_write(all, live);
	free(all);
}

/* Its process has ended, or become another image. */
static void image_over(struct cpu *c, struct cpu_image *i, uint64_t now)
{
	if (!i || !i->image)
		return;
	sampler_detach(&i->s, now);
	write_all(c);
	sample_counts_add(&c->counts, &i->s.counts);
	if (!c->why[0])
		memcpy(c->why, i->s.why, sizeof c->why);
	c->failed |= i->s.failed;
	sampler_free(&i->s);
	i->image = NULL;
}

void cpu_take(struct cpu *c)
{
	struct images *images = &c->drain->images;
	uint64_t now = c->gap ? session_now(c->drain->session) : 0;
	bool full = false;

	if (!c->gap || now < c->next)
		return;
	for (uint32_t n = 0; n < images->n; n++) {
		struct image *image = images->x[n];
		struct cpu_image *i;

		if (image->ended || image->gone || image->pidfd < 0 || image->overtaken_at) {
			image_over(c, n < c->n ? c->x[n] : NULL, now);
			continue;
		}
		i = image_of(c, n);
		if (!i) {
			c->failed = true;
			return;
		}
		if (!i->image || (c->resident && !image->rss))
			continue;
		i->s.size.rss = image->rss;
		sampler_step(&i->s, now);
		full |= sampler_is_full(&i->s);
	}
	if (full || now >= c->written + SECOND / 2) {
		write_all(c);
		c->written = now;
	}
	/* exponential, so that no rhythm of the program's can keep step with it */
	c->next += (uint64_t)sample_gap(&c->seed, (uint32_t)c->gap);
	if (c->next < now)              /* late: what was missed is not made up for */
		c->next = now;
}

uint64_t cpu_wait(const struct cpu *c, uint64_t most)
{
	uint64_t now;

	if (!c->gap)
		return most;
	now = session_now(c->drain->session);
	return c->next <= now ? 0 : c->next - now < most ? c->next - now : most;
}

void cpu_finish(struct cpu *c)
{
	uint64_t now = session_now(c->drain->session);

	for (uint32_t n = 0; n < c->n; n++)
		image_over(c, c->x[n], now);
	c->drain->ident.failed |= c->failed;
}

void cpu_free(struct cpu *c)
{
	for (uint32_t n = 0; n < c->n; n++) {
		if (c->x[n] && c->x[n]->image)
			sampler_free(&c->x[n]->s);
		free(c->x[n]);
	}
	free(c->x);
}

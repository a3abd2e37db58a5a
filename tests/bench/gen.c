/* gen.c - write a synthetic trace.
 * Usage: gen SHAPE EVENTS THREADS SITES > FILE, SHAPE python, loopy, iid or old
 */
#include "encode.h"
#include "synth.h"

#include <stdio.h>

enum { DEPTH = 24, EVENT_NS = 100, GRANULARITY_NS = 1000000 };

struct block {
	uint32_t ref, site;
}; /* by entry */

struct gen {
	struct synth s;
	struct block *block;
	uint32_t room;
	uint32_t open[MP_BLOCK_MAX]; /* allocation of the open block -> entry */
};

static void survivor(void *ctx, uint32_t index, uint32_t slot)
{
	struct gen *g = ctx;

	if (g->open[index])
		g->block[g->open[index]].ref = slot;
}

/* A stack of native and Python frames, shared towards the root. */
static uint32_t stack(struct mp_tree *t, uint32_t site)
{
	mp_node node = 0;
	char name[32];

	for (uint32_t i = 0, path = site; i < DEPTH; i++) {
		struct mp_frame f = {.func = name,
			.file = "",
			.module = "/usr/lib/libpython.so",
			.build_id = "0123456789abcdef",
			.flags = MP_FRAME_NATIVE | MP_FRAME_UNRESOLVED,
			.offset = 0x1000 * (i + 1)};

		if (i % 3 == 2) {
			path = i + 3 < DEPTH ? site % (4u << i / 3) : site;
			snprintf(name, sizeof(name), "function_%u", path % 997);
			f = (struct mp_frame){.func = name,
				.file = "app.py",
				.module = "",
				.build_id = "",
				.line = path + 1,
				.flags = MP_FRAME_PYTHON};
		}
		node = mp_push(t, node, &f);
	}
	return node;
}

static void define(struct mp_tree *t, const struct gen *g)
{
	char name[32];
	struct mp_process p = {.pid = 1000,
		.name = mp_def_cstring(t, "python3"),
		.command = mp_def_cstring(t, "python3 app.py"),
		.page = 4096};
	uint32_t process = mp_def_process(t, &p);

	for (uint32_t i = 0; i < g->s.threads; i++) {
		snprintf(name, sizeof(name), "thread %u", i + 1);
		mp_def_thread(t, &(struct mp_thread){.process = process,
					 .tid = 1000 + i,
					 .name = mp_def_cstring(t, name)});
	}
	for (uint32_t i = 0; i < g->s.sites; i++)
		mp_def_site(t, &(struct mp_site){.process = process,
				       .node = stack(t, i),
				       .kind = MP_ALLOC_PYOBJECT_MALLOC,
				       .size = 24 + 8 * (i * 2654435761u >> 26)});
}

static bool write_event(struct gen *g, struct mp_writer *w, uint64_t time)
{
	uint32_t site, entry, ref;

	if (!synth_next(&g->s, &site, &entry))
		return false;
	if (entry >= g->room) {
		uint32_t room = g->room ? g->room * 2 : 1024;

		g->block = realloc(g->block, room * sizeof(*g->block));
		if (!g->block)
			return false;
		g->room = room;
	}
	if (!site) {
		mp_enc_free(w, time, g->s.thread, g->block[entry].ref, g->block[entry].site);
		return true;
	}
	ref = mp_enc_alloc(w, time, g->s.thread, site);
	g->open[ref & ~MP_REF_OPEN] = entry;
	g->block[entry] = (struct block){ref, site};
	return true;
}

int main(int argc, char **argv)
{
	static const char *const shape[] = {"python", "loopy", "iid", "old"};
	static struct gen g;
	const struct mp_encoder encoder = {&g, survivor};
	struct mp_writer *w = mp_create("-", MP_BINARY, 1);
	unsigned long n, kind = 0;

	while (argc == 5 && kind < 4 && strcmp(argv[1], shape[kind]))
		kind++;
	if (argc != 5 || kind == 4 || !w) {
		fprintf(stderr,
			"usage: gen python|loopy|iid|old EVENTS THREADS SITES > FILE\n");
		return 2;
	}
	n = strtoul(argv[2], NULL, 10);
	if (!synth_init(&g.s, (enum synth_shape)kind, (uint32_t)strtoul(argv[4], NULL, 10),
		    (uint32_t)strtoul(argv[3], NULL, 10)) ||
		mp_begin(w, MP_TRACE)) {
		fprintf(stderr, "gen: cannot begin\n");
		return 2;
	}
	mp_set_encoder(w, &encoder);
	define(mp_writer_tree(w), &g);
	for (unsigned long i = 0; i < n; i++)
		if (!write_event(&g, w, i * EVENT_NS / GRANULARITY_NS * GRANULARITY_NS))
			return 2;
	if (mp_end(w))
		fprintf(stderr, "gen: %s\n", mp_writer_error(w));
	synth_free(&g.s);
	free(g.block);
	return mp_finish(w) ? 2 : 0;
}

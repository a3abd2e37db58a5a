/* test_container.c - random histories written and read back, against a model
 * that keeps every event in an array.
 */
#include "tap.h"

#include "bytes.h"
#include "io.h"

#include <string.h>

/* ---- bytes in memory ------------------------------------------------------------- */

struct mem { uint8_t *p; size_t n, room; };

static int to_mem(void *ctx, const void *data, size_t n)
{
	struct mem *m = ctx;

	if (m->n + n > m->room) {
		m->room = 2 * (m->n + n);
		m->p = realloc(m->p, m->room);
	}
	memcpy(m->p + m->n, data, n);
	m->n += n;
	return 0;
}

/* ---- histories ----------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 20) % n);
}

enum { MAX_LIVE = 300000 };

struct history {
	struct mp_event *e;
	size_t n, room;
	uint64_t *live, n_live, made, time;
	struct mp_event *of;            /* allocation by number */
	size_t of_room;
	struct mp_tree *tree;
	uint64_t bytes, peak, total;
	bool done[8];                   /* by process: finalising or ended */
	uint64_t left_blocks, left_bytes;
};

static void add_event(struct history *h, const struct mp_event *e)
{
	if (h->n == h->room) {
		h->room = h->room ? 2 * h->room : 1024;
		h->e = realloc(h->e, h->room * sizeof(*h->e));
	}
	h->e[h->n++] = *e;
}

static struct history history_new(unsigned sites, unsigned threads)
{
	struct history h = { .tree = mp_tree_new() };
	struct mp_tree *t = h.tree;
	uint32_t node = 0;
	char name[32];

	h.live = calloc(MAX_LIVE, sizeof(*h.live));
	for (unsigned i = 0; i < 3; i++)
		mp_def_process(t, &(struct mp_process){ .pid = 100 + i, .parent = i,
				.name = mp_def_cstring(t, "prog"), .page = 4096 });
	for (unsigned i = 0; i < threads; i++)
		mp_def_thread(t, &(struct mp_thread){ .process = 1 + i % 3, .tid = 100 + i });
	for (unsigned i = 0; i < sites; i++) {
		struct mp_site s = { .process = 1 + rnd(3), .size = rnd(5000),
			.kind = rnd(2) ? MP_ALLOC_MALLOC : MP_ALLOC_PYOBJECT_MALLOC };
		uint32_t code;

		snprintf(name, sizeof(name), "f%u", rnd(200));
		code = mp_def_code(t, mp_def_cstring(t, name), mp_def_cstring(t, "a.py"), 1);
		node = mp_def_node(t, rnd(10) ? node : 0,
				mp_def_location(t, MP_LOC_PYTHON, code, rnd(100)));
		if (rnd(20) == 0)
			s.kind = MP_ALLOC_RUNTIME;
		s.node = node;
		mp_def_site(t, &s);
	}
	return h;
}

static void put_alloc(struct history *h, uint32_t site, uint32_t reason, uint64_t number)
{
	const struct mp_site *s = &h->tree->site.x[site];
	struct mp_event e = { .op = MP_OP_ALLOC, .time = h->time,
		.thread = 1 + rnd(h->tree->thread.n), .block = ++h->made, .site = site,
		.size = s->size, .node = s->node, .kind = s->kind, .process = s->process,
		.replace = reason, .replace_number = number };

	if (h->made >= h->of_room) {
		h->of_room = 2 * h->made;
		h->of = realloc(h->of, (h->of_room + 1) * sizeof(*h->of));
	}
	h->of[h->made] = e;
	h->live[h->n_live++] = h->made;
	add_event(h, &e);
	if (mp_counts(h->tree, s->kind)) {
		h->bytes += s->size;
		h->total += reason == MP_REPLACE_PARTIAL ? 0 : s->size;
		h->peak = h->bytes > h->peak ? h->bytes : h->peak;
	}
}

static void put_free(struct history *h, uint64_t at, uint32_t reason, uint64_t number)
{
	struct mp_event e = h->of[h->live[at]];

	e.op = MP_OP_FREE;
	e.time = h->time;
	e.thread = 1 + rnd(h->tree->thread.n);
	e.replace = reason;
	e.replace_number = number;
	if (mp_counts(h->tree, e.kind))
		h->bytes -= e.size;
	h->live[at] = h->live[--h->n_live];
	add_event(h, &e);
}

/* What PROCESS has now is what it has at the end. */
static void leave(struct history *h, uint32_t process)
{
	for (uint64_t i = 0; i < h->n_live && !h->done[process]; i++) {
		const struct mp_event *of = &h->of[h->live[i]];

		if (of->process == process && mp_counts(h->tree, of->kind)) {
			h->left_blocks++;
			h->left_bytes += of->size;
		}
	}
	h->done[process] = true;
}

static void put_procend(struct history *h, uint32_t process)
{
	struct mp_event e = { .op = MP_OP_PROCEND, .time = h->time, .process = process };

	add_event(h, &e);
	leave(h, process);
	for (uint64_t i = 0; i < h->n_live;) {
		const struct mp_event *of = &h->of[h->live[i]];

		if (of->process != process) {
			i++;
			continue;
		}
		if (mp_counts(h->tree, of->kind))
			h->bytes -= of->size;
		h->live[i] = h->live[--h->n_live];
	}
}

/* N steps; LIVE: how many blocks live about; RARE: marks, ends and so on. */
static void run(struct history *h, unsigned n, unsigned live, bool rare)
{
	uint32_t sites = h->tree->site.n;

	for (unsigned i = 0; i < n; i++) {
		unsigned what = rnd(1000);

		if (rnd(20) == 0)
			h->time += 1000 * rnd(2000);
		if (rare && rnd(n) < 4)
			h->time += 3000000000ull;
		if (what < 20 && h->n_live) {
			/* a realloc */
			uint64_t number = rnd(3) ? 0 : 1 + h->n;
			uint32_t reason = 1 + rnd(5);

			put_free(h, rnd((uint32_t)h->n_live), reason, number ? number : h->n + 1);
			if (number && rnd(2) && h->n_live)
				put_free(h, rnd((uint32_t)h->n_live), 0, 0);
			else if (number)
				put_alloc(h, 1 + rnd(sites), 0, 0);
			put_alloc(h, 1 + rnd(sites), reason, number ? number : h->n);
		} else if (what < 30) {
			struct mp_event e = { .op = MP_OP_FREE, .time = h->time, .thread = 1,
				.process = 1 };

			if (rnd(2)) {
				e.site = 1 + rnd(sites);
				e.size = h->tree->site.x[e.site].size;
				e.kind = h->tree->site.x[e.site].kind;
				e.node = h->tree->site.x[e.site].node;
				e.process = h->tree->site.x[e.site].process;
			}
			add_event(h, &e);
		} else if (rare && rnd(n) < 6) {
			put_procend(h, 1 + rnd(3));
		} else if (rare && rnd(n) < 10) {
			struct mp_event e = { .op = MP_OP_MARK, .time = h->time, .thread = 1,
				.process = 1 + rnd(3), .name = rnd(2) ? "finalize" : "gc",
				.value = -(int64_t)rnd(100) };

			add_event(h, &e);
			if (strcmp(e.name, "finalize") == 0)
				leave(h, e.process);
		} else if (h->n_live && rnd(2 * live) < h->n_live) {
			/* the young die young */
			uint64_t at = rnd(4) ? h->n_live - 1 : rnd((uint32_t)h->n_live);

			put_free(h, at, 0, 0);
		} else if (h->n_live < MAX_LIVE - 4) {
			put_alloc(h, 1 + rnd(sites), 0, 0);
		}
	}
}

static void history_free(struct history *h)
{
	free(h->e);
	free(h->live);
	free(h->of);
	mp_tree_free(h->tree);
}

static void write_history(struct mem *m, const struct history *h, int level)
{
	struct mp_writer *w = mp_create_sink(to_mem, m, level);
	int status = mp_begin(w, MP_TRACE);

	status |= mp_put_meta(w, "command", "a b");
	for (size_t i = 0; i < h->n; i++)
		status |= mp_put_event(w, h->tree, &h->e[i]);
	status |= mp_end(w);
	if (!ok(!status))
		printf("# %s\n", mp_writer_error(w) ? mp_writer_error(w) : "?");
	ok(!mp_finish(w));
}

/* Threads and processes are numbered anew, in order of first use. */
static uint64_t tid(const struct mp_tree *t, const struct mp_event *e)
{
	return t->thread.x[e->thread].tid;
}

static uint64_t pid(const struct mp_tree *t, const struct mp_event *e)
{
	return t->process.x[e->process].pid;
}

static bool same(const struct mp_tree *t, const struct mp_event *a, const struct mp_tree *u,
		const struct mp_event *b)
{
	bool name = (!a->name && !*(b->name ? b->name : "")) ||
		(a->name && b->name && strcmp(a->name, b->name) == 0);

	if (a->op == MP_OP_PROCEND)
		return b->op == a->op && pid(t, a) == pid(u, b);
	return a->op == b->op && a->time == b->time && tid(t, a) == tid(u, b) &&
		a->block == b->block && a->size == b->size && a->kind == b->kind &&
		a->replace == b->replace && a->value == b->value && name &&
		((a->op == MP_OP_FREE && !a->block) || pid(t, a) == pid(u, b));
}

/* Frames of both nodes are the same. */
static bool same_stack(const struct mp_tree *t, mp_node a, const struct mp_tree *u, mp_node b)
{
	struct mp_frame f, g;

	for (; a && b; a = mp_parent(t, a), b = mp_parent(u, b)) {
		mp_frames(t, a, &f, 1);
		mp_frames(u, b, &g, 1);
		if (strcmp(f.func, g.func) || strcmp(f.file, g.file) || f.line != g.line ||
		    f.flags != g.flags)
			return false;
	}
	return !a && !b;
}

static void check_history(const struct mem *m, const struct history *h)
{
	struct mp_reader *r = mp_open_mem(m->p, m->n);
	uint64_t number = 0, expect = 0;
	struct mp_event e;
	size_t i = 0;
	int got, bad = 0;

	ok(mp_next_part(r) == 1);
	ok(mp_kind(r) == MP_TRACE && mp_meta(r, "command") &&
			strcmp(mp_meta(r, "command"), "a b") == 0);
	while ((got = mp_next(r, &e)) == 1) {
		if (i >= h->n || !same(h->tree, &h->e[i], mp_tree(r), &e) || (i % 7 == 0 && e.op <= MP_OP_FREE &&
			    !same_stack(h->tree, h->e[i].node, mp_tree(r), e.node))) {
			if (!bad++)
				printf("# event %zu of %zu differs: op %d %d block %lu %lu time %lu %lu thread %u %u replace %u %u process %u %u\n",
						i, h->n, h->e[i].op, e.op, h->e[i].block, e.block,
						h->e[i].time, e.time, h->e[i].thread, e.thread,
						h->e[i].replace, e.replace, h->e[i].process, e.process);
		}
		/* both halves of a replacement carry the same number */
		if (e.op == MP_OP_FREE && e.replace) {
			number = e.replace_number;
			expect = h->e[i].replace_number;
		} else if (e.replace && h->e[i].replace_number == expect) {
			bad += e.replace_number != number;
		}
		i++;
	}
	ok(!bad);
	ok(got == 0 && i == h->n);
	ok(!mp_damage(r) && !mp_error(r) && mp_part_complete(r));
	if (mp_damage(r) || mp_error(r))
		printf("# %s %s\n", mp_damage(r), mp_error(r));
	ok(mp_next_part(r) == 0);
	ok(!mp_close(r));
}

/* Nothing is wrong with it for one who follows every event, either. */
static void check_rules(const struct mem *m)
{
	struct mp_reader *r = mp_open_mem(m->p, m->n);
	uint64_t records = 0;

	ok(mp_next_part(r) == 1 && !mp_verify_part(r, &records));
	ok(!mp_damage(r));
	ok(!mp_close(r));
}

/* The totals of END: 96 bytes, the last ones of a stored part. */
static void check_end(const struct mem *m, const struct history *h)
{
	const uint8_t *end = m->p + m->n - 96;
	uint64_t events = 0;

	for (size_t i = 0; i < h->n; i++)
		events += h->e[i].op <= MP_OP_FREE;
	ok(mp_get_u64(end) == events);
	ok(mp_get_u64(end + 8) == h->total);
	ok(mp_get_u64(end + 16) == h->left_blocks);
	ok(mp_get_u64(end + 24) == h->left_bytes);
	ok(mp_get_u64(end + 32) == h->peak);
}

static void test_history(unsigned n, unsigned sites, unsigned threads, unsigned live, bool rare)
{
	struct history h = history_new(sites, threads);

	run(&h, n, live, rare);
	leave(&h, 1), leave(&h, 2), leave(&h, 3);
	for (int level = 0; level < 2; level++) {
		struct mem m = { 0 };

		write_history(&m, &h, level);
		check_history(&m, &h);
		check_rules(&m);
		if (!level)
			check_end(&m, &h);
		printf("# %zu events, level %d: %zu bytes, %.3f per event\n", h.n, level, m.n,
				(double)m.n / (double)(h.n ? h.n : 1));
		free(m.p);
	}
	history_free(&h);
}

/* A process whose parents, more than a few, come with its first event. */
static void test_descent(void)
{
	struct mp_tree *t = mp_tree_new();
	struct mp_event e = { .op = MP_OP_ALLOC, .process = 200, .block = 1, .size = 5 };
	struct mem m = { 0 };
	struct mp_writer *w = mp_create_sink(to_mem, &m, 0);
	struct mp_reader *r;
	uint32_t depth = 0;

	for (uint32_t i = 0; i < 200; i++)
		mp_def_process(t, &(struct mp_process){ .pid = i + 1, .parent = i });
	ok(!mp_begin(w, MP_TRACE) && !mp_put_event(w, t, &e) && !mp_end(w));
	ok(!mp_finish(w));
	r = mp_open_mem(m.p, m.n);
	ok(mp_next_part(r) == 1 && mp_next(r, &e) == 1);
	for (uint32_t at = e.process; at; at = mp_tree(r)->process.x[at].parent)
		depth++;
	ok(depth == 200);
	ok(!mp_close(r));
	mp_tree_free(t);
	free(m.p);
}

/* ---- golden file --------------------------------------------------------------------- */

/* The trace of formats/samples/good/tiny.mp: bytes, once released, stay readable,
 * and the writer still writes them. */
static void test_golden(void)
{
	FILE *f = fopen("formats/samples/good/tiny.mp", "rb");
	static uint8_t golden[8192];
	struct mem m = { 0 };
	struct mp_writer *w = mp_create_sink(to_mem, &m, 0);
	uint32_t process, thread, code, node, site, ref;
	struct mp_tree *t;
	size_t n;

	if (!ok(f != NULL))
		return;
	n = fread(golden, 1, sizeof(golden), f);
	fclose(f);
	mp_begin(w, MP_TRACE);
	t = mp_writer_tree(w);
	mp_put_meta(w, "command", "./a.out");
	mp_set_tick(w, 1000);
	process = mp_def_process(t, &(struct mp_process){ .pid = 42, .page = 4096,
			.name = mp_def_cstring(t, "a.out") });
	thread = mp_def_thread(t, &(struct mp_thread){ .process = process, .tid = 42 });
	code = mp_def_cstring(t, "main");
	code = mp_def_code(t, code, mp_def_cstring(t, "a.py"), 1);
	node = mp_def_node(t, 0, mp_def_location(t, MP_LOC_PYTHON, code, 7));
	site = mp_def_site(t, &(struct mp_site){ .process = process, .node = node,
			.kind = MP_ALLOC_MALLOC, .size = 100 });
	ref = mp_enc_alloc(w, 1000, thread, site);
	mp_enc_alloc(w, 1000, thread, site);
	mp_enc_free(w, 3000, thread, ref, site);
	ok(!mp_end(w));
	ok(!mp_finish(w));
	ok(m.n == n && memcmp(m.p, golden, n) == 0);
	free(m.p);
}

int main(void)
{
	test_golden();
	test_descent();
	test_history(0, 1, 1, 1, false);
	test_history(10, 5, 1, 5, false);
	test_history(2000, 100, 3, 200, true);
	for (int i = 0; i < 20; i++)
		test_history(1 + rnd(3000), 1 + rnd(500), 1 + rnd(5), 1 + rnd(500), true);
	test_history(200000, 400, 2, 1000, false);
	test_history(300000, 40000, 3, 60000, true);
	return tap_done();
}

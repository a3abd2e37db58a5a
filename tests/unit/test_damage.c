/* test_damage.c - a small trace and a small profile, cut at every byte and with
 * every byte changed: nothing crashes, nothing is read as if whole, what lives at
 * the end stays right.
 */
#include "tap.h"

#include "block.h"
#include "bytes.h"
#include "io.h"

#include <string.h>
#include <zstd.h>

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

/* ---- what is written --------------------------------------------------------------- */

static uint32_t stack(struct mp_tree *t, const char *func, uint32_t parent, uint32_t line)
{
	uint32_t code = mp_def_code(t, mp_def_cstring(t, func), mp_def_cstring(t, "app.py"), 1);

	return mp_def_node(t, parent, mp_def_location(t, MP_LOC_PYTHON, code, line));
}

/* Several blocks of events, late lines, a fork, an exit, a finalize mark. */
static void write_trace(struct mem *m, int level)
{
	struct mp_writer *w = mp_create_sink(to_mem, m, level);
	uint32_t ref[200] = { 0 }, process, child, thread, site[4], native, line;
	struct mp_tree *t;

	mp_begin(w, MP_TRACE);
	mp_put_meta(w, "command", "python3 app.py");
	mp_set_tick(w, 1000);
	t = mp_writer_tree(w);
	process = mp_def_process(t, &(struct mp_process){ .pid = 10, .page = 4096,
			.name = mp_def_cstring(t, "python3") });
	thread = mp_def_thread(t, &(struct mp_thread){ .process = process, .tid = 10 });
	native = mp_def_location(t, MP_LOC_NATIVE, mp_def_module(t,
			mp_def_cstring(t, "/lib/x.so"), mp_def_cstring(t, "abcd")), 0x123);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 4; i++) {
			struct mp_site s = { .process = process, .kind = MP_ALLOC_MALLOC,
				.size = 100 * round + i };

			s.node = stack(t, i % 2 ? "load" : "run", 0, round);
			s.node = i == 3 ? mp_def_node(t, s.node, native) : s.node;
			site[i] = mp_def_site(t, &s);
		}
		if (round == 2) {
			line = mp_def_line(t, mp_def_cstring(t, "inner"), mp_def_cstring(t, "x.c"), 5);
			mp_set_lines(t, native, &line, 1);
		}
		for (unsigned i = 0; i < 40; i++) {
			if (i % 3 == 2) {
				/* blocks of earlier rounds lose their refs: only this round's */
				mp_enc_free(w, 1000000 * round, thread, ref[i - 1], site[(i - 1) % 4]);
			} else {
				ref[i] = mp_enc_alloc(w, 1000000 * round, thread, site[i % 4]);
			}
		}
		mp_enc_flush(w, 1000000 * round);
		mp_enc_series(w, 1000000 * round, process, mp_def_cstring(t, "rss"), 1 << 20);
	}
	child = mp_def_process(t, &(struct mp_process){ .pid = 11, .parent = process });
	thread = mp_def_thread(t, &(struct mp_thread){ .process = child, .tid = 11 });
	mp_set_thread_name(t, thread, mp_def_cstring(t, "worker"));
	site[0] = mp_def_site(t, &(struct mp_site){ .process = child, .kind = MP_ALLOC_NEW,
			.size = 77, .node = stack(t, "fork", 0, 3) });
	ref[0] = mp_enc_alloc(w, 6000000, thread, site[0]);
	mp_enc_procend(w, 6500000, child);
	mp_enc_release(w, ref[0], site[0]);
	mp_enc_mark(w, 7000000, 1, process, mp_def_cstring(t, "finalize"), 0);
	mp_end(w);
	ok(!mp_writer_error(w));
	ok(!mp_finish(w));
}

static void write_profile(struct mem *m, int level)
{
	struct mp_writer *w = mp_create_sink(to_mem, m, level);
	uint32_t node[50], kind[50];
	int64_t bytes[50], count[50];
	const int64_t *value[2] = { bytes, count };
	struct mp_rows_out rows = { .n = 50, .columns = 2, .node = node, .kind = kind,
		.value = value };
	struct mp_tree *t;

	mp_begin(w, MP_PROFILE);
	mp_put_meta(w, "command", "x");
	t = mp_writer_tree(w);
	mp_def_column(t, &(struct mp_coldef){ .name = mp_def_cstring(t, "bytes"),
			.unit = mp_def_cstring(t, "B"), .view = mp_def_cstring(t, "live") });
	mp_def_column(t, &(struct mp_coldef){ .name = mp_def_cstring(t, "count"),
			.unit = mp_def_cstring(t, "count"), .view = mp_def_cstring(t, "live") });
	for (unsigned i = 0; i < 50; i++) {
		node[i] = stack(t, i % 2 ? "f" : "g", i % 7 ? 0 : node[i ? i - 1 : 0] * (i > 0), i);
		kind[i] = 1 + i % 3;
		bytes[i] = 1000 - (int64_t)i * 40;
		count[i] = i;
	}
	mp_put_rows(w, &rows);
	mp_put_loss(w, &(struct mp_loss){ .lost_events = 3, .sample_interval = 512 });
	mp_end(w);
	ok(!mp_writer_error(w));
	ok(!mp_finish(w));
}

/* ---- what is read ------------------------------------------------------------------ */

struct seen {
	uint64_t hash;                  /* of everything handed out */
	uint64_t live, blocks;          /* left or live at the end */
	struct mp_loss loss;
	unsigned parts;
	bool damage, error, complete;
};

static void mix(struct seen *s, uint64_t v)
{
	s->hash = (s->hash ^ v) * 0x9e3779b97f4a7c15ull;
	s->hash ^= s->hash >> 29;
}

static void mix_stack(struct seen *s, const struct mp_tree *t, mp_node node)
{
	struct mp_frame f[4];

	for (; node; node = mp_parent(t, node)) {
		size_t n = mp_frames(t, node, f, 4);

		for (size_t i = 0; i < n && i < 4; i++) {
			for (const char *p = f[i].func; *p; p++)
				mix(s, (uint8_t)*p);
			mix(s, f[i].line + f[i].offset);
		}
	}
}

static void read_all(struct seen *s, const void *data, size_t n)
{
	struct mp_reader *r = mp_open_mem(data, n);
	const struct mp_block *b;
	struct mp_event e;
	int got;

	memset(s, 0, sizeof(*s));
	while ((got = mp_next_part(r)) == 1) {
		s->parts++;
		mix(s, mp_kind(r));
		mix(s, mp_meta(r, "command") != NULL);
		if (mp_kind(r) == MP_TRACE) {
			while ((got = mp_next(r, &e)) == 1) {
				mix(s, e.op);
				mix(s, e.time);
				mix(s, e.size);
				mix(s, e.block);
				mix_stack(s, mp_tree(r), e.node);
			}
		} else {
			while ((got = mp_next_block(r, MP_WANT_ALL, &b)) == 1) {
				for (uint32_t i = 0; i < b->n; i++) {
					for (uint32_t c = 0; c < b->n_values; c++)
						mix(s, (uint64_t)b->values[c][i]);
					mix_stack(s, mp_tree(r), b->r_node ?
							(uint32_t)b->r_node[i] : 0);
				}
			}
		}
		s->complete = mp_part_complete(r);
		if (got < 0)
			break;
	}
	s->error = mp_error(r);
	s->damage = mp_damage(r);
	s->loss = mp_loss(r);
	ok(mp_close(r) == (s->error ? -1 : 0));
}

static bool noticed(const struct seen *s)
{
	return s->error || s->loss.truncated || (s->damage && s->loss.damaged_blocks);
}

/* A checkpoint puts right whatever was lost before it: what lives at the end. */
static void live_at_end(struct seen *s, const void *data, size_t n)
{
	struct mp_reader *r = mp_open_mem(data, n);
	static uint32_t slot[4096];
	static uint64_t left[4096];
	const struct mp_block *b;
	uint32_t finalized = 0;

	memset(s, 0, sizeof(*s));
	memset(slot, 0, sizeof(slot));
	memset(left, 0, sizeof(left));
	if (mp_next_part(r) != 1) {
		s->error = true;
		ok(mp_close(r) == -1);
		return;
	}
	while (mp_next_block(r, MP_WANT_ALL, &b) == 1) {
		uint32_t from_old = 0, from_new = 0;

		if (b->slots > 4096)
			break;
		if (b->kind == MP_BLOCK_CHECKPOINT) {
			memset(slot, 0, sizeof(slot));
			memset(left, 0, sizeof(left));
			for (uint32_t i = 0; i < b->n; i++)
				slot[b->c_slot[i]] = (uint32_t)b->c_site[i];
			for (uint32_t i = 0; i < b->n_left; i++)
				left[b->c_left_site[i]] += b->c_left_count[i];
			finalized = b->n_done == 2;
		}
		if (b->kind == MP_BLOCK_MARKS)
			for (uint32_t i = 0; i < b->n; i++) {
				finalized = 1;
				for (uint32_t k = 0; k < 4096; k++)
					if (slot[k])
						left[slot[k]]++;
			}
		if (b->kind != MP_BLOCK_EVENTS)
			continue;
		for (uint32_t i = 0; i < b->n_old; i++)
			slot[b->old[i]] = 0;
		for (uint32_t i = 0; i < b->n_procend; i++)     /* its one block is in here */
			left[b->sites[0]]++;
		for (uint32_t i = 0; i < b->n_alloc; i++) {
			if (b->gone[i])
				continue;
			while (from_old < b->n_old && !b->old[from_old])
				from_old++;
			slot[from_old < b->n_old ? b->old[from_old++] : b->new_[from_new++]] =
				b->sites[b->site[i]];
		}
	}
	for (uint32_t i = 1; i <= mp_tree(r)->site.n && i < 4096; i++) {
		s->blocks += left[i];
		s->live += left[i] * mp_tree(r)->site.x[i].size;
		if (left[i])
			mix(s, i * 131 + left[i]);
		if (left[i])
			mix_stack(s, mp_tree(r), mp_tree(r)->site.x[i].node);
	}
	s->complete = finalized;
	s->error = mp_error(r);
	s->damage = mp_damage(r);
	ok(mp_close(r) == (s->error ? -1 : 0));
}

/* ---- tests ------------------------------------------------------------------------- */

static void test_cut(const struct mem *m)
{
	struct seen s;
	size_t bad = 0;

	for (size_t n = 0; n < m->n; n++) {
		uint8_t *copy = malloc(n + 1);          /* so that a read past it is seen */

		memcpy(copy, m->p, n);
		read_all(&s, copy, n);
		if (!noticed(&s) || s.loss.damaged_blocks)
			if (!bad++)
				printf("# cut at %zu: damaged %lu truncated %lu\n", n,
						s.loss.damaged_blocks, s.loss.truncated);
		free(copy);
	}
	ok(!bad);
}

/* Where the last checkpoint begins. */
static size_t last_checkpoint(const struct mem *m)
{
	size_t at = 0, found = 0;
	struct mp_header h;

	while (at < m->n) {
		size_t len = mp_header_length(m->p + at + 8);

		if (!len || mp_header_parse(m->p + at + 8, len, &h))
			abort();
		if (h.kind == MP_BLOCK_CHECKPOINT)
			found = at;
		at += 8 + len + h.frames;
	}
	return found;
}

static void test_flip(struct mem *m, bool trace)
{
	size_t checkpoint = trace ? last_checkpoint(m) : 0, silent = 0, wrong = 0, lost = 0;
	struct seen whole, live, s;

	read_all(&whole, m->p, m->n);
	ok(!noticed(&whole) && whole.complete && whole.parts == 1);
	if (trace) {
		live_at_end(&live, m->p, m->n);
		ok(live.blocks == 5 * 14 + 1 && live.complete);
	}
	for (size_t i = 0; i < m->n; i++) {
		uint8_t old = m->p[i];

		m->p[i] = (uint8_t)(i % 3 ? old ^ (1 << i % 8) : ~old);
		read_all(&s, m->p, m->n);
		if (!noticed(&s) && !silent++)
			printf("# byte %zu of %zu changed in silence\n", i, m->n);
		if (trace && s.error)
			lost++;
		if (trace && i < checkpoint && !s.error) {
			live_at_end(&s, m->p, m->n);
			if ((s.hash != live.hash || s.blocks != live.blocks) && !wrong++)
				printf("# byte %zu: live at end %lu, not %lu\n", i, s.blocks,
						live.blocks);
		}
		m->p[i] = old;
	}
	ok(!silent);
	ok(!wrong);
	/* only what says which format it is may make a trace unreadable */
	ok(lost == 0);
	printf("# %zu bytes changed one by one, %zu made the trace an error\n", m->n, lost);
}

/* CUT: the first part lacks its last bytes. */
static void test_concatenated(const struct mem *a, const struct mem *b)
{
	struct mem m = { 0 };
	struct seen one, two, s;

	read_all(&one, a->p, a->n);
	read_all(&two, b->p, b->n);
	to_mem(&m, a->p, a->n);
	to_mem(&m, b->p, b->n);
	read_all(&s, m.p, m.n);
	ok(s.parts == 2 && !noticed(&s));
	ok(s.loss.lost_events == one.loss.lost_events + two.loss.lost_events);
	memmove(m.p + a->n - 100, m.p + a->n, b->n);
	read_all(&s, m.p, m.n - 100);
	ok(s.parts == 2 && noticed(&s));
	free(m.p);
}

static void test_compressed(const struct mem *m)
{
	size_t room = ZSTD_compressBound(m->n), n;
	uint8_t *z = malloc(room);
	struct seen whole, s;

	read_all(&whole, m->p, m->n);
	n = ZSTD_compress(z, room, m->p, m->n, 3);
	read_all(&s, z, n);
	ok(s.hash == whole.hash && !noticed(&s) && s.parts == 1);
	read_all(&s, z, n - 1);
	ok(noticed(&s));
	free(z);
}

static void copy(struct mem *out, const void *data, size_t n, int level)
{
	struct mp_reader *r = mp_open_mem(data, n);
	struct mp_writer *w = mp_create_sink(to_mem, out, level);

	while (mp_next_part(r) == 1)
		if (mp_copy_part(w, r))
			break;
	ok(!mp_finish(w));
	ok(!mp_close(r));
}

static void test_copy(struct mem *m, size_t at)
{
	struct seen before, after;
	struct mem two = { 0 }, out = { 0 };
	struct mp_header head;

	to_mem(&two, m->p, m->n);
	to_mem(&two, m->p, m->n);
	copy(&out, two.p, two.n, 0);
	ok(out.n == two.n && memcmp(out.p, two.p, two.n) == 0);
	out.n = 0;
	two.p[at] ^= 0x55;
	read_all(&before, two.p, two.n);
	copy(&out, two.p, two.n, 0);
	read_all(&after, out.p, out.n);
	ok(noticed(&after) && after.hash == before.hash &&
			after.loss.damaged_blocks == before.loss.damaged_blocks);
	out.n = 0;
	two.p[at] ^= 0x55;
	copy(&out, two.p, m->n + at, 0);
	read_all(&after, out.p, out.n);
	/* of a part whose first block is cut there is nothing to copy */
	mp_header_parse(m->p + 8, mp_header_length(m->p + 8), &head);
	ok(after.loss.truncated == (at >= 8 + head.length + head.frames));
	ok(!after.loss.damaged_blocks);
	free(two.p);
	free(out.p);
}

/* Files of formats/samples/bad: each is noticed, and for its own reason. */
static void test_samples(void)
{
	static const struct { const char *name, *says; bool error; } bad[] = {
		{ "cut", NULL, false }, { "flipped", "checksum differs", false },
		{ "gap", "blocks are missing", false }, { "garbage", "not a block", false },
		{ "newer", "needs a newer version", true },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char path[64];
		struct mp_reader *r;
		struct mp_event e;

		snprintf(path, sizeof(path), "formats/samples/bad/%s.mp", bad[i].name);
		r = mp_open(path);
		while (mp_next_part(r) == 1)
			while (mp_next(r, &e) == 1)
				;
		if (bad[i].error)
			ok(mp_error(r) && strstr(mp_error(r), bad[i].says));
		else if (bad[i].says)
			ok(!mp_error(r) && mp_damage(r) && strstr(mp_damage(r), bad[i].says) &&
					mp_loss(r).damaged_blocks == 1 && !mp_loss(r).truncated);
		else
			ok(!mp_error(r) && !mp_damage(r) && mp_loss(r).truncated == 1);
		ok(mp_close(r) == (bad[i].error ? -1 : 0));
	}
}

/* ---- bytes whose hashes fit ----------------------------------------------------------- */

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 20) % n);
}

/* Put all hashes of the blocks in M right. */
static void seal(struct mem *m)
{
	for (size_t at = 0; at + 8 + MP_HEADER_FIXED < m->n;) {
		uint8_t *header = m->p + at + 8, *frame;
		size_t len = mp_header_length(header);
		uint64_t frames = mp_get_u64(header + 120);

		if (!len || at + 8 + len + frames > m->n)
			return;
		frame = header + len;
		for (size_t e = MP_HEADER_FIXED; e + 8 < len; e += MP_DIRECTORY_ENTRY) {
			uint32_t stored = mp_get_u32(header + e + 12);

			if ((size_t)(m->p + m->n - frame) < stored)
				break;
			mp_set_u64(header + e + 16, mp_hash(frame, stored));
			frame += stored;
		}
		mp_set_u64(header + len - 8, mp_hash(header, len - 8));
		at += 8 + len + frames;
	}
}

/* Everything a program would do with it; only crashes and sanitizers tell. */
static void use(const struct mem *m)
{
	static const enum mp_view view[] = { MP_VIEW_LIVE, MP_VIEW_PEAK, MP_VIEW_TOTAL,
		MP_VIEW_TEMPORARY, MP_VIEW_SAMPLES };
	struct mp_reader *r = mp_open_mem(m->p, m->n);
	struct mp_query query = { .view = view[rnd(5)], .keep = MP_KEEP_DEFAULT };
	struct mp_profile *p = mp_load(r, &query);
	struct seen s;

	mp_profile_free(p);
	ok(mp_close(r) <= 0);
	read_all(&s, m->p, m->n);
}

/* Changed numbers that hashes vouch for, as an attacker writes them. */
static void test_hostile(const struct mem *whole, unsigned rounds)
{
	struct mem m = { 0 };

	for (unsigned i = 0; i < rounds; i++) {
		m.n = 0;
		to_mem(&m, whole->p, whole->n);
		for (unsigned k = 1 + rnd(4); k; k--) {
			static const uint8_t good[] = { 0, 1, 2, 3, 127, 128, 254, 255 };
			size_t at = rnd((uint32_t)m.n);

			/* frame heads stay, or zstd refuses all the rest */
			m.p[at] = rnd(3) ? good[rnd(8)] : (uint8_t)(m.p[at] + 1 - 2 * rnd(2));
		}
		seal(&m);
		use(&m);
	}
	free(m.p);
}

/* Stored in, compressed out: other bytes that mean the same. */
static void test_recode(const struct mem *m, const struct mem *compressed)
{
	struct mem out = { 0 };
	struct seen whole, s;

	read_all(&whole, m->p, m->n);
	copy(&out, m->p, m->n, 1);
	read_all(&s, out.p, out.n);
	ok(!noticed(&s) && s.complete && s.hash == whole.hash);
	/* what the writer itself would have written */
	ok(out.n == compressed->n && memcmp(out.p, compressed->p, out.n) == 0);
	free(out.p);
}

/* Headers that tell other sums than their events, their hashes in order: what a
 * writer with a mistake writes.  Cut before END, whose hash is over the headers. */
static void test_sums(const struct mem *whole)
{
	for (unsigned field = 64; field <= 80; field += 8) {
		struct mem m = { 0 };
		struct mp_header h;
		struct mp_reader *r;
		uint64_t records = 0;
		size_t at = 0, changed = 0, len;

		to_mem(&m, whole->p, whole->n);
		for (; (len = mp_header_length(m.p + at + 8)) != 0; at += 8 + len + h.frames) {
			ok(!mp_header_parse(m.p + at + 8, len, &h));
			if (h.kind == MP_BLOCK_END)
				break;
			if (h.kind == MP_BLOCK_EVENTS && h.n)
				changed = at;
		}
		r = mp_open_mem(m.p, at);
		ok(mp_next_part(r) == 1 && !mp_verify_part(r, &records) && !mp_damage(r));
		ok(records > 0 && !mp_close(r));
		/* live bytes with their maximum, live blocks, the maximum alone */
		for (unsigned k = field; k <= 80; k += field == 64 ? 16 : 80)
			mp_set_u64(m.p + changed + 8 + k,
					mp_get_u64(m.p + changed + 8 + k) + (1ull << 40));
		seal(&m);
		r = mp_open_mem(m.p, at);
		ok(mp_next_part(r) == 1 && !mp_verify_part(r, &records));
		ok(mp_damage(r) && strstr(mp_damage(r), "sums differ") &&
				mp_loss(r).damaged_blocks == 1);
		ok(!mp_close(r));
		free(m.p);
	}
}

/* What mp_verify_part finds in all of M; "" if nothing. */
static const char *verify(const struct mem *m)
{
	static char found[600];
	struct mp_reader *r = mp_open_mem(m->p, m->n);
	uint64_t records = 0;

	ok(mp_next_part(r) == 1 && !mp_verify_part(r, &records) && records);
	snprintf(found, sizeof(found), "%s", mp_damage(r) ? mp_damage(r) : "");
	ok(mp_loss(r).damaged_blocks == (found[0] != 0));
	ok(!mp_close(r));
	return found;
}

/* END's numbers, each told wrong; the END block's place is named. */
static void test_end(const struct mem *whole)
{
	static const char *const says[] = { NULL, "bytes allocated", "live at the end",
		"live at the end", "the peak", "less is lost", "less is lost", NULL, NULL,
		"less is lost" };
	struct mp_header h;
	size_t end = 0, len;
	struct seen seen;
	char place[32];

	for (;;) {
		len = mp_header_length(whole->p + end + 8);
		ok(!mp_header_parse(whole->p + end + 8, len, &h));
		if (h.kind == MP_BLOCK_END)
			break;
		end += 8 + len + h.frames;
	}
	snprintf(place, sizeof(place), "memory: byte %zu: ", end + 8);
	for (unsigned k = 0; k < sizeof(says) / sizeof(*says); k++) {
		struct mem m = { 0 };
		uint8_t *number;

		if (!says[k])
			continue;
		to_mem(&m, whole->p, whole->n);
		/* a stored frame of one column: its numbers are its last bytes */
		number = m.p + end + 8 + len + h.frames - 8 * (MP_END_NUMBERS - k);
		mp_set_u64(number, mp_get_u64(number) - 1);
		seal(&m);
		ok(strstr(verify(&m), says[k]) && !strncmp(verify(&m), place, strlen(place)));
		read_all(&seen, m.p, m.n);
		ok(seen.loss.lost_events == 2 && seen.loss.lost_bytes == 30);
		free(m.p);
	}
}

/* Weights need a HEAD that says that this is a sample: what says so later has none. */
static void test_late(void)
{
	struct mem m = { 0 };
	struct mp_writer *w = mp_create_sink(to_mem, &m, 0);
	struct mp_tree *t;
	uint32_t process;

	mp_begin(w, MP_TRACE);
	t = mp_writer_tree(w);
	process = mp_def_process(t, &(struct mp_process){ .pid = 1 });
	mp_enc_mark(w, 0, 0, process, mp_def_cstring(t, "begin"), 0);
	mp_enc_flush(w, 0);
	ok(!mp_put_loss(w, &(struct mp_loss){ .sample_interval = 512 }));
	mp_enc_alloc(w, 0, 1, mp_def_site(t, &(struct mp_site){ .process = process, .size = 10,
			.kind = MP_ALLOC_MALLOC, .extra = 50 }));
	ok(strstr(mp_writer_error(w), "a weight without a sampling interval") != NULL);
	ok(mp_finish(w) < 0);
	free(m.p);
}

/* Something is lost and sampled, and all of it is told; then rules are broken, as a
 * writer with a mistake does. */
static void test_rules(void)
{
	static const char *const says[] = { "", "a free ends no allocation",
		"a free ends no allocation" };

	for (unsigned k = 0; k < sizeof(says) / sizeof(*says); k++) {
		struct mem m = { 0 };
		struct mp_writer *w = mp_create_sink(to_mem, &m, 0);
		struct mp_tree *t;
		uint32_t site;

		mp_begin(w, MP_TRACE);
		t = mp_writer_tree(w);
		mp_def_thread(t, &(struct mp_thread){ .process = mp_def_process(t,
				&(struct mp_process){ .pid = 1 }) });
		site = mp_def_site(t, &(struct mp_site){ .process = 1, .size = 10,
				.kind = MP_ALLOC_MALLOC });
		mp_put_loss(w, &(struct mp_loss){ .sample_interval = 512 });
		mp_enc_lost(w, 2, 30);
		for (unsigned i = 0; i < 4; i++)
			mp_enc_alloc(w, 0, 1, site);
		mp_enc_flush(w, 0);
		mp_enc_free(w, 1, 1, 1, site);
		mp_enc_flush(w, 1);
		if (k == 1)
			mp_enc_free(w, 2, 1, 1, site);
		if (k == 2) {
			/* slot 2 is not released, as it has to be */
			mp_enc_procend(w, 2, 1);
			mp_enc_free(w, 2, 1, 2, site);
		}
		mp_end(w);
		ok(!mp_finish(w));
		if (!k)
			test_end(&m);
		ok(*says[k] ? strstr(verify(&m), says[k]) != NULL : !*verify(&m));
		free(m.p);
	}
}

static void test_none(void)
{
	static const char *const no[] = { "", ("\x7f" "ELF\2\1\1"), "hello\n\1world", "\x28\xb5\x2f\xfd" };
	static const size_t len[] = { 0, 7, 12, 4 };
	struct seen s;

	for (unsigned i = 0; i < 4; i++) {
		read_all(&s, no[i], len[i]);
		ok(s.error && !s.parts);
	}
}

int main(void)
{
	for (int level = 0; level < 2; level++) {
		struct mem trace = { 0 }, profile = { 0 }, small = { 0 };

		write_trace(&trace, level);
		write_profile(&profile, level);
		test_cut(&trace);
		test_cut(&profile);
		test_sums(&trace);
		test_flip(&trace, true);
		test_flip(&profile, false);
		test_concatenated(&trace, &profile);
		test_concatenated(&trace, &trace);
		test_compressed(&trace);
		test_compressed(&profile);
		for (unsigned i = 1; i < 20; i++)
			test_copy(&trace, trace.n * i / 20);
		if (!level) {
			write_trace(&small, 1);
			test_recode(&trace, &small);
			small.n = 0;
			write_profile(&small, 1);
			test_recode(&profile, &small);
			free(small.p);
			unsigned rounds = getenv("MP_ROUNDS") ? (unsigned)strtoul(
					getenv("MP_ROUNDS"), NULL, 10) : 3000;

			test_hostile(&trace, rounds);
			test_hostile(&profile, rounds / 4);
		}
		free(trace.p);
		free(profile.p);
	}
	test_rules();
	test_late();
	test_none();
	test_samples();
	return tap_done();
}

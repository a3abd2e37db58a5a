/* test_profile.c - the algebra of profiles: sums do not depend on order, what is
 * added can be taken away, order of rows does not depend on order of insertion.
 */
#include "tap.h"

#include "profile.h"

#include <inttypes.h>
#include <string.h>

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static const struct mp_column live[] = {
	{"bytes", "B", "live", MP_SUM},
	{"count", "count", "live", MP_SUM},
};

struct row {
	uint32_t stack[4], depth, thread, kind;
	int64_t value[2];
};

static struct row a_row(void)
{
	struct row r = {.depth = rnd(5), .thread = rnd(3), .kind = rnd(3)};

	for (uint32_t i = 0; i < r.depth; i++)
		r.stack[i] = rnd(3);
	r.value[0] = rnd(4);
	r.value[1] = 1 + rnd(2);
	return r;
}

static mp_node push(struct mp_tree *t, const struct row *r)
{
	static const struct mp_frame frame[] = {
		{.func = "a",
			.file = "x.py",
			.module = "",
			.build_id = "",
			.line = 1,
			.flags = MP_FRAME_PYTHON},
		{.func = "a",
			.file = "x.py",
			.module = "",
			.build_id = "",
			.line = 2,
			.flags = MP_FRAME_PYTHON},
		{.func = "b",
			.file = "",
			.module = "/m.so",
			.build_id = "1",
			.offset = 3,
			.flags = MP_FRAME_NATIVE},
	};
	mp_node node = 0;

	for (uint32_t i = 0; i < r->depth; i++)
		node = mp_push(t, node, &frame[r->stack[i]]);
	return node;
}

static void put(struct mp_profile *p, const struct row *r)
{
	static const char *const thread[] = {"", "main", "worker"};
	struct mp_key k = {.node = push(p->tree, r),
		.process = "",
		.type = "",
		.thread = thread[r->thread],
		.kind = r->kind};

	mp_add(p, NULL, &k, r->value);
}

static struct mp_profile *make(const struct row *r, uint32_t n)
{
	struct mp_profile *p = mp_profile_new(live, 2);

	for (uint32_t i = 0; i < n; i++)
		put(p, &r[i]);
	return p;
}

/* Everything a reader sees of the rows, in their order. */
static char *text(struct mp_profile *p)
{
	struct mp_frame f;
	char *s = NULL;
	size_t size;
	FILE *out = open_memstream(&s, &size);

	for (size_t i = 0; i < mp_rows(p); i++) {
		struct mp_row r = mp_row(p, i);

		for (mp_node at = r.key.node; at; at = mp_parent(p->tree, at))
			if (mp_frames(p->tree, at, &f, 1))
				fprintf(out, "%s:%s:%u<", f.func, f.file, f.line);
		fprintf(out, " %s %u", r.key.thread, r.key.kind);
		for (size_t c = 0; c < p->columns; c++)
			fprintf(out, " %" PRId64, r.value[c]);
		fputc('\n', out);
	}
	fclose(out);
	return s;
}

static bool equal(struct mp_profile *a, struct mp_profile *b)
{
	char *s, *t;
	bool same;

	mp_sort(a, 0);
	mp_sort(b, 0);
	s = text(a);
	t = text(b);
	same = !strcmp(s, t);
	free(s);
	free(t);
	return same;
}

static void order(void)
{
	uint32_t bad = 0;

	for (int round = 0; round < 300; round++) {
		struct row r[40];
		struct mp_profile *a, *b;

		for (int i = 0; i < 40; i++)
			r[i] = a_row();
		a = make(r, 40);
		for (uint32_t i = 39; i; i--) {
			uint32_t j = rnd(i + 1);
			struct row swap = r[i];

			r[i] = r[j];
			r[j] = swap;
		}
		b = make(r, 40);
		bad += !equal(a, b);
		for (size_t i = 1; i < mp_rows(a); i++)
			bad += mp_row(a, i).value[0] > mp_row(a, i - 1).value[0];
		/* still found by its key after sorting */
		put(a, &r[0]);
		put(b, &r[0]);
		bad += mp_rows(a) != mp_rows(b) || !equal(a, b);
		mp_profile_free(a);
		mp_profile_free(b);
	}
	ok(bad == 0);
}

static void algebra(void)
{
	uint32_t bad = 0;

	for (int round = 0; round < 300; round++) {
		struct row r[60];
		struct mp_profile *a, *b, *c, *ab, *ba, *all;

		for (int i = 0; i < 60; i++)
			r[i] = a_row();
		a = make(r, 20), b = make(r + 20, 20), c = make(r + 40, 20);
		ab = make(r, 20), ba = make(r + 20, 20), all = make(r, 60);
		bad += mp_merge(ab, b, 1) != 0;
		bad += mp_merge(ba, a, 1) != 0;
		bad += !equal(ab, ba);
		bad += mp_merge(ab, c, 1) != 0; /* (a + b) + c */
		bad += mp_merge(c, ba, 1) != 0; /* c + (b + a) */
		bad += !equal(ab, c) || !equal(ab, all);
		bad += mp_total(ab, 0) != mp_total(all, 0) ||
		       mp_total(c, 1) != mp_total(all, 1);
		bad += mp_merge(ab, all, -1) != 0 || mp_rows(ab) != 0 || mp_total(ab, 0) != 0;
		bad += mp_merge(c, b, -1) != 0 || mp_merge(c, a, -1) != 0;
		bad += mp_merge(c, c, 1) != 0;
		bad += mp_total(c, 1) !=
		       2 * (mp_total(all, 1) - mp_total(b, 1) - mp_total(a, 1));
		mp_profile_free(a), mp_profile_free(b), mp_profile_free(c);
		mp_profile_free(ab), mp_profile_free(ba), mp_profile_free(all);
	}
	ok(bad == 0);
}

static void columns(void)
{
	static const struct mp_column peak = {"bytes", "B", "peak", MP_SUM};
	static const struct mp_column rss = {"rss", "B", "samples", MP_MAX};
	struct mp_profile *a = mp_profile_new(live, 2), *b = mp_profile_new(&peak, 1);
	struct mp_profile *c = mp_profile_new(&rss, 1), *d = mp_profile_new(&rss, 1);
	struct mp_key k = {.process = "", .thread = "", .type = ""};
	int64_t two[] = {5, 1}, one[] = {7}, less[] = {3};

	mp_add(a, NULL, &k, two);
	mp_add(c, NULL, &k, one);
	mp_add(d, NULL, &k, less);
	ok(!mp_merge(a, c, 1) && a->columns == 3 && mp_rows(a) == 1);
	ok(!mp_merge(a, d, 1) && mp_row(a, 0).value[2] == 7 && mp_row(a, 0).value[0] == 5);
	ok(mp_column_index(a, "rss") == 2 && mp_column_index(a, "none") == -1);
	ok(mp_total(a, 2) == 7 && mp_total(a, 9) == 0);
	ok(mp_merge(a, b, 1) == -1);
	ok(mp_profile_error(a) && !strcmp(mp_profile_error(a),
					  "bytes of view live and of view peak in one table"));
	ok(mp_add(a, NULL, &k, two) == -1); /* errors stick */
	mp_profile_free(a), mp_profile_free(b), mp_profile_free(c), mp_profile_free(d);
}

static void overflow(void)
{
	struct mp_profile *a = mp_profile_new(live, 2), *b = mp_profile_new(live, 2);
	struct mp_key k = {.process = "", .thread = "", .type = ""}, other = k;
	int64_t big[] = {INT64_MAX - 1, 1}, small[] = {2, 1}, least[] = {INT64_MIN, 0};

	other.kind = 1;
	ok(!mp_add(a, NULL, &k, big) && mp_add(a, NULL, &k, small) == -1 &&
		mp_profile_error(a));
	ok(!mp_add(b, NULL, &k, big) &&
		mp_add(b, NULL, &other, small) == -1); /* in the total */
	mp_profile_free(a), mp_profile_free(b);
	a = mp_profile_new(live, 2), b = mp_profile_new(live, 2);
	ok(!mp_add(b, NULL, &k, least) && mp_merge(a, b, -1) == -1);
	mp_profile_free(a), mp_profile_free(b);
}

static void folding(void)
{
	struct mp_profile *p;
	struct row r[30];
	struct mp_frame f;
	int64_t total;

	for (int i = 0; i < 30; i++) {
		r[i] = a_row();
		r[i].value[0] = i - 10;
	}
	p = make(r, 30);
	total = mp_total(p, 0);
	ok(!mp_fold_below(p, 0, 9) && mp_total(p, 0) == total);
	ok(!mp_fold_below(p, 0, 15) && mp_total(p, 0) == total); /* one [rest] only */
	total = 0;
	for (size_t i = 0; i < mp_rows(p); i++) {
		struct mp_row row = mp_row(p, i);

		if (mp_frames(p->tree, row.key.node, &f, 1) && f.flags & MP_FRAME_NOTE)
			total += !strcmp(f.func, "[rest]");
		else
			total += 100 * (row.value[0] < 15 && row.value[0] > -15);
	}
	ok(total == 1);
	ok(!mp_fold_below(p, 0, 0) && !mp_fold_below(p, 7, 3));
	mp_profile_free(p);
}

static void foreign_tree(void)
{
	struct mp_tree *t = mp_tree_new();
	struct mp_profile *p = mp_profile_new(live, 2);
	struct row r = {.stack = {2, 0}, .depth = 2, .value = {3, 1}};
	struct mp_key k = {.process = "", .thread = "", .type = ""};

	push(t, &(struct row){.stack = {1}, .depth = 1});
	k.node = push(t, &r);
	put(p, &r);
	ok(!mp_add(p, t, &k, r.value) && mp_rows(p) == 1 && mp_total(p, 0) == 6);
	mp_tree_free(t);
	mp_profile_free(p);
}

static void meta(void)
{
	struct mp_profile *a = mp_profile_new(live, 2), *b = mp_profile_new(live, 2);

	mp_profile_set_meta(a, "command", "x; b");
	mp_profile_set_meta(a, "view", "peak");
	mp_profile_set_meta(a, "peak_time", "5");
	mp_profile_set_meta(b, "command", "a; b");
	mp_profile_set_meta(b, "view", "peak");
	mp_profile_set_meta(b, "only", "b");
	ok(!mp_merge(a, b, 1) && !strcmp(mp_profile_meta(a, "command"), "a; b; x"));
	ok(!strcmp(mp_profile_meta(a, "view"), "peak") &&
		!strcmp(mp_profile_meta(a, "only"), "b"));
	ok(!strcmp(mp_profile_meta(a, "peaks_added"), "2") && !mp_profile_meta(a, "peak_time"));
	ok(!mp_merge(a, b, 1) && !strcmp(mp_profile_meta(a, "peaks_added"), "3"));
	ok(mp_profile_meta(a, "none") == NULL);
	b->loss.lost_events = 4;
	ok(!mp_merge(a, b, 1) && a->loss.lost_events == 4);
	mp_profile_free(a), mp_profile_free(b);
}

int main(void)
{
	order();
	algebra();
	columns();
	overflow();
	folding();
	foreign_tree();
	meta();
	return tap_done();
}

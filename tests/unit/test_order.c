/* test_order.c - the ordering rule of capture/order.c against the truth.
 *
 * A history is a sequence of events, each on one address by one ring, or a fence;
 * its truth is that sequence.  The drain sees of each ring what was published when
 * it read that ring's tail.  Checked: every event once, each ring in its own order,
 * each address in the true order, so that every free has the right owner; before a
 * fence all that it saw, and nothing that happened after it: was published later
 * (STRICT), or, where several fences looked while others were made, by a chain of
 * rings, addresses and fences.
 */
#include "tap.h"
#include "order.h"

#include <string.h>

enum { RINGS = 3, RINGS_MANY = 8, LONG = 3000 };

enum { FENCE = 0 };             /* in place of an address */

struct event {
	unsigned ring;
	uint64_t address;
	unsigned saw[2][RINGS_MANY];    /* FENCE: when it read each tail, twice */
	unsigned after[RINGS_MANY];     /* it happened after so many of each ring */
};

static struct history {
	struct event event[LONG];
	unsigned n, rings;
	unsigned of[RINGS_MANY][LONG];          /* event numbers by ring */
	unsigned count[RINGS_MANY];
	unsigned at[RINGS_MANY];                /* emitted so far */
	unsigned seen[RINGS_MANY];
	unsigned emitted, last[64];             /* per address: number of its last event, + 1 */
	unsigned before[LONG];                  /* number + 1 of the one before on the address */
	bool wrong, strict;
} h;

static bool peek(void *ctx, unsigned ring, struct order_event *e)
{
	unsigned i;

	(void)ctx;
	if (h.at[ring] >= h.seen[ring])
		return false;
	i = h.of[ring][h.at[ring]];
	*e = (struct order_event){
		.pos = h.at[ring], .key = h.event[i].address << 11,        /* two a page */
		.stamp = 0xfffffff0u + i,       /* wraps on the way */
		.fence = h.event[i].address == FENCE,
	};
	return true;
}

/* How many of RING's events were there at time T. */
static unsigned visible(unsigned ring, unsigned t)
{
	unsigned k = 0;

	while (k < h.count[ring] && h.of[ring][k] < t)
		k++;
	return k;
}

static void check_fence(unsigned i)
{
	unsigned own = h.event[i].ring, pos = h.at[own] - 1;

	for (unsigned r = 0; r < h.rings; r++) {
		unsigned n = h.at[r], last = n ? h.of[r][n - 1] : 0;

		if (r == own)
			continue;
		if (n < visible(r, h.event[i].saw[0][r]) || (h.strict && n > visible(r, i)) ||
				(n && h.event[last].after[own] > pos))
			h.wrong = true;
	}
}

static void follow(struct event *e, const struct event *before)
{
	for (unsigned r = 0; r < RINGS_MANY; r++)
		if (e->after[r] < before->after[r])
			e->after[r] = before->after[r];
}

/* What each event happened after. */
static void chain(void)
{
	unsigned seen[RINGS_MANY] = { 0 };

	for (unsigned i = 0; i < h.n; i++) {
		struct event *e = &h.event[i];

		memset(e->after, 0, sizeof e->after);
		for (unsigned r = 0; r < h.rings; r++) {
			unsigned n = r == e->ring ? seen[r] :
				e->address == FENCE ? visible(r, e->saw[0][r]) : 0;

			if (n)
				follow(e, &h.event[h.of[r][n - 1]]);
		}
		if (e->address != FENCE && h.before[i])
			follow(e, &h.event[h.before[i] - 1]);
		e->after[e->ring] = ++seen[e->ring];
	}
}

static void emit(void *ctx, unsigned ring)
{
	unsigned i = h.of[ring][h.at[ring]++];
	uint64_t a = h.event[i].address;

	(void)ctx;
	if (a == FENCE)
		check_fence(i);
	else if (h.last[a] != h.before[i])
		h.wrong = true;
	h.last[a] = i + 1;
	h.emitted++;
}

static void rewind_history(void)
{
	memset(h.at, 0, sizeof h.at);
	memset(h.seen, 0, sizeof h.seen);
	memset(h.last, 0, sizeof h.last);
	h.emitted = 0;
	h.wrong = false;
}

static void index_history(unsigned rings)
{
	unsigned last[64] = { 0 };

	h.rings = rings;
	for (unsigned r = 0; r < rings; r++)
		h.count[r] = 0;
	for (unsigned i = 0; i < h.n; i++) {
		h.of[h.event[i].ring][h.count[h.event[i].ring]++] = i;
		h.before[i] = last[h.event[i].address];
		last[h.event[i].address] = i + 1;
	}
}

static void add_fence(struct order *o, unsigned i)
{
	const struct event *f = &h.event[i];
	unsigned ring = f->ring, pos = visible(ring, i);
	struct order_bound b[RINGS_MANY];

	for (unsigned r = 0; r < h.rings; r++) {
		unsigned before = visible(r, f->saw[0][r]), behind = visible(r, f->saw[1][r]);

		if (behind > h.seen[r])
			return;
		b[r] = (struct order_bound){ r, before, behind };
	}
	b[ring].before = b[ring].behind = pos;
	if (order_add_fence(o, 7, ring, &(struct order_event){ .pos = pos,
			.stamp = 0xfffffff0u + i }, b, h.rings) < 0)
		abort();
}

/* Emit all below SAFE with everything below h.seen in sight. */
static void one_round(struct order *o, const unsigned *safe, bool backwards)
{
	static unsigned fences[LONG];
	unsigned rings = h.rings, start[RINGS_MANY], n_fences = 0;
	struct order_event e;

	order_begin(o);
	if (order_room(o, 16) < 0)
		abort();
	memcpy(start, h.at, sizeof start);
	for (unsigned pass = 0; pass < 3; pass++) {
		for (unsigned r = 0; r < rings; r++) {
			for (; peek(NULL, r, &e); h.at[r]++) {
				if (e.fence && pass == 2)
					fences[n_fences++] = h.of[r][h.at[r]];
				else if (e.fence)
					continue;
				else if (pass == 0)
					order_mark_page(o, r, e.key);
				else if (pass == 1)
					order_mark(o, r, e.key);
				else if (order_shared(o, e.key) &&
						order_add(o, r, e.pos, e.key, e.stamp) < 0)
					abort();
			}
			h.at[r] = start[r];
		}
	}
	for (unsigned i = 0; i < n_fences; i++)
		add_fence(o, fences[i]);
	order_rank_fences(o);
	for (unsigned k = 0; k < rings; k++) {
		unsigned r = backwards ? rings - 1 - k : k;

		order_emit(o, r, safe[r]);
	}
}

static bool by_rule(struct order *o, const unsigned *t1, const unsigned *t2, bool backwards)
{
	unsigned safe[RINGS];

	rewind_history();
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned r = 0; r < RINGS; r++) {
			safe[r] = visible(r, round == 0 ? t1[r] : round == 1 ? t2[r] : h.n);
			h.seen[r] = visible(r, round == 0 ? t2[r] : h.n);
		}
		one_round(o, safe, backwards);
	}
	return !h.wrong && h.emitted == h.n;
}

/* What one pass alone would have made of it: sorted by stamp as far as seen. */
static bool by_one_pass(const unsigned *t1)
{
	rewind_history();
	for (unsigned late = 0; late < 2; late++)
		for (unsigned i = 0; i < h.n; i++)
			if ((i >= t1[h.event[i].ring]) == late)
				emit(NULL, h.event[i].ring);
	return !h.wrong;
}

static void decode(unsigned long code, unsigned n, unsigned first)
{
	unsigned kinds = 3 - first;

	h.n = n;
	for (unsigned i = 0; i < n; i++, code /= RINGS * kinds)
		h.event[i] = (struct event){ .ring = code % RINGS,
				.address = first + code / RINGS % kinds };
	index_history(RINGS);
}

/* Fences read all tails at once; or those of some rings as soon as they can, LATE 1
 * of one the first time, 2 of all the first time and of one the second. */
static bool look_around(unsigned late)
{
	unsigned last[RINGS] = { 0 }, some = 0;

	for (unsigned i = 0; i < h.n; i++) {
		struct event *e = &h.event[i];

		for (unsigned r = 0; r < RINGS; r++) {
			unsigned early = last[e->ring], one = r == (e->ring + 1) % RINGS;

			e->saw[0][r] = late == 2 || (late && one) ? early : i;
			e->saw[1][r] = late == 2 && one ? early : i;
		}
		last[e->ring] = i + 1;
		some += e->address == FENCE;
	}
	chain();
	h.strict = !late || some < 2;
	return some;
}

static unsigned long cases, wrong, one_pass_wrong, one_pass_cases;

/* The history under all times of the first reading; of the second reading all
 * times (FULL) or those at which all rings are read at once. */
static void all_times(struct order *o, unsigned n, bool full)
{
	unsigned t1[RINGS], t2[RINGS], most;

	for (unsigned a = 0; a < (n + 1) * (n + 1) * (n + 1); a++) {
		t1[0] = a % (n + 1);
		t1[1] = a / (n + 1) % (n + 1);
		t1[2] = a / (n + 1) / (n + 1);
		most = t1[0] > t1[1] ? t1[0] : t1[1];
		most = t1[2] > most ? t1[2] : most;
		one_pass_cases++;
		one_pass_wrong += !by_one_pass(t1);
		for (t2[0] = most; t2[0] <= n; t2[0]++) {
			for (t2[1] = full ? most : t2[0]; t2[1] <= (full ? n : t2[0]); t2[1]++) {
				for (t2[2] = full ? most : t2[0]; t2[2] <= (full ? n : t2[0]);
						t2[2]++) {
					cases += 2;
					wrong += !by_rule(o, t1, t2, false);
					wrong += !by_rule(o, t1, t2, true);
				}
			}
		}
	}
}

/* All histories of N events on addresses from FIRST on, or every STEPth. */
static void brute_force(struct order *o, unsigned n, unsigned first, unsigned step)
{
	unsigned long codes = 1;

	for (unsigned i = 0; i < n; i++)
		codes *= RINGS * (3 - first);
	for (unsigned long code = 0; code < codes; code += step) {
		decode(code, n, first);
		for (unsigned late = 0; late < 3; late++)
			if (look_around(late) || (!late && first != FENCE))
				all_times(o, n, n < 5);
	}
}

static uint64_t seed = 88172645463325252ull;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % below);
}

/* Twice, not before time LEAST. */
static void look_at_random(struct event *e, unsigned i, unsigned least)
{
	unsigned back = draw(9), most = least;

	for (unsigned k = 0; k < 2; k++, least = most) {
		for (unsigned r = 0; r < RINGS_MANY; r++) {
			unsigned at = i > back ? i - draw(back + 1) : 0;

			e->saw[k][r] = at > least ? at : least;
			most = e->saw[k][r] > most ? e->saw[k][r] : most;
		}
	}
}

/* Long histories, many rounds, tails read one after the other while it goes on. */
static bool random_history(struct order *o)
{
	unsigned addresses = 2 + draw(30), run = 1 + draw(40), t = 0, ring = 0;
	unsigned safe[RINGS_MANY] = { 0 }, next[RINGS_MANY], own[RINGS_MANY] = { 0 };

	h.n = LONG;
	for (unsigned i = 0; i < h.n; i++) {
		if (draw(run) == 0)
			ring = draw(RINGS_MANY);
		h.event[i] = (struct event){ .ring = ring, .address = 1 + draw(addresses) };
		if (draw(60) == 0)
			h.event[i].address = FENCE;
		look_at_random(&h.event[i], i, own[ring]);
		own[ring] = i + 1;
	}
	index_history(RINGS_MANY);
	chain();
	h.strict = false;
	rewind_history();
	for (bool last = false; !last || h.emitted < h.n; ) {
		last = t >= h.n;
		for (unsigned r = 0; r < RINGS_MANY; r++) {
			t += draw(40);
			next[r] = visible(r, t);
		}
		for (unsigned r = 0; r < RINGS_MANY; r++) {
			safe[r] = h.seen[r];
			h.seen[r] = next[r];
		}
		one_round(o, safe, draw(2));
	}
	return !h.wrong && h.emitted == h.n;
}

/* Streams that contradict each other (a lying target) end, all emitted. */
static bool contradiction(struct order *o)
{
	unsigned safe[RINGS] = { 2, 2, 0 };
	static const uint64_t address[] = { 1, 2, 2, 1 };

	h.n = 4;
	for (unsigned i = 0; i < h.n; i++)
		h.event[i] = (struct event){ .ring = i % 2, .address = address[i] };
	index_history(RINGS);
	/* ring 0 holds 2 before 1, ring 1 holds 1 before 2, stamps say the opposite */
	h.of[0][0] = 2;
	h.of[0][1] = 0;
	h.of[1][0] = 3;
	h.of[1][1] = 1;
	rewind_history();
	h.seen[0] = h.seen[1] = 2;
	one_round(o, safe, false);
	return h.emitted == 4;
}

int main(void)
{
	struct order_source source = { .peek = peek, .emit = emit };
	struct order o;
	unsigned good = 0;

	if (order_init(&o, &source, RINGS_MANY) < 0)
		return 1;
	for (unsigned n = 1; n <= 5; n++)
		brute_force(&o, n, 1, 1);
	for (unsigned n = 1; n <= 5; n++)
		brute_force(&o, n, FENCE, n < 4 ? 1 : n == 4 ? 7 : 101);
	printf("# %lu cases, %lu wrong; by one pass alone %lu of %lu\n", cases, wrong,
			one_pass_wrong, one_pass_cases);
	ok(cases > 1000000);
	ok(wrong == 0);
	ok(one_pass_wrong > 0);
	for (unsigned i = 0; i < 300; i++)
		good += random_history(&o);
	ok(good == 300);
	ok(contradiction(&o));
	order_free(&o);
	return tap_done();
}

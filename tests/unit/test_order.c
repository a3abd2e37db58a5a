/* test_order.c - the ordering rule of capture/order.c against the truth.
 *
 * A history is a sequence of events, each on one address by one ring; its truth
 * is that sequence.  The drain sees of each ring what was published when it
 * read that ring's tail.  Checked: every event once, each ring in its own order,
 * each address in the true order, so that every free has the right owner.
 */
#include "tap.h"
#include "order.h"

#include <string.h>

enum { RINGS = 3, RINGS_MANY = 8, LONG = 3000 };

struct event { unsigned ring; uint64_t address; };

static struct history {
	struct event event[LONG];
	unsigned n;
	unsigned of[RINGS_MANY][LONG];          /* event numbers by ring */
	unsigned count[RINGS_MANY];
	unsigned at[RINGS_MANY];                /* emitted so far */
	unsigned seen[RINGS_MANY];
	unsigned emitted, last[64];             /* per address: number of its last event, + 1 */
	unsigned before[LONG];                  /* number + 1 of the one before on the address */
	bool wrong;
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
	};
	return true;
}

static void emit(void *ctx, unsigned ring)
{
	unsigned i = h.of[ring][h.at[ring]++];
	uint64_t a = h.event[i].address;

	(void)ctx;
	if (h.last[a] != h.before[i])
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

	for (unsigned r = 0; r < rings; r++)
		h.count[r] = 0;
	for (unsigned i = 0; i < h.n; i++) {
		h.of[h.event[i].ring][h.count[h.event[i].ring]++] = i;
		h.before[i] = last[h.event[i].address];
		last[h.event[i].address] = i + 1;
	}
}

/* How many of RING's events were there at time T. */
static unsigned visible(unsigned ring, unsigned t)
{
	unsigned k = 0;

	while (k < h.count[ring] && h.of[ring][k] < t)
		k++;
	return k;
}

/* Emit all below SAFE with everything below h.seen in sight. */
static void one_round(struct order *o, unsigned rings, const unsigned *safe, bool backwards)
{
	struct order_event e;

	order_begin(o);
	if (order_room(o, 16) < 0)
		abort();
	for (unsigned pass = 0; pass < 3; pass++) {
		for (unsigned r = 0; r < rings; r++) {
			unsigned keep = h.at[r];

			for (; peek(NULL, r, &e); h.at[r]++) {
				if (pass == 0)
					order_mark_page(o, r, e.key);
				else if (pass == 1)
					order_mark(o, r, e.key);
				else if (order_shared(o, e.key) &&
						order_add(o, r, e.pos, e.key, e.stamp) < 0)
					abort();
			}
			h.at[r] = keep;
		}
	}
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
		one_round(o, RINGS, safe, backwards);
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

static void decode(unsigned long code, unsigned n)
{
	h.n = n;
	for (unsigned i = 0; i < n; i++, code /= RINGS * 2)
		h.event[i] = (struct event){ code % RINGS, 1 + code / RINGS % 2 };
	index_history(RINGS);
}

static unsigned long cases, wrong, one_pass_wrong, one_pass_cases;

/* All histories of N events, all times of the first reading; of the second
 * reading all times (FULL) or those at which all rings are read at once. */
static void brute_force(struct order *o, unsigned n, bool full)
{
	unsigned long codes = 1;
	unsigned t1[RINGS], t2[RINGS], most;

	for (unsigned i = 0; i < n; i++)
		codes *= RINGS * 2;
	for (unsigned long code = 0; code < codes; code++) {
		decode(code, n);
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
					for (t2[2] = full ? most : t2[0];
							t2[2] <= (full ? n : t2[0]); t2[2]++) {
						cases += 2;
						wrong += !by_rule(o, t1, t2, false);
						wrong += !by_rule(o, t1, t2, true);
					}
				}
			}
		}
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

/* Long histories, many rounds, tails read one after the other while it goes on. */
static bool random_history(struct order *o)
{
	unsigned addresses = 2 + draw(30), run = 1 + draw(40), t = 0, ring = 0;
	unsigned safe[RINGS_MANY] = { 0 }, next[RINGS_MANY];

	h.n = LONG;
	for (unsigned i = 0; i < h.n; i++) {
		if (draw(run) == 0)
			ring = draw(RINGS_MANY);
		h.event[i] = (struct event){ ring, 1 + draw(addresses) };
	}
	index_history(RINGS_MANY);
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
		one_round(o, RINGS_MANY, safe, draw(2));
	}
	return !h.wrong && h.emitted == h.n;
}

/* Streams that contradict each other (a lying target) end, all emitted. */
static bool contradiction(struct order *o)
{
	unsigned safe[RINGS] = { 2, 2, 0 };
	struct event e[] = { { 0, 1 }, { 1, 2 }, { 0, 2 }, { 1, 1 } };

	h.n = 4;
	memcpy(h.event, e, sizeof e);
	index_history(RINGS);
	/* ring 0 holds 2 before 1, ring 1 holds 1 before 2, stamps say the opposite */
	h.of[0][0] = 2;
	h.of[0][1] = 0;
	h.of[1][0] = 3;
	h.of[1][1] = 1;
	rewind_history();
	h.seen[0] = h.seen[1] = 2;
	one_round(o, RINGS, safe, false);
	return h.emitted == 4;
}

int main(void)
{
	struct order_source source = { .peek = peek, .emit = emit };
	struct order o;
	unsigned good = 0;

	if (order_init(&o, &source, RINGS_MANY) < 0)
		return 1;
	for (unsigned n = 1; n <= 4; n++)
		brute_force(&o, n, true);
	brute_force(&o, 5, false);
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

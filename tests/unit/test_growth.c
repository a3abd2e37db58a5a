/* test_growth.c - the rule of growth.h over random programs of known nature: what
 * grows is found, caches and sawteeth are not.
 */
#include "tap.h"

#include "growth.h"

#include <string.h>

enum { N = 200, ROUNDS = 100 };

struct blocks {
	int64_t live[N + 2], held[N + 2];
	struct mp_growth_series s;
};

static uint64_t seed = 88172645463325252ull;

/* In [0,1). */
static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) * 0x1p-53;
}

/* An exponential draw, nearly: the binary logarithm in straight pieces, without libm. */
static double exponential(double mean)
{
	double u = uniform() + 0x1p-60;
	uint64_t bits;

	memcpy(&bits, &u, sizeof(bits));
	return (1023 - (double)(bits >> 52) - (double)(bits << 12 >> 12) * 0x1p-52) * .72 * mean;
}

/* A block of SIZE from BORN to DIED, in units of the trace. */
static void block(struct blocks *x, double born, double died, int64_t size)
{
	uint32_t b = born < 0 ? 0 : (uint32_t)(born * N);
	uint32_t from = born < 0 ? 0 : b + 1, to = died >= 1 ? N + 1 : (uint32_t)(died * N) + 1;

	if (born >= 1 || died < 0 || to <= from)
		return;
	x->live[from] += size;
	x->live[to] -= size;
	if (died >= 1 || (to - from) * 6 >= N) {
		x->held[from] += size;
		x->held[to] -= size;
	}
	if (died < 1)
		return;
	x->s.bytes += size;
	x->s.count++;
	if (born >= 0 && b * 6 >= N && b * 6 < 5 * N)
		x->s.older += size;
	if (born >= 0 && b > x->s.newest)
		x->s.newest = b;
}

static struct mp_growth_verdict judge(struct blocks *x)
{
	static double room[N * N / 2];
	struct mp_growth_verdict v;

	for (int i = 1; i <= N; i++) {
		x->live[i] += x->live[i - 1];
		x->held[i] += x->held[i - 1];
	}
	x->s.live = x->live;
	x->s.held = x->held;
	x->s.n = N;
	x->s.last = N;
	mp_growth_judge(&x->s, &v, room, false);
	return v;
}

/* ---- programs ------------------------------------------------------------------------ */

static void leak(struct blocks *x, int n)
{
	while (n--)
		block(x, uniform(), 2, 100);
}

static void startup(struct blocks *x, int n)
{
	while (n--)
		block(x, uniform() * .02, 2, 100);
}

/* N blocks at a time, each for a while. */
static void noise(struct blocks *x, double n, double life)
{
	for (double t = -6 * life; t < 1; t += exponential(life / n))
		block(x, t, t + exponential(life), 100);
}

/* Blocks kept until a number of teeth end together. */
static void sawtooth(struct blocks *x, int n, double teeth, double phase)
{
	while (n--) {
		double born = uniform();

		block(x, born, ((double)(int)((born + phase) * teeth) + 1) / teeth - phase, 100);
	}
}

static void cache(struct blocks *x, int n, double filled)
{
	while (n--)
		block(x, uniform() * filled, 2, 100);
}

static void saturating(struct blocks *x, int n, double mean)
{
	while (n--)
		block(x, exponential(mean), 2, 100);
}

/* CAPACITY entries, the oldest is thrown out; N come in. */
static void lru(struct blocks *x, int capacity, int n)
{
	for (int i = 0; i < n; i++)
		block(x, (double)i / n, (double)(i + capacity) / n, 50 + (int64_t)(uniform() * 100));
}

/* Any of CAPACITY entries is thrown out. */
static void random_eviction(struct blocks *x, int capacity, int n)
{
	static double born[1000];
	static int64_t size[1000];

	for (int i = 0; i < n; i++) {
		int at = i < capacity ? i : (int)(uniform() * capacity);

		if (i >= capacity)
			block(x, born[at], (double)i / n, size[at]);
		born[at] = (double)i / n;
		size[at] = 50 + (int64_t)(uniform() * 100);
	}
	for (int i = 0; i < capacity; i++)
		block(x, born[i], 2, size[i]);
}

/* One buffer, N times replaced by a larger one. */
static void buffer(struct blocks *x, int n)
{
	double born = uniform() / n, next;

	for (int i = 0; i < n; i++, born = next) {
		next = (i + 1 + uniform()) / n;
		block(x, born, i + 1 < n ? next : 2, 1000 + 100 * i);
	}
}

static void bursts(struct blocks *x, int n)
{
	for (int i = 0; i < n * 20; i++)
		block(x, (i / 20 + .5) / n, 2, 100);
}

/* ---- the rule -------------------------------------------------------------------------- */

/* How often of ROUNDS the program of CODE grows. */
#define GROWS(code) \
	({ \
		int grows_ = 0; \
		for (int round_ = 0; round_ < ROUNDS; round_++) { \
			struct blocks b_ = {0}, *x = &b_; \
			code; \
			grows_ += judge(x).grows; \
		} \
		grows_; \
	})

static void what_grows(void)
{
	ok(GROWS(leak(x, 200)) == ROUNDS);
	ok(GROWS(leak(x, 2000)) == ROUNDS);
	ok(GROWS(leak(x, 30)) > ROUNDS * 8 / 10);
	ok(GROWS(startup(x, 1500); leak(x, 200)) >= ROUNDS - 1);
	ok(GROWS(leak(x, 200); noise(x, 1000, .01)) >= ROUNDS - 1);
	ok(GROWS(leak(x, 200); noise(x, 2000, .005)) >= ROUNDS - 1);
	ok(GROWS(leak(x, 200); noise(x, 200, .05)) > ROUNDS * 9 / 10);
	ok(GROWS(leak(x, 200); sawtooth(x, 40000, 20, 0)) >= ROUNDS - 1);
	ok(GROWS(leak(x, 200); sawtooth(x, 4000, 7, uniform())) >= ROUNDS - 2);
	ok(GROWS(buffer(x, 60)) > ROUNDS * 9 / 10);
	ok(GROWS(bursts(x, 12)) == ROUNDS);
	ok(GROWS(bursts(x, 6)) == ROUNDS);
	ok(GROWS(startup(x, 500); cache(x, 500, .15); leak(x, 300)) > ROUNDS * 9 / 10);
}

static void what_levels(void)
{
	static const double filled[] = {.01, .1, .2, .3, .4, .5, .6, .7, .8};
	static const double teeth[] = {2, 2.5, 3, 3.5, 4, 5, 6, 7, 10, 20, 30, 100};
	static const double life[] = {.0001, .001, .01, .03, .1};
	static const int at_once[] = {3, 30, 300};
	int bad = 0, noisy = 0;

	ok(GROWS(startup(x, 100)) == 0);
	for (size_t i = 0; i < sizeof(filled) / sizeof(*filled); i++)
		bad += GROWS(cache(x, 300, filled[i]));
	ok(bad == 0);
	for (size_t i = 0; i < 4; i++)
		bad += GROWS(cache(x, 300, filled[i]); noise(x, 100, .01));
	ok(bad == 0);
	ok(GROWS(saturating(x, 300, .1)) == 0);
	ok(GROWS(saturating(x, 300, .2)) == 0);
	for (size_t i = 0; i < sizeof(teeth) / sizeof(*teeth); i++) {
		bad += GROWS(sawtooth(x, 1000, teeth[i], 0));
		bad += GROWS(sawtooth(x, 1000, teeth[i], uniform()));
	}
	ok(bad == 0);
	for (int n = 30; n <= 1000; n = n * 3 + 10)
		bad += GROWS(lru(x, n, 10 * n)) + GROWS(lru(x, n, 5 * n / 2)) +
		       GROWS(random_eviction(x, n, 10 * n));
	ok(bad == 0);
	for (size_t i = 0; i < sizeof(life) / sizeof(*life); i++)
		for (size_t k = 0; k < 3; k++)
			noisy += GROWS(noise(x, at_once[k], life[i]));
	ok(noisy <= 3 * 5 * ROUNDS / 500);
	ok(GROWS(buffer(x, 1)) == 0);
}

/* The evidence of a plain leak, to the byte. */
static void evidence(void)
{
	struct blocks b = {0};
	struct mp_growth_verdict v;

	for (int i = 0; i < N; i++)
		block(&b, (i + .5) / N, 2, 10);
	v = judge(&b);
	ok(v.grows && v.rose == 100 && v.slope == 10);
	/* sixths begin behind the edges 0, 34, 67, 100, 134, 167 */
	ok(v.before == 10 * (101 - 35) && v.lately == 10 * (168 - 101));
}

int main(void)
{
	what_grows();
	what_levels();
	evidence();
	return tap_done();
}

/* growth_judge.c - whether a series of live bytes keeps rising; the rule is growth.h's.
 * Invariant: nothing here depends on the unit of the bytes or of the time.
 */
#include "growth.h"

enum { SIXTHS = 6 };

struct shape {
	int64_t floor[SIXTHS];
	int64_t rise, before, lately;
	int64_t drop;        /* the deepest fall from any value to a later one */
	double up, down;     /* all rises, all falls */
	bool keeps;          /* rises, in most steps, and as much lately as before */
};

static uint32_t sixth(uint32_t edge, uint32_t n)
{
	return edge ? (uint32_t)((uint64_t)(edge - 1) * SIXTHS / n) : 0;
}

/* Of what lies behind the first sixth. */
static struct shape shape_of(const int64_t *y, uint32_t n)
{
	struct shape s = {.keeps = false};
	int64_t top = INT64_MIN;
	int steps = 0;

	for (int k = 0; k < SIXTHS; k++)
		s.floor[k] = INT64_MAX;
	for (uint32_t i = 1; i <= n; i++) {
		uint32_t k = sixth(i, n);

		s.floor[k] = y[i] < s.floor[k] ? y[i] : s.floor[k];
		if (!k)
			continue;
		top = y[i] > top ? y[i] : top;
		s.drop = top - y[i] > s.drop ? top - y[i] : s.drop;
		if (y[i] > y[i - 1])
			s.up += (double)y[i] - (double)y[i - 1];
		else
			s.down += (double)y[i - 1] - (double)y[i];
	}
	for (int k = 2; k < SIXTHS; k++)
		steps += s.floor[k] > s.floor[k - 1];
	s.rise = s.floor[5] - s.floor[1];
	s.before = s.floor[3] - s.floor[1];
	s.lately = s.floor[5] - s.floor[3];
	s.keeps = s.rise > 0 && steps >= 3 && (double)s.lately * 2 >= (double)s.before;
	return s;
}

/* The K-th smallest of N. */
static double nth(double *x, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		double pivot = x[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;;) {
			while (x[i] < pivot)
				i++;
			while (x[j] > pivot)
				j--;
			if (i >= j)
				break;
			double swap = x[i];

			x[i++] = x[j];
			x[j--] = swap;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return x[k];
}

/* Theil and Sen: the median of the slopes between any two edges. */
static double slope_of(const struct mp_growth_series *s, double *room)
{
	size_t pairs = 0;

	for (uint32_t i = 1; i <= s->n; i++) {
		double at = i < s->n ? (double)i : s->last;

		for (uint32_t j = 1; j < i && sixth(i, s->n); j++)
			if (sixth(j, s->n))
				room[pairs++] = ((double)s->live[i] - (double)s->live[j]) /
						(at - (double)j);
	}
	return nth(room, pairs, pairs / 2);
}

void mp_growth_judge(const struct mp_growth_series *s, struct mp_growth_verdict *v, double *room,
	bool always)
{
	struct shape held = shape_of(s->held, s->n), live = shape_of(s->live, s->n);
	bool recent = sixth(s->newest + 1, s->n) == SIXTHS - 1;
	double mean = (double)s->bytes / (s->count ? (double)s->count : 1);
	double rise = (double)held.rise;
	uint32_t rose = 0;
	bool holds, buffer;

	holds = recent && held.keeps && (double)held.drop * 3 <= rise &&
		(double)s->older * 2 >= rise &&
		rise * rise >= 9 * (double)held.floor[5] * mean;
	buffer = recent && live.keeps && (double)live.rise * 20 >= (double)live.floor[5] &&
		 live.down * 20 <= live.up;
	v->slope = 0;
	if (holds || buffer || always)
		v->slope = slope_of(s, room);
	/* from the second sixth to the last there are four */
	holds = holds && v->slope * s->n * 4 / SIXTHS * 2 >= rise;
	v->grows = holds || buffer;
	v->before = buffer && !holds ? live.before : held.before;
	v->lately = buffer && !holds ? live.lately : held.lately;
	for (uint32_t i = 1; i <= s->n; i++)
		rose += s->live[i] > s->live[i - 1];
	v->rose = (int)((rose * 100 + s->n / 2) / s->n);
}

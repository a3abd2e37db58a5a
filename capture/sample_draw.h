/* sample_draw.h - how many bytes lie between two that are sampled, for the hook, and how
 * many ns between two moments; the drain draws, too, when it rounds a weight.
 * Invariant: whatever SEED is, what is passed by has an exponential distribution of mean
 * INTERVAL, rounded down; so an allocation of s bytes is met with the probability
 * 1 - exp(-s / INTERVAL).
 */
#ifndef MP_SAMPLE_DRAW_H
#define MP_SAMPLE_DRAW_H

#include <stdint.h>
#include <string.h>

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do. */
static inline uint64_t sample_random(uint64_t *seed)
{
	uint64_t x = *seed += 0x9E3779B97F4A7C15ull;

	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ x >> 27) * 0x94D049BB133111EBull;
	return x ^ x >> 31;
}

/* -ln(N / 2^53), 1 <= N <= 2^53: nothing in the hook may call libm.  Right to 1e-13. */
static inline double sample_log(uint64_t n)
{
	double x = (double)n, z, zz, sum = 0;
	uint64_t bits;
	int exponent;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
	memcpy(&x, &bits, sizeof(x));
	/* ln x = 2 artanh((x - 1) / (x + 1)), x in [1,2) */
	z = (x - 1) / (x + 1);
	zz = z * z;
	for (int i = 27; i > 0; i -= 2)
		sum = sum * zz + 2.0 / i;
	return (53 - exponent) * 0.6931471805599453 - z * sum;
}

static inline int64_t sample_gap(uint64_t *seed, uint32_t interval)
{
	return (int64_t)(sample_log((sample_random(seed) >> 11) + 1) * interval);
}

#endif

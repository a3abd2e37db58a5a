/* test_report.c - tuples kept once; the heaviest of many, whatever the ties. */
#include "report_own.h"
#include "tap.h"

#include <string.h>

static void tuples(void)
{
	struct mp_tuples t = { .width = 3 };
	uint32_t key[3] = { 0 }, first[1000];
	bool same = true, found = true;

	ok(mp_tuple_find(&t, key) == 0);
	for (uint32_t i = 0; i < 1000; i++) {
		key[0] = i % 7, key[1] = i / 7, key[2] = i * 2654435761u;
		first[i] = mp_tuple(&t, key);
	}
	ok(t.n == 1000 && first[0] == 1 && first[999] == 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		key[0] = i % 7, key[1] = i / 7, key[2] = i * 2654435761u;
		same &= mp_tuple(&t, key) == first[i];
		found &= mp_tuple_find(&t, key) == first[i] &&
			!memcmp(mp_tuple_at(&t, first[i]), key, sizeof(key));
	}
	ok(same && found && t.n == 1000);
	key[2]++;
	ok(mp_tuple_find(&t, key) == 0);
	mp_tuples_free(&t);
	ok(t.width == 3 && mp_tuple(&t, key) == 1);
	mp_tuples_free(&t);
}

static uint32_t kept(const uint8_t *keep, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 1; i <= n; i++)
		sum += keep[i];
	return sum;
}

/* Against the definition: of N weights the MAX largest, of equals the first. */
static bool right(const float *weight, uint32_t n, uint32_t max, const uint8_t *keep)
{
	for (uint32_t i = 1; i <= n; i++) {
		uint32_t before = 0;

		for (uint32_t k = 1; k <= n; k++)
			before += weight[k] > weight[i] || (weight[k] == weight[i] && k < i);
		if (keep[i] != (weight[i] > 0 && before < max))
			return false;
	}
	return true;
}

static void choice(void)
{
	enum { N = 300 };
	float weight[N + 1] = { 0 };
	uint8_t keep[N + 1];
	uint64_t seed = 1;
	bool all = true;

	for (int round = 0; round < 40; round++) {
		for (uint32_t i = 1; i <= N; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			weight[i] = (float)(seed >> 40) / (float)(1 << (round % 20));
			if (round % 3 == 0)
				weight[i] = (float)(seed >> 61); /* mostly ties, some 0 */
		}
		for (uint32_t max = 0; max <= N; max += 37) {
			mp_report_choose(weight, N, max, keep);
			all &= right(weight, N, max, keep);
		}
	}
	ok(all);
	for (uint32_t i = 1; i <= N; i++)
		weight[i] = 1;
	mp_report_choose(weight, N, 10, keep);
	ok(kept(keep, N) == 10 && keep[10] && !keep[11]);
	mp_report_choose(weight, N, N + 5, keep);
	ok(kept(keep, N) == N);
}

int main(void)
{
	tuples();
	choice();
	return tap_done();
}

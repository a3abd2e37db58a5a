/* driver.c - replays a corpus through a fuzz target without a fuzzer: every
 * file as it is, then MP_FUZZ_TRIES (default 40) damaged copies of it.  The
 * damage is drawn from a fixed seed, so that a failure repeats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "fuzz.h"

static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static size_t damage(uint8_t *data, size_t size)
{
	for (unsigned n = 1 + draw() % 4; n > 0 && size > 0; n--) {
		size_t at = draw() % size, len = 1 + draw() % 16;

		if (len > size - at)
			len = size - at;
		switch (draw() % 6) {
		case 0:
			data[at] ^= (uint8_t)(1u << draw() % 8);
			break;
		case 1:
			data[at] = (uint8_t)draw();
			break;
		case 2:
			memset(data + at, draw() % 2 ? 0xff : 0, len);
			break;
		case 3:
			memmove(data + at, data + draw() % (size - len + 1), len);
			break;
		case 4:
			size = at;
			break;
		default:
			memmove(data + at, data + at + len, size - at - len);
			size -= len;
			break;
		}
	}
	return size;
}

static int replay(const char *path, unsigned tries)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(FUZZ_MAX), *copy = malloc(FUZZ_MAX);
	size_t size;

	if (!f || !data || !copy) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, FUZZ_MAX, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	for (unsigned i = 0; i < tries; i++) {
		memcpy(copy, data, size);
		LLVMFuzzerTestOneInput(copy, damage(copy, size));
	}
	free(data);
	free(copy);
	return 0;
}

int main(int argc, char **argv)
{
	const char *tries = getenv("MP_FUZZ_TRIES");
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i], tries ? (unsigned)strtoul(tries, NULL, 10) : 40);
	return failed;
}

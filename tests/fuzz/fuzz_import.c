/* fuzz_import.c - any bytes, and other programs' files above all: what can be read is
 * read as a clean part: every rule of its events holds. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io.h"

struct bytes { char *data; size_t size; };

static int keep(void *ctx, const void *data, size_t n)
{
	struct bytes *b = ctx;

	b->data = realloc(b->data, b->size + n + 1);
	if (!b->data)
		abort();
	memcpy(b->data + b->size, data, n);
	b->size += n;
	return 0;
}

/* All parts as .mp; false where something is wrong with them. */
static bool convert(const void *data, size_t size, struct bytes *out)
{
	struct mp_reader *r = mp_open_mem(data, size);
	struct mp_writer *w = mp_create_sink(keep, out, 0);
	int part;

	if (!r || !w)
		abort();
	while ((part = mp_next_part(r)) > 0)
		if (mp_copy_part(w, r))
			break;
	part |= mp_error(r) || mp_damage(r);
	return !((mp_finish(w) < 0) | (mp_close(r) < 0)) && !part;
}

static bool clean(const void *data, size_t size)
{
	struct mp_reader *r = mp_open_mem(data, size);
	uint64_t records = 0;
	bool good = true;

	if (!r)
		abort();
	while (good && mp_next_part(r) > 0)
		good = mp_verify_part(r, &records) == 0;
	good = good && !mp_error(r) && !mp_damage(r);
	return (mp_close(r) == 0) & good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes binary = { NULL, 0 };

	/* a part that is binary already is copied as it is, damage and all */
	if (clean(data, size) && convert(data, size, &binary) &&
	    !clean(binary.data, binary.size))
		abort();
	free(binary.data);
	return 0;
}

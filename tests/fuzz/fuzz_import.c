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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes binary = { NULL, 0 };
	struct mp_reader *r;
	uint64_t records = 0;

	if (convert(data, size, &binary)) {
		r = mp_open_mem(binary.data, binary.size);
		if (!r)
			abort();
		while (mp_next_part(r) > 0)
			if (mp_verify_part(r, &records))
				abort();
		if (mp_error(r) || mp_damage(r))
			abort();
		if (mp_close(r))
			abort();
	}
	free(binary.data);
	return 0;
}

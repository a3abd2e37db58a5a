/* fuzz_roundtrip.c - whatever can be read comes back the same: stream -> text ->
 * stream -> text, the two texts are equal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp.h"
#include "repair.h"

/* The stream's text twin, malloc'd; NULL if it cannot be read whole. */
static char *text(const void *data, size_t size, size_t *len)
{
	struct mp_reader *r = mp_open_mem(data, size);
	int fd = memfd_create("text", 0), part;
	char path[32], *out = NULL;
	struct mp_writer *w;
	struct stat st;
	bool good;

	if (!r || fd < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w = mp_create(path, MP_TEXT, -1);
	if (!w)
		abort();
	while ((part = mp_next_part(r)) > 0)
		if (mp_copy_part(w, r) < 0)
			break;
	good = part == 0 && !mp_error(r) && !mp_damage(r) && !mp_loss(r).truncated;
	if ((mp_finish(w) < 0) | (mp_close(r) < 0))
		good = false;
	if (good && fstat(fd, &st) == 0 && st.st_size > 0) {
		*len = (size_t)st.st_size;
		out = malloc(*len);
		if (!out || pread(fd, out, *len, 0) != (ssize_t)*len)
			abort();
	}
	close(fd);
	return out;
}

static void fuzz_one(const uint8_t *data, size_t size)
{
	size_t first_len = 0, second_len = 0;
	char *first = text(data, size, &first_len), *second;

	if (!first)
		return;
	second = text(first, first_len, &second_len);
	if (!second || first_len != second_len || memcmp(first, second, first_len) != 0) {
		fprintf(stderr, "text differs after a round trip:\n%.*s\n----\n%.*s\n",
			(int)first_len, first, (int)second_len, second ? second : "");
		abort();
	}
	free(first);
	free(second);
}

/* fuzz_text.c - any bytes as the text twin: what can be read can be written as
 * .mp, is clean there, and gives the same text as without the detour.
 * Input that begins no part gets a header line, so that every byte reaches the
 * parser. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "mp.h"

struct buf { char *data; size_t size; };

/* IN in another form.  *WHOLE: it was read to its end without damage. */
static struct buf convert(struct buf in, enum mp_form form, int level, bool *whole)
{
	struct mp_reader *r = mp_open_mem(in.data, in.size);
	int fd = memfd_create("out", 0), part;
	struct buf out = { 0 };
	struct mp_writer *w;
	char path[32];
	struct stat st;

	if (!r || fd < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w = mp_create(path, form, level);
	if (!w)
		abort();
	while ((part = mp_next_part(r)) > 0)
		if (mp_copy_part(w, r) < 0)
			break;
	*whole = part == 0 && !mp_error(r) && !mp_damage(r) && !mp_writer_error(w);
	if ((mp_finish(w) < 0) | (mp_close(r) < 0))
		*whole = false;
	if (fstat(fd, &st) < 0)
		abort();
	out.size = (size_t)st.st_size;
	out.data = malloc(out.size + 1);
	if (!out.data || pread(fd, out.data, out.size, 0) != st.st_size)
		abort();
	close(fd);
	return out;
}

static struct buf with_header(const uint8_t *data, size_t size)
{
	static const char trace[] = "##mp=trace 1\n", profile[] = "##mp=profile 1\n#bytes\tstack\n";
	const char *head = size && data[0] >= '0' && data[0] <= '9' ? profile : trace;
	size_t n = size && data[0] == '#' ? 0 : strlen(head);
	struct buf b = {malloc(n + size + 1), n + size};

	if (!b.data)
		abort();
	memcpy(b.data, head, n);
	if (size)
		memcpy(b.data + n, data, size);
	return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in = with_header(data, size), text, binary, again;
	bool whole, whole_binary, whole_again;

	text = convert(in, MP_TEXT, 0, &whole);
	if (whole && text.size) {
		binary = convert(in, MP_BINARY, size % 2 ? 0 : 1, &whole_binary);
		again = convert(binary, MP_TEXT, 0, &whole_again);
		if (!whole_binary || !whole_again || text.size != again.size ||
				memcmp(text.data, again.data, text.size) != 0) {
			fprintf(stderr, "text differs after a round trip (%d %d):\n%.*s\n----\n%.*s\n",
				whole_binary, whole_again, (int)text.size, text.data,
				(int)again.size, again.data);
			abort();
		}
		free(binary.data);
		free(again.data);
	}
	free(in.data);
	free(text.data);
	return 0;
}

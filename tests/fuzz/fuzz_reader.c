/* fuzz_reader.c - any bytes through both reading paths: blocks and events. */
#include <stdlib.h>

#include "mp.h"
#include "repair.h"

static volatile uint64_t sink;

static void blocks(struct mp_reader *r)
{
	const struct mp_block *b;

	while (mp_next_block(r, MP_WANT_ALL, &b) > 0) {
		uint64_t sum = b->n;

		if (b->kind != MP_BLOCK_EVENTS)
			continue;
		for (uint32_t i = 0; i < b->n_alloc; i++)
			sum += b->sites[b->site[i]];
		for (uint32_t i = 0; i < b->n_free; i++)
			sum += b->back[i];
		for (uint32_t i = 0; i < b->n_old; i++)
			sum += b->old[i];
		for (uint32_t i = 0; i < b->n_new; i++)
			sum += b->new_[i];
		for (uint32_t i = 0; i < b->n_thread; i++)
			sum += b->thread[i].value;
		sink = sum;
	}
}

static void events(struct mp_reader *r)
{
	struct mp_event e;

	while (mp_next(r, &e) > 0) {
		struct mp_frame f[4];
		size_t n = mp_frames(mp_tree(r), e.node, f, 4);

		for (size_t i = 0; i < n && i < 4; i++)
			sink += (uint64_t)f[i].func[0] + (uint64_t)f[i].file[0];
	}
}

static void fuzz_one(const uint8_t *data, size_t size)
{
	for (int path = 0; path < 2; path++) {
		struct mp_reader *r = mp_open_mem(data, size);

		if (!r)
			abort();
		while (mp_next_part(r) > 0)
			(path ? events : blocks)(r);
		bool failed = mp_error(r) != NULL;

		if ((mp_close(r) < 0) != failed)
			abort();        /* an error sticks, and only an error does */
	}
}

/* fuzz_timeline.c - any bytes cut into buckets: what flows and levels add up to is
 * what the buckets say, and the views.
 */
#include <stdlib.h>

#include "growth.h"
#include "repair.h"
#include "timeline.h"

/* What VIEW of the data adds up to is BYTES. */
static void check(const uint8_t *data, size_t size, enum mp_view view, uint64_t bytes)
{
	struct mp_query q = {.view = view};
	struct mp_reader *r = mp_open_mem(data, size);
	struct mp_profile *p = r ? mp_load(r, &q) : NULL;

	if (!p)
		abort();
	/* a view checks only the columns it needs, so damage may be one's alone */
	if (!mp_error(r) && !mp_damage(r) && !mp_profile_error(p) &&
	    mp_total(p, 0) != (int64_t)bytes)
		abort();
	mp_profile_free(p);
	if (mp_close(r) < 0)
		return;
}

static uint64_t bytes_of(const struct mp_timeline *t, const uint64_t *count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 1; i <= t->cells; i++)
		bytes += count[i] * mp_timeline_size(t, i);
	return bytes;
}

/* Levels at each maximum give the maximum. */
static void levels(const struct mp_timeline *t)
{
	uint64_t *held = calloc((size_t)t->cells + 1, sizeof(*held)), bytes = 0;
	struct mp_cursor c = {0};
	struct mp_level l;
	bool more = mp_next_level(t, &c, &l);

	for (uint32_t b = 0; held && b < t->n; b++) {
		for (; more && l.bucket == b; more = mp_next_level(t, &c, &l)) {
			bytes += (l.count - held[l.cell]) * mp_timeline_size(t, l.cell);
			held[l.cell] = l.count;
		}
		if (bytes != t->bucket[b].max_bytes)
			abort();
	}
	if (more)
		abort();
	free(held);
}

struct sums { uint64_t total, live, peak; };

static void add(struct sums *s, const struct mp_timeline *t)
{
	uint64_t *count = calloc(3 * ((size_t)t->cells + 1), sizeof(*count));
	size_t n = (size_t)t->cells + 1;

	if (!count)
		abort();
	mp_timeline_allocated(t, 0, t->n, count);
	mp_timeline_leaked(t, 0, t->n, count + n);
	if (t->n)
		mp_timeline_peak(t, 0, t->n, count + 2 * n);
	s->total += bytes_of(t, count);
	s->live += bytes_of(t, count + n);
	s->peak += bytes_of(t, count + 2 * n);
	free(count);
}

/* Of what grows something is left. */
static void growth(const uint8_t *data, size_t size)
{
	struct mp_growth g = {.by = (enum mp_by)(size % 9), .all = size & 1};
	struct mp_query q = {.keep = MP_KEEP_DEFAULT, .growth = &g};
	struct mp_reader *r = mp_open_mem(data, size);
	struct mp_profile *p = r ? mp_load(r, &q) : NULL;
	int growing;

	if (!p)
		abort();
	growing = mp_column_index(p, "growing");
	for (size_t i = 0; growing >= 0 && !mp_profile_error(p) && i < mp_rows(p); i++)
		if (mp_row(p, i).value[growing] == 1 && mp_row(p, i).value[0] <= 0)
			abort();
	mp_profile_free(p);
	if (mp_close(r) < 0)
		return;
}

static void fuzz_one(const uint8_t *data, size_t size)
{
	struct mp_query q = {.keep = size & 1 ? MP_KEEP_TID : 0};
	struct mp_reader *r = mp_open_mem(data, size);
	struct sums sums = {0};
	bool any = false;

	if (!r)
		abort();
	while (mp_next_part(r) > 0) {
		struct mp_timeline *t;

		if (mp_kind(r) != MP_TRACE)
			break;
		t = mp_timeline_read(r, &q);
		if (!t)
			abort();
		if (!mp_damage(r))
			levels(t);
		add(&sums, t);
		any |= t->n > 0;
		mp_timeline_free(t);
	}
	if (any && !mp_error(r) && !mp_damage(r) && mp_kind(r) != MP_PROFILE) {
		check(data, size, MP_VIEW_TOTAL, sums.total);
		check(data, size, MP_VIEW_LIVE, sums.live);
		check(data, size, MP_VIEW_PEAK, sums.peak);
	}
	growth(data, size);
	if (mp_close(r) < 0)
		return;
}

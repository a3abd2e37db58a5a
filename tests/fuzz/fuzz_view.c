/* fuzz_view.c - any bytes seen through every view, grouped and folded, filtered, and
 * summarised: the summary's sums are those of the views.
 */
#include <stdlib.h>

#include "filter.h"
#include "io.h"
#include "repair.h"
#include "summary.h"

/* What VIEW of the data adds up to is A. */
static void check(const uint8_t *data, size_t size, enum mp_view view, const struct mp_amount *a)
{
	struct mp_query q = {.view = view};
	struct mp_reader *r = mp_open_mem(data, size);
	struct mp_profile *p = r ? mp_load(r, &q) : NULL;

	if (!p)
		abort();
	if (!mp_error(r) && !mp_damage(r) && !mp_profile_error(p) &&
	    (mp_total(p, 0) != a->bytes || mp_total(p, 1) != a->count))
		abort();
	mp_profile_free(p);
	if (mp_close(r) < 0)
		return;
}

static void summary(const uint8_t *data, size_t size)
{
	struct mp_query q = {.view = MP_VIEW_DEFAULT};
	struct mp_reader *r = mp_open_mem(data, size);
	struct mp_summary *s = r ? mp_summarise(r, &q) : NULL;

	if (!s)
		abort();
	/* a view checks only the columns it needs, so damage may be one's alone */
	if (!mp_error(r) && !mp_damage(r) && !mp_summary_error(s) && s->parts) {
		check(data, size, MP_VIEW_TOTAL, &s->allocated);
		check(data, size, MP_VIEW_PEAK, &s->peak);
		check(data, size, MP_VIEW_LIVE, &s->live);
	}
	mp_summary_free(s);
	if (mp_close(r) < 0)
		return;
}

static int nowhere(void *ctx, const void *data, size_t size)
{
	(void)ctx, (void)data, (void)size;
	return 0;
}

/* Conditions of every kind, by bits of N. */
static void filter(const uint8_t *data, size_t size, unsigned n)
{
	struct mp_where where = {.drop = n & 1, .self = n & 2};
	struct mp_reader *r = mp_open_mem(data, size);
	struct mp_writer *w = mp_create_sink(nowhere, NULL, 0);

	if (!r || !w)
		abort();
	if (n & 4)
		mp_where_text(&where, MP_WHERE_FUNCTION, "^[a-m]");
	if (n & 8)
		mp_where_span(&where, MP_WHERE_LIFETIME, 100, UINT64_MAX);
	if (n & 16)
		where.window.from = 300, where.window.to = n & 32 ? 6000 : 0;
	if (n & 64)
		mp_where_text(&where, MP_WHERE_THREAD, "1");
	while (mp_next_part(r) > 0)
		if (mp_kind(r) == MP_TRACE && mp_filter_trace(w, r, &where) && mp_writer_error(w))
			break;
	mp_where_free(&where);
	if (mp_finish(w) | mp_close(r))
		return;
}

static void fuzz_one(const uint8_t *data, size_t size)
{
	filter(data, size, (unsigned)size % 128);
	for (int view = MP_VIEW_DEFAULT; view <= MP_VIEW_SAMPLES; view++) {
		struct mp_query q = {.view = (enum mp_view)view, .keep = MP_KEEP_DEFAULT | MP_KEEP_TID};
		struct mp_reader *r = mp_open_mem(data, size);
		struct mp_profile *p = r ? mp_load(r, &q) : NULL;
		size_t columns;

		if (!p)
			abort();
		mp_columns(p, &columns);
		if (columns > 0 && !mp_error(r) && !mp_profile_error(p)) {
			int64_t total = mp_total(p, 0);

			mp_sort(p, 0);
			if (mp_fold_below(p, 0, 100) == 0 && mp_total(p, 0) != total)
				abort();        /* folding keeps the total */
			mp_groups_free(mp_group(p, (enum mp_by)(size % 9), MP_SHOW_DEFAULT, 0, size & 1));
		}
		mp_profile_free(p);
		if (mp_close(r) < 0)
			continue;
	}
	summary(data, size);
}

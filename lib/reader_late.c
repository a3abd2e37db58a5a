/* reader_late.c - late records: lines of locations, names of threads.
 * Invariant: they change no id, and the last one wins.
 */
#include "reader.h"

#include <stdlib.h>

static const char *read_late_lines(struct mp_reader *r)
{
	const uint64_t *loc, *count_of, *line;
	uint32_t n = 0, n_lines = 0, at = 0, few[64], *id = few;
	const char *cause = mp_read_values(r, MP_COL_D_LATE_LOC, MP_CODING_DELTA, 0, 0, &loc, &n);

	if (!cause && n)
		cause = mp_read_values(r, MP_COL_D_LATE_COUNT, MP_CODING_LEB, 1, n, &count_of, &n);
	if (!cause && n)
		cause = mp_read_values(r, MP_COL_D_LATE_LINE, MP_CODING_DELTA, 2, 0, &line, &n_lines);
	if (!cause && n && !count_of)
		cause = "late lines without a count";
	for (uint32_t i = 0; !cause && i < n; i++) {
		uint64_t lines = count_of[i];

		if (lines > MP_DEF_LINES_MAX || lines > n_lines - at || !loc[i] ||
		    !mp_reach_def(r, MP_DEF_LOC, loc[i]))
			return "late lines do not fit";
		if (lines > 64 && id == few)
			id = malloc(MP_DEF_LINES_MAX * sizeof(*id));
		if (!id)
			return "out of memory";
		for (uint32_t k = 0; k < lines && !cause; k++) {
			id[k] = (uint32_t)line[at + k];
			if (!line[at + k] || !mp_reach_def(r, MP_DEF_LINE, line[at + k]))
				cause = "late lines do not fit";
		}
		if (!cause && mp_set_lines(r->tree, (uint32_t)loc[i], id, (uint32_t)lines))
			cause = "out of memory";
		at += (uint32_t)lines;
	}
	if (id != few)
		free(id);
	return !cause && at != n_lines ? "late lines do not fit" : cause;
}

static const char *read_late_names(struct mp_reader *r)
{
	const uint64_t *thread, *name;
	uint32_t n = 0, none;
	const char *cause = mp_read_values(r, MP_COL_D_LATE_THREAD, MP_CODING_DELTA, 0, 0,
			&thread, &n);

	if (!cause && n)
		cause = mp_read_values(r, MP_COL_D_LATE_NAME, MP_CODING_LEB, 1, n, &name, &none);
	for (uint32_t i = 0; !cause && i < n; i++) {
		uint64_t string = name ? name[i] : 0;

		if (!thread[i] || !mp_reach_def(r, MP_DEF_THREAD, thread[i]) ||
		    !mp_reach_def(r, MP_DEF_STRING, string))
			return "a late name does not fit";
		if (mp_set_thread_name(r->tree, (uint32_t)thread[i], (uint32_t)string))
			return "out of memory";
	}
	return cause;
}

const char *mp_read_late(struct mp_reader *r)
{
	const char *cause = read_late_lines(r);

	return cause ? cause : read_late_names(r);
}

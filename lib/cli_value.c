/* cli_value.c - sizes, percentages, times and label lists of the command line.
 * A number that does not fit is refused, never cut.
 */
#include "cli_own.h"
#include "window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number without sign, exponent or hexadecimal; *END behind it. */
static bool number(const char *text, const char **end, double *value)
{
	size_t n = strspn(text, "0123456789");
	size_t fraction = text[n] == '.' ? strspn(text + n + 1, "0123456789") : 0;
	char *stop;

	if (!n || (text[n] == '.' && !fraction))
		return false;
	*value = strtod(text, &stop);
	*end = text + n + (fraction ? fraction + 1 : 0);
	return true;
}

static bool scale(double value, double by, uint64_t *out)
{
	value *= by;
	if (!(value < 9223372036854775808.0))
		return false;
	*out = (uint64_t)(value + 0.5);
	return true;
}

bool cli_parse_size(const char *text, uint64_t *size)
{
	static const char letters[] = "KMGTPE";
	double value, by = 1;
	const char *end, *letter;
	char *stop;

	if (!number(text, &end, &value))
		return false;
	if (!*end && !memchr(text, '.', (size_t)(end - text))) {
		errno = 0;
		*size = strtoull(text, &stop, 10);
		return !errno && *size <= INT64_MAX;
	}
	letter = *end ? strchr(letters, *end == 'k' ? 'K' : *end) : NULL;
	if (letter) {
		bool decimal = end[1] == 'B';

		for (const char *l = letters; l <= letter; l++)
			by *= decimal ? 1000 : 1024;
		end += strcmp(end + 1, "iB") == 0 ? 3 : decimal ? 2 : 1;
	} else if (*end == 'B') {
		end++;
	}
	return !*end && scale(value, by, size);
}

bool cli_parse_limit(const char *text, struct cli_limit *limit)
{
	const char *end;
	double value;

	if (number(text, &end, &value) && strcmp(end, "%") == 0) {
		*limit = (struct cli_limit){ .set = true, .percent = true, .pct = value };
		return true;
	}
	limit->percent = false;
	limit->set = cli_parse_size(text, &limit->size);
	return limit->set;
}

int64_t cli_limit(const struct cli_limit *limit, int64_t total, int64_t otherwise)
{
	double part;

	if (!limit->set)
		return otherwise;
	if (!limit->percent)
		return (int64_t)limit->size;
	part = (total < 0 ? -(double)total : (double)total) * limit->pct / 100;
	return part < 9e18 ? (int64_t)part : INT64_MAX;
}

bool cli_parse_time(const char *text, uint64_t *ns)
{
	static const struct { const char *unit; double ns; } units[] = {
		{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
	};
	uint64_t sum = 0, part;
	double value;

	if (!*text)
		return false;
	while (*text) {
		double by = 1e9;

		if (!number(text, &text, &value))
			return false;
		for (size_t i = 0; *text && i < sizeof(units) / sizeof(*units); i++) {
			size_t n = strlen(units[i].unit);

			if (strncmp(text, units[i].unit, n) != 0)
				continue;
			by = units[i].ns;
			text += n;
			break;
		}
		if (!scale(value, by, &part) || sum + part > INT64_MAX)
			return false;
		sum += part;
	}
	*ns = sum;
	return true;
}

bool cli_parse_range(const char *text, bool (*parse)(const char *, uint64_t *),
		uint64_t *least, uint64_t *most)
{
	const char *dots = strstr(text, "..");
	char *first = cli_need(strndup(text, dots ? (size_t)(dots - text) : strlen(text)));
	bool good = true;

	*least = 0;
	*most = UINT64_MAX;
	if (*first || !dots)
		good = parse(first, least);
	if (!dots)
		*most = *least;
	else if (dots[2])
		good = good && parse(dots + 2, most);
	free(first);
	return good && *least <= *most && (!dots || text[2]);
}

/* One side of a window: a time, else the name of a mark, with #K the part's K-th.
 * TEXT is kept. */
static void apply_edge(char *text, uint64_t *time, const char **mark, uint32_t *nth)
{
	char *hash = strrchr(text, '#'), *end;
	unsigned long k;

	if (!*text || cli_parse_time(text, time))
		return;
	*mark = text;
	if (!hash || !hash[1] || strspn(hash + 1, "0123456789") != strlen(hash + 1))
		return;
	errno = 0;
	k = strtoul(hash + 1, &end, 10);
	if (errno || !k || k > UINT32_MAX || hash == text)
		cli_usage("--between: not the number of a mark: '%s'", text);
	*hash = '\0';
	*nth = (uint32_t)k;
}

/* "T1,T2", either may be empty. */
static void apply_between(const char *text)
{
	char *kept = cli_need(strdup(text)), *comma = strchr(kept, ',');
	struct mp_query *q = &cli_query;

	if (!comma || strchr(comma + 1, ','))
		cli_usage("--between: not two times or marks T1,T2: '%s'", text);
	*comma = '\0';
	apply_edge(kept, &q->from, &q->from_mark, &q->from_nth);
	apply_edge(comma + 1, &q->to, &q->to_mark, &q->to_nth);
	if (comma[1] && !mp_query_marks(q) && q->to <= q->from)
		cli_usage("--between: the second time is not after the first: '%s'", text);
	if (!mp_query_marks(q))
		free(kept);
}

static void apply_since(const char *text)
{
	char *kept = cli_need(strdup(text));
	struct mp_query *q = &cli_query;

	apply_edge(kept, &q->from, &q->from_mark, &q->from_nth);
	if (!q->from_mark)
		free(kept);
}

static void apply_keep(const char *text)
{
	static const struct { const char *name; unsigned keep; } labels[] = {
		{"process", MP_KEEP_PROCESS}, {"thread", MP_KEEP_THREAD}, {"kind",
			MP_KEEP_KIND},
		{"type", MP_KEEP_TYPE}, {"pid", MP_KEEP_PID}, {"tid", MP_KEEP_TID}, {"none", 0},
	};
	size_t i, n, count = sizeof(labels) / sizeof(*labels);

	for (;; text += n + 1) {
		n = strcspn(text, ",");
		for (i = 0; i < count; i++)
			if (strlen(labels[i].name) == n && memcmp(labels[i].name, text, n) == 0)
				break;
		if (i == count)
			cli_usage("--keep: unknown label '%.*s'", (int)n, text);
		cli_query.keep = labels[i].keep ? cli_query.keep | labels[i].keep : 0;
		if (!text[n])
			return;
	}
}

void cli_shared_apply(void)
{
	if (cli_shared.view > 0)
		cli_query.view = (enum mp_view)cli_shared.view;
	if (cli_shared.each == 0)
		cli_query.each_process = true;
	if (cli_shared.between && cli_shared.since)
		cli_usage("--since and --between exclude each other");
	if (cli_shared.between)
		apply_between(cli_shared.between);
	if (cli_shared.since)
		apply_since(cli_shared.since);
	if (cli_shared.keep)
		apply_keep(cli_shared.keep);
	if (cli_text && cli_json)
		cli_usage("-t and --json exclude each other");
	if (cli_shared.level > 19)
		cli_usage("--level: 0 to 19");
}

/* report_source.c - the text of the source lines that a report names.
 *
 * A trace may name any file, and reports are passed on, so only what looks like source is
 * opened: a regular file of bounded size whose name ends like one, without control
 * bytes.  A file changed after the trace began is not what ran, and left out.
 * Invariant: each file is read once, at the time of the report, and never written.
 */
#include "report_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOURCE_MAX = 4 << 20, LINE_MAX_SHOWN = 160 };

static bool looks_like_source(const char *file)
{
	static const char *const endings[] = {"py", "pyx", "pxd", "pxi", "pyi", "c", "h", "cc",
		"cpp", "cxx", "hh", "hpp", "hxx", "inl", "ipp", "tcc", "m", "mm", "rs", "go",
		"f", "f90", "cu", "cuh", "d", "zig", "nim", "swift", "S"};
	const char *dot = strrchr(file, '.'), *slash = strrchr(file, '/');

	for (size_t i = 0; dot && dot > slash && i < sizeof(endings) / sizeof(*endings); i++)
		if (!strcmp(dot + 1, endings[i]))
			return true;
	return false;
}

/* The whole file, NUL-terminated; NULL if it is not to be shown, or memory is out
 * (names->failed). */
static char *read_source(struct mp_report *r, const char *file, int64_t before)
{
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t got;
	size_t n = 0;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SOURCE_MAX &&
		(before <= 0 || st.st_mtime <= before)) {
		text = malloc((size_t)st.st_size + 1);
		r->names->failed |= !text;
	}
	while (text && n < (size_t)st.st_size) {
		got = read(fd, text + n, (size_t)st.st_size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	if (text)
		text[n] = 0;
	if (text && memchr(text, 0, n)) {
		free(text);
		text = NULL;
	}
	return text;
}

/* ---- lines -------------------------------------------------------------------------- */

struct wanted { uint32_t file, line, frame; };

static int compare(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* The line without the space around it, as a string; 0: nothing to show. */
static uint32_t line_string(struct mp_report *r, const char *line, size_t n)
{
	while (n && (*line == ' ' || *line == '\t' || *line == '\f'))
		line++, n--;
	while (n && (unsigned char)line[n - 1] <= ' ')
		n--;
	if (n > LINE_MAX_SHOWN)
		for (n = LINE_MAX_SHOWN; n && ((unsigned char)line[n] & 0xc0) == 0x80; n--)
			;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return 0;
	return n ? mp_def_string(r->names, line, n) : 0;
}

static void take_lines(struct mp_report *r, char *text, const struct wanted *w, size_t n,
	uint32_t *source)
{
	uint32_t number = 1;

	for (size_t i = 0; i < n; i++) {
		size_t len;

		while (number < w[i].line && *text) {
			text += strcspn(text, "\n");
			text += *text != 0;
			number++;
		}
		len = strcspn(text, "\n");
		source[w[i].frame] = line_string(r, text, len);
	}
}

/* When the first of the runs began, seconds; 0: not known. */
static int64_t began(const struct mp_report *r)
{
	int64_t first = 0;

	for (size_t i = 0; i < r->runs; i++) {
		const struct mp_tree *t = r->run[i].tree;
		int64_t at = t->clock.n ? (int64_t)(t->clock.x[1].wall / 1000000000) : 0;

		if (!at)
			return 0;
		first = !first || at < first ? at : first;
	}
	return first;
}

static size_t list(const struct mp_report *r, struct wanted *w)
{
	size_t n = 0;

	for (uint32_t i = 1; i <= r->frame.n; i++) {
		const uint32_t *f = mp_tuple_at(&r->frame, i);

		if (f[FRAME_LINE] && looks_like_source(mp_str(r->names, f[FRAME_FILE])))
			w[n++] = (struct wanted){ f[FRAME_FILE], f[FRAME_LINE], i };
	}
	qsort(w, n, sizeof(*w), compare);
	return n;
}

int mp_report_source(struct mp_report *r)
{
	uint32_t *source = calloc((size_t)r->frame.n + 1, sizeof(*source));
	struct wanted *w = malloc(((size_t)r->frame.n + 1) * sizeof(*w));
	size_t n = source && w ? list(r, w) : 0, next;

	for (size_t i = 0; i < n; i = next) {
		char *text = read_source(r, mp_str(r->names, w[i].file), began(r));

		for (next = i; next < n && w[next].file == w[i].file; next++)
			;
		if (text)
			take_lines(r, text, w + i, next - i, source);
		free(text);
	}
	free(r->source);
	r->source = source;
	free(w);
	return source && w && !r->names->failed ? 0 : mp_report_memory(r);
}

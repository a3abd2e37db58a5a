/* import_memray.c - the table of `memray transform csv` as a profile.
 * A row is a stack, innermost frame first, with what memray adds up for it: at the
 * peak, unless it was asked for something else, which the table does not tell.
 */
#include "import.h"

#include "feed.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

enum field { ALLOCATOR, COUNT, SIZE, TID, THREAD, STACK, FIELDS, NONE = FIELDS };
enum { MORE_FIELDS = 32 };              /* a table may have, of other names */

static const char *const field_name[FIELDS] = {
	"allocator", "num_allocations", "size", "tid", "thread_name", "stack_trace",
};

struct memray {
	struct mp_feed feed;
	struct mp_profile *p;
	enum field field[MORE_FIELDS];  /* by place in the row */
	size_t fields;
};

bool mp_like_memray(const uint8_t *data, size_t n)
{
	static const char begin[] = "allocator,num_allocations,size,";

	return n >= sizeof(begin) - 1 && memcmp(data, begin, sizeof(begin) - 1) == 0;
}

/* ---- one row --------------------------------------------------------------------------- */

/* What the field at S holds, quotes taken off in place; where it ends, NULL if its
 * quote is not closed there. */
static char *field_of(char *s, char *end, struct mp_slice *f)
{
	char *to = s, *first = s;
	bool quoted = s < end && *s == '"';

	for (s += quoted; s < end && (quoted || *s != ','); s++) {
		if (quoted && *s == '"') {
			/* two of them stand for one */
			if (s + 1 == end || s[1] != '"') {
				quoted = false;
				s++;
				break;
			}
			s++;
		}
		*to++ = *s;
	}
	*f = (struct mp_slice){ first, (size_t)(to - first) };
	return quoted || (s < end && *s != ',') ? NULL : s;
}

/* Cuts the line at its commas; how many fields, MAX + 1 if there are more, 0 if a
 * quote is wrong. */
static size_t split(char *s, size_t n, struct mp_slice *field, size_t max)
{
	char *end = s + n;

	for (size_t fields = 0; fields < max; s++) {
		s = field_of(s, end, &field[fields++]);
		if (!s)
			return 0;
		if (s == end)
			return fields;
	}
	return max + 1;
}

/* A row that is not over has an open quote: lines are added until it is closed. */
static int next_row(struct mp_feed *f)
{
	size_t quotes = 0, at = 0;
	int got = mp_feed_line(f, false);

	while (got > 0) {
		for (; at < f->line.n; at++)
			quotes += f->line.s[at] == '"';
		if (quotes % 2 == 0)
			break;
		got = mp_feed_line(f, true);
		if (!got)
			return mp_feed_fail(f, "a quote is not closed");
	}
	if (got > 0 && f->line.n && f->line.s[f->line.n - 1] == '\r')
		f->line.n--;
	return got;
}

static uint32_t kind_of(const struct mp_slice *f)
{
	static const struct { const char *name; uint32_t kind; } kind[] = {
		{ "MALLOC", MP_ALLOC_MALLOC }, { "CALLOC", MP_ALLOC_CALLOC },
		{ "REALLOC", MP_ALLOC_REALLOC }, { "POSIX_MEMALIGN", MP_ALLOC_POSIX_MEMALIGN },
		{ "ALIGNED_ALLOC", MP_ALLOC_ALIGNED_ALLOC }, { "MEMALIGN", MP_ALLOC_MEMALIGN },
		{ "VALLOC", MP_ALLOC_VALLOC }, { "PVALLOC", MP_ALLOC_PVALLOC },
		{ "MMAP", MP_ALLOC_MMAP }, { "PYMALLOC_MALLOC", MP_ALLOC_PYOBJECT_MALLOC },
		{ "PYMALLOC_CALLOC", MP_ALLOC_PYOBJECT_CALLOC },
		{ "PYMALLOC_REALLOC", MP_ALLOC_PYOBJECT_REALLOC },
	};

	for (size_t i = 0; i < sizeof(kind) / sizeof(*kind); i++)
		if (f->n == strlen(kind[i].name) && !memcmp(f->s, kind[i].name, f->n))
			return kind[i].kind;
	return 0;
}

/* "0x2 (NAME)", or "0x2" where it has none. */
static uint32_t thread_of(struct mp_tree *t, struct mp_slice f)
{
	char *open = f.n ? memchr(f.s, ' ', f.n) : NULL;

	if (f.n < 2 || memcmp(f.s, "0x", 2) != 0)
		return mp_def_string(t, f.s, f.n);
	if (!open || open[1] != '(' || f.s[f.n - 1] != ')')
		return 0;
	return mp_def_string(t, open + 2, (size_t)(f.s + f.n - 1 - (open + 2)));
}

/* ---- stacks ----------------------------------------------------------------------------- */

uint32_t mp_import_location(struct mp_tree *t, uint32_t function, uint32_t file, uint32_t line,
		uint32_t first)
{
	static const char *const other[] = {
		"c", "h", "cc", "cpp", "cxx", "c++", "C", "hh", "hpp", "hxx", "inl", "ipp", "tcc",
		"m", "mm", "s", "S", "asm", "rs", "go", "f", "f90", "cu", "cuh", "pyx", "pxd", "so",
		"java", "kt", "scala", "js", "ts", "rb", "swift", "zig",
	};
	const char *name = mp_str(t, file), *dot = strrchr(name, '.');
	bool python = line && *name && strcmp(name, "???") != 0;

	for (size_t i = 0; dot && i < sizeof(other) / sizeof(*other); i++)
		python &= strcmp(dot + 1, other[i]) != 0;
	return mp_def_location(t, python ? MP_LOC_PYTHON : MP_LOC_NAMED,
			mp_def_code(t, function, file, first), line);
}

/* FUNCTION;FILE;LINE: a name may hold none of them, a file any. */
static const char *frame(struct mp_tree *t, const char *s, size_t n, uint32_t *location)
{
	const char *file = memchr(s, ';', n), *line = memrchr(s, ';', n);
	uint32_t function, name;
	uint64_t number;

	if (!file || file == line ||
	    !mp_tsv_u64(line + 1, n - (size_t)(line + 1 - s), &number) || number > UINT32_MAX)
		return "a frame is not FUNCTION;FILE;LINE";
	function = mp_def_string(t, s, (size_t)(file - s));
	name = mp_def_string(t, file + 1, (size_t)(line - file - 1));
	*location = mp_import_location(t, function, name, (uint32_t)number, 0);
	return t->failed ? "out of memory, or over a limit of the format" : NULL;
}

/* Where the last frame of S begins: behind a bar that follows a line's number. */
static size_t last_frame(const char *s, size_t n)
{
	size_t at, digits;

	for (at = n; at; at--) {
		if (s[at - 1] != '|')
			continue;
		for (digits = at - 1; digits && s[digits - 1] >= '0' && s[digits - 1] <= '9'; )
			digits--;
		if (digits < at - 1 && digits && s[digits - 1] == ';')
			return at;
	}
	return 0;
}

static const char *stack(struct mp_tree *t, const struct mp_slice *f, uint32_t *node)
{
	size_t n = f->n, at;

	*node = 0;
	while (n) {
		uint32_t location;
		const char *wrong;

		at = last_frame(f->s, n);
		wrong = frame(t, f->s + at, n - at, &location);
		if (wrong)
			return wrong;
		*node = mp_def_node(t, *node, location);
		if (!*node)
			return "out of memory, or over a limit of the format";
		n = at ? at - 1 : 0;
	}
	return NULL;
}

/* ---- the table -------------------------------------------------------------------------- */

static int header(struct memray *m)
{
	struct mp_slice f[MORE_FIELDS];
	bool seen[FIELDS + 1] = { false };

	m->fields = split(m->feed.line.s, m->feed.line.n, f, MORE_FIELDS);
	if (m->fields > MORE_FIELDS)
		return mp_feed_fail(&m->feed, "too many fields");
	for (size_t i = 0; i < m->fields; i++) {
		enum field k = 0;

		while (k < FIELDS && (f[i].n != strlen(field_name[k]) ||
				memcmp(f[i].s, field_name[k], f[i].n) != 0))
			k++;
		if (k < FIELDS && seen[k])
			return mp_feed_fail(&m->feed, "a field twice in the header");
		seen[k] = true;
		m->field[i] = k;
	}
	if (!seen[SIZE] || !seen[STACK])
		return mp_feed_fail(&m->feed, "no size or stack_trace in the header");
	return 0;
}

static int row(struct memray *m)
{
	struct mp_slice f[MORE_FIELDS], *of[FIELDS + 1] = { NULL };
	struct mp_tree *t = m->p->tree;
	struct mp_ids ids = { 0 };
	int64_t value[2] = { 0 }, tid = 0;
	const char *wrong;

	if (split(m->feed.line.s, m->feed.line.n, f, m->fields) != m->fields)
		return mp_feed_fail(&m->feed, "a row without the fields of the header");
	for (size_t i = 0; i < m->fields; i++)
		of[m->field[i]] = &f[i];
	if (!mp_tsv_i64(of[SIZE]->s, of[SIZE]->n, &value[0]) ||
	    (of[COUNT] && !mp_tsv_i64(of[COUNT]->s, of[COUNT]->n, &value[1])) ||
	    (of[TID] && !mp_tsv_i64(of[TID]->s, of[TID]->n, &tid)))
		return mp_feed_fail(&m->feed, "not a whole number, or too large");
	wrong = stack(t, of[STACK], &ids.node);
	if (wrong)
		return mp_feed_fail(&m->feed, wrong);
	ids.kind = of[ALLOCATOR] ? kind_of(of[ALLOCATOR]) : 0;
	ids.thread = of[THREAD] ? thread_of(t, *of[THREAD]) : 0;
	/* -1: of several threads */
	ids.tid = tid > 0 && tid <= UINT32_MAX ? (uint32_t)tid : 0;
	if (t->failed || mp_add_ids(m->p, &ids, value))
		return mp_feed_fail(&m->feed, mp_profile_error(m->p));
	return 0;
}

static int step(struct mp_feed *f)
{
	static const struct mp_column column[] = {
		{ "bytes", "B", "peak", MP_SUM }, { "count", "count", "peak", MP_SUM },
	};
	struct memray *m = (struct memray *)f;
	int got = next_row(f);

	if (got < 0)
		return -1;
	if (!got)
		return mp_feed_profile(f, m->p);
	if (m->p)
		return f->line.n ? row(m) : 0;
	m->p = mp_profile_new(column, 2);
	if (!m->p || mp_profile_set_meta(m->p, "tool", "memray transform csv") ||
	    mp_profile_set_meta(m->p, "view", "peak"))
		return mp_feed_fail(f, NULL);
	return header(m);
}

static void free_state(struct mp_feed *f)
{
	mp_profile_free(((struct memray *)f)->p);
}

int mp_memray_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	static const struct mp_feed_ops ops = { step, free_state };

	return mp_feed_new(sizeof(struct memray), &ops, out, in, name) ? 0 : -1;
}

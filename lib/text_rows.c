/* text_rows.c - the lines of a profile in text (formats/text.md, sections 4 and
 * 6).  A row is added only when the columns are known: until then it is held.
 */
#include "text_in.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 4096, VALUE = MP_LABELS };

struct held { uint64_t line_number, byte; size_t n; };  /* the row's text follows */

static void complain(struct mp_text_in *x, const char *what)
{
	if (!x->wrong)
		x->wrong = what;
}

/* ---- the header -------------------------------------------------------------------- */

void mp_text_column(struct mp_text_in *x, char *value, size_t n)
{
	static const char *const combine[] = { "sum", "max", "min" };
	struct mp_slice f[4];
	struct mp_coldef c = { 0 }, *moved;
	uint32_t i;

	if (x->table.resolved)
		complain(x, "a column behind the rows");
	if (!mp_text_fields(x, value, n, f, 4))
		return;
	c.name = mp_text_id(x, &f[0]);
	c.unit = mp_text_id(x, &f[1]);
	c.view = mp_text_id(x, &f[2]);
	for (i = 0; i < 3 && !mp_text_is(&f[3], combine[i]); i++)
		;
	c.combine = f[3].n ? i : MP_SUM;
	if (c.combine > MP_MIN)
		complain(x, "a column combines by sum, max or min");
	if (x->wrong)
		return;
	moved = realloc(x->table.defined, (x->table.n_defined + 1) * sizeof(*moved));
	if (!moved) {
		complain(x, "out of memory");
		return;
	}
	moved[x->table.n_defined++] = c;
	x->table.defined = moved;
}

void mp_text_module(struct mp_text_in *x, char *value, size_t n)
{
	struct mp_slice f[2];
	uint32_t path, build_id;

	if (!mp_text_fields(x, value, n, f, 2))
		return;
	path = mp_text_id(x, &f[0]);
	build_id = mp_text_id(x, &f[1]);
	if (x->wrong)
		return;
	/* defined even if no row uses it: what was in the profile stays there */
	mp_def_module(x->tree, path, build_id);
	if (x->tree->failed || !mp_text_set_build(&x->stacks, path, build_id))
		complain(x, "out of memory");
}

static uint32_t label(const struct mp_slice *f)
{
	static const char *const name[MP_LABELS] = {
		"stack", "process", "thread", "kind", "type", "pid", "tid",
	};
	uint32_t i;

	for (i = 0; i < MP_LABELS; i++)
		if (mp_text_is(f, name[i]))
			break;
	return i;
}

/* The same header again (as after cat) is as good as once. */
static bool same_header(struct mp_text_in *x, const struct mp_slice *f, size_t fields)
{
	size_t i;

	if (fields != x->table.fields)
		return false;
	for (i = 0; i < fields; i++) {
		uint32_t name = label(&f[i]) == VALUE ? mp_text_id(x, &f[i]) : 0;

		if (label(&f[i]) != x->table.field[i].label || name != x->table.field[i].name)
			return false;
	}
	return true;
}

void mp_text_header(struct mp_text_in *x, char *line, size_t n)
{
	struct mp_text_table *h = &x->table;
	size_t fields = 1, values = 0, i;
	struct mp_slice *f;
	uint32_t seen = 0;

	for (i = 0; i < n; i++)
		fields += line[i] == '\t';
	f = malloc(fields * sizeof(*f));
	if (!f) {
		complain(x, "out of memory");
		return;
	}
	mp_tsv_split(line, n, f, fields);
	for (i = 0; i < fields; i++)
		values += label(&f[i]) == VALUE;
	if (values > MP_VALUE_COLUMNS)
		complain(x, "more than 128 columns");
	if (h->fields || x->wrong) {
		if (!x->wrong && !same_header(x, f, fields))
			complain(x, "a second header line, with other fields");
		free(f);
		return;
	}
	h->slice = f;
	h->field = calloc(fields, sizeof(*h->field));
	if (!h->field) {
		complain(x, "out of memory");
		return;
	}
	h->fields = fields;
	for (i = 0; i < fields; i++) {
		h->field[i].label = label(&f[i]);
		if (h->field[i].label != VALUE && (seen & 1u << h->field[i].label))
			complain(x, "a label twice in the header");
		seen |= 1u << h->field[i].label;
		h->field[i].name = h->field[i].label == VALUE ? mp_text_id(x, &f[i]) : 0;
	}
	if (h->field[fields - 1].label != MP_LABEL_NODE)
		complain(x, "the last field of the header is not stack");
}

/* Room for rows of the tree's columns. */
static void make_room(struct mp_text_in *x)
{
	struct mp_text_table *h = &x->table;
	uint32_t i;

	h->columns = x->tree->column.n;
	h->value = calloc(h->columns + 1, sizeof(*h->value));
	for (i = 0; h->value && i < h->columns; i++) {
		h->value[i] = calloc(ROWS, sizeof(**h->value));
		if (!h->value[i])
			complain(x, "out of memory");
	}
	for (i = 0; i < MP_LABELS; i++) {
		h->label[i] = calloc(ROWS, sizeof(**h->label));
		if (!h->label[i])
			complain(x, "out of memory");
	}
	if (!h->value)
		complain(x, "out of memory");
	h->resolved = !x->wrong;
}

static void define_column(struct mp_text_in *x, uint32_t name)
{
	const char *text = mp_str(x->tree, name);
	struct mp_coldef c = { .name = name, .combine = MP_SUM };
	uint32_t i;

	for (i = 1; i <= x->tree->column.n; i++)
		if (x->tree->column.x[i].name == name)
			complain(x, "two columns of one name");
	for (i = 0; i < x->table.n_defined && x->table.defined[i].name != name; i++)
		;
	if (i < x->table.n_defined)
		c = x->table.defined[i];
	else
		c.unit = mp_def_cstring(x->tree, !strcmp(text, "bytes") ? "B" :
				!strcmp(text, "ns") ? "ns" : "count");
	if (!x->wrong && !mp_def_column(x->tree, &c))
		complain(x, "out of memory");
}

/* The tree's columns, out of the header and the ##column lines. */
static void resolve(struct mp_text_in *x)
{
	struct mp_text_table *h = &x->table;
	size_t i;

	for (i = 0; i < h->fields; i++) {
		if (h->field[i].label != VALUE)
			continue;
		define_column(x, h->field[i].name);
		h->field[i].column = x->tree->column.n - 1;
	}
	make_room(x);
}

/* ---- rows --------------------------------------------------------------------------- */

static void flush(struct mp_text_in *x)
{
	struct mp_text_table *h = &x->table;
	const struct mp_rows_out rows = {
		.n = h->rows, .columns = h->columns, .node = h->label[MP_LABEL_NODE],
		.process = h->label[MP_LABEL_PROCESS], .thread = h->label[MP_LABEL_THREAD],
		.kind = h->label[MP_LABEL_KIND], .type = h->label[MP_LABEL_TYPE],
		.pid = h->label[MP_LABEL_PID], .tid = h->label[MP_LABEL_TID],
		.value = (const int64_t *const *)h->value,
	};

	if (!x->wrong && h->rows && mp_put_rows(x->writer, &rows))
		complain(x, "");        /* the writer knows what */
	h->rows = 0;
}

static void add(struct mp_text_in *x)
{
	if (x->tree->failed)
		complain(x, "out of memory, or over a limit of the format");
	if (x->wrong)
		return;
	x->content = true;
	if (++x->table.rows == ROWS)
		flush(x);
}

static void row_field(struct mp_text_in *x, size_t i, struct mp_slice *f)
{
	uint32_t label = x->table.field[i].label, id = 0;
	size_t row = x->table.rows;
	const char *wrong = NULL;

	switch (label) {
	case MP_LABEL_NODE:
		wrong = mp_text_get_stack(&x->stacks, f->s, f->n, false, &id);
		break;
	case MP_LABEL_KIND:
		id = mp_text_kind_of(x, f);
		break;
	case MP_LABEL_PID:
	case MP_LABEL_TID:
		id = mp_text_number32(x, f);
		break;
	case VALUE:
		wrong = f->n ? NULL : "a value is missing";
		x->table.value[x->table.field[i].column][row] = mp_text_signed(x, f);
		break;
	default:
		id = mp_text_id(x, f);
	}
	if (label != VALUE)
		x->table.label[label][row] = id;
	if (wrong)
		complain(x, wrong);
}

static void twin_row(struct mp_text_in *x, char *line, size_t n)
{
	struct mp_text_table *h = &x->table;
	size_t i;

	if (!h->resolved)
		resolve(x);
	if (!x->wrong && mp_tsv_split(line, n, h->slice, h->fields) != h->fields)
		complain(x, "a row without the fields of the header");
	for (i = 0; !x->wrong && i < h->fields; i++)
		row_field(x, i, &h->slice[i]);
	add(x);
}

static void folded_row(struct mp_text_in *x, char *line, size_t n)
{
	struct mp_text_table *h = &x->table;
	size_t stack[2];
	const char *wrong;
	int64_t last[2];
	uint32_t i;

	if (mp_folded_numbers(line, n, last, stack) < h->columns) {
		complain(x, "no whole number at the end of a folded line");
		return;
	}
	for (i = 0; i < h->columns; i++)
		h->value[i][h->rows] = last[h->columns - 1 - i];
	wrong = mp_text_get_stack(&x->stacks, line, stack[h->columns - 1], true,
			&h->label[MP_LABEL_NODE][h->rows]);
	if (wrong)
		complain(x, wrong);
	add(x);
}

static void hold(struct mp_text_in *x, const char *line, size_t n)
{
	struct held held = { x->line_number, x->byte, n };

	mp_buf_add(&x->table.held, &held, sizeof(held));
	mp_buf_add(&x->table.held, line, n);
	if (x->table.held.failed)
		complain(x, "out of memory");
}

void mp_text_row(struct mp_text_in *x, char *line, size_t n)
{
	if (x->folded || !x->table.fields || x->table.held.n)
		hold(x, line, n);
	else
		twin_row(x, line, n);
}

/* ---- the end ------------------------------------------------------------------------- */

/* The next row held at *AT; false at the end. */
static bool next_held(struct mp_text_in *x, size_t *at, char **line, size_t *n)
{
	struct held held;

	if (*at == x->table.held.n)
		return false;
	memcpy(&held, x->table.held.s + *at, sizeof(held));
	*line = x->table.held.s + *at + sizeof(held);
	*n = held.n;
	*at += sizeof(held) + held.n;
	x->line_number = held.line_number;
	x->byte = held.byte;
	return true;
}

/* One column, or two if every line ends in two numbers. */
static void folded_columns(struct mp_text_in *x)
{
	static const char *const name[2][2] = { { "samples", NULL }, { "old", "new" } };
	size_t at = 0, n, stack[2], numbers = 2, i;
	int64_t last[2];
	char *line;

	while (numbers == 2 && next_held(x, &at, &line, &n))
		if (mp_folded_numbers(line, n, last, stack) < 2)
			numbers = 1;
	for (i = 0; i < numbers; i++) {
		struct mp_coldef c = {
			.name = mp_def_cstring(x->tree, name[numbers - 1][i]),
			.unit = mp_def_cstring(x->tree, "count"),
			.view = mp_def_cstring(x->tree, "samples"),
		};

		if (!mp_def_column(x->tree, &c))
			complain(x, "out of memory");
	}
	make_room(x);
}

void mp_text_rows_end(struct mp_text_in *x)
{
	size_t at = 0, n;
	char *line;

	if (x->folded)
		folded_columns(x);
	else if (!x->table.fields)
		complain(x, "no header line (#bytes ... stack) in this profile");
	else if (!x->table.resolved)
		resolve(x);
	while (!x->wrong && next_held(x, &at, &line, &n)) {
		if (x->folded)
			folded_row(x, line, n);
		else
			twin_row(x, line, n);
	}
	flush(x);
}

void mp_text_table_free(struct mp_text_in *x)
{
	struct mp_text_table *h = &x->table;
	uint32_t i;

	for (i = 0; h->value && i < h->columns; i++)
		free(h->value[i]);
	for (i = 0; i < MP_LABELS; i++)
		free(h->label[i]);
	free(h->value);
	free(h->field);
	free(h->slice);
	free(h->defined);
	mp_buf_free(&h->held);
	*h = (struct mp_text_table){ 0 };
}

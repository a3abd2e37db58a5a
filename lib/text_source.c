/* text_source.c - the text twin and folded lines as a source of binary .mp.
 * One writer per part turns lines into blocks; a part that is cut gets no end
 * mark, so that the reader behind it says so.
 */
#include "feed.h"
#include "text_in.h"

#include <stdlib.h>
#include <string.h>

struct text_source {
	struct mp_feed feed;
	struct mp_text_in in;
	bool begun;                     /* there has been a part */
};

static int fail(struct text_source *s, const char *what)
{
	/* of a row that was held back */
	s->feed.number = s->in.line_number;
	s->feed.byte = s->in.byte;
	return mp_feed_fail(&s->feed, what);
}

/* ---- parts ------------------------------------------------------------------------- */

static void free_part(struct text_source *s)
{
	size_t i;

	mp_text_table_free(&s->in);
	mp_text_stacks_free(&s->in.stacks);
	for (i = 0; i < MP_IDS_KINDS; i++)
		free(s->in.ids[i].x);
	free(s->in.line);
	s->in = (struct mp_text_in){ .line_number = s->in.line_number, .byte = s->in.byte };
}

static int begin_part(struct text_source *s, enum mp_kind kind)
{
	if (mp_feed_begin(&s->feed, kind))
		return -1;
	s->begun = true;
	s->in.kind = kind;
	s->in.writer = s->feed.writer;
	s->in.tree = s->in.stacks.tree = mp_writer_tree(s->in.writer);
	return 0;
}

static int end_part(struct text_source *s)
{
	struct mp_text_in *x = &s->in;
	bool cut = x->kind == MP_TRACE && !x->ended;

	if (!x->kind)
		return 0;
	if (x->kind == MP_PROFILE)
		mp_text_rows_end(x);
	if (x->wrong)
		return fail(s, x->wrong);
	/* and what is only said to be one at its end, not before that */
	if (x->kind == MP_TRACE && x->loss.sample_interval && !x->sampled &&
	    mp_enc_flush(x->writer, x->last_time))
		return fail(s, "");
	if (mp_put_loss(x->writer, &x->loss))
		return fail(s, "");
	if (cut ? mp_feed_cut(&s->feed, x->last_time) : mp_feed_end(&s->feed))
		return -1;
	free_part(s);
	return 0;
}

/* ---- ## lines ------------------------------------------------------------------------ */

static int part_line(struct text_source *s, char *value, size_t n)
{
	struct mp_slice word = { value, n };
	char *space = memchr(value, ' ', n);
	enum mp_kind kind;
	uint64_t version;

	if (space)
		word.n = (size_t)(space - value);
	kind = mp_text_is(&word, "trace") ? MP_TRACE : MP_PROFILE;
	if (!space || (kind == MP_PROFILE && !mp_text_is(&word, "profile")) ||
	    !mp_tsv_u64(space + 1, n - word.n - 1, &version) || !version)
		return fail(s, "neither ##mp=trace 1 nor ##mp=profile 1");
	if (version > MP_MAJOR)
		return fail(s, "a text of a newer version than this program knows");
	/* The first ##mp of a sorted profile stands behind its rows. */
	if (s->in.kind == kind && !s->in.begun && !s->in.folded) {
		s->in.begun = true;
		return 0;
	}
	if (end_part(s) || begin_part(s, kind))
		return -1;
	s->in.begun = true;
	return 0;
}

static void loss_line(struct mp_text_in *x, char *value, size_t n)
{
	struct mp_loss loss = { 0 };
	const struct { const char *name; uint64_t *to; } field[] = {
		{ "lost_events", &loss.lost_events }, { "lost_bytes", &loss.lost_bytes },
		{ "damaged_blocks", &loss.damaged_blocks }, { "truncated", &loss.truncated },
		{ "sample_interval", &loss.sample_interval },
	};
	struct mp_slice word[2];
	size_t at = 0, i, k;

	while (at < n && !x->wrong) {
		for (i = 0; i < 2; i++) {
			word[i].s = value + at;
			for (word[i].n = 0; at < n && value[at] != ' '; at++)
				word[i].n++;
			at += at < n;
		}
		for (k = 0; k < 5 && !mp_text_is(&word[0], field[k].name); k++)
			;
		if (k == 5 || !mp_tsv_u64(word[1].s, word[1].n, field[k].to))
			x->wrong = "a ##loss line is pairs of a name and a number";
	}
	mp_add_loss(&x->loss, &loss);
	if (x->content || x->kind != MP_TRACE || !loss.sample_interval)
		return;
	/* what is sampled is marked from its first block on */
	x->sampled = true;
	loss = (struct mp_loss){ .sample_interval = loss.sample_interval };
	if (mp_put_loss(x->writer, &loss))
		x->wrong = "";
}

static void metadata(struct mp_text_in *x, struct mp_slice key, struct mp_slice value)
{
	char *text;

	if (x->content)
		x->wrong = "metadata behind the first event or row";
	else if (!mp_tsv_unescape(&key, NULL) || !mp_tsv_unescape(&value, NULL))
		x->wrong = "a backslash that begins no escape";
	else if (memchr(key.s, 0, key.n) || memchr(value.s, 0, value.n))
		x->wrong = "a zero byte in metadata";
	if (x->wrong)
		return;
	/* Both stand in one line, so behind each there is a byte to spare. */
	text = key.s;
	text[key.n] = 0;
	value.s[value.n] = 0;
	if (mp_put_meta(x->writer, text, value.s))
		x->wrong = "";
}

static int meta_line(struct text_source *s, char *line, size_t n)
{
	size_t at = mp_tsv_span(line, n, '=');
	struct mp_slice key = { line, at }, value = { line + at + 1, at < n ? n - at - 1 : 0 };
	struct mp_text_in *x = &s->in;
	uint64_t number = 0;

	if (at == n)
		return fail(s, "a ## line without =");
	if (mp_text_is(&key, "mp"))
		return part_line(s, value.s, value.n);
	if (!x->kind && begin_part(s, MP_PROFILE))
		return -1;
	if (mp_text_is(&key, "loss")) {
		loss_line(x, value.s, value.n);
	} else if (x->kind == MP_PROFILE && mp_text_is(&key, "column")) {
		mp_text_column(x, value.s, value.n);
	} else if (x->kind == MP_PROFILE && mp_text_is(&key, "module")) {
		mp_text_module(x, value.s, value.n);
	} else if (x->kind == MP_TRACE &&
			(mp_text_is(&key, "objects") || mp_text_is(&key, "tick"))) {
		number = mp_text_number(x, &value);
		if (x->content || !number)
			x->wrong = "##objects and ##tick are not 0 and stand before the events";
		else if (mp_text_is(&key, "tick"))
			mp_set_tick(x->writer, number);
		else
			x->tree->objects = true;
	} else {
		metadata(x, key, value);
	}
	return x->wrong ? fail(s, x->wrong) : 0;
}

/* ---- lines ---------------------------------------------------------------------------- */

/* A line before any part: what it is tells what the stream is. */
static int first_line(struct text_source *s, const char *line, size_t n)
{
	const char *tab = memchr(line, '\t', n);
	int64_t value, last[2];
	size_t stack[2], i;

	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 && line[i] != '\t')
			break;
	if (i == n && tab && mp_tsv_i64(line, (size_t)(tab - line), &value))
		return begin_part(s, MP_PROFILE);
	if (i < n || !mp_folded_numbers(line, n, last, stack))
		return mp_err_set(&s->feed.error, "%s: not a trace or profile", s->feed.name);
	if (begin_part(s, MP_PROFILE))
		return -1;
	s->in.folded = true;
	return 0;
}

static int one_line(struct text_source *s, char *line, size_t n)
{
	struct mp_text_in *x = &s->in;

	if (n && line[n - 1] == '\r')
		line[--n] = 0;
	if (!n || (line[0] == '#' && (n == 1 || line[1] == ' ')))
		return 0;
	if (n > 1 && line[0] == '#' && line[1] == '#')
		return meta_line(s, line + 2, n - 2);
	if (!x->kind && line[0] == '#' && begin_part(s, MP_PROFILE))
		return -1;
	if (!x->kind && first_line(s, line, n))
		return -1;
	if (x->kind == MP_TRACE) {
		if (!mp_text_definition(x, line, n))
			mp_text_event(x, line, n);
	} else if (line[0] == '#' && !x->folded) {
		mp_text_header(x, line + 1, n - 1);
	} else {
		mp_text_row(x, line, n);
	}
	return x->wrong ? fail(s, x->wrong) : 0;
}

/* ---- the source ------------------------------------------------------------------------ */

static int step(struct mp_feed *f)
{
	struct text_source *s = (struct text_source *)f;
	int got = mp_feed_line(f, false);

	s->in.line_number = f->number;
	s->in.byte = f->byte;
	if (got)
		return got < 0 ? -1 : one_line(s, f->line.s, f->line.n);
	f->done = true;
	if (!s->in.kind && !s->begun)
		return mp_err_set(&f->error, "%s: not a trace or profile", f->name);
	return end_part(s);
}

static void free_state(struct mp_feed *f)
{
	free_part((struct text_source *)f);
}

int mp_text_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	static const struct mp_feed_ops ops = { step, free_state };

	return mp_feed_new(sizeof(struct text_source), &ops, out, in, name) ? 0 : -1;
}

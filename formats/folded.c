/* folded.c - stacks as text.  Every text is some frame: what does not have the
 * shape of a place or a tag belongs to the name.
 */
#include "folded.h"

#include <string.h>

#include "utf8.h"

size_t mp_frame_span(const char *s, size_t n, bool bare)
{
	const char *end;

	if (!bare)
		return mp_tsv_span(s, n, ';');
	end = n ? memchr(s, ';', n) : NULL;
	return end ? (size_t)(end - s) : n;
}

/* Where the last " C" of S begins that no backslash disarms; N if there is none. */
static size_t last_opening(const char *s, size_t n, char c, bool bare)
{
	size_t found = n, i;

	for (i = 0; i + 1 < n; i++) {
		if (s[i] == '\\' && !bare)
			i++;
		else if (s[i] == ' ' && s[i + 1] == c)
			found = i;
	}
	return found;
}

static bool starts(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && !memcmp(s, word, len);
}

/* WORD or WORD:NUMBER. */
static bool counted(const char *s, size_t n, const char *word, uint64_t *number)
{
	size_t len = strlen(word);

	if (!starts(s, n, word))
		return false;
	*number = 0;
	return n == len || (s[len] == ':' && mp_tsv_u64(s + len + 1, n - len - 1, number));
}

static bool native_tag(char *s, size_t n, struct mp_frame_text *f)
{
	size_t plus = n, brace;

	f->asked = n && s[n - 1] == '?';
	n -= f->asked;
	while (plus && s[plus - 1] != '+')
		plus--;
	if (!plus || !starts(s + plus, n - plus, "0x") ||
	    !mp_tsv_hex(s + plus + 2, n - plus - 2, &f->offset))
		return false;
	f->module.s = s;
	f->module.n = plus - 1;
	if (!f->module.n || s[plus - 2] != '}')
		return true;
	brace = last_opening(s, plus - 1, '{', false);
	if (brace < plus - 1) {
		f->braced = true;
		f->module.n = brace;
		f->build_id.s = s + brace + 2;
		f->build_id.n = plus - 2 - (brace + 2);
	}
	return true;
}

static bool parse_tag(char *s, size_t n, struct mp_frame_text *f)
{
	if (native_tag(s, n, f)) {
		f->tag = MP_TAG_NATIVE;
		return true;
	}
	f->asked = false;
	if (counted(s, n, "py", &f->first))
		f->tag = MP_TAG_PYTHON;
	else if (counted(s, n, "note", &f->first))
		f->tag = MP_TAG_NOTE;
	else if (n == 7 && starts(s, n, "inlined"))
		f->tag = MP_TAG_INLINED;
	else
		return n && counted(s, n, "", &f->first);
	return true;
}

/* FILE:LINE, FILE, :LINE or nothing, between the parentheses. */
static bool parse_place(char *s, size_t n, bool bare, struct mp_frame_text *f)
{
	size_t colon = n;

	f->file.s = s;
	f->file.n = n;
	while (colon && s[colon - 1] >= '0' && s[colon - 1] <= '9')
		colon--;
	if (colon && s[colon - 1] == ':' && mp_tsv_u64(s + colon, n - colon, &f->line) &&
	    (!bare || f->line <= UINT32_MAX)) {
		f->file.n = colon - 1;
	} else if (bare) {
		f->line = 0;
		return false;
	}
	f->placed = true;
	return true;
}

void mp_frame_parse(char *s, size_t n, bool bare, struct mp_frame_text *f)
{
	size_t at;

	memset(f, 0, sizeof(*f));
	f->module.s = f->build_id.s = f->file.s = f->name.s = s;
	if (!bare && n && s[n - 1] == ']') {
		at = last_opening(s, n, '[', false);
		if (at < n && parse_tag(s + at + 2, n - at - 3, f))
			n = at;
	}
	f->name.n = n;
	if (!n || s[n - 1] != ')')
		return;
	at = last_opening(s, n, '(', bare);
	if (at == n)
		return;
	if (parse_place(s + at + 2, n - at - 3, bare, f))
		f->name.n = at;
	else
		f->file.n = 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

unsigned mp_folded_numbers(const char *s, size_t n, int64_t last[2], size_t stack[2])
{
	unsigned found = 0;
	size_t start;

	while (found < 2) {
		while (n && blank(s[n - 1]))
			n--;
		for (start = n; start && !blank(s[start - 1]); start--)
			;
		if (!start || !mp_tsv_i64(s + start, n - start, &last[found]))
			break;
		for (n = start; n && blank(s[n - 1]); n--)
			;
		stack[found++] = n;
	}
	return found;
}

/* Where a number begins that a reader of folded lines would take for a value. */
static size_t trailing_number(const char *s, size_t n)
{
	size_t i = n;

	while (i && memchr("0123456789.-", s[i - 1], 12))
		i--;
	return i < n && i && s[i - 1] == ' ' ? i - 1 : n;
}

size_t mp_folded_escape(char *out, const char *in, size_t n)
{
	size_t number = trailing_number(in, n), i = 0;
	char *start = out;
	uint32_t code;
	unsigned len;

	while (i < n) {
		len = mp_utf8(in + i, n - i, &code);
		if (!len || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			out += mp_tsv_escape(out, in + i, len ? len : 1, MP_TSV_FIELD);
			i += len ? len : 1;
			continue;
		}
		if (len == 1 && (in[i] == ';' || i == number)) {
			*out++ = in[i++] == ';' ? ':' : '_';
			continue;
		}
		while (len--)
			*out++ = in[i++];
	}
	return (size_t)(out - start);
}

/* text_field.c - fields of the text twin as values.  The first thing wrong in a
 * line is the one that is told.
 */
#include "text_in.h"

#include <string.h>

static uint64_t wrong(struct mp_text_in *x, const char *what)
{
	if (!x->wrong)
		x->wrong = what;
	return 0;
}

uint64_t mp_text_number(struct mp_text_in *x, const struct mp_slice *f)
{
	uint64_t value = 0;

	if (f->n && !mp_tsv_u64(f->s, f->n, &value))
		return wrong(x, "not a whole number of 64 bits");
	return value;
}

uint32_t mp_text_number32(struct mp_text_in *x, const struct mp_slice *f)
{
	uint64_t value = mp_text_number(x, f);

	if (value > UINT32_MAX)
		return (uint32_t)wrong(x, "a number over 32 bits");
	return (uint32_t)value;
}

int64_t mp_text_signed(struct mp_text_in *x, const struct mp_slice *f)
{
	int64_t value = 0;

	if (f->n && !mp_tsv_i64(f->s, f->n, &value))
		return (int64_t)wrong(x, "not a whole number of 63 bits and a sign");
	return value;
}

uint64_t mp_text_hex(struct mp_text_in *x, const struct mp_slice *f)
{
	uint64_t value = 0;

	if (!f->n || (f->n == 1 && f->s[0] == '0'))
		return 0;
	if (f->n < 3 || f->s[0] != '0' || f->s[1] != 'x' ||
	    !mp_tsv_hex(f->s + 2, f->n - 2, &value))
		return wrong(x, "not a hexadecimal number of 64 bits, 0x...");
	return value;
}

uint32_t mp_text_id(struct mp_text_in *x, const struct mp_slice *f)
{
	uint32_t id;

	if (!mp_text_get_string(x->tree, *f, &id))
		return (uint32_t)wrong(x, "a backslash that begins no escape");
	return id;
}

uint32_t mp_text_ref(struct mp_text_in *x, enum mp_text_ids kind, const struct mp_slice *f)
{
	static const char *const missing[MP_IDS_KINDS] = {
		"no such process", "no such thread", "no such module", "no such code",
		"no such line", "no such frame", "no such node", "no such site",
		"no such mapping", "no such clock",
	};
	uint64_t number = mp_text_number(x, f);

	if (number > x->ids[kind].n)
		return (uint32_t)wrong(x, missing[kind]);
	return number ? x->ids[kind].x[number] : 0;
}

uint32_t mp_text_kind_of(struct mp_text_in *x, const struct mp_slice *f)
{
	uint32_t kind;

	return mp_text_get_kind(f, &kind) ? kind : (uint32_t)wrong(x, "no such allocator");
}

uint32_t mp_text_weight(struct mp_text_in *x, const struct mp_slice *f)
{
	uint64_t weight = mp_text_number(x, f);

	if (weight > MP_WEIGHT_MAX)
		return (uint32_t)wrong(x, "a weight over 31 bits");
	if (weight > 1 && !x->sampled)
		return (uint32_t)wrong(x, "a weight without a ##loss line of a sample_interval ahead of it");
	return weight ? (uint32_t)weight - 1 : 0;
}

bool mp_text_is(const struct mp_slice *f, const char *word)
{
	return f->n == strlen(word) && !memcmp(f->s, word, f->n);
}

bool mp_text_fields(struct mp_text_in *x, char *line, size_t n, struct mp_slice *f, size_t max)
{
	size_t fields = mp_tsv_split(line, n, f, max);

	if (fields > max)
		return wrong(x, "too many fields") != 0;
	for (; fields < max; fields++)
		f[fields] = (struct mp_slice){ line + n, 0 };
	return true;
}

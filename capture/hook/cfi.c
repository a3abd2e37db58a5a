/* cfi.c - look an address up in .eh_frame_hdr and run its call frame program.
 * Only the frame pointer, the return address and the CFA are followed; all else is
 * skipped.
 *
 * Invariant: a row is returned only if the whole program up to PC was
 * understood; nothing is guessed.
 */
#include "cfi.h"
#include "arch.h"

#include <string.h>

enum { STATES = 8 };

struct program {
	const uint8_t *at, *end;
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;       /* of pointers */
	uintptr_t location, pc;
	struct cfi_row first;   /* after the CIE's program, for restore */
	struct cfi_row saved[STATES];
	unsigned states;
};

static uint64_t read_uleb(const uint8_t **p)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = *(*p)++;
		if (shift < 64)
			value |= (uint64_t)(byte & 127) << shift;
		shift += 7;
	} while (byte & 128);
	return value;
}

static int64_t read_sleb(const uint8_t **p)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = *(*p)++;
		if (shift < 64)
			value |= (uint64_t)(byte & 127) << shift;
		shift += 7;
	} while (byte & 128);
	if (shift < 64 && (byte & 64) != 0)
		value |= ~0ull << shift;
	return (int64_t)value;
}

static uint64_t read_fixed(const uint8_t **p, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, *p, bytes);
	*p += bytes;
	return value;
}

/* A pointer in encoding ENC (DW_EH_PE_*); false: an encoding not known. */
static bool read_encoded(const uint8_t **p, uint8_t enc, uintptr_t data, uintptr_t *out)
{
	uintptr_t base = 0, value;

	switch (enc & 0x70) {
	case 0x00:
		break;
	case 0x10:
		base = (uintptr_t)*p;
		break;
	case 0x30:
		base = data;
		break;
	default:
		return false;
	}
	switch (enc & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		value = read_fixed(p, 8);
		break;
	case 0x01:
		value = read_uleb(p);
		break;
	case 0x02:
		value = read_fixed(p, 2);
		break;
	case 0x03:
		value = read_fixed(p, 4);
		break;
	case 0x09:
		value = (uintptr_t)read_sleb(p);
		break;
	case 0x0a:
		value = (uintptr_t)(int16_t)read_fixed(p, 2);
		break;
	case 0x0b:
		value = (uintptr_t)(int32_t)read_fixed(p, 4);
		break;
	default:
		return false;
	}
	*out = value != 0 ? value + base : 0;
	return true;
}

static struct cfi_place *place(struct cfi_row *row, uint64_t reg)
{
	if (reg == ARCH_FP)
		return &row->fp;
	return reg == ARCH_RA ? &row->ra : &row->rest;
}

static void set(struct cfi_row *row, uint64_t reg, enum cfi_rule rule, int64_t value)
{
	struct cfi_place *p = place(row, reg);

	p->rule = rule;
	p->value = value;
	p->expr = NULL;
}

static void set_cfa(struct cfi_row *row, uint64_t reg, int64_t offset)
{
	row->cfa_register = reg;
	row->cfa_offset = offset;
	row->cfa_expr = NULL;
}

/* Instructions that move on in the code.  1: PC is passed; -1: not one of them. */
static int advance(struct program *g, uint8_t op)
{
	uint64_t delta;
	uintptr_t to;

	if (op >> 6 == 1) {
		delta = op & 63;
	} else if (op == 0x01) {
		if (!read_encoded(&g->at, g->encoding, 0, &to))
			return 1;
		g->location = to;
		return g->location > g->pc;
	} else if (op == 0x02) {
		delta = read_fixed(&g->at, 1);
	} else if (op == 0x03) {
		delta = read_fixed(&g->at, 2);
	} else if (op == 0x04) {
		delta = read_fixed(&g->at, 4);
	} else {
		return -1;
	}
	g->location += delta * g->code_align;
	return g->location > g->pc;
}

static bool expression(struct program *g, struct cfi_row *row, uint8_t op)
{
	uint64_t reg = op == 0x0f ? 0 : read_uleb(&g->at), length = read_uleb(&g->at);
	const uint8_t *from = g->at;

	if (length > (uint64_t)(g->end - g->at))
		return false;
	g->at += length;
	if (op == 0x0f) {
		row->cfa_expr = from;
		row->cfa_expr_end = g->at;
	} else {
		struct cfi_place *p = place(row, reg);

		p->rule = op == 0x10 ? CFI_EXPR : CFI_ODD;
		p->expr = from;
		p->expr_end = g->at;
	}
	return true;
}

/* Instructions that change the row; false: unknown. */
static bool change(struct program *g, struct cfi_row *row, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x05: /* offset_extended */
		reg = read_uleb(&g->at);
		set(row, reg, CFI_OFFSET, (int64_t)read_uleb(&g->at) * g->data_align);
		return true;
	case 0x06: /* restore_extended */
		reg = read_uleb(&g->at);
		*place(row, reg) = *place(&g->first, reg);
		return true;
	case 0x07: /* undefined */
		set(row, read_uleb(&g->at), CFI_UNDEFINED, 0);
		return true;
	case 0x08: /* same_value */
		set(row, read_uleb(&g->at), CFI_SAME, 0);
		return true;
	case 0x09: /* register */
		reg = read_uleb(&g->at);
		read_uleb(&g->at);
		set(row, reg, CFI_ODD, 0);
		return true;
	case 0x0a: /* remember_state */
		if (g->states == STATES)
			return false;
		g->saved[g->states++] = *row;
		return true;
	case 0x0b: /* restore_state */
		if (g->states == 0)
			return false;
		*row = g->saved[--g->states];
		return true;
	case 0x0c: /* def_cfa */
		reg = read_uleb(&g->at);
		set_cfa(row, reg, (int64_t)read_uleb(&g->at));
		return true;
	case 0x0d: /* def_cfa_register */
		set_cfa(row, read_uleb(&g->at), row->cfa_offset);
		return true;
	case 0x0e: /* def_cfa_offset */
		row->cfa_offset = (int64_t)read_uleb(&g->at);
		return true;
	case 0x0f: /* def_cfa_expression */
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		return expression(g, row, op);
	case 0x11: /* offset_extended_sf */
		reg = read_uleb(&g->at);
		set(row, reg, CFI_OFFSET, read_sleb(&g->at) * g->data_align);
		return true;
	case 0x12: /* def_cfa_sf */
		reg = read_uleb(&g->at);
		set_cfa(row, reg, read_sleb(&g->at) * g->data_align);
		return true;
	case 0x13: /* def_cfa_offset_sf */
		row->cfa_offset = read_sleb(&g->at) * g->data_align;
		return true;
	case 0x14: /* val_offset */
		reg = read_uleb(&g->at);
		set(row, reg, CFI_VALUE, (int64_t)read_uleb(&g->at) * g->data_align);
		return true;
	case 0x15: /* val_offset_sf */
		reg = read_uleb(&g->at);
		set(row, reg, CFI_VALUE, read_sleb(&g->at) * g->data_align);
		return true;
	case 0x2e: /* GNU_args_size */
		read_uleb(&g->at);
		return true;
	default:
		return arch_cfi_is_mark(op);
	}
}

static bool run(struct program *g, struct cfi_row *row)
{
	while (g->at < g->end) {
		uint8_t op = *g->at++, low = op & 63;
		int passed = advance(g, op);

		if (passed > 0)
			return true;
		if (passed == 0)
			continue;
		if (op >> 6 == 2)
			set(row, low, CFI_OFFSET, (int64_t)read_uleb(&g->at) * g->data_align);
		else if (op >> 6 == 3)
			*place(row, low) = *place(&g->first, low);
		else if (!change(g, row, op))
			return false;
	}
	return true;
}

/* CIE: alignments, pointer encoding, and its program's row. */
static bool read_cie(struct program *g, const uint8_t *cie, bool *augmented, bool *signal)
{
	const uint8_t *p = cie, *end;
	const char *a;
	uint32_t length = (uint32_t)read_fixed(&p, 4);
	uint8_t version;
	uintptr_t ignored;

	if (length == UINT32_MAX || length < 8)
		return false;
	end = p + length;
	p += 4;
	version = *p++;
	a = (const char *)p;
	p += strlen(a) + 1;
	g->code_align = read_uleb(&p);
	g->data_align = read_sleb(&p);
	if ((version == 1 ? *p++ : read_uleb(&p)) != ARCH_RA)
		return false;
	g->encoding = 0;
	*augmented = a[0] == 'z';
	*signal = false;
	if (a[0] != 'z' && a[0] != '\0')
		return false;
	if (*augmented) {
		uint64_t bytes = read_uleb(&p);
		const uint8_t *after = p + bytes;

		for (a++; *a != '\0'; a++) {
			if (*a == 'R')
				g->encoding = *p++;
			else if (*a == 'L')
				p++;
			else if (*a == 'S')
				*signal = true;
			else if (*a == 'P') {
				uint8_t enc = *p++;

				if (!read_encoded(&p, enc, 0, &ignored))
					return false;
			} else if (*a != 'B') {
				return false;
			}
		}
		p = after;
	}
	g->at = p;
	g->end = end;
	return true;
}

static bool read_fde(const uint8_t *fde, uintptr_t pc, struct cfi_row *row)
{
	struct program g = {.pc = UINTPTR_MAX};
	const uint8_t *p = fde, *end;
	uint32_t length = (uint32_t)read_fixed(&p, 4);
	uintptr_t from, range;
	bool augmented, signal;

	if (length == UINT32_MAX || length < 8)
		return false;
	end = p + length;
	if (!read_cie(&g, p - read_fixed(&(const uint8_t *){p}, 4), &augmented, &signal))
		return false;
	p += 4;
	if (!read_encoded(&p, g.encoding, 0, &from) ||
	    !read_encoded(&p, g.encoding & 0x0f, 0, &range) || pc < from || pc - from >= range)
		return false;
	memset(row, 0, sizeof(*row));
	set_cfa(row, ARCH_SP, 0);
	if (!run(&g, row))
		return false;
	g.first = *row;
	if (augmented) {
		uint64_t bytes = read_uleb(&p);

		p += bytes;
	}
	g.at = p;
	g.end = end;
	g.location = from;
	g.pc = pc;
	row->signal = signal;
	row->from = from;
	return run(&g, row);
}

bool cfi_find(const uint8_t *hdr, uintptr_t pc, struct cfi_row *row)
{
	struct entry {
		int32_t location, fde;
	} e;
	const uint8_t *p = hdr + 4, *table;
	uintptr_t ignored, count;
	size_t low = 0, high;
	int64_t at = (int64_t)(pc - (uintptr_t)hdr);

	/* version 1, a table of pairs relative to the header */
	if (hdr[0] != 1 || hdr[3] != 0x3b ||
	    !read_encoded(&p, hdr[1], (uintptr_t)hdr, &ignored) ||
	    !read_encoded(&p, hdr[2], (uintptr_t)hdr, &count) || count == 0)
		return false;
	table = p;
	high = count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		memcpy(&e, table + middle * sizeof(e), sizeof(e));
		if (e.location <= at)
			low = middle;
		else
			high = middle;
	}
	memcpy(&e, table + low * sizeof(e), sizeof(e));
	return e.location <= at && read_fde(hdr + e.fde, pc, row);
}

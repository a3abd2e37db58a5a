/* cfi.c - look an address up in .eh_frame_hdr and run its call frame program.
 * Only the frame pointer, the return address and the CFA are followed; all else is
 * skipped.
 *
 * Invariant: a row is returned only if the whole program up to PC was
 * understood; nothing is guessed.
 */
#include "cfi.h"
#include "arch.h"
#include "cfi_read.h"

enum { STATES = 8 };

struct program {
	const uint8_t *at, *end;
	uint64_t code_align;
	uint64_t data_align;    /* modulo 2^64: it is negative */
	uint8_t encoding;       /* of pointers */
	uintptr_t location, pc;
	struct cfi_row first;   /* after the CIE's program, for restore */
	struct cfi_row saved[STATES];
	unsigned states;
};

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
		if (!read_encoded(&g->at, g->end, g->encoding, 0, &to))
			return 1;
		g->location = to;
		return g->location > g->pc;
	} else if (op == 0x02) {
		delta = read_fixed(&g->at, g->end, 1);
	} else if (op == 0x03) {
		delta = read_fixed(&g->at, g->end, 2);
	} else if (op == 0x04) {
		delta = read_fixed(&g->at, g->end, 4);
	} else {
		return -1;
	}
	g->location += delta * g->code_align;
	return g->location > g->pc;
}

static int64_t aligned(const struct program *g, uint64_t value)
{
	return (int64_t)(value * g->data_align);
}

static bool expression(struct program *g, struct cfi_row *row, uint8_t op)
{
	uint64_t reg = op == 0x0f ? 0 : read_uleb(&g->at, g->end), length = read_uleb(&g->at, g->end);
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
		reg = read_uleb(&g->at, g->end);
		set(row, reg, CFI_OFFSET, aligned(g, read_uleb(&g->at, g->end)));
		return true;
	case 0x06: /* restore_extended */
		reg = read_uleb(&g->at, g->end);
		*place(row, reg) = *place(&g->first, reg);
		return true;
	case 0x07: /* undefined */
		set(row, read_uleb(&g->at, g->end), CFI_UNDEFINED, 0);
		return true;
	case 0x08: /* same_value */
		set(row, read_uleb(&g->at, g->end), CFI_SAME, 0);
		return true;
	case 0x09: /* register */
		reg = read_uleb(&g->at, g->end);
		read_uleb(&g->at, g->end);
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
		reg = read_uleb(&g->at, g->end);
		set_cfa(row, reg, (int64_t)read_uleb(&g->at, g->end));
		return true;
	case 0x0d: /* def_cfa_register */
		set_cfa(row, read_uleb(&g->at, g->end), row->cfa_offset);
		return true;
	case 0x0e: /* def_cfa_offset */
		row->cfa_offset = (int64_t)read_uleb(&g->at, g->end);
		return true;
	case 0x0f: /* def_cfa_expression */
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		return expression(g, row, op);
	case 0x11: /* offset_extended_sf */
		reg = read_uleb(&g->at, g->end);
		set(row, reg, CFI_OFFSET, aligned(g, (uint64_t)read_sleb(&g->at, g->end)));
		return true;
	case 0x12: /* def_cfa_sf */
		reg = read_uleb(&g->at, g->end);
		set_cfa(row, reg, aligned(g, (uint64_t)read_sleb(&g->at, g->end)));
		return true;
	case 0x13: /* def_cfa_offset_sf */
		row->cfa_offset = aligned(g, (uint64_t)read_sleb(&g->at, g->end));
		return true;
	case 0x14: /* val_offset */
		reg = read_uleb(&g->at, g->end);
		set(row, reg, CFI_VALUE, aligned(g, read_uleb(&g->at, g->end)));
		return true;
	case 0x15: /* val_offset_sf */
		reg = read_uleb(&g->at, g->end);
		set(row, reg, CFI_VALUE, aligned(g, (uint64_t)read_sleb(&g->at, g->end)));
		return true;
	case 0x2e: /* GNU_args_size */
		read_uleb(&g->at, g->end);
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
			set(row, low, CFI_OFFSET, aligned(g, read_uleb(&g->at, g->end)));
		else if (op >> 6 == 3)
			*place(row, low) = *place(&g->first, low);
		else if (!change(g, row, op))
			return false;
	}
	return true;
}

/* The bytes of the entry at P, after its length; false: they are not all there. */
static bool entry_at(const struct cfi_table *t, const uint8_t **p, const uint8_t **end)
{
	uint32_t length;

	if (!cfi_reach(t, *p, sizeof(length)))
		return false;
	memcpy(&length, *p, sizeof(length));
	*p += sizeof(length);
	*end = *p + length;
	return length != UINT32_MAX && length >= 8 && cfi_reach(t, *p, length);
}

/* Over BYTES, if they are there. */
static bool skip(const uint8_t **p, const uint8_t *end, uint64_t bytes)
{
	if (bytes > (uint64_t)(end - *p))
		return false;
	*p += bytes;
	return true;
}

/* What the augmentation A of a CIE says in the bytes P … END. */
static bool read_augmentation(struct program *g, const char *a, const uint8_t *p,
			      const uint8_t *end, bool *signal)
{
	uintptr_t ignored;

	for (; *a != '\0'; a++) {
		if (*a == 'R') {
			g->encoding = (uint8_t)read_fixed(&p, end, 1);
		} else if (*a == 'L') {
			read_fixed(&p, end, 1);
		} else if (*a == 'S') {
			*signal = true;
		} else if (*a == 'P') {
			uint8_t enc = (uint8_t)read_fixed(&p, end, 1);

			if (!read_encoded(&p, end, enc, 0, &ignored))
				return false;
		} else if (*a != 'B') {
			return false;
		}
	}
	return true;
}

/* CIE: alignments, pointer encoding, and its program's row. */
static bool read_cie(const struct cfi_table *t, struct program *g, const uint8_t *p,
		     bool *augmented, bool *signal)
{
	const uint8_t *end, *data;
	const char *a;
	uint8_t version;

	if (!entry_at(t, &p, &end))
		return false;
	p += 4;
	version = *p++;
	a = (const char *)p;
	p = memchr(a, '\0', (size_t)(end - p));
	if (p++ == NULL)
		return false;
	g->code_align = read_uleb(&p, end);
	g->data_align = (uint64_t)read_sleb(&p, end);
	if ((version == 1 ? read_fixed(&p, end, 1) : read_uleb(&p, end)) != ARCH_RA)
		return false;
	g->encoding = 0;
	*augmented = a[0] == 'z';
	*signal = false;
	if (a[0] != 'z' && a[0] != '\0')
		return false;
	if (*augmented) {
		uint64_t bytes = read_uleb(&p, end);

		data = p;
		if (!skip(&p, end, bytes) || !read_augmentation(g, a + 1, data, p, signal))
			return false;
	}
	g->at = p;
	g->end = end;
	return true;
}

static bool read_fde(const struct cfi_table *t, const uint8_t *p, uintptr_t pc,
		     struct cfi_row *row)
{
	struct program g = {.pc = UINTPTR_MAX};
	const uint8_t *end, *start;
	uint32_t back;
	uintptr_t from, range;
	bool augmented, signal;

	if (!entry_at(t, &p, &end))
		return false;
	start = p;
	back = (uint32_t)read_fixed(&p, end, sizeof(back));
	if (!read_cie(t, &g, start - back, &augmented, &signal))
		return false;
	if (!read_encoded(&p, end, g.encoding, 0, &from) ||
	    !read_encoded(&p, end, g.encoding & 0x0f, 0, &range) || pc < from ||
	    pc - from >= range)
		return false;
	memset(row, 0, sizeof(*row));
	set_cfa(row, ARCH_SP, 0);
	if (!run(&g, row))
		return false;
	g.first = *row;
	if (augmented && !skip(&p, end, read_uleb(&p, end)))
		return false;
	g.at = p;
	g.end = end;
	g.location = from;
	g.pc = pc;
	row->signal = signal;
	row->from = from;
	return run(&g, row);
}

bool cfi_find(const struct cfi_table *t, uintptr_t pc, struct cfi_row *row)
{
	enum { HEAD = 4 + 2 * 8 };
	struct entry {
		int32_t location, fde;
	} e;
	const uint8_t *hdr = t->hdr, *p = hdr + 4, *table;
	uintptr_t ignored, count;
	size_t low = 0, high;
	int64_t at = (int64_t)(pc - (uintptr_t)hdr);

	/* version 1, a table of pairs relative to the header */
	if (!cfi_reach(t, hdr, HEAD) || hdr[0] != 1 || hdr[3] != 0x3b ||
	    !read_encoded(&p, hdr + HEAD, hdr[1], (uintptr_t)hdr, &ignored) ||
	    !read_encoded(&p, hdr + HEAD, hdr[2], (uintptr_t)hdr, &count) || count == 0 ||
	    count > UINT32_MAX)
		return false;
	table = p;
	high = count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (!cfi_reach(t, table + middle * sizeof(e), sizeof(e)))
			return false;
		memcpy(&e, table + middle * sizeof(e), sizeof(e));
		if (e.location <= at)
			low = middle;
		else
			high = middle;
	}
	if (!cfi_reach(t, table + low * sizeof(e), sizeof(e)))
		return false;
	memcpy(&e, table + low * sizeof(e), sizeof(e));
	return e.location <= at && read_fde(t, hdr + e.fde, pc, row);
}

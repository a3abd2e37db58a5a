/* cfi.h - how to get from a frame to its caller, read from .eh_frame. */
#ifndef MP_HOOK_CFI_H
#define MP_HOOK_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cfi_rule {
	CFI_SAME,       /* the register is what it was */
	CFI_OFFSET,     /* saved at cfa + value */
	CFI_VALUE,      /* is cfa + value */
	CFI_EXPR,       /* saved at the address the expression gives */
	CFI_UNDEFINED,
	CFI_ODD,        /* anything else: in another register, … */
};

struct cfi_place {
	enum cfi_rule rule;
	int64_t value;
	const uint8_t *expr, *expr_end;
};

struct cfi_row {
	struct cfi_place fp, ra;
	struct cfi_place rest;  /* unused registers: kept out of the way */
	uint64_t cfa_register;
	int64_t cfa_offset;
	const uint8_t *cfa_expr, *cfa_expr_end; /* NULL: register + offset */
	bool signal;            /* a signal frame: the caller was interrupted, not calling */
	uintptr_t from;         /* start of the function */
};

/* A module's tables, addresses in them relative to where they lie. */
struct cfi_table {
	const uint8_t *hdr;             /* .eh_frame_hdr */
	/* May N bytes from FROM on be looked at?  NULL: all of them, as they are the
	 * process's own. */
	bool (*reach)(const struct cfi_table *, const uint8_t *from, size_t n);
};

static inline bool cfi_reach(const struct cfi_table *t, const uint8_t *from, size_t n)
{
	return t->reach == NULL || t->reach(t, from, n);
}

/* The row for the instruction at PC; false: the tables do not cover it or cannot be
 * understood. */
bool cfi_find(const struct cfi_table *, uintptr_t pc, struct cfi_row *);

#endif

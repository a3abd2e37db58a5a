/* cfi_step.c - a step from a frame to its caller by a row of any kind, over a stack that
 * is read through a function: the thread's own in the hook, a copy in a sampler.
 *
 * Invariant: nothing is read but through it.
 */
#include "cfi_step.h"
#include "cfi_read.h"

static bool load(const struct cfi_memory *m, uintptr_t address, uintptr_t *out)
{
	return m->load(m->of, address, out);
}

enum { EXPR_STACK = 8 };

/* DWARF expression over fp, sp and ip; FULL: more than that is needed. */
static enum hook_step evaluate(const struct cfi_memory *m, const struct hook_state *s,
			       const uint8_t *p, const uint8_t *end, bool push, uintptr_t cfa,
			       uintptr_t *out)
{
	uintptr_t v[EXPR_STACK + 2] = {cfa};
	unsigned n = push;

	while (p < end) {
		uint8_t op = *p++;
		int64_t offset = 0;

		if (op >= 0x70 && op <= 0x8f)           /* breg* */
			offset = read_sleb(&p, end);
		else if (op == 0x23)                    /* plus_uconst */
			offset = (int64_t)read_uleb(&p, end);
		if (n > EXPR_STACK)
			return STEP_FULL;
		if (op == 0x70 + ARCH_FP && !s->fp_unknown) {
			v[n++] = s->fp + (uintptr_t)offset;
		} else if (op == 0x70 + ARCH_SP) {
			v[n++] = s->sp + (uintptr_t)offset;
		} else if (op == ARCH_BREG_IP) {
			v[n++] = s->ip + (uintptr_t)offset;
		} else if (op >= 0x30 && op <= 0x4f) { /* lit* */
			v[n++] = op - 0x30u;
		} else if (op == 0x08 && p < end) { /* const1u */
			v[n++] = *p++;
		} else if (op == 0x06 && n >= 1) { /* deref */
			if (!load(m, v[n - 1], &v[n - 1]))
				return STEP_TORN;
		} else if (op == 0x23 && n >= 1) {
			v[n - 1] += (uintptr_t)offset;
		} else if (n >= 2 && (op == 0x22 || op == 0x1c || op == 0x1a || op == 0x24 ||
				      op == 0x2a)) {
			uintptr_t a = v[n - 2], b = v[n - 1];

			n--;
			v[n - 1] = op == 0x22   ? a + b
				   : op == 0x1c ? a - b
				   : op == 0x1a ? (a & b)
				   : op == 0x24 ? a << (b & 63)
						: (uintptr_t)((intptr_t)a >= (intptr_t)b);
		} else {
			return STEP_FULL;
		}
	}
	*out = n > 0 ? v[n - 1] : 0;
	return n > 0 ? STEP_ON : STEP_FULL;
}

/* The kernel's frame: ucontext lies at the stack pointer. */
enum hook_step cfi_step_signal(const struct cfi_memory *m, struct hook_state *s)
{
	uintptr_t fp, sp, ip, link = 0;

	if (!load(m, s->sp + ARCH_SIGNAL_FP, &fp) ||
	    !load(m, s->sp + ARCH_SIGNAL_SP, &sp) ||
	    !load(m, s->sp + ARCH_SIGNAL_IP, &ip) ||
	    (ARCH_SIGNAL_LINK != 0 && !load(m, s->sp + ARCH_SIGNAL_LINK, &link)))
		return STEP_TORN;
	s->link = arch_link(link);
	s->fp = fp;
	s->sp = sp;
	s->ip = ip;
	s->fp_unknown = false;
	s->exact = true;
	return STEP_ON;
}

enum hook_step cfi_step(const struct cfi_row *row, const struct cfi_memory *m,
			struct hook_state *s)
{
	uintptr_t cfa, ip, at;
	enum hook_step step;

	if (row->signal)
		return cfi_step_signal(m, s);
	if (row->cfa_expr != NULL) {
		step = evaluate(m, s, row->cfa_expr, row->cfa_expr_end, false, 0, &cfa);
		if (step != STEP_ON)
			return step;
	} else if (row->cfa_register == ARCH_SP) {
		cfa = s->sp + (uintptr_t)row->cfa_offset;
	} else if (row->cfa_register == ARCH_FP && !s->fp_unknown) {
		cfa = s->fp + (uintptr_t)row->cfa_offset;
	} else {
		return STEP_FULL;
	}
	if (row->ra.rule == CFI_SAME && s->exact && arch_link_address(s->link, &ip)) {
		if (cfa < s->sp)
			return STEP_TORN;
	} else if (row->ra.rule != CFI_OFFSET) {
		return STEP_FULL;
	} else if (cfa <= s->sp || !load(m, cfa + (uintptr_t)row->ra.value, &ip)) {
		return STEP_TORN;
	}
	if (row->fp.rule == CFI_OFFSET || row->fp.rule == CFI_EXPR) {
		at = cfa + (uintptr_t)row->fp.value;
		if (row->fp.rule == CFI_EXPR) {
			step = evaluate(m, s, row->fp.expr, row->fp.expr_end, true, cfa, &at);
			if (step != STEP_ON)
				return step;
		}
		if (!load(m, at, &s->fp))
			return STEP_TORN;
		s->fp_unknown = false;
	} else if (row->fp.rule == CFI_VALUE) {
		s->fp = cfa + (uintptr_t)row->fp.value;
		s->fp_unknown = false;
	} else if (row->fp.rule != CFI_SAME) {
		s->fp_unknown = true;
	}
	s->sp = cfa;
	s->ip = arch_address(ip);
	s->exact = false;
	return STEP_ON;
}

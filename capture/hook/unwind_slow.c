/* unwind_slow.c - what the unwinder seldom needs: reading the tables, frames with
 * a rule of their own, and libgcc's unwinder for the rest.
 *
 * Invariant: nothing is read from the stack at an address that was not proven
 * readable.
 */
#include "unwind.h"
#include "cfi.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unwind.h>

/* ---- what may be read ----
 * The stack above the stack pointer stays mapped, so a page proven once needs no
 * further proof.  rt_sigprocmask reads its second argument before it finds
 * that the first one makes no sense: a probe with no effect. */

static bool page_readable(uintptr_t page)
{
	return hook_syscall(SYS_rt_sigprocmask, ~0l, (long)page, 0, 8, 0, 0) == -EINVAL;
}

HOOK_COLD bool hook_readable(struct hook_thread *t, uintptr_t address, size_t bytes)
{
	uintptr_t from = address & ~4095ul, to = (address + bytes + 4095) & ~4095ul;

	if (to < from)
		return false;
	if (from >= t->known && to <= t->known_end)
		return true;
	if (from > t->known_end + (1 << 20) || to + (1 << 20) < t->known) {
		if (!page_readable(from))
			return false;
		t->known = from;
		t->known_end = from + 4096;
		t->ground++;
	}
	while (t->known > from && page_readable(t->known - 4096))
		t->known -= 4096;
	while (t->known_end < to && page_readable(t->known_end))
		t->known_end += 4096;
	return from >= t->known && to <= t->known_end;
}

/* ---- rows ---- */

/* What is not as simple as this has a rule of its own. */
static struct hook_row simple(const struct cfi_row *row)
{
	static const struct hook_row special = {.kind = ROW_SPECIAL};
	struct hook_row r = {.kind = row->cfa_register == ARCH_SP ? ROW_SP : ROW_FP};

	if (row->ra.rule == CFI_UNDEFINED)
		return (struct hook_row){.kind = ROW_END};
	if (row->signal || row->cfa_expr != NULL || row->ra.rule != CFI_OFFSET ||
	    !arch_ra_is_simple(-row->ra.value) || row->cfa_offset < 8 ||
	    (row->cfa_offset & 7) != 0 || row->cfa_offset >= 1 << 18 ||
	    (row->cfa_register != ARCH_SP && row->cfa_register != ARCH_FP))
		return special;
	if (row->fp.rule == CFI_OFFSET) {
		if (row->fp.value >= 0 || (row->fp.value & 7) != 0 ||
		    -row->fp.value >= 1 << (32 - FRAME_SAVED))
			return special;
		r.fp = (uint32_t)-row->fp.value;
	} else if (row->fp.rule != CFI_SAME) {
		return special;
	}
	r.cfa = (uint32_t)row->cfa_offset;
	r.ra = (uint32_t)-row->ra.value;
	return r;
}

static bool find(uintptr_t pc, struct cfi_row *row)
{
	const uint8_t *hdr = hook_eh_frame_hdr(pc);

	return hdr != NULL && cfi_find(hdr, pc, row);
}

struct hook_row hook_row(uintptr_t pc, bool *keep)
{
	struct cfi_row row;

	*keep = find(pc, &row);         /* else a module may come to be there */
	return *keep ? simple(&row) : (struct hook_row){.kind = ROW_SPECIAL};
}

/* ---- frames with a rule of their own ---- */

enum { EXPR_STACK = 8 };

/* DWARF expression over fp, sp and ip; FULL: more than that is needed. */
static enum hook_step evaluate(struct hook_thread *t, const struct hook_state *s,
			       const uint8_t *p, const uint8_t *end, bool push, uintptr_t cfa,
			       uintptr_t *out)
{
	uintptr_t v[EXPR_STACK + 2] = {cfa};
	unsigned n = push;

	while (p < end) {
		uint8_t op = *p++;
		int64_t offset = 0;

		if ((op >= 0x70 && op <= 0x8f) || op == 0x23) { /* breg*, plus_uconst */
			unsigned shift = 0;
			uint8_t byte;

			do {
				byte = *p++;
				offset |= (int64_t)(byte & 127) << (shift & 63);
				shift += 7;
			} while ((byte & 128) != 0 && p < end);
			if (op != 0x23 && shift < 64 && (byte & 64) != 0)
				offset |= (int64_t)(~0ull << shift);
		}
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
			if (!hook_load(t, v[n - 1], &v[n - 1]))
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
static enum hook_step step_signal(struct hook_thread *t, struct hook_state *s)
{
	uintptr_t fp, sp, ip, link = 0;

	if (!hook_load(t, s->sp + ARCH_SIGNAL_FP, &fp) ||
	    !hook_load(t, s->sp + ARCH_SIGNAL_SP, &sp) ||
	    !hook_load(t, s->sp + ARCH_SIGNAL_IP, &ip) ||
	    (ARCH_SIGNAL_LINK != 0 && !hook_load(t, s->sp + ARCH_SIGNAL_LINK, &link)))
		return STEP_TORN;
	s->link = arch_link(link);
	s->fp = fp;
	s->sp = sp;
	s->ip = ip;
	s->fp_unknown = false;
	s->exact = true;
	return STEP_ON;
}

/* Does a handler return here, to code that no table describes? */
static bool is_sigreturn(const struct hook_state *s)
{
	return ARCH_SIGRETURN != 0 && !s->exact && (s->ip & 3) == 0 &&
	       (s->ip & 4095) <= 4096 - ARCH_SIGRETURN && page_readable(s->ip & ~4095ul) &&
	       arch_is_sigreturn(s->ip);
}

/* No table: the dynamic linker's entry, or the made-up return address of a stack
 * made by hand (makecontext), the very start of a function nobody called. */
static bool is_root(const struct hook_state *s, uintptr_t pc)
{
	struct cfi_row row;

	return hook_in_linker(pc) || (!s->exact && find(s->ip, &row) && row.from == s->ip);
}

HOOK_COLD enum hook_step hook_step_special(struct hook_thread *t, struct hook_state *s,
					   uintptr_t pc)
{
	struct cfi_row row;
	uintptr_t cfa, ip, at;
	enum hook_step step;

	if (!find(pc, &row)) {
		if (is_sigreturn(s))
			return step_signal(t, s);
		return is_root(s, pc) ? STEP_END : STEP_TORN;
	}
	if (row.signal)
		return step_signal(t, s);
	if (row.cfa_expr != NULL) {
		step = evaluate(t, s, row.cfa_expr, row.cfa_expr_end, false, 0, &cfa);
		if (step != STEP_ON)
			return step;
	} else if (row.cfa_register == ARCH_SP) {
		cfa = s->sp + (uintptr_t)row.cfa_offset;
	} else if (row.cfa_register == ARCH_FP && !s->fp_unknown) {
		cfa = s->fp + (uintptr_t)row.cfa_offset;
	} else {
		return STEP_FULL;
	}
	if (row.ra.rule == CFI_SAME && s->exact && arch_link_address(s->link, &ip)) {
		if (cfa < s->sp)
			return STEP_TORN;
	} else if (row.ra.rule != CFI_OFFSET) {
		return STEP_FULL;
	} else if (cfa <= s->sp || !hook_load(t, cfa + (uintptr_t)row.ra.value, &ip)) {
		return STEP_TORN;
	}
	if (row.fp.rule == CFI_OFFSET || row.fp.rule == CFI_EXPR) {
		at = cfa + (uintptr_t)row.fp.value;
		if (row.fp.rule == CFI_EXPR) {
			step = evaluate(t, s, row.fp.expr, row.fp.expr_end, true, cfa, &at);
			if (step != STEP_ON)
				return step;
		}
		if (!hook_load(t, at, &s->fp))
			return STEP_TORN;
		s->fp_unknown = false;
	} else if (row.fp.rule == CFI_VALUE) {
		s->fp = cfa + (uintptr_t)row.fp.value;
		s->fp_unknown = false;
	} else if (row.fp.rule != CFI_SAME) {
		s->fp_unknown = true;
	}
	s->sp = cfa;
	s->ip = arch_address(ip);
	s->exact = false;
	return STEP_ON;
}

/* What libgcc's unwinder wants of libc in versions newer than the hook needs. */
int __wrap_pthread_once(pthread_once_t *, void (*)(void));
int __wrap_pthread_once(pthread_once_t *once, void (*f)(void))
{
	/* it fills a table with constants: twice at the same time is harmless */
	if (__atomic_load_n(once, __ATOMIC_ACQUIRE) == 0) {
		f();
		__atomic_store_n(once, 1, __ATOMIC_RELEASE);
	}
	return 0;
}

int __wrap___pthread_key_create(pthread_key_t *, void (*)(void *));
int __wrap___pthread_key_create(pthread_key_t *key, void (*f)(void *))
{
	(void)key, (void)f;
	return 1;
}

/* ---- libgcc's way ---- */

struct collector {
	uint64_t *out;
	unsigned n, max;
	uintptr_t first;
	bool begun, cut;
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *context, void *data)
{
	struct collector *c = data;
	int exact = 0;
	uintptr_t ip = _Unwind_GetIPInfo(context, &exact);

	if (ip == c->first)
		c->begun = true;
	if (!c->begun || ip == 0)
		return _URC_NO_REASON;
	if (c->n == c->max) {
		c->cut = true;
		return _URC_END_OF_STACK;
	}
	c->out[c->n++] = ip + (uintptr_t)(exact != 0);
	return _URC_NO_REASON;
}

HOOK_COLD unsigned hook_unwind_full(struct hook_caller caller, uint64_t *out, unsigned max,
				    unsigned *flags)
{
	struct collector c = {.out = out, .max = max, .first = arch_caller_ip(caller)};
	_Unwind_Reason_Code code = _Unwind_Backtrace(collect, &c);

	if (!c.begun) {
		out[c.n++] = arch_caller_ip(caller);
		*flags |= MP_STACK_TORN;
	} else if (c.cut) {
		*flags |= MP_STACK_CUT;
	} else if (code != _URC_END_OF_STACK) {
		*flags |= MP_STACK_TORN;
	}
	return c.n;
}


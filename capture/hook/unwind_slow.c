/* unwind_slow.c - what the unwinder seldom needs: reading the tables, frames with
 * a rule of their own, and libgcc's unwinder for the rest.
 *
 * Invariant: nothing is read from the stack at an address that was not proven
 * readable.
 */
#include "unwind.h"

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
	struct cfi_table table = {.hdr = hook_eh_frame_hdr(pc)};

	return table.hdr != NULL && cfi_find(&table, pc, row);
}

struct hook_row hook_row(uintptr_t pc, bool *keep)
{
	struct cfi_row row;

	*keep = find(pc, &row);         /* else a module may come to be there */
	return *keep ? simple(&row) : (struct hook_row){.kind = ROW_SPECIAL};
}

/* ---- frames with a rule of their own ---- */

static bool load(void *t, uintptr_t address, uintptr_t *out)
{
	return hook_load(t, address, out);
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
	struct cfi_memory memory = {load, t};
	struct cfi_row row;

	if (!find(pc, &row)) {
		if (is_sigreturn(s))
			return cfi_step_signal(&memory, s);
		return is_root(s, pc) ? STEP_END : STEP_TORN;
	}
	return cfi_step(&row, &memory, s);
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


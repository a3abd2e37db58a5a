/* sample_unwind.c - see sample_unwind.h; what is mapped is sample_unwind_maps.c's. */
#include "sample_unwind.h"

#include "ring.h"
#include "sample_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, MOST_TABLE = 1 << 20 };     /* bytes asked for at once */
#define MOST_COPIED (1ull << 32)

/* ---- tables, page by page ----------------------------------------------------------------- */

struct reading {
	struct cfi_table table;         /* the first: cfi_find knows it only */
	struct unwind *unwind;
	struct unwind_module *module;
};

static bool fetch(struct reading *r, size_t page, size_t pages)
{
	struct unwind_module *m = r->module;

	if (!remote_read(r->unwind->pid, m->from + page * PAGE, m->copy + page * PAGE,
			pages * PAGE))
		return false;
	for (size_t i = page; i < page + pages; i++)
		m->present[i / 64] |= 1ull << i % 64;
	return true;
}

static bool reach(const struct cfi_table *t, const uint8_t *from, size_t n)
{
	struct reading *r = (struct reading *)(uintptr_t)t;
	struct unwind_module *m = r->module;
	uint64_t at = (uintptr_t)from - (uintptr_t)m->copy, size = m->to - m->from;
	size_t page = at / PAGE, first;

	if (at >= size || n > size - at || n > MOST_TABLE)
		return false;
	for (; page * PAGE < at + n; page++) {
		for (first = page; page * PAGE < at + n &&
				!(m->present[page / 64] >> page % 64 & 1); page++)
			;
		if (page > first && !fetch(r, first, page - first))
			return false;
	}
	return true;
}

static bool has_copy(struct unwind_module *m)
{
	uint64_t size = m->to - m->from;

	if (m->copy)
		return true;
	if (!m->tables || size > MOST_COPIED)
		return false;
	m->present = calloc((size / PAGE + 63) / 64, 8);
	m->copy = m->present ? mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : MAP_FAILED;
	if (m->copy != MAP_FAILED)
		return true;
	free(m->present);
	m->present = NULL;
	m->copy = NULL;
	return false;
}

/* ---- rows --------------------------------------------------------------------------------- */

static size_t index_of(const struct unwind *u, uint64_t address)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (u->x[middle].to <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct unwind_module *unwind_module(const struct unwind *u, uint64_t address)
{
	size_t i = index_of(u, address);

	return i < u->n && address >= u->x[i].from ? &u->x[i] : NULL;
}

/* The row of PC; addresses in it are the copy's. */
static bool find(struct unwind *u, uint64_t pc, struct cfi_row *row)
{
	size_t i = index_of(u, pc);
	struct reading r = { { NULL, reach }, u, i < u->n ? &u->x[i] : NULL };

	if (!r.module || pc < r.module->from) {
		u->strangers++;
		return false;
	}
	if (!has_copy(r.module))
		return false;
	r.table.hdr = r.module->copy + (r.module->tables - r.module->from);
	return cfi_find(&r.table, (uintptr_t)r.module->copy + (pc - r.module->from), row);
}

static const struct cfi_row *row_of(struct unwind *u, uint64_t pc)
{
	struct unwind_row *r = &u->row[(uint32_t)((uint32_t)pc * 0x9E3779B1u) >> 22];

	if (r->pc != pc) {
		r->pc = pc;
		r->known = find(u, pc, &r->row);
	}
	return r->known ? &r->row : NULL;
}

/* ---- the stack ----------------------------------------------------------------------------- */

/* A handler's return address may lead to code that no table describes. */
static bool is_sigreturn(const struct unwind *u, const struct hook_state *s)
{
	_Alignas(8) uint8_t code[16];

	return ARCH_SIGRETURN != 0 && !s->exact && remote_read(u->pid, s->ip, code, sizeof code) &&
		arch_is_sigreturn((uintptr_t)code);
}

/* No table: the dynamic linker's entry, or the made-up return address of a stack made by
 * hand, the very start of a function nobody called. */
static bool is_root(struct unwind *u, const struct hook_state *s)
{
	const struct unwind_module *m = unwind_module(u, s->ip - !s->exact);
	struct cfi_row row;

	if (m && u->linker && m->from == u->linker)
		return true;
	m = unwind_module(u, s->ip);
	return !s->exact && m && find(u, s->ip, &row) &&
		row.from == (uintptr_t)m->copy + (s->ip - m->from);
}

static enum hook_step step(struct unwind *u, struct hook_state *s, const struct cfi_memory *memory)
{
	const struct cfi_row *row = row_of(u, s->ip - !s->exact);

	if (row)
		return row->ra.rule == CFI_UNDEFINED ? STEP_END : cfi_step(row, memory, s);
	if (is_sigreturn(u, s))
		return cfi_step_signal(memory, s);
	return is_root(u, s) ? STEP_END : STEP_TORN;
}

size_t unwind_stack(struct unwind *u, struct hook_state s, const struct cfi_memory *memory,
		uint64_t *address, size_t most, unsigned *flags)
{
	enum hook_step how = STEP_ON;
	size_t n = 0;

	*flags = MP_STACK_TORN;
	if (!u->row && !(u->row = calloc(UNWIND_ROWS, sizeof *u->row)))
		return 0;
	while (how == STEP_ON && s.ip && n < most) {
		address[n++] = s.ip - !s.exact;
		how = step(u, &s, memory);
	}
	if (how == STEP_END || !s.ip)
		*flags = 0;
	else if (how == STEP_ON)
		*flags = MP_STACK_CUT;
	return n;
}

static void free_module(struct unwind_module *m)
{
	if (m->copy)
		munmap(m->copy, m->to - m->from);
	free(m->present);
	free(m->path);
}

void unwind_free(struct unwind *u)
{
	for (size_t i = 0; i < u->n; i++)
		free_module(&u->x[i]);
	free(u->x);
	free(u->list);
	free(u->row);
	*u = (struct unwind){ .pid = u->pid, .gone = u->gone, .of = u->of };
}

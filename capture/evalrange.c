/* evalrange.c - the address ranges of _PyEval_EvalFrameDefault in a module.
 *
 * Compilers move the unlikely parts of a function elsewhere ("cold" parts), and
 * a call from there is a frame of the function all the same.  With .symtab they
 * are found by name.  Without, by the unwind table: a part split off has an FDE
 * of its own whose first row is already that of a function body (an entry has
 * CFA = rsp + 8 and nothing saved), that row is one of the function's own, and
 * the function jumps into it.
 */
#include "evalrange.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

static const char eval_name[] = "_PyEval_EvalFrameDefault";

struct search {
	Elf *elf;
	uint64_t eval;
	struct mp_range *range;
	unsigned n;
};

static void add_range(struct search *s, uint64_t from, uint64_t to)
{
	unsigned i = 0;

	if (from >= to)
		return;
	while (i < s->n && s->range[i].from < from)
		i++;
	if (i < s->n && s->range[i].from == from) {
		if (s->range[i].to < to)
			s->range[i].to = to;
		return;
	}
	if (s->n == MP_EVAL_RANGES)
		return;
	memmove(s->range + i + 1, s->range + i, (s->n - i) * sizeof(*s->range));
	s->range[i] = (struct mp_range){from, to};
	s->n++;
}

static Elf_Scn *find_section(Elf *elf, const char *name, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *s;

		if (!gelf_getshdr(section, header))
			continue;
		s = elf_strptr(elf, names, header->sh_name);
		if (s && strcmp(s, name) == 0 && header->sh_type != SHT_NOBITS)
			return section;
	}
	return NULL;
}

/* The ranges by the names in one symbol table: true if it knows the function. */
static bool by_symbols(struct search *s, const char *table)
{
	GElf_Shdr header;
	Elf_Scn *section = find_section(s->elf, table, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	bool found = false;
	GElf_Sym symbol;

	if (!data)
		return false;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
		const char *name;

		if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF ||
			symbol.st_size == 0)
			continue;
		name = elf_strptr(s->elf, header.sh_link, symbol.st_name);
		if (!name || strncmp(name, eval_name, sizeof(eval_name) - 1) != 0 ||
			(name[sizeof(eval_name) - 1] != '\0' &&
				name[sizeof(eval_name) - 1] != '.'))
			continue;
		add_range(s, symbol.st_value, symbol.st_value + symbol.st_size);
		if (s->eval >= symbol.st_value && s->eval < symbol.st_value + symbol.st_size)
			found = true;
	}
	return found;
}

/* ---- without symbols ------------------------------------------------------------ */

struct fde {
	uint64_t from, to;
	bool body;
}; /* body: its first row is no entry */
struct fdes {
	struct fde *x;
	size_t n, room;
};

/* How addresses are written in the FDEs of a CIE: its 'R' byte. */
static int pointer_encoding(const Dwarf_CIE *cie)
{
	const char *a = cie->augmentation;
	const uint8_t *data = cie->augmentation_data;
	size_t left = cie->augmentation_data_size;

	if (!a || a[0] != 'z' || !data)
		return -1;
	for (a++; *a; a++) {
		if (left == 0)
			return -1;
		if (*a == 'R')
			return data[0];
		if (*a == 'P') {
			size_t skip = (data[0] & 7) == DW_EH_PE_udata4 ? 5
				      : (data[0] & 7) == DW_EH_PE_absptr ||
						      (data[0] & 7) == DW_EH_PE_udata8
					      ? 9
					      : 0;

			if (skip == 0 || skip > left)
				return -1;
			data += skip;
			left -= skip;
		} else if (*a == 'L') {
			data++;
			left--;
		} else if (*a != 'S' && *a != 'B') {
			return -1;
		}
	}
	return -1;
}

/* An FDE of a whole function begins at its entry, where nothing has been pushed
 * yet, so its first row lasts until the first advance. */
static bool begins_in_body(const Dwarf_FDE *fde, size_t skip)
{
	const uint8_t *p = fde->start + skip, *end = fde->end;

	if (p >= end || *p >= 128 || end - p <= 1 + *p)
		return false;
	p += 1 + *p; /* augmentation data */
	return *p == DW_CFA_def_cfa || *p == DW_CFA_def_cfa_offset ||
	       *p == DW_CFA_def_cfa_register || (*p & 0xc0) == DW_CFA_offset;
}

static bool add_fde(struct fdes *f, uint64_t from, uint64_t size, bool body)
{
	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 4096;
		struct fde *x = realloc(f->x, room * sizeof(*x));

		if (!x)
			return false;
		f->x = x;
		f->room = room;
	}
	f->x[f->n++] = (struct fde){from, from + size, body};
	return true;
}

/* Every FDE of .eh_frame written with 4-byte pc-relative addresses, as all
 * compilers do on x86-64. */
static void read_fdes(Elf *elf, struct fdes *f)
{
	GElf_Shdr header;
	Elf_Scn *section = find_section(elf, ".eh_frame", &header);
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	const unsigned char *ident = (const unsigned char *)elf_getident(elf, NULL);
	Dwarf_Off off = 0, next, cie_at = (Dwarf_Off)-1;
	Dwarf_CFI_Entry entry, cie;
	int encoding = -1;

	if (!data || !ident)
		return;
	for (; dwarf_next_cfi(ident, data, true, off, &next, &entry) == 0; off = next) {
		int32_t from;
		uint32_t size;
		Dwarf_Off unused;

		if (dwarf_cfi_cie_p(&entry))
			continue;
		if (entry.fde.CIE_pointer != cie_at) {
			cie_at = entry.fde.CIE_pointer;
			encoding = -1;
			if (dwarf_next_cfi(ident, data, true, cie_at, &unused, &cie) == 0 &&
				dwarf_cfi_cie_p(&cie))
				encoding = pointer_encoding(&cie.cie);
		}
		if (encoding != (DW_EH_PE_pcrel | DW_EH_PE_sdata4) ||
			entry.fde.end - entry.fde.start < 8)
			continue;
		memcpy(&from, entry.fde.start, 4);
		memcpy(&size, entry.fde.start + 4, 4);
		if (!add_fde(f,
			    header.sh_addr +
				    (uint64_t)(entry.fde.start - (const uint8_t *)data->d_buf) +
				    (uint64_t)(int64_t)from,
			    size, begins_in_body(&entry.fde, 8)))
			return;
	}
}

struct row {
	uint64_t hash, end;
	bool saves;
}; /* saves: a callee-saved register lies in memory */

static bool read_row(Dwarf_CFI *cfi, uint64_t pc, struct row *row)
{
	static const int saved[] = {3, 6, 12, 13, 14, 15};
	uint64_t hash = 0xcbf29ce484222325;
	Dwarf_Addr from, to;
	Dwarf_Frame *frame;
	Dwarf_Op *ops, memory[3];
	size_t n;

	if (dwarf_cfi_addrframe(cfi, pc, &frame) != 0)
		return false;
	if (dwarf_frame_info(frame, &from, &to, NULL) < 0 ||
		dwarf_frame_cfa(frame, &ops, &n) != 0) {
		free(frame);
		return false;
	}
	row->saves = false;
	for (size_t r = 0;; r++) {
		for (size_t i = 0; i < n; i++) {
			hash = (hash ^ ops[i].atom) * 0x100000001b3;
			hash = (hash ^ ops[i].number) * 0x100000001b3;
			hash = (hash ^ ops[i].number2) * 0x100000001b3;
		}
		hash = (hash ^ n) * 0x100000001b3;
		if (r == sizeof(saved) / sizeof(*saved))
			break;
		if (dwarf_frame_register(frame, saved[r], memory, &ops, &n) != 0)
			n = 0;
		row->saves |= n > 0;
	}
	free(frame);
	row->hash = hash;
	row->end = to;
	return true;
}

/* Whether the row PC begins with is one of FUNCTION's.  One that saves nothing
 * says too little (the entries of the PLT have such a row). */
static bool shares_row(Dwarf_CFI *cfi, const struct fde *function, uint64_t pc)
{
	struct row wanted, row;
	uint64_t at = function->from;

	if (!read_row(cfi, pc, &wanted) || !wanted.saves)
		return false;
	while (at < function->to && read_row(cfi, at, &row) && row.end > at) {
		if (row.hash == wanted.hash)
			return true;
		at = row.end;
	}
	return false;
}

static int compare_fdes(const void *a, const void *b)
{
	const struct fde *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static struct fde *find_fde(const struct fdes *f, uint64_t address)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->x[middle].from <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && address < f->x[low - 1].to ? &f->x[low - 1] : NULL;
}

/* The bytes FROM … TO of the loaded image. */
static const uint8_t *code_bytes(Elf *elf, uint64_t from, uint64_t to)
{
	size_t segments;
	GElf_Phdr p;

	if (elf_getphdrnum(elf, &segments) != 0)
		return NULL;
	for (size_t i = 0; i < segments; i++) {
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || from < p.p_vaddr ||
			from - p.p_vaddr > p.p_filesz ||
			to - from > p.p_filesz - (from - p.p_vaddr))
			continue;
		data = elf_getdata_rawchunk(
			elf, (int64_t)(p.p_offset + (from - p.p_vaddr)), to - from, ELF_T_BYTE);
		return data && data->d_size == to - from ? data->d_buf : NULL;
	}
	return NULL;
}

/* Look at every `jmp rel32` and `jcc rel32` of the function: one that lands in a
 * split-off part leads to a part of this function.  (Bytes that only look like a
 * jump practically never hit such a part with an equal row.) */
static void by_jumps(
	struct search *s, const struct fdes *f, const struct fde *function, Dwarf_CFI *cfi)
{
	const uint8_t *code = code_bytes(s->elf, function->from, function->to);
	uint64_t size = function->to - function->from;

	for (uint64_t i = 0; code && i + 5 <= size; i++) {
		struct fde *part;
		int32_t offset;

		if (code[i] != 0xe9 &&
			(i == 0 || code[i - 1] != 0x0f || (code[i] & 0xf0) != 0x80))
			continue;
		memcpy(&offset, code + i + 1, 4);
		part = find_fde(f, function->from + i + 5 + (uint64_t)(int64_t)offset);
		if (!part || !part->body || part == function)
			continue;
		if (shares_row(cfi, function, part->from))
			add_range(s, part->from, part->to);
		part->body = false; /* decided */
	}
}

static void by_unwind_table(struct search *s)
{
	struct fdes f = {0};
	struct fde *function;
	Dwarf_CFI *cfi = dwarf_getcfi_elf(s->elf);

	read_fdes(s->elf, &f);
	if (f.n)
		qsort(f.x, f.n, sizeof(*f.x), compare_fdes);
	function = find_fde(&f, s->eval);
	if (function) {
		add_range(s, function->from, function->to);
		if (cfi)
			by_jumps(s, &f, function, cfi);
	}
	if (cfi)
		dwarf_cfi_end(cfi);
	free(f.x);
}

unsigned eval_ranges(int fd, uint64_t eval, bool symbols, struct mp_range range[MP_EVAL_RANGES])
{
	struct search s = {.eval = eval, .range = range};

	if (elf_version(EV_CURRENT) == EV_NONE)
		return 0;
	s.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!s.elf)
		return 0;
	if (!symbols || !by_symbols(&s, ".symtab")) {
		by_unwind_table(&s);
		if (s.n == 0)
			by_symbols(&s, ".dynsym");
	}
	elf_end(s.elf);
	return s.n;
}

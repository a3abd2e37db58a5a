/* elf.c - reading a loaded ELF module where it is mapped: range, build-id, and
 * its dynamic symbols by the GNU hash, without the dynamic linker.
 */
#include "elf.h"

#include <string.h>
#include <sys/auxv.h>

bool hook_elf_header(struct hook_elf *e, uintptr_t base, uintptr_t map)
{
	const ElfW(Ehdr) *h = (const ElfW(Ehdr) *)map;

	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_phentsize != sizeof(ElfW(Phdr)) ||
	    h->e_phoff + (uint64_t)h->e_phnum * sizeof(ElfW(Phdr)) > 4096)
		return false;
	e->base = base;
	e->phdr = (const ElfW(Phdr) *)(map + h->e_phoff);
	e->phnum = h->e_phnum;
	return true;
}

void hook_elf_range(const struct hook_elf *e, uintptr_t *from, uintptr_t *to)
{
	*from = UINTPTR_MAX;
	*to = 0;
	for (unsigned i = 0; i < e->phnum; i++) {
		const ElfW(Phdr) *p = &e->phdr[i];
		uintptr_t start = e->base + p->p_vaddr, end = start + p->p_memsz;

		if (p->p_type != PT_LOAD)
			continue;
		if (start < *from)
			*from = start;
		if (end > *to)
			*to = end;
	}
	*from &= ~4095ul;
}

const ElfW(Phdr) *hook_elf_phdr(const struct hook_elf *e, uint32_t type)
{
	for (unsigned i = 0; i < e->phnum; i++)
		if (e->phdr[i].p_type == type)
			return &e->phdr[i];
	return NULL;
}

unsigned hook_elf_build_id(const struct hook_elf *e, unsigned char *out, unsigned max)
{
	for (unsigned i = 0; i < e->phnum; i++) {
		const ElfW(Phdr) *p = &e->phdr[i];
		const char *at = (const char *)(e->base + p->p_vaddr), *end = at + p->p_memsz;
		size_t align = p->p_align == 8 ? 7 : 3;

		if (p->p_type != PT_NOTE)
			continue;
		while ((size_t)(end - at) > sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *n = (const ElfW(Nhdr) *)(const void *)at;
			size_t name = (n->n_namesz + align) & ~align;
			size_t size = (n->n_descsz + align) & ~align;
			const char *body = at + sizeof(*n);

			size_t left = (size_t)(end - body);

			if (name > left || n->n_descsz > left - name)
				break;
			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 &&
			    memcmp(body, "GNU", 4) == 0 && n->n_descsz <= max) {
				memcpy(out, body + name, n->n_descsz);
				return n->n_descsz;
			}
			if (size > left - name)
				break;
			at = body + name + size;
		}
	}
	return 0;
}

struct dynamic {
	const ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *gnu_hash;
	const ElfW(Half) *versions;     /* bit 15: not the default one */
};

/* The linker has relocated these pointers, except in the vdso. */
static bool read_dynamic(const struct hook_elf *e, struct dynamic *d)
{
	const ElfW(Phdr) *p = hook_elf_phdr(e, PT_DYNAMIC);
	const ElfW(Dyn) *dyn;

	memset(d, 0, sizeof(*d));
	if (p == NULL)
		return false;
	for (dyn = (const ElfW(Dyn) *)(e->base + p->p_vaddr); dyn->d_tag != DT_NULL; dyn++) {
		uintptr_t at = dyn->d_un.d_ptr;

		if (at < e->base)
			at += e->base;
		if (dyn->d_tag == DT_SYMTAB)
			d->symbols = (const ElfW(Sym) *)at;
		else if (dyn->d_tag == DT_STRTAB)
			d->strings = (const char *)at;
		else if (dyn->d_tag == DT_GNU_HASH)
			d->gnu_hash = (const uint32_t *)at;
		else if (dyn->d_tag == DT_VERSYM)
			d->versions = (const ElfW(Half) *)at;
	}
	return d->symbols != NULL && d->strings != NULL && d->gnu_hash != NULL;
}

static void *value_of(const struct hook_elf *e, const ElfW(Sym) *s)
{
	uintptr_t at = e->base + s->st_value;

	if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
		return ((void *(*)(unsigned long))at)(getauxval(AT_HWCAP));
	return (void *)at;
}

void *hook_elf_symbol(const struct hook_elf *e, const char *name, size_t *size)
{
	struct dynamic d;
	const uint32_t *buckets, *chain;
	const ElfW(Addr) *bloom;
	uint32_t hash = 5381, count, first, words, i;

	if (!read_dynamic(e, &d))
		return NULL;
	for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
		hash = hash * 33 + *c;
	count = d.gnu_hash[0];
	first = d.gnu_hash[1];
	words = d.gnu_hash[2];
	bloom = (const ElfW(Addr) *)(const void *)(d.gnu_hash + 4);
	buckets = (const uint32_t *)(bloom + words);
	chain = buckets + count;
	if (count == 0 || words == 0 ||
	    (bloom[hash / 64 & (words - 1)] >> hash % 64 & 1) == 0)
		return NULL;
	i = buckets[hash % count];
	if (i < first)
		return NULL;
	for (;; i++) {
		const ElfW(Sym) *s = &d.symbols[i];
		uint32_t other = chain[i - first];
		unsigned type = ELF64_ST_TYPE(s->st_info);

		if (((other ^ hash) & ~1u) == 0 && s->st_shndx != SHN_UNDEF &&
		    (d.versions == NULL || (d.versions[i] & 0x8000) == 0) &&
		    (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE ||
		     type == STT_GNU_IFUNC) &&
		    strcmp(d.strings + s->st_name, name) == 0) {
			if (size != NULL)
				*size = s->st_size;
			return value_of(e, s);
		}
		if (other & 1)
			return NULL;
	}
}

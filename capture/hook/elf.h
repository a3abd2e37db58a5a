/* elf.h - reading a loaded ELF module where it is mapped. */
#ifndef MP_HOOK_ELF_H
#define MP_HOOK_ELF_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook_elf {
	uintptr_t base;         /* load bias */
	const ElfW(Phdr) *phdr;
	unsigned phnum;
};

/* From the header at MAP, the start of its first segment; false: none there. */
bool hook_elf_header(struct hook_elf *, uintptr_t base, uintptr_t map);
void hook_elf_range(const struct hook_elf *, uintptr_t *from, uintptr_t *to);
/* The first header of TYPE, NULL: none. */
const ElfW(Phdr) *hook_elf_phdr(const struct hook_elf *, uint32_t type);
/* Bytes of the build-id, at most MAX. */
unsigned hook_elf_build_id(const struct hook_elf *, unsigned char *out, unsigned max);
/* A function or object the module defines, in its default version; NULL: it does
 * not.  SIZE may be NULL. */
void *hook_elf_symbol(const struct hook_elf *, const char *name, size_t *size);

#endif

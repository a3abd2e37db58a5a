/* modules_find.c - looking things up in the table of modules, without a lock. */
#include "module.h"

#include <dlfcn.h>
#include <string.h>

const uint8_t *hook_eh_frame_hdr(uintptr_t address)
{
	struct hook_found f;

	if (hook_dl_find_object != NULL)
		return hook_dl_find_object((void *)address, &f) == 0 ? f.eh_frame : NULL;
	for (uint32_t i = 0; i < hook_module_count(); i++)
		if (hook_module_holds(&hook_modules[i], address))
			return hook_modules[i].eh_frame_hdr;
	return NULL;
}

bool hook_in_linker(uintptr_t address)
{
	const struct hook_module *m = hook_linker;

	return m != NULL && address >= m->from && address < m->to;
}

void *hook_find_object(const char *name, size_t *size)
{
	for (uint32_t i = 0; i < hook_module_count(); i++) {
		void *found = NULL;

		if (hook_module_live(&hook_modules[i]))
			found = hook_elf_symbol(&hook_modules[i].elf, name, size);
		if (found != NULL)
			return found;
	}
	return NULL;
}

void *hook_find_symbol(const char *name)
{
	return hook_find_object(name, NULL);
}

bool hook_writable_segment(const void *address, unsigned i, uintptr_t *from, uintptr_t *to)
{
	for (uint32_t k = 0; k < hook_module_count(); k++) {
		const struct hook_module *m = &hook_modules[k];

		if (!hook_module_holds(m, (uintptr_t)address))
			continue;
		for (unsigned p = 0; p < m->elf.phnum; p++) {
			const ElfW(Phdr) *ph = &m->elf.phdr[p];

			if (ph->p_type != PT_LOAD || (ph->p_flags & PF_W) == 0 || i-- != 0)
				continue;
			*from = m->elf.base + ph->p_vaddr;
			*to = *from + ph->p_memsz;
			return true;
		}
		return false;
	}
	return false;
}

const char *hook_module_path(const void *address, size_t *len)
{
	for (uint32_t i = 0; i < hook_module_count(); i++) {
		const struct hook_module *m = &hook_modules[i];

		if (hook_module_holds(m, (uintptr_t)address)) {
			*len = m->path_len;
			return m->path;
		}
	}
	return NULL;
}

void hook_pin(const void *address)
{
	char name[HOOK_PATH_MAX];
	const char *path;
	size_t len;

	path = hook_module_path(address, &len);
	if (path == NULL || path == hook_modules[0].path || len >= sizeof(name) ||
	    hook_real.dlopen == NULL)
		return;
	memcpy(name, path, len);
	name[len] = '\0';
	hook_real.dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

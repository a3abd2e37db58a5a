/* module.h - the table of loaded modules, between modules.c, which keeps it, and
 * modules_find.c, which looks things up in it. */
#ifndef MP_HOOK_MODULE_H
#define MP_HOOK_MODULE_H

#include "internal.h"
#include "elf.h"

enum {
	HOOK_MODULES = 8192,
	HOOK_PATH_MAX = 4096,
	HOOK_BUILD_ID_MAX = 64,
};

enum { MODULE_EMPTY, MODULE_LIVE, MODULE_GONE, MODULE_WRITING };

struct hook_module {
	_Atomic uint32_t state;
	uint32_t generation;
	uintptr_t from, to;
	struct hook_elf elf;
	const void *dynamic;    /* with `from`: tells it from another at the same place */
	const uint8_t *eh_frame_hdr;
	const char *path;
	_Atomic uint64_t sent;  /* image it was announced in */
	uint16_t path_len, build_id_len;
	unsigned char build_id[HOOK_BUILD_ID_MAX];
};

/* glibc 2.35: struct dl_find_object, declared here for older headers */
struct hook_found {
	unsigned long long flags;
	void *map_start, *map_end;
	struct link_map *link_map;
	void *eh_frame;
	unsigned long long reserved[7];
};
typedef int hook_find_object_fn(void *, struct hook_found *);

extern struct hook_module *hook_modules;        /* NULL until tracing begins */
extern _Atomic uint32_t hook_n_modules;
extern const struct hook_module *hook_linker;
extern hook_find_object_fn *hook_dl_find_object;        /* NULL: an older glibc */

static inline uint32_t hook_module_count(void)
{
	uint32_t n = atomic_load_explicit(&hook_n_modules, memory_order_acquire);

	return n < HOOK_MODULES ? n : HOOK_MODULES;
}

static inline bool hook_module_live(const struct hook_module *m)
{
	return atomic_load_explicit(&m->state, memory_order_acquire) == MODULE_LIVE;
}

static inline bool hook_module_holds(const struct hook_module *m, uintptr_t address)
{
	return hook_module_live(m) && address >= m->from && address < m->to;
}

#endif

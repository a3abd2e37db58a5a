/* modules.c - the loaded ELF modules, in a table of our own that any thread
 * reads without a lock.
 *
 * Entries are only added and marked gone.  Two threads may add the same module
 * at once; it is then sent twice, which the drain takes as once.
 *
 * dlopen() cannot be wrapped without changing whose RUNPATH it searches, so
 * new modules are found when the first stack runs through them (_dl_find_object,
 * glibc 2.35: no lock) and at the next call of dlsym, dlopen or dlclose.
 * With an older glibc the latter is all there is.
 */
#include "module.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

_Atomic uint32_t hook_modules_pending, hook_generation;

struct hook_module *hook_modules;
const struct hook_module *hook_linker;
_Atomic uint32_t hook_n_modules;
hook_find_object_fn *hook_dl_find_object;

enum { PATHS = 4 << 20 };
static char *paths;
static _Atomic uint32_t n_paths;
static unsigned long long adds, subs;   /* as dl_iterate_phdr counts them */

/* libgcc's unwinder asks here (hook.mk), so the hook needs no glibc 2.35. */
int __wrap__dl_find_object(void *address, struct hook_found *);
int __wrap__dl_find_object(void *address, struct hook_found *f)
{
	return hook_dl_find_object != NULL ? hook_dl_find_object(address, f) : -1;
}

/* ---- telling the drain ---- */

static void publish_module(struct hook_thread *t, struct hook_module *m)
{
	uint64_t image = hook_image;
	uint32_t bytes = m->path_len + m->build_id_len;
	struct mp_rec_module r = {
		.w0 = MP_REC_WORD0(MP_REC_MODULE, 0, 0, 0),
		.words = (uint32_t)(sizeof(r) / 8 + (bytes + 7) / 8),
		.base = m->elf.base,
		.from = m->from,
		.to = m->to,
		.path_len = m->path_len,
		.build_id_len = m->build_id_len,
		.generation = m->generation,
	};
	uint64_t *w;

	if (atomic_load_explicit(&m->sent, memory_order_acquire) == image)
		return;
	w = hook_reserve(t, r.words, false, 0);
	if (w == NULL)
		return;
	w[r.words - 1] = 0;
	memcpy(w, &r, sizeof(r));
	memcpy(w + sizeof(r) / 8, m->path, m->path_len);
	memcpy((char *)(w + sizeof(r) / 8) + m->path_len, m->build_id, m->build_id_len);
	hook_publish(t, r.words);
	atomic_store_explicit(&m->sent, image, memory_order_release);
}

static void publish_unload(struct hook_thread *t, const struct hook_module *m)
{
	uint64_t *w = hook_reserve(t, 2, false, 0);

	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(MP_REC_UNLOAD, 0, 0, 0);
	w[1] = m->elf.base;
	hook_publish(t, 2);
}

static void unload(struct hook_thread *t, struct hook_module *m)
{
	uint32_t live = MODULE_LIVE;

	if (!atomic_compare_exchange_strong(&m->state, &live, MODULE_GONE))
		return;
	atomic_fetch_add(&hook_generation, 1);
	publish_unload(t, m);
}

void hook_modules_publish(struct hook_thread *t)
{
	for (uint32_t i = 0; i < hook_module_count(); i++)
		if (hook_module_live(&hook_modules[i]))
			publish_module(t, &hook_modules[i]);
}

/* ---- adding ---- */

static const char *keep_path(const char *dir, size_t dir_len, const char *name, uint16_t *len)
{
	size_t name_len = strnlen(name, HOOK_PATH_MAX - dir_len), n = dir_len + name_len;
	uint32_t at, i;

	for (i = 0; i < hook_module_count(); i++) {         /* loaded before: programs reload */
		const struct hook_module *m = &hook_modules[i];

		if (m->path != NULL && m->path_len == n && memcmp(m->path, dir, dir_len) == 0 &&
		    memcmp(m->path + dir_len, name, name_len) == 0) {
			*len = m->path_len;
			return m->path;
		}
	}
	at = atomic_fetch_add(&n_paths, (uint32_t)n);
	*len = 0;
	if (at > PATHS || n > PATHS - at)
		return "";
	memcpy(paths + at, dir, dir_len);
	memcpy(paths + at + dir_len, name, name_len);
	*len = (uint16_t)n;
	return paths + at;
}

/* A name that is not a path yet: the program itself, or relative to the directory. */
HOOK_COLD static const char *complete_path(const char *name, uint16_t *len)
{
	char text[HOOK_PATH_MAX];
	long r;

	if (name[0] == '\0') {
		r = hook_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)text,
				 sizeof(text), 0, 0);
		return keep_path(text, r > 0 ? (size_t)r : 0, "", len);
	}
	r = hook_syscall(SYS_getcwd, (long)text, sizeof(text) - 1, 0, 0, 0, 0);
	if (r <= 1 || strchr(name, '/') == NULL)
		return keep_path("", 0, name, len);
	text[r - 1] = '/';
	return keep_path(text, (size_t)r, name, len);
}

static const char *path_of(const char *name, uint16_t *len)
{
	if (name == NULL || name[0] == '\0')
		return complete_path("", len);
	if (strncmp(name, "linux-vdso.so", 13) == 0)
		return keep_path("", 0, "[vdso]", len);
	return name[0] == '/' ? keep_path("", 0, name, len) : complete_path(name, len);
}

/* A new one; of many, one whose module is long gone. */
static struct hook_module *free_entry(void)
{
	uint32_t n = hook_module_count(), i, gone;

	if (n < HOOK_MODULES / 2) {
		i = atomic_fetch_add(&hook_n_modules, 1);
		return i < HOOK_MODULES ? &hook_modules[i] : NULL;
	}
	for (i = 0; i < n; i++) {
		gone = MODULE_GONE;
		if (atomic_compare_exchange_strong(&hook_modules[i].state, &gone,
						   MODULE_WRITING))
			return &hook_modules[i];
	}
	return NULL;
}

static struct hook_module *add(const struct hook_elf *elf, uintptr_t from, uintptr_t to,
			  const char *name)
{
	const ElfW(Phdr) *hdr = hook_elf_phdr(elf, PT_GNU_EH_FRAME);
	const ElfW(Phdr) *dynamic = hook_elf_phdr(elf, PT_DYNAMIC);
	struct hook_module *m = free_entry();

	if (m == NULL)
		return NULL;
	atomic_store(&m->sent, 0);
	m->elf = *elf;
	m->from = from;
	m->to = to;
	m->generation = atomic_load(&hook_generation);
	m->dynamic = dynamic != NULL ? (const void *)(elf->base + dynamic->p_vaddr) : NULL;
	m->eh_frame_hdr = hdr != NULL ? (const uint8_t *)(elf->base + hdr->p_vaddr) : NULL;
	m->path = path_of(name, &m->path_len);
	m->build_id_len = (uint16_t)hook_elf_build_id(elf, m->build_id, HOOK_BUILD_ID_MAX);
	atomic_store_explicit(&m->state, MODULE_LIVE, memory_order_release);
	if (elf->base == getauxval(AT_BASE) && elf->base != 0)
		hook_linker = m;
	return m;
}

struct refresh {
	struct hook_thread *t;  /* NULL: nothing is published yet */
	uint8_t *seen;
	bool checked, unchanged;        /* no module came or went since the last time */
};

static int refresh_one(struct dl_phdr_info *info, size_t size, void *data)
{
	struct refresh *r = data;
	struct hook_elf elf = {info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum};
	const ElfW(Phdr) *dynamic = hook_elf_phdr(&elf, PT_DYNAMIC);
	uintptr_t from, to;
	const void *at = dynamic != NULL ? (const void *)(elf.base + dynamic->p_vaddr) : NULL;
	struct hook_module *m = NULL;

	if (size >= offsetof(struct dl_phdr_info, dlpi_tls_modid) && !r->checked) {
		r->unchanged = info->dlpi_adds == adds && info->dlpi_subs == subs;
		adds = info->dlpi_adds;
		subs = info->dlpi_subs;
		if (r->unchanged)
			return 1;
	}
	r->checked = true;
	hook_elf_range(&elf, &from, &to);
	if (from >= to)
		return 0;
	for (uint32_t i = 0; i < hook_module_count(); i++) {
		struct hook_module *known = &hook_modules[i];

		if (!hook_module_live(known) || known->from != from || known->dynamic != at)
			continue;
		r->seen[i] = 1;
		m = known;
	}
	if (m == NULL) {
		m = add(&elf, from, to, info->dlpi_name);
		if (m == NULL)
			return 1;
		r->seen[m - hook_modules] = 1;
	}
	if (r->t != NULL)
		publish_module(r->t, m);
	return 0;
}

void hook_modules_refresh(struct hook_thread *t)
{
	uint8_t seen[HOOK_MODULES];
	struct refresh r = {.t = t, .seen = seen};
	uint32_t before;

	if (hook_modules == NULL) {
		hook_modules = hook_map(HOOK_MODULES * sizeof(*hook_modules));
		paths = hook_map(PATHS);
		if (hook_modules == NULL || paths == NULL) {
			hook_stop();
			return;
		}
	}
	atomic_store(&hook_modules_pending, 0);
	before = hook_module_count();
	memset(seen, 0, sizeof(seen));
	dl_iterate_phdr(refresh_one, &r);
	if (hook_dl_find_object == NULL)
		hook_dl_find_object =
			(hook_find_object_fn *)hook_find_symbol("_dl_find_object");
	if (t == NULL || r.unchanged)
		return;
	for (uint32_t i = 0; i < before; i++)
		if (!seen[i] && hook_module_live(&hook_modules[i]))
			unload(t, &hook_modules[i]);
}

/* ---- by address ---- */

static struct hook_module *by_address(struct hook_thread *t, uintptr_t address)
{
	uint32_t n = hook_module_count(), last = t->last_module;

	if (last < n && hook_module_holds(&hook_modules[last], address))
		return &hook_modules[last];
	for (uint32_t i = 0; i < n; i++) {
		if (hook_module_holds(&hook_modules[i], address)) {
			t->last_module = i;
			return &hook_modules[i];
		}
	}
	return NULL;
}

/* A module came without dlsym() being called since: by a constructor's
 * allocation, or inside libc (iconv, name service). */
static struct hook_module *discover(struct hook_thread *t, const struct hook_found *f)
{
	uintptr_t from = (uintptr_t)f->map_start, to = (uintptr_t)f->map_end;
	struct hook_elf elf;
	struct hook_module *m;

	for (uint32_t i = 0; i < hook_module_count(); i++) {
		m = &hook_modules[i];
		if (hook_module_live(m) && m->from < to && from < m->to)
			unload(t, m);
	}
	if (!hook_elf_header(&elf, f->link_map->l_addr, from))
		return NULL;
	m = add(&elf, from, to, f->link_map->l_name);
	if (m != NULL && hook_elf_symbol(&elf, "PyMem_SetAllocator", NULL) != NULL)
		atomic_fetch_or(&hook_page.on, HOOK_DUE);
	return m;
}

static struct hook_module *module_of(struct hook_thread *t, uintptr_t address)
{
	struct hook_module *m = by_address(t, address);
	struct hook_found f;

	if (hook_dl_find_object != NULL) {
		if (hook_dl_find_object((void *)address, &f) != 0)
			return NULL;
		if (m == NULL || m->from != (uintptr_t)f.map_start ||
		    m->dynamic != f.link_map->l_ld)
			m = discover(t, &f);
	}
	if (m != NULL)
		publish_module(t, m);
	return m;
}

bool hook_module_of(struct hook_thread *t, uintptr_t address)
{
	return module_of(t, address) != NULL;
}

/* What lies in the module of the frame before needs no second look: frames of
 * this very stack keep their module loaded. */
void hook_modules_of(struct hook_thread *t, const uint64_t *address, unsigned n)
{
	const struct hook_module *m = NULL;

	for (unsigned i = 0; i < n; i++)
		if (m == NULL || !hook_module_holds(m, address[i] - 1))
			m = module_of(t, address[i] - 1);
}

void hook_modules_changed(void)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	hook_modules_refresh(t);
	hook_leave(t);
	hook_python_check();
}

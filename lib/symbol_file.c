/* symbol_file.c - which files hold a module's names.
 *
 * A file is used only if its build-id is the one asked for; without build-ids a
 * separate debug file must have the checksum the link to it names.  Nothing is
 * fetched from a network unless mp_symbols_fetch() was called.
 */
#include "symbol_own.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUILD_ID_MAX = 64 };

static const char system_dir[] = "/usr/lib/debug";

static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -1;
}

static void to_hex(char *s, const unsigned char *id, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s[2 * i] = "0123456789abcdef"[id[i] >> 4];
		s[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
	}
	s[2 * n] = '\0';
}

static bool has_build_id(int fd, const char *wanted)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	char hex[2 * BUILD_ID_MAX + 1];
	const void *id;
	ssize_t n = elf ? dwelf_elf_gnu_build_id(elf, &id) : -1;
	bool same = false;

	if (n > 0 && n <= BUILD_ID_MAX) {
		to_hex(hex, id, (size_t)n);
		same = strcmp(hex, wanted) == 0;
	}
	elf_end(elf);
	return same;
}

/* The checksum of .gnu_debuglink: CRC-32 as zlib's. */
static bool has_crc(int fd, uint32_t wanted)
{
	unsigned char buffer[32768];
	uint32_t table[256], crc = 0xffffffff;
	ssize_t n;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int k = 0; k < 8; k++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++)
			crc = table[(crc ^ buffer[i]) & 0xff] ^ crc >> 8;
	return n == 0 && (crc ^ 0xffffffff) == wanted && lseek(fd, 0, SEEK_SET) == 0;
}

/* A file by its build-id or, where there is none, by its checksum. */
static int open_checked(const char *path, const char *build_id, uint32_t crc)
{
	int fd = open_regular(path);

	if (fd >= 0 && (*build_id ? has_build_id(fd, build_id) : has_crc(fd, crc)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Open the file NAME (taken over) if it is the right one: then *FOUND is its name. */
static int try_file(char *name, const char *id, uint32_t crc, char **found)
{
	int fd = open_checked(name, id, crc);

	if (fd >= 0)
		*found = name;
	else
		free(name);
	return fd;
}

static int open_by_build_id(
	struct mp_symbols *s, const char *id, const char *suffix, char **found)
{
	int fd = -1;
	char *name;

	if (strlen(id) < 3)
		return -1;
	for (size_t i = 0; fd < 0 && i <= s->dirs; i++) {
		if (asprintf(&name, "%s/.build-id/%.2s/%s%s",
			    i < s->dirs ? s->dir[i] : system_dir, id, id + 2, suffix) < 0)
			return -1;
		fd = try_file(name, id, 0, found);
	}
	return fd;
}

static int open_by_link(
	struct sym_module *m, const char *id, const char *link, uint32_t crc, char **found)
{
	const char *slash = strrchr(m->path, '/');
	int dir_len = slash ? (int)(slash - m->path) : 0, fd = -1;
	struct mp_symbols *s = m->owner;
	char *name;

	if (!slash || strchr(link, '/'))
		return -1;
	for (size_t i = 0; fd < 0 && i < s->dirs + 3; i++) {
		const char *root = i < 2 ? "" : i - 2 < s->dirs ? s->dir[i - 2] : system_dir;

		if (asprintf(&name, "%s%.*s/%s%s", root, dir_len, m->path,
			    i == 1 ? ".debug/" : "", link) < 0)
			return -1;
		fd = try_file(name, id, crc, found);
	}
	return fd;
}

static void file_build_id(Dwfl_Module *module, char *hex)
{
	const unsigned char *id;
	GElf_Addr address;
	int n = dwfl_module_build_id(module, &id, &address);

	hex[0] = '\0';
	if (n > 0 && n <= BUILD_ID_MAX)
		to_hex(hex, id, (size_t)n);
}

static int find_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **found)
{
	struct sym_module *m = *data;
	char id[2 * BUILD_ID_MAX + 1];
	int fd = -1;

	(void)name;
	(void)base;
	if (!m || !file) /* no FILE: asks for a supplementary file; none is used */
		return -1;
	file_build_id(module, id);
	if (id[0])
		fd = open_by_build_id(m->owner, id, ".debug", found);
	if (fd < 0 && link)
		fd = open_by_link(m, id, link, crc, found);
	if (fd < 0)
		fd = sym_fetch(m->owner, id, true, found);
	return fd;
}

static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
	char **file, Elf **elf)
{
	(void)module, (void)data, (void)name, (void)base, (void)file, (void)elf;
	return -1;
}

/* Try FD (taken over) as the module's file. */
static bool report(struct sym_module *m, int fd, const char *file)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = find_elf,
		.find_debuginfo = find_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	char id[2 * BUILD_ID_MAX + 1];
	void **data = NULL;

	if (fd < 0)
		return false;
	m->dwfl = dwfl_begin(&callbacks);
	m->module = m->dwfl ? dwfl_report_elf(m->dwfl, file, file, fd, 0, true) : NULL;
	if (!m->module) {
		close(fd);
		goto fail;
	}
	file_build_id(m->module, id);
	if (m->build_id[0] && strcmp(id, m->build_id) != 0)
		goto fail;
	dwfl_module_info(m->module, &data, NULL, NULL, NULL, NULL, NULL, NULL);
	if (!data || dwfl_report_end(m->dwfl, NULL, NULL) != 0)
		goto fail;
	*data = m;
	return true;
fail:
	if (m->dwfl)
		dwfl_end(m->dwfl);
	m->dwfl = NULL;
	m->module = NULL;
	return false;
}

static bool report_below(struct sym_module *m, const char *dir)
{
	char *name;
	bool good;

	if (m->path[0] != '/' || asprintf(&name, "%s%s", dir, m->path) < 0)
		return false;
	good = report(m, open_regular(name), name);
	free(name);
	return good;
}

static bool report_fetched(struct sym_module *m, bool debug)
{
	char *name;
	int fd = sym_fetch(m->owner, m->build_id, debug, &name);
	bool good = fd >= 0 && report(m, fd, name);

	if (fd >= 0)
		free(name);
	return good;
}

/* The module itself; a debug file alone has all the names, too. */
static bool report_any(struct sym_module *m)
{
	struct mp_symbols *s = m->owner;
	static const char *const suffix[] = {"", ".debug"};

	if (m->fd >= 0 && report(m, dup(m->fd), m->path))
		return true;
	if (m->path[0] == '/' && report(m, open_regular(m->path), m->path))
		return true;
	for (size_t i = 0; i < s->dirs; i++)
		if (report_below(m, s->dir[i]))
			return true;
	for (int i = 0; i < 2; i++) {
		char *name;
		int fd = open_by_build_id(s, m->build_id, suffix[i], &name);

		if (fd >= 0) {
			bool good = report(m, fd, name);

			free(name);
			if (good)
				return true;
		}
	}
	return report_fetched(m, true) || report_fetched(m, false);
}

void sym_open(struct sym_module *m)
{
	m->loaded = true;
	if (elf_version(EV_CURRENT) == EV_NONE || !report_any(m))
		return;
	m->readable = true;
	m->dwarf = dwfl_module_getdwarf(m->module, &m->bias);
}

/* sample_find.c - see sample_find.h. */
#include "sample_find.h"

#include "sample_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 600, MOST_SYMBOLS = 1 << 22 };
#define KNOWN "CPython 3.8 to 3.15"

struct mapping {
	uint64_t from, to, offset;
	char path[PATH_MAX];
};

/* ---- one ELF file -------------------------------------------------------------------- */

static void take_symbol(struct interpreter_image *image, const char *name, const GElf_Sym *s,
		uint64_t bias)
{
	if (s->st_shndx == SHN_UNDEF || !name)
		return;
	if (strcmp(name, "_PyRuntime") == 0) {
		image->runtime = bias + s->st_value;
		image->size = s->st_size;
	} else if (strcmp(name, "Py_Version") == 0) {
		image->version_at = bias + s->st_value;
	} else if (strcmp(name, "_PyEval_EvalFrameDefault") == 0) {
		image->eval = bias + s->st_value;
	}
}

static void take_symbols(struct interpreter_image *image, Elf *elf, Elf_Scn *section,
		const GElf_Shdr *header, uint64_t bias)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	GElf_Sym s;

	for (size_t i = 0; i < n && i <= MOST_SYMBOLS; i++)
		if (gelf_getsym(data, (int)i, &s))
			take_symbol(image, elf_strptr(elf, header->sh_link, s.st_name), &s, bias);
}

/* By symbol, which every build from 3.8 exports; else by its section (3.10 on). */
static void take_sections(struct interpreter_image *image, Elf *elf, uint64_t bias)
{
	uint64_t section_at = 0, section_size = 0;
	Elf_Scn *section = NULL;
	size_t names = 0;
	GElf_Shdr h;
	const char *name;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &h))
			continue;
		if (h.sh_type == SHT_DYNSYM || (h.sh_type == SHT_SYMTAB && !image->runtime))
			take_symbols(image, elf, section, &h, bias);
		name = elf_strptr(elf, names, h.sh_name);
		if (name && strcmp(name, ".PyRuntime") == 0) {
			section_at = bias + h.sh_addr;
			section_size = h.sh_size;
		}
	}
	if (!image->runtime && section_at) {
		image->runtime = section_at;
		image->size = section_size;
	}
}

/* What is to be added to the file's addresses, if M is where it begins. */
static bool bias_of(Elf *elf, const struct mapping *m, uint64_t *bias)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	GElf_Phdr p;
	size_t n = 0;

	if (elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n && i <= INT_MAX; i++) {
		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD)
			continue;
		*bias = m->from - (p.p_vaddr & ~(page - 1));
		return m->offset == (p.p_offset & ~(page - 1));
	}
	return false;
}

/* As the process has it mapped, even if it is deleted by now; that needs a privilege. */
static int open_mapping(pid_t pid, const struct mapping *m, bool exe)
{
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, m->from,
			m->to);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	if (exe)
		snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	else
		snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, m->path);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static void look_into(pid_t pid, const struct mapping *m, bool exe,
		struct interpreter_image *image)
{
	int fd = open_mapping(pid, m, exe);
	struct stat st;
	uint64_t bias;
	Elf *elf;

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF && bias_of(elf, m, &bias))
		take_sections(image, elf, bias);
	elf_end(elf);
	close(fd);
}

/* ---- all of a process -------------------------------------------------------------------- */

static bool parse(const char *line, struct mapping *m)
{
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n", &m->from, &m->to,
			&m->offset, &at) < 3 || !at || line[at] != '/')
		return false;
	snprintf(m->path, sizeof m->path, "%.*s", (int)strcspn(line + at, "\n"), line + at);
	return true;
}

/* But for the file NOT: files that are likely to hold an interpreter, or, LIKELY false, all
 * others.  Of several the program's own, or the one loaded first: what comes later lies at
 * lower addresses. */
static void look_through(pid_t pid, FILE *maps, const char *exe, bool likely, uint64_t not,
		struct interpreter_image *image)
{
	char *line = NULL, last[PATH_MAX] = "";
	bool is_exe = false;
	struct mapping m;
	size_t room = 0;

	rewind(maps);
	while (!(image->runtime && (is_exe || !likely)) && getline(&line, &room, maps) > 0) {
		struct interpreter_image found = { 0 };
		const char *base;

		if (!parse(line, &m) || strcmp(m.path, last) == 0)
			continue;
		memcpy(last, m.path, sizeof last);
		base = strrchr(m.path, '/') + 1;
		is_exe = strcmp(m.path, exe) == 0;
		if (likely != (is_exe || strncmp(base, "libpython", 9) == 0) ||
				name_hash(m.path) == not)
			continue;
		look_into(pid, &m, is_exe, &found);
		found.file = name_hash(m.path);
		if (found.runtime)
			*image = found;
		else
			is_exe = false;
	}
	free(line);
}

static int probe(pid_t pid, FILE *maps)
{
	char *line = NULL, byte;
	struct mapping m;
	size_t room = 0;
	int e = ESRCH;          /* no mapping at all: it has ended, or is the kernel's */

	errno = 0;
	while (e == ESRCH && getline(&line, &room, maps) > 0)
		if (parse(line, &m))
			e = remote_read(pid, m.from, &byte, 1) ? 0 : errno;
	free(line);
	return e == EFAULT ? 0 : e;
}

static void tell_version(pid_t pid, struct interpreter_image *image, char *why, size_t room)
{
	_Alignas(uint64_t) uint8_t head[PYTHON_DEBUG_BYTES] = { 0 };
	const struct python_offsets *table;
	uint32_t version, hex = 0;
	bool known = image->version_at &&
		remote_read(pid, image->version_at, &version, sizeof version);

	if (image->size < HEAD_BYTES || !remote_read(pid, image->runtime, head,
			image->size < sizeof head ? image->size : sizeof head)) {
		snprintf(why, room, "its interpreter is no " KNOWN);
		return;
	}
	table = python_offsets(head, image->size, known ? &version : NULL, &hex);
	image->minor = hex >> 16 & 255;
	image->readable = table != NULL;
	*why = '\0';
	if (table)
		image->offsets = *table;
	else if (hex >> 16 == 0x030d)
		snprintf(why, room, "CPython 3.13 built free-threaded or with changed structures "
				"cannot be read");
	else if (memcmp(head, "xdebugpy", 8) == 0)
		image->readable = python_debug_offsets(head, image->size, &image->offsets, why,
				room);
	else if (hex)
		snprintf(why, room, "CPython %u.%u cannot be read, only 3.8 to 3.15", hex >> 24,
				image->minor);
	else
		snprintf(why, room, "its interpreter is no " KNOWN);
}

int sample_find(pid_t pid, struct interpreter_image *image, char *why, size_t room)
{
	char path[64], exe[PATH_MAX];
	ssize_t n;
	FILE *maps;
	int e;

	memset(image, 0, sizeof *image);
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT ? ESRCH : errno;
	e = probe(pid, maps);
	if (e) {
		fclose(maps);
		return e;
	}
	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = '\0';
	look_through(pid, maps, exe, true, 0, image);
	if (!image->runtime)
		look_through(pid, maps, exe, false, 0, image);
	fclose(maps);
	if (image->runtime)
		tell_version(pid, image, why, room);
	else
		snprintf(why, room, "no Python interpreter (" KNOWN ") in it; --native samples "
				"without");
	return 0;
}

bool sample_find_other(pid_t pid, const struct interpreter_image *first,
		struct interpreter_image *image)
{
	char path[64], why[256];
	FILE *maps;

	memset(image, 0, sizeof *image);
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return false;
	look_through(pid, maps, "", true, first->file, image);
	fclose(maps);
	if (image->runtime)
		tell_version(pid, image, why, sizeof why);
	return image->readable;
}

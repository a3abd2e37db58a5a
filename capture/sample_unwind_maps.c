/* sample_unwind_maps.c - what a process has mapped, for sample_unwind.c: its ELF files with
 * their tables and build-ids, all read from its memory.
 */
#include "sample_unwind.h"

#include "sample_memory.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 4096, MOST_HEADERS = 64, MOST_NOTES = 4096, MOST_MODULES = 1 << 14 };

struct line {
	uint64_t from, to, offset, inode;
	const char *path;               /* "" if it has none */
};

static bool parse(char *text, struct line *l)
{
	int at = 0;

	if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64 " %n", &l->from,
			&l->to, &l->offset, &l->inode, &at) < 4 || !at || l->from >= l->to)
		return false;
	text[strcspn(text, "\n")] = '\0';
	l->path = text + at;
	return true;
}

/* The first note of type GNU build-id among N bytes. */
static void find_build_id(struct unwind_module *m, const uint8_t *note, size_t n)
{
	Elf64_Nhdr h;

	for (size_t at = 0; at + sizeof h <= n; ) {
		size_t name, size;

		memcpy(&h, note + at, sizeof h);
		at += sizeof h;
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		size = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		if (name > n - at || size > n - at - name)
			return;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(note + at, "GNU", 4) &&
				h.n_descsz <= UNWIND_BUILD_ID) {
			memcpy(m->build_id, note + at + name, h.n_descsz);
			m->build_id_size = (uint16_t)h.n_descsz;
			return;
		}
		at += name + size;
	}
}

static void take_headers(pid_t pid, struct unwind_module *m, const Elf64_Phdr *p, size_t n)
{
	uint8_t note[MOST_NOTES];
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		if (p[i].p_type == PT_LOAD && first) {
			m->base = m->from - (p[i].p_vaddr & ~(uint64_t)(PAGE - 1));
			first = false;
		}
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t at = m->base + p[i].p_vaddr, size = p[i].p_memsz;

		if (at < m->from || at >= m->to || size > m->to - at)
			continue;
		if (p[i].p_type == PT_GNU_EH_FRAME && size >= 12)
			m->tables = at;
		else if (p[i].p_type == PT_NOTE && !m->build_id_size && size <= sizeof note &&
				remote_read(pid, at, note, size))
			find_build_id(m, note, size);
	}
}

/* False: no ELF file lies there. */
static bool look_into(pid_t pid, struct unwind_module *m)
{
	Elf64_Phdr p[MOST_HEADERS];
	Elf64_Ehdr h;

	if (!remote_read(pid, m->from, &h, sizeof h) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
			h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof *p ||
			!h.e_phnum || h.e_phnum > MOST_HEADERS ||
			!remote_read(pid, m->from + h.e_phoff, p, h.e_phnum * sizeof *p))
		return false;
	take_headers(pid, m, p, h.e_phnum);
	return true;
}

static bool add(struct unwind *u, const struct line *l)
{
	struct unwind_module *x, m = { .from = l->from, .to = l->to, .kept = true };

	if (u->n == u->room) {
		size_t room = u->room ? u->room * 2 : 32;

		x = u->n < MOST_MODULES ? realloc(u->x, room * sizeof *x) : NULL;
		if (!x)
			return false;
		u->x = x;
		u->room = room;
	}
	m.path = strdup(l->path);
	if (!m.path)
		return false;
	u->x[u->n++] = m;
	return true;
}

/* The files of PID, each with all that follows its first mapping, into *U. */
static bool list(struct unwind *u, FILE *maps)
{
	uint64_t inode = 0;
	char *text = NULL;
	struct line l;
	size_t room = 0;
	bool good = true;

	while (good && getline(&text, &room, maps) > 0) {
		bool file;

		if (!parse(text, &l))
			continue;
		file = l.path[0] == '/' || !strcmp(l.path, "[vdso]");
		if (file && l.offset == 0 && (l.inode != inode || !inode)) {
			good = add(u, &l);
			inode = l.inode;
		} else if (file && u->n && l.inode == inode && inode) {
			u->x[u->n - 1].to = l.to;
		} else if (file) {
			inode = 0;      /* the middle of something that is no program */
		}
	}
	free(text);
	return good;
}

static bool same(const struct unwind_module *a, const struct unwind_module *b)
{
	return a->from == b->from && a->to == b->to && !strcmp(a->path, b->path);
}

static bool all_same(const struct unwind *a, const struct unwind *b)
{
	bool good = a->listed == b->n;

	for (size_t i = 0; good && i < b->n; i++)
		good = a->list[i].from == b->x[i].from && a->list[i].to == b->x[i].to &&
			a->list[i].name == name_hash(b->x[i].path);
	return good;
}

static bool remember(struct unwind *u, const struct unwind *now)
{
	struct unwind_listed *x = realloc(u->list, (now->n + 1) * sizeof *x);

	if (!x)
		return false;
	for (size_t i = 0; i < now->n; i++)
		x[i] = (struct unwind_listed){ now->x[i].from, now->x[i].to,
			name_hash(now->x[i].path) };
	u->list = x;
	u->listed = now->n;
	return true;
}

static bool is_linker(const char *path)
{
	const char *base = strrchr(path, '/');

	return base && (!strncmp(base, "/ld-", 4) || !strncmp(base, "/ld.", 4));
}

/* What is still there keeps what was copied of it. */
static void take_over(struct unwind *u, struct unwind *now)
{
	size_t n = 0;

	for (size_t i = 0; i < now->n; i++) {
		struct unwind_module *m = &now->x[i];
		bool found = false;

		for (size_t k = 0; k < u->n && !found; k++) {
			if (!u->x[k].path || !same(m, &u->x[k]))
				continue;
			free(m->path);
			*m = u->x[k];
			m->kept = found = true;
			u->x[k] = (struct unwind_module){ 0 };
		}
		if (!found) {
			m->kept = false;
			found = look_into(u->pid, m);
		}
		if (!found) {
			free(m->path);
			continue;
		}
		if (is_linker(m->path))
			now->linker = m->from;
		now->x[n++] = *m;
	}
	now->n = n;
	for (size_t k = 0; k < u->n; k++)
		if (u->x[k].path)
			u->gone(u->of, &u->x[k]);
}

bool unwind_look(struct unwind *u, bool *changed)
{
	struct unwind now = { .pid = u->pid, .gone = u->gone, .of = u->of };
	char path[64];
	FILE *maps;
	bool good;

	*changed = false;
	snprintf(path, sizeof path, "/proc/%d/maps", (int)u->pid);
	maps = fopen(path, "re");
	if (!maps)
		return false;
	good = list(&now, maps);
	fclose(maps);
	if (!good || all_same(u, &now) || !remember(u, &now)) {
		unwind_free(&now);
		return good;
	}
	*changed = true;
	take_over(u, &now);
	now.list = u->list;
	now.listed = u->listed;
	now.strangers = u->strangers;
	u->list = NULL;
	unwind_free(u);
	*u = now;
	return true;
}

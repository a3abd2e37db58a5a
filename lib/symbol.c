/* symbol.c - function, file and line of native locations.
 *
 * Debug info first, the symbol table where there is none.  Each module is opened
 * once, when it is first asked about, and stays open with its tables.
 */
#include "symbol_own.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mp_symbols *mp_symbols_new(void)
{
	struct mp_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->strings = mp_arena_new();
	if (!s->strings) {
		free(s);
		return NULL;
	}
	return s;
}

void mp_symbols_free(struct mp_symbols *s)
{
	if (!s)
		return;
	for (struct sym_module *m = s->first, *next; m; m = next) {
		next = m->next;
		sym_free_units(m);
		free(m->symbol);
		if (m->dwfl)
			dwfl_end(m->dwfl);
		if (m->fd >= 0)
			close(m->fd);
		free(m->path);
		free(m->build_id);
		free(m);
	}
	for (size_t i = 0; i < s->dirs; i++)
		free(s->dir[i]);
	free(s->dir);
	mp_arena_free(s->strings);
	sym_fetch_end(s);
	free(s);
}

int mp_symbols_debug_dir(struct mp_symbols *s, const char *dir)
{
	char **more = realloc(s->dir, (s->dirs + 1) * sizeof(*more));

	if (!more)
		return -1;
	s->dir = more;
	s->dir[s->dirs] = strdup(dir);
	if (!s->dir[s->dirs])
		return -1;
	s->dirs++;
	return 0;
}

bool sym_grow(struct mp_symbols *s, void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;
	void *old, *x;

	if (n < *room)
		return true;
	memcpy(&old, array, sizeof(old));
	x = reallocarray(old, more, size);
	if (!x) {
		s->failed = true;
		return false;
	}
	memcpy(array, &x, sizeof(x));
	*room = more;
	return true;
}

const char *sym_name(struct mp_symbols *s, const char *name)
{
	char *plain = mp_demangle(name), *kept = NULL;

	if (plain)
		kept = mp_arena_copy(s->strings, plain, strlen(plain));
	free(plain);
	if (!kept)
		s->failed = true;
	return kept;
}

char *sym_join(struct mp_symbols *s, const char *dir, const char *name)
{
	size_t n = strlen(dir), m = strlen(name);
	char *joined = mp_arena_alloc(s->strings, n + m + 2);

	if (!joined) {
		s->failed = true;
		return NULL;
	}
	while (n > 1 && dir[n - 1] == '/')
		n--;
	memcpy(joined, dir, n);
	joined[n] = '/';
	memcpy(joined + n + 1, name, m + 1);
	return joined;
}

static struct sym_module *get_module(
	struct mp_symbols *s, const char *path, const char *build_id)
{
	struct sym_module *m, **link = &s->first;

	for (; (m = *link); link = &m->next)
		if (!strcmp(m->path, path) && !strcmp(m->build_id, build_id)) {
			*link = m->next; /* to the front: the next question is about it, too */
			m->next = s->first;
			s->first = m;
			return m;
		}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->fd = -1;
	m->owner = s;
	m->path = strdup(path);
	m->build_id = strdup(build_id);
	if (!m->path || !m->build_id) {
		free(m->path);
		free(m->build_id);
		free(m);
		return NULL;
	}
	m->next = s->first;
	s->first = m;
	return m;
}

int mp_symbols_give(struct mp_symbols *s, const char *path, const char *build_id, int fd)
{
	struct sym_module *m = get_module(s, path, build_id);

	if (!m)
		return -1;
	if (m->fd < 0 && !m->loaded)
		m->fd = dup(fd);
	return 0;
}

/* ---- the symbol table -------------------------------------------------------------- */

/* Of several names of one address the plainest: global, few underscores, short. */
static uint32_t rank(const char *name, const GElf_Sym *symbol)
{
	size_t underscores = strspn(name, "_"), len = strlen(name);
	uint32_t r = GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? 1u << 20 : 0;

	return r + ((uint32_t)(underscores < 15 ? underscores : 15) << 16) +
	       (uint32_t)(len < 65535 ? len : 65535);
}

static int compare_symbols(const void *a, const void *b)
{
	const struct sym_symbol *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1; /* the best one last */
	return -strcmp(x->name, y->name);
}

static uint64_t rest_of_section(Elf *elf, GElf_Word section, uint64_t value)
{
	Elf_Scn *scn = elf ? elf_getscn(elf, section) : NULL;
	GElf_Shdr header;

	return scn && gelf_getshdr(scn, &header) && value - header.sh_addr < header.sh_size
		       ? header.sh_size - (value - header.sh_addr)
		       : 0;
}

static void load_symbols(struct sym_module *m)
{
	int n = dwfl_module_getsymtab(m->module);
	size_t room = 0;

	m->symbols_loaded = true;
	for (int i = 1; i < n; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		GElf_Word section;
		Elf *elf;
		const char *name = dwfl_module_getsym_info(
			m->module, i, &symbol, &address, &section, &elf, NULL);
		int type = GELF_ST_TYPE(symbol.st_info);

		if (!name || !*name || symbol.st_shndx == SHN_UNDEF ||
			(type != STT_FUNC && type != STT_GNU_IFUNC))
			continue;
		if (!sym_grow(m->owner, &m->symbol, m->n_symbols, &room, sizeof(*m->symbol)))
			return;
		m->symbol[m->n_symbols++] = (struct sym_symbol){
			.from = address,
			.name = name,
			.rank = rank(name, &symbol),
			.size = symbol.st_size ? symbol.st_size
					       : rest_of_section(elf, section, symbol.st_value),
			.sized = symbol.st_size != 0,
		};
	}
	if (m->n_symbols)
		qsort(m->symbol, m->n_symbols, sizeof(*m->symbol), compare_symbols);
}

static const char *symbol_name(struct sym_module *m, uint64_t offset)
{
	size_t low = 0, high;

	if (!m->symbols_loaded)
		load_symbols(m);
	high = m->n_symbols;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->symbol[middle].from <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < 16 && low > 0; back++, low--) {
		struct sym_symbol *y = &m->symbol[low - 1];

		if (offset - y->from >= y->size || !(y->sized || back == 0))
			continue;
		if (!y->shown)
			y->shown = sym_name(m->owner, y->name);
		return y->shown ? y->shown : "";
	}
	return "";
}

/* ---- answers ------------------------------------------------------------------------ */

int mp_symbols_resolve(struct mp_symbols *s, const char *path, const char *build_id,
	uint64_t offset, struct mp_symbol_line *line, unsigned max)
{
	struct sym_module *m = get_module(s, path, build_id);
	const char *name;
	int n = 0;

	if (!m || max == 0)
		return -1;
	if (!m->loaded) {
		sym_open(m);
		if (m->dwarf)
			sym_load_units(m);
	}
	if (!m->readable)
		return MP_SYMBOL_NO_FILE;
	if (m->dwarf)
		n = sym_lines(m, offset, line, max);
	if (n == 0 || !*line[n - 1].function) {
		name = symbol_name(m, offset);
		if (n == 0 && *name)
			line[n++] = (struct mp_symbol_line){"", "", 0};
		if (n)
			line[n - 1].function = name;
	}
	return s->failed ? -1 : n;
}

static int put_lines(
	struct mp_tree *t, uint32_t location, const struct mp_symbol_line *line, int n)
{
	uint32_t id[MP_SYMBOL_LINES];

	for (int i = 0; i < n; i++) {
		id[i] = mp_def_line(t, mp_def_cstring(t, line[i].function),
			mp_def_cstring(t, line[i].file), line[i].line);
		if (!id[i])
			return -1;
	}
	return mp_set_lines(t, location, id, (uint32_t)n);
}

static bool is_looked_up(const struct mp_location *l, bool all)
{
	return l->kind == MP_LOC_NATIVE && l->owner && (all || !l->n_lines);
}

uint32_t mp_nameless(const struct mp_tree *t, bool all)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= t->location.n; i++)
		n += is_looked_up(&t->location.x[i], all);
	return n;
}

long mp_symbolise(struct mp_symbols *s, struct mp_tree *t, bool all)
{
	struct mp_symbol_line line[MP_SYMBOL_LINES];
	long named = 0;

	for (uint32_t i = 1; i <= t->location.n; i++) {
		const struct mp_location *l = &t->location.x[i];
		const struct mp_module *m = &t->module.x[l->owner];
		int n;

		if (!is_looked_up(l, all))
			continue;
		n = mp_symbols_resolve(s, mp_str(t, m->path), mp_str(t, m->build_id), l->at,
			line, MP_SYMBOL_LINES);
		if (n == -1)
			return -1;
		if (n < 0 || (n == 0 && l->resolved))
			continue;
		if (put_lines(t, i, line, n) != 0)
			return -1;
		named += n > 0;
	}
	return named;
}

/* test_symbol.c - names of addresses: vectors for the demangler, and every call
 * of real files against addr2line (where it is installed). */
#include "symbol.h"
#include "tap.h"
#include "tree.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool demangles(const char *name, const char *wanted)
{
	char *got = mp_demangle(name);
	bool same = got && strcmp(got, wanted) == 0;

	if (!same)
		printf("# %s: %s, not %s\n", name, got ? got : "NULL", wanted);
	free(got);
	return same;
}

static void test_demangle(void)
{
	ok(demangles("main", "main"));
	ok(demangles("", ""));
	ok(demangles("_PyEval_EvalFrameDefault.cold", "_PyEval_EvalFrameDefault"));
	ok(demangles("f.part.0", "f"));
	ok(demangles("f.isra.0.cold", "f"));
	ok(demangles("f.constprop.12.lto_priv.3", "f"));
	ok(demangles("f.3", "f.3"));
	ok(demangles(".cold", ".cold"));
	ok(demangles("a.coldness", "a.coldness"));
	ok(demangles("malloc@@GLIBC_2.2.5", "malloc"));
	ok(demangles("malloc@plt", "malloc@plt"));
	ok(demangles("_ZN3foo3barEi", "foo::bar"));
	ok(demangles("_ZN3foo3barEi.cold", "foo::bar"));
	ok(demangles("_ZNSt6vectorIiSaIiEE9push_backERKi",
		"std::vector<int, std::allocator<int> >::push_back"));
	ok(demangles(
		"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"));
	ok(demangles("_RNvMsa_NtCs3j0zQ_4core3fmtNtB5_9Formatter3pad",
		"<core::fmt::Formatter>::pad"));
	ok(demangles("_ZN", "_ZN"));
	ok(demangles("_Znot", "_Znot"));
}

/* ---- against addr2line ----------------------------------------------------------- */

static int lines_of(char *out, size_t size, struct mp_symbols *s, const char *path, uint64_t at)
{
	struct mp_symbol_line line[MP_SYMBOL_LINES];
	int n = mp_symbols_resolve(s, path, "", at, line, MP_SYMBOL_LINES);
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < n && used < size; i++) {
		const char *base = strrchr(line[i].file, '/');

		used += (size_t)snprintf(out + used, size - used, "%s %s:%u\n",
			line[i].function, base ? base + 1 : line[i].file, line[i].line);
	}
	return n;
}

/* The call sites of PATH, as objdump finds them, by both: function, name of the
 * file and line of every frame, inlined ones first. */
static void against_addr2line(const char *path, unsigned every, unsigned least)
{
	struct mp_symbols *s = mp_symbols_new();
	unsigned checked = 0, wrong = 0;
	char command[4096], ours[65536], theirs[65536], row[8192];
	uint64_t at = 0;
	size_t used = 0;
	FILE *in;

	/* "@ADDRESS", then rows of "function file:line" */
	snprintf(command, sizeof(command),
		"objdump -d --no-show-raw-insn '%s' 2>/dev/null |"
		" awk '/\tcall/ && n++ %% %u == 0 { sub(\":\", \"\", $1); print $1 }' |"
		" addr2line -afie '%s' | c++filt -p |"
		" sed -E 's/ \\(discriminator [0-9]+\\)//' |"
		" awk '/^0x/ { print \"@\" $0; next } { f = $0; getline; sub(/.*\\//, \"\");"
		" print f \" \" $0 }'",
		path, every, path);
	in = popen(command, "r");
	while (in) {
		bool more = fgets(row, sizeof(row), in);

		if (more && row[0] != '@') {
			used += (size_t)snprintf(
				theirs + used, sizeof(theirs) - used, "%s", row);
			continue;
		}
		if (at && !strstr(theirs, "?")) {
			lines_of(ours, sizeof(ours), s, path, at);
			checked++;
			if (strcmp(ours, theirs) != 0 && wrong++ < 3)
				printf("# %s 0x%lx:\n# ours %s# theirs %s", path,
					(unsigned long)at, ours, theirs);
		}
		if (!more)
			break;
		at = strtoull(row + 1, NULL, 16);
		theirs[used = 0] = '\0';
	}
	if (in)
		pclose(in);
	printf("# %s: %u of %u call sites differ from addr2line\n", path, wrong, checked);
	ok(checked >= least);
	/* binutils names the unit's own file for a few lines of included ones */
	ok(wrong <= checked / 200);
	mp_symbols_free(s);
}

/* ---- files --------------------------------------------------------------------- */

/* Offset of the first function called NAME in the symbol table. */
static uint64_t symbol(const char *path, const char *name, char *build_id)
{
	int fd = open(path, O_RDONLY);
	Elf *elf = elf_version(EV_CURRENT) && fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	Elf_Scn *section = NULL;
	uint64_t at = 0;
	const void *id;
	ssize_t n = elf ? dwelf_elf_gnu_build_id(elf, &id) : 0;

	for (ssize_t i = 0; i < n; i++)
		snprintf(build_id + 2 * i, 3, "%02x", ((const unsigned char *)id)[i]);
	while (elf && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		GElf_Sym y;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; gelf_getsym(data, i, &y); i++)
			if (!strcmp(elf_strptr(elf, header.sh_link, y.st_name), name))
				at = y.st_value;
	}
	elf_end(elf);
	close(fd);
	return at;
}

static void test_files(const char *target, const char *scratch)
{
	struct mp_symbol_line line[MP_SYMBOL_LINES];
	char id[256] = "", wrong[256], command[4096], stripped[512], debug[512];
	uint64_t at = symbol(target, "make", id) + 1;
	struct mp_symbols *s = mp_symbols_new();
	int fd;

	ok(at > 1 && id[0]);
	ok(mp_symbols_resolve(s, target, id, at, line, MP_SYMBOL_LINES) == 1);
	ok(!strcmp(line[0].function, "make") && strstr(line[0].file, "inline.c") &&
		line[0].line >= 8);
	snprintf(wrong, sizeof(wrong), "%s", id);
	wrong[0] = wrong[0] == '0' ? '1' : '0';
	ok(mp_symbols_resolve(s, target, wrong, at, line, MP_SYMBOL_LINES) ==
		MP_SYMBOL_NO_FILE);
	ok(mp_symbols_resolve(s, "/nowhere", "", at, line, MP_SYMBOL_LINES) ==
		MP_SYMBOL_NO_FILE);
	ok(mp_symbols_resolve(s, "/dev/zero", "", at, line, MP_SYMBOL_LINES) ==
		MP_SYMBOL_NO_FILE);
	ok(mp_symbols_resolve(s, "/etc/passwd", "", at, line, MP_SYMBOL_LINES) ==
		MP_SYMBOL_NO_FILE);
	ok(mp_symbols_resolve(s, "", "", at, line, MP_SYMBOL_LINES) == MP_SYMBOL_NO_FILE);
	ok(mp_symbols_resolve(s, target, id, 1ull << 60, line, MP_SYMBOL_LINES) == 0);

	/* from a file descriptor, whatever the path */
	fd = open(target, O_RDONLY);
	ok(mp_symbols_give(s, "/gone", id, fd) == 0);
	close(fd);
	ok(mp_symbols_resolve(s, "/gone", id, at, line, MP_SYMBOL_LINES) == 1 &&
		line[0].line > 0);

	/* stripped; then with its debug file, by link and by build-id */
	snprintf(stripped, sizeof(stripped), "%s/stripped", scratch);
	snprintf(debug, sizeof(debug), "%s/store", scratch);
	snprintf(command, sizeof(command),
		"cd '%s' && mkdir -p store/.build-id/%.2s && objcopy --only-keep-debug '%s' "
		"s.debug &&"
		" objcopy -S '%s' stripped && cp s.debug store/.build-id/%.2s/%s.debug",
		scratch, id, target, target, id, id + 2);
	if (system(command) != 0)
		goto out; /* no binutils */
	ok(mp_symbols_resolve(s, stripped, id, at, line, MP_SYMBOL_LINES) == 0);
	mp_symbols_free(s);
	s = mp_symbols_new();
	ok(mp_symbols_debug_dir(s, debug) == 0);
	ok(mp_symbols_resolve(s, stripped, id, at, line, MP_SYMBOL_LINES) == 1);
	ok(!strcmp(line[0].function, "make") && line[0].line > 0);
	ok(mp_symbols_resolve(s, "/gone", id, at, line, MP_SYMBOL_LINES) == 1);
	mp_symbols_free(s);
	s = mp_symbols_new();
	snprintf(command, sizeof(command),
		"cd '%s' && objcopy --remove-section=.note.gnu.build-id"
		" --add-gnu-debuglink=s.debug stripped linked",
		scratch);
	snprintf(stripped, sizeof(stripped), "%s/linked", scratch);
	ok(system(command) == 0);
	ok(mp_symbols_resolve(s, stripped, "", at, line, MP_SYMBOL_LINES) == 1 &&
		line[0].line > 0);
	mp_symbols_free(s);
	s = mp_symbols_new();
	snprintf(command, sizeof(command), "cd '%s' && printf x >> s.debug", scratch);
	ok(system(command) == 0);
	ok(mp_symbols_resolve(s, stripped, "", at, line, MP_SYMBOL_LINES) == 0); /* checksum */
out:
	mp_symbols_free(s);
}

/* Any cut or changed file is answered, whatever the answer. */
static void test_damage(const char *target, const char *scratch)
{
	unsigned char *whole, *copy;
	char path[512];
	uint64_t at;
	char id[256] = "";
	FILE *f = fopen(target, "rb");
	size_t size;
	unsigned seed = 1;

	at = symbol(target, "outer", id);
	fseek(f, 0, SEEK_END);
	size = (size_t)ftell(f);
	rewind(f);
	whole = malloc(size);
	copy = malloc(size);
	ok(fread(whole, 1, size, f) == size);
	fclose(f);
	snprintf(path, sizeof(path), "%s/damaged", scratch);
	for (int i = 0; i < 300; i++) {
		struct mp_symbol_line line[MP_SYMBOL_LINES];
		struct mp_symbols *s = mp_symbols_new();
		size_t n = i % 3 ? size : (size_t)rand_r(&seed) % size;

		memcpy(copy, whole, size);
		for (int k = 0; k < i % 40; k++)
			copy[(size_t)rand_r(&seed) % size] = (unsigned char)rand_r(&seed);
		f = fopen(path, "wb");
		fwrite(copy, 1, n, f);
		fclose(f);
		for (uint64_t a = at; a < at + 64; a += 4)
			mp_symbols_resolve(s, path, "", a, line, MP_SYMBOL_LINES);
		mp_symbols_free(s);
	}
	ok(true);
	free(whole);
	free(copy);
}

static void test_tree(const char *target)
{
	char id[256] = "";
	uint64_t at = symbol(target, "outer", id);
	struct mp_symbols *s = mp_symbols_new();
	struct mp_tree *t = mp_tree_new();
	uint32_t good = mp_def_module(t, mp_def_cstring(t, target), mp_def_cstring(t, id));
	uint32_t bad = mp_def_module(t, mp_def_cstring(t, target), mp_def_cstring(t, "00ff"));
	uint32_t a = mp_def_location(t, MP_LOC_NATIVE, good, at);
	uint32_t b = mp_def_location(t, MP_LOC_NATIVE, bad, at);
	uint32_t c = mp_def_location(t, MP_LOC_NATIVE, good, 1ull << 50);
	uint32_t d = mp_def_location(t, MP_LOC_NATIVE, 0, at);

	ok(mp_symbolise(s, t, false) == 1);
	ok(t->location.x[a].n_lines >= 1 && t->location.x[a].resolved);
	ok(!t->location.x[b].resolved && !t->location.x[d].resolved);
	ok(t->location.x[c].resolved && t->location.x[c].n_lines == 0);
	ok(mp_symbolise(s, t, false) == 0);
	ok(mp_symbolise(s, t, true) == 1);
	ok(t->location.x[a].n_lines >= 1);
	mp_tree_free(t);
	mp_symbols_free(s);
}

int main(void)
{
	char self[256] = "", target[512], scratch[] = "/tmp/test_symbol.XXXXXX", command[512];
	const char *slash;

	test_demangle();
	ok(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	slash = strstr(self, "/tests/test_symbol");
	ok(slash && mkdtemp(scratch));
	snprintf(target, sizeof(target), "%.*s/targets/inline", (int)(slash - self), self);
	if (access(target, R_OK) == 0) {
		test_files(target, scratch);
		test_tree(target);
		test_damage(target, scratch);
	} else {
		printf("# %s is not built\n", target);
		ok(false);
	}
	if (system("addr2line --version >/dev/null 2>&1 && objdump --version >/dev/null "
		   "2>&1") == 0) {
		against_addr2line(target, 1, 3);
		snprintf(target, sizeof(target), "%.*s/targets/names", (int)(slash - self),
			self);
		against_addr2line(target, 1, 20);
#ifndef __clang__ /* binutils 2.40 loses inlined calls of clang's; llvm-symbolizer agrees with us */
		against_addr2line(self, 1, 20);
#endif
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch);
	ok(system(command) == 0);
	return tap_done();
}

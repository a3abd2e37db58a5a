/* test_stacks.c - records of a made-up target, joined against expected stacks;
 * the target is this program, which has an eval function of its own.  Then the
 * search for the parts of the eval function on every CPython that is installed. */
#include "evalrange.h"
#include "stacks.h"
#include "symboliser.h"
#include "tap.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <link.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Functions long enough to hold a return address. */
#define BODY __asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop")
__attribute__((noinline)) void alpha(void);
__attribute__((noinline)) void beta(void);
__attribute__((noinline)) void _PyEval_EvalFrameDefault(void);
void alpha(void)
{
	BODY;
}
void beta(void)
{
	BODY;
}
void _PyEval_EvalFrameDefault(void)
{
	BODY;
}

#define ALPHA ((uint64_t)(uintptr_t)alpha + 4)
#define BETA ((uint64_t)(uintptr_t)beta + 4)
#define EVAL ((uint64_t)(uintptr_t)_PyEval_EvalFrameDefault + 4)

struct py {
	uint32_t code;
	int line;
	uint32_t entry;
};

static char self[512];
static struct mp_tree *tree;
static struct symboliser *symboliser;

/* ---- records ----------------------------------------------------------------------- */

static union {
	uint64_t word[4096];
	struct mp_rec_stack stack;
	struct mp_rec_module module;
	struct mp_rec_code code;
	struct mp_rec_image image;
} record;

static int send_image(struct stacks *s, uint64_t python)
{
	record.image = (struct mp_rec_image){.pid = (uint32_t)getpid(), .python = python};
	return stacks_image(s, &record.image, sizeof(record.image));
}

static int send_module(
	struct stacks *s, const char *path, uint64_t base, uint64_t from, uint64_t to)
{
	record.module = (struct mp_rec_module){
		.base = base, .from = from, .to = to, .path_len = (uint16_t)strlen(path)};
	memcpy(&record.module + 1, path, strlen(path));
	return stacks_module(s, &record.module, sizeof(record.module) + strlen(path));
}

static int send_code(struct stacks *s, uint32_t id, const char *name)
{
	record.code = (struct mp_rec_code){
		.id = id, .first_line = 1, .file_len = 4, .name_len = (uint16_t)strlen(name)};
	memcpy(&record.code + 1, name, strlen(name));
	memcpy((char *)(&record.code + 1) + strlen(name), "a.py", 4);
	return stacks_code(s, &record.code, sizeof(record.code) + strlen(name) + 4);
}

static size_t make_stack(const uint64_t *native, size_t natives, const struct py *py,
	size_t pythons, uint32_t flags)
{
	struct mp_rec_frame *f;

	record.stack = (struct mp_rec_stack){
		.natives = (uint16_t)natives, .pythons = (uint16_t)pythons, .flags = flags};
	if (natives)
		memcpy(&record.stack + 1, native, natives * sizeof(*native));
	f = (struct mp_rec_frame *)((uint64_t *)(&record.stack + 1) + natives);
	for (size_t i = 0; i < pythons; i++)
		f[i] = (struct mp_rec_frame){py[i].code, py[i].line, py[i].entry, 0};
	return sizeof(record.stack) + natives * sizeof(*native) + pythons * sizeof(*f);
}

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NATIVE(...) (const uint64_t[]){__VA_ARGS__}, COUNT(((const uint64_t[]){__VA_ARGS__}))
#define PYTHON(...) (const struct py[]){__VA_ARGS__}, COUNT(((const struct py[]){__VA_ARGS__}))
#define NONE NULL, 0

static struct last last;

static mp_node define(struct stacks *s, const uint64_t *native, size_t natives,
	const struct py *py, size_t pythons, uint32_t flags)
{
	return stacks_define(s, &last, &record.stack,
		make_stack(native, natives, py, pythons, flags));
}

/* Innermost first: native functions by name, Python's as name:line. */
static bool is(mp_node node, const char *wanted)
{
	char got[4096] = "";
	size_t used = 0;

	if (symboliser_finish(symboliser, tree) < 0)
		return false;
	for (; node; node = mp_parent(tree, node)) {
		struct mp_frame f[8];
		size_t n = mp_frames(tree, node, f, 8);

		used += (size_t)snprintf(
			got + used, sizeof(got) - used, used ? " %s" : "%s", f[n - 1].func);
		if (f[n - 1].flags & MP_FRAME_PYTHON)
			used += (size_t)snprintf(
				got + used, sizeof(got) - used, ":%u", f[n - 1].line);
	}
	if (strcmp(got, wanted) != 0)
		printf("# got    %s\n# wanted %s\n", got, wanted);
	return strcmp(got, wanted) == 0;
}

/* ---- joining ----------------------------------------------------------------------- */

static int find_self(struct dl_phdr_info *info, size_t size, void *range)
{
	uint64_t *r = range;

	(void)size;
	r[0] = info->dlpi_addr;
	r[1] = UINT64_MAX;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD)
			continue;
		if (r[1] == UINT64_MAX)
			r[1] = info->dlpi_addr + p->p_vaddr;
		r[2] = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	return 1; /* the first is the program */
}

static struct stacks *new_target(void)
{
	struct stacks *s = stacks_new(tree, symboliser);
	uint64_t r[3];

	dl_iterate_phdr(find_self, r);
	ok(send_image(s, (uint64_t)(uintptr_t)_PyEval_EvalFrameDefault) == 0);
	ok(send_module(s, self, r[0], r[1], r[2]) == 0);
	ok(send_code(s, 1, "f") == 0 && send_code(s, 2, "g") == 0 && send_code(s, 3, "h") == 0);
	ok(stacks_knows_code(s, 2) && !stacks_knows_code(s, 4));
	return s;
}

static void test_join(struct stacks *s)
{
	ok(is(define(s, NATIVE(ALPHA, EVAL, BETA), PYTHON({1, 3, 0}, {2, 7, 1}), 0),
		"alpha f:3 g:7 beta"));
	ok(is(define(s, NATIVE(ALPHA, EVAL, BETA, EVAL, ALPHA),
		      PYTHON({1, 3, 1}, {2, 7, 0}, {3, 9, 1}), 0),
		"alpha f:3 beta g:7 h:9 alpha"));
	/* one Python frame per eval frame, evals side by side */
	ok(is(define(s, NATIVE(EVAL, EVAL, EVAL), PYTHON({1, 1, 1}, {2, 2, 1}, {3, 3, 1}), 0),
		"f:1 g:2 h:3"));
	/* the innermost eval has only just been entered */
	ok(is(define(s, NATIVE(ALPHA, EVAL, BETA, EVAL), PYTHON({1, 3, 0}, {2, 7, 1}), 0),
		"alpha _PyEval_EvalFrameDefault beta f:3 g:7"));
	/* the outermost run has no end: as if it had */
	ok(is(define(s, NATIVE(ALPHA, EVAL, BETA), PYTHON({1, 3, 0}, {2, 7, 0}), 0),
		"alpha f:3 g:7 beta"));
	ok(is(define(s, NATIVE(ALPHA, EVAL), NONE, 0), "alpha _PyEval_EvalFrameDefault"));
	ok(is(define(s, NATIVE(EVAL, EVAL, EVAL), NONE, 0),
		"_PyEval_EvalFrameDefault "
		"_PyEval_EvalFrameDefault _PyEval_EvalFrameDefault"));
	ok(is(define(s, NONE, PYTHON({1, 3, 1}, {2, -1, 1}), MP_STACK_NO_NATIVE),
		"f:3 g:0"));
	ok(stacks_counts(s).unjoined == 0);
	ok(is(define(s, NATIVE(ALPHA, BETA), PYTHON({1, 3, 1}), 0),
		"f:3 [unjoined] alpha beta"));
	ok(is(define(s, NATIVE(EVAL, EVAL, EVAL), PYTHON({1, 3, 1}), 0),
		"f:3 [unjoined] "
		"_PyEval_EvalFrameDefault _PyEval_EvalFrameDefault _PyEval_EvalFrameDefault"));
	ok(stacks_counts(s).unjoined == 2);
	/* outer native frames missing: the inner ones are joined, the rest lies outward */
	ok(is(define(s, NATIVE(ALPHA, EVAL, BETA), PYTHON({1, 3, 1}, {2, 7, 0}, {3, 9, 1}),
		      MP_STACK_CUT),
		"alpha f:3 beta g:7 h:9"));
	ok(is(define(s, NATIVE(ALPHA), PYTHON({1, 3, 1}), MP_STACK_TORN), "alpha f:3"));
	ok(stacks_counts(s).unjoined == 2 && stacks_counts(s).cut == 1 &&
		stacks_counts(s).torn == 1);
}

static void test_addresses(struct stacks *s)
{
	uint64_t alpha_at = (uint64_t)(uintptr_t)alpha;
	uint64_t r[3];

	dl_iterate_phdr(find_self, r);
	/* a return address belongs to the instruction before it */
	ok(is(define(s, NATIVE(alpha_at), NONE, MP_STACK_EXACT), "alpha"));
	ok(define(s, NATIVE(alpha_at), NONE, 0) != 0);
	ok(tree->location.x[tree->location.n].at == alpha_at - 1 - r[0]);
	ok(is(define(s, NATIVE(0x1001), NONE, 0), "0x1000"));
	ok(is(define(s, NONE, PYTHON({99, 5, 1}), 0), "?:5"));
	ok(stacks_counts(s).no_module == 1 && stacks_counts(s).no_code == 1);
	/* a module where there was none */
	ok(send_module(s, "/none", 0x1000, 0x1000, 0x2000) == 0);
	ok(is(define(s, NATIVE(0x1001), NONE, 0), "0x0"));
	/* another one in its place, partly */
	ok(send_module(s, "/other", 0x1800, 0x1800, 0x2800) == 0);
	ok(is(define(s, NATIVE(0x1001), NONE, 0), "0x1000"));
	ok(is(define(s, NATIVE(0x1811), NONE, 0), "0x10"));
	ok(stacks_unload(s, 0x1800) == 0);
	ok(is(define(s, NATIVE(0x1811), NONE, 0), "0x1810"));

	/* no Python, or one that comes later */
	ok(send_image(s, 0) == 0);
	ok(is(define(s, NATIVE(ALPHA, EVAL), PYTHON({1, 3, 1}), 0),
		"f:3 [unjoined] alpha _PyEval_EvalFrameDefault"));
	ok(send_image(s, (uint64_t)(uintptr_t)_PyEval_EvalFrameDefault) == 0);
	ok(is(define(s, NATIVE(ALPHA, EVAL), PYTHON({1, 3, 1}), 0), "alpha f:3"));

	/* Python is known before its module, and the module goes and comes back */
	ok(stacks_unload(s, r[0]) == 0);
	ok(is(define(s, NATIVE(0x2001), PYTHON({1, 3, 1}), 0), "f:3 [unjoined] 0x2000"));
	ok(send_module(s, self, r[0], r[1], r[2]) == 0);
	ok(is(define(s, NATIVE(ALPHA, EVAL), PYTHON({1, 3, 1}), 0), "alpha f:3"));
}

static void test_maps(struct stacks *s)
{
	struct mp_process process = {.pid = 1};
	uint32_t id = mp_def_process(tree, &process), before = tree->map.n;
	uint64_t r[3];

	dl_iterate_phdr(find_self, r);
	stacks_process(s, id);
	ok(tree->map.n == before + 1 && tree->map.x[tree->map.n].base == r[0]);
	ok(send_module(s, self, r[0], r[1], r[2]) == 0 && tree->map.n == before + 1);
	ok(send_module(s, "/late", 0x5000, 0x5000, 0x6000) == 0 && tree->map.n == before + 2);
}

/* ---- hostile records ------------------------------------------------------------------ */

static void test_refused(struct stacks *s, struct last *l)
{
	uint64_t before = stacks_counts(s).bad;
	size_t n = make_stack(NATIVE(ALPHA), NONE, 0);

	record.stack.same_natives = (uint16_t)(l->natives + 1);
	ok(stacks_define(s, l, &record.stack, n) == 0);
	record.stack.same_natives = 0;
	record.stack.same_pythons = 1;
	ok(stacks_define(s, l, &record.stack, n) == 0);
	ok(stacks_counts(s).bad == before + 2);
}

/* What is sent as a difference is what is sent whole, also when modules come and go. */
static void test_same(struct stacks *s)
{
	struct last whole = {0}, parts = {0};
	uint64_t native[64];
	struct py python[64];
	unsigned seed = 11, natives = 0, pythons = 0, same[2], bad = 0, shared = 0;

	for (int i = 0; i < 20000; i++) {
		uint64_t send[64];
		struct py say[64];
		mp_node node;
		size_t n;

		/* outermost first; the innermost of neither is the same */
		same[0] = natives ? (unsigned)rand_r(&seed) % natives : 0;
		same[1] = pythons ? (unsigned)rand_r(&seed) % pythons : 0;
		natives = same[0] + 1 + (unsigned)rand_r(&seed) % 4;
		pythons = same[1] + 1 + (unsigned)rand_r(&seed) % 4;
		if (natives > 60 || pythons > 60)
			natives = pythons = 1, same[0] = same[1] = 0;
		for (unsigned k = same[0]; k < natives; k++)
			native[k] = rand_r(&seed) % 3 == 0 ? EVAL : rand_r(&seed) % 2 ? ALPHA : BETA;
		for (unsigned k = same[1]; k < pythons; k++)
			python[k] = (struct py){1 + (unsigned)rand_r(&seed) % 3,
				1 + rand_r(&seed) % 50, (unsigned)rand_r(&seed) % 2};
		for (unsigned k = 0; k < natives; k++)
			send[k] = native[natives - 1 - k];
		for (unsigned k = 0; k < pythons; k++)
			say[k] = python[pythons - 1 - k];
		if (i % 100 == 99)
			send_image(s, i % 200 == 99 ? 0 : EVAL - 4);
		n = make_stack(send, natives, say, pythons, 0);
		node = stacks_define(s, &whole, &record.stack, n);
		n = make_stack(send, natives - same[0], say, pythons - same[1], 0);
		record.stack.same_natives = (uint16_t)same[0];
		record.stack.same_pythons = (uint16_t)same[1];
		bad += !node || stacks_define(s, &parts, &record.stack, n) != node;
		shared += same[0] + same[1];
	}
	ok(bad == 0);
	ok(shared > 50000);
	/* more than there are */
	test_refused(s, &parts);
	last_free(&whole);
	last_free(&parts);
}

static void test_hostile(void)
{
	struct symboliser *none = symboliser_new(false);
	struct mp_tree *t = mp_tree_new();
	struct stacks *s = stacks_new(t, none);
	size_t whole = make_stack(NATIVE(ALPHA, EVAL, BETA), PYTHON({1, 3, 0}, {2, 7, 1}), 0);
	unsigned seed = 7;

	last_free(&last);       /* of another tree */
	for (size_t n = 0; n < whole; n++) {
		void *copy = malloc(n + 1); /* exactly as long, for ASan */

		memcpy(copy, &record, n);
		copy = realloc(copy, n ? n : 1);
		ok(stacks_define(s, &last, copy, n) == 0);
		free(copy);
	}
	ok(stacks_counts(s).bad == whole);
	for (int i = 0; i < 40000; i++) {
		size_t n = (size_t)rand_r(&seed) % 400 & ~7ul;
		uint64_t *copy = malloc(n + 8);

		for (size_t k = 0; k < n / 8; k++)
			copy[k] = (uint64_t)(rand_r(&seed) & (i & 1 ? 0x3f : 0x7fffffff)) |
				  (uint64_t)(rand_r(&seed) & (i & 2 ? 0x7 : 0)) << 32;
		switch (i % 5) {
		case 0:
			stacks_module(s, (void *)copy, n);
			break;
		case 1:
			stacks_code(s, (void *)copy, n);
			break;
		case 2:
			stacks_image(s, (void *)copy, n);
			break;
		case 3:
			stacks_unload(s, n ? copy[0] : 0);
			break;
		default:
			stacks_define(s, &last, (void *)copy, n);
			break;
		}
		free(copy);
	}
	ok(!t->failed && t->node.n > 0);
	stacks_free(s);
	symboliser_free(none);
	mp_tree_free(t);
}

/* ---- the worker ------------------------------------------------------------------------- */

static void test_worker(void)
{
	struct symboliser *own = symboliser_new(true);
	struct mp_tree *t = mp_tree_new();
	struct stacks *s = stacks_new(t, own);
	uint64_t r[3];
	long named = 0;

	last_free(&last);
	dl_iterate_phdr(find_self, r);
	send_image(s, 0);
	send_module(s, self, r[0], r[1], r[2]);
	ok(define(s, NATIVE(ALPHA, BETA, EVAL, 0x1000), NONE, 0) != 0);
	for (int i = 0; i < 2000 && named < 3; i++) {
		named += symboliser_collect(own, t);
		usleep(1000);
	}
	ok(named == 3);
	ok(define(s, NATIVE(ALPHA + 1, BETA + 1), NONE, 0) != 0);
	symboliser_collect(own, t);
	ok(symboliser_finish(own, t) + named >= 3);
	for (uint32_t i = 1; i <= t->location.n; i++)
		ok(t->location.x[i].resolved == (t->location.x[i].owner != 0));
	stacks_free(s);
	symboliser_free(own);
	mp_tree_free(t);
}

/* ---- every CPython here -------------------------------------------------------------------- */

struct function {
	const char *name;
	uint64_t from, size;
};

static struct function *functions(int fd, Elf **elf, size_t *n)
{
	Elf_Scn *section = NULL;
	struct function *f = NULL;
	GElf_Shdr header;
	GElf_Sym y;

	*n = 0;
	elf_version(EV_CURRENT);
	*elf = elf_begin(fd, ELF_C_READ, NULL);
	for (int pass = 0; pass < 2 && *n == 0; pass++)
		for (section = NULL; (section = elf_nextscn(*elf, section));) {
			Elf_Data *data;

			if (!gelf_getshdr(section, &header) ||
				header.sh_type != (pass ? SHT_DYNSYM : SHT_SYMTAB))
				continue;
			data = elf_getdata(section, NULL);
			f = calloc(header.sh_size / header.sh_entsize, sizeof(*f));
			for (int i = 0; gelf_getsym(data, i, &y); i++)
				if (GELF_ST_TYPE(y.st_info) == STT_FUNC && y.st_shndx &&
					y.st_size)
					f[(*n)++] = (struct function){
						elf_strptr(*elf, header.sh_link, y.st_name),
						y.st_value, y.st_size};
		}
	return f;
}

/* Without symbols: the function itself, its cold part where it is a real one
 * (a few bytes that are never jumped to, or call nothing, do not matter), and
 * never a part of anything else. */
static void test_without_symbols(int fd, const struct function *f, size_t n, unsigned *found,
	unsigned *missed, unsigned *wrong)
{
	for (size_t i = 0; i < n; i++) {
		const struct function *cold = NULL;
		struct mp_range range[MP_EVAL_RANGES];
		unsigned namesakes = 0, ranges, others = 0;
		bool has_cold = false;
		char name[512];

		snprintf(name, sizeof(name), "%s.cold", f[i].name);
		for (size_t k = 0; k < n; k++) {
			namesakes += !strcmp(f[k].name, f[i].name) || !strcmp(f[k].name, name);
			if (!strcmp(f[k].name, name))
				cold = &f[k];
		}
		if (strstr(f[i].name, ".cold") || namesakes > 1u + (cold != NULL) ||
			(!cold && i % 64))
			continue;
		ranges = eval_ranges(fd, f[i].from, false, range);
		for (unsigned k = 0; k < ranges; k++) {
			if (cold && range[k].from == cold->from &&
				range[k].to == cold->from + cold->size)
				has_cold = true;
			else if (f[i].from < range[k].from || f[i].from >= range[k].to)
				others++;
		}
		*found += cold && has_cold;
		*missed += cold && !has_cold && cold->size > 32;
		*wrong += others;
		if (others || (cold && !has_cold && cold->size > 32))
			printf("# %s: %u ranges, %u of others\n", f[i].name, ranges, others);
	}
}

static void test_python(const char *path)
{
	static const char name[] = "_PyEval_EvalFrameDefault";
	struct mp_range with[MP_EVAL_RANGES], without[MP_EVAL_RANGES];
	unsigned n_with = 0, n_without = 0, found = 0, missed = 0, wrong = 0, same = 0;
	int fd = open(path, O_RDONLY);
	struct timespec t[3];
	struct function *f;
	bool stripped = true;
	uint64_t eval = 0;
	Elf *elf;
	size_t n;

	f = functions(fd, &elf, &n);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(f[i].name, name))
			eval = f[i].from;
		if (strstr(f[i].name, ".cold") || strstr(f[i].name, ".part."))
			stripped = false;
	}
	if (!eval)
		goto out;
	clock_gettime(CLOCK_MONOTONIC, &t[0]);
	n_with = eval_ranges(fd, eval, true, with);
	clock_gettime(CLOCK_MONOTONIC, &t[1]);
	n_without = eval_ranges(fd, eval, false, without);
	clock_gettime(CLOCK_MONOTONIC, &t[2]);
	for (unsigned i = 0; i < n_with; i++) {
		bool in = with[i].to - with[i].from <= 16; /* too short to call anything */

		for (unsigned k = 0; k < n_without; k++)
			in |= with[i].from == without[k].from && with[i].to == without[k].to;
		same += in;
	}
	ok(n_with > 0 && same == n_with && n_without <= n_with);
	if (!stripped)
		test_without_symbols(fd, f, n, &found, &missed, &wrong);
	printf("# %s%s: %u ranges with symbols (%.1f ms), %u without (%.1f ms); all functions:"
	       " %u cold parts found, %u missed, %u wrong\n",
		path, stripped ? " (stripped)" : "", n_with,
		(double)(t[1].tv_nsec - t[0].tv_nsec) / 1e6 +
			1e3 * (double)(t[1].tv_sec - t[0].tv_sec),
		n_without,
		(double)(t[2].tv_nsec - t[1].tv_nsec) / 1e6 +
			1e3 * (double)(t[2].tv_sec - t[1].tv_sec),
		found, missed, wrong);
	ok(missed == 0 && wrong == 0);
out:
	free(f);
	elf_end(elf);
	close(fd);
}

static void test_pythons(void)
{
	static const char *const pattern[] = {
		"~/.pyenv/versions/*/lib/libpython3.*.so.1.0",
		"~/.pyenv/versions/*/bin/python3.[0-9]*",
		"/usr/lib/*/libpython3.*.so.1.0",
		"/usr/local/lib/libpython3.*.so.1.0",
		"/usr/bin/python3.[0-9]*",
		"/usr/local/bin/python3.[0-9]*",
	};
	glob_t g = {0};

	for (size_t i = 0; i < COUNT(pattern); i++)
		glob(pattern[i], GLOB_TILDE | (i ? GLOB_APPEND : 0), NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (!strstr(g.gl_pathv[i], "config"))
			test_python(g.gl_pathv[i]);
	globfree(&g);
}

int main(void)
{
	struct stacks *s;

	ok(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	tree = mp_tree_new();
	symboliser = symboliser_new(true);
	s = new_target();
	test_join(s);
	test_same(s);
	send_image(s, EVAL - 4);
	test_addresses(s);
	test_maps(s);
	stacks_free(s);
	symboliser_free(symboliser);
	mp_tree_free(tree);
	test_hostile();
	test_worker();
	test_pythons();
	return tap_done();
}

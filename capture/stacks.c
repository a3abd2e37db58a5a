/* stacks.c - definition records of one process image → nodes of the tree.
 *
 * Invariant: a native location's offset lies inside the instruction that was
 * running: for a return address that is the byte before it.  Every length in a
 * record is checked against the bytes the caller has before it is used.
 */
#include "stacks.h"

#include "modules.h"
#include "symboliser.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct stacks {
	struct mp_tree *tree;
	struct symboliser *symboliser;
	struct modules *modules, *own_modules;
	uint32_t process, pid;
	struct module_map map;
	uint64_t python;                      /* address of the eval function */
	struct mp_range eval[MP_EVAL_RANGES]; /* addresses */
	unsigned n_eval;
	bool eval_known, strangers; /* strangers: addresses in no module are cached */
	struct table location, code;
	uint32_t age; /* moves when what `location` held is forgotten */
	struct stacks_counts counts;
};

/* ---- life ------------------------------------------------------------------------ */

struct stacks *stacks_new(struct mp_tree *tree, struct symboliser *symboliser)
{
	struct stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->tree = tree;
	s->symboliser = symboliser;
	s->own_modules = symboliser ? NULL : modules_new();
	s->modules = symboliser ? symboliser_modules(symboliser) : s->own_modules;
	if (!s->modules) {
		free(s);
		return NULL;
	}
	return s;
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	modules_free(s->own_modules);
	free(s->map.x);
	table_clear(&s->location);
	table_clear(&s->code);
	free(s);
}

struct stacks_counts stacks_counts(const struct stacks *s)
{
	return s->counts;
}

static int bad(struct stacks *s)
{
	s->counts.bad++;
	return -1;
}

/* ---- modules --------------------------------------------------------------------- */

/* Cached addresses may mean something else now. */
static void forget(struct stacks *s)
{
	table_clear(&s->location);
	s->age++;
	s->strangers = false;
	s->eval_known = false;
}

static void define_map(struct stacks *s, const struct mapped *m)
{
	struct mp_map map = {s->process, m->id, m->base, m->from, m->to};

	if (!s->process)
		return;
	for (uint32_t i = s->tree->map.n; i > 0; i--)
		if (!memcmp(&s->tree->map.x[i], &map, sizeof(map)))
			return;
	mp_def_map(s->tree, &map);
}

void stacks_process(struct stacks *s, uint32_t process)
{
	s->process = process;
	for (size_t i = 0; i < s->map.n; i++)
		define_map(s, &s->map.x[i]);
}

int stacks_unload(struct stacks *s, uint64_t base)
{
	if (module_map_remove(&s->map, base))
		forget(s);
	return 0;
}

int stacks_module(struct stacks *s, const struct mp_rec_module *r, size_t bytes)
{
	const char *path = (const char *)(r + 1);
	struct mapped m = {0};
	uint32_t name, id;
	int changed;

	if (bytes < sizeof(*r) || bytes - sizeof(*r) < (size_t)r->path_len + r->build_id_len ||
		r->from >= r->to)
		return bad(s);
	m.base = r->base;
	m.from = r->from;
	m.to = r->to;
	m.module = modules_get(s->modules, path, r->path_len,
		(const unsigned char *)path + r->path_len, r->build_id_len, s->pid, r->from,
		r->to);
	if (!m.module)
		return -1;
	name = mp_def_cstring(s->tree, m.module->path);
	id = mp_def_cstring(s->tree, m.module->build_id);
	m.id = mp_def_module(s->tree, name, id);
	changed = m.id ? module_map_insert(&s->map, &m) : -1;
	if (changed < 0)
		return -1;
	if (changed == MAP_REPLACED || (changed == MAP_INSERTED && s->strangers))
		forget(s);
	if (s->n_eval == 0)
		s->eval_known = false;
	define_map(s, &m);
	return s->tree->failed ? -1 : 0;
}

int stacks_image(struct stacks *s, const struct mp_rec_image *r, size_t bytes)
{
	if (bytes < sizeof(*r))
		return bad(s);
	s->pid = r->pid;
	if (s->python != r->python) {
		s->python = r->python;
		forget(s);
	}
	return 0;
}

/* Where the eval function lies, once its module is known. */
static void find_eval(struct stacks *s)
{
	const struct mapped *m = s->python ? module_map_find(&s->map, s->python) : NULL;

	s->eval_known = true;
	s->n_eval = 0;
	if (!m)
		return;
	modules_find_eval(m->module, s->python - m->base);
	for (unsigned i = 0; i < m->module->ranges; i++)
		s->eval[s->n_eval++] = (struct mp_range){
			m->module->range[i].from + m->base, m->module->range[i].to + m->base};
	if (!s->n_eval)
		return;
	table_clear(&s->location); /* cached before the ranges were known */
	s->age++;
}

/* ---- Python ---------------------------------------------------------------------- */

static uint32_t text(struct mp_tree *t, const char *s, size_t n, bool cut)
{
	char *copy;
	uint32_t id;

	if (!cut)
		return mp_def_string(t, s, n);
	copy = malloc(n + 3);
	if (!copy) {
		t->failed = true;
		return 0;
	}
	memcpy(copy, s, n);
	memcpy(copy + n, "…", 3);
	id = mp_def_string(t, copy, n + 3);
	free(copy);
	return id;
}

int stacks_code(struct stacks *s, const struct mp_rec_code *r, size_t bytes)
{
	const char *name = (const char *)(r + 1);
	uint32_t code;

	if (bytes < sizeof(*r) || bytes - sizeof(*r) < (size_t)r->name_len + r->file_len)
		return bad(s);
	code = mp_def_code(s->tree, text(s->tree, name, r->name_len, r->flags & 1),
		text(s->tree, name + r->name_len, r->file_len, r->flags & 2), r->first_line);
	return code ? table_put(&s->code, r->id, code) : -1;
}

bool stacks_knows_code(const struct stacks *s, uint32_t id)
{
	return table_find(&s->code, id) != NULL;
}

static uint32_t python_location(struct stacks *s, const struct mp_rec_frame *f)
{
	const uint64_t *known = table_find(&s->code, f->code);
	uint32_t code;

	if (known) {
		code = (uint32_t)*known;
	} else {
		s->counts.no_code++;
		code = mp_def_code(s->tree, mp_def_cstring(s->tree, "?"), 0, 0);
	}
	return mp_def_location(
		s->tree, MP_LOC_PYTHON, code, f->line > 0 ? (uint32_t)f->line : 0);
}

/* ---- stacks ---------------------------------------------------------------------- */

static bool is_hook(const struct module *m)
{
	const char *slash = strrchr(m->path, '/');

	return slash && !strcmp(slash, "/libmp-hook.so");
}

/* Location of ADDRESS, IN_EVAL, IN_HOOK; 0: no memory. */
static uint64_t native_location(struct stacks *s, uint64_t address)
{
	const uint64_t *cached = table_find(&s->location, address);
	uint32_t before = s->tree->location.n;
	const struct mapped *m;
	uint64_t value;

	if (cached)
		return *cached;
	m = module_map_find(&s->map, address);
	if (m && is_hook(m->module))
		return table_put(&s->location, address, IN_HOOK) == 0 ? IN_HOOK : 0;
	value = mp_def_location(
		s->tree, MP_LOC_NATIVE, m ? m->id : 0, m ? address - m->base : address);
	if (!value)
		return 0;
	if (!m) {
		s->strangers = true;
		s->counts.no_module++;
	} else if (value > before && s->symboliser &&
		   symboliser_queue(
			   s->symboliser, m->module, address - m->base, (uint32_t)value) != 0) {
		return 0;
	}
	for (unsigned i = 0; i < s->n_eval; i++)
		if (address >= s->eval[i].from && address < s->eval[i].to)
			value |= IN_EVAL;
	return table_put(&s->location, address, value) == 0 ? value : 0;
}

uint64_t stacks_native(struct stacks *s, uint64_t address)
{
	if (!s->eval_known)
		find_eval(s);
	return native_location(s, address);
}

/* The frames of R take the place of the inner ones of the stack before.  False: no
 * memory. */
static bool read_frames(struct stacks *s, struct last *l, const struct mp_rec_stack *r)
{
	const uint64_t *address = (const uint64_t *)(r + 1);
	const struct mp_rec_frame *python = (const struct mp_rec_frame *)(address + r->natives);
	size_t natives = r->same_natives + r->natives, pythons = r->same_pythons + r->pythons;
	bool exact = r->flags & MP_STACK_EXACT;
	size_t i = r->same_natives;

	if (!s->eval_known)
		find_eval(s);
	if (l->age != s->age)
		i = 0;
	l->natives = l->pythons = 0;
	if (!last_room(l, natives, pythons))
		return false;
	for (size_t k = r->same_natives; k < natives; k++)
		l->native[k].address = address[natives - 1 - k] -
			(!(exact && k + 1 == natives) && address[natives - 1 - k] > 0);
	for (; i < natives; i++) {
		l->native[i].location = native_location(s, l->native[i].address);
		if (!l->native[i].location)
			return false;
	}
	for (i = r->same_pythons; i < pythons; i++) {
		const struct mp_rec_frame *f = &python[pythons - 1 - i];

		l->python[i] = (struct last_python){python_location(s, f), f->entry};
		if (!l->python[i].location)
			return false;
	}
	l->natives = natives;
	l->pythons = pythons;
	l->age = s->age;
	return true;
}

/* Eval frames and runs of Python frames must agree in number, or the innermost
 * eval function has just been entered and has no frame yet.  Where outer frames
 * are missing only the inner ones can be counted. */
mp_node stacks_join(struct stacks *s, struct last *l, uint32_t flags)
{
	long evals = 0, runs = 0;
	uint32_t note = 1;

	for (size_t i = 0; i < l->natives; i++)
		evals += (l->native[i].location & IN_EVAL) != 0;
	for (size_t p = 0; p < l->pythons; p++)
		runs += l->python[p].entry || p == 0;
	if (evals == runs || evals == runs + 1 || runs == 0 || l->natives == 0 ||
		flags & (MP_STACK_NO_NATIVE | MP_STACK_CUT | MP_STACK_TORN)) {
		last_join(l, evals == runs + 1);
	} else {
		s->counts.unjoined++;
		note = mp_def_location(s->tree, MP_LOC_NOTE,
			mp_def_code(s->tree, mp_def_cstring(s->tree, "[unjoined]"), 0, 0), 0);
		last_keep_apart(l, note);
	}
	return note ? trail_put(&l->trail, s->tree, l->chain, l->chained) : 0;
}

mp_node stacks_define(
	struct stacks *s, struct last *l, const struct mp_rec_stack *r, size_t bytes)
{
	if (bytes < sizeof(*r) ||
		bytes - sizeof(*r) < r->natives * sizeof(uint64_t) +
					     r->pythons * sizeof(struct mp_rec_frame) ||
		r->same_natives > l->natives || r->same_pythons > l->pythons ||
		r->same_natives + r->natives > LAST_FRAMES_MAX ||
		r->same_pythons + r->pythons > LAST_FRAMES_MAX) {
		bad(s);
		l->natives = l->pythons = 0;
		return 0;
	}
	s->counts.stacks++;
	s->counts.cut += (r->flags & MP_STACK_CUT) != 0;
	s->counts.torn += (r->flags & MP_STACK_TORN) != 0;
	s->counts.libgcc += (r->flags & MP_STACK_LIBGCC) != 0;
	return read_frames(s, l, r) ? stacks_join(s, l, r->flags) : 0;
}

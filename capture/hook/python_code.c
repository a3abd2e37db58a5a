/* python_code.c - code objects and their ids.
 *
 * An id is that of one life of one code object.  The interpreter's destructor of
 * code objects is replaced by ours, which removes the id before the memory can be
 * used again; so an address found in the table is the same object as when it was
 * put there.  Reading is lock-free; a reader only looks for code that a frame of
 * its own holds, which cannot be removed meanwhile.
 */
#include "python.h"
#include "python_line.h"
#include "python_string.h"

#include <string.h>

enum {
	LEVELS = 8,
	LEVEL_0 = 4096,         /* entries; each further level has four times as many */
	NAME_MAX_BYTES = 2048,
	FILE_MAX_BYTES = 4096,
	/* entry.code when it is no address */
	EMPTY = 0, REMOVED = 1, TAKEN = 2,
};

struct entry {
	_Atomic uintptr_t code;
	_Atomic uint32_t id;
};
struct level {
	uint32_t mask;
	_Atomic uint32_t used;  /* entries that were ever taken */
	struct entry entry[];
};

static struct level *_Atomic level[LEVELS];
static _Atomic uint32_t last_id;
_Atomic uint32_t python_generation = 1;
static void (*original_destructor)(void *code);

/* ---- the table ------------------------------------------------------------------- */

static uint32_t find(uintptr_t code)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		struct level *l = atomic_load_explicit(&level[i], memory_order_acquire);
		uintptr_t here;

		if (!l)
			return 0;
		for (uint32_t at = python_code_hash((const void *)code);; at++) {
			struct entry *e = &l->entry[at & l->mask];

			here = atomic_load_explicit(&e->code, memory_order_acquire);
			if (here == code)
				return atomic_load_explicit(&e->id, memory_order_relaxed);
			if (here == EMPTY)
				break;
		}
	}
	return 0;
}

static struct level *get_level(unsigned i)
{
	struct level *l = atomic_load_explicit(&level[i], memory_order_acquire), *none = NULL;
	uint32_t entries = (uint32_t)LEVEL_0 << 2 * i;
	size_t size = sizeof(*l) + entries * sizeof(struct entry);

	if (l)
		return l;
	l = hook_map(size);
	if (!l)
		return NULL;
	l->mask = entries - 1;
	if (!atomic_compare_exchange_strong(&level[i], &none, l)) {
		hook_unmap(l, size);
		l = none;
	}
	return l;
}

/* An entry that can hold CODE, marked as taken; NULL: the level is full. */
static struct entry *take_entry(struct level *l, uintptr_t code)
{
	bool full = atomic_load_explicit(&l->used, memory_order_relaxed) > l->mask / 2;

	for (uint32_t at = python_code_hash((const void *)code);; at++) {
		struct entry *e = &l->entry[at & l->mask];
		uintptr_t here = atomic_load_explicit(&e->code, memory_order_relaxed);

		if (here != EMPTY && here != REMOVED)
			continue;
		if (here == EMPTY && full)
			return NULL;
		if (atomic_compare_exchange_strong(&e->code, &here, TAKEN)) {
			if (here == EMPTY)
				atomic_fetch_add(&l->used, 1);
			return e;
		}
		at--;           /* somebody else was quicker: look again */
	}
}

static struct entry *take_any(uintptr_t code)
{
	struct entry *e = NULL;

	for (unsigned i = 0; !e && i < LEVELS; i++) {
		struct level *l = get_level(i);

		if (!l)
			return NULL;
		e = take_entry(l, code);
	}
	return e;
}

static void put_back(struct entry *e)
{
	atomic_store_explicit(&e->code, REMOVED, memory_order_release);
}

/* @return the id CODE had, 0: none */
static uint32_t forget(uintptr_t code)
{
	uint32_t id = 0;

	for (unsigned i = 0; i < LEVELS; i++) {
		struct level *l = atomic_load_explicit(&level[i], memory_order_acquire);
		uintptr_t here;

		if (!l)
			break;
		/* two threads may have put it in at once: remove both */
		for (uint32_t at = python_code_hash((const void *)code);; at++) {
			struct entry *e = &l->entry[at & l->mask];

			here = atomic_load_explicit(&e->code, memory_order_acquire);
			if (here == EMPTY)
				break;
			if (here == code) {
				id = atomic_load_explicit(&e->id, memory_order_relaxed);
				put_back(e);
			}
		}
	}
	return id;
}

/* ---- definition ------------------------------------------------------------------ */

static bool publish(struct hook_thread *t, const char *code, uint32_t id)
{
	const struct python_offsets *o = mp_python.offsets;
	uint32_t room = (sizeof(struct mp_rec_code) + NAME_MAX_BYTES + FILE_MAX_BYTES) / 8;
	uint64_t *w = hook_reserve(t, room, false, 0);
	struct mp_rec_code *r = (struct mp_rec_code *)w;
	char *text = (char *)(r + 1);
	int name_cut, file_cut;
	size_t used;

	if (!w)
		return false;
	memset(r, 0, sizeof(*r));
	r->w0 = MP_REC_WORD0(MP_REC_CODE, 0, 0, 0);
	r->id = id;
	memcpy(&r->first_line, code + o->code_first_line, sizeof(r->first_line));
	r->name_len = (uint16_t)python_string(o, python_pointer(code, o->code_name), text,
					      NAME_MAX_BYTES, &name_cut);
	r->file_len = (uint16_t)python_string(o, python_pointer(code, o->code_file),
					      text + r->name_len, FILE_MAX_BYTES, &file_cut);
	r->flags = (name_cut ? 1 : 0) | (file_cut ? 2 : 0);
	used = sizeof(*r) + r->name_len + r->file_len;
	memset((char *)r + used, 0, -used & 7);
	r->words = (uint32_t)((used + 7) / 8);
	hook_publish(t, r->words);
	return true;
}

static HOOK_COLD uint32_t define(struct hook_thread *t, const char *code)
{
	struct entry *e;
	uint32_t id;

	if (python_pointer(code, mp_python.offsets->object_type) != mp_python.code_type)
		return 0;
	e = take_any((uintptr_t)code);
	if (!e)
		return 0;
	id = atomic_fetch_add(&last_id, 1) + 1;
	if (!publish(t, code, id)) {
		put_back(e);
		return 0;
	}
	atomic_store_explicit(&e->id, id, memory_order_relaxed);
	atomic_store_explicit(&e->code, (uintptr_t)code, memory_order_release);
	return id;
}

HOOK_COLD uint32_t python_code_id(struct hook_thread *t, const void *code, bool *dying)
{
	struct python_thread *py = python_thread(t);
	/* before the look-up: a generation too old only voids the entry early */
	uint32_t id, now = atomic_load_explicit(&python_generation, memory_order_acquire);

	for (uint32_t i = 0; i < py->dying_depth; i++)
		if (py->dying[i].code == code) {
			*dying = true;
			return py->dying[i].id;
		}
	id = find((uintptr_t)code);
	if (!id)
		id = define(t, code);
	if (id)
		*python_cached(py, code) = (struct python_cached){ code, id, now };
	return id;
}

/* ---- lines ----------------------------------------------------------------------- */

int32_t python_line(const struct py_raw *frame)
{
	const struct python_offsets *o = mp_python.offsets;
	const void *table;
	int32_t first, line;
	size_t size;

	if (!frame->object)
		return 0;
	memcpy(&first, (const char *)frame->object + o->code_first_line, sizeof(first));
	table = python_pointer(frame->object, o->code_lines);
	if (!table)
		return 0;
	memcpy(&size, (const char *)table + o->bytes_size, sizeof(size));
	line = python_decode_line(mp_python.minor, (const uint8_t *)table + o->bytes_data, size,
				  first, (long)(int64_t)frame->instr);
	if (line == PYTHON_NO_LINE && o->code_traceable >= 0) {
		int32_t traceable;

		/* the function is still being entered: cells, free variables */
		memcpy(&traceable, (const char *)frame->object + o->code_traceable,
		       sizeof(traceable));
		if ((int64_t)frame->instr < traceable)
			line = first;
	}
	return line;
}

/* ---- destruction ----------------------------------------------------------------- */

/* While the original runs, a frame of this thread may still name the code (its
 * last reference was the frame's) and weak references to it call back. */
static void destructor(void *code)
{
	uint32_t id = forget((uintptr_t)code);
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	struct hook_thread *t = hook_enter();
	struct python_thread *py;
	uint32_t mine = PYTHON_DYING;

	if (id)
		atomic_fetch_add(&python_generation, 1);
	if (t) {
		py = python_thread(t);
		while (py->dying_depth && py->dying[py->dying_depth - 1].frame <= frame)
			py->dying_depth--;      /* jumped out of */
		mine = py->dying_depth;
		if (mine < PYTHON_DYING) {
			py->dying[mine].code = code;
			py->dying[mine].frame = frame;
			py->dying[mine].id = id;
			py->dying_depth = mine + 1;
		}
		hook_leave(t);
	}
	original_destructor(code);
	if (mine < PYTHON_DYING)
		python_thread(t)->dying_depth = mine;
}

bool python_code_setup(void **field)
{
	if (!*field)
		return false;
	original_destructor = (void (*)(void *))(uintptr_t)*field;
	*field = (void *)(uintptr_t)destructor;
	return true;
}

void python_code_forked(void)
{
	for (unsigned i = 0; i < LEVELS; i++)
		atomic_store(&level[i], NULL);  /* the parent's pages are left as they are */
	atomic_store(&last_id, 0);
	atomic_fetch_add(&python_generation, 1);
}

/* event.c - records of events.
 *
 * Invariant: room first, stamp second, record third, published last; a stamp
 * is never taken for a record that is then dropped.
 */
#include "internal.h"

#include <string.h>

static uint64_t size_word(size_t size)
{
	uint64_t n = size > MP_REC_SIZE_MASK ? MP_REC_SIZE_MASK : size;

	return n | hook_epoch() << 48;
}

static uint32_t stamp_of(unsigned type, const void *address)
{
	if (type == MP_REC_MAP || type == MP_REC_BREAK)
		return hook_map_stamp();
	return hook_stamp(address);
}

static inline void alloc_stack(struct hook_thread *t, unsigned type, unsigned kind,
			       unsigned flags, const void *address, size_t size, uint32_t stack)
{
	uint64_t *w = hook_reserve(t, 3, true, size);

	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(type, kind, flags, (uintptr_t)address);
	w[2] = size_word(size);
	w[1] = stamp_of(type, address) | (uint64_t)stack << 32;
	hook_publish(t, 3);
}

void hook_event_alloc_stack(struct hook_thread *t, unsigned type, unsigned kind,
			    const void *address, size_t size, uint32_t stack)
{
	alloc_stack(t, type, kind, 0, address, size, stack);
}

void hook_event_map(struct hook_thread *t, unsigned type, unsigned kind, unsigned flags,
		    const void *address, size_t size, struct hook_caller caller)
{
	alloc_stack(t, type, kind, flags, address, size, hook_stack(t, caller));
}

void hook_event_alloc(struct hook_thread *t, unsigned kind, const void *address, size_t size,
		      struct hook_caller caller)
{
	alloc_stack(t, MP_REC_ALLOC, kind, 0, address, size, hook_stack(t, caller));
}

void hook_event_free(struct hook_thread *t, unsigned kind, const void *address)
{
	uint64_t *w = hook_reserve(t, 2, true, 0);

	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(MP_REC_FREE, kind, 0, (uintptr_t)address);
	w[1] = hook_stamp(address) | hook_epoch() << 32;
	hook_publish(t, 2);
}

void hook_event_begin(struct hook_thread *t, unsigned kind, const void *old, size_t size)
{
	uint64_t *w = hook_reserve(t, 3, true, 0);
	uint32_t bit = 1u << (t->begun++ % 32);

	if (w == NULL) {
		t->begin_lost |= bit;
		return;
	}
	t->begin_lost &= ~bit;
	w[0] = MP_REC_WORD0(MP_REC_BEGIN, kind, 0, (uintptr_t)old);
	w[2] = size > MP_REC_SIZE_MASK ? MP_REC_SIZE_MASK : size;
	w[1] = hook_stamp(old) | hook_epoch() << 32;
	hook_publish(t, 3);
}

/* Was the BEGIN that ends now dropped? */
static bool begin_was_lost(struct hook_thread *t)
{
	if (t->begun == 0)
		return true;    /* longjmp'ed out of, or forked since */
	t->begun--;
	return (t->begin_lost >> (t->begun % 32) & 1) != 0;
}

void hook_event_end(struct hook_thread *t, unsigned kind, const void *address, size_t size,
		    struct hook_caller caller)
{
	uint32_t stack = address != NULL ? hook_stack(t, caller) : 0;

	if (!begin_was_lost(t))
		alloc_stack(t, MP_REC_END, kind, 0, address, size, stack);
	else if (address != NULL)
		alloc_stack(t, MP_REC_ALLOC, kind, 0, address, size, stack);
}

static void undo(struct hook_thread *t, unsigned kind, unsigned flags)
{
	uint64_t *w = hook_reserve(t, 1, true, 0);

	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(MP_REC_UNDO, kind, flags, 0);
	hook_publish(t, 1);
}

void hook_event_undo(struct hook_thread *t, unsigned kind)
{
	if (!begin_was_lost(t))
		undo(t, kind, 0);
}

HOOK_COLD void hook_realloc_unseen(unsigned kind, bool succeeded)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	if (succeeded)
		hook_event_end(t, kind, NULL, 0, (struct hook_caller){0});
	else
		hook_event_undo(t, kind);
	hook_leave(t);
}

void hook_event_intent(struct hook_thread *t, unsigned kind, size_t size,
		       struct hook_caller caller)
{
	uint32_t stack;
	uint64_t *w;

	/* in a sample no record may follow that says how it ended */
	if (hook_is_paused() || (hook_sampling && kind < MP_ALLOC_MMAP))
		return;
	stack = hook_stack(t, caller);
	w = hook_reserve(t, 3, false, 0);
	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(MP_REC_INTENT, kind, 0, 0);
	w[1] = (uint64_t)stack << 32;
	w[2] = size_word(size);
	hook_publish(t, 3);
}

HOOK_COLD void hook_intent(unsigned kind, size_t size, struct hook_caller caller)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	hook_event_intent(t, kind, size, caller);
	hook_leave(t);
}

HOOK_COLD void hook_intent_undone(unsigned kind)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	undo(t, kind, MP_REC_FLAG_INTENT);
	hook_leave(t);
}

bool hook_event_unmap(struct hook_thread *t, unsigned flags, const void *address, size_t size)
{
	uint64_t *w = hook_reserve(t, 3, true, 0);

	if (w == NULL)
		return false;
	w[0] = MP_REC_WORD0(MP_REC_UNMAP, MP_ALLOC_MMAP, flags | MP_REC_FLAG_PENDING,
			    (uintptr_t)address);
	w[2] = size > MP_REC_SIZE_MASK ? MP_REC_SIZE_MASK : size;
	w[1] = hook_map_stamp() | hook_epoch() << 32;
	hook_publish(t, 3);
	return true;
}

void hook_event_unmap_undo(struct hook_thread *t, unsigned kind)
{
	undo(t, kind, MP_REC_FLAG_PENDING);
}

void hook_event_life(struct hook_thread *t, unsigned type, uint64_t value)
{
	uint64_t *w = hook_reserve(t, 2, false, 0);

	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(type, 0, 0, value);
	w[1] = hook_epoch() << 32;
	hook_publish(t, 2);
}

/* Room first, then the looking around, so that what was waited for is before it. */
bool hook_event_mark(struct hook_thread *t, unsigned type, unsigned kind, const char *name,
		     size_t len, int64_t value)
{
	struct mp_rec_mark r = {
		.w0 = MP_REC_WORD0(type, kind, 0, 0),
		.value = value,
		.name_len = (uint16_t)len,
	};
	struct mp_rec_cut *cut;
	uint32_t room = 0, n = 0;
	uint64_t *w;

	do {
		room = n + 8;
		w = hook_reserve(t, (uint32_t)((sizeof(r) + room * sizeof(*cut) + len + 7) / 8),
				 true, 0);
		if (w == NULL)
			return false;
		cut = (struct mp_rec_cut *)(w + sizeof(r) / 8);
		n = hook_look_around(t, cut, room);
	} while (n > room);
	r.cuts = (uint16_t)n;
	r.words = (uint32_t)((sizeof(r) + n * sizeof(*cut) + len + 7) / 8);
	r.epoch = (uint32_t)hook_epoch();
	r.stamp = atomic_fetch_add_explicit(&hook_session->stamp[MP_STAMP_MARKS], 1,
					    memory_order_acq_rel);
	memcpy(w, &r, sizeof(r));
	if (len != 0) {
		w[r.words - 1] = 0;
		memcpy(cut + n, name, len);
	}
	hook_publish(t, r.words);
	return true;
}

void hook_event_note(struct hook_thread *t, const char *text)
{
	size_t n = strnlen(text, 4000);
	uint32_t words = (uint32_t)(2 + (n + 7) / 8);
	uint64_t *w = hook_reserve(t, words, false, 0);

	if (w == NULL)
		return;
	w[0] = MP_REC_WORD0(MP_REC_NOTE, 0, 0, 0);
	w[words - 1] = 0;
	w[1] = (uint64_t)words << 32 | n;
	memcpy(&w[2], text, n);
	hook_publish(t, words);
}

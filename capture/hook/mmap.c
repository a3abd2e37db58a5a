/* mmap.c - mappings and the break, as the program itself calls for them.
 *
 * What unmaps is published before the call, as PENDING, and undone when the
 * call fails; what maps is published after it.  libc's own mappings never come
 * through here.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/mman.h>

enum { LARGE = 65536 };

static bool ready(void)
{
	if (hook_likely(hook_real.mmap != NULL && hook_real.sbrk != NULL))
		return true;
	hook_resolve();
	return hook_real.mmap != NULL && hook_real.sbrk != NULL;
}

/* The page holding a range that may go away must be proven readable again. */
static void forget(struct hook_thread *t, const void *address, size_t size)
{
	uintptr_t from = (uintptr_t)address;

	if (from < t->known_end && t->known < from + size) {
		t->known = t->known_end = 0;
		t->ground++;
	}
}

/* An UNMAP before the call; true: published. */
static bool unmap_begins(const void *address, size_t size, unsigned flags)
{
	struct hook_thread *t = hook_enter();
	bool published;

	if (t == NULL)
		return false;
	hook_life_check(t);
	forget(t, address, size);
	published = hook_event_unmap(t, flags, address, size);
	hook_leave(t);
	return published;
}

static void unmap_failed(void)
{
	struct hook_thread *t = hook_enter();

	if (t == NULL)
		return;
	hook_event_unmap_undo(t, MP_ALLOC_MMAP);
	hook_leave(t);
}

static void mapped(unsigned kind, const void *address, size_t size, struct hook_caller caller)
{
	struct hook_thread *t = hook_enter_alloc();
	unsigned flags = 0;

	if (t == NULL)
		return;
	if (t->object_depth != 0 || hook_sample_in_object(caller)) {
		flags = MP_REC_FLAG_IN_OBJECT;
		kind = MP_ALLOC_ARENA;
	} else if (hook_tls.in_real != 0) {
		kind = MP_ALLOC_RUNTIME;        /* another allocator's own, under malloc */
	}
	hook_event_map(t, MP_REC_MAP, kind, flags, address, size, caller);
	hook_leave(t);
}

static void *map(void *(*real)(void *, size_t, int, int, int, off_t), void *address,
		 size_t size, int protection, int flags, int fd, off_t offset,
		 struct hook_caller caller)
{
	bool fixed = (flags & MAP_FIXED) != 0 && size != 0, begun = false;
	bool large = (flags & MAP_POPULATE) != 0 && size >= LARGE;
	unsigned kind = flags & MAP_ANONYMOUS ? MP_ALLOC_MMAP : MP_ALLOC_MMAP_FILE;
	void *p;

	if (fixed)
		begun = unmap_begins(address, size, MP_REC_FLAG_FIXED);
	if (hook_unlikely(large))
		hook_intent(kind, size, caller);
	p = real(address, size, protection, flags, fd, offset);
	if (hook_unlikely(large) && (p == MAP_FAILED || hook_is_paused()))
		hook_intent_undone(kind);
	if (p != MAP_FAILED)
		mapped(kind, p, size, caller);
	else if (begun)
		unmap_failed();
	return p;
}

void *hook_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (hook_unlikely(!ready())) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return map(hook_real.mmap, address, size, protection, flags, fd, offset, HOOK_CALLER);
}
HOOK_EXPORT_AS(mmap);

void *hook_mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
	if (hook_unlikely(!ready())) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return map(hook_real.mmap64, address, size, protection, flags, fd, offset, HOOK_CALLER);
}
HOOK_EXPORT_AS(mmap64);

int hook_munmap(void *address, size_t size)
{
	bool begun;
	int r;

	if (hook_unlikely(!ready())) {
		errno = ENOMEM;
		return -1;
	}
	begun = unmap_begins(address, size, 0);
	r = hook_real.munmap(address, size);
	if (r != 0 && begun)
		unmap_failed();
	return r;
}
HOOK_EXPORT_AS(munmap);

/* The target of MREMAP_FIXED goes for good even if the move then fails, except
 * for arguments the kernel refuses at once. */
static bool remap_is_refused(const void *old, size_t old_size, size_t size, const void *to)
{
	uintptr_t a = (uintptr_t)old, b = (uintptr_t)to;

	return ((a | b) & (getauxval(AT_PAGESZ) - 1)) != 0 || size == 0 ||
	       (a < b + size && b < a + old_size);
}

void *hook_mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	void *to = NULL, *p;
	bool begun = false;
	va_list args;

	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(args, flags);
		to = va_arg(args, void *);
		va_end(args);
	}
	if (hook_unlikely(!ready())) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if ((flags & MREMAP_FIXED) != 0 && !remap_is_refused(old, old_size, size, to))
		unmap_begins(to, size, MP_REC_FLAG_FIXED);
	/* with an old size of 0 the pages are shared, with DONTUNMAP the place stays */
	if (old_size != 0 && (flags & MREMAP_DONTUNMAP) == 0)
		begun = unmap_begins(old, old_size, 0);
	p = hook_real.mremap(old, old_size, size, flags, to);
	if (p != MAP_FAILED)
		mapped(MP_ALLOC_MREMAP, p, size, HOOK_CALLER);
	else if (begun)
		unmap_failed();
	return p;
}
HOOK_EXPORT_AS(mremap);

/* ---- the break ---- */

static void moved(struct hook_thread *t, uintptr_t now, uintptr_t before,
		  struct hook_caller caller)
{
	if (t == NULL)
		return;
	if (now != before)
		hook_event_map(t, MP_REC_BREAK, MP_ALLOC_BRK, 0, (const void *)now, before,
			       caller);
	hook_leave(t);
}

int hook_brk(void *address)
{
	uintptr_t now = (uintptr_t)address, before;
	int r;

	if (hook_unlikely(!ready())) {
		errno = ENOMEM;
		return -1;
	}
	before = (uintptr_t)hook_real.sbrk(0);
	if (now < before)
		moved(hook_enter(), now, before, HOOK_CALLER);
	r = hook_real.brk(address);
	if (r == 0 && now > before)
		moved(hook_enter_alloc(), now, before, HOOK_CALLER);
	else if (r != 0 && now < before)
		moved(hook_enter(), before, now, HOOK_CALLER);
	return r;
}
HOOK_EXPORT_AS(brk);

void *hook_sbrk(intptr_t by)
{
	uintptr_t before;
	void *r;

	if (hook_unlikely(!ready())) {
		errno = ENOMEM;
		return (void *)-1;
	}
	if (by < 0) {
		before = (uintptr_t)hook_real.sbrk(0);
		moved(hook_enter(), before + (uintptr_t)by, before, HOOK_CALLER);
		r = hook_real.sbrk(by);
		if (r == (void *)-1)
			moved(hook_enter(), before, before + (uintptr_t)by, HOOK_CALLER);
		return r;
	}
	r = hook_real.sbrk(by);
	if (r != (void *)-1 && by > 0)
		moved(hook_enter_alloc(), (uintptr_t)r + (uintptr_t)by, (uintptr_t)r,
		      HOOK_CALLER);
	return r;
}
HOOK_EXPORT_AS(sbrk);

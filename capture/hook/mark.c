/* mark.c - what the program itself says of its memory: marks, pause and resume; the
 * other side of capture/mark.h.
 *
 * Invariant: what is recorded before the mark `pause` and after the mark `resume` is
 * whole.  So a pause begins after its mark was published (and not at all if that
 * cannot be), and has ended before that of resume is.
 */
#include "internal.h"

#include <string.h>

enum {
	NAME_BYTES = 1024,      /* of a name; what lies beyond is cut */
	SWITCHING = 1,          /* of `pauses`: a thread is switching over */
	PAUSE = 2,              /* each that is open */
};

_Atomic bool hook_paused;
static _Atomic uint32_t pauses;

/* Also from the constructor of a library that comes before ours. */
static struct hook_thread *enter(void)
{
	if (!hook_resolved)
		hook_resolve();
	return hook_enter();
}

/* ---- marks ---- */

/* Bytes of NAME, cut in front of a character of UTF-8. */
static size_t length(const char *name)
{
	size_t n = strnlen(name, NAME_BYTES + 1), cut = NAME_BYTES;

	if (n <= NAME_BYTES)
		return n;
	while (cut > NAME_BYTES - 3 && (name[cut] & 0xc0) == 0x80)
		cut--;
	return (name[cut] & 0xc0) == 0x80 ? NAME_BYTES : cut;
}

HOOK_EXPORT void mp_hook_mark(const char *name, int64_t value);
void mp_hook_mark(const char *name, int64_t value)
{
	struct hook_thread *t;

	if (name == NULL || *name == '\0')
		return;
	t = enter();
	if (t == NULL)
		return;
	hook_event_mark(t, MP_REC_MARK, MP_MARK_PROGRAM, name, length(name), value);
	hook_leave(t);
}

/* ---- pause ---- */

static void switch_over(struct hook_thread *t, bool pause)
{
	if (!pause) {
		atomic_store(&hook_paused, false);
		atomic_fetch_and(&hook_page.on, ~(uint32_t)HOOK_PAUSED);
		if (t != NULL)
			hook_event_mark(t, MP_REC_MARK, MP_MARK_RESUME, NULL, 0, 0);
	} else if (t != NULL && hook_event_mark(t, MP_REC_MARK, MP_MARK_PAUSE, NULL, 0, 0)) {
		atomic_store(&hook_paused, true);
		atomic_fetch_or(&hook_page.on, HOOK_PAUSED);
	}
}

/* Makes it so.  Who comes while a thread is switching over (or is a signal handler on top
 * of one) goes by: that thread looks again before it is done. */
static void settle(struct hook_thread *t)
{
	uint32_t now = atomic_load(&pauses);

	do {
		if ((now & SWITCHING) != 0)
			return;
	} while (!atomic_compare_exchange_weak(&pauses, &now, now | SWITCHING));
	now |= SWITCHING;
	do {
		if ((now >= PAUSE) != hook_is_paused())
			switch_over(t, now >= PAUSE);
	} while (!atomic_compare_exchange_strong(&pauses, &now, now & ~(uint32_t)SWITCHING));
}

static void settle_inside(void)
{
	struct hook_thread *t = enter();

	settle(t);
	if (t != NULL)
		hook_leave(t);
}

HOOK_EXPORT void mp_hook_pause(void);
void mp_hook_pause(void)
{
	uint32_t now = atomic_load(&pauses);

	do {
		if (now > UINT32_MAX - 2 * PAUSE)
			return;
	} while (!atomic_compare_exchange_weak(&pauses, &now, now + PAUSE));
	settle_inside();
}

HOOK_EXPORT void mp_hook_resume(void);
void mp_hook_resume(void)
{
	uint32_t now = atomic_load(&pauses);

	do {
		if (now < PAUSE)
			return;
	} while (!atomic_compare_exchange_weak(&pauses, &now, now - PAUSE));
	settle_inside();
}

/* What dlsym() and ctypes find.  The inline functions of mark.h have these names, so that
 * header asks for the others. */
extern __typeof__(mp_hook_mark) mp_mark
	__attribute__((alias("mp_hook_mark"), visibility("default")));
extern __typeof__(mp_hook_pause) mp_pause
	__attribute__((alias("mp_hook_pause"), visibility("default")));
extern __typeof__(mp_hook_resume) mp_resume
	__attribute__((alias("mp_hook_resume"), visibility("default")));

/* ---- a forked child ---- */

/* Only this thread exists: nobody else is switching over. */
void hook_pause_forked(void)
{
	atomic_fetch_and(&pauses, ~(uint32_t)SWITCHING);
}

void hook_pause_announce(struct hook_thread *t)
{
	if (hook_is_paused())
		hook_event_mark(t, MP_REC_MARK, MP_MARK_PAUSE, NULL, 0, 0);
}

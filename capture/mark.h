/* mark.h - a program that is run under mp-capture says what its memory is for:
 *
 *	mp_mark("load", 0);
 *	...
 *	mp_mark("done", 0);     then: mp-leaks --between load,done t.mp
 *
 * Nothing has to be linked: when the program is not traced, the functions do nothing.
 * They may be called from any thread and from signal handlers, take no lock, allocate
 * nothing and leave errno alone.  See mp-capture(1).
 */
#ifndef MP_MARK_H
#define MP_MARK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* FUNCTION, exported by the library that mp-capture preloads, or a null pointer.  The
 * symbol is weak, so that the program links and starts without it, and its address comes
 * from the global offset table, where the dynamic linker puts it: in an executable that is
 * not position-independent the address of a weak symbol in plain C would be a zero that the
 * linker wrote when there was no such library.  A static executable has that zero, and
 * cannot be traced.  (mp-capture runs on x86-64 and aarch64 only.) */
#if defined(__x86_64__) && defined(__LP64__)
#define MP_MARK_LOAD(function) \
	"{movq " #function "@GOTPCREL(%%rip), %0|mov %0, QWORD PTR " #function "@GOTPCREL[rip]}"
#elif defined(__aarch64__) && defined(__LP64__)
#define MP_MARK_LOAD(function) \
	"adrp %0, :got:" #function "\n\tldr %0, [%0, #:got_lo12:" #function "]"
#endif
#ifdef MP_MARK_LOAD
#define MP_MARK_FUNCTION(function, type) \
	__extension__({ \
		type *found_; \
		__asm__(".weak " #function "\n\t" MP_MARK_LOAD(function) : "=r"(found_)); \
		found_; \
	})
#else
#define MP_MARK_FUNCTION(function, type) ((type *)0)
#endif

typedef void mp_mark_function(const char *name, int64_t value);
typedef void mp_pause_function(void);

/* Puts a mark into the trace, at this moment: behind everything this thread did before,
 * before everything it does afterwards, and likewise for other threads as far as one is
 * before the other.  NAME: at most 1,024 bytes (the rest is cut off in front of a character
 * of UTF-8), any but NUL; it is copied.  A null pointer or an empty name is no mark.  Names
 * may repeat: --between step#2,step#3.  VALUE: any number of the program's, in no unit.  The
 * names `finalize`, `pause`, `resume` and `exit status` have a meaning of their own, and
 * such a mark is called `mark finalize` and so on.
 *
 * Nothing is returned: a mark that finds no room within 2 seconds is counted as a lost
 * event, which every program that reads the trace tells.  A mark ends a block of the trace
 * and takes about 800 bytes: it is for phases and rounds, not for each small allocation. */
static inline void mp_mark(const char *name, int64_t value)
{
	mp_mark_function *f = MP_MARK_FUNCTION(mp_hook_mark, mp_mark_function);

	if (f)
		f(name, value);
}

/* From now on what the process allocates or maps is not recorded, by whichever thread, until
 * mp_resume(); frees of recorded blocks still are, so what is live stays right.  A block
 * that is resized meanwhile ends.  The trace gets the marks `pause` and `resume`, and is whole
 * outside them; other threads may be recorded an instant longer than `pause`, or again an
 * instant before `resume`.
 *
 * Pauses nest: as many calls of mp_resume() end them; one too many does nothing.  (Where two
 * threads call at the very same time, the first may switch for both, just after the second
 * has returned.)  A forked child goes on as its parent was, after exec recording is on.  A
 * pause whose mark finds no room does not take place. */
static inline void mp_pause(void)
{
	mp_pause_function *f = MP_MARK_FUNCTION(mp_hook_pause, mp_pause_function);

	if (f)
		f();
}

static inline void mp_resume(void)
{
	mp_pause_function *f = MP_MARK_FUNCTION(mp_hook_resume, mp_pause_function);

	if (f)
		f();
}

#ifdef __cplusplus
}
#endif

#endif

/* python.c - finds the interpreter in this process and readies the rest of
 * python*.c; notices when it begins to finalise.
 *
 * mp_python is written once, before any frame is read or wrapper installed.
 */
#include "python.h"

#include <pthread.h>
#include <string.h>

struct python mp_python;
static _Atomic uint32_t finalize_published;

static HOOK_COLD void say(const char *text)
{
	struct hook_thread *t = hook_enter();

	if (t) {
		hook_event_note(t, text);
		hook_leave(t);
	}
}

/* A data or function pointer of the type asked for, from a symbol. */
#define FIND(name, type) ((type)(uintptr_t)hook_find_symbol(name))

static const void *(*find_current(void))(void)
{
	static const char *const names[] = {
		"PyThreadState_GetUnchecked", "_PyThreadState_UncheckedGet",
		"_PyThreadState_GetCurrent",
	};
	const void *(*f)(void) = NULL;

	for (unsigned i = 0; !f && i < sizeof(names) / sizeof(names[0]); i++)
		f = FIND(names[i], const void *(*)(void));
	return f;
}

/* Other threads may be running: the offsets, which they look at first, come last,
 * and codes are destroyed through us before the first one gets an id. */
static bool use(const char *runtime, const struct python_offsets *o, uint32_t hex)
{
	struct python *py = &mp_python;
	const void *type = hook_find_symbol("PyCode_Type");

	py->minor = hex >> 16 & 255;
	py->code_type = type;
	py->gilstate = FIND("PyGILState_GetThisThreadState", const void *(*)(void));
	py->current = find_current();
	py->finalizing = (void *_Atomic const *)python_field(runtime, o->runtime_finalizing);
	if (!type || !py->gilstate || (py->minor >= 12 && !py->current) ||
	    strcmp(python_pointer(type, o->type_name), "code") != 0 ||
	    !python_code_setup((void **)((uintptr_t)type + o->type_dealloc)))
		return false;
	hook_pin(runtime);      /* its functions are called from any allocation */
	py->runtime = runtime;
	atomic_store(&py->offsets, o);
	hook_life.expect = NULL;
	hook_life.slot = (void *volatile *)(uintptr_t)py->finalizing;
	return true;
}

bool python_loaded(void)
{
	static bool refused;
	const char *runtime;
	const struct python_offsets *o;
	size_t size = 0;
	uint32_t hex;

	if (mp_python.runtime || refused || !(hook_options & (MP_OPT_PYTHON | MP_OPT_OBJECTS)))
		return true;
	runtime = hook_find_object("_PyRuntime", &size);
	if (!runtime)
		return false;
	o = python_offsets(runtime, size, hook_find_symbol("Py_Version"), &hex);
	hook_python_found(hook_find_symbol("_PyEval_EvalFrameDefault"), hex >> 16);
	if (!o || !use(runtime, o, hex)) {
		refused = true;
		say("this build of Python is not known (CPython 3.8 to 3.13 are): "
		    "no Python frames, no objects");
		return true;
	}
	if (hook_options & MP_OPT_OBJECTS && !python_slots_install())
		say("Python's object allocators could not be wrapped: no objects");
	return true;
}

void python_forked(void)
{
	python_code_forked();
	atomic_store(&finalize_published, 0);
	hook_life.expect = NULL;
}

bool python_is_own(const void *state)
{
	unsigned long thread;

	if (mp_python.minor >= 12)
		return mp_python.current() == state || mp_python.gilstate() == state;
	memcpy(&thread, python_field(state, mp_python.offsets->thread_id), sizeof(thread));
	return thread == (unsigned long)pthread_self() || mp_python.gilstate() == state;
}

bool python_initialized(void)
{
	int32_t value;

	memcpy(&value, mp_python.runtime + mp_python.offsets->runtime_initialized, sizeof(value));
	return value != 0;
}

/* Once per image: what is live now is what is live at the end.  The thread that
 * tears down says so, before the first thing it frees; another one that is on its way
 * out and frees something meanwhile would say it too late. */
HOOK_COLD void python_life(struct hook_thread *t)
{
	void *now = *hook_life.slot;

	if (now && !python_is_own(now))
		return;
	hook_life.expect = now;
	if (now && !atomic_exchange(&finalize_published, 1))
		hook_event_mark(t, MP_REC_FINALIZE, 0, NULL, 0, 0);
}

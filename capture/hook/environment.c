/* environment.c - LD_PRELOAD and MP_SESSION put back where they are missing.
 *
 * Also runs in vfork children, which share the parent's memory: the copy lies
 * in a mapping the thread keeps, so nothing leaks there.
 */
#include "environment.h"

#include <string.h>

static const char preload[] = "LD_PRELOAD=", session[] = "MP_SESSION=";

enum { PRELOAD_LEN = sizeof(preload) - 1, SESSION_LEN = sizeof(session) - 1 };

static const char *file_name(const char *path, size_t len, size_t *name_len)
{
	const char *slash = len != 0 ? memrchr(path, '/', len) : NULL;
	const char *name = slash != NULL ? slash + 1 : path;

	*name_len = len - (size_t)(name - path);
	return name;
}

/* Is a library of our file's name in LIST (separated by colons or spaces)? */
static bool lists_us(const char *list, const char *library, size_t library_len)
{
	size_t own_len, len, n;
	const char *own = file_name(library, library_len, &own_len), *name;

	for (; *list != '\0'; list += n + (list[n] != '\0')) {
		n = strcspn(list, ": ");
		name = file_name(list, n, &len);
		if (len == own_len && memcmp(name, own, len) == 0)
			return true;
	}
	return false;
}

static char *room(struct hook_thread *t, size_t bytes)
{
	if (t->scratch_size < bytes) {
		size_t size = (bytes + 65535) & ~65535ul;
		void *p = hook_map(size);

		if (p == NULL)
			return NULL;
		hook_unmap(t->scratch, t->scratch_size);
		t->scratch = p;
		t->scratch_size = size;
	}
	return t->scratch;
}

char *const *hook_environment(struct hook_thread *t, char *const envp[])
{
	const char *old = NULL, *library;
	bool has_session = false;
	size_t n = 0, skip = SIZE_MAX, library_len = 0, old_len, bytes;
	char **out, *text;

	library = hook_module_path(&hook_page, &library_len);
	if (library == NULL || library_len == 0)
		return envp;
	for (; envp != NULL && envp[n] != NULL; n++) {
		if (old == NULL && strncmp(envp[n], preload, PRELOAD_LEN) == 0) {
			old = envp[n] + PRELOAD_LEN;
			skip = n;
		}
		has_session |= strncmp(envp[n], session, SESSION_LEN) == 0;
	}
	if (old != NULL && lists_us(old, library, library_len))
		skip = SIZE_MAX;
	if (has_session && old != NULL && skip == SIZE_MAX)
		return envp;
	old_len = old != NULL ? strlen(old) : 0;
	bytes = (n + 3) * sizeof(*out) + PRELOAD_LEN + library_len + old_len + 2;
	text = room(t, bytes);
	if (text == NULL)
		return envp;
	out = (char **)(void *)text;
	text += (n + 3) * sizeof(*out);
	n = 0;
	if (old == NULL || skip != SIZE_MAX) {
		out[n++] = text;
		text = mempcpy(text, preload, PRELOAD_LEN);
		text = mempcpy(text, library, library_len);
		if (old_len != 0) {
			*text++ = ':';
			text = mempcpy(text, old, old_len);
		}
		*text = '\0';
	}
	if (!has_session)
		out[n++] = hook_session_env;
	for (size_t i = 0; envp != NULL && envp[i] != NULL; i++)
		if (i != skip)
			out[n++] = envp[i];
	out[n] = NULL;
	return out;
}

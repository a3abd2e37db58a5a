/* symbol_fetch.c - files by build-id from the servers the user has named in
 * DEBUGINFOD_URLS, by elfutils' client where it is installed.
 * Invariant: without mp_symbols_fetch() the client is not even loaded.
 */
#include "symbol_own.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEX_MAX = 128 };

typedef int find_fn(void *client, const unsigned char *build_id, int length, char **path);

struct sym_fetch {
	void *client;
	void (*end)(void *client);
	find_fn *debuginfo, *executable;
};

bool mp_symbols_fetch(struct mp_symbols *s)
{
	struct sym_fetch *f = s->fetch ? NULL : calloc(1, sizeof(*f));
	void *(*begin)(void), *library;

	if (!f)
		return s->fetch != NULL;
	/* for good: it brings libraries along that keep state of their own */
	library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (library) {
		*(void **)&begin = dlsym(library, "debuginfod_begin");
		*(void **)&f->end = dlsym(library, "debuginfod_end");
		*(void **)&f->debuginfo = dlsym(library, "debuginfod_find_debuginfo");
		*(void **)&f->executable = dlsym(library, "debuginfod_find_executable");
		if (begin && f->end && f->debuginfo && f->executable)
			f->client = begin();
	}
	s->fetch = f;
	if (f->client)
		return true;
	sym_fetch_end(s);
	return false;
}

void sym_fetch_end(struct mp_symbols *s)
{
	struct sym_fetch *f = s->fetch;

	if (!f)
		return;
	if (f->client)
		f->end(f->client);
	free(f);
	s->fetch = NULL;
}

int sym_fetch(struct mp_symbols *s, const char *build_id, bool debug, char **name)
{
	size_t n = strlen(build_id);
	int fd;

	/* it becomes a part of an address and of a file's name */
	if (!s->fetch || !n || n > HEX_MAX || n % 2 || strspn(build_id, "0123456789abcdef") != n)
		return -1;
	*name = NULL;
	/* length 0: in hex */
	fd = (debug ? s->fetch->debuginfo : s->fetch->executable)(
		s->fetch->client, (const unsigned char *)build_id, 0, name);
	if (fd >= 0 && *name)
		return fd;
	if (fd >= 0)
		close(fd);
	free(*name);
	return -1;
}

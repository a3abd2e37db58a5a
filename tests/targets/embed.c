/* embed.c - an interpreter loaded by name, run for several lives:
 *
 *	embed LIBPYTHON LIVES SCRIPT-TEXT [HOME]
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	void (*init)(int), (*home)(const wchar_t *);
	int (*run)(const char *, void *), (*finish)(void);
	wchar_t *(*decode)(const char *, size_t *);
	void *h = argc > 3 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;

	if (!h) {
		fprintf(stderr, "embed: %s\n", argc > 3 ? dlerror() : "too few operands");
		return 2;
	}
	init = (void (*)(int))dlsym(h, "Py_InitializeEx");
	finish = (int (*)(void))dlsym(h, "Py_FinalizeEx");
	run = (int (*)(const char *, void *))dlsym(h, "PyRun_SimpleStringFlags");
	home = (void (*)(const wchar_t *))dlsym(h, "Py_SetPythonHome");
	decode = (wchar_t *(*)(const char *, size_t *))dlsym(h, "Py_DecodeLocale");
	if (argc > 4)
		home(decode(argv[4], NULL));
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
		init(0);
		if (run(argv[3], NULL))
			return 1;
		if (finish())
			return 1;
	}
	return 0;
}

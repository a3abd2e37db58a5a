/* plugin.c - dlopen, dlclose and reload; also compiled as the libraries it loads.
 *
 *	plugin RELOADS A.so B.so [NAME]
 *
 * Loads A and B in turn, RELOADS times each; every load makes one block that
 * stays, of 10001 bytes in A and 20001 in B (-DPLUGIN='a' …), through a function
 * at the same offset.  NAME: opened by A without a path, which A's RUNPATH alone
 * can find.  Prints "loads N distinct places N name found|missing|none".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef PLUGIN

static void *kept;

__attribute__((constructor)) static void at_load(void)
{
	kept = malloc(PLUGIN == 'a' ? 11 : 22);
	free(kept);
}

void *work(void);
void *work(void)
{
	return kept = malloc(PLUGIN == 'a' ? 10001 : 20001);
}

int find(const char *name);
int find(const char *name)
{
	void *h = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	return h != NULL && dlclose(h) == 0;
}

#else

int main(int argc, char **argv)
{
	int reloads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0, loads = 0, places = 0, i, j;
	void *at[64], *kept;
	const char *name = "none";

	for (i = 0; i < reloads && argc > 3; i++) {
		for (j = 2; j < 4; j++) {
			void *h = dlopen(argv[j], RTLD_NOW | RTLD_DEEPBIND), *(*work)(void);
			int (*find)(const char *), k;

			if (h == NULL) {
				fprintf(stderr, "plugin: %s\n", dlerror());
				return 1;
			}
			*(void **)&work = dlsym(h, "work");
			*(void **)&find = dlsym(h, "find");
			kept = work();
			if (kept == NULL)
				return 1;
			loads++;
			for (k = 0; k < places && at[k] != (void *)work; k++)
				;
			if (k == places && places < 64)
				at[places++] = (void *)work;
			if (argc > 4 && j == 2)
				name = find(argv[4]) ? "found" : "missing";
			dlclose(h);
		}
	}
	printf("loads %d places %d name %s\n", loads, places, name);
	return 0;
}

#endif

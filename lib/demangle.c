/* demangle.c - a linker's name as its source has it. */
#include "symbol.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

/* Length of NAME without what compilers put behind the names of parts, clones
 * and copies of a function. */
static size_t without_suffix(const char *name)
{
	static const char *const suffix[] = {
		".cold",
		".part",
		".constprop",
		".isra",
		".lto_priv",
		".localalias",
		".llvm",
		".warm",
		".split",
		".specialized",
	};
	size_t len = strlen(name);
	const char *at = strstr(name, "@@");

	if (at && at > name) /* a symbol's version; NAME@plt stays */
		len = (size_t)(at - name);
	for (;;) {
		size_t end = len, i;

		while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9')
			end--;
		if (end == len || end == 0 || name[end - 1] != '.')
			end = len;
		else
			end--;
		for (i = 0; i < sizeof(suffix) / sizeof(*suffix); i++) {
			size_t n = strlen(suffix[i]);

			if (end > n && !memcmp(name + end - n, suffix[i], n)) {
				len = end - n;
				break;
			}
		}
		if (i == sizeof(suffix) / sizeof(*suffix))
			return len;
	}
}

/* Rust's names carry a crate's hash, core[c1f1a4ba060b9bfa]::fmt: it tells no
 * reader anything and differs from build to build. */
static void drop_crate_hashes(char *name)
{
	char *to = name;

	for (const char *from = name; *from; *to++ = *from++)
		if (*from == '[' && to > name &&
			(isalnum((unsigned char)to[-1]) || to[-1] == '_')) {
			size_t n = strspn(from + 1, "0123456789abcdef");

			if (n > 0 && from[n + 1] == ']')
				from += n + 2;
			if (!*from)
				break;
		}
	*to = '\0';
}

char *mp_demangle(const char *name)
{
	char *plain = strndup(name, without_suffix(name)), *demangled = NULL;

	if (plain && plain[0] == '_' && (plain[1] == 'Z' || plain[1] == 'R'))
		demangled = cplus_demangle(plain, DMGL_AUTO);
	if (!demangled)
		return plain;
	if (plain[1] == 'R')
		drop_crate_hashes(demangled);
	free(plain);
	return demangled;
}

/* command.c - see command.h. */
#include "command.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "this machine is not supported yet"
#endif

static bool runnable(const char *path, int *status)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (access(path, X_OK) == 0)
		return true;
	*status = 126;
	return false;
}

int command_find(const char *name, char *path, size_t room)
{
	const char *dirs = getenv("PATH"), *end;
	int status = 127, n;

	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	if (strchr(name, '/')) {
		n = snprintf(path, room, "%s", name);
		if (n > 0 && (size_t)n < room && runnable(path, &status))
			return 0;
		return access(name, F_OK) == 0 ? 126 : 127;
	}
	for (; *name; dirs = end + 1) {
		end = strchrnul(dirs, ':');
		n = snprintf(path, room, "%.*s%s%s", (int)(end - dirs), dirs,
				end > dirs ? "/" : "", name);
		if (n > 0 && (size_t)n < room && runnable(path, &status))
			return 0;
		if (!*end)
			break;
	}
	return status;
}

/* ---- can it be traced? ---------------------------------------------------------- */

static const char *refuse_privileged(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
			(st.st_mode & S_ISGID && st.st_gid != getegid()))
		return "it is set-user-ID or set-group-ID: the system ignores LD_PRELOAD for it";
	if (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "it has file capabilities: the system ignores LD_PRELOAD for it";
	return NULL;
}

static const char *refuse_interpreter(int fd, const Elf64_Phdr *p)
{
	char name[PATH_MAX];
	size_t n = p->p_filesz < sizeof name - 1 ? p->p_filesz : sizeof name - 1;
	ssize_t got = pread(fd, name, n, (off_t)p->p_offset);

	if (got <= 0)
		return "its program header cannot be read";
	name[got] = '\0';
	if (strstr(name, "ld-musl"))
		return "it is linked against musl, which is not supported";
	return NULL;
}

static const char *refuse_elf(int fd, const Elf64_Ehdr *h)
{
	const char *why = NULL;
	bool dynamic = false;
	Elf64_Phdr p;

	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != OUR_MACHINE)
		return "it is for another kind of machine";
	if (h->e_phentsize != sizeof p)
		return "its program header cannot be read";
	for (unsigned i = 0; i < h->e_phnum && !why; i++) {
		off_t at = (off_t)(h->e_phoff + i * sizeof p);

		if (pread(fd, &p, sizeof p, at) != (ssize_t)sizeof p)
			return "its program header cannot be read";
		if (p.p_type != PT_INTERP)
			continue;
		dynamic = true;
		why = refuse_interpreter(fd, &p);
	}
	if (!why && !dynamic)
		why = "it is statically linked: nothing can be preloaded into it";
	return why ? why : refuse_privileged(fd);
}

/* The interpreter that a first line "#! path argument" names. */
static bool script_of(const char *text, char *path, size_t room)
{
	size_t n;

	if (text[0] != '#' || text[1] != '!')
		return false;
	text += 2;
	text += strspn(text, " \t");
	n = strcspn(text, " \t\n");
	if (!n || n >= room)
		return false;
	memcpy(path, text, n);
	path[n] = '\0';
	return true;
}

const char *command_refuse(const char *first)
{
	union { Elf64_Ehdr elf; char text[512]; } head;
	char path[PATH_MAX];
	const char *why;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s", first);
	for (unsigned scripts = 0; scripts < 5; scripts++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)     /* may be run, may not be read: let exec decide */
			return errno == EACCES ? NULL : strerror(errno);
		memset(&head, 0, sizeof head);
		n = read(fd, head.text, sizeof head.text - 1);
		if (n >= (ssize_t)sizeof head.elf &&
				memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0) {
			why = refuse_elf(fd, &head.elf);
			close(fd);
			return why;
		}
		close(fd);
		if (!script_of(head.text, path, sizeof path))
			snprintf(path, sizeof path, "/bin/sh");
	}
	return "too many levels of interpreters";
}

/* ---- hook and environment ---------------------------------------------------------- */

int command_hook(char *path, size_t room)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;
	int k;

	if (n <= 0)
		return -1;
	self[n] = '\0';
	for (unsigned up = 0; up < 2; up++) {
		slash = strrchr(self, '/');
		if (!slash)
			return -1;
		*slash = '\0';
	}
	k = snprintf(path, room, "%s/lib/mp/libmp-hook.so", self);
	return k > 0 && (size_t)k < room && access(path, R_OK) == 0 ? 0 : -1;
}

static bool named(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

char **command_environment(const char *hook, const char *session)
{
	const char *old = getenv("LD_PRELOAD");
	size_t n = 0, k = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 3, sizeof *env);
	if (!env)
		return NULL;
	if (asprintf(&env[k++], "LD_PRELOAD=%s%s%s", hook, old && *old ? ":" : "",
			old ? old : "") < 0)
		return NULL;
	if (asprintf(&env[k++], "MP_SESSION=%s", session) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!named(environ[i], "LD_PRELOAD") && !named(environ[i], "MP_SESSION"))
			env[k++] = environ[i];
	return env;
}

/* modules.c - which file a traced process means by a module's path.
 *
 * A path holds inside the process's own mount namespace, and its file may be
 * deleted already.  A file that our own view of PATH does not lead to is opened
 * while the process lives, and kept open.  Nothing but regular files is opened.
 */
#include "modules.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_OPEN = 256 }; /* files kept open, at most */

struct modules {
	struct module *first;
	unsigned kept;
};

struct modules *modules_new(void)
{
	return calloc(1, sizeof(struct modules));
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	for (struct module *e = m->first, *next; e; e = next) {
		next = e->next;
		if (e->fd >= 0)
			close(e->fd);
		free(e->path);
		free(e->build_id);
		free(e);
	}
	free(m);
}

/* Never waits on a FIFO, never wakes a device. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -1;
}

/* The file itself where PATH, from here, is another one or none; else -1. */
static int open_foreign(const char *path, uint32_t pid, uint64_t from, uint64_t to)
{
	char name[PATH_MAX + 32];
	struct stat theirs, ours;

	if (pid == 0 || path[0] != '/' ||
		snprintf(name, sizeof(name), "/proc/%" PRIu32 "/root%s", pid, path) >=
			(int)sizeof(name))
		return -1;
	if (stat(name, &theirs) == 0) {
		if (stat(path, &ours) == 0 && ours.st_dev == theirs.st_dev &&
			ours.st_ino == theirs.st_ino)
			return -1;
		return open_regular(name);
	}
	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, pid,
		from, to);
	return open_regular(name);
}

static char *hex(const unsigned char *bytes, size_t n)
{
	char *s = malloc(2 * n + 1);

	for (size_t i = 0; s && i < n; i++) {
		s[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		s[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	if (s)
		s[2 * n] = '\0';
	return s;
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	const unsigned char *p = data;

	while (n--)
		hash = (hash ^ *p++) * 0x100000001b3;
	return hash;
}

struct module *modules_get(struct modules *m, const char *path, size_t path_len,
	const unsigned char *build_id, size_t build_id_len, uint32_t pid, uint64_t from,
	uint64_t to)
{
	char *id = hex(build_id, build_id_len);
	struct module *e;
	uint64_t hash;

	if (!id)
		return NULL;
	path_len = strnlen(path, path_len);
	hash = hash_bytes(0xcbf29ce484222325, path, path_len);
	hash = hash_bytes(hash ^ path_len, id, 2 * build_id_len);
	for (e = m->first; e; e = e->next)
		if (e->hash == hash && strlen(e->path) == path_len &&
			memcmp(e->path, path, path_len) == 0 && strcmp(e->build_id, id) == 0)
			break;
	if (e) {
		free(id);
		return e;
	}
	e = calloc(1, sizeof(*e));
	if (!e || !(e->path = strndup(path, path_len))) {
		free(e);
		free(id);
		return NULL;
	}
	e->build_id = id;
	e->hash = hash;
	e->fd = m->kept < KEPT_OPEN ? open_foreign(e->path, pid, from, to) : -1;
	m->kept += e->fd >= 0;
	e->next = m->first;
	m->first = e;
	return e;
}

void modules_find_eval(struct module *e, uint64_t eval)
{
	int fd;

	if (e->searched && e->eval == eval)
		return;
	e->searched = true;
	e->eval = eval;
	fd = e->fd >= 0 ? e->fd : open_regular(e->path);
	e->ranges = fd >= 0 ? eval_ranges(fd, eval, true, e->range) : 0;
	if (fd >= 0 && fd != e->fd)
		close(fd);
}

/* ---- what one process maps where ------------------------------------------------- */

/* The first that ends beyond ADDRESS. */
static size_t map_index(const struct module_map *map, uint64_t address)
{
	size_t low = 0, high = map->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->x[middle].to <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct mapped *module_map_find(struct module_map *map, uint64_t address)
{
	size_t i = map->last;

	if (i >= map->n || address < map->x[i].from || address >= map->x[i].to)
		map->last = i = map_index(map, address);
	return i < map->n && address >= map->x[i].from ? &map->x[i] : NULL;
}

static void remove_at(struct module_map *map, size_t i)
{
	map->n--;
	memmove(map->x + i, map->x + i + 1, (map->n - i) * sizeof(*map->x));
}

bool module_map_remove(struct module_map *map, uint64_t base)
{
	for (size_t i = 0; i < map->n; i++)
		if (map->x[i].base == base) {
			remove_at(map, i);
			return true;
		}
	return false;
}

int module_map_insert(struct module_map *map, const struct mapped *m)
{
	size_t i = map_index(map, m->from);
	int result = MAP_INSERTED;

	if (i < map->n && map->x[i].base == m->base && map->x[i].from == m->from &&
		map->x[i].to == m->to && map->x[i].module == m->module)
		return MAP_SAME;
	while (i < map->n && map->x[i].from < m->to) { /* its unload was missed */
		remove_at(map, i);
		result = MAP_REPLACED;
	}
	if (map->n == map->room) {
		size_t room = map->room ? 2 * map->room : 64;
		struct mapped *x = realloc(map->x, room * sizeof(*x));

		if (!x)
			return -1;
		map->x = x;
		map->room = room;
	}
	memmove(map->x + i + 1, map->x + i, (map->n - i) * sizeof(*map->x));
	map->x[i] = *m;
	map->n++;
	return result;
}

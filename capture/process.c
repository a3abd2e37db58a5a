/* process.c - see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

void images_init(struct images *im, struct mp_tree *tree, struct symboliser *symboliser,
		uint32_t chunks)
{
	memset(im, 0, sizeof *im);
	im->tree = tree;
	im->symboliser = symboliser;
	im->chunks = chunks;
}

void images_free(struct images *im)
{
	for (uint32_t i = 0; i < im->n; i++) {
		image_close(im->x[i]);
		free(im->x[i]);
	}
	free(im->x);
	memset(im, 0, sizeof *im);
}

struct image *images_find(const struct images *im, uint64_t number)
{
	for (uint32_t i = im->n; i-- > 0; )
		if (im->x[i]->number == number)
			return im->x[i];
	return NULL;
}

static struct image *by_pid(const struct images *im, uint32_t pid)
{
	for (uint32_t i = im->n; i-- > 0; )
		if (im->x[i]->pid == pid)
			return im->x[i];
	return NULL;
}

/* ---- the system's view ---------------------------------------------------------- */

int process_watch(uint32_t pid)
{
	return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
}

bool process_exited(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* NAMESPACE is ours: a process of it that is not to be found is gone. */
static bool is_ours(uint64_t namespace)
{
	struct stat st;

	return namespace && stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == namespace;
}

/* Clock ticks since boot at which PID started; 0: not to be had. */
static uint64_t start_of(uint32_t pid)
{
	char path[40], text[1024], *p;
	unsigned long long start = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');         /* the name may hold anything */
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d"
			" %*d %*d %*d %*d %llu", &start) != 1)
		return 0;
	return start;
}

char *process_program(uint32_t pid)
{
	char path[40], *name = malloc(PATH_MAX);
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%u/exe", pid);
	n = name ? readlink(path, name, PATH_MAX - 1) : -1;
	if (n <= 0) {
		free(name);
		return NULL;
	}
	name[n] = '\0';
	return name;
}

bool process_maps_ring(uint32_t pid)
{
	char path[40], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%u/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f))
		found = strstr(line, "/memfd:mp-ring") != NULL;
	fclose(f);
	return found;
}

bool image_gone(const struct image *i)
{
	if (i->pidfd >= 0)
		return process_exited(i->pidfd);
	/* no handle (another namespace, or gone before we looked): its slots tell */
	return true;
}

/* ---- images ------------------------------------------------------------------------ */

static const char *base_name(const char *path, size_t *len)
{
	const char *end = path + *len, *p;

	for (p = end; p > path && p[-1] != '/'; p--)
		;
	*len = (size_t)(end - p);
	return p;
}

static uint32_t architecture(struct mp_tree *t)
{
	struct utsname u;

	return uname(&u) == 0 ? mp_def_cstring(t, u.machine) : 0;
}

/* What the record says of the process, into P; the tree's strings made. */
static void describe(struct images *im, struct mp_process *p, const struct mp_rec_image *r,
		size_t bytes)
{
	const char *exe, *command;
	size_t exe_len = 0, command_len = 0, name_len;
	char text[4096];

	if (bytes >= sizeof *r && sizeof *r + r->exe_len + r->command_len <= bytes) {
		exe_len = r->exe_len;
		command_len = r->command_len;
	}
	exe = (const char *)(r + 1);
	command = exe + exe_len;
	while (command_len && !command[command_len - 1])
		command_len--;
	if (command_len > sizeof text)
		command_len = sizeof text;
	for (size_t i = 0; i < command_len; i++)
		text[i] = command[i] ? command[i] : ' ';
	p->command = mp_def_string(im->tree, text, command_len);
	name_len = exe_len;
	exe = base_name(exe, &name_len);
	p->name = mp_def_string(im->tree, exe, name_len);
	p->page = r->page;
}

static struct image *parent_of(const struct images *im, const struct image *image,
		const struct mp_rec_image *r)
{
	struct image *parent = NULL;

	if (r && r->parent_image)
		parent = images_find(im, r->parent_image);
	if (!parent && r && r->ppid != image->pid)
		parent = by_pid(im, r->ppid);
	return parent;
}

struct image *images_new(struct images *im, uint64_t number, uint32_t pid,
		const struct mp_rec_image *r, size_t bytes, uint64_t time)
{
	struct image *i = calloc(1, sizeof *i), *parent;
	struct image *older = by_pid(im, pid);
	struct mp_process p = { .pid = pid, .start = time / 1000000 };

	if (!i)
		return NULL;
	if (im->n == im->room) {
		uint32_t room = im->room ? im->room * 2 : 16;
		struct image **x = realloc(im->x, room * sizeof *x);

		if (!x) {
			free(i);
			return NULL;
		}
		im->x = x;
		im->room = room;
	}
	*i = (struct image){ .number = number, .pid = pid, .index = im->n, .pidfd = -1,
			.status_fd = -1, .idle_since = time | 1 };
	parent = parent_of(im, i, r);
	if (older && !older->ended) {
		i->before = older;
		older->overtaken_at = time | 1;
	}
	p.arch = architecture(im->tree);
	if (r) {
		describe(im, &p, r, bytes);
		i->start = r->start;
	}
	if (parent)
		p.parent = parent->memory.process;
	else if (older)
		p.parent = im->tree->process.x[older->memory.process].parent;
	i->memory.process = mp_def_process(im->tree, &p);
	i->stacks = stacks_new(im->tree, im->symboliser);
	i->chunk_seen = calloc(im->chunks / 64 + 1, sizeof *i->chunk_seen);
	if (!i->stacks || !i->chunk_seen || !i->memory.process) {
		image_close(i);
		free(i);
		return NULL;
	}
	stacks_process(i->stacks, i->memory.process);
	if (r)
		stacks_image(i->stacks, r, bytes);
	i->pidfd = process_watch(pid);
	/* another process of that number, or of another namespace */
	if (i->pidfd >= 0 && i->start && start_of(pid) && start_of(pid) != i->start) {
		close(i->pidfd);
		i->pidfd = -1;
		errno = ESRCH;
	}
	i->over = i->pidfd < 0 && errno == ESRCH && r && is_ours(r->pid_namespace);
	im->x[im->n++] = i;
	im->live++;
	return i;
}

void images_count(struct images *im, const struct image *i)
{
	struct stacks_counts c = stacks_counts(i->stacks);

	im->counts.stacks += c.stacks;
	im->counts.unjoined += c.unjoined;
	im->counts.cut += c.cut;
	im->counts.torn += c.torn;
	im->counts.libgcc += c.libgcc;
	im->counts.no_code += c.no_code;
	im->counts.no_module += c.no_module;
	im->counts.bad += c.bad;
}

void image_close(struct image *i)
{
	if (i->pidfd >= 0)
		close(i->pidfd);
	if (i->status_fd >= 0)
		close(i->status_fd);
	i->pidfd = i->status_fd = -1;
	if (i->stacks)
		stacks_free(i->stacks);
	i->stacks = NULL;
	free(i->became);
	i->became = NULL;
	free(i->thread);
	i->thread = NULL;
	i->threads = i->thread_room = 0;
	free(i->chunk_seen);
	i->chunk_seen = NULL;
	free(i->memory.blocks.x);
	free(i->memory.maps.range);
	free(i->memory.maps.map);
	free(i->memory.maps.free);
	memset(&i->memory.blocks, 0, sizeof i->memory.blocks);
	memset(&i->memory.maps, 0, sizeof i->memory.maps);
}

void image_touched(struct image *i, uint32_t chunk)
{
	uint64_t bit = 1ull << (chunk % 64);

	if (!i->chunk_seen || i->chunk_seen[chunk / 64] & bit)
		return;
	i->chunk_seen[chunk / 64] |= bit;
	i->chunks_touched++;
}

/* ---- threads ------------------------------------------------------------------------- */

/* "main" for the first, its own name if it has one, else its number in the
 * order of appearance: names that mean the same in the next run. */
static uint32_t name_of(struct images *im, struct image *i, uint32_t tid, uint32_t name)
{
	char text[32];

	if (tid == i->pid)
		return mp_def_cstring(im->tree, "main");
	i->ordinal++;
	if (name)
		return name;
	snprintf(text, sizeof text, "thread-%u", i->ordinal);
	return mp_def_cstring(im->tree, text);
}

static struct thread_id *find_thread(const struct image *i, uint32_t tid)
{
	for (uint32_t k = i->threads; k-- > 0; )
		if (i->thread[k].tid == tid)
			return &i->thread[k];
	return NULL;
}

uint32_t image_thread(struct images *im, struct image *i, uint32_t tid, bool fresh,
		uint32_t name, uint64_t time)
{
	struct thread_id *t = find_thread(i, tid);
	struct mp_thread def = { .process = i->memory.process, .tid = tid,
			.start = time / 1000000 };

	if (t && !fresh)
		return t->id;
	if (!t && i->threads == i->thread_room) {
		uint32_t room = i->thread_room ? i->thread_room * 2 : 8;
		struct thread_id *x = realloc(i->thread, room * sizeof *x);

		if (!x)
			return 0;
		i->thread = x;
		i->thread_room = room;
	}
	if (!t)
		t = &i->thread[i->threads++];
	def.name = name_of(im, i, tid, name);
	t->tid = tid;
	t->id = mp_def_thread(im->tree, &def);
	return t->id;
}

void image_thread_gone(struct image *i, uint32_t tid)
{
	struct thread_id *t = find_thread(i, tid);

	if (t)
		*t = i->thread[--i->threads];
}

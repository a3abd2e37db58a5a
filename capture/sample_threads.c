/* sample_threads.c - see sample_threads.h. */
#include "sample_proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_INTERPRETERS = 1024, MOST_STATES = 1 << 16, GIL_BYTES = PYTHON_GIL_ROOM, TRIES = 4 };

static bool same_namespace(pid_t pid)
{
	char ours[64] = "", its[64] = "", path[64];
	ssize_t n = readlink("/proc/self/ns/pid", ours, sizeof ours - 1), m;

	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	m = readlink(path, its, sizeof its - 1);
	return n <= 0 || m <= 0 || strcmp(ours, its) == 0;
}

/* Of a thread state, all that is asked for. */
static size_t state_bytes(const struct python_offsets *o)
{
	const int field[] = { o->thread_native, o->thread_top, o->thread_frame, o->thread_next };
	int last = o->thread_id;

	for (size_t i = 0; i < sizeof field / sizeof *field; i++)
		if (field[i] > last)
			last = field[i];
	return (size_t)last + 8;
}

void threads_image(struct threads *t, const struct interpreter_image *image)
{
	t->image = *image;
	t->tid_offset = -1;
	t->offset_tries = 0;
	t->interpreters = t->states = 0;
	t->built = false;
	t->state_bytes = image->readable ? state_bytes(&image->offsets) : 0;
}

void threads_init(struct threads *t, pid_t pid, const struct interpreter_image *image)
{
	memset(t, 0, sizeof *t);
	t->pid = pid;
	t->other_namespace = !same_namespace(pid);
	threads_image(t, image);
}

/* ---- the lists, link by link ------------------------------------------------------------ */

static struct py_state *new_state(struct threads *t)
{
	if (t->states == t->state_room) {
		size_t room = t->state_room ? t->state_room * 2 : 16;
		struct py_state *x = realloc(t->state, room * sizeof *x);

		if (!x)
			return NULL;
		t->state = x;
		t->state_room = room;
	}
	return &t->state[t->states++];
}

static struct py_interpreter *new_interpreter(struct threads *t)
{
	if (t->interpreters == t->interpreter_room) {
		size_t room = t->interpreter_room ? t->interpreter_room * 2 : 4;
		struct py_interpreter *x = realloc(t->interpreter, room * sizeof *x);

		if (!x)
			return NULL;
		t->interpreter = x;
		t->interpreter_room = room;
	}
	return &t->interpreter[t->interpreters++];
}

static bool follow_states(struct threads *t, uint64_t interpreter)
{
	const struct python_offsets *o = &t->image.offsets;
	uint64_t at;

	if (!remote_read(t->pid, interpreter + (uint64_t)o->interpreter_threads, &at, sizeof at))
		return false;
	while (at) {
		struct py_state *s = t->states < MOST_STATES ? new_state(t) : NULL;

		if (!s)
			return false;
		*s = (struct py_state){ .address = at,
			.interpreter = (uint32_t)t->interpreters - 1 };
		if (!remote_read(t->pid, at, s->bytes, t->state_bytes))
			return false;
		at = remote_word(s->bytes, o->thread_next);
	}
	return true;
}

static bool follow(struct threads *t)
{
	const struct python_offsets *o = &t->image.offsets;
	uint64_t at;

	t->interpreters = t->states = 0;
	t->built = false;
	if (!remote_read(t->pid, t->image.runtime + (uint64_t)o->runtime_interpreters, &at,
			sizeof at))
		return false;
	while (at) {
		struct py_interpreter *i = t->interpreters < MOST_INTERPRETERS ?
			new_interpreter(t) : NULL;

		if (!i)
			return false;
		*i = (struct py_interpreter){ .address = at };
		if (o->interpreter_gil >= 0)
			i->gil = remote_pointer(t->pid, at + (uint64_t)o->interpreter_gil);
		if (!follow_states(t, at) || !remote_read(t->pid,
				at + (uint64_t)o->interpreter_next, &at, sizeof at))
			return false;
	}
	return true;
}

/* ---- the lists, all at once --------------------------------------------------------------- */

static bool build(struct threads *t)
{
	const struct python_offsets *o = &t->image.offsets;
	struct snapshot *s = &t->table;
	bool good;

	snapshot_clear(s);
	good = snapshot_add(s, t->image.runtime + (uint64_t)o->runtime_interpreters, 8);
	if (o->runtime_current >= 0)
		good = good && snapshot_add(s, t->image.runtime + (uint64_t)o->runtime_current, 8);
	for (size_t i = 0; i < t->interpreters; i++) {
		uint64_t at = t->interpreter[i].address;

		good = good && snapshot_add(s, at + (uint64_t)o->interpreter_next, 8) &&
			snapshot_add(s, at + (uint64_t)o->interpreter_threads, 8);
		if (t->interpreter[i].gil)
			good = good && snapshot_add(s, t->interpreter[i].gil, GIL_BYTES);
	}
	for (size_t i = 0; i < t->states; i++)
		good = good && snapshot_add(s, t->state[i].address, t->state_bytes);
	t->built = good;
	return good;
}

/* Copy the next piece out. */
static uint64_t next_word(struct threads *t, size_t *piece)
{
	return remote_word(t->table.copy[0] + t->table.x[(*piece)++].at, 0);
}

static uint64_t next_holder(struct threads *t, size_t *piece)
{
	const struct python_offsets *o = &t->image.offsets;
	const uint8_t *gil = t->table.copy[0] + t->table.x[(*piece)++].at;

	return remote_int(gil, o->gil_locked) > 0 ? remote_word(gil, o->gil_holder) : 0;
}

/* Whether the lists are still what they were; takes the states and who holds a GIL. */
static bool take(struct threads *t)
{
	const struct python_offsets *o = &t->image.offsets;
	uint64_t current = 0, holder[MOST_INTERPRETERS], first[MOST_INTERPRETERS], next;
	size_t p = 0;

	next = next_word(t, &p);
	if (o->runtime_current >= 0)
		current = next_word(t, &p);
	for (size_t i = 0; i < t->interpreters; i++) {
		if (next != t->interpreter[i].address)
			return false;
		next = next_word(t, &p);
		first[i] = next_word(t, &p);
		holder[i] = t->interpreter[i].gil ? next_holder(t, &p) : current;
	}
	if (next)
		return false;
	for (size_t i = 0, k = 0; i < t->interpreters; i++) {
		for (next = first[i]; next; k++) {
			struct py_state *s = &t->state[k];

			if (k == t->states || s->interpreter != i || s->address != next)
				return false;
			memcpy(s->bytes, t->table.copy[0] + t->table.x[p++].at, t->state_bytes);
			s->holds_gil = s->address == holder[i];
			next = remote_word(s->bytes, o->thread_next);
		}
		if (k < t->states && t->state[k].interpreter == i)
			return false;
	}
	return true;
}

/* ---- which of the kernel's threads a state belongs to --------------------------------------- */

/* Its number in the innermost namespace, which is the process's own. */
static uint32_t inner_number(pid_t pid, uint32_t tid)
{
	int fd = proc_open(pid, tid, "status");
	char text[4096], *p;
	uint32_t number = 0;

	proc_read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	p = strstr(text, "\nNSpid:");
	if (!p)
		return 0;
	for (p += 7; *p == '\t' || *p == ' '; )
		number = (uint32_t)strtoul(p, &p, 10);
	return number;
}

/* Our number of the thread that calls itself NUMBER; 0: there is none. */
static uint32_t our_number(const struct threads *t, uint64_t number)
{
	struct dirent *e;
	uint32_t found = 0;
	char path[64];
	DIR *d;

	if (!number || number > INT32_MAX)
		return 0;
	if (!t->other_namespace)
		return (uint32_t)number;
	snprintf(path, sizeof path, "/proc/%d/task", (int)t->pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		uint32_t tid = (uint32_t)strtoul(e->d_name, NULL, 10);

		if (tid && inner_number(t->pid, tid) == number)
			found = tid;
	}
	if (d)
		closedir(d);
	return found;
}

static bool is_task(const struct threads *t, uint32_t tid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%u", (int)t->pid, tid);
	return tid && access(path, F_OK) == 0;
}

/* To 3.10 a state has the address of its pthread, in which the kernel's number lies at a
 * place the C library chose: where there is one for every state, no two alike. */
static bool offset_fits(const struct threads *t, int offset)
{
	uint32_t last = 0, tid;
	size_t n = 0;

	for (size_t i = 0; i < t->states; i++) {
		uint64_t pthread = remote_word(t->state[i].bytes, t->image.offsets.thread_id);

		if (!pthread)
			continue;
		if (!remote_read(t->pid, pthread + (uint64_t)offset, &tid, sizeof tid) ||
				(n && tid == last) || !is_task(t, our_number(t, tid)))
			return false;
		last = tid;
		n++;
	}
	return n > 0;
}

static uint64_t number_of(struct threads *t, uint64_t pthread)
{
	enum { GLIBC = 720, END = 2048, MOST_TRIES = 16 };      /* glibc 2.4 on, x86-64 */
	bool search = t->tid_offset < 0 && t->offset_tries < MOST_TRIES;
	uint32_t tid = 0;

	if (search && offset_fits(t, GLIBC))
		t->tid_offset = GLIBC;
	for (int at = 0; search && t->tid_offset < 0 && at < END; at += 4)
		if (offset_fits(t, at))
			t->tid_offset = at;
	t->offset_tries += search;
	if (t->tid_offset < 0 || !remote_read(t->pid, pthread + (uint64_t)t->tid_offset, &tid,
			sizeof tid))
		return 0;
	return tid;
}

static void find_thread(struct threads *t, struct py_state *s)
{
	const struct python_offsets *o = &t->image.offsets;
	bool native = o->thread_native >= 0;
	uint64_t number = remote_word(s->bytes, native ? o->thread_native : o->thread_id);

	if (number == s->native && s->thread && !s->thread->gone)
		return;
	s->native = number;
	s->thread = NULL;
	if (number)
		s->thread = os_thread_get(t, our_number(t, native ? number : number_of(t, number)));
}

static bool read_states(struct threads *t)
{
	bool good = !t->image.readable;

	for (unsigned i = 0; i < TRIES && !good; i++) {
		good = (t->built || (follow(t) && build(t))) &&
			snapshot_read(&t->table, t->pid, 1) && take(t);
		t->built = good;
	}
	return good;
}

bool threads_read(struct threads *t)
{
	if (!read_states(t) || (t->all && !threads_list(t)))
		return false;
	for (size_t i = 0; i < t->n; i++)
		t->thread[i]->used = t->all && t->thread[i]->listed;
	for (size_t i = 0; i < t->states; i++) {
		find_thread(t, &t->state[i]);
		if (t->state[i].thread)
			t->state[i].thread->used = true;
	}
	return true;
}

void threads_free(struct threads *t)
{
	while (t->n)
		threads_drop(t, t->thread[0]);
	snapshot_free(&t->table);
	free(t->interpreter);
	free(t->state);
	free(t->thread);
	memset(t, 0, sizeof *t);
}

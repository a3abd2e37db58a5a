/* sample_memory.c - see sample_memory.h. */
#include "sample_memory.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { LARGEST = 16 << 20 };    /* bytes of a copy */

static void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

bool remote_read(pid_t pid, uint64_t address, void *to, size_t n)
{
	struct iovec local = { to, n }, there = { at(address), n };

	return process_vm_readv(pid, &local, 1, &there, 1, 0) == (ssize_t)n;
}

/* What is read is whole elements of the remote list: hence two. */
bool remote_read_some(pid_t pid, uint64_t address, void *to, size_t least, size_t n)
{
	struct iovec local = { to, n };
	struct iovec there[2] = { { at(address), least }, { at(address + least), n - least } };

	return process_vm_readv(pid, &local, 1, there, 2, 0) >= (ssize_t)least;
}

uint64_t remote_pointer(pid_t pid, uint64_t address)
{
	uint64_t value;

	return remote_read(pid, address, &value, sizeof value) ? value : 0;
}

void snapshot_clear(struct snapshot *s)
{
	s->n = s->used = s->hint = 0;
	s->fetched = 0;
}

static bool reserve(struct snapshot *s, size_t size)
{
	size_t space = s->space ? s->space : 4096;

	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct piece *x = realloc(s->x, room * sizeof *x);

		if (!x)
			return false;
		s->x = x;
		s->room = room;
	}
	if (size > LARGEST || s->used + size > LARGEST)
		return false;
	while (space < s->used + size)
		space *= 2;
	for (unsigned i = 0; i < 2 && space > s->space; i++) {
		uint8_t *copy = realloc(s->copy[i], space);

		if (!copy)
			return false;
		s->copy[i] = copy;
	}
	s->space = space;
	return true;
}

bool snapshot_add(struct snapshot *s, uint64_t address, size_t size)
{
	if (!reserve(s, size))
		return false;
	s->x[s->n++] = (struct piece){ address, (uint32_t)size, (uint32_t)s->used };
	s->used += size;
	return true;
}

/* Pieces [FROM,TO) into COPIES copies beginning with copy FIRST. */
static bool read_pieces(struct snapshot *s, pid_t pid, size_t from, size_t to, unsigned first,
		unsigned copies)
{
	struct iovec there[IOV_MAX], local[2];
	size_t n = 0, bytes = s->x[to - 1].at + s->x[to - 1].size - s->x[from].at;

	for (unsigned c = 0; c < copies; c++) {
		local[c] = (struct iovec){ s->copy[first + c] + s->x[from].at, bytes };
		for (size_t i = from; i < to; i++)
			there[n++] = (struct iovec){ at(s->x[i].address), s->x[i].size };
	}
	return process_vm_readv(pid, local, copies, there, n, 0) == (ssize_t)(bytes * copies);
}

static bool read_copies(struct snapshot *s, pid_t pid, unsigned first, unsigned copies)
{
	size_t to;

	if (s->n * copies <= IOV_MAX)
		return !s->n || read_pieces(s, pid, 0, s->n, first, copies);
	for (unsigned c = first; c < first + copies; c++)
		for (size_t from = 0; from < s->n; from = to) {
			to = s->n - from > IOV_MAX ? from + IOV_MAX : s->n;
			if (!read_pieces(s, pid, from, to, c, 1))
				return false;
		}
	return true;
}

bool snapshot_read(struct snapshot *s, pid_t pid, unsigned copies)
{
	return read_copies(s, pid, 0, copies);
}

bool snapshot_again(struct snapshot *s, pid_t pid)
{
	return read_copies(s, pid, 1, 1);
}

static bool holds(const struct piece *p, uint64_t address, size_t size)
{
	return address >= p->address && address - p->address <= p->size &&
		p->size - (address - p->address) >= size;
}

const uint8_t *snapshot_find(struct snapshot *s, unsigned copy, uint64_t address, size_t size)
{
	size_t i = s->hint;

	/* a chain goes on in the same piece or the next one */
	while (i < s->n && !holds(&s->x[i], address, size))
		i++;
	if (i == s->n)
		for (i = 0; i < s->hint && !holds(&s->x[i], address, size); )
			i++;
	if (i == s->n || !holds(&s->x[i], address, size))
		return NULL;
	s->hint = i;
	return s->copy[copy] + s->x[i].at + (address - s->x[i].address);
}

const uint8_t *snapshot_fetch(struct snapshot *s, pid_t pid, uint64_t address, size_t size)
{
	const uint8_t *found = snapshot_find(s, 0, address, size);

	if (found)
		return found;
	if (!snapshot_add(s, address, size))
		return NULL;
	s->fetched++;
	s->hint = s->n - 1;
	if (!read_pieces(s, pid, s->n - 1, s->n, 0, 1)) {
		s->used = s->x[--s->n].at;
		s->hint = 0;
		return NULL;
	}
	return s->copy[0] + s->x[s->n - 1].at;
}

void snapshot_free(struct snapshot *s)
{
	free(s->x);
	free(s->copy[0]);
	free(s->copy[1]);
	memset(s, 0, sizeof *s);
}

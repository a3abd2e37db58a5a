/* maps.c - mappings of every kind, by known numbers of pages: holes, MAP_FIXED
 * over an own mapping, calls that fail, mremap that moves, lands on another
 * mapping and shrinks, a file, a populated mapping, the program break.  Prints what is
 * left: pages of anonymous memory, of a file, of the break. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static void check(int good, int line)
{
	if (!good) {
		fprintf(stderr, "maps: line %d: errno %d\n", line, errno);
		exit(1);
	}
}

__attribute__((noinline))
static char *map(void *where, size_t pages, int flags)
{
	char *p = mmap(where, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	check(p != MAP_FAILED, __LINE__);
	return p;
}

int main(void)
{
	char *a, *b, *c, *now;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	a = map(NULL, 64, 0);
	check(munmap(a + 16 * PAGE, 8 * PAGE) == 0, __LINE__);
	map(a + 32 * PAGE, 4, MAP_FIXED);
	errno = 0;
	check(munmap(a + 1, PAGE) == -1 && errno == EINVAL, __LINE__);
	check(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, __LINE__);
	check(mmap(a, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED &&
	      errno == EBADF, __LINE__);

	b = map(NULL, 10, 0);
	b = mremap(b, 10 * PAGE, 500 * PAGE, MREMAP_MAYMOVE);
	check(b != MAP_FAILED, __LINE__);
	c = map(NULL, 20, 0);
	c = mremap(c, 20 * PAGE, 20 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, b + 100 * PAGE);
	check(c == b + 100 * PAGE, __LINE__);
	check(mremap(c + 1, PAGE, 2 * PAGE, 0) == MAP_FAILED, __LINE__);
	check(mremap(b, 500 * PAGE, 300 * PAGE, 0) == b, __LINE__);

	fd = open("/proc/self/exe", O_RDONLY);
	check(mmap(NULL, 2 * PAGE + 100, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED, __LINE__);

	a = mmap64(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	check(a != MAP_FAILED && munmap(a, 3 * PAGE) == 0, __LINE__);

	now = sbrk(0);
	check(sbrk(5 * PAGE) == now, __LINE__);
	check(brk(now + 9 * PAGE) == 0, __LINE__);
	check(sbrk(-4 * PAGE) == now + 9 * PAGE, __LINE__);
	check(brk((void *)PTRDIFF_MAX) == -1 && errno == ENOMEM, __LINE__);
	printf("pages %d file %d break %d\n", 64 - 8 + 300, 3, 5);
	return 0;
}

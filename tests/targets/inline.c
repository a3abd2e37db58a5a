/* inline.c - calls inlined into calls, for the tests of symbols. */
#include <stdio.h>
#include <stdlib.h>

#define INLINE static inline __attribute__((always_inline))

__attribute__((noinline)) void *make(size_t n)
{
	return malloc(n);
}

INLINE void *inner(size_t n)
{
	return make(n + 1);
}

INLINE void *middle(size_t n)
{
	void *p = inner(2 * n);

	return p ? p : inner(n);
}

__attribute__((noinline)) void *outer(size_t n)
{
	return middle(n);
}

int main(int argc, char **argv)
{
	void *p = outer((size_t)argc);

	(void)argv;
	printf("%d\n", p != NULL);
	free(p);
	return 0;
}

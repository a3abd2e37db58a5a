/* dying.c - children one after the other, whose memory takes the kernel a while to free
 * when they end: a sampler meets them on the way.
 *
 * Operands: how many, MiB of each.  Each one's end is waited for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1, ended = 0;
	size_t size = (size_t)(argc > 2 ? strtol(argv[2], NULL, 10) : 1) << 20;

	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				_exit(1);
			madvise(p, size, MADV_NOHUGEPAGE);
			memset(p, 1, size);
			_exit(0);
		}
		ended += waitpid(pid, NULL, 0) == pid;
	}
	printf("%ld\n", ended);
	return 0;
}

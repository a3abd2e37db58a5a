/* sample_other.h - a second interpreter in the process of a sampler: its frames are inside
 * of the first one's in the threads that both have.
 */
#ifndef MP_SAMPLE_OTHER_H
#define MP_SAMPLE_OTHER_H

#include "sample_code.h"
#include "sample_find.h"
#include "sample_stack.h"
#include "sample_threads.h"

struct sample_other {
	struct interpreter_image image;
	struct threads threads;         /* its states; whose threads are the sampler's, too */
	struct stack_reader reader;
	struct codes codes;
};

/* Another interpreter of PID than FIRST; NULL: there is none that can be read, or no memory. */
struct sample_other *other_find(pid_t, const struct interpreter_image *first,
		struct mp_tree *tree);
/* Its threads, as those of the sampler's: used, and who holds its lock.  False: it is gone,
 * or they cannot be told. */
bool other_read(struct sample_other *, struct threads *all);
/* The frames it has on T's stack; NULL: they cannot be told. */
const struct chain *other_chain(struct sample_other *, const struct os_thread *t, bool *stable);
void other_free(struct sample_other *);

#endif

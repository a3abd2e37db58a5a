/* sample_find.h - where in a process its CPython lies and which one it is.
 *
 * Told from the files it has mapped and from its memory; none of them is ever run.
 */
#ifndef MP_SAMPLE_FIND_H
#define MP_SAMPLE_FIND_H

#include "python_debug.h"

#include <sys/types.h>

struct interpreter_image {
	uint64_t file;                  /* hash of the name of the file it is in */
	uint64_t runtime;               /* address of _PyRuntime; 0: there is none */
	uint64_t size;
	uint64_t version_at;            /* address of Py_Version, 0: it has none */
	uint64_t eval;                  /* of _PyEval_EvalFrameDefault, 0: not told */
	bool readable;                  /* of a version that can be read */
	struct python_offsets offsets;
	unsigned minor;
};

/* 0, or an errno: the process's memory or the list of its mappings cannot be read.
 * What was found is in *IMAGE; WHY gets why there is nothing to sample. */
int sample_find(pid_t, struct interpreter_image *, char *why, size_t room);
/* One in another file than FIRST's, of a version that can be read.  False: there is none. */
bool sample_find_other(pid_t, const struct interpreter_image *first, struct interpreter_image *);

#endif

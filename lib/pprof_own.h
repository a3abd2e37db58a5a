/* pprof_own.h - the inside of the pprof writer: what is used so far, and how a
 * message goes out.  Invariant: a pprof id is given out once, in order of first
 * use, so equal profiles give equal bytes.
 */
#ifndef MP_PPROF_OWN_H
#define MP_PPROF_OWN_H

#include <zlib.h>

#include "pprof_write.h"

#include "bytes.h"
#include "group.h"
#include "pprof.h"
#include "text.h"

struct pprof_module {
	uint64_t base, from, to;        /* 0: several, or not known */
	bool used, mapped, functions, files, lines, inlines;
};

struct pprof_out {
	struct mp_profile *p;
	const struct mp_pprof *how;
	struct mp_tree *names;          /* its strings and codes: strings and functions */
	struct mp_buf message, text;
	uint32_t *id, locations;        /* location of the tree -> pprof's id; used so far */
	mp_node *node;                  /* pprof's id -> a node there */
	struct pprof_module *module;
	struct mp_frame *frame;         /* of the location at hand */
	size_t frame_room;
	mp_node none[2];                /* stand for no stack, and for one not shown */
	uint64_t *value, *stack;        /* of the sample at hand */
	size_t room;
	z_stream z;
	FILE *file;
};

/* A message in a buffer of ROOM bytes; full when memory is out. */
struct mp_pb mp_pprof_message(struct pprof_out *, size_t room);
/* The message as field FIELD of the profile. */
void mp_pprof_put(struct pprof_out *, unsigned field, const struct mp_pb *);
/* S in the string table: control bytes and what is no UTF-8 as \xNN. */
uint32_t mp_pprof_string(struct pprof_out *, const char *s);

/* pprof_place.c: locations used by samples, and what these refer to */
void mp_pprof_bases(struct pprof_out *);
bool mp_pprof_places(struct pprof_out *);

#endif

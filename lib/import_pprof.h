/* import_pprof.h - inside the reader of pprof's profile.proto: what its fields refer
 * to (import_pprof_place.c), and its samples (import_pprof.c).
 * Invariant: what is in a table has been checked, references included.
 */
#ifndef MP_IMPORT_PPROF_H
#define MP_IMPORT_PPROF_H

#include "feed.h"
#include "pprof.h"
#include "profile.h"

/* What has an id: a function, a mapping, a location. */
struct pprof_entry {
	uint64_t id;
	union {
		struct { uint32_t name, file, first; } function;
		struct { uint32_t module; uint64_t start, offset; } mapping;
		struct { size_t at, n; } location;      /* in frame[] */
	};
};
struct pprof_table { struct pprof_entry *x; size_t n, room; };
struct pprof_numbers { uint64_t *x; size_t n, room; };

struct pprof_place { const struct pprof_entry *function; uint32_t line; };
struct pprof_type { uint32_t type, unit; };     /* strings */

struct pprof_in {
	struct mp_feed feed;
	struct mp_profile *p;
	struct mp_pb_in all, field;     /* the message; from its field at hand on */
	uint32_t *string;               /* number in the file -> id */
	size_t strings, string_room;
	struct pprof_table function, mapping, location;
	uint32_t *frame;                /* locations of the tree, outermost first */
	size_t frames, frame_room;
	struct pprof_place *place;      /* of the location at hand, innermost first */
	uint32_t *line;                 /* the same */
	size_t places, place_room, line_room;
	struct pprof_type *type;        /* of samples */
	size_t types, type_room;
	int *column;                    /* by type */
	struct pprof_numbers stack, value;      /* of the sample at hand */
	int64_t *row;                   /* its values by column */
	struct mp_told *told;           /* comments */
	size_t n_told, told_room;
	struct pprof_type period_type;
	uint64_t period;
};

/* "NAME: byte B: WHAT", of the field at hand; NULL: the profile knows, or memory is
 * out.  -1. */
int mp_pprof_in_fail(struct pprof_in *, const char *what);
/* Room for entry N of *ARRAY. */
bool mp_pprof_in_room(struct pprof_in *, void *array, size_t *room, size_t n, size_t size);
/* FN for each field of that number of the whole that is a message or a string. */
typedef int mp_pprof_in_fn(struct pprof_in *, const struct mp_pb_field *);
int mp_pprof_in_each(struct pprof_in *, unsigned number, mp_pprof_in_fn *);
/* The string of that number. */
int mp_pprof_in_string(struct pprof_in *, uint64_t number, uint32_t *id);
const struct pprof_entry *mp_pprof_in_find(const struct pprof_table *, uint64_t id);
/* Strings, functions, mappings, locations. */
int mp_pprof_in_places(struct pprof_in *);

#endif

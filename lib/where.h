/* where.h - what is meant of a trace or profile: conditions on processes, threads,
 * frames, sizes, kinds and lifetimes, and which entries of a tree meet them.
 *
 * A condition has alternatives, one of which is enough; all conditions must be met.
 * What has nothing that a condition asks about (a sample has no size) does not meet it.
 */
#ifndef MP_WHERE_H
#define MP_WHERE_H

#include "profile.h"

enum mp_where_text {
	MP_WHERE_PROCESS,       /* a name */
	MP_WHERE_THREAD,        /* a name, or the number of a thread */
	MP_WHERE_KIND,          /* an allocator, or heap, object, map, file, arena, runtime */
	MP_WHERE_FUNCTION,      /* from here on POSIX extended regular expressions */
	MP_WHERE_FILE,
	MP_WHERE_MODULE,
	MP_WHERE_TEXTS,
};
enum mp_where_number { MP_WHERE_PID, MP_WHERE_SIZE, MP_WHERE_LIFETIME, MP_WHERE_NUMBERS };

struct mp_span { uint64_t least, most; };
struct mp_spans { struct mp_span *x; size_t n; };
struct mp_names { const char **x; size_t n; };
struct mp_regexes { void **x; size_t n; };      /* regex_t */

struct mp_where {
	bool drop;              /* meant is what does not meet the conditions */
	bool self;              /* frames: only the innermost one shown */
	struct mp_query window; /* of time; not turned round by DROP */
	struct mp_names name[2];        /* MP_WHERE_PROCESS, MP_WHERE_THREAD */
	struct mp_spans number[MP_WHERE_NUMBERS];
	struct mp_regexes frame[3];     /* MP_WHERE_FUNCTION and on */
	uint64_t kinds;         /* bit per enum mp_alloc; 0: any */
	char error[160];
};

/* One more alternative.  TEXT is not copied.  -1: ERROR says what is wrong with it; nothing
 * if memory is out. */
int mp_where_text(struct mp_where *, enum mp_where_text, const char *text);
int mp_where_span(struct mp_where *, enum mp_where_number, uint64_t least, uint64_t most);
bool mp_where_any(const struct mp_where *);     /* there is a condition */
/* Whether it takes names that may come late in a trace. */
bool mp_where_late(const struct mp_where *);
bool mp_in_spans(const struct mp_spans *, uint64_t value);      /* none: any */
void mp_where_free(struct mp_where *);  /* what it points to */

/* The conditions on the numbers of one tree, each answer kept.  Names of the tree
 * must not change any more if mp_where_late(). */
struct mp_choice;
struct mp_choice *mp_choice_new(const struct mp_where *, const struct mp_tree *);
void mp_choice_free(struct mp_choice *);
/* Whether an allocation of SITE by THREAD is meant; ALIVE: its lifetime fits. */
bool mp_choose(struct mp_choice *, uint32_t site, uint32_t thread, bool alive);
bool mp_choose_sample(struct mp_choice *, uint32_t process, uint32_t thread, uint32_t node);
/* A record of a process as a whole: only if its name and pid alone rule it out it is
 * not meant. */
bool mp_choose_process(struct mp_choice *, uint32_t process);
bool mp_choose_row(struct mp_choice *, const struct mp_ids *);
bool mp_choice_failed(const struct mp_choice *);        /* memory ran out */

#endif

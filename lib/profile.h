/* profile.h - the inside of a profile, for the files of lib/ that fill, sort
 * and write one.  Invariant: no two rows have the same key.
 */
#ifndef MP_PROFILE_H
#define MP_PROFILE_H

#include "tree.h"

/* A key in ids of the profile's own tree. */
struct mp_ids {
	uint32_t node, process, thread, kind, type, pid, tid;
};

struct mp_pair_of_strings {
	char *key, *value;
};
struct mp_told {                /* the same, another's */
	const char *key, *value;
};

struct mp_profile {
	struct mp_tree *tree;
	struct mp_column *column; /* names in the tree's arena */
	size_t columns;
	struct mp_ids *key;
	int64_t *value;  /* rows * columns */
	__int128 *total; /* per summed column */
	size_t rows, room;
	uint32_t *slot, mask; /* hash of a key -> row + 1; NULL: to be rebuilt */
	uint32_t *next;       /* row -> row + 1 of the same slot */
	struct mp_pair_of_strings *meta; /* by key */
	size_t n_meta;
	struct mp_loss loss;
	char error[256];
};

/* Set the error, if there is none yet; -1. */
int mp_profile_fail(struct mp_profile *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int mp_add_ids(struct mp_profile *, const struct mp_ids *, const int64_t *value);
uint32_t mp_find_ids(const struct mp_profile *, const struct mp_ids *); /* row + 1, 0: none */
/* The column equal to C, made if new; -1 and an error if it would mix views. */
int mp_profile_column(struct mp_profile *, const struct mp_column *c);
int mp_rename_column(struct mp_profile *, int column, const char *name);
/* Metadata as sorted sets joined by "; ": of N pairs, of one. */
int mp_profile_union(struct mp_profile *, const struct mp_told *, size_t n);
int mp_profile_union_meta(struct mp_profile *, const char *key, const char *value);
/* Two profiles' metadata meet: PEAKS is how many peaks are added up now. */
unsigned long mp_profile_peaks(const struct mp_profile *);
int mp_profile_set_peaks(struct mp_profile *, unsigned long peaks);
/* Drop the rows KEEP[i] is false for. */
void mp_profile_compact(struct mp_profile *, const bool *keep);
/* The labels KEEP names; others become absent. */
void mp_ids_keep(struct mp_ids *, unsigned keep);

#endif

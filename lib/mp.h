/* mp.h - read, write and aggregate memory traces and profiles.
 *
 * A stream is one or more parts; a part is a trace (events in time order) or
 * a profile (rows: a stack and labels with named values).  Both live in one
 * container; formats/mp.md describes its bytes, formats/text.md its text twin.
 * The library never prints, never exits and has no global state.
 *
 * Errors stick.  Once a call on a handle fails, every later call on it fails
 * and the closing call returns -1, so a plain loop cannot mistake damage for
 * the end.  mp_error() is one line: file, byte offset, cause.
 *
 * A node, line or site number means nothing without the tree that issued it,
 * so a call that takes one from elsewhere takes its tree as well.
 *
 * From the simplest to the hardest: mp_open, mp_load, mp_row (a table in
 * twenty lines); mp_next (events one by one); mp_next_block (decoded columns).
 */
#ifndef MP_H
#define MP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define MP_USE_RESULT __attribute__((warn_unused_result))

/* ---- stacks: one interned call tree per part or profile ------------------- */

typedef uint32_t mp_node;       /* a node of a call tree; 0: no stack (the root's parent) */

enum {
	MP_FRAME_NATIVE = 1,
	MP_FRAME_PYTHON = 2,
	MP_FRAME_INLINED = 4,   /* inlined into the frame that follows it outward */
	MP_FRAME_UNRESOLVED = 8,/* native, and no name known */
	MP_FRAME_NOTE = 16,     /* not a frame but a marker: [deeper], [rest], [lost] */
};

struct mp_frame {
	const char *func;       /* never NULL; "0x…" while unresolved */
	const char *file;       /* "" if unknown */
	const char *module;     /* path; "" if unknown or not native */
	const char *build_id;   /* hex; "" if unknown or not native */
	uint64_t offset;        /* native: offset in the module, else 0 */
	uint32_t line;          /* 0 if unknown */
	uint32_t flags;         /* MP_FRAME_* */
};

struct mp_tree;
mp_node mp_parent(const struct mp_tree *, mp_node);
/* Frames of one node, innermost (inlined) first.  Returns how many there are
 * (at least 1 for a node other than 0) and fills at most MAX.  The strings
 * live as long as the tree. */
size_t mp_frames(const struct mp_tree *, mp_node, struct mp_frame *frame, size_t max);
/* The child of PARENT for FRAME, made if new; 0 when memory is out.  FRAME's
 * flags tell its language; a frame pushed on its own is never inlined. */
mp_node mp_push(struct mp_tree *, mp_node parent, const struct mp_frame *);
uint32_t mp_nodes(const struct mp_tree *);      /* highest node number */

/* ---- reading ----------------------------------------------------------------
 * Kind, binary or text, compressed or not: all told from the first bytes. */

enum mp_kind { MP_TRACE = 1, MP_PROFILE = 2 };

struct mp_reader;
/* PATH "-": stdin.  NULL only when memory is out; any other failure sticks to
 * the handle returned. */
struct mp_reader *mp_open(const char *path);
struct mp_reader *mp_open_mem(const void *data, size_t size);   /* not copied */
/* The next part: 1, 0 at the end of the stream, -1 on error.  Must be called
 * before anything of a part is read; what is left of the part before is
 * skipped.  Kind, metadata and tree are per part and freed by the next call. */
int mp_next_part(struct mp_reader *) MP_USE_RESULT;
enum mp_kind mp_kind(const struct mp_reader *);
const char *mp_meta(const struct mp_reader *, const char *key); /* NULL if absent */
/* The I-th key and value of the part's metadata; false past the last. */
bool mp_meta_at(const struct mp_reader *, size_t i, const char **key, const char **value);
const struct mp_tree *mp_tree(const struct mp_reader *);

/* What is missing from a part or profile.  It travels: every program adds its
 * input's to its output's, and every sink prints it. */
struct mp_loss {
	uint64_t lost_events, lost_bytes;
	uint64_t damaged_blocks;
	uint64_t truncated;     /* parts without an end mark */
	uint64_t sample_interval;       /* bytes; 0: every event was recorded */
};
struct mp_loss mp_loss(const struct mp_reader *);       /* of all parts so far */
void mp_add_loss(struct mp_loss *into, const struct mp_loss *from);

/* First damage found, as mp_error() words it, or NULL.  Damage in a trace does
 * not end the reading (the rest is read); damage in a profile is an error. */
const char *mp_damage(const struct mp_reader *);
const char *mp_error(const struct mp_reader *);  /* NULL if none */
int mp_close(struct mp_reader *) MP_USE_RESULT;  /* -1 if anything ever failed */

/* ---- events one by one ------------------------------------------------------ */

enum mp_op {
	MP_OP_ALLOC = 1,
	MP_OP_FREE,
	MP_OP_PROCEND,          /* a process image ended: its live blocks leave the sum */
	MP_OP_SAMPLE,
	MP_OP_SERIES,
	MP_OP_MARK,
	MP_OP_BASE,             /* a block live before the window of a filtered trace */
};

struct mp_event {
	enum mp_op op;
	uint64_t time;          /* ns since the part began */
	uint32_t process;       /* ids into the tree */
	uint32_t thread;
	/* ALLOC, FREE, BASE */
	uint64_t block;         /* number of the allocation, unique in the part, from 1;
	                         * of a FREE: of the one it ends, 0 = not in this stream */
	uint32_t site;          /* of a FREE: of its allocation, 0 = unknown */
	uint64_t size;
	mp_node node;
	uint32_t kind;          /* enum mp_alloc */
	uint32_t type;          /* string id of a type name, 0 = unknown */
	uint32_t replace;       /* enum mp_replace, 0 = a plain event */
	uint64_t replace_number;/* the same on both events of a replacement */
	/* SAMPLE: node, weight (ns), state, rss.  SERIES, MARK: name, value.
	 * ALLOC, FREE, BASE: weight = blocks it stands for, 1 unless sampled (on writing
	 * 0 is 1, and more needs mp_put_loss of a sample_interval before it) */
	uint64_t weight, rss;
	uint32_t state;         /* MP_STATE_ bits */
	const char *name;
	int64_t value;
};

/* 1 an event, 0 the end of the part, -1 an error. */
int mp_next(struct mp_reader *, struct mp_event *) MP_USE_RESULT;

/* ---- decoded columns --------------------------------------------------------
 * Columns not wanted are checksummed but not decompressed. */

enum {
	MP_WANT_OP = 1, MP_WANT_SITE = 2, MP_WANT_FREES = 4,    /* back, old, new */
	MP_WANT_THREAD = 8, MP_WANT_TIME = 16, MP_WANT_OUTSIDE = 32, MP_WANT_REPLACE = 64,
	MP_WANT_OTHER = 128,    /* samples, series, marks */
	MP_WANT_ALL = 255,
};

struct mp_run { uint32_t length; uint64_t value; };
struct mp_pair { uint32_t position; uint64_t value; };  /* position: event index in the block */

struct mp_block {
	enum mp_block_kind kind;
	uint32_t flags, sequence, n;
	uint64_t first_time, last_time;         /* ns */
	uint64_t before;                        /* records before it in the part */
	uint64_t live_bytes, live_blocks;       /* at its start, by weight */
	uint64_t max_live;                      /* inside, start included */
	uint32_t position;                      /* events applied when max_live is first reached */
	uint32_t slots;                         /* high-water mark of slots after the block */
	uint64_t lost_events, lost_bytes, interval;
	bool resync;            /* first block after damage: live_* correct the totals */
	/* EVENTS.  Every index and slot is in range: site[i] < n_sites,
	 * 1 <= sites[i] <= the tree's last, back[i] <= allocations before it,
	 * old[i] < slots, new_[i] < slots. */
	uint32_t n_alloc, n_free, n_sites, n_old, n_new;
	const uint8_t *op;      /* bitmap, padded with 8 zero bytes */
	const uint16_t *site;   /* per allocation */
	const uint32_t *sites;
	const uint16_t *back;   /* per free */
	const uint32_t *old, *new_;
	const uint8_t *gone;    /* per allocation, with MP_WANT_FREES: 1 = it ended in this block;
				 * the i-th 0 takes the i-th slot of (non-zero old[], new_[]);
				 * padded with 8 bytes of 1 */
	const struct mp_run *thread, *time;     /* time in ns; run lengths sum to n */
	uint32_t n_thread, n_time;              /* n_thread 0: all of thread 1 */
	const struct mp_pair *outside, *replace, *procend;
	uint32_t n_outside, n_replace, n_procend;
	/* SAMPLES, SERIES, MARKS: n values each, NULL where absent (all 0) */
	const uint64_t *s_time, *s_thread, *s_node, *s_weight, *s_state, *s_rss;
	const uint64_t *s_process, *s_name;
	const int64_t *s_value;
	/* ROWS: labels NULL where absent; values[column][row] */
	const uint64_t *r_node, *r_process, *r_thread, *r_kind, *r_type, *r_pid, *r_tid;
	const int64_t *const *values;
	uint32_t n_values;
	/* CHECKPOINT (only after damage, else skipped) and BASE */
	const uint64_t *c_slot, *c_site, *c_left_site, *c_left_thread, *c_left_count, *c_done;
	const struct mp_run *c_thread;
	uint32_t n_c_thread, n_left, n_done;
};

/* 1 a block, 0 the end of the part, -1 an error.  HEAD and END blocks are not
 * handed out.  *BLOCK is valid until the next call. */
int mp_next_block(struct mp_reader *, unsigned want, const struct mp_block **block) MP_USE_RESULT;

/* ---- writing ----------------------------------------------------------------- */

enum mp_form {
	MP_BINARY, MP_TEXT, MP_JSON,
	MP_JSON_SITES,          /* JSON with one line in place of every stack */
};

struct mp_writer;
/* PATH "-": stdout.  LEVEL: zstd's, 0 = stored, -1 = 1 for a regular file and 0
 * otherwise (binary only).  Failures stick; NULL only when memory is out. */
struct mp_writer *mp_create(const char *path, enum mp_form, int level);
/* Begin a part.  Metadata and columns are taken before its first event or row. */
int mp_begin(struct mp_writer *, enum mp_kind);
int mp_put_meta(struct mp_writer *, const char *key, const char *value);
/* An event whose numbers are TREE's.  Allocations are numbered by e->block. */
int mp_put_event(struct mp_writer *, const struct mp_tree *tree, const struct mp_event *e);
int mp_put_loss(struct mp_writer *, const struct mp_loss *);
/* Copy the reader's current part; where both forms are binary undecoded, and bytes
 * as they are unless a level was given to mp_create, or they are stored and the
 * output is compressed.  A truncated part stays truncated, damage is passed on. */
int mp_copy_part(struct mp_writer *, struct mp_reader *) MP_USE_RESULT;
const char *mp_writer_error(const struct mp_writer *);
int mp_end(struct mp_writer *);                 /* end mark of the part */
int mp_finish(struct mp_writer *) MP_USE_RESULT;/* flush, close, free */

/* ---- profiles: rows of named signed values ----------------------------------- */

struct mp_column {
	const char *name;       /* "bytes" */
	const char *unit;       /* "B", "count", "ns" */
	const char *view;       /* "live", "peak", "total", "temporary", "samples", "diff" */
	enum mp_combine combine;/* how values of equal rows combine */
};

struct mp_key {                 /* what a row is about; labels "" or 0 where absent */
	mp_node node;
	const char *process, *thread;   /* names */
	uint32_t kind;                  /* enum mp_alloc */
	const char *type;
	uint32_t pid, tid;              /* only with MP_KEEP_PID, MP_KEEP_TID */
};

struct mp_row {
	struct mp_key key;
	const int64_t *value;           /* one per column */
};

struct mp_profile;
struct mp_profile *mp_profile_new(const struct mp_column *, size_t n);
void mp_profile_free(struct mp_profile *);
struct mp_tree *mp_profile_tree(struct mp_profile *);
const struct mp_column *mp_columns(const struct mp_profile *, size_t *n);
int mp_column_index(const struct mp_profile *, const char *name);       /* -1: none */
/* Add VALUE to the row KEY, whose node is of TREE (NULL: of the profile's own).
 * -1: out of memory or a value over 63 bits (mp_profile_error). */
int mp_add(struct mp_profile *, const struct mp_tree *tree, const struct mp_key *,
		const int64_t *value);
/* INTO += FACTOR * FROM, with the union of their columns. */
int mp_merge(struct mp_profile *into, struct mp_profile *from, int factor) MP_USE_RESULT;
/* Rows by |value of COLUMN|, largest first, then by their frames: a total order. */
void mp_sort(struct mp_profile *, int column);
/* Fold rows whose |value| of COLUMN is below LEAST into one row [rest]. */
int mp_fold_below(struct mp_profile *, int column, int64_t least) MP_USE_RESULT;
size_t mp_rows(const struct mp_profile *);
struct mp_row mp_row(const struct mp_profile *, size_t i);
int64_t mp_total(const struct mp_profile *, int column);
const char *mp_profile_meta(const struct mp_profile *, const char *key);
int mp_profile_set_meta(struct mp_profile *, const char *key, const char *value);
struct mp_loss *mp_profile_loss(struct mp_profile *);
const char *mp_profile_error(const struct mp_profile *);        /* NULL if none */
/* Write it as a part of its own, rows in the order of mp_sort(p, 0). */
int mp_put_profile(struct mp_writer *, struct mp_profile *) MP_USE_RESULT;

/* ---- views: a trace seen as a profile ----------------------------------------- */

enum mp_view {
	MP_VIEW_DEFAULT,        /* peak if the trace holds allocations, else samples */
	MP_VIEW_LIVE,           /* not freed at the end (see formats/mp.md, meaning) */
	MP_VIEW_PEAK,           /* live when the sum of live bytes was first highest */
	MP_VIEW_TOTAL,          /* every allocation */
	MP_VIEW_TEMPORARY,      /* freed within N allocations of the same thread, or a time */
	MP_VIEW_SAMPLES,
};

enum {
	MP_KEEP_PROCESS = 1, MP_KEEP_THREAD = 2, MP_KEEP_KIND = 4, MP_KEEP_TYPE = 8,
	MP_KEEP_PID = 16, MP_KEEP_TID = 32,
	MP_KEEP_DEFAULT = 15,
};

#define MP_NONE_BETWEEN UINT32_MAX      /* for mp_query.temporary: N is 0 */

struct mp_query {
	enum mp_view view;
	unsigned keep;          /* labels kept: MP_KEEP_* */
	uint64_t from, to;      /* window, ns since the part began; to = 0: the end */
	/* Not NULL: it begins or ends at a mark of this name instead: at the part's
	 * nth; nth = 0: at its first, and at the first behind the beginning. */
	const char *from_mark, *to_mark;
	uint32_t from_nth, to_nth;
	uint32_t temporary;     /* N of MP_VIEW_TEMPORARY; 0 = 1 */
	uint64_t temporary_ns;  /* not 0: freed within this time instead, by any thread */
	bool each_process;      /* every process at its own peak */
	bool at_exit;           /* live: ignore the finalize mark of an interpreter */
	bool idle;              /* samples: idle ones, too */
	struct mp_growth *growth;       /* not NULL: traces by what grows in them (growth.h) */
	struct mp_watch *watch;         /* not NULL: told while it is read (follow.h); the
					 * default view is live, not peak */
};

/* Load what is left of the stream: profiles as they are (QUERY's keep applied),
 * traces seen through QUERY, parts added.  NULL only when memory is out; other
 * failures are the reader's (mp_error) or the profile's (mp_profile_error). */
struct mp_profile *mp_load(struct mp_reader *, const struct mp_query *);
/* Only the part begun by mp_next_part; what is missing is mp_loss()'s to say. */
struct mp_profile *mp_load_part(struct mp_reader *, const struct mp_query *);

/* ---- grouping ------------------------------------------------------------------ */

enum mp_by {
	MP_BY_STACK, MP_BY_LINE, MP_BY_FUNCTION, MP_BY_FILE, MP_BY_MODULE,
	MP_BY_THREAD, MP_BY_PROCESS, MP_BY_KIND, MP_BY_TYPE,
};
enum mp_show { MP_SHOW_DEFAULT, MP_SHOW_PYTHON, MP_SHOW_NATIVE, MP_SHOW_ALL };

/* The frames of NODE that SHOW asks for, innermost first; by default Python's
 * where the stack has any, else all.  Returns how many, fills at most MAX. */
size_t mp_shown(const struct mp_tree *, mp_node, enum mp_show, struct mp_frame *, size_t max);

struct mp_group {
	char *name;                     /* "func (file:line)", a thread's name, … */
	int64_t *self, *total;          /* one per column of the profile */
};
struct mp_groups { struct mp_group *group; size_t n, columns; };
/* Self and total per group: self is what the innermost shown frame holds, total
 * counts a group once per stack however often it recurs.  Sorted by |self| (or
 * |total|) of COLUMN, then by name.  NULL when memory is out. */
struct mp_groups *mp_group(struct mp_profile *, enum mp_by, enum mp_show, int column, bool by_total);
void mp_groups_free(struct mp_groups *);

/* ---- names of allocators ---------------------------------------------------------- */

const char *mp_alloc_name(uint32_t kind);       /* "malloc"; "?" if unknown */
enum mp_class mp_alloc_class(uint32_t kind);
uint32_t mp_alloc_by_name(const char *name);    /* 0 if unknown */

/* ---- symbols (lib/symbol.c; needs elfutils) ------------------------------------------ */

struct mp_symbols;
struct mp_symbols *mp_symbols_new(void);
/* Where to look for separate debug files beside the system's own folders. */
int mp_symbols_debug_dir(struct mp_symbols *, const char *dir);
/* Resolve every native location of TREE that has no lines yet (ALL: those that
 * have, too) and put the lines into the tree: function, file, line, inlined
 * calls innermost first, C++ and Rust names demangled.  A module that cannot be
 * read or whose build-id differs is left unresolved.  Returns how many locations
 * it named, -1 when memory is out. */
long mp_symbolise(struct mp_symbols *, struct mp_tree *tree, bool all);
void mp_symbols_free(struct mp_symbols *);

#endif

/* ring.h - the shared memory between the hook in a target and the drain in
 * mp-capture: one memfd per session, mapped by every traced process.
 *
 * Everything here is read by the drain as hostile: a target may scribble over
 * it.  The hook trusts the drain's words only as far as a wrong one costs
 * events, never the target's life.
 *
 * A slot is the stream of one (thread, signal depth).  Its records lie in
 * chunks taken from a common pool and linked by NEXT records, so that a thread
 * that is idle holds one chunk and a hot one up to `chunks_per_slot`.  The
 * producer publishes by a release-store of `tail` (bytes ever written); the
 * drain gives chunks back to the pool when it has consumed them.
 *
 * Position P of a slot's stream lies at offset P % MP_CHUNK of its (P / MP_CHUNK)-th
 * chunk.  After a NEXT the stream goes on at the next multiple of MP_CHUNK, so
 * that `tail` and `head` count the unused end of a chunk, too; the producer
 * keeps room for NEXT (one word) at the end of every chunk.
 *
 * Claim: CAS owner 0 -> MP_SLOT_CLAIMING; raise slots_used; set image, depth,
 * first_chunk; tail = head = lost_* = waiting = 0, chunks = 1; initialise and
 * lock `alive`; claimed++; owner = pid << 32 | tid; last, ready = 1 (release).
 * Only the drain lets go of a slot: its thread dead (or the image gone) and all
 * consumed, it puts the chunks back, then ready = 0, then owner = 0 (release).
 *
 * Order: design of the protocol in capture/protocol.md.
 */
#ifndef MP_RING_H
#define MP_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define MP_RING_MAGIC 0x31676e69722d706dull     /* "mp-ring1" */
#define MP_RING_VERSION 5

enum {
	MP_CHUNK = 65536,       /* bytes */
	MP_STAMPS = 4096,       /* stripes of addresses */
	MP_STAMP_MAPS = MP_STAMPS,
	MP_STAMP_MARKS,
	MP_STAMPS_ALL,
	MP_SLOTS = 2048,
	MP_CHUNKS_MAX = 16384,  /* 1 GiB */
};

/* Session options, set by mp-capture. */
enum {
	MP_OPT_NATIVE = 1,      /* native stacks */
	MP_OPT_PYTHON = 2,      /* Python stacks */
	MP_OPT_OBJECTS = 4,     /* Python's object allocators */
	MP_OPT_CHECK = 8,       /* compare every stack with one made without caches */
};

/* What MP_OPT_CHECK counts. */
enum mp_check {
	MP_CHECK_STACKS,        /* compared */
	MP_CHECK_NATIVE, MP_CHECK_PYTHON, MP_CHECK_FLAGS,       /* not as from scratch */
	MP_CHECK_ROWS,          /* not as libgcc's unwinder has it */
	MP_CHECKS
};

struct mp_slot {
	/* written by the producer at claim */
	_Alignas(64) _Atomic uint64_t owner;    /* pid << 32 | tid as the target sees them; 0 = free;
						 * MP_SLOT_CLAIMING while being taken */
	uint64_t image;         /* random number of the process image: changes on exec and fork */
	uint32_t depth;         /* 0: the thread itself, 1…: a signal handler on top of it */
	uint32_t first_chunk;
	_Atomic uint32_t ready; /* 1 once the fields above and `alive` are set */
	_Atomic uint32_t claimed;       /* generation: how often the slot has been claimed */
	_Alignas(64) pthread_mutex_t alive;     /* robust, shared; held by the thread for its life */
	/* the producer's line */
	_Alignas(64) _Atomic uint64_t tail;     /* bytes published since the claim */
	_Atomic uint64_t lost_events, lost_bytes;
	/* the drain's line */
	_Alignas(64) _Atomic uint64_t head;     /* bytes consumed */
	_Atomic uint32_t chunks;        /* chunks the slot holds: producer adds, drain subtracts */
	_Atomic uint32_t waiting;       /* futex: producer waits for space */
};

#define MP_SLOT_CLAIMING (~0ull)

struct mp_session {
	uint64_t magic;
	uint32_t version, options;
	uint64_t size;                  /* of the whole mapping */
	uint32_t slots, chunks, chunks_per_slot;
	uint32_t sample;                /* bytes from one that is sampled to the next; 0: all are */
	uint64_t slot_offset, chunk_offset;     /* from the start of the mapping */
	int32_t drain_pid, drain_fd;    /* /proc/PID/fd/FD opens the memfd */
	uint64_t sample_seed;           /* the same ones are sampled again; 0: others */
	/* The drain's heartbeat and clock: milliseconds since the session began.
	 * Its low 16 bits go into every record. */
	_Alignas(64) _Atomic uint32_t epoch;
	_Atomic uint32_t stopped;       /* 1: tracing is off, for good */
	_Atomic uint32_t slots_used;    /* high-water mark: the drain looks no further */
	_Alignas(64) pthread_mutex_t drain_alive;       /* robust; held by the drain */
	/* one counter per stripe of addresses, one for all mappings, one for all marks */
	_Alignas(64) _Atomic uint32_t stamp[MP_STAMPS_ALL];
	_Alignas(64) _Atomic uint64_t chunk_free[MP_CHUNKS_MAX / 64];   /* bit set = free */
	/* of threads that could not get a slot; all others count in their slot */
	_Atomic uint64_t lost_events, lost_bytes;
	/* how often a thread had to sleep for room, and how long all of them did */
	_Atomic uint64_t waits, waited_ns;
	_Atomic uint64_t check[MP_CHECKS];
};

/* OWNER_DIED in the lock word of a robust mutex: its thread exited, exec'ed or
 * was killed.  glibc's first member of the mutex is that word. */
#define MP_OWNER_DIED 0x40000000
static inline int mp_owner_died(const pthread_mutex_t *m)
{
	return (__atomic_load_n((const int *)m, __ATOMIC_ACQUIRE) & MP_OWNER_DIED) != 0;
}

static inline uint32_t mp_stripe(uint64_t address)
{
	uint64_t page = address >> 12;

	return (uint32_t)((page * 0x9E3779B97F4A7C15ull) >> 52);        /* 0 … 4095 */
}

/* ---- records ----------------------------------------------------------------
 * A record is whole words and never crosses a chunk.  Word 0: bits 0-5 type,
 * bits 6-11 kind (enum mp_alloc of formats/wire.h, or as said), bits 12-15
 * flags, bits 16-63 an address or as said.  The stamp word: bits 0-31 stamp,
 * bits 32-47 epoch.  Records of unknown length say it: word 1, bits 32-63, is
 * their length in words where the table says n. */
enum mp_record {
	MP_REC_NONE = 0,        /* the rest of the chunk is unused */
	MP_REC_NEXT,    /* 1: w0 bits 16-63: index of the chunk that follows */
	/* allocations; kind as the site's */
	MP_REC_ALLOC,   /* 3: w0 address | stamp word, stack id in w2 bits 48.. see below | size */
	MP_REC_FREE,    /* 2: w0 address | stamp word */
	MP_REC_BEGIN,   /* 3: a realloc begins: w0 old address | stamp word | new size */
	MP_REC_END,     /* as ALLOC: it succeeded, this is the new block (stamp of its address);
	                 * address 0: it freed the old block and made none.  BEGINs nest:
	                 * END and UNDO answer the latest one open in their slot */
	MP_REC_UNDO,    /* 1: it failed: BEGIN (or UNMAP with flag PENDING) did not happen */
	MP_REC_INTENT,  /* 3: a large calloc, realloc or populating mmap begins: kind | stack, epoch | size;
	                 * closed by any later record of its slot (after a failed call: by UNDO with
	                 * flag INTENT, which answers no BEGIN) */
	/* mappings; one stamp counter for all; kind MMAP, MMAP_FILE, MREMAP, BRK, ARENA */
	MP_REC_MAP,     /* 3: as ALLOC; size = length in bytes */
	MP_REC_UNMAP,   /* 3: w0 address | stamp word | length; flag PENDING: the call may still
	                 * fail, then UNDO follows in this slot; anything else confirms it */
	MP_REC_BREAK,   /* 3: brk moved by the program: w0 new break | stamp word, stack | old break */
	/* definitions */
	MP_REC_STACK,   /* n: id and frames: see struct mp_rec_stack */
	MP_REC_CODE,    /* n: a Python code object: struct mp_rec_code */
	MP_REC_MODULE,  /* n: a loaded ELF module: struct mp_rec_module */
	MP_REC_UNLOAD,  /* 2: w1 = base: the module is gone (or may be: the list is sent anew) */
	MP_REC_IMAGE,   /* n: first record of a process image: struct mp_rec_image */
	MP_REC_THREAD_NAME,     /* n: w1 bits 0-15 bytes; the name follows */
	/* life */
	MP_REC_FORK_BEGIN,      /* 2: stamp word (its stamp is unused) */
	MP_REC_FORK_END,        /* 2: w0 bits 16-63: child pid, 0 = failed, 1 = not known (a fork
	                         * inside libc); the child's IMAGE names its parent's */
	MP_REC_EXEC,            /* 2: an exec is about to be tried */
	MP_REC_FINALIZE,        /* n: the interpreter begins to finalise: struct mp_rec_mark */
	MP_REC_LOST,            /* 3: events were dropped here: w1 events, w2 bytes */
	MP_REC_NOTE,            /* n: a line for the user (allocator linked in …), text after w1 */
	MP_REC_MARK,            /* n: struct mp_rec_mark; kind: enum mp_mark_kind */
	MP_REC_TYPES
};

/* Who a MARK is from.  Between PAUSE and RESUME allocations are not recorded; frees are,
 * so that from the first PAUSE on an image frees blocks nobody has heard of. */
enum mp_mark_kind {
	MP_MARK_PROGRAM = 0,    /* the program: its name and its value */
	MP_MARK_PAUSE,
	MP_MARK_RESUME,
};

enum {
	MP_REC_FLAG_PENDING = 1,        /* UNMAP: not confirmed yet */
	MP_REC_FLAG_IN_OBJECT = 2,      /* MAP: made inside an object allocator (arena) */
	MP_REC_FLAG_INTENT = 4,         /* UNDO: of an INTENT only */
	MP_REC_FLAG_FIXED = 8,          /* UNMAP: to make room for a mapping; maybe of nothing */
};

/* ALLOC, END, MAP, INTENT, BREAK are three words:
 *   w0  type | kind << 6 | flags << 12 | address << 16
 *   w1  stamp | stack id << 32
 *   w2  size | epoch << 48         (BREAK: old break in place of size)
 * FREE:   w0 | (stamp | epoch << 32)
 * BEGIN, UNMAP: w0 | (stamp | epoch << 32) | size
 * FORK_*, EXEC: w0 | (epoch << 32)
 * A size over 48 bits is stored as 2^48 - 1. */
#define MP_REC_WORD0(type, kind, flags, address) \
	((uint64_t)(type) | (uint64_t)(kind) << 6 | (uint64_t)(flags) << 12 | (uint64_t)(address) << 16)
#define MP_REC_TYPE(w0) ((unsigned)((w0) & 63))
#define MP_REC_KIND(w0) ((unsigned)((w0) >> 6 & 63))
#define MP_REC_FLAGS(w0) ((unsigned)((w0) >> 12 & 15))
#define MP_REC_ADDRESS(w0) ((uint64_t)(w0) >> 16)
#define MP_REC_SIZE_MASK 0xffffffffffffull

/* Definitions: w0 type, w1 = length in words << 32 | (low half as said).  Ids:
 * stacks are per slot claim, from 1, dense, 0 = no stack (unknown); codes are per
 * image, from 1.  A CODE is published before any STACK that names it, perhaps in
 * another slot of the image; a MODULE before any STACK whose addresses it explains. */
struct mp_rec_stack {
	uint64_t w0;
	uint32_t id, words;
	uint16_t same_natives, same_pythons;    /* outermost frames of each that are those of the
						 * slot's STACK record before this one, the
						 * innermost of neither among them */
	uint16_t natives, pythons;      /* how many of each follow, inward of those */
	uint32_t flags;         /* MP_STACK_* */
	uint32_t reserved;
	/* uint64_t native[natives]: addresses, innermost first; return addresses,
	 *   except the first if flag EXACT
	 * struct mp_rec_frame python[pythons]: innermost first */
};
enum {
	MP_STACK_EXACT = 1,     /* native[0] is an instruction, not a return address */
	MP_STACK_CUT = 2,       /* the outermost frames are missing (too deep) */
	MP_STACK_NO_NATIVE = 4, /* native frames were not asked for */
	MP_STACK_TORN = 8,      /* the walk gave up */
	MP_STACK_LIBGCC = 16,   /* native: by libgcc's unwinder, from a frame whose rule is odd */
};
struct mp_rec_frame {
	uint32_t code;          /* id */
	int32_t line;           /* 0: none */
	uint32_t entry;         /* 1: the outermost Python frame of its native eval frame */
	uint32_t reserved;
};
struct mp_rec_code {
	uint64_t w0;
	uint32_t id, words;
	uint32_t first_line, flags;     /* flags: 1 name cut, 2 file cut */
	uint16_t name_len, file_len;    /* bytes of UTF-8 that follow, name then file */
	uint32_t reserved;
};
struct mp_rec_module {
	uint64_t w0;
	uint32_t flags, words;
	uint64_t base, from, to;        /* load bias; the mapped range */
	uint16_t path_len, build_id_len;        /* bytes that follow: path, then build-id (binary) */
	uint32_t generation;
};
struct mp_rec_image {
	uint64_t w0;
	uint32_t pid, words;
	uint32_t ppid, page;
	uint64_t parent_image;  /* of a forked child: the image it came from; else 0 */
	uint64_t start;         /* clock ticks since boot, from /proc/self/stat; 0 unknown */
	uint64_t python;        /* address of _PyEval_EvalFrameDefault, 0: no Python (yet) */
	uint32_t python_version;        /* PY_VERSION_HEX >> 16, 0 = none */
	uint16_t exe_len, command_len;  /* bytes that follow: /proc/self/exe, then the command
	                                 * line, arguments separated by NUL */
	uint64_t pid_namespace; /* inode of /proc/self/ns/pid, in which `pid` counts; 0 unknown */
};
/* A moment that is in order with all threads of the image.  It says how far the other
 * slots of the image were, read twice, one pass after the other, and then takes its
 * stamp: what lies below `before` comes before it, what from `behind` on behind it.
 * (Two passes, so that all that precedes the former is below the latter.)  A slot that
 * is not listed, or has been claimed anew, begins behind it. */
struct mp_rec_cut {
	uint32_t slot, claimed;
	uint64_t before, behind;
};
struct mp_rec_mark {
	uint64_t w0;
	uint32_t epoch, words;
	int64_t value;
	uint32_t stamp;
	uint16_t cuts, name_len;        /* that follow: struct mp_rec_cut, then bytes */
};
/* A second IMAGE record of the same image (sent when libpython is loaded later)
 * replaces what the first said of Python. */

#endif

/* wire.h - the numbers of the .mp container: block kinds, columns, allocators.
 * formats/mp.md gives them their meaning; a number, once released, never
 * changes its meaning.
 */
#ifndef MP_WIRE_H
#define MP_WIRE_H

#include <stdint.h>

#define MP_SKIPPABLE 0x184D2A5Eu        /* zstd skippable frame that holds a block header */
#define MP_MAJOR 1
#define MP_MINOR 0

/* Block marker: fixed random bytes with CR LF SUB inside, so that a transfer
 * in text mode is noticed. */
#define MP_MARKER "\xd7\x6d\x70\x0d\x0a\x1a\x9e\x43\xb1\x58\xe6\x2f\xc4\x8a\x70\x15"
#define MP_MARKER_LEN 16

enum mp_block_kind {
	MP_BLOCK_HEAD = 1,
	MP_BLOCK_EVENTS = 2,
	MP_BLOCK_SAMPLES = 3,
	MP_BLOCK_SERIES = 4,
	MP_BLOCK_MARKS = 5,
	MP_BLOCK_ROWS = 6,
	MP_BLOCK_CHECKPOINT = 7,
	MP_BLOCK_BASE = 8,
	/* 9 is reserved */
	MP_BLOCK_END = 10,
};

enum mp_block_flag {
	MP_FLAG_REPEATED = 1,   /* definitions repeated from id 1, same ids */
	MP_FLAG_ESTIMATE = 2,
	MP_FLAG_LATE = 4,       /* holds late lines or late thread names */
	MP_FLAG_CRITICAL = 8,   /* a reader that does not know the kind must refuse */
	MP_FLAG_CONTINUED = 16, /* goes on in the next block */
};

enum {
	MP_BLOCK_MAX = 65536,           /* records in a block */
	MP_HEADER_FIXED = 128,
	MP_DIRECTORY_ENTRY = 24,
	MP_STRING_MAX = 65536,
	MP_DEPTH_MAX = 16384,
	MP_DEF_LINES_MAX = 4096,        /* of a location */
	MP_DEFINITION_RAW_MAX = 1 << 20,
	MP_VALUE_COLUMNS = 128,         /* of a profile */
	MP_WEIGHT_MAX = INT32_MAX,      /* of a site */
	MP_HEAD_NUMBERS = 6, MP_END_NUMBERS = 12,       /* fixed numbers, at least */
};

enum mp_coding {
	MP_CODING_BYTES = 0,    /* bytes as they are */
	MP_CODING_BITMAP = 1,   /* LSB first */
	MP_CODING_ESCAPE = 2,   /* a byte; 255: the value is the next u16 at the column's end */
	MP_CODING_LEB = 3,      /* LEB128 */
	MP_CODING_DELTA = 4,    /* LEB128 of the zigzag of the difference to the one before (first: to 0) */
	MP_CODING_RUNS = 5,     /* pairs: zigzag difference of the value, length, both LEB128 */
	MP_CODING_FIXED64 = 6,  /* u64, little-endian */
};

enum mp_codec { MP_CODEC_ZSTD = 1 };

#define MP_COLUMN_CRITICAL 0x8000u      /* bit 15 of a column id in the directory */

/* Columns of a block by kind.  Ids below 256 belong to the block's kind, ids
 * from 256 on are definitions and may lead any block. */
enum mp_column_id {
	/* EVENTS */
	MP_COL_OP = 1,          /* bitmap, n: 0 allocation, 1 free */
	MP_COL_SITE = 2,        /* escape, one per allocation: index into MP_COL_SITES */
	MP_COL_SITES = 3,       /* delta: global site ids in order of first use in the block */
	MP_COL_BACK = 4,        /* escape, one per free: k-th most recent allocation, 0 = older block */
	MP_COL_OLD = 5,         /* delta, one per zero in BACK: slot, 0 = outside */
	MP_COL_NEW = 6,         /* delta: slots of survivors beyond the non-zero ones in OLD */
	MP_COL_THREAD = 7,      /* runs; absent: thread 1 */
	MP_COL_TIME = 8,        /* runs: ticks since the part began */
	MP_COL_OUTSIDE = 9,     /* LEB pairs (position delta, site) of frees with slot 0 whose site is known */
	MP_COL_REPLACE = 10,    /* LEB pairs (position delta, number * 8 + enum mp_replace) */
	MP_COL_PROCEND = 11,    /* LEB pairs (position delta, process); critical */
	MP_COL_GRANULARITY = 12,/* LEB, one value: observed granularity of time in ticks */

	/* SAMPLES, SERIES, MARKS: struct of arrays, n values each */
	MP_COL_S_TIME = 32,     /* delta, ticks */
	MP_COL_S_THREAD = 33,   /* LEB */
	MP_COL_S_NODE = 34,     /* delta */
	MP_COL_S_WEIGHT = 35,   /* LEB, ns */
	MP_COL_S_STATE = 36,    /* LEB, MP_STATE_ bits */
	MP_COL_S_RSS = 37,      /* delta, bytes */
	MP_COL_S_PROCESS = 38,  /* LEB */
	MP_COL_S_NAME = 39,     /* LEB, string: metric of a SERIES, name of a MARK */
	MP_COL_S_VALUE = 40,    /* delta */

	/* ROWS: n values each; an absent label column means 0 in every row */
	MP_COL_R_NODE = 64,     /* delta */
	MP_COL_R_PROCESS = 65,  /* LEB, string: process name */
	MP_COL_R_THREAD = 66,   /* LEB, string: thread name */
	MP_COL_R_KIND = 67,     /* LEB, enum mp_alloc */
	MP_COL_R_TYPE = 68,     /* LEB, string */
	MP_COL_R_PID = 69,      /* LEB */
	MP_COL_R_TID = 70,      /* LEB */
	MP_COL_R_VALUE = 96,    /* delta; value column c has id 96 + c, c < 128 */

	/* CHECKPOINT and BASE: n live blocks in slot order, then the ended */
	MP_COL_C_SLOT = 230,    /* delta, ascending */
	MP_COL_C_SITE = 231,    /* LEB */
	MP_COL_C_THREAD = 232,  /* runs; absent: thread 1 */
	MP_COL_C_LEFT_SITE = 233,   /* delta: per ended or finalised process, what it left: */
	MP_COL_C_LEFT_THREAD = 234, /* LEB: thread */
	MP_COL_C_LEFT_COUNT = 235,  /* LEB: blocks */
	MP_COL_C_DONE = 236,    /* delta: processes that are ended or finalised */
	MP_COL_C_CHUNK = 237,   /* LEB, one value: which block of its checkpoint; absent: 0 */

	/* HEAD */
	MP_COL_H_FIXED = 240,   /* fixed64: see mp.md */
	MP_COL_H_KEY = 241,     /* LEB, string ids of metadata keys */
	MP_COL_H_VALUE = 242,   /* LEB, string ids of metadata values */

	/* END */
	MP_COL_E_FIXED = 248,   /* fixed64: see mp.md */

	/* definitions */
	MP_COL_D_BASE = 256,            /* LEB pairs (enum mp_def, first id) of the kinds below */
	MP_COL_D_STRING_LEN = 257,      /* LEB; bit 0: cut, the rest: length in bytes */
	MP_COL_D_STRING = 258,          /* bytes */
	MP_COL_D_MODULE_PATH = 260,     /* LEB string */
	MP_COL_D_MODULE_BUILD_ID = 261, /* LEB string (hex) */
	MP_COL_D_MAP_PROCESS = 264,
	MP_COL_D_MAP_MODULE = 265,
	MP_COL_D_MAP_BASE = 266,        /* delta */
	MP_COL_D_MAP_FROM = 267,        /* delta */
	MP_COL_D_MAP_TO = 268,          /* delta */
	MP_COL_D_LINE_FUNCTION = 272,   /* delta, string */
	MP_COL_D_LINE_FILE = 273,       /* delta, string */
	MP_COL_D_LINE_LINE = 274,       /* delta */
	MP_COL_D_CODE_FUNCTION = 276,   /* delta, string */
	MP_COL_D_CODE_FILE = 277,       /* delta, string */
	MP_COL_D_CODE_LINE = 278,       /* delta: first line */
	MP_COL_D_LOC_KIND = 280,        /* LEB, enum mp_loc */
	MP_COL_D_LOC_OWNER = 281,       /* delta: module or code */
	MP_COL_D_LOC_AT = 282,          /* delta: offset or line */
	MP_COL_D_NODE_PARENT = 284,     /* delta */
	MP_COL_D_NODE_LOC = 285,        /* delta */
	MP_COL_D_SITE_PROCESS = 288,    /* LEB */
	MP_COL_D_SITE_NODE = 289,       /* delta */
	MP_COL_D_SITE_SIZE = 290,       /* delta */
	MP_COL_D_SITE_KIND = 291,       /* LEB, enum mp_alloc */
	MP_COL_D_SITE_TYPE = 292,       /* LEB, string */
	MP_COL_D_SITE_WEIGHT = 293,     /* LEB, weight - 1; critical */
	MP_COL_D_THREAD_PROCESS = 296,
	MP_COL_D_THREAD_TID = 297,      /* delta */
	MP_COL_D_THREAD_NAME = 298,     /* LEB string */
	MP_COL_D_THREAD_START = 299,    /* delta, ticks since the part began */
	MP_COL_D_PROCESS_PID = 304,     /* delta */
	MP_COL_D_PROCESS_PARENT = 305,  /* LEB: process id (not pid), 0 = none */
	MP_COL_D_PROCESS_START = 306,   /* delta, ticks */
	MP_COL_D_PROCESS_COMMAND = 307, /* LEB string: command line, arguments joined by spaces */
	MP_COL_D_PROCESS_NAME = 308,    /* LEB string: short name */
	MP_COL_D_PROCESS_ARCH = 309,    /* LEB string */
	MP_COL_D_PROCESS_PAGE = 310,    /* LEB: page size */
	MP_COL_D_PROCESS_NAMESPACE = 311, /* LEB string */
	MP_COL_D_CLOCK_WALL = 316,      /* fixed64 ns */
	MP_COL_D_CLOCK_MONOTONIC = 317, /* fixed64 ns */
	MP_COL_D_CLOCK_BOOTTIME = 318,  /* fixed64 ns */
	MP_COL_D_COLUMN_NAME = 320,     /* LEB string */
	MP_COL_D_COLUMN_UNIT = 321,     /* LEB string */
	MP_COL_D_COLUMN_VIEW = 322,     /* LEB string */
	MP_COL_D_COLUMN_COMBINE = 323,  /* LEB, enum mp_combine */
	/* late records: they add to a definition without changing any id */
	MP_COL_D_LATE_LOC = 328,        /* delta: location */
	MP_COL_D_LATE_COUNT = 329,      /* LEB: its lines; 0 = resolved, nothing known */
	MP_COL_D_LATE_LINE = 330,       /* delta: line ids, innermost first, all locations in a row */
	MP_COL_D_LATE_THREAD = 331,     /* delta: thread */
	MP_COL_D_LATE_NAME = 332,       /* LEB string: its name from here on */
};

/* Kinds of definition, for MP_COL_D_BASE. */
enum mp_def {
	MP_DEF_STRING = 1, MP_DEF_MODULE, MP_DEF_MAP, MP_DEF_LINE, MP_DEF_CODE, MP_DEF_LOC,
	MP_DEF_NODE, MP_DEF_SITE, MP_DEF_THREAD, MP_DEF_PROCESS, MP_DEF_CLOCK, MP_DEF_COLUMN,
	MP_DEF_KINDS
};

enum mp_loc {
	MP_LOC_NATIVE = 1,      /* owner = module (0: no module), at = offset in it (or address) */
	MP_LOC_PYTHON = 2,      /* owner = code, at = line (0: none) */
	MP_LOC_NAMED = 3,       /* owner = code, at = line: read from text, language unknown */
	MP_LOC_NOTE = 4,        /* owner = code: a marker such as [deeper], [rest], [lost], [unjoined] */
};

/* What a sampled thread was at; no bit: it ran. */
enum { MP_STATE_IDLE = 1, MP_STATE_LOCK = 2 };

enum mp_combine { MP_SUM = 0, MP_MAX = 1, MP_MIN = 2 };

enum mp_replace {
	MP_REPLACE_REALLOC = 1,
	MP_REPLACE_MREMAP = 2,
	MP_REPLACE_PARTIAL = 3, /* partial unmap: what is left; not an allocation */
	MP_REPLACE_BRK = 4,
	MP_REPLACE_OVERLAP = 5, /* an allocation over a block still live ended it */
};

/* What an allocation came through: the kind of a site.  A site's class (what
 * is summed with what) follows from its kind: mp_alloc_class(). */
#define MP_ALLOC_KINDS(X) \
	X(1, MALLOC, "malloc", HEAP) \
	X(2, CALLOC, "calloc", HEAP) \
	X(3, REALLOC, "realloc", HEAP) \
	X(4, POSIX_MEMALIGN, "posix_memalign", HEAP) \
	X(5, ALIGNED_ALLOC, "aligned_alloc", HEAP) \
	X(6, MEMALIGN, "memalign", HEAP) \
	X(7, VALLOC, "valloc", HEAP) \
	X(8, PVALLOC, "pvalloc", HEAP) \
	X(9, REALLOCARRAY, "reallocarray", HEAP) \
	X(10, NEW, "new", HEAP) \
	X(16, PYMEM_MALLOC, "PyMem_Malloc", OBJECT) \
	X(17, PYMEM_CALLOC, "PyMem_Calloc", OBJECT) \
	X(18, PYMEM_REALLOC, "PyMem_Realloc", OBJECT) \
	X(19, PYOBJECT_MALLOC, "PyObject_Malloc", OBJECT) \
	X(20, PYOBJECT_CALLOC, "PyObject_Calloc", OBJECT) \
	X(21, PYOBJECT_REALLOC, "PyObject_Realloc", OBJECT) \
	X(32, MMAP, "mmap", MAP) \
	X(33, MMAP_FILE, "mmap file", FILE) \
	X(34, MREMAP, "mremap", MAP) \
	X(35, BRK, "brk", MAP) \
	X(36, MREMAP_FILE, "mremap file", FILE) \
	X(40, ARENA, "arena", ARENA) \
	X(41, RUNTIME, "runtime", RUNTIME)

#define X(number, symbol, name, class) MP_ALLOC_##symbol = number,
enum mp_alloc { MP_ALLOC_NONE = 0, MP_ALLOC_KINDS(X) };
#undef X

enum mp_class {
	MP_CLASS_NONE, MP_CLASS_HEAP, MP_CLASS_OBJECT, MP_CLASS_MAP, MP_CLASS_FILE,
	MP_CLASS_ARENA,         /* counts only in a trace without objects */
	MP_CLASS_RUNTIME,       /* never counts */
	MP_CLASSES
};

#endif

/* pprof.h - pprof's profile.proto: field numbers, and messages into a buffer.
 * The schema is public (github.com/google/pprof/proto); names are its own.  No
 * allocation: what does not fit is left out and remembered in `full`.
 */
#ifndef MP_PPROF_H
#define MP_PPROF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mp_pb_wire { MP_PB_VARINT = 0, MP_PB_FIXED64 = 1, MP_PB_LENGTH = 2, MP_PB_FIXED32 = 5 };

/* Strings are indices into string_table, whose first is "". */
enum mp_pprof_profile {
	PPROF_SAMPLE_TYPE = 1,  /* ValueType, repeated: one per value of a sample */
	PPROF_SAMPLE = 2,       /* Sample, repeated */
	PPROF_MAPPING = 3,      /* Mapping, repeated */
	PPROF_LOCATION = 4,     /* Location, repeated */
	PPROF_FUNCTION = 5,     /* Function, repeated */
	PPROF_STRING_TABLE = 6, /* bytes, repeated */
	PPROF_DROP_FRAMES = 7,  /* string: a regular expression */
	PPROF_KEEP_FRAMES = 8,
	PPROF_TIME_NANOS = 9,   /* since 1970 */
	PPROF_DURATION_NANOS = 10,
	PPROF_PERIOD_TYPE = 11, /* ValueType */
	PPROF_PERIOD = 12,
	PPROF_COMMENT = 13,     /* string, repeated */
	PPROF_DEFAULT_SAMPLE_TYPE = 14, /* string */
	PPROF_DOC_URL = 15,
};

enum mp_pprof_value_type { PPROF_TYPE = 1, PPROF_UNIT = 2 };

enum mp_pprof_sample {
	PPROF_SAMPLE_LOCATION = 1,      /* ids, packed, innermost first */
	PPROF_SAMPLE_VALUE = 2,         /* int64, packed */
	PPROF_SAMPLE_LABEL = 3,         /* Label, repeated */
};

enum mp_pprof_label {
	PPROF_LABEL_KEY = 1,
	PPROF_LABEL_STR = 2,
	PPROF_LABEL_NUM = 3,
	PPROF_LABEL_NUM_UNIT = 4,
};

enum mp_pprof_mapping {
	PPROF_MAPPING_ID = 1,           /* not 0 */
	PPROF_MAPPING_START = 2,
	PPROF_MAPPING_LIMIT = 3,
	PPROF_MAPPING_OFFSET = 4,       /* in the file, of START */
	PPROF_MAPPING_FILENAME = 5,
	PPROF_MAPPING_BUILD_ID = 6,
	PPROF_MAPPING_HAS_FUNCTIONS = 7,
	PPROF_MAPPING_HAS_FILENAMES = 8,
	PPROF_MAPPING_HAS_LINES = 9,
	PPROF_MAPPING_HAS_INLINES = 10,
};

enum mp_pprof_location {
	PPROF_LOCATION_ID = 1,          /* not 0 */
	PPROF_LOCATION_MAPPING = 2,     /* id, 0: none */
	PPROF_LOCATION_ADDRESS = 3,
	PPROF_LOCATION_LINE = 4,        /* Line, repeated: innermost (inlined) first */
	PPROF_LOCATION_FOLDED = 5,
};

enum mp_pprof_line { PPROF_LINE_FUNCTION = 1, PPROF_LINE_NUMBER = 2, PPROF_LINE_COLUMN = 3 };

enum mp_pprof_function {
	PPROF_FUNCTION_ID = 1,          /* not 0 */
	PPROF_FUNCTION_NAME = 2,
	PPROF_FUNCTION_SYSTEM_NAME = 3, /* as the linker has it */
	PPROF_FUNCTION_FILENAME = 4,
	PPROF_FUNCTION_START_LINE = 5,
};

/* ---- writing -----------------------------------------------------------------
 * A message is made in a buffer of its own and put into the one around it as a
 * field of its bytes. */

struct mp_pb { uint8_t *start, *at, *end; bool full; };

enum { MP_PB_NUMBER_MAX = (1 << 29) - 1 };       /* of a field */
enum { MP_PB_FIELD_MAX = 20 };  /* bytes of a number's field, or before a field's bytes */

/* A number; int64 as its two's complement.  0 is the default and not written. */
void mp_pb_number(struct mp_pb *, unsigned field, uint64_t value);
void mp_pb_bytes(struct mp_pb *, unsigned field, const void *data, size_t n);
/* What stands before the N bytes of a field. */
void mp_pb_length(struct mp_pb *, unsigned field, size_t n);
/* N numbers as one packed field; none at all where N is 0. */
void mp_pb_packed(struct mp_pb *, unsigned field, const uint64_t *value, size_t n);

/* ---- reading ----------------------------------------------------------------- */

struct mp_pb_in { const uint8_t *at, *end; bool bad; };

struct mp_pb_field {
	unsigned number;
	enum mp_pb_wire wire;
	uint64_t value;                 /* of a number */
	struct mp_pb_in bytes;          /* of MP_PB_LENGTH: a message, a string, packed numbers */
};

/* The next field; false at the end, or where the bytes are no message (bad is set). */
bool mp_pb_next(struct mp_pb_in *, struct mp_pb_field *);
/* The next of a repeated number, out of F: packed, or alone. */
bool mp_pb_repeated(struct mp_pb_field *f, uint64_t *value);

#endif

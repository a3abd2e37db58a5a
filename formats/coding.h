/* coding.h - the codings of a column's values (enum mp_coding).
 *
 * Encoders write at TO, which has room for MP_*_ROOM(n) bytes, and return how
 * many bytes they wrote.  Decoders take the whole raw column and fail (false)
 * unless it holds exactly N well-formed values and nothing else.
 */
#ifndef MP_CODING_H
#define MP_CODING_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

#define MP_BITMAP_ROOM(n) (((size_t)(n) + 7) / 8)
#define MP_ESCAPE_ROOM(n) (3 * (size_t)(n))
#define MP_LEB_ROOM(n) (10 * (size_t)(n))       /* LEB, DELTA; RUNS twice that per pair */
#define MP_FIXED64_ROOM(n) (8 * (size_t)(n))
#define MP_ESCAPE_SLACK 16                      /* entries past N that decoding may write */

/* The raw length N values need at least: a cheap check before memory is spent. */
bool mp_values_plausible(enum mp_coding, uint32_t n, uint32_t raw);

size_t mp_escape_encode(uint8_t *to, const uint16_t *value, uint32_t n);
bool mp_escape_decode(const uint8_t *raw, size_t len, uint16_t *value, uint32_t n,
		uint16_t *largest);

size_t mp_leb_encode(uint8_t *to, const uint64_t *value, uint32_t n);
bool mp_leb_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t n);

size_t mp_delta_encode(uint8_t *to, const uint64_t *value, uint32_t n);
bool mp_delta_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t n);
/* The same for numbers below 2^32; LARGEST is 0 if there are none. */
size_t mp_delta32_encode(uint8_t *to, const uint32_t *value, uint32_t n);
bool mp_delta32_decode(const uint8_t *raw, size_t len, uint32_t *value, uint32_t n,
		uint32_t *smallest, uint32_t *largest);

/* LEB or DELTA into fields of WIDTH 4 or 8 bytes that lie STRIDE bytes apart; *MOST is
 * the largest value, of which a field of 4 keeps the lower half. */
bool mp_fields_decode(enum mp_coding, const uint8_t *raw, size_t len, void *to, size_t stride,
		unsigned width, uint32_t n, uint64_t *most);

/* N pairs; decoding checks that no length is 0 and that they sum to TOTAL. */
size_t mp_runs_encode(uint8_t *to, const uint64_t *value, const uint32_t *length, uint32_t n);
bool mp_runs_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t *length,
		uint32_t n, uint64_t total);

size_t mp_fixed64_encode(uint8_t *to, const uint64_t *value, uint32_t n);
bool mp_fixed64_decode(const uint8_t *raw, size_t len, uint64_t *value, uint32_t n);

/* Bits past N must be zero; ONES may be NULL. */
bool mp_bitmap_check(const uint8_t *raw, size_t len, uint32_t n, uint32_t *ones);

#endif

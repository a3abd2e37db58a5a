/* reader_columns.c - what the columns of a block of events say by themselves:
 * decoded, and every free matched with its allocation.
 * Invariant: nothing of the reader or its tree is used, so that blocks ahead can be
 * decoded on another thread (reader_fetch.c).
 */
#include "reader.h"

#include "coding.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* ---- one column ------------------------------------------------------------------ */

const char mp_no_memory[] = "out of memory";
const char mp_no_site[] = "an allocation refers to no site";

int mp_raw_find(const struct mp_raw *raw, unsigned id)
{
	for (unsigned i = 0; i < raw->h.columns; i++)
		if (raw->entry[i].id == id)
			return (int)i;
	return -1;
}

bool mp_raw_columns(struct mp_raw *raw)
{
	const uint8_t *p = raw->header + raw->h.length;

	raw->bad_own = raw->bad_defs = false;
	for (unsigned i = 0; i < raw->h.columns; i++) {
		struct mp_entry *e = &raw->entry[i];

		mp_entry_parse(raw->header, i, e);
		raw->frame[i] = p;
		raw->bad[i] = mp_hash(p, e->stored) != e->hash;
		p += e->stored;
		if (e->id >= MP_COL_D_BASE)
			raw->bad_defs |= raw->bad[i];
		else
			raw->bad_own |= raw->bad[i];
	}
	return !raw->bad_own && !raw->bad_defs;
}

uint32_t mp_raw_values(const struct mp_raw *raw, unsigned id)
{
	int i = mp_raw_find(raw, id);

	return i < 0 ? 0 : raw->entry[i].values;
}

static const char *entry_check(const struct mp_header *h, const struct mp_entry *e)
{
	uint64_t most = MP_DEFINITION_RAW_MAX;

	if (e->codec != MP_CODEC_ZSTD)
		return "unknown compression";
	if (h->kind == MP_BLOCK_EVENTS && e->id <= MP_COL_TIME)
		most = 10 * (uint64_t)h->n + 64;
	if (e->raw > most)
		return "a column is too long";
	if (!mp_values_plausible((enum mp_coding)e->coding, e->values, e->raw))
		return "a column's length does not fit its values";
	return NULL;
}

const uint8_t *mp_raw_unpack(struct mp_unpack *u, const struct mp_raw *raw, unsigned i,
		const char **cause)
{
	const struct mp_entry *e = &raw->entry[i];
	const uint8_t *frame = raw->frame[i];
	size_t got;

	*cause = raw->bad[i] ? "checksum differs" : entry_check(&raw->h, e);
	if (*cause)
		return NULL;
	if (ZSTD_getFrameContentSize(frame, e->stored) != e->raw ||
	    ZSTD_findFrameCompressedSize(frame, e->stored) != e->stored) {
		*cause = "a frame's length differs from the directory's";
		return NULL;
	}
	if (!u->z)
		u->z = ZSTD_createDCtx();
	if (!u->z || !mp_make_room(&u->raw, &u->room, (size_t)e->raw + 64, 1)) {
		*cause = mp_no_memory;
		return NULL;
	}
	got = ZSTD_decompressDCtx(u->z, u->raw, e->raw, frame, e->stored);
	if (ZSTD_isError(got) || got != e->raw) {
		*cause = "a frame cannot be decompressed";
		return NULL;
	}
	return u->raw;
}

void mp_unpack_free(struct mp_unpack *u)
{
	ZSTD_freeDCtx(u->z);
	free(u->raw);
}

void mp_unpacked_free(struct mp_unpacked *c)
{
	free(c->op), free(c->gone), free(c->site), free(c->back);
	free(c->sites), free(c->old), free(c->new_);
}

/* ---- the columns of events --------------------------------------------------------- */

struct work {
	struct mp_unpacked *c;
	struct mp_unpack *u;
	const struct mp_raw *raw;
};

/* Column ID decompressed, its place in *I; NULL if it is absent (I < 0) or *CAUSE. */
static const uint8_t *open_column(const struct work *w, unsigned id, enum mp_coding coding, int *i,
		const char **cause)
{
	*i = mp_raw_find(w->raw, id);
	*cause = NULL;
	if (*i >= 0 && w->raw->entry[*i].coding != coding)
		*cause = "a column has another coding than it must";
	return *i < 0 || *cause ? NULL : mp_raw_unpack(w->u, w->raw, (unsigned)*i, cause);
}

static const char *read_op(const struct work *w)
{
	struct mp_unpacked *c = w->c;
	uint32_t n = w->raw->h.n, ones;
	size_t size = MP_BITMAP_ROOM(n);
	const char *cause;
	const uint8_t *raw;
	int i;

	if (!mp_make_room(&c->op, &c->op_room, size + 8, 1))
		return mp_no_memory;
	memset(c->op + size, 0, 8);
	if (!n)
		return NULL;
	raw = open_column(w, MP_COL_OP, MP_CODING_BITMAP, &i, &cause);
	if (!raw)
		return cause ? cause : "a block without operations";
	if (w->raw->entry[i].values != n || !mp_bitmap_check(raw, w->raw->entry[i].raw, n, &ones) ||
	    ones != mp_raw_values(w->raw, MP_COL_BACK))
		return "operations do not fit the block";
	memcpy(c->op, raw, size);
	return NULL;
}

static const char *read_escape(const struct work *w, unsigned id, uint16_t **to, size_t *room,
		uint16_t *largest)
{
	uint32_t n = mp_raw_values(w->raw, id);
	const char *cause;
	int i;
	/* the column first: only then can its number of values be believed */
	const uint8_t *raw = open_column(w, id, MP_CODING_ESCAPE, &i, &cause);

	*largest = 0;
	if (cause)
		return cause;
	if (!mp_make_room(to, room, (size_t)n + MP_ESCAPE_SLACK, sizeof(**to)))
		return mp_no_memory;
	return !raw || mp_escape_decode(raw, w->raw->entry[i].raw, *to, n, largest) ? NULL :
		"a column's values do not fit its length";
}

static const char *read_delta32(const struct work *w, unsigned id, uint32_t **to, size_t *room,
		uint32_t *smallest, uint32_t *largest)
{
	uint32_t n = mp_raw_values(w->raw, id);
	const char *cause;
	int i;
	const uint8_t *raw = open_column(w, id, MP_CODING_DELTA, &i, &cause);

	*smallest = *largest = 0;
	if (cause)
		return cause;
	if (!mp_make_room(to, room, (size_t)n + 1, sizeof(**to)))
		return mp_no_memory;
	return !raw || mp_delta32_decode(raw, w->raw->entry[i].raw, *to, n, smallest, largest) ?
		NULL : "a column's values do not fit its length";
}

static const char *read_sites(const struct work *w)
{
	struct mp_unpacked *c = w->c;
	uint32_t sites = mp_raw_values(w->raw, MP_COL_SITES), low;
	uint16_t largest;
	const char *cause = read_escape(w, MP_COL_SITE, &c->site, &c->site_room, &largest);

	if (!cause)
		cause = read_delta32(w, MP_COL_SITES, &c->sites, &c->sites_room, &low,
				&c->last_site);
	if (cause)
		return cause;
	return (mp_raw_values(w->raw, MP_COL_SITE) && largest >= sites) || (sites && !low) ?
		mp_no_site : NULL;
}

/* Slots: freed ones, and those of what lives on. */
static const char *read_slots(const struct work *w)
{
	struct mp_unpacked *c = w->c;
	uint32_t slots = w->raw->h.slots ? w->raw->h.slots : 1, low, high;
	const char *cause = read_delta32(w, MP_COL_OLD, &c->old, &c->old_room, &low, &high);

	if (!cause && high >= slots)
		cause = "a slot is out of range";
	if (!cause)
		cause = read_delta32(w, MP_COL_NEW, &c->new_, &c->new_room, &low, &high);
	if (!cause && (high >= slots || (mp_raw_values(w->raw, MP_COL_NEW) && !low)))
		cause = "a slot is out of range";
	return cause;
}

/* Mark what frees end; false if one of them names nothing or the same twice. */
static bool mark_freed(struct mp_unpacked *c, uint32_t n)
{
	uint32_t f = 0, bad = 0, in = 0;

	for (uint32_t w = 0; w < n; w += 64) {
		uint64_t m;

		memcpy(&m, c->op + w / 8, 8);
		for (; m; m &= m - 1, f++) {
			/* allocations before this free, and which of them it ends */
			uint32_t before = w + (uint32_t)__builtin_ctzll(m) - f;
			uint32_t back = c->back[f], it = before - back;

			if (!back)
				continue;
			if (back > before)
				return false;
			bad |= c->gone[it];
			c->gone[it] = 1;
			in++;
		}
	}
	c->inside = in;
	return !bad;
}

static const char *read_frees(const struct work *w)
{
	struct mp_unpacked *c = w->c;
	uint32_t allocs = mp_raw_values(w->raw, MP_COL_SITE);
	uint16_t largest;
	const char *cause = read_escape(w, MP_COL_BACK, &c->back, &c->back_room, &largest);

	if (!cause)
		cause = read_slots(w);
	if (!cause && !mp_make_room(&c->gone, &c->gone_room, (size_t)allocs + 8, 1))
		cause = mp_no_memory;
	if (cause)
		return cause;
	memset(c->gone, 0, allocs);
	memset(c->gone + allocs, 1, 8);
	if (!mark_freed(c, w->raw->h.n))
		return "a free ends no allocation";
	return mp_raw_values(w->raw, MP_COL_OLD) + c->inside != mp_raw_values(w->raw, MP_COL_BACK) ?
		"frees and slots do not fit" : NULL;
}

void mp_unpacked_read(struct mp_unpacked *c, struct mp_unpack *u, const struct mp_raw *raw,
		unsigned want)
{
	struct work w = { c, u, raw };
	bool frees = want & MP_WANT_FREES, ends = mp_raw_find(raw, MP_COL_PROCEND) >= 0;

	c->want = want & MP_WANT_COLUMNS;
	c->op_cause = c->sites_cause = c->frees_cause = NULL;
	if ((uint64_t)mp_raw_values(raw, MP_COL_SITE) + mp_raw_values(raw, MP_COL_BACK) != raw->h.n)
		return;         /* the reader will say so */
	if (want & (MP_WANT_OP | MP_WANT_FREES))
		c->op_cause = read_op(&w);
	if (!c->op_cause && (want & MP_WANT_SITE || (frees && ends)))
		c->sites_cause = read_sites(&w);
	if (!c->op_cause && !c->sites_cause && frees)
		c->frees_cause = read_frees(&w);
}

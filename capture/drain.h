/* drain.h - out of the rings, into the trace: rounds of two passes over all
 * tails, the order of capture/order.h, identities of capture/ident.h.
 *
 * A round takes all tails once.  What the round before saw is emitted now,
 * since everything that precedes it is in sight.  If that is much it takes several
 * steps, from epoch to epoch: whatever precedes a record has no later epoch.  Nothing
 * ever waits for a target.
 */
#ifndef MP_DRAIN_H
#define MP_DRAIN_H

#include "order.h"
#include "slot.h"
#include "symboliser.h"

struct drain_counts {
	uint64_t records, bytes;        /* read out of the rings */
	uint64_t lost_events, lost_bytes;
	uint64_t bad_slots;             /* dropped: they held nonsense */
	uint64_t marks, images, threads;
	uint64_t untraced;              /* children of traced processes that ran on unseen */
};

struct expected { uint32_t pid; int pidfd; uint64_t since; };   /* a child without a slot yet */

struct drain {
	struct session *session;
	struct mp_writer *writer;
	struct mp_tree *tree;
	struct symboliser *symboliser;
	struct ident ident;
	struct images images;
	struct order order;
	struct slot *slot;              /* as many as the session has */
	uint32_t *active;               /* indices of those with records to emit */
	uint32_t *due;                  /* epoch of the next record of each active one */
	struct order_bound *bound;      /* of a fence, for each slot of its image */
	uint32_t used, actives;
	uint32_t epoch;                 /* ms, of this pass */
	uint64_t time;                  /* ns, of the event last emitted */
	uint32_t low;                   /* epoch that time was last set from; > 65535: none */
	uint64_t flushed, looked;       /* ns */
	uint32_t last;                  /* epoch this step goes to; UINT32_MAX: all in sight */
	bool more;                      /* another step of this round is to come */
	bool several;                   /* some image has records in several slots */
	bool grouped;                   /* and they may have something in common */
	bool gave;                      /* there is room since somebody was woken */
	bool null;                      /* plain events are thrown away: what the ring alone costs */
	uint64_t thrown;
	struct drain_counts counts;
	struct expected *expected;
	uint32_t expecteds, expected_room;
	char *notes[32];                /* said already */
	unsigned n_notes;
	void (*say)(const char *text);  /* one line for the user */
	uint64_t *copy;                 /* of a record, MP_CHUNK bytes */
};

/* -1: no memory. */
int drain_init(struct drain *, struct session *, struct mp_writer *, struct symboliser *,
		void (*say)(const char *));
void drain_free(struct drain *);

/* One round, or a step of one.  Returns the records emitted. */
uint64_t drain_round(struct drain *);
/* Whether anything of the session may still write: live images, claimed slots,
 * children expected. */
bool drain_busy(const struct drain *);
/* How full the fullest ring is, 0 … 100; 100 in the middle of a round. */
unsigned drain_fill(const struct drain *);
/* The end of everything still open: no more rounds. */
void drain_finish(struct drain *);

/* ---- emit.c --------------------------------------------------------------------- */

int drain_emit_init(struct drain *);            /* -1: no memory */
void drain_emit(struct drain *);        /* all active slots, up to safe or the step's end */
void drain_drop(struct drain *, struct slot *); /* it holds nonsense */

/* ---- apply.c: one record, in its final place ---------------------------------- */

/* The words of an allocation or a free, read once. */
struct plain { uint64_t w0, w1, w2; };

void drain_apply(struct drain *, struct slot *, const struct record *);
void drain_apply_plain(struct drain *, struct slot *, const struct plain *, unsigned n);
/* Nothing is open that an allocation or a free of S would settle. */
static inline bool drain_is_plain(const struct slot *s)
{
	return !s->image->held && !s->unmap && !s->intent && s->thread;
}
void drain_take_thread(struct drain *, struct slot *);  /* of the events that follow */
/* What is open in a slot whose thread is dead. */
void drain_settle(struct drain *, struct slot *);
void drain_confirm_unmap(struct drain *, struct slot *);
void drain_set_time(struct drain *, uint32_t epoch);

/* ---- records.c ------------------------------------------------------------------- */

void drain_apply_definition(struct drain *, struct slot *, const struct record *);
void drain_apply_life(struct drain *, struct slot *, const struct record *);
/* A definition another slot may need sooner than its own turn. */
void drain_define(struct drain *, struct slot *, const struct record *);
void drain_mark(struct drain *, struct slot *, const char *name, int64_t value);
void drain_lost(struct drain *, uint64_t events, uint64_t bytes);
void drain_say_once(struct drain *, const char *text, size_t n);

/* ---- ends.c ------------------------------------------------------------------------ */

void drain_find_ends(struct drain *);
void drain_expect(struct drain *, uint32_t pid);        /* a child: forked, not seen yet */
void drain_arrived(struct drain *, uint32_t pid);       /* 0: none is expected any more */

/* ---- what orders a record -------------------------------------------------------- */

static inline bool drain_is_fence(const struct record *r)
{
	return r->type == MP_REC_FINALIZE || r->type == MP_REC_MARK;
}

/* Its epoch as the low 16 bits, -1: it has none. */
static inline int drain_epoch(const struct record *r)
{
	switch (r->type) {
	case MP_REC_ALLOC: case MP_REC_END: case MP_REC_INTENT: case MP_REC_MAP:
	case MP_REC_BREAK:
		return (int)(word(r, 2) >> 48);
	case MP_REC_FREE: case MP_REC_BEGIN: case MP_REC_UNMAP: case MP_REC_FORK_BEGIN:
	case MP_REC_FORK_END: case MP_REC_EXEC:
		return (int)(word(r, 1) >> 32 & 0xffff);
	case MP_REC_FINALIZE: case MP_REC_MARK:
		return (int)(word(r, 1) & 0xffff);
	default:
		return -1;
	}
}

/* Key and stamp of a record that is ordered among slots; false: it is not. */
static inline bool drain_key(const struct slot *s, const struct record *r, uint64_t *key, uint32_t *stamp)
{
	uint64_t image = (uint64_t)s->image->index << 48;

	switch (r->type) {
	case MP_REC_ALLOC: case MP_REC_END: case MP_REC_FREE: case MP_REC_BEGIN:
		*key = MP_REC_ADDRESS(r->w0);
		if (!*key)
			return false;
		*key |= image;
		break;
	case MP_REC_MAP: case MP_REC_UNMAP: case MP_REC_BREAK:
		*key = 1 | image;       /* no block is at 1: all mappings are one key */
		break;
	default:
		return false;
	}
	*stamp = (uint32_t)word(r, 1);
	return true;
}

#endif

/* synth.h - synthetic allocation histories with lifetimes like real ones, for
 * the generator of traces and the bench of the views.
 */
#ifndef SYNTH_H
#define SYNTH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum synth_shape {
	SYNTH_PYTHON, /* loops; 98 of 100 blocks die within a hundred events */
	SYNTH_LOOPY,  /* loops over zipf stacks; 85 of 100 die young */
	SYNTH_IID,    /* independent zipf draws: the worst case for compression */
	SYNTH_OLD,    /* 70 of 100 blocks live for 300,000 events, like a cache */
};

struct synth {
	enum synth_shape shape;
	uint32_t sites, threads;
	uint64_t state;
	double *zipf;   /* cumulated */
	uint32_t *site; /* by rank */
	uint32_t loop[64], length, left;
	uint32_t thread;
	uint32_t *due, *next; /* wheel of frees: entries due at a time */
	uint32_t *spare;      /* entries not in use */
	uint32_t entries, room, spares;
	uint64_t now;
};

enum { SYNTH_WHEEL = 1 << 22 };

static inline uint64_t synth_random(struct synth *s)
{
	s->state ^= s->state << 13;
	s->state ^= s->state >> 7;
	return s->state ^= s->state << 17;
}

static inline double synth_uniform(struct synth *s)
{
	return (double)(synth_random(s) >> 11) * 0x1p-53;
}

static inline bool synth_init(
	struct synth *s, enum synth_shape shape, uint32_t sites, uint32_t threads)
{
	double sum = 0;

	memset(s, 0, sizeof(*s));
	s->shape = shape;
	s->sites = sites;
	s->threads = threads;
	s->thread = 1;
	s->state = 88172645463325252ull;
	s->zipf = malloc(sites * sizeof(*s->zipf));
	s->site = malloc(sites * sizeof(*s->site));
	s->due = calloc(SYNTH_WHEEL, sizeof(*s->due));
	if (!s->zipf || !s->site || !s->due)
		return false;
	for (uint32_t i = 0; i < sites; i++) {
		uint32_t j = (uint32_t)(synth_random(s) % (i + 1));

		s->zipf[i] = sum += 1.0 / (i + 1);
		s->site[i] = s->site[j];
		s->site[j] = i + 1;
	}
	return true;
}

static inline void synth_free(struct synth *s)
{
	free(s->zipf), free(s->site), free(s->due), free(s->next), free(s->spare);
}

/* About -ln of a uniform number: an exponential draw of mean 1, without libm. */
static inline double synth_exponential(struct synth *s)
{
	double u = synth_uniform(s) + 0x1p-60;
	uint64_t bits;

	memcpy(&bits, &u, sizeof(bits));
	return (1023 - (double)(bits >> 52) - (double)(bits << 12 >> 12) * 0x1p-52) * 0.6931;
}

static inline uint32_t synth_zipf(struct synth *s)
{
	double u = synth_uniform(s) * s->zipf[s->sites - 1];
	uint32_t low = 0, high = s->sites - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (s->zipf[middle] < u)
			low = middle + 1;
		else
			high = middle;
	}
	return s->site[low];
}

static inline uint32_t synth_site(struct synth *s)
{
	if (s->shape == SYNTH_IID)
		return synth_zipf(s);
	if (!s->left) {
		s->length = 4 + (uint32_t)(synth_random(s) % 40);
		for (uint32_t i = 0; i < s->length; i++)
			s->loop[i] = synth_zipf(s);
		s->left = s->length * (1 + (uint32_t)(synth_random(s) % 60));
	}
	return s->loop[--s->left % s->length];
}

static inline double synth_life(struct synth *s)
{
	static const double share[][3] = {
		[SYNTH_PYTHON] = {.97, .99, .999},
		[SYNTH_LOOPY] = {.85, .95, .995},
		[SYNTH_IID] = {.85, .95, .995},
		[SYNTH_OLD] = {.3, .3, 1},
	};
	const double *p = share[s->shape];
	double r = synth_uniform(s), mean;

	if (r >= p[2])
		return INFINITY;
	mean = r < p[0] ? 12 : r < p[1] ? 3000 : s->shape == SYNTH_OLD ? 300000 : 400000;
	return 1 + synth_exponential(s) * mean;
}

static inline void synth_schedule(struct synth *s, uint64_t when, uint32_t entry)
{
	uint32_t *head = &s->due[when % SYNTH_WHEEL];

	s->next[entry] = *head;
	*head = entry;
}

/* The next event.  An allocation: its SITE, and the ENTRY by which its free will
 * name it, 0 if it lives for ever.  A free: SITE 0.  False when memory is out. */
static inline bool synth_next(struct synth *s, uint32_t *site, uint32_t *entry)
{
	uint32_t *head = &s->due[s->now % SYNTH_WHEEL], more = 0;
	double life;

	if (synth_random(s) % 400 == 0)
		s->thread = 1 + (uint32_t)(synth_random(s) % s->threads);
	*site = 0;
	*entry = *head;
	if (*entry) {
		*head = 0;
		/* one event at a time: the others are late */
		for (uint32_t at = s->next[*entry]; at; at = more) {
			more = s->next[at];
			synth_schedule(s, s->now + 1, at);
		}
		s->now++;
		s->spare[s->spares++] = *entry;
		return true;
	}
	*site = synth_site(s);
	life = synth_life(s);
	if (life < SYNTH_WHEEL - 2) {
		if (!s->spares && s->entries + 1 >= s->room) {
			s->room = s->room ? s->room * 2 : 1024;
			s->next = realloc(s->next, s->room * sizeof(*s->next));
			s->spare = realloc(s->spare, s->room * sizeof(*s->spare));
			if (!s->next || !s->spare)
				return false;
		}
		*entry = s->spares ? s->spare[--s->spares] : ++s->entries;
		synth_schedule(s, s->now + (uint64_t)life, *entry);
	}
	s->now++;
	return true;
}

#endif

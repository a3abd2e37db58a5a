/* sample_stack.c - see sample_stack.h. */
#include "sample_stack.h"

#include <stdlib.h>

enum {
	MOST_FRAMES = 1 << 16,  /* a trace has the outermost 16,384 of them */
	MOST_FETCHED = 4096,
	OWNED_BY_GENERATOR = 1, OWNED_BY_C_STACK = 3,   /* or more: a shim */
	TAG = 3,                /* low bits of a reference on a stack, from 3.14 */
	CHUNK_HEAD = 24,        /* previous, size, top */
	CHUNK_UNIT = 16384, CHUNK_MOST = 8 << 20,
	SLACK = 1024,           /* of a chunk, beyond what was in use a moment ago */
};

const struct chain no_frames = { .whole = true };

static int head_bytes(const struct python_offsets *o)
{
	const int field[] = { o->frame_previous, o->frame_code, o->frame_entry, o->frame_owner };
	int last = o->frame_instr;

	for (size_t i = 0; i < sizeof field / sizeof *field; i++)
		if (field[i] > last)
			last = field[i];
	return last + 8;
}

/* ---- what to read ----------------------------------------------------------------------- */

static bool more(void **x, size_t n, size_t *room, size_t size)
{
	size_t wide = *room ? *room * 2 : 32;
	void *grown;

	if (n < *room)
		return true;
	grown = realloc(*x, wide * size);
	if (!grown)
		return false;
	*x = grown;
	*room = wide;
	return true;
}

static void note_frame(struct stack_guess *g, uint64_t address)
{
	void *x = g->frame;

	if (!more(&x, g->frames, &g->frame_room, sizeof *g->frame))
		return;
	g->frame = x;
	g->frame[g->frames++] = address;
}

static void note_chunk(struct stack_guess *g, uint64_t address, uint64_t bytes)
{
	void *x = g->chunk;

	if (g->chunks && g->chunk[g->chunks - 1][0] == address)
		return;
	if (!more(&x, g->chunks, &g->chunk_room, sizeof *g->chunk))
		return;
	g->chunk = x;
	g->chunk[g->chunks][0] = address;
	g->chunk[g->chunks++][1] = bytes;
}

/* What of the current chunk is in use, and a little more: frames come and go. */
static void add_chunk(struct stack_reader *r, const struct py_state *state)
{
	const struct python_offsets *o = &r->image->offsets;
	uint64_t chunk = remote_word(state->bytes, o->thread_chunk);
	uint64_t used = remote_word(state->bytes, o->thread_top) - chunk, most;

	if (!chunk || used > CHUNK_MOST)
		return;
	most = (used + CHUNK_UNIT - 1) / CHUNK_UNIT * CHUNK_UNIT;
	snapshot_add(&r->s, chunk, used + SLACK < most ? used + SLACK : most);
}

static void add_state(struct stack_reader *r, const struct py_state *state, size_t state_bytes)
{
	const struct python_offsets *o = &r->image->offsets;
	uint64_t cframe = remote_word(state->bytes, o->thread_frame);

	snapshot_add(&r->s, state->address, state_bytes);
	if (o->cframe_current >= 0 && cframe)
		snapshot_add(&r->s, cframe + (uint64_t)o->cframe_current, 8);
}

/* TRUST 2: all that is guessed; 1: the current chunk; 0: the states alone. */
static bool read_guess(struct stack_reader *r, const struct py_state *const *state, size_t n,
		const struct stack_guess *g, size_t state_bytes, int trust)
{
	size_t head = (size_t)head_bytes(&r->image->offsets);

	snapshot_clear(&r->s);
	for (size_t i = 0; i < n; i++)
		add_state(r, state[i], state_bytes);
	for (size_t i = 0; i < n && trust > 0 && r->image->offsets.thread_chunk >= 0; i++)
		add_chunk(r, state[i]);
	r->known = r->s.n;
	for (size_t i = 0; i < g->chunks && trust > 1; i++)
		snapshot_add(&r->s, g->chunk[i][0], g->chunk[i][1]);
	for (size_t i = 0; i < g->frames && trust > 1; i++)
		snapshot_add(&r->s, g->frame[i], head);
	return snapshot_read(&r->s, r->pid, 2);
}

/* ---- the chain ---------------------------------------------------------------------------- */

/* The chunk before the oldest one known, if ADDRESS lies in it. */
static bool take_older_chunk(struct stack_reader *r, uint64_t address)
{
	const uint8_t *p = snapshot_find(&r->s, 0, r->oldest, CHUNK_HEAD);
	uint8_t head[CHUNK_HEAD];
	uint64_t before, used;

	before = p ? remote_word(p, 0) : 0;
	if (!before || address < before || !remote_read(r->pid, before, head, sizeof head))
		return false;
	used = remote_word(head, 16);
	if (used > CHUNK_MOST / 8 || address - before >= used * 8)
		return false;
	used = CHUNK_HEAD + used * 8;
	if (!snapshot_fetch(&r->s, r->pid, before, used))
		return false;
	r->oldest = before;
	return true;
}

/* The piece found last is worth a guess the next time. */
static void learn(struct stack_reader *r, uint64_t address, size_t head)
{
	const struct piece *p = &r->s.x[r->s.hint];

	if (r->s.hint < r->known)
		return;
	if (p->size == head) {
		note_frame(&r->next, address);
	} else {
		note_chunk(&r->next, p->address, p->size);
		r->oldest = p->address;
	}
}

/* The head of a frame; in the first copy what was not guessed is read now. */
static const uint8_t *frame_at(struct stack_reader *r, unsigned copy, uint64_t address)
{
	size_t head = (size_t)head_bytes(&r->image->offsets);
	const uint8_t *p;

	if (address & 7 || address >> 47)
		return NULL;
	p = snapshot_find(&r->s, copy, address, head);
	if (copy)
		return p;
	if (!p && r->oldest && take_older_chunk(r, address))
		p = snapshot_find(&r->s, 0, address, head);
	if (!p && r->s.fetched < MOST_FETCHED)
		p = snapshot_fetch(&r->s, r->pid, address, head);
	if (p)
		learn(r, address, head);
	return p;
}

static bool put(struct chain *c, const struct python_offsets *o, unsigned minor,
		const uint8_t *frame)
{
	struct py_frame *f;
	void *x = c->x;

	if (!more(&x, c->n, &c->room, sizeof *c->x))
		return false;
	c->x = x;
	f = &c->x[c->n++];
	*f = (struct py_frame){ .code = remote_word(frame, o->frame_code) };
	if (minor >= 14)
		f->code &= ~(uint64_t)TAG;
	if (o->code_units >= 0)
		f->unit = (int64_t)(remote_word(frame, o->frame_instr) - f->code -
				(uint64_t)o->code_units) >> 1;
	else
		f->unit = remote_int(frame, o->frame_instr) >> (minor < 10);    /* bytes */
	f->generator = o->frame_owner >= 0 && frame[o->frame_owner] == OWNED_BY_GENERATOR;
	/* to 3.10 each has its own; from 3.12 a shim lies behind it, which walk_state sees */
	f->entry = o->frame_entry >= 0 ? frame[o->frame_entry] != 0 : o->frame_owner < 0;
	return true;
}

/* The innermost frame of a state; false: it cannot be told. */
static bool innermost(struct stack_reader *r, unsigned copy, uint64_t state, size_t state_bytes,
		uint64_t *frame)
{
	const struct python_offsets *o = &r->image->offsets;
	const uint8_t *p = snapshot_find(&r->s, copy, state, state_bytes);

	if (!p)
		return false;
	r->oldest = o->thread_chunk >= 0 ? remote_word(p, o->thread_chunk) : 0;
	*frame = remote_word(p, o->thread_frame);
	if (o->cframe_current < 0 || !*frame)
		return true;
	*frame += (uint64_t)o->cframe_current;
	p = copy ? snapshot_find(&r->s, copy, *frame, 8) :
		snapshot_fetch(&r->s, r->pid, *frame, 8);
	*frame = p ? remote_word(p, 0) : 0;
	return p != NULL;
}

static bool walk_state(struct stack_reader *r, unsigned copy, const struct py_state *state,
		size_t state_bytes)
{
	const struct python_offsets *o = &r->image->offsets;
	struct chain *c = &r->chain[copy];
	uint64_t at, seen = 0;

	if (!innermost(r, copy, state->address, state_bytes, &at))
		return false;
	/* as many shims as frames there may be */
	for (size_t i = 0; at && i < 2 * MOST_FRAMES && c->n < MOST_FRAMES; i++) {
		const uint8_t *frame = frame_at(r, copy, at);

		if (!frame)
			return false;
		/* torn, a chain may run in a circle (R. P. Brent, 1980: the teleporting turtle) */
		if (at == seen)
			return false;
		if (!(i & (i - 1)))
			seen = at;
		at = remote_word(frame, o->frame_previous);
		if (o->frame_owner >= 0 && frame[o->frame_owner] >= OWNED_BY_C_STACK) {
			if (c->n)
				c->x[c->n - 1].entry = true;
			continue;
		}
		if (!put(c, o, r->image->minor, frame))
			return false;
	}
	return !at;
}

static void walk(struct stack_reader *r, unsigned copy, const struct py_state *const *state,
		size_t n, size_t state_bytes)
{
	struct chain *c = &r->chain[copy];

	c->n = 0;
	c->whole = true;
	for (size_t i = 0; i < n && c->whole; i++)
		c->whole = walk_state(r, copy, state[i], state_bytes);
}

/* The same but for how far the innermost frame has come. */
static bool alike(const struct chain *a, const struct chain *b)
{
	if (!a->whole || !b->whole || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->x[i].code != b->x[i].code || (i && a->x[i].unit != b->x[i].unit))
			return false;
	return true;
}

const struct chain *stack_read(struct stack_reader *r, const struct py_state *const *state,
		size_t n, struct stack_guess *g, size_t state_bytes, bool *stable)
{
	struct stack_guess last = *g;
	int trust = 2;

	while (!read_guess(r, state, n, g, state_bytes, trust))
		if (trust-- == 0)
			return NULL;
	r->next.frames = r->next.chunks = 0;
	r->chain[1].whole = false;
	walk(r, 0, state, n, state_bytes);
	*stable = !r->s.fetched || snapshot_again(&r->s, r->pid);
	if (*stable) {
		walk(r, 1, state, n, state_bytes);
		*stable = alike(&r->chain[0], &r->chain[1]);
	}
	*g = r->next;
	r->next = last;
	/* read at once rather than bit by bit, where there is the choice */
	return r->s.fetched && r->chain[1].whole ? &r->chain[1] : &r->chain[0];
}

void stack_reader_free(struct stack_reader *r)
{
	snapshot_free(&r->s);
	for (unsigned i = 0; i < 2; i++)
		free(r->chain[i].x);
	free(r->next.frame);
	free(r->next.chunk);
}

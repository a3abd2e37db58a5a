/* test_drain.c - the drain, fed by producers made of nothing but shared memory:
 * what the trace says of scripted records, and that nonsense does no harm.
 */
#include "tap.h"
#include "drain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct session session;
static struct drain drain;
static char path[] = "/tmp/mp-test-drain-XXXXXX";
static unsigned said;

static void say(const char *text)
{
	(void)text;
	said++;
}

/* ---- a producer ------------------------------------------------------------------ */

struct producer {
	struct mp_slot *slot;
	uint64_t *write, *limit, tail;
	bool held_back;         /* written, not published yet */
};

static uint64_t *chunk_at(uint32_t i)
{
	return (uint64_t *)(void *)(session.chunk + (uint64_t)i * MP_CHUNK);
}

static uint32_t take_chunk(void)
{
	for (uint32_t i = 0; i < session.chunks; i++) {
		uint64_t bit = 1ull << (i % 64);

		if (atomic_fetch_and(&session.shared->chunk_free[i / 64], ~bit) & bit)
			return i;
	}
	abort();
}

static void publish(struct producer *p)
{
	atomic_store_explicit(&p->slot->tail, p->tail, memory_order_release);
}

static uint64_t *reserve(struct producer *p, unsigned words)
{
	uint64_t *w = p->write;

	if (w + words > p->limit) {
		uint32_t i = take_chunk();

		*w = MP_REC_WORD0(MP_REC_NEXT, 0, 0, i);
		atomic_fetch_add(&p->slot->chunks, 1);
		p->tail = (p->tail / MP_CHUNK + 1) * MP_CHUNK;
		w = p->write = chunk_at(i);
		p->limit = w + MP_CHUNK / 8 - 1;
	}
	p->write += words;
	p->tail += words * 8ull;
	return w;
}

static void done(struct producer *p)
{
	if (!p->held_back)
		publish(p);
}

static uint32_t stamp(uint64_t address)
{
	return atomic_fetch_add(&session.shared->stamp[address ? mp_stripe(address) : MP_STAMPS], 1);
}

static uint64_t epoch(void)
{
	return atomic_load(&session.shared->epoch) & 0xffff;
}

static void put3(struct producer *p, unsigned type, unsigned kind, uint64_t a, uint64_t size,
		uint32_t at)
{
	uint64_t *w = reserve(p, 3);

	w[0] = MP_REC_WORD0(type, kind, 0, a);
	w[1] = at;
	w[2] = size | epoch() << 48;
	done(p);
}

static void alloc(struct producer *p, uint64_t a, uint64_t size)
{
	put3(p, MP_REC_ALLOC, MP_ALLOC_MALLOC, a, size, stamp(a));
}

static void end(struct producer *p, uint64_t a, uint64_t size)
{
	put3(p, MP_REC_END, MP_ALLOC_REALLOC, a, size, a ? stamp(a) : 0);
}

static void map(struct producer *p, unsigned kind, uint64_t a, uint64_t size)
{
	put3(p, MP_REC_MAP, kind, a, size, stamp(0));
}

static void put_free(struct producer *p, uint64_t a)
{
	uint64_t *w = reserve(p, 2);

	w[0] = MP_REC_WORD0(MP_REC_FREE, 0, 0, a);
	w[1] = stamp(a) | epoch() << 32;
	done(p);
}

static void begin(struct producer *p, uint64_t a, uint64_t size)
{
	uint64_t *w = reserve(p, 3);

	w[0] = MP_REC_WORD0(MP_REC_BEGIN, MP_ALLOC_REALLOC, 0, a);
	w[1] = stamp(a) | epoch() << 32;
	w[2] = size;
	done(p);
}

static void unmap(struct producer *p, uint64_t a, uint64_t size)
{
	uint64_t *w = reserve(p, 3);

	w[0] = MP_REC_WORD0(MP_REC_UNMAP, 0, MP_REC_FLAG_PENDING, a);
	w[1] = stamp(0) | epoch() << 32;
	w[2] = size;
	done(p);
}

static void undo(struct producer *p, unsigned flags)
{
	*reserve(p, 1) = MP_REC_WORD0(MP_REC_UNDO, 0, flags, 0);
	done(p);
}

/* A mark of P that saw the tail of Q at BEFORE, then at BEHIND. */
static void finalize(struct producer *p, const struct producer *q, uint64_t before,
		uint64_t behind)
{
	struct mp_rec_cut cut = { (uint32_t)(q->slot - session.slot),
		atomic_load(&q->slot->claimed), before, behind };
	struct mp_rec_mark r = { .w0 = MP_REC_FINALIZE, .epoch = (uint32_t)epoch(),
		.words = (sizeof r + sizeof cut) / 8, .cuts = 1,
		.stamp = atomic_fetch_add(&session.shared->stamp[MP_STAMP_MARKS], 1) };
	uint64_t *w = reserve(p, r.words);

	memcpy(w, &r, sizeof r);
	memcpy(w + sizeof r / 8, &cut, sizeof cut);
	done(p);
}

/* Of P alone; NAME_LEN may lie. */
static void own_mark(struct producer *p, unsigned kind, const char *name, size_t name_len)
{
	struct mp_rec_mark r = { .w0 = MP_REC_WORD0(MP_REC_MARK, kind, 0, 0),
		.epoch = (uint32_t)epoch(), .words = sizeof r / 8 + 4, .value = -7,
		.name_len = (uint16_t)name_len,
		.stamp = atomic_fetch_add(&session.shared->stamp[MP_STAMP_MARKS], 1) };
	uint64_t *w = reserve(p, r.words);

	memset(w, 0, r.words * 8);
	memcpy(w, &r, sizeof r);
	memcpy(w + sizeof r / 8, name, strlen(name));
	done(p);
}

static void image_record(struct producer *p, uint32_t pid)
{
	struct mp_rec_image r = { .w0 = MP_REC_IMAGE, .pid = pid, .words = sizeof r / 8,
			.page = 4096 };

	memcpy(reserve(p, sizeof r / 8), &r, sizeof r);
	done(p);
}

static struct producer claim(uint64_t image, uint32_t pid, uint32_t tid)
{
	struct producer p = { 0 };
	uint32_t i = 0, chunk = take_chunk();
	pthread_mutexattr_t attr;

	while (atomic_load(&session.slot[i].owner))
		i++;
	p.slot = &session.slot[i];
	if (i >= atomic_load(&session.shared->slots_used))
		atomic_store(&session.shared->slots_used, i + 1);
	p.slot->image = image;
	p.slot->depth = 0;
	p.slot->first_chunk = chunk;
	atomic_store(&p.slot->lost_events, 0);
	atomic_store(&p.slot->lost_bytes, 0);
	atomic_store(&p.slot->chunks, 1);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&p.slot->alive, &attr);
	atomic_store(&p.slot->owner, (uint64_t)pid << 32 | tid);
	atomic_store(&p.slot->ready, 1);
	p.write = chunk_at(chunk);
	p.limit = p.write + MP_CHUNK / 8 - 1;
	return p;
}

/* What the kernel does to the robust mutexes of a thread that is gone. */
static void die_thread(struct producer *p)
{
	*(int *)(void *)&p->slot->alive |= MP_OWNER_DIED;
}

/* ---- a session and what its trace says ------------------------------------------------ */

static void rounds(unsigned n)
{
	while (n--)
		drain_round(&drain);
}

static void start(void)
{
	struct mp_writer *w;
	int fd;

	memcpy(path, "/tmp/mp-test-drain-XXXXXX", sizeof path);
	fd = mkstemp(path);
	if (fd < 0 || session_open(&session, 8 << 20, 0) < 0 || session_begin(&session) < 0)
		abort();
	close(fd);
	w = mp_create(path, MP_BINARY, 1);
	if (!w || mp_begin(w, MP_TRACE) < 0)
		abort();
	mp_set_tick(w, 1000000);
	if (drain_init(&drain, &session, w, NULL, say) < 0)
		abort();
	said = 0;
}

static struct told {
	unsigned allocs, frees, unknown, replaced, ends, marks;
	uint64_t bytes, live, live_bytes, peak;
	char names[128];        /* of the marks */
	char order[64];         /* per event: a + size % 26, A + … or ? freed, | a mark; first 60 */
} told;

static void count_event(const struct mp_event *e, bool objects)
{
	size_t n = strlen(told.order);

	(void)objects;
	if (e->op == MP_OP_ALLOC) {
		told.allocs++;
		told.bytes += e->size;
		told.live++;
		told.live_bytes += e->size;
		if (told.live_bytes > told.peak)
			told.peak = told.live_bytes;
		if (n < 60)
			told.order[n] = (char)('a' + e->size % 26);
	} else if (e->op == MP_OP_FREE) {
		told.frees++;
		told.unknown += e->block == 0;
		if (e->block) {
			told.live--;
			told.live_bytes -= e->size;
		}
		if (n < 60)
			told.order[n] = e->block ? (char)('A' + e->size % 26) : '?';
	} else {
		told.ends += e->op == MP_OP_PROCEND;
		told.marks += e->op == MP_OP_MARK;
		if (n < 60 && e->op == MP_OP_MARK)
			told.order[n] = '|';
		if (e->op == MP_OP_MARK)
			snprintf(told.names + strlen(told.names),
					sizeof told.names - strlen(told.names), "%s ", e->name);
	}
	told.replaced += e->replace != 0;
}

/* End the session and read its trace into told. */
static void finish(void)
{
	struct mp_writer *w = drain.writer;
	struct mp_reader *r;
	struct mp_event e;
	int got;

	rounds(3);
	drain_finish(&drain);
	ok(!mp_writer_error(w));
	ok(mp_end(w) == 0);
	ok(mp_finish(w) == 0);
	drain_free(&drain);
	session_close(&session);
	memset(&told, 0, sizeof told);
	r = mp_open(path);
	ok(mp_next_part(r) == 1);
	while ((got = mp_next(r, &e)) == 1)
		count_event(&e, true);
	if (!ok(got == 0) || mp_error(r))
		printf("# %s\n", mp_error(r));
	ok(mp_next_part(r) == 0);
	ok(!mp_damage(r));
	ok(mp_close(r) == 0);
	unlink(path);
}

static uint32_t free_chunks(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < session.chunks; i++)
		n += atomic_load(&session.shared->chunk_free[i / 64]) >> (i % 64) & 1;
	return n;
}

/* ---- scripts ------------------------------------------------------------------------------ */

static void test_plain(void)
{
	struct producer p;

	start();
	p = claim(7, (uint32_t)getpid(), 1);
	image_record(&p, (uint32_t)getpid());
	for (unsigned i = 0; i < 40000; i++) {
		alloc(&p, 0x10000 + i % 500 * 16, 10);
		if (i % 100 == 50)
			rounds(1);
		put_free(&p, 0x10000 + i % 500 * 16);
	}
	alloc(&p, 0x20000, 77);
	put_free(&p, 0x30000);
	rounds(2);
	ok(free_chunks() == session.chunks - 1);
	ok(drain_busy(&drain));
	die_thread(&p);
	rounds(2);
	ok(free_chunks() == session.chunks);
	ok(atomic_load(&p.slot->owner) == 0);
	finish();
	ok(told.allocs == 40001 && told.frees == 40001 && told.unknown == 1);
	ok(told.live == 1 && told.live_bytes == 77);
	ok(told.replaced == 0 && said == 0);
}

static void test_realloc(void)
{
	struct producer p, q;

	start();
	p = claim(7, (uint32_t)getpid(), 1);
	image_record(&p, (uint32_t)getpid());
	q = claim(7, (uint32_t)getpid(), 2);
	alloc(&p, 0x1000, 1);
	begin(&p, 0x1000, 2);
	rounds(3);                      /* held */
	end(&p, 0x2000, 2);             /* moved */
	begin(&p, 0x2000, 3);
	end(&p, 0x2000, 3);             /* in place */
	begin(&p, 0x2000, 4);
	undo(&p, 0);                    /* failed: 3 bytes live */
	rounds(3);
	begin(&p, 0x2000, 5);
	rounds(3);
	alloc(&q, 0x2000, 6);           /* proves that the realloc has moved */
	rounds(3);
	end(&p, 0x3000, 5);
	rounds(3);
	begin(&q, 0x2000, 7);
	rounds(3);
	put_free(&p, 0x2000);           /* proves that it had failed */
	undo(&q, 0);
	begin(&p, 0x3000, 0);
	end(&p, 0, 0);                  /* realloc(p, 0) that frees */
	alloc(&p, 0x4000, 8);
	begin(&p, 0x4000, 9);           /* never ends: the thread dies */
	begin(&q, 0x9000, 10);
	end(&q, 0xa000, 10);            /* of a block we never saw */
	rounds(3);
	die_thread(&p);
	finish();
	ok(told.allocs == 7 && told.frees == 6 && told.unknown == 1);
	ok(told.live == 2 && told.live_bytes == 18);
	ok(strcmp(told.order, "bBcCdDgfGFi?k") == 0);
	printf("# %s\n", told.order);
	ok(told.replaced == 6);
}

/* Freed by one thread, given to another, before the drain has read either. */
static void test_two_threads(void)
{
	struct producer p[2];

	start();
	p[0] = claim(7, (uint32_t)getpid(), 1);
	image_record(&p[0], (uint32_t)getpid());
	p[1] = claim(7, (uint32_t)getpid(), 2);
	for (unsigned i = 0; i < 20000; i++) {
		struct producer *a = &p[i % 3 == 0], *b = &p[i % 5 == 0];

		alloc(a, 0x1000 + i % 7 * 16, 1 + i % 7);
		if (i % 11 == 0)
			rounds(1);
		if (i > 3 && i % 7 == 3)
			begin(b, 0x1000 + i % 7 * 16, 20), end(b, 0x1000 + i % 7 * 16, 20);
		put_free(b, 0x1000 + i % 7 * 16);
	}
	finish();
	ok(told.unknown == 0 && told.live == 0);
	ok(told.allocs == told.frees);
	ok(told.peak <= 7 * 20);        /* never two blocks at one address */
}

/* Much at once: the round gives room back before it has gone through all. */
static void test_steps(void)
{
	struct producer p[2];
	unsigned steps = 0;
	uint32_t room;

	start();
	p[0] = claim(7, (uint32_t)getpid(), 1);
	image_record(&p[0], (uint32_t)getpid());
	p[1] = claim(7, (uint32_t)getpid(), 2);
	rounds(3);
	for (unsigned i = 0; i < 80000; i++) {
		alloc(&p[i % 3 == 0], 0x1000 + i % 50 * 16, 1 + i % 7);
		put_free(&p[i % 5 == 0], 0x1000 + i % 50 * 16);
		if (i % 1000 == 0) {
			usleep(1000);
			session_tick(&session);
		}
	}
	rounds(1);
	room = free_chunks();
	for (; steps == 0 || drain.more; steps++) {
		rounds(1);
		ok(free_chunks() > room);
		room = free_chunks();
	}
	ok(steps > 1);
	finish();
	ok(told.allocs == 80000 && told.frees == 80000 && told.unknown == 0);
	ok(told.peak <= 50 * 7 && told.live == 0);         /* never two at one address */
}

/* The mark of one thread among the events of another, whichever slot comes first. */
static void test_marks(void)
{
	struct producer p[2];
	uint64_t seen;

	for (unsigned i = 0; i < 2; i++) {
		start();
		p[0] = claim(7, (uint32_t)getpid(), 1);
		image_record(&p[0], (uint32_t)getpid());
		p[1] = claim(7, (uint32_t)getpid(), 2);
		rounds(3);
		alloc(&p[!i], 0x1000, 1);
		alloc(&p[i], 0x3000, 2);
		seen = p[!i].tail;
		alloc(&p[!i], 0x2000, 3);
		finalize(&p[i], &p[!i], seen, p[!i].tail);
		alloc(&p[i], 0x4000, 4);
		alloc(&p[!i], 0x5000, 5);
		finish();
		printf("# %s\n", told.order);
		ok(told.marks == 1 && told.allocs == 5);
		ok(strchr(told.order, '|') > strchr(told.order, 'b'));
		ok(strchr(told.order, '|') > strchr(told.order, 'c'));
		ok(strchr(told.order, '|') < strchr(told.order, 'e'));
		ok(strchr(told.order, '|') < strchr(told.order, 'f'));
	}
}

/* What the program calls its marks, and what is left out once it has paused. */
static void test_pause(void)
{
	struct producer p;

	start();
	p = claim(7, (uint32_t)getpid(), 1);
	image_record(&p, (uint32_t)getpid());
	alloc(&p, 0x1000, 1);
	alloc(&p, 0x2000, 2);
	map(&p, MP_ALLOC_MMAP, 0x100000, 0x4000);
	put_free(&p, 0x8000);                   /* unknown, and told */
	own_mark(&p, MP_MARK_PAUSE, "", 0);
	put_free(&p, 0x1000);
	put_free(&p, 0x9000);                   /* left out from here on */
	begin(&p, 0x2000, 30);
	end(&p, 0, 0);                          /* what it became is not recorded */
	begin(&p, 0x3000, 30);
	undo(&p, 0);
	own_mark(&p, MP_MARK_RESUME, "", 0);
	begin(&p, 0xa000, 3);
	end(&p, 0xb000, 3);                     /* begins anew */
	unmap(&p, 0x500000, 0x1000);
	alloc(&p, 0xc000, 4);
	unmap(&p, 0x500000, 0x1000);            /* mremap of a mapping not recorded */
	map(&p, MP_ALLOC_MREMAP, 0x600000, 0x1000);
	own_mark(&p, MP_MARK_PROGRAM, "step", 4);
	own_mark(&p, MP_MARK_PROGRAM, "finalize", 8);
	own_mark(&p, MP_MARK_PROGRAM, "", 0);                   /* these three are none */
	own_mark(&p, MP_MARK_PROGRAM, "", 9);
	own_mark(&p, MP_MARK_PROGRAM, "long", 400);
	rounds(3);
	ok(drain.ident.counts.unrecorded == 4);
	ok(drain.ident.counts.outside == 1);
	finish();
	printf("# %s: %s\n", told.order, told.names);
	ok(strcmp(told.order, "bce?|BC|deo|||") == 0);
	ok(strcmp(told.names, "pause resume step mark finalize frees left out ") == 0);
	ok(told.unknown == 1 && told.replaced == 0);
	ok(told.allocs == 6 && told.live == 4 && told.live_bytes == 0x4000 + 0x1000 + 3 + 4);
}

static void test_maps(void)
{
	struct producer p, q;

	start();
	p = claim(7, (uint32_t)getpid(), 1);
	image_record(&p, (uint32_t)getpid());
	q = claim(7, (uint32_t)getpid(), 2);
	map(&p, MP_ALLOC_MMAP, 0x100000, 0x4000);
	unmap(&p, 0x101000, 0x1000);            /* a hole: 3 pages left */
	map(&p, MP_ALLOC_MMAP_FILE, 0x200000, 0x2000);
	unmap(&p, 0x200000, 0x2000);
	undo(&p, MP_REC_FLAG_PENDING);          /* failed */
	unmap(&p, 0x200000, 0x2000);            /* mremap */
	rounds(3);
	map(&p, MP_ALLOC_MREMAP_FILE, 0x300000, 0x3000);
	unmap(&p, 0x300000, 0x3000);
	rounds(3);
	map(&q, MP_ALLOC_MMAP, 0x301000, 0x1000);       /* proves it */
	unmap(&q, 0x500000, 0x1000);            /* never seen */
	alloc(&q, 0x9000, 5);
	unmap(&q, 0x100000, 0x400000);          /* all that is left: 3 pages + 1 */
	alloc(&q, 0x9010, 6);
	finish();
	ok(told.live == 2 && told.live_bytes == 11);
	ok(told.unknown == 1);
	ok(told.bytes == 0x4000 + 0x3000 + 0x2000 + 0x3000 + 0x1000 + 11);
	ok(told.peak == 0x3000 + 0x3000);
	printf("# %s %llx\n", told.order, (unsigned long long)told.bytes);
}

static void test_images(void)
{
	struct producer p, q;
	uint32_t pid = (uint32_t)getpid();

	start();
	p = claim(7, pid, pid);
	image_record(&p, pid);
	alloc(&p, 0x1000, 1);
	rounds(3);
	die_thread(&p);                         /* exec */
	q = claim(8, pid, pid);
	image_record(&q, pid);
	alloc(&q, 0x1000, 2);                   /* the same address in another image */
	put3(&q, MP_REC_INTENT, MP_ALLOC_CALLOC, 0, 1 << 20, 0);
	rounds(5);
	ok(drain.images.n == 2 && drain.images.live == 1);
	ok(drain.ident.counts.overlaps == 0 && drain.images.x[1]->memory.blocks.n == 1);
	die_thread(&q);
	finish();
	ok(told.ends >= 1 && told.allocs == 2 && told.frees == 0);
	ok(told.marks == 2);                    /* in flight, and its site */
}

static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Whatever lies in shared memory: no crash, and the session ends. */
static void test_nonsense(void)
{
	struct producer p[4];

	for (unsigned run = 0; run < 60; run++) {
		start();
		for (unsigned i = 0; i < 4; i++) {
			p[i] = claim(7 + i / 2, (uint32_t)getpid(), 1 + i);
			if (i % 2 == 0)
				image_record(&p[i], (uint32_t)getpid());
		}
		for (unsigned n = 0; n < 400; n++) {
			struct producer *a = &p[draw() % 4];
			unsigned words = 1 + (unsigned)(draw() % 12);
			uint64_t *w = reserve(a, words);

			for (unsigned i = 0; i < words; i++)
				w[i] = draw() >> draw() % 64;
			w[0] = (w[0] & ~63ull) | draw() % (MP_REC_TYPES + (run % 3 == 0));
			if (words > 1 && run % 2)
				w[1] = (uint32_t)w[1] | (uint64_t)words << 32;
			publish(a);
			if (run % 7 == 0 && n % 100 == 0)
				atomic_store(&a->slot->tail, draw());
			if (run % 5 == 0)
				a->slot->first_chunk = (uint32_t)draw();
			if (n % 40 == 0)
				rounds(1);
		}
		for (unsigned i = 0; i < 4; i++)
			die_thread(&p[i]);
		rounds(4);
		drain_finish(&drain);
		ok(mp_end(drain.writer) == 0);
		ok(mp_finish(drain.writer) == 0);
		drain_free(&drain);
		session_close(&session);
		unlink(path);
	}
}

/* ---- speed: test_drain bench ------------------------------------------------------------------ */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench(unsigned producers, unsigned live)
{
	struct producer p[8];
	unsigned n = 0;
	double spent = 0, from;

	start();
	for (unsigned i = 0; i < producers; i++) {
		p[i] = claim(7, (uint32_t)getpid(), 1 + i);
		if (i == 0)
			image_record(&p[i], (uint32_t)getpid());
	}
	while (n < 4000000) {
		for (unsigned k = 0; k < 20000; k++, n += 2) {
			unsigned i = k / 500 % producers;
			uint64_t a = (uint64_t)(1 + i) << 32 | draw() % live * 48;

			put_free(&p[i], a);
			alloc(&p[i], a, 16 + draw() % 8 * 16);
		}
		from = now();
		rounds(2);
		spent += now() - from;
	}
	printf("# %u slots, %u live blocks each: %.1f ns per event\n", producers, live,
			spent * 1e9 / n);
	drain_finish(&drain);
	if (mp_end(drain.writer) < 0 || mp_finish(drain.writer) < 0)
		abort();
	drain_free(&drain);
	session_close(&session);
	unlink(path);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "bench") == 0) {
		for (unsigned i = 0; i < 4; i++)
			if (argc < 3 || strtoul(argv[2], NULL, 10) == i)
				bench((unsigned[]){ 1, 1, 2, 8 }[i],
						(unsigned[]){ 1000, 300000, 1000, 20000 }[i]);
		return 0;
	}
	test_plain();
	test_realloc();
	test_two_threads();
	test_steps();
	test_marks();
	test_pause();
	test_maps();
	test_images();
	test_nonsense();
	return tap_done();
}

/* ringrun.c - run a command under the hook with nothing draining the rings, then
 * check what lies in them: the test of the hook alone.
 *
 *	ringrun [-n] [-p] [-g] [-c] [-S BYTES] [-s FROM-TO] HOOK CMD…
 *
 * -n: no native stacks, -p: no Python stacks, -g: no objects, -S: a sample, of one
 * allocation in so many bytes.  Prints one line of counts per process image (final:
 * live when the interpreter began to tear itself down), one for all, with -c what
 * checking every stack found, and with -s the stack of each allocation of a size in
 * that range: "got SIZE file:line:name;…", innermost first, Python frames only.
 * The events of an address are put in order by their stamps, which is exact.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../capture/ring.h"
#include "../../formats/wire.h"

struct event {
	uint64_t image, address, size;
	uint32_t stamp, stack, slot, kind;
	bool alloc, late;       /* late: after FINALIZE */
};
struct stack { uint32_t slot, id; const struct mp_rec_stack *r; const struct mp_rec_frame **python; };
struct code { uint64_t image; uint32_t id; const struct mp_rec_code *r; };

static struct mp_session *session;
static struct event *event;
static struct stack *stack;
static struct code *code;
static size_t events, stacks, codes, event_room, stack_room, code_room;
static uint64_t lost, finalizes, notes, marks, bad, arenas, maps, torn, odd;
static size_t from_size = 1, to_size;

static void *more(void *x, size_t n, size_t *room, size_t each)
{
	if (n < *room)
		return x;
	*room = *room ? *room * 2 : 4096;
	x = realloc(x, *room * each);
	if (!x)
		exit(125);
	return x;
}

static void add(uint64_t image, uint32_t slot, uint64_t address, uint64_t size, uint32_t stamp,
		uint32_t stack_id, unsigned kind, bool alloc, bool late)
{
	event = more(event, events, &event_room, sizeof *event);
	event[events++] = (struct event){ image, address, size, stamp, stack_id, slot, kind,
					  alloc, late };
}

static unsigned pythons(const struct stack *s)
{
	return s->r->same_pythons + s->r->pythons;
}

/* The Python frames of S, outermost first: some are those of the stack BEFORE. */
static void add_frames(struct stack *s, const struct stack *before)
{
	unsigned same = s->r->same_pythons, n = s->r->pythons;
	const struct mp_rec_frame *f = (const void *)((const uint64_t *)(s->r + 1) + s->r->natives);

	if (same > (before ? pythons(before) : 0))
		exit(124);
	s->python = calloc(same + n + 1, sizeof *s->python);
	if (!s->python)
		exit(125);
	if (same)
		memcpy(s->python, before->python, same * sizeof *s->python);
	for (unsigned i = 0; i < n; i++)
		s->python[same + n - 1 - i] = &f[i];
}

static const unsigned fixed[MP_REC_TYPES] = {
	[MP_REC_NEXT] = 1, [MP_REC_ALLOC] = 3, [MP_REC_FREE] = 2, [MP_REC_BEGIN] = 3,
	[MP_REC_END] = 3, [MP_REC_UNDO] = 1, [MP_REC_INTENT] = 3, [MP_REC_MAP] = 3,
	[MP_REC_UNMAP] = 3, [MP_REC_BREAK] = 3, [MP_REC_UNLOAD] = 2, [MP_REC_FORK_BEGIN] = 2,
	[MP_REC_FORK_END] = 2, [MP_REC_EXEC] = 2, [MP_REC_LOST] = 3,
};

struct begin { uint64_t address; uint32_t stamp; bool late; };

static void one_record(const struct mp_slot *s, uint32_t slot, const uint64_t *w,
		       struct begin *begin, unsigned *begins, bool *late)
{
	unsigned type = MP_REC_TYPE(w[0]), kind = MP_REC_KIND(w[0]);
	uint64_t address = MP_REC_ADDRESS(w[0]);

	switch (type) {
	case MP_REC_ALLOC:
		add(s->image, slot, address, w[2] & MP_REC_SIZE_MASK, (uint32_t)w[1], w[1] >> 32, kind,
		    true, *late);
		break;
	case MP_REC_FREE:
		add(s->image, slot, address, 0, (uint32_t)w[1], 0, kind, false, *late);
		break;
	case MP_REC_BEGIN:
		if (*begins < 8)
			begin[(*begins)++] = (struct begin){ address, (uint32_t)w[1], *late };
		else
			bad++;
		break;
	case MP_REC_END:
		if (*begins == 0) {
			bad++;
			break;
		}
		--*begins;
		add(s->image, slot, begin[*begins].address, 0, begin[*begins].stamp, 0, kind, false,
		    begin[*begins].late);
		if (address)
			add(s->image, slot, address, w[2] & MP_REC_SIZE_MASK, (uint32_t)w[1],
			    w[1] >> 32, kind, true, *late);
		break;
	case MP_REC_UNDO:
		if (MP_REC_FLAGS(w[0]) == 0)
			*begins ? (void)--*begins : (void)bad++;
		break;
	case MP_REC_MAP:
		if (kind == MP_ALLOC_ARENA)
			arenas++;
		else
			maps++;
		break;
	case MP_REC_STACK:
		stack = more(stack, stacks, &stack_room, sizeof *stack);
		stack[stacks] = (struct stack){ slot, (uint32_t)w[1], (const void *)w, NULL };
		add_frames(&stack[stacks], stacks && stack[stacks - 1].slot == slot ?
				&stack[stacks - 1] : NULL);
		torn += (stack[stacks].r->flags & MP_STACK_TORN) != 0;
		odd += (stack[stacks++].r->flags & MP_STACK_LIBGCC) != 0;
		break;
	case MP_REC_CODE:
		code = more(code, codes, &code_room, sizeof *code);
		code[codes++] = (struct code){ s->image, (uint32_t)w[1], (const void *)w };
		break;
	case MP_REC_FINALIZE:
		finalizes++;
		*late = true;
		break;
	case MP_REC_MARK:
		marks++;
		break;
	case MP_REC_LOST:
		lost += w[1];
		break;
	case MP_REC_NOTE:
		notes++;
		printf("note %.*s\n", (int)(w[1] & 0xffff), (const char *)&w[2]);
		break;
	}
}

static void one_slot(uint32_t index)
{
	const struct mp_slot *s = (const void *)((char *)session + session->slot_offset +
						 index * sizeof *s);
	const char *chunk = (const char *)session + session->chunk_offset +
			    (uint64_t)s->first_chunk * MP_CHUNK;
	uint64_t pos = 0, tail = atomic_load(&s->tail);
	struct begin begin[8];
	unsigned begins = 0;
	bool late = false;

	if (!atomic_load(&s->ready))
		return;
	lost += atomic_load(&s->lost_events);
	while (pos < tail) {
		const uint64_t *w = (const void *)(chunk + pos % MP_CHUNK);
		unsigned type = MP_REC_TYPE(w[0]);
		uint64_t words = type < MP_REC_TYPES && fixed[type] ? fixed[type] : w[1] >> 32;

		if (type == MP_REC_NONE || type == MP_REC_NEXT)
			words = (MP_CHUNK - pos % MP_CHUNK) / 8;
		if (type >= MP_REC_TYPES || !words || pos % MP_CHUNK + words * 8 > MP_CHUNK) {
			bad++;
			return;
		}
		if (type == MP_REC_NEXT)
			chunk = (const char *)session + session->chunk_offset +
				MP_REC_ADDRESS(w[0]) * MP_CHUNK;
		else
			one_record(s, index, w, begin, &begins, &late);
		pos += words * 8;
	}
}

/* ---- counting ---------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->image != y->image)
		return x->image < y->image ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (int32_t)(x->stamp - y->stamp) < 0 ? -1 : x->stamp != y->stamp;
}

static bool is_object(unsigned kind)
{
	return kind >= MP_ALLOC_PYMEM_MALLOC && kind <= MP_ALLOC_PYOBJECT_REALLOC;
}

static void count_image(const struct event *e, size_t n)
{
	uint64_t allocs = 0, objects = 0, frees = 0, unknown = 0, over = 0, live = 0, bytes = 0;
	uint64_t mixed = 0, left = 0, left_bytes = 0;
	const struct event *at = NULL;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || e[i].address != e[i - 1].address)
			at = NULL;
		if (e[i].alloc) {
			allocs++;
			objects += is_object(e[i].kind);
			over += at != NULL;
			at = &e[i];
		} else {
			frees++;
			if (!at && unknown++ < 10 && getenv("RINGRUN_VERBOSE"))
				printf("unknown %#lx kind %u slot %u stamp %u late %d\n",
				       e[i].address, e[i].kind, e[i].slot, e[i].stamp, e[i].late);
			if (at && is_object(at->kind) != is_object(e[i].kind))
				mixed++;
			at = NULL;
		}
		if (!e[i].late && at && (i + 1 == n || e[i + 1].address != e[i].address ||
					 e[i + 1].late)) {
			left++;
			left_bytes += at->size;
		}
		if (at && (i + 1 == n || e[i + 1].address != e[i].address)) {
			live++;
			bytes += at->size;
		}
	}
	printf("image allocs %lu objects %lu frees %lu unknown %lu over %lu mixed %lu live %lu "
	       "bytes %lu final %lu %lu\n", allocs, objects, frees, unknown, over, mixed, live,
	       bytes, left, left_bytes);
}

/* ---- stacks -------------------------------------------------------------------------- */

static const struct mp_rec_code *find_code(uint64_t image, uint32_t id)
{
	for (size_t i = 0; i < codes; i++)
		if (code[i].id == id && code[i].image == image)
			return code[i].r;
	return NULL;
}

static void print_stack(const struct event *e)
{
	const struct stack *s = NULL;

	for (size_t i = 0; i < stacks && !s; i++)
		if (stack[i].slot == e->slot && stack[i].id == e->stack)
			s = &stack[i];
	printf("got %lu %s", e->size, s ? "" : "none");
	for (unsigned i = s ? pythons(s) : 0; i-- > 0;) {
		const struct mp_rec_code *c = find_code(e->image, s->python[i]->code);
		const char *name = (const char *)(c + 1);

		if (c)
			printf("%.*s:%d:%.*s;", c->file_len, name + c->name_len, s->python[i]->line,
			       c->name_len, name);
		else
			printf("?:%d:?;", s->python[i]->line);
	}
	if (s && s->r->flags & MP_STACK_CUT)
		printf("cut;");
	putchar('\n');
}

static int open_session(uint32_t options, uint32_t sample)
{
	uint64_t slots = (sizeof *session + 4095) & ~4095ull;
	uint64_t chunks = (slots + MP_SLOTS * sizeof(struct mp_slot) + 65535) & ~65535ull;
	uint64_t n = MP_CHUNKS_MAX, size = chunks + n * MP_CHUNK;
	int fd = memfd_create("ringrun", 0);
	pthread_mutexattr_t attr;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -1;
	session = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (session == MAP_FAILED)
		return -1;
	session->version = MP_RING_VERSION;
	session->options = options;
	session->sample = sample;
	session->size = size;
	session->slots = MP_SLOTS;
	session->chunks = session->chunks_per_slot = (uint32_t)n;
	session->slot_offset = slots;
	session->chunk_offset = chunks;
	session->drain_pid = getpid();
	session->drain_fd = fd;
	for (uint64_t i = 0; i < n; i++)
		session->chunk_free[i / 64] |= 1ull << i % 64;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&session->drain_alive, &attr);
	pthread_mutex_lock(&session->drain_alive);
	session->magic = MP_RING_MAGIC;
	return fd;
}

static int run(char **argv, int fd)
{
	char text[128], preload[8192], *hook = realpath(argv[0], NULL);
	const char *old = getenv("LD_PRELOAD");
	int status;
	pid_t pid;

	snprintf(preload, sizeof preload, "%s%s%s", hook ? hook : "", old ? ":" : "", old ? old : "");
	snprintf(text, sizeof text, "ringrun-%d:%032d:%d:%d", getpid(), 0, getpid(), fd);
	pid = fork();
	if (pid == 0) {
		setenv("LD_PRELOAD", preload, 1);
		setenv("MP_SESSION", text, 1);
		execvp(argv[1], &argv[1]);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	uint32_t options = MP_OPT_NATIVE | MP_OPT_PYTHON | MP_OPT_OBJECTS, sample = 0;
	int c, fd, status;
	size_t first = 0;

	while ((c = getopt(argc, argv, "+npgcS:s:")) != -1)
		switch (c) {
		case 'n': options &= ~(uint32_t)MP_OPT_NATIVE; break;
		case 'p': options &= ~(uint32_t)MP_OPT_PYTHON; break;
		case 'g': options &= ~(uint32_t)MP_OPT_OBJECTS; break;
		case 'c': options |= MP_OPT_CHECK; break;
		case 'S': sample = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 's': sscanf(optarg, "%zu-%zu", &from_size, &to_size); break;
		default: return 125;
		}
	if (argc - optind < 2 || (fd = open_session(options, sample)) < 0)
		return 125;
	status = run(argv + optind, fd);
	for (uint32_t i = 0; i < MP_SLOTS; i++)
		one_slot(i);
	for (size_t i = 0; i < events; i++)
		if (event[i].alloc && event[i].size >= from_size && event[i].size <= to_size)
			print_stack(&event[i]);
	qsort(event, events, sizeof *event, by_address);
	for (size_t i = 1; i <= events; i++)
		if (i == events || event[i].image != event[first].image) {
			count_image(event + first, i - first);
			first = i;
		}
	printf("total lost %lu bad %lu finalize %lu notes %lu marks %lu arenas %lu maps %lu "
	       "stacks %zu codes %zu status %d\n", lost, bad, finalizes, notes, marks, arenas, maps,
	       stacks, codes, status);
	if (options & MP_OPT_CHECK)
		printf("checked %lu native %lu python %lu flags %lu libgcc %lu odd %lu "
		       "torn %lu\n",
		       session->check[MP_CHECK_STACKS], session->check[MP_CHECK_NATIVE],
		       session->check[MP_CHECK_PYTHON], session->check[MP_CHECK_FLAGS],
		       session->check[MP_CHECK_ROWS], odd, torn);
	return status;
}

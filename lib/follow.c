/* follow.c - bytes of an input that is still being written.
 * Invariant: whoever waits for a byte is called back at least once in the time it asked
 * for, whether bytes come or not.
 */
#include "follow.h"

#include "block.h"
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 100 };            /* ms between two looks at a file's end */

struct followed {
	int fd;
	bool owned, regular;
	uint8_t head[MP_FRAME_HEAD + MP_MARKER_LEN];    /* its first bytes */
	size_t n_head;
	struct mp_watch *watch;
	struct mp_err error;
	char name[];
};

/* Whether the input has something to read (or its end), within MS. */
static bool ready(const struct followed *f, int ms)
{
	struct pollfd p[MP_WAKES + 1] = {
		{ .fd = f->regular ? -1 : f->fd, .events = POLLIN },
	};

	for (size_t i = 0; i < MP_WAKES; i++)
		p[i + 1] = (struct pollfd){ .fd = f->watch->wake[i], .events = POLLIN };
	return poll(p, MP_WAKES + 1, ms) > 0 && p[0].revents;
}

static void keep_head(struct followed *f, const void *data, size_t n)
{
	size_t room = sizeof(f->head) - f->n_head;

	if (n > room)
		n = room;
	memcpy(f->head + f->n_head, data, n);
	f->n_head += n;
}

/* Whether what has come so far can be the begin of a .mp stream; others do not say
 * where they end. */
static bool like_mp(const struct followed *f)
{
	uint8_t known[sizeof(f->head)];

	memcpy(known, f->head, sizeof(known));
	mp_set_u32(known, MP_SKIPPABLE);
	memcpy(known + MP_FRAME_HEAD, MP_MARKER, MP_MARKER_LEN);
	return memcmp(known, f->head, f->n_head) == 0;
}

static bool shrunk(const struct followed *f)
{
	off_t at = lseek(f->fd, 0, SEEK_CUR);
	struct stat st;

	return at > 0 && fstat(f->fd, &st) == 0 && st.st_size < at;
}

static ssize_t follow_fill(void *ctx, void *buf, size_t n)
{
	struct followed *f = ctx;
	bool over = false;      /* there was nothing behind a complete part */

	for (;;) {
		int ms = f->watch->tick(f->watch->ctx);
		ssize_t got;

		if (!f->regular && !ready(f, ms))
			continue;
		got = read(f->fd, buf, n);
		if (got > 0)
			keep_head(f, buf, (size_t)got);
		if (got > 0 || (!got && !f->regular))
			return got;
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return mp_err_set(&f->error, "%s: %s", f->name, strerror(errno));
		if (!f->regular)
			continue;
		if (shrunk(f))
			return mp_err_set(&f->error, "%s: became shorter while it was read",
				f->name);
		if (over || !like_mp(f))
			return 0;
		over = f->watch->complete;
		ready(f, ms < STEP ? ms : STEP);
	}
}

static const char *follow_error(void *ctx)
{
	return ((struct followed *)ctx)->error.text;
}

static void follow_close(void *ctx)
{
	struct followed *f = ctx;

	if (f->owned)
		close(f->fd);
	free(f);
}

int mp_follow_source(struct mp_source *source, const char *path, struct mp_watch *watch)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "stdin" : path;
	size_t len = strlen(name) + 1;
	struct followed *f = calloc(1, sizeof(*f) + len);
	struct stat st;

	if (!f)
		return -1;
	memcpy(f->name, name, len);
	f->watch = watch;
	f->owned = !standard;
	f->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0) {
		mp_err_set(&f->error, "%s: %s", name, strerror(errno));
		f->owned = false;
		f->regular = true;      /* the first read fails */
	} else {
		f->regular = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
	}
	*source = (struct mp_source){ f, follow_fill, follow_error, follow_close };
	return 0;
}

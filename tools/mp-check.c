/* mp-check - verify files: every checksum, every column, every sum, the end marks.
 * One line a file; the exit status has a bit for each kind of trouble.
 */
#include "../lib/cli.h"
#include "../lib/io.h"
#include "../lib/print.h"

#include <inttypes.h>
#include <string.h>

enum { UNREADABLE = 2, DAMAGED = 4, TRUNCATED = 8 };

static const struct cli_opt opts[] = { {.type = CLI_END} };

static const struct cli cli = {
	.name = "mp-check", .args = "[OPTION]... [FILE]...",
	.summary = "Verify traces and profiles; -q: by exit status only.",
	.opts = opts,
	.example = {"mp-check t.mp", "find . -name '*.mp' | xargs mp-check"},
	.flags = CLI_INPUT | CLI_OUTPUT,
};

struct count { uint64_t traces, profiles, events, rows; };

static void read_part(struct mp_reader *r, struct count *n)
{
	bool trace = mp_kind(r) == MP_TRACE;

	*(trace ? &n->traces : &n->profiles) += 1;
	if (mp_verify_part(r, trace ? &n->events : &n->rows) < 0)
		return;         /* an error that stays */
}

/* TEXT without the name of the file, which the line has already. */
static const char *cause(const char *file, const char *text)
{
	size_t n = strlen(file);

	return strncmp(text, file, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2
		: text;
}

static void put_count(uint64_t n, const char *what)
{
	if (n)
		printf(", %" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

static int check(const char *path)
{
	const char *name = strcmp(path, "-") == 0 ? "stdin" : path, *error, *damage;
	struct mp_reader *r = cli_need(mp_open(path));
	struct count n = { 0 };
	struct mp_loss loss;
	int status = 0, any;

	cli_progress(path, r);
	while ((any = mp_next_part(r)) > 0)
		read_part(r, &n);
	cli_progress_end();
	loss = mp_loss(r);
	error = mp_error(r);
	damage = mp_damage(r);
	if (error && strstr(cause(name, error), "out of memory"))
		die("%s", error);
	if (loss.truncated)
		status |= TRUNCATED;
	if (loss.damaged_blocks || damage)
		status |= DAMAGED;
	if (error && !status)
		status = n.traces + n.profiles && !strstr(error, "newer version") ? DAMAGED
			: UNREADABLE;
	if (!cli_quiet) {
		print_name(stdout, name, 0);
		printf(": %s%s", !status ? "clean" : status & UNREADABLE ? "unreadable" :
			status & DAMAGED ? "damaged" : "truncated",
			status == (DAMAGED | TRUNCATED) ? ", truncated" : "");
		put_count(n.traces, "trace");
		put_count(n.profiles, "profile");
		put_count(n.events, "event");
		put_count(n.rows, "row");
		put_count(loss.damaged_blocks, "damaged block");
		put_count(loss.lost_events, "lost event");
		if (*cli_estimate_text(&loss))
			printf(", %s", cli_estimate_text(&loss));
		if (damage || error) {
			fputs(": ", stdout);
			print_name(stdout, cause(name, damage ? damage : error), 0);
		}
		putchar('\n');
	}
	return mp_close(r) < 0 && !status ? UNREADABLE : status;
}

int main(int argc, char **argv)
{
	char **files = cli_begin(&cli, argc, argv);
	int status = 0;

	for (size_t i = 0; files[i]; i++)
		cli_input(files[i]);
	cli_redirect();
	for (; *files; files++)
		status |= check(*files);
	return cli_end(status);
}

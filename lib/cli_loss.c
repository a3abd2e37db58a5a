/* cli_loss.c - what a program has to say of figures that are not exact: what is
 * missing from its input, and whether it is a sample.
 */
#include "cli_own.h"

#include <inttypes.h>
#include <string.h>

#include "print.h"

static void add_loss(char *text, size_t room, uint64_t n, const char *what)
{
	size_t at = strlen(text);

	if (n)
		snprintf(text + at, room - at, "%s%" PRIu64 " %s%s", at ? ", " : "", n, what,
			n == 1 ? "" : "s");
}

const char *cli_loss_text(const struct mp_loss *loss)
{
	static char text[160];

	*text = 0;
	add_loss(text, sizeof(text), loss->damaged_blocks, "damaged block");
	add_loss(text, sizeof(text), loss->truncated, "truncated part");
	add_loss(text, sizeof(text), loss->lost_events, "lost event");
	add_loss(text, sizeof(text), loss->lost_bytes, "lost byte");
	return text;
}

const char *cli_estimate_text(const struct mp_loss *loss)
{
	static char text[96];
	char number[PRINT_NUMBER];

	*text = 0;
	if (loss->sample_interval)
		snprintf(text, sizeof(text), "sampled, one allocation in about %s recorded",
			print_number(number, (int64_t)(loss->sample_interval & INT64_MAX), "B"));
	return text;
}

const char *cli_note_text(const struct mp_loss *loss)
{
	static char text[320];
	const char *lost = cli_loss_text(loss), *estimate = cli_estimate_text(loss);

	snprintf(text, sizeof(text), "%s%s%s%s%s", *lost ? "incomplete: " : "", lost,
		*lost && *estimate ? "; " : "", *estimate ? "estimates: " : "", estimate);
	return text;
}

void cli_tell_estimate(const struct mp_loss *loss)
{
	static bool told;

	if (loss->sample_interval && !told)
		note("estimates: %s", cli_estimate_text(loss));
	told |= loss->sample_interval > 0;
}

void cli_json_estimate(const struct mp_loss *loss)
{
	if (loss->sample_interval)
		printf(",\"sample_interval\":%" PRIu64 ",\"estimate\":true",
			loss->sample_interval);
}

void cli_count_loss(const struct mp_loss *loss)
{
	if (loss->damaged_blocks || (loss->truncated && cli_shared.strict))
		cli_shared.lossy = true;
}

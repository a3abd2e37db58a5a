/* cli_course.c - the course of a trace as rows: tab-separated text, JSON lines.
 * Invariant: every number is exact; a value that is not there is empty, or null.
 */
#include "cli_own.h"
#include "course.h"

#include <inttypes.h>

#include "print.h"

static bool is_there(const struct mp_course *c, size_t line, uint32_t i)
{
	return line < MP_COURSE_KINDS || c->line[line].value[i] >= 0;
}

void cli_course_text(const struct mp_course *c, unsigned part)
{
	fputs("#part\ttime\tuntil", stdout);
	for (size_t k = 0; k < c->n; k++) {
		putchar('\t');
		print_name(stdout, c->line[k].name, 0);
	}
	putchar('\n');
	for (uint32_t i = 0; i < c->t->n; i++) {
		printf("%u\t%" PRIu64 "\t%" PRIu64, part, mp_course_edge(c, i),
			mp_course_edge(c, i + 1));
		for (size_t k = 0; k < c->n; k++) {
			putchar('\t');
			if (is_there(c, k, i))
				printf("%" PRId64, c->line[k].value[i]);
		}
		putchar('\n');
	}
}

void cli_course_json(const struct mp_course *c, unsigned part, const struct mp_loss *loss)
{
	for (uint32_t i = 0; i < c->t->n; i++) {
		printf("{\"part\":%u,\"time\":%" PRIu64 ",\"until\":%" PRIu64, part,
			mp_course_edge(c, i), mp_course_edge(c, i + 1));
		for (size_t k = 0; k < c->n; k++) {
			putchar(',');
			print_json(stdout, c->line[k].name);
			if (is_there(c, k, i))
				printf(":%" PRId64, c->line[k].value[i]);
			else
				fputs(":null", stdout);
		}
		cli_json_estimate(loss);
		puts("}");
	}
}

/* print.h - names and numbers for people: nothing from a trace reaches a
 * terminal unescaped.  Sizes here are rounded; text and JSON keep them exact.
 */
#ifndef MP_PRINT_H
#define MP_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* NAME with control bytes, invalid UTF-8 and direction overrides as \xNN, cut in
 * its middle to at most WIDTH characters (0: not cut).  Returns its width. */
size_t print_name(FILE *, const char *name, size_t width);
/* NAME between double quotes as JSON; bytes that are not UTF-8 become U+FFFD. */
void print_json(FILE *, const char *name);

enum { PRINT_NUMBER = 32 };
/* VALUE in UNIT ("B", "ns", others plain) into TEXT: "1.5 MiB", "-20 B", "3.2 s". */
const char *print_number(char text[PRINT_NUMBER], int64_t value, const char *unit);
const char *print_percent(char text[PRINT_NUMBER], int64_t value, int64_t whole);

size_t print_width(void);               /* columns of the terminal on stdout, 0: not one */
size_t print_height(void);
enum print_color { PRINT_AUTO, PRINT_ALWAYS, PRINT_NEVER };
bool print_colored(enum print_color);   /* NO_COLOR, TERM=dumb and not a terminal: no */
/* What a heading, a percentage, growth and shrinkage look like, PRINT_PLAIN: the end of
 * any of them; "" unless COLORED. */
enum print_style { PRINT_PLAIN, PRINT_BOLD, PRINT_DIM, PRINT_RED, PRINT_GREEN };
const char *print_style(bool colored, enum print_style);
/* print_percent in a column of a table, dim where COLORED; its width. */
int print_share(bool colored, int64_t value, int64_t whole);

#endif

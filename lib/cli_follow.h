/* cli_follow.h - a table of a stream that is still being written, once a second. */
#ifndef MP_CLI_FOLLOW_H
#define MP_CLI_FOLLOW_H

#include "cli.h"

/* Read PATH as it grows, through cli_query, and print TABLE of it by the column KEY
 * (NULL: the default) every second: on a terminal in place, with keys, else one after
 * the other.  TABLE, *KEY and what is returned at the end of the stream make the last,
 * above which its figures have been printed.  Dies like cli_load. */
struct mp_profile *cli_follow(const char *path, struct cli_table *, const char **key);

/* The terminal (cli_screen.c).  Whatever way the program ends, it is as it was. */
enum cli_event { CLI_NO_EVENT, CLI_REDRAW = 256 };      /* others: a key */
void cli_screen_begin(int wake[2]);     /* descriptors that say an event is there, or -1 */
void cli_screen_end(void);              /* nothing if there was none */
int cli_screen_event(void);
void cli_screen_frame(void);            /* what is printed up to the next is a frame */

#endif

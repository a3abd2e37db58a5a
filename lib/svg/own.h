/* own.h - inside the writer of flame graphs: what page.c (the file and its picture)
 * and data.c (what the script makes its own from) share.
 */
#ifndef MP_SVG_OWN_H
#define MP_SVG_OWN_H

#include "svg.h"

enum {
	SVG_TOP = 74,           /* of the frames */
	SVG_ROW = 16,
	SVG_SHADES = 8,
};

/* A colour is a letter, of what the frame is, and a shade of its own. */
enum { SVG_PYTHON, SVG_NATIVE, SVG_INLINED, SVG_UNKNOWN, SVG_NOTE, SVG_ROOT, SVG_SAME, SVG_GREW,
	SVG_SHRANK, SVG_KINDS };
static const char svg_letter[SVG_KINDS + 1] = "pnquorzab";
struct svg_colour { uint8_t kind, shade; };

struct svg_page {
	FILE *out;
	const struct mp_svg *how;
	struct mp_svg_graph g;
	uint32_t *name;         /* of a location: its place among the file's names */
	uint32_t *location;     /* and back */
	uint32_t names;
	struct svg_colour *colour;      /* of a frame of the graph */
	FILE *text;             /* into s */
	char *s;
	size_t n;
};

/* Printable text as XML. */
void mp_svg_xml(FILE *, const char *);
/* NAME as people may read it, at most WIDTH characters (0: all); until the next. */
const char *mp_svg_visible(struct svg_page *, const char *name, size_t width);
/* Which one a frame is, whatever it changed by; and what it is drawn in. */
struct svg_colour mp_svg_own_colour(const struct svg_page *, const struct mp_svg_frame *);
/* What the script reads, as its first statement; false when memory is out. */
bool mp_svg_data(struct svg_page *);

#endif

/* svg.h - a profile as a flame graph: one SVG file that needs nothing else.
 * What is drawn is decided in graph.c, written in page.c; style and script are the
 * files beside them, put into the program when it is built.
 */
#ifndef MP_SVG_H
#define MP_SVG_H

#include "flame.h"

#include <stdio.h>

struct mp_svg {
	const char *title, *note;       /* note: what is not exact, "": nothing */
	unsigned width;                 /* pixels */
	bool icicle;                    /* the root on top */
	enum mp_by by;                  /* MP_BY_LINE or MP_BY_FUNCTION */
	enum mp_show show;
	size_t column;
	int64_t least;                  /* smaller frames become [rest], 0: none */
};

/* ---- what is drawn (graph.c) ------------------------------------------------------- */

enum { MP_SVG_MARGIN = 10 };            /* pixels */
#define MP_SVG_SEEN 0.5                 /* what is narrower is not seen */

/* A frame that is wide enough.  Its children come behind it, by name, each followed
 * by its own; they stand side by side from its left. */
struct mp_svg_frame {
	uint32_t location;      /* of the flame's tree; 0: the root, or [rest] */
	uint32_t depth;         /* 0: the root of all */
	uint32_t folded;        /* frames above it that are too narrow */
	double weight, left;    /* in units of the column */
	size_t sum, folded_sum; /* place in sums[]: a value per column; 0: folded none */
};

struct mp_svg_graph {
	struct mp_profile *p;
	struct mp_flame flame;
	size_t column, old, new_;       /* old, new_: SIZE_MAX if it is no difference */
	struct mp_svg_frame *frame;
	size_t n;
	int64_t *sums;
	size_t n_sums;
	uint64_t folded, rest;          /* frames folded, frames in [rest] */
	double narrowest;               /* pixels: what is narrower was folded */
	double change;                  /* largest |value| of a frame of a difference */
	uint32_t depth;
};

/* -1: an error of the profile. */
int mp_svg_graph(struct mp_svg_graph *, struct mp_profile *, const struct mp_svg *) MP_USE_RESULT;
void mp_svg_graph_free(struct mp_svg_graph *);

/* ---- the file (page.c) -------------------------------------------------------------- */

int mp_svg_write(FILE *, struct mp_profile *, const struct mp_svg *) MP_USE_RESULT;

#endif

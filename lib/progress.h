/* progress.h - how far a reader has come, for who wants to show it.
 */
#ifndef MP_PROGRESS_H
#define MP_PROGRESS_H

#include "mp.h"

/* Called each time bytes of the input have come (of a file about once in 256 KiB): AT is
 * the offset behind them, in the file as it is.  Right after mp_open. */
typedef void mp_progress_fn(void *ctx, uint64_t at);
void mp_reader_progress(struct mp_reader *, mp_progress_fn *, void *ctx);

#endif

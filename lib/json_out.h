/* json_out.h - inside the writer of JSON lines: values with their keys.  A comma
 * is put before a key wherever one is needed.
 */
#ifndef MP_JSON_OUT_H
#define MP_JSON_OUT_H

#include "text.h"

void mp_json_key(struct mp_buf *, const char *key);
void mp_json_text(struct mp_buf *, const char *key, const char *s);
/* KEY NULL: the string alone. */
void mp_json_id(struct mp_buf *, const char *key, const struct mp_tree *, uint32_t string);
void mp_json_u64(struct mp_buf *, const char *key, uint64_t value);
void mp_json_i64(struct mp_buf *, const char *key, int64_t value);
void mp_json_kind(struct mp_buf *, uint32_t kind);
/* "stack" with all frames, or as a SITE: "site", the line that mp-top would name. */
void mp_json_stack(struct mp_buf *, const struct mp_tree *, mp_node node, bool site);
void mp_json_event(struct mp_buf *, const struct mp_tree *, const struct mp_event *, bool site);

#endif

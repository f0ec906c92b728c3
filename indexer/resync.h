/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resynchronisation: where a match broke off, the next one is seldom far away.  What it
 * may cost is bounded by the bytes of the track: each looks at a number of bytes, which
 * those of the frames pay for.
 *
 * For search.c; the functions move `s` as search_next does.
 */
#ifndef MKVDUP_RESYNC_H
#define MKVDUP_RESYNC_H

#include "search.h"

/* Go on behind the last match with data[pos …), or what is behind an insertion there: over
 * the same gap as the last time, … */
bool resync_gap (const struct search_context *c, struct search *s, const uint8_t *data,
                 uint32_t len, uint32_t pos, struct match *m);

/* … within a few hundred bytes, … */
bool resync_near (const struct search_context *c, struct search *s, const uint8_t *data,
                  uint32_t len, uint32_t pos, struct match *m);

/* … or within a frame, of the view or of the payload. */
bool resync_far (const struct search_context *c, struct search *s, const uint8_t *data,
                 uint32_t len, uint32_t pos, struct match *m);

/* Look for data[pos …), the beginning of a frame, far on in the view: pictures were left
 * out.
 */
bool resync_leap (const struct search_context *c, struct search *s, const uint8_t *data,
                  uint32_t len, uint32_t pos, struct match *m);

/* `len` bytes of the track are done with. */
void resync_pay (struct search *s, uint32_t len);

/* Take data[at, at + len) as found at byte `from` of a view. */
void search_accept (const struct search_context *c, struct search *s, struct match *m,
                    uint32_t view, uint64_t from, uint32_t at, uint32_t len);

#endif /* MKVDUP_RESYNC_H */

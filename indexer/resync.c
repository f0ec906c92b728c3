/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking nearby for a place to go on: see resync.h.
 *
 * A gap is bytes left out of the view, bytes put into the payload, or both.  The last
 * one is tried again first: what remuxers do they do to each frame.
 */
#include "config.h"

#include <string.h>

#include "resync.h"

/* How far ahead to look in the view for a place to go on: first where small
 * insertions and omissions are (a NAL prefix, stripped bytes, user data), then about
 * a frame.
 */
#define NEAR_WINDOW 512u
#define FAR_WINDOW (32u << 10)

/* How many bytes may have been inserted in the payload, or be of units too short to be
 * probed for: nearby, two lengths and a short NAL between them; else, one length.
 */
#define NEAR_PUT 64u
#define FAR_PUT 16u

/* Resynchronising needs so many equal bytes; chance is then out of the question,
 * repetition is not.
 */
#define PROBE 16u

/* Resynchronising may look at so many bytes for each byte of the track, and at so many in
 * advance.  Real tracks need a tenth of that; one that breaks off everywhere (coded anew,
 * from the same pictures) would spend minutes.
 */
#define NEAR_PER_BYTE 64u
#define FAR_PER_BYTE 8u
#define SCAN_ADVANCE (UINT64_C (16) << 20)

/* How far on the next frame may begin, if others were left out: a few GOPs.  So many of
 * its bytes have to be there, which no two frames share by their headers alone.
 */
#define LEAP (UINT64_C (2) << 20)
#define LEAP_PROBE 48u

/* Try data[pos + put …) at `skip` bytes behind the last match's end. */
static bool
try_gap (const struct search_context *c, struct search *s, const uint8_t *data,
         uint32_t len, uint32_t pos, uint32_t put, uint32_t skip, struct match *m)
{
  uint64_t from = s->next + skip;
  uint32_t n, back;

  if (put >= len - pos)
    return false;
  n = (uint32_t) view_match (c->views, s->view, from, data + pos + put, len - pos - put);
  if (n < 2 * PROBE && (n < PROBE || pos + put + n < len))
    return false;
  /* Not back over the last match's end: those bytes of the view have been used. */
  back = put < skip ? put : skip;
  back =
    (uint32_t) view_match_back (c->views, s->view, from, data + pos + put - back, back);
  s->put = put - back;
  s->skip = skip - back;
  search_accept (c, s, m, s->view, from - back, pos + put - back, n + back);
  return true;
}

/* What a scan of a window of this size is booked on. */
static uint64_t *
scanned_in (struct search *s, uint32_t window)
{
  return window > NEAR_WINDOW ? &s->scanned_far : &s->scanned_near;
}

/* Look for data[pos + put …) in the `window` bytes behind the last match's end, for
 * put <= max_put.
 */
static bool
scan (const struct search_context *c, struct search *s, const uint8_t *data, uint32_t len,
      uint32_t pos, uint32_t window, uint32_t max_put, struct match *m)
{
  uint64_t *scanned = scanned_in (s, window);
  uint8_t bytes[FAR_WINDOW];
  size_t n;

  if (*scanned > SCAN_ADVANCE)
    return false;
  n = view_read (c->views, s->view, s->next, bytes, window);
  for (uint32_t put = 0; put <= max_put && pos + put + PROBE <= len; put++) {
    const uint8_t *p = memmem (bytes, n, data + pos + put, PROBE);

    *scanned += p ? (size_t) (p - bytes) : n;
    if (p && try_gap (c, s, data, len, pos, put, (uint32_t) (p - bytes), m))
      return true;
  }
  return false;
}

/* The last place of the probe in the bytes, or NULL. */
static const uint8_t *
find_last (const uint8_t *bytes, size_t n, const uint8_t *probe)
{
  const uint8_t *p = NULL, *next = bytes;

  while ((next = memmem (next, (size_t) (bytes + n - next), probe, PROBE)))
    p = next++;
  return p;
}

/* The same backwards. */
static bool
scan_back (const struct search_context *c, struct search *s, uint32_t view, uint32_t most,
           uint32_t max_put, const uint8_t *data, uint32_t *end, uint64_t *at)
{
  uint64_t *scanned = scanned_in (s, most);
  uint8_t bytes[FAR_WINDOW];
  size_t window = *at < most ? (size_t) *at : most;
  uint64_t from = *at - window;

  if (*scanned > SCAN_ADVANCE ||
      view_read (c->views, view, from, bytes, window) != window)
    return false;
  for (uint32_t put = 0; put <= max_put && put + PROBE <= *end; put++) {
    const uint8_t *p = find_last (bytes, window, data + *end - put - PROBE);

    *scanned += window;
    if (p) {
      *at = from + (uint64_t) (p - bytes) + PROBE;
      *end -= put;
      return true;
    }
  }
  return false;
}

bool
search_back (const struct search_context *c, struct search *s, uint32_t view,
             const uint8_t *data, uint32_t *end, uint64_t *at)
{
  return scan_back (c, s, view, NEAR_WINDOW, NEAR_PUT, data, end, at) ||
         scan_back (c, s, view, FAR_WINDOW, FAR_PUT, data, end, at);
}

/* Where bytes are missing from the view (bad sectors), the track goes on where the last
 * match ended: look for those bytes in all of the frame.  (Of several tracks mixed, what
 * is in between may be found elsewhere.)
 */
static bool
scan_hole (const struct search_context *c, struct search *s, const uint8_t *data,
           uint32_t len, uint32_t pos, struct match *m)
{
  uint8_t bytes[PROBE];
  const uint8_t *p;

  if (s->scanned_near > SCAN_ADVANCE ||
      view_read (c->views, s->view, s->next, bytes, PROBE) != PROBE)
    return false;
  s->scanned_near += len - pos;
  p = memmem (data + pos, len - pos, bytes, PROBE);
  return p && try_gap (c, s, data, len, pos, (uint32_t) (p - data) - pos, 0, m);
}

bool
resync_near (const struct search_context *c, struct search *s, const uint8_t *data,
             uint32_t len, uint32_t pos, struct match *m)
{
  return scan (c, s, data, len, pos, NEAR_WINDOW, NEAR_PUT, m);
}

bool
resync_gap (const struct search_context *c, struct search *s, const uint8_t *data,
            uint32_t len, uint32_t pos, struct match *m)
{
  return s->put + s->skip > 0 && try_gap (c, s, data, len, pos, s->put, s->skip, m);
}

bool
resync_far (const struct search_context *c, struct search *s, const uint8_t *data,
            uint32_t len, uint32_t pos, struct match *m)
{
  return (!s->mixed && scan_hole (c, s, data, len, pos, m)) ||
         scan (c, s, data, len, pos, FAR_WINDOW, FAR_PUT, m);
}

bool
resync_leap (const struct search_context *c, struct search *s, const uint8_t *data,
             uint32_t len, uint32_t pos, struct match *m)
{
  uint8_t bytes[FAR_WINDOW];
  uint64_t at = s->next, end = at + LEAP;
  size_t n;

  if (len - pos < LEAP_PROBE || s->scanned_far > SCAN_ADVANCE)
    return false;
  while (at < end &&
         (n = view_read (c->views, s->view, at, bytes, sizeof bytes)) >= LEAP_PROBE) {
    const uint8_t *p = memmem (bytes, n, data + pos, LEAP_PROBE);

    s->scanned_far += n;
    if (p) {
      at += (uint64_t) (p - bytes);
      search_accept (
        c, s, m, s->view, at, pos,
        (uint32_t) view_match (c->views, s->view, at, data + pos, len - pos));
      return true;
    }
    at += n - (LEAP_PROBE - 1);
  }
  return false;
}

static void
pay (uint64_t *scanned, uint64_t n)
{
  *scanned -= *scanned < n ? *scanned : n;
}

void
resync_pay (struct search *s, uint32_t len)
{
  pay (&s->scanned_near, (uint64_t) len * NEAR_PER_BYTE);
  pay (&s->scanned_far, (uint64_t) len * FAR_PER_BYTE);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Searching for the bytes of a track: see search.h.
 *
 * Costs: prediction is one comparison; resynchronisation looks at a few
 * kilobytes, and only as long as the track was found lately; anchors cost a rolling hash
 * over the frame and one look-up for 256 bytes.  All are bounded whatever the
 * content: of equal windows (black, silence) only the nearest few are tried.
 */
#include "config.h"

#include <string.h>

#include "search.h"

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

/* A track not found for so many frames is somewhere else. */
#define MAX_MISSES 4

/* Of places with an equal hash, how many are tried around the last match, and from the
 * front.
 */
#define MAX_CANDIDATES 8

static void
accept (struct search *s, struct match *m, uint32_t view, uint64_t from, uint32_t at,
        uint32_t len)
{
  *m = (struct match){ at, len, view, from };
  s->found = true;
  s->view = view;
  s->next = from + len;
  s->misses = 0;
}

/* Is a match worth taking? */
static bool
is_enough (uint32_t at, uint32_t matched, uint32_t len)
{
  return matched >= SEARCH_MIN_MATCH || (matched > 0 && at + matched == len);
}

static bool
predict (const struct search_context *c, struct search *s, const uint8_t *data,
         uint32_t len, uint32_t pos, struct match *m)
{
  uint32_t n = (uint32_t) view_match (c->views, s->view, s->next, data + pos, len - pos);

  if (!is_enough (pos, n, len))
    return false;
  accept (s, m, s->view, s->next, pos, n);
  return true;
}

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
  accept (s, m, s->view, from - back, pos + put - back, n + back);
  return true;
}

/* Look for data[pos + put …) in the `window` bytes behind the last match's end, for
 * put <= max_put.
 */
static bool
scan_near (const struct search_context *c, struct search *s, const uint8_t *data,
           uint32_t len, uint32_t pos, uint32_t window, uint32_t max_put, struct match *m)
{
  uint8_t bytes[FAR_WINDOW];
  size_t n = view_read (c->views, s->view, s->next, bytes, window);

  for (uint32_t put = 0; put <= max_put && pos + put + PROBE <= len; put++) {
    const uint8_t *p = memmem (bytes, n, data + pos + put, PROBE);

    if (p && try_gap (c, s, data, len, pos, put, (uint32_t) (p - bytes), m))
      return true;
  }
  return false;
}

static bool
resynchronise (const struct search_context *c, struct search *s, const uint8_t *data,
               uint32_t len, uint32_t pos, struct match *m)
{
  if (s->put + s->skip > 0 && try_gap (c, s, data, len, pos, s->put, s->skip, m))
    return true;
  return scan_near (c, s, data, len, pos, NEAR_WINDOW, NEAR_PUT, m) ||
         scan_near (c, s, data, len, pos, FAR_WINDOW, FAR_PUT, m);
}

/* The first of `n` anchors (of one hash) that is not before (view, at). */
static size_t
nearest (const struct anchor *a, size_t n, uint32_t view, uint64_t at)
{
  size_t low = 0, high = n;

  while (low < high) {
    size_t mid = low + (high - low) / 2;

    if (a[mid].view < view || (a[mid].view == view && a[mid].at < at))
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* Bytes to compare with a window: where it begins, and what is behind it. */
struct probe {
  const uint8_t *window;
  uint32_t len;
};

/* The best place among the anchors with the window's hash: the longest match, of equal
 * ones the first tried.  False if none is real.
 */
static bool
best_anchor (const struct search_context *c, const struct search *s,
             const struct probe *probe, struct anchor *best)
{
  size_t n, first, longest = 0;
  const struct anchor *a =
    anchor_find (&c->index->anchors, anchor_hash (probe->window), &n);

  if (n == 0)
    return false;
  first = s->found && n > MAX_CANDIDATES ? nearest (a, n, s->view, s->next) : 0;
  first = first > n - 1 ? n - 1 : first;
  for (size_t i = 0; i < MAX_CANDIDATES && i < n; i++) {
    const struct anchor *try = &a[(first + i) % n];
    size_t m = view_match (c->views, try->view, try->at, probe->window, probe->len);

    if (m >= ANCHOR_WINDOW && m > longest) {
      longest = m;
      *best = *try;
    }
  }
  return longest > 0;
}

/* Windows that begin in the tail of the frame before: short frames have no others. */
static bool
find_in_tail (const struct search_context *c, struct search *s, const uint8_t *data,
              uint32_t len, struct match *m)
{
  uint8_t joint[2 * (ANCHOR_WINDOW - 1)];
  uint32_t head = len < ANCHOR_WINDOW - 1 ? len : ANCHOR_WINDOW - 1;
  uint32_t n = s->n_tail + head;

  memcpy (joint, s->tail, s->n_tail);
  memcpy (joint + s->n_tail, data, head);
  for (size_t w = anchor_next (joint, n, 0); w < n; w = anchor_next (joint, n, w + 1)) {
    struct probe probe = { joint + w, n - (uint32_t) w };
    struct anchor a;
    uint64_t from;

    if (!best_anchor (c, s, &probe, &a))
      continue;
    from = a.at + s->n_tail - w;
    accept (s, m, a.view, from, 0,
            (uint32_t) view_match (c->views, a.view, from, data, len));
    return m->len > 0;
  }
  return false;
}

static bool
find_anchor (const struct search_context *c, struct search *s, const uint8_t *data,
             uint32_t len, uint32_t pos, struct match *m)
{
  if (pos == 0 && s->n_tail > 0 && find_in_tail (c, s, data, len, m))
    return true;
  for (size_t w = anchor_next (data, len, pos); w < len;
       w = anchor_next (data, len, w + 1)) {
    struct probe probe = { data + w, len - (uint32_t) w };
    struct anchor a;
    uint32_t back, n;

    if (!best_anchor (c, s, &probe, &a))
      continue;
    n = (uint32_t) view_match (c->views, a.view, a.at, probe.window, probe.len);
    back =
      (uint32_t) view_match_back (c->views, a.view, a.at, data + pos, (uint32_t) w - pos);
    accept (s, m, a.view, a.at - back, (uint32_t) w - back, n + back);
    s->put = s->skip = 0;
    return true;
  }
  return false;
}

bool
search_next (const struct search_context *c, struct search *s, const uint8_t *data,
             uint32_t len, uint32_t pos, struct match *m)
{
  if (s->found && predict (c, s, data, len, pos, m))
    return true;
  if (s->found && s->misses < MAX_MISSES && resynchronise (c, s, data, len, pos, m))
    return true;
  return find_anchor (c, s, data, len, pos, m);
}

void
search_frame_end (struct search *s, const uint8_t *data, uint32_t len, uint32_t pos)
{
  uint32_t most = sizeof s->tail, n = len - pos;

  if (pos == 0 && len > 0)
    s->misses++;
  if (n >= most) {
    memcpy (s->tail, data + len - most, most);
    s->n_tail = most;
    return;
  }
  if (pos > 0)
    s->n_tail = 0;
  else if (s->n_tail > most - n) {
    memmove (s->tail, s->tail + s->n_tail - (most - n), most - n);
    s->n_tail = most - n;
  }
  memcpy (s->tail + s->n_tail, data + pos, n);
  s->n_tail += n;
}

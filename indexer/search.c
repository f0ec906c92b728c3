/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Searching for the bytes of a track: see search.h.
 *
 * Costs: prediction is one comparison; resynchronisation (resync.c) looks at a few
 * kilobytes; anchors cost a rolling hash over the frame and one look-up for 256 bytes.
 * All are bounded whatever the content: of equal windows (black, silence) only the
 * nearest few are tried.
 */
#include "config.h"

#include <string.h>

#include "resync.h"
#include "search.h"

/* A track not found for so many frames is somewhere else. */
#define MAX_MISSES 4

/* Of places with an equal hash, how many are tried around the last match, and from the
 * front.
 */
#define MAX_CANDIDATES 8

/* A view was read up to `next`. */
static void
remember_place (struct search_places *l, uint32_t view, uint64_t next)
{
  unsigned i = 0;

  while (i < l->n && l->place[i].view != view)
    i++;
  if (i == l->n && i < SEARCH_PLACES)
    l->n++;
  i = i < SEARCH_PLACES ? i : SEARCH_PLACES - 1;
  memmove (l->place + 1, l->place, i * sizeof l->place[0]);
  l->place[0] = (struct search_place){ view, next };
}

void
search_accept (const struct search_context *c, struct search *s, struct match *m,
               uint32_t view, uint64_t from, uint32_t at, uint32_t len)
{
  *m = (struct match){ at, len, view, from, false };
  s->found = true;
  s->view = view;
  s->next = from + len;
  s->misses = 0;
  remember_place (c->places, view, s->next);
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
  search_accept (c, s, m, s->view, s->next, pos, n);
  return true;
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
 * ones (it is no use to look further than a whole one) the first tried.  False if none
 * is real.
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
  for (size_t i = 0; i < MAX_CANDIDATES && i < n && longest < probe->len; i++) {
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
    search_accept (c, s, m, a.view, from, 0,
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
    search_accept (c, s, m, a.view, a.at - back, (uint32_t) w - back, n + back);
    m->anchored = true;
    return true;
  }
  return false;
}

/* May the bytes go on there?  Those of no track, in any view.  Those of a track in its own
 * only, where bytes in no block were found of it, and in the one it was in before (the two
 * views of 3D alternate): a track that begins as another does (sound begins with headers and
 * silence) would take its first bytes from there.
 */
static bool
may_go_on (const struct search *s, const struct search_place *place)
{
  if (s->found && s->view == place->view)
    return s->next != place->next;
  return s->mixed || (s->moved && s->before == place->view);
}

/* Does a view go on where it was left by whatever track, or a little behind? */
static bool
go_on_elsewhere (const struct search_context *c, struct search *s, const uint8_t *data,
                 uint32_t len, uint32_t pos, struct match *m)
{
  const struct search_places places = *c->places;
  const struct search now = *s;

  for (unsigned i = 0; i < places.n; i++) {
    if (!may_go_on (&now, &places.place[i]))
      continue;
    s->view = places.place[i].view;
    s->next = places.place[i].next;
    if (predict (c, s, data, len, pos, m) || resync_near (c, s, data, len, pos, m))
      return true;
  }
  s->view = now.view;
  s->next = now.next;
  return false;
}

/* In the order of what that costs. */
static bool
look (const struct search_context *c, struct search *s, const uint8_t *data, uint32_t len,
      uint32_t pos, struct match *m)
{
  bool lately = s->found && s->misses < MAX_MISSES;

  if (s->found && predict (c, s, data, len, pos, m))
    return true;
  if (lately &&
      (resync_gap (c, s, data, len, pos, m) || resync_near (c, s, data, len, pos, m)))
    return true;
  if (go_on_elsewhere (c, s, data, len, pos, m))
    return true;
  if (lately && resync_far (c, s, data, len, pos, m))
    return true;
  if (find_anchor (c, s, data, len, pos, m))
    return true;
  return lately && pos < SEARCH_MAX_PREFIX && resync_leap (c, s, data, len, pos, m);
}

bool
search_next (const struct search_context *c, struct search *s, const uint8_t *data,
             uint32_t len, uint32_t pos, struct match *m)
{
  uint32_t view = s->view;
  bool found = s->found;

  if (!look (c, s, data, len, pos, m))
    return false;
  if (found && s->view != view) {
    s->moved = true;
    s->before = view;
  }
  return true;
}

void
search_frame_end (struct search *s, const uint8_t *data, uint32_t len, uint32_t pos)
{
  uint32_t most = sizeof s->tail, n = len - pos;

  resync_pay (s, len);
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

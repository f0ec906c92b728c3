/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transport stream packets: finding them, and what of each is elementary stream.
 *
 * Packets are found by rows of sync bytes at one of a few spacings.  Within a row each
 * packet is believed while the next sync byte is where it should be; where it is not, a
 * row is searched for anew.  So two walks that come to the same damage, or to the same
 * row, go on alike wherever they started: what two neighbouring chunks think of the
 * bytes between them.
 *
 * AACS encrypts units of 32 packets but for the first 16 bytes of each, and says so in
 * the two highest bits of the time stamp: sync bytes 6144 bytes apart, and none between.
 * They are found as rows too, to be counted.  A disc that was decrypted but kept
 * those bits is read as any other.
 *
 * A packet may be sent twice in a row (§2.4.3.3): the second has the same
 * continuity_counter and the same bytes but for a clock.  Any other break of continuity
 * is taken for a loss, and the stream goes on with what there is.
 *
 * Decided against: a state for each of the 8192 PIDs, megabytes to clear for each chunk;
 * discs use some dozens.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "demux_ts.h"
#include "demux_ts_units.h"

enum {
  PACKET = 188,
  HEADER = 4,
  SYNC = 0x47,
  TIME_STAMP = 4,   /* in front of each packet of an .m2ts file */
  FIRST_PID = 0x20, /* those below are tables: PAT, CAT, SDT, EIT, SIT, … */
  NULL_PID = 0x1FFF,
  NO_CONTINUITY = 0xFF,
  SECOND = 192, /* packets of a unit, from the first */
  THIRD = 384,
};

/* Sync bytes that make a row: payload has not so many by chance. */
#define ROW 8

struct spacing {
  unsigned bytes;
  unsigned encrypted; /* packets of a unit, 0: they are clear */
};

static const struct spacing spacings[] = {
  { 192, 0 }, { 188, 0 }, { 204, 0 }, { 6144, 32 }
};
#define N_SPACINGS (sizeof spacings / sizeof spacings[0])

/* A run of bytes that is searched. */
struct span {
  const uint8_t *data;
  size_t len;
};

/* One walk over a chunk and what is before it. */
struct walk {
  struct span span;    /* from `before` bytes ahead of the chunk */
  size_t before;       /* packets from here on are given … */
  struct demuxed *out; /* … to this */
  uint64_t base;       /* source offset of span.data */

  uint16_t slot[TS_PIDS]; /* 1 + index into pids; 0: not met */
  uint8_t types[TS_PIDS]; /* stream_type, from PMTs; 0: not known */
  struct ts_pid *pids;    /* as they were met; owned */
  size_t n_pids, cap_pids;
};

/* ---- where packets are ---- */

/* Is the unit at `at` encrypted?  Its first packet says so, and the next two do not look
 * like any.
 */
static bool
is_encrypted (const struct span *d, size_t at)
{
  const uint8_t *p = d->data + at;

  return at >= TIME_STAMP && (p[-TIME_STAMP] & 0xC0) == 0xC0 && d->len - at > THIRD &&
         (p[SECOND] != SYNC || p[THIRD] != SYNC);
}

/* Can a packet, or a unit, of such a row start at `at`? */
static bool
is_sync (const struct span *d, size_t at, const struct spacing *s)
{
  return at < d->len && d->len - at >= PACKET && d->data[at] == SYNC &&
         (!s->encrypted || is_encrypted (d, at));
}

/* Does a row start at `at`?  One that the end of the data cuts needs two packets, or a
 * clip's last would be lost behind damage.
 */
static bool
is_row (const struct span *d, size_t at, const struct spacing *s)
{
  size_t n = 0;

  while (n < ROW && is_sync (d, at, s)) {
    at += s->bytes;
    n++;
  }
  return n == ROW || (n >= 2 && !s->encrypted && at + PACKET > d->len);
}

/* The first row that starts in [*at, end), whose start is put there; NULL: none. */
static const struct spacing *
find_row (const struct span *d, size_t *at, size_t end)
{
  while (*at < end) {
    const uint8_t *p = memchr (d->data + *at, SYNC, end - *at);

    if (!p)
      break;
    *at = (size_t) (p - d->data);
    for (size_t i = 0; i < N_SPACINGS; i++)
      if (is_row (d, *at, &spacings[i]))
        return &spacings[i];
    ++*at;
  }
  return NULL;
}

/* ---- what is in them ---- */

/* Where the payload of a packet begins; >= PACKET: there is none. */
static size_t
payload_at (const uint8_t *p)
{
  switch (p[3] >> 4 & 3) { /* adaptation_field_control */
  case 1:
    return HEADER;
  case 3:
    return HEADER + 1 + (size_t) p[HEADER];
  default:
    return PACKET;
  }
}

/* A PID that was not met before; NULL when out of memory (`failed`). */
static struct ts_pid *
new_pid (struct walk *w, unsigned pid)
{
  struct ts_pid *s = w->pids;

  if (w->n_pids == w->cap_pids) {
    size_t more = w->cap_pids ? 2 * w->cap_pids : 32;

    s = reallocarray (s, more, sizeof *s);
    if (!s) {
      w->out->failed = true;
      return NULL;
    }
    w->pids = s;
    w->cap_pids = more;
  }
  s += w->n_pids++;
  w->slot[pid] = (uint16_t) w->n_pids;
  ts_pid_init (s, (uint16_t) pid);
  s->continuity = NO_CONTINUITY;
  return s;
}

/* The state of a PID; valid until the next is asked for. */
static struct ts_pid *
find_pid (struct walk *w, unsigned pid)
{
  return w->slot[pid] ? &w->pids[w->slot[pid] - 1] : new_pid (w, pid);
}

/* Are these two the same but for their clocks? */
static bool
same_payload (const uint8_t *a, const uint8_t *b)
{
  size_t at = payload_at (a);

  return memcmp (a, b, HEADER) == 0 && payload_at (b) == at &&
         memcmp (a + at, b + at, PACKET - at) == 0;
}

/* Note the packet at `at` as the PID's last.  False: it is the last one once more. */
static bool
in_order (const struct walk *w, struct ts_pid *s, size_t at)
{
  const uint8_t *p = w->span.data + at;
  uint8_t continuity = p[3] & 0xF;

  if (continuity == s->continuity && same_payload (p, w->span.data + s->last))
    return false;
  if (s->continuity != NO_CONTINUITY && continuity != ((s->continuity + 1) & 0xF))
    ts_unit_broken (s);
  s->continuity = continuity;
  s->last = at;
  return true;
}

/* Count n packets at `at` if they are the chunk's.  `scrambling`: by what; 0: they are
 * clear.
 */
static void
count (struct walk *w, size_t at, unsigned n, unsigned scrambling)
{
  if (at < w->before)
    return;
  w->out->packets += n;
  if (scrambling)
    w->out->scrambled += n;
  w->out->scrambling |= (uint8_t) scrambling;
}

/* A packet with payload from `payload` on. */
static void
take_payload (struct walk *w, size_t at, size_t payload)
{
  const uint8_t *p = w->span.data + at;
  bool start = p[1] & 0x40; /* payload_unit_start_indicator */
  struct ts_pid *s = find_pid (w, get_be16 (p + 1) & (TS_PIDS - 1));

  if (!s || !in_order (w, s, at))
    return;
  if (p[3] & 0xC0) { /* transport_scrambling_control */
    count (w, at, 1, SCRAMBLED_CA);
    return;
  }
  payload += ts_unit (s, start, p + payload, PACKET - payload, w->types);
  if (s->state == TS_PAYLOAD || s->state == TS_SCRAMBLED)
    count (w, at, 1, s->state == TS_SCRAMBLED ? SCRAMBLED_CA : 0);
  if (at >= w->before && payload < PACKET)
    demuxed_add (w->out, (uint32_t) s->pid << 8 | s->sub, p + payload, PACKET - payload,
                 w->base + at + payload);
}

static void
take_packet (struct walk *w, size_t at)
{
  const uint8_t *p = w->span.data + at;
  unsigned pid = get_be16 (p + 1) & (TS_PIDS - 1);
  size_t payload = payload_at (p);

  if (!(p[1] & 0x80) /* transport_error_indicator */ && pid >= FIRST_PID &&
      pid != NULL_PID && payload < PACKET)
    take_payload (w, at, payload);
}

/* All packets up to `end`. */
static void
walk_packets (struct walk *w, size_t end)
{
  const struct spacing *s;
  size_t at = 0;

  while ((s = find_row (&w->span, &at, end))) {
    while (at < end && is_sync (&w->span, at, s)) {
      if (s->encrypted)
        count (w, at, s->encrypted, SCRAMBLED_AACS);
      else
        take_packet (w, at);
      at += s->bytes;
    }
    /* Bytes may be missing: the next may begin where this packet ended.  Not where the
     * chunk ends in the row: what is in the row goes to the chunk behind.
     */
    if (at < end)
      at -= s->bytes - PACKET;
  }
}

/* ---- for the indexer ---- */

void
ts_chunk (const uint8_t *data, size_t before, size_t len, size_t owned, uint64_t base,
          struct demuxed *out)
{
  struct walk *w = calloc (1, sizeof *w);

  if (!w) {
    out->failed = true;
    return;
  }
  w->span = (struct span){ data - before, before + len };
  w->before = before;
  w->out = out;
  w->base = base - before;
  walk_packets (w, before + owned);
  free (w->pids);
  free (w);
}

/* Is each packet of the row one that may be?  A run of one letter is none. */
static bool
is_sound (const uint8_t *p, const struct spacing *s)
{
  for (unsigned i = 0; i < ROW; i++, p += s->bytes)
    if (p[1] & 0x80 || !(p[3] >> 4 & 3))
      return false;
  return true;
}

bool
ts_probe (const uint8_t *data, size_t len, uint64_t offset)
{
  const struct span d = { data, len };
  const struct spacing *s;
  size_t at = 0;

  (void) offset;
  while ((s = find_row (&d, &at, len))) {
    if (len - at >= (ROW - 1) * (size_t) s->bytes + PACKET && is_sound (data + at, s))
      return true;
    at++;
  }
  return false;
}

/* What Blu-ray uses PIDs for (Blu-ray Disc Read-Only Format, part 3): each range up to
 * the next.
 */
static const struct {
  uint16_t first;
  const char *name;
} ranges[] = {
  { 0x0000, "PID" },
  { 0x1011, "primary video" },
  { 0x1012, "second view" },
  { 0x1013, "PID" },
  { 0x1015, "enhancement video" },
  { 0x1016, "PID" },
  { 0x1100, "primary audio" },
  { 0x1120, "PID" },
  { 0x1200, "subtitles" },
  { 0x12A0, "PID" },
  { 0x1400, "menus" },
  { 0x1420, "PID" },
  { 0x1800, "text subtitles" },
  { 0x1801, "PID" },
  { 0x1A00, "secondary audio" },
  { 0x1A20, "PID" },
  { 0x1B00, "secondary video" },
  { 0x1B20, "PID" },
};
#define N_RANGES (sizeof ranges / sizeof ranges[0])

const char *
ts_describe (uint32_t key, char *buf, size_t size)
{
  unsigned pid = key >> 8 & (TS_PIDS - 1);
  size_t i = N_RANGES - 1;

  while (ranges[i].first > pid)
    i--;
  snprintf (buf, size, "%s %04X%s", ranges[i].name, pid,
            (key & 0xFF) == TS_SUB_AC3_CORE ? ", AC-3 core" : "");
  return buf;
}

const struct demuxer demuxer_ts = {
  .name = "MPEG transport stream",
  .probe = ts_probe,
  .by_file = true,
  .before = TS_BEFORE,
  .after = TS_AFTER,
  .chunk = ts_chunk,
  .describe = ts_describe,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make-discs [--discs N] [--rips N] [--seed N] OUTDIR: many small discs, and rips of some.
 *
 * In OUTDIR/discs/sSSS/ are the discs of a series: dDDDD.vob, or dDDDD/BDMV/STREAM/00000.m2ts.
 * Each has some titles of noise, and each title a logo, which all discs of its kind have, an
 * opening, which those of its series have, what is its own, and black at its end.  One disc in
 * 25 is as large as ten.
 *
 * OUTDIR/rips/NNN.mkv are, in turn: a title; two titles, of two discs of a series, joined; a
 * title of a disc of such a series that is not there; a part of a title.  OUTDIR/expected has
 * a line for each: its name and, behind tabs, its discs below OUTDIR/discs.
 *
 * The same arguments give the same bytes.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../rng.h"
#include "stream-avc.h"
#include "stream-content.h"
#include "stream-mkv.h"
#include "stream-ps.h"
#include "stream-ts.h"

#define SERIES_DISCS 6
#define LARGE_EVERY 25
#define RIP_KINDS 4

/* A GOP whose first picture is just large enough to be told (key_picture.h). */
#define DVD_GOP_BYTES 11000
#define DVD_GOP_PICTURES 4
#define BD_GOP_BYTES 52000

#define LOGO_GOPS 2
#define OPENING_GOPS 3

static const struct mkv_track dvd_tracks[] = {
  { .codec = "V_MPEG2",
    .frame_ns = PICTURE_MS * UINT64_C (1000000),
    .width = 720,
    .height = 576,
    .private = sequence_header,
    .n_private = SEQUENCE_HEADER_LEN },
  { .codec = "A_AC3", .frame_ns = SOUND_MS * UINT64_C (1000000), .channels = 6 },
};

/* Where what is made goes: to a disc, or to an MKV. */
struct target {
  bool bluray;
  struct mkv_writer *mkv; /* NULL: to a disc */
  struct ps_writer ps;
  struct ps_lane video, sound;
  struct ts_writer ts;
  struct content content;
  struct avc avc;
  uint64_t pictures, gops; /* so far */
};

static uint64_t seed = 1;

static char *__attribute__ ((format (printf, 1, 2))) name_of (const char *format, ...)
{
  va_list args;
  char *name;

  va_start (args, format);
  if (vasprintf (&name, format, args) == -1)
    errx (1, "out of memory");
  va_end (args);
  return name;
}

static void
make_folder (char *name)
{
  if (mkdir (name, 0777) == -1 && errno != EEXIST)
    err (1, "%s", name);
  free (name);
}

static FILE *
create (const char *name)
{
  FILE *file = fopen (name, "w");

  if (!file)
    err (1, "%s", name);
  return file;
}

/* ---- content ---- */

static void
put_sound (struct target *t, uint64_t ms)
{
  struct content *c = &t->content;

  while (c->sounds[0] * SOUND_MS <= ms) {
    uint64_t at = c->sounds[0] * SOUND_MS;

    content_next_sound (c, 0);
    if (t->mkv)
      mkv_frame (t->mkv,
                 &(struct mkv_frame){ 2, true, at, 0, c->sound[0], sound_frame_len[0] });
    else if (!t->bluray)
      lane_put (&t->sound, c->sound[0], sound_frame_len[0], at);
  }
}

static void
put_dvd_gop (struct target *t)
{
  struct content *c = &t->content;
  uint64_t first = t->pictures;

  content_next_gop (c);
  if (t->mkv)
    mkv_may_cut (t->mkv, first * PICTURE_MS, 1);
  else
    ps_navigation (&t->ps);
  for (unsigned k = 0; k < DVD_GOP_PICTURES; k++) {
    const struct picture *p = &c->pictures[k];
    uint64_t ms = (first + p->shown) * PICTURE_MS;
    const uint8_t *data = c->gop.data + p->at;

    put_sound (t, (first + k) * PICTURE_MS);
    if (t->mkv)
      mkv_frame (t->mkv, &(struct mkv_frame){ 1, k == 0, ms, 0, data, p->len });
    else
      lane_put (&t->video, data, p->len, ms);
  }
  if (!t->mkv)
    lane_flush (&t->video);
  t->pictures += DVD_GOP_PICTURES;
}

static void
put_bluray_gop (struct target *t, bool black)
{
  for (unsigned k = 0; k < AVC_GOP_PICTURES; k++, t->pictures++) {
    uint64_t time = t->pictures * TS_SECOND / 24, ms = t->pictures * 1000 / 24;
    struct ts_lane *lane = &t->ts.lanes[0];

    avc_next (&t->avc, k, black);
    put_sound (t, ms);
    if (t->mkv) {
      if (k == 0)
        mkv_may_cut (t->mkv, ms, 1);
      mkv_frame (t->mkv, &(struct mkv_frame){ 1, t->avc.key, ms, 0, t->avc.frame.data,
                                              t->avc.frame.len });
      continue;
    }
    ts_pes_begin (lane, 0xE0, 0, time, time);
    buffer_append (&lane->pes, t->avc.unit.data, t->avc.unit.len);
    ts_pes_end (lane, time, time + TS_SECOND / 24, false);
    while (!ts_lane_empty (lane))
      ts_lane_packet (&t->ts, lane);
  }
}

/* So many GOPs of some content, from the number `from` on. */
static void
put_content (struct target *t, uint64_t content, unsigned from, unsigned gops)
{
  for (unsigned i = from; i < from + gops; i++) {
    uint64_t rng = (seed << 48 | content) + ((uint64_t) i << 40);

    t->content.video_rng = t->avc.rng = rng_next (&rng);
    if (t->bluray)
      put_bluray_gop (t, false);
    else
      put_dvd_gop (t);
  }
}

/* ---- titles ---- */

static unsigned
series_of (unsigned disc)
{
  return disc / SERIES_DISCS;
}

static bool
is_bluray (unsigned disc)
{
  return series_of (disc) % 2;
}

/* What a disc has depends on its number alone. */
static uint64_t
lot (unsigned disc, unsigned what, uint64_t low, uint64_t high)
{
  uint64_t rng = seed << 32 | (uint64_t) disc << 8 | what;

  rng = rng_next (&rng);
  return rng_between (&rng, low, high);
}

static unsigned
titles_of (unsigned disc)
{
  return (unsigned) lot (disc, 0, 1, 3);
}

static unsigned
gops_of (unsigned disc, unsigned title)
{
  unsigned n = (unsigned) lot (disc, 1 + title, 40, 80);

  if (is_bluray (disc))
    n /= 4;
  return disc % LARGE_EVERY == 0 ? 10 * n : n;
}

/* Kinds of content. */
enum {
  LOGO = 1,
  OPENING = 1000,
  TITLES = 1000000,
};

static void
put_title (struct target *t, unsigned disc, unsigned title)
{
  put_content (t, LOGO + is_bluray (disc), 0, LOGO_GOPS);
  put_content (t, OPENING + series_of (disc), 0, OPENING_GOPS);
  put_content (t, TITLES + 16ULL * disc + title, 0, gops_of (disc, title));
  if (t->bluray)
    put_bluray_gop (t, true);
}

static void
target_init (struct target *t, bool bluray)
{
  *t = (struct target){ .bluray = bluray };
  t->content.gop_bytes = DVD_GOP_BYTES;
  t->content.gop_pictures = DVD_GOP_PICTURES;
  content_init (&t->content, seed);
  t->avc = (struct avc){ .gop_bytes = BD_GOP_BYTES, .slices = 1 };
}

static void
target_free (struct target *t)
{
  content_free (&t->content);
  avc_free (&t->avc);
  lane_free (&t->video);
  lane_free (&t->sound);
}

/* ---- discs ---- */

/* Its path below the folder of all. */
static char *
disc_path (unsigned disc)
{
  return name_of (is_bluray (disc) ? "s%03u/d%04u/BDMV" : "s%03u/d%04u.vob",
                  series_of (disc), disc);
}

static void
put_titles (struct target *t, unsigned disc)
{
  for (unsigned i = 0; i < titles_of (disc); i++)
    put_title (t, disc, i);
}

static void
write_dvd (const char *name, unsigned disc)
{
  struct target t;

  target_init (&t, false);
  t.ps = (struct ps_writer){ .file = create (name), .name = name };
  t.video = (struct ps_lane){ .ps = &t.ps, .stream_id = 0xE0 };
  t.sound = (struct ps_lane){ .ps = &t.ps, .stream_id = 0xBD, .sub_stream = 0x80 };
  put_titles (&t, disc);
  lane_flush (&t.sound);
  if (fclose (t.ps.file) != 0)
    err (1, "%s", name);
  target_free (&t);
}

static void
write_bluray (const char *folder, unsigned disc)
{
  char *name = name_of ("%s/STREAM/00000.m2ts", folder);
  struct target t;

  target_init (&t, true);
  t.ts.n_lanes = 1;
  t.ts.lanes[0] = (struct ts_lane){ .pid = 0x1011, .stream_type = 0x1B };
  ts_open (&t.ts, name);
  put_titles (&t, disc);
  ts_close (&t.ts);
  target_free (&t);
  free (name);
}

static void
write_disc (const char *dir, unsigned disc)
{
  char *below = disc_path (disc), *name = name_of ("%s/discs/%s", dir, below);

  make_folder (name_of ("%s/discs/s%03u", dir, series_of (disc)));
  if (is_bluray (disc)) {
    make_folder (name_of ("%s/discs/s%03u/d%04u", dir, series_of (disc), disc));
    make_folder (strdup (name));
    make_folder (name_of ("%s/STREAM", name));
    write_bluray (name, disc);
  }
  else
    write_dvd (name, disc);
  free (name);
  free (below);
}

/* ---- rips ---- */

/* The rip's number and how many discs there are; what is put into it, and into the line. */
static void
put_rip (struct target *t, unsigned number, unsigned disc, unsigned discs, FILE *expected)
{
  unsigned second = disc % SERIES_DISCS ? disc - 1 : disc + 1;
  char *a = disc_path (disc), *b = disc_path (second);

  switch (number % RIP_KINDS) {
  case 0:
    put_title (t, disc, titles_of (disc) - 1);
    fprintf (expected, "\t%s", a);
    break;
  case 1:
    put_title (t, disc, 0);
    put_title (t, second, 0);
    fprintf (expected, "\t%s\t%s", a, b);
    break;
  case 2: /* of no disc, but of its series */
    put_content (t, LOGO + t->bluray, 0, LOGO_GOPS);
    put_content (t, OPENING + series_of (disc), 0, OPENING_GOPS);
    put_content (t, TITLES + 16ULL * (discs + number), 0, t->bluray ? 15 : 60);
    break;
  default:
    put_content (t, TITLES + 16ULL * disc, 3, gops_of (disc, 0) / 2);
    fprintf (expected, "\t%s", a);
  }
  free (a);
  free (b);
}

static void
write_rip (const char *dir, unsigned number, unsigned discs, FILE *expected)
{
  const struct mkv_track bluray_tracks[] = {
    { .codec = "V_MPEG4/ISO/AVC",
      .frame_ns = 41708333,
      .width = 1920,
      .height = 1080,
      .private = avc_configuration,
      .n_private = avc_configuration_len },
    dvd_tracks[1],
  };
  uint64_t rng = seed * 1000 + number;
  /* A series that is whole. */
  unsigned disc = (unsigned) rng_below (&rng, discs / SERIES_DISCS * SERIES_DISCS);
  char *name = name_of ("%s/rips/%03u.mkv", dir, number);
  struct mkv_writer mkv;
  struct target t;

  target_init (&t, is_bluray (disc));
  mkv_begin (&mkv, name, t.bluray ? bluray_tracks : dvd_tracks, 2);
  t.mkv = &mkv;
  fprintf (expected, "%03u.mkv", number);
  put_rip (&t, number, disc, discs, expected);
  fputc ('\n', expected);
  mkv_end (&mkv);
  target_free (&t);
  free (name);
}

/* ---- all ---- */

static unsigned
number (const char *text)
{
  char *end;
  unsigned long n = strtoul (text, &end, 10);

  if (*text < '0' || *text > '9' || *end || n > 60000)
    errx (2, "'%s' is not a number up to 60000", text);
  return (unsigned) n;
}

static void
write_all (const char *dir, unsigned discs, unsigned rips)
{
  char *name = name_of ("%s/expected", dir);
  FILE *expected;

  make_folder (strdup (dir));
  make_folder (name_of ("%s/discs", dir));
  make_folder (name_of ("%s/rips", dir));
  for (unsigned i = 0; i < discs; i++)
    write_disc (dir, i);
  expected = create (name);
  for (unsigned i = 0; i < rips; i++)
    write_rip (dir, i, discs, expected);
  if (fclose (expected) != 0)
    err (1, "%s", name);
  free (name);
}

int
main (int argc, char *argv[])
{
  static const struct option options[] = {
    { "discs", required_argument, NULL, 'd' },
    { "rips", required_argument, NULL, 'r' },
    { "seed", required_argument, NULL, 's' },
    { 0 },
  };
  unsigned discs = 2 * SERIES_DISCS, rips = 2 * RIP_KINDS;
  int c;

  while ((c = getopt_long (argc, argv, "", options, NULL)) != -1)
    if (c == 'd')
      discs = number (optarg);
    else if (c == 'r')
      rips = number (optarg);
    else if (c == 's')
      seed = number (optarg);
    else
      return 2;
  if (optind + 1 != argc || discs < SERIES_DISCS)
    errx (2, "Usage: make-discs [--discs N] [--rips N] [--seed N] OUTDIR");
  write_all (argv[optind], discs, rips);
  return 0;
}

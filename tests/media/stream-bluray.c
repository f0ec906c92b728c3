/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Blu-ray made of noise: see stream-bluray.h.
 *
 * The lanes of a clip (stream-ts.h) are the pictures, the first sound (AC-3, or TrueHD and
 * AC-3 in turn) and DTS.  The one whose packet is due first writes it; if it has none, its
 * next access unit is made, and goes into the MKV too.  Times are as in stream-ts.h.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "stream-avc.h"
#include "stream-bluray.h"
#include "stream-mkv.h"
#include "stream-sound.h"
#include "stream-ts.h"

enum {
  VIDEO_LANE,
  FIRST_SOUND_LANE,
  DTS_LANE,
  N_LANES,
};

/* As tracks of the MKV are numbered. */
enum {
  VIDEO_TRACK = 1,
  AC3_TRACK,
  DTS_TRACK,
  TRUEHD_TRACK,
};

/* stream_id, stream_id_extension. */
enum {
  VIDEO_STREAM = 0xE0,
  PRIVATE_STREAM_1 = 0xBD,
  EXTENDED_STREAM = 0xFD,
  TRUEHD_EXTENSION = 0x72,
  AC3_CORE_EXTENSION = 0x76,
};

#define FRAME_TICKS UINT64_C (1126125) /* of 24000/1001 pictures a second */
#define GOP_TICKS (AVC_GOP_PICTURES * FRAME_TICKS)
#define GOP_BYTES 3128125 /* at 25 Mbit/s */
#define MS_TICKS 27000

#define TRUEHD_IN_PES 13 /* access units */

/* With small clips, so many GOPs of the main one make one black. */
#define BLACK_PERIOD 16
#define SMALL_CLIP_GOPS 2

struct clip {
  const struct bluray_options *options;
  struct mkv_writer *mkv; /* NULL: none is wanted */
  bool small;
  struct ts_writer ts;
  struct avc avc;
  struct sound ac3, dts, truehd;
  uint64_t pictures, bytes; /* so far */
  uint64_t end;             /* of the pictures; UINT64_MAX: not known yet */
};

static uint64_t
sound_time (const struct sound *s)
{
  return s->units * sound_duration (s->kind);
}

static bool
is_black (const struct clip *c, uint64_t time)
{
  return c->small ||
         (c->options->clips > 0 && time / GOP_TICKS % BLACK_PERIOD == BLACK_PERIOD - 1);
}

static void
put_frame (struct clip *c, uint8_t track, bool key, uint64_t shown, uint64_t order,
           const uint8_t *data, size_t len)
{
  const struct mkv_frame frame = { .track = track,
                                   .key = key,
                                   .ms = (shown + MS_TICKS / 2) / MS_TICKS,
                                   .order = order,
                                   .data = data,
                                   .len = len };

  c->bytes += len;
  if (c->mkv)
    mkv_frame (c->mkv, &frame);
}

/* ---- pictures ---- */

static bool
wants_gop (const struct clip *c)
{
  uint64_t gops = c->small ? SMALL_CLIP_GOPS : c->options->gops;

  return c->pictures < gops * AVC_GOP_PICTURES ||
         (!c->small && c->bytes < c->options->bytes);
}

static void
next_picture (struct clip *c, struct ts_lane *lane)
{
  unsigned k = c->pictures % AVC_GOP_PICTURES;
  uint64_t now = c->pictures * FRAME_TICKS, shown;
  struct avc *a = &c->avc;

  if (k == 0 && !wants_gop (c)) {
    lane->done = true;
    c->end = now;
    return;
  }
  avc_next (a, k, is_black (c, now));
  if (a->unit.failed || a->frame.failed)
    errx (1, "out of memory");
  /* One picture later than it would be without those that follow it and are shown first. */
  shown = now - k * FRAME_TICKS + a->shown * FRAME_TICKS;
  if (c->mkv && k == 0)
    mkv_may_cut (c->mkv, (now + MS_TICKS / 2) / MS_TICKS, now);
  put_frame (c, VIDEO_TRACK, a->key, shown, now, a->frame.data, a->frame.len);
  ts_pes_begin (lane, VIDEO_STREAM, 0, shown + FRAME_TICKS, now);
  buffer_append (&lane->pes, a->unit.data, a->unit.len);
  ts_pes_end (lane, now, now + FRAME_TICKS, false);
  c->pictures++;
}

/* ---- sound ---- */

static void
put_sound (struct clip *c, struct ts_lane *lane, struct sound *s, uint8_t track)
{
  uint64_t now = sound_time (s);

  sound_next (s, is_black (c, now));
  put_frame (c, track, s->key, now, now, s->data, s->len);
  buffer_append (&lane->pes, s->data, s->len);
}

/* A PES packet of `n` units; `end` is when the lane's next is due. */
static void
sound_packet (struct clip *c, struct ts_lane *lane, struct sound *s, uint8_t track,
              unsigned n, uint8_t extension)
{
  uint64_t now = sound_time (s), end;

  ts_pes_begin (lane, extension ? EXTENDED_STREAM : PRIVATE_STREAM_1, extension,
                now + FRAME_TICKS, now + FRAME_TICKS);
  for (unsigned i = 0; i < n; i++)
    put_sound (c, lane, s, track);
  end = sound_time (s);
  if (extension) {
    const struct sound *other = s == &c->ac3 ? &c->truehd : &c->ac3;

    end = sound_time (other) < end ? sound_time (other) : end;
  }
  ts_pes_end (lane, now, end, c->options->bursts);
}

/* In one PID each has its turn. */
static bool
truehd_is_next (const struct clip *c)
{
  return c->options->truehd && sound_time (&c->truehd) <= sound_time (&c->ac3);
}

static const struct sound *
next_sound (const struct clip *c, unsigned lane)
{
  if (lane == DTS_LANE)
    return &c->dts;
  return truehd_is_next (c) ? &c->truehd : &c->ac3;
}

static void
next_sound_packet (struct clip *c, unsigned number)
{
  struct ts_lane *lane = &c->ts.lanes[number];

  if (sound_time (next_sound (c, number)) >= c->end)
    lane->done = true;
  else if (number == DTS_LANE)
    sound_packet (c, lane, &c->dts, DTS_TRACK, 1, 0);
  else if (truehd_is_next (c))
    sound_packet (c, lane, &c->truehd, TRUEHD_TRACK, TRUEHD_IN_PES, TRUEHD_EXTENSION);
  else
    sound_packet (c, lane, &c->ac3, AC3_TRACK, 1,
                  c->options->truehd ? AC3_CORE_EXTENSION : 0);
}

/* ---- clips ---- */

/* When a lane's next packet is due, or could be. */
static uint64_t
lane_due (const struct clip *c, unsigned number)
{
  const struct ts_lane *lane = &c->ts.lanes[number];
  uint64_t begin;

  if (lane->done)
    return UINT64_MAX;
  if (!ts_lane_empty (lane))
    return lane->due;
  begin = number == VIDEO_LANE ? c->pictures * FRAME_TICKS
                               : sound_time (next_sound (c, number));
  return begin > lane->due ? begin : lane->due;
}

/* The lane that is due first; -1: all are done. */
static int
first_lane (const struct clip *c)
{
  uint64_t least = UINT64_MAX;
  int first = -1;

  for (unsigned i = 0; i < N_LANES; i++) {
    uint64_t due = lane_due (c, i);

    if (due < least) {
      least = due;
      first = (int) i;
    }
  }
  return first;
}

static void
write_packets (struct clip *c)
{
  int i;

  while ((i = first_lane (c)) >= 0) {
    struct ts_lane *lane = &c->ts.lanes[i];

    if (!ts_lane_empty (lane))
      ts_lane_packet (&c->ts, lane);
    else if (i == VIDEO_LANE)
      next_picture (c, lane);
    else
      next_sound_packet (c, (unsigned) i);
  }
}

static void
write_clip (const struct bluray_options *o, unsigned number, struct mkv_writer *mkv)
{
  struct clip c = { .options = o, .mkv = mkv, .small = number > 0, .end = UINT64_MAX };
  uint64_t rng = o->seed;
  char *name;

  if (asprintf (&name, "%s/disc/BDMV/STREAM/%05u.m2ts", o->dir, number) == -1)
    errx (1, "out of memory");
  c.avc = (struct avc){ .gop_bytes = o->gop_bytes ? o->gop_bytes : GOP_BYTES,
                        .slices = o->slices,
                        .rng = rng };
  c.ac3 = (struct sound){ .kind = SOUND_AC3, .rng = rng + (1ULL << 32) };
  c.dts = (struct sound){ .kind = SOUND_DTS, .rng = rng + (2ULL << 32) };
  c.truehd = (struct sound){ .kind = SOUND_TRUEHD, .rng = rng + (3ULL << 32) };
  c.ts.n_lanes = N_LANES;
  c.ts.lanes[VIDEO_LANE] = (struct ts_lane){ .pid = 0x1011, .stream_type = 0x1B };
  c.ts.lanes[FIRST_SOUND_LANE] =
    (struct ts_lane){ .pid = 0x1100, .stream_type = o->truehd ? 0x83 : 0x81 };
  c.ts.lanes[DTS_LANE] = (struct ts_lane){ .pid = 0x1101, .stream_type = 0x82 };
  ts_open (&c.ts, name);
  write_packets (&c);
  ts_close (&c.ts);
  avc_free (&c.avc);
  free (name);
}

static void
make_folder (const char *dir, const char *below)
{
  char *name;

  if (asprintf (&name, "%s/%s", dir, below) == -1)
    errx (1, "out of memory");
  if (mkdir (name, 0777) == -1)
    err (1, "%s", name);
  free (name);
}

void
write_bluray (const struct bluray_options *o)
{
  const struct mkv_track tracks[] = {
    { .codec = "V_MPEG4/ISO/AVC",
      .frame_ns = 41708333,
      .width = 1920,
      .height = 1080,
      .private = avc_configuration,
      .n_private = avc_configuration_len },
    { .codec = "A_AC3", .frame_ns = 32000000, .channels = 6, .lace = o->lace },
    { .codec = "A_DTS", .frame_ns = 10666667, .channels = 6, .lace = o->lace },
    { .codec = "A_TRUEHD", .frame_ns = 833333, .channels = 2 },
  };
  struct mkv_writer mkv;
  char *name;

  if (asprintf (&name, "%s/title.mkv", o->dir) == -1)
    errx (1, "out of memory");
  make_folder (o->dir, "disc/BDMV");
  make_folder (o->dir, "disc/BDMV/STREAM");
  mkv_begin (&mkv, name, tracks, o->truehd ? 4 : 3);
  write_clip (o, 0, &mkv);
  mkv_end (&mkv);
  for (unsigned i = 1; i <= o->clips; i++)
    write_clip (o, i, NULL);
  free (name);
}

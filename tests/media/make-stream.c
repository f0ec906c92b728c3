/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make-stream [OPTION]... OUTDIR: a disc and the MKV of its first title, made of noise.
 *
 * OUTDIR/disc/VTS_01_1.VOB, VTS_02_1.VOB, … are DVD-like program streams, and
 * OUTDIR/title.mkv is what a remuxer would make of the first; or it is a Blu-ray
 * (stream-bluray.h).  For what make-media, which
 * codes real pictures, would take hours for: large discs, and odd ones.
 *
 * The same options give the same bytes.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "stream-avc.h"
#include "stream-bluray.h"
#include "stream-content.h"
#include "stream-mkv.h"
#include "stream-ps.h"

#define MAX_TITLES 99
#define MAX_CLIPS 9999

/* Interleaved titles change after so many bytes: some 300 sectors. */
#define JUMP_BYTES 600000

struct options {
  uint64_t seed, bytes, gops; /* until there are both */
  uint32_t gop_bytes, gop_pictures;
  unsigned titles;
  bool equal_gops, copies, jump;
  const char *dir;

  bool bluray, truehd, bursts;
  unsigned slices, lace, clips;
};

static const struct mkv_track dvd_tracks[1 + SOUND_TRACKS] = {
  { .codec = "V_MPEG2",
    .frame_ns = PICTURE_MS * UINT64_C (1000000),
    .width = 720,
    .height = 576,
    .private = sequence_header,
    .n_private = SEQUENCE_HEADER_LEN },
  { .codec = "A_AC3", .frame_ns = SOUND_MS * UINT64_C (1000000), .channels = 6 },
  { .codec = "A_AC3", .frame_ns = SOUND_MS * UINT64_C (1000000), .channels = 2 },
};

/* A title being made. */
struct title {
  struct content content;
  struct ps_lane video, sound[SOUND_TRACKS];
  struct mkv_writer *mkv; /* NULL: none is wanted */
  uint64_t bytes;         /* of its access units so far */
};

static void
title_init (struct title *t, const struct options *o, unsigned number,
            struct ps_writer *ps, struct mkv_writer *mkv)
{
  *t = (struct title){ .mkv = mkv };
  t->content.gop_bytes = o->gop_bytes;
  t->content.gop_pictures = o->gop_pictures;
  t->content.equal = o->equal_gops;
  content_init (&t->content, o->seed * MAX_TITLES + (o->copies ? 1 : number));
  t->video = (struct ps_lane){ .ps = ps, .stream_id = 0xE0 };
  for (unsigned i = 0; i < SOUND_TRACKS; i++)
    t->sound[i] =
      (struct ps_lane){ .ps = ps, .stream_id = 0xBD, .sub_stream = (uint8_t) (0x80 + i) };
}

static void
title_free (struct title *t)
{
  content_free (&t->content);
  lane_free (&t->video);
  for (unsigned i = 0; i < SOUND_TRACKS; i++)
    lane_free (&t->sound[i]);
}

static void
put_unit (struct title *t, struct ps_lane *lane, uint8_t track, bool key, uint64_t ms,
          const uint8_t *data, size_t len)
{
  lane_put (lane, data, len, ms);
  if (t->mkv)
    mkv_frame (t->mkv, &(struct mkv_frame){ track, key, ms, 0, data, len });
  t->bytes += len;
}

/* The sound up to this time. */
static void
put_sound (struct title *t, uint64_t ms)
{
  struct content *c = &t->content;

  for (unsigned i = 0; i < SOUND_TRACKS; i++)
    while (c->sounds[i] * SOUND_MS <= ms) {
      uint64_t at = c->sounds[i] * SOUND_MS;

      content_next_sound (c, i);
      put_unit (t, &t->sound[i], (uint8_t) (i + 2), true, at, c->sound[i],
                sound_frame_len[i]);
    }
}

/* A GOP, which is a VOBU: it begins with a navigation pack and ends with its last picture. */
static void
put_gop (struct title *t)
{
  struct content *c = &t->content;
  uint64_t first = c->gops * c->gop_pictures;

  ps_set_clock (t->video.ps, first * PICTURE_MS);
  ps_navigation (t->video.ps);
  if (t->mkv)
    mkv_may_cut (t->mkv, first * PICTURE_MS, 1);
  content_next_gop (c);
  if (c->gop.failed)
    errx (1, "out of memory");
  for (unsigned k = 0; k < c->gop_pictures; k++) {
    const struct picture *p = &c->pictures[k];

    ps_set_clock (t->video.ps, (first + k) * PICTURE_MS);
    put_sound (t, (first + k) * PICTURE_MS);
    put_unit (t, &t->video, 1, k == 0, (first + p->shown) * PICTURE_MS,
              c->gop.data + p->at, p->len);
  }
  lane_flush (&t->video);
}

static bool
wants_more (const struct title *t, const struct options *o)
{
  return t->bytes < o->bytes || t->content.gops < o->gops;
}

/* Titles to one file, a piece of each in turn until all are whole. */
static void
write_titles (struct title *titles, unsigned n, const struct options *o)
{
  bool more;

  do {
    more = false;
    for (unsigned i = 0; i < n; i++) {
      struct title *t = &titles[i];
      uint64_t stop = t->bytes + JUMP_BYTES;

      while (t->bytes < stop && wants_more (t, o))
        put_gop (t);
      more |= wants_more (t, o);
    }
  } while (more);
  for (unsigned i = 0; i < n; i++)
    for (unsigned s = 0; s < SOUND_TRACKS; s++)
      lane_flush (&titles[i].sound[s]);
}

/* A VOB with the titles from `first` on. */
static void
write_vob (const struct options *o, unsigned first, unsigned n, struct mkv_writer *mkv)
{
  struct title *titles = calloc (n, sizeof *titles);
  struct ps_writer ps = { 0 };
  char *name;

  if (!titles || asprintf (&name, "%s/disc/VTS_%02u_1.VOB", o->dir, first) == -1)
    errx (1, "out of memory");
  ps.name = name;
  ps.file = fopen (name, "wx");
  if (!ps.file)
    err (1, "%s", name);
  for (unsigned i = 0; i < n; i++)
    title_init (&titles[i], o, first + i, &ps, first + i == 1 ? mkv : NULL);
  write_titles (titles, n, o);
  if (fclose (ps.file) != 0)
    err (1, "%s", name);
  for (unsigned i = 0; i < n; i++)
    title_free (&titles[i]);
  free (titles);
  free (name);
}

static void
write_dvd (const struct options *o)
{
  struct mkv_writer mkv;
  char *name;

  if (asprintf (&name, "%s/title.mkv", o->dir) == -1)
    errx (1, "out of memory");
  mkv_begin (&mkv, name, dvd_tracks, 1 + SOUND_TRACKS);
  if (o->jump)
    write_vob (o, 1, o->titles, &mkv);
  else
    for (unsigned i = 1; i <= o->titles; i++)
      write_vob (o, i, 1, &mkv);
  mkv_end (&mkv);
  free (name);
}

static void
write_disc (const struct options *o)
{
  const struct bluray_options bluray = {
    .dir = o->dir,
    .seed = o->seed,
    .bytes = o->bytes,
    .gops = o->gops,
    .gop_bytes = o->gop_bytes,
    .slices = o->slices,
    .lace = o->lace,
    .clips = o->clips,
    .truehd = o->truehd,
    .bursts = o->bursts,
  };
  char *disc;

  if (asprintf (&disc, "%s/disc", o->dir) == -1)
    errx (1, "out of memory");
  if ((mkdir (o->dir, 0777) == -1 && errno != EEXIST) || mkdir (disc, 0777) == -1)
    err (1, "%s", disc);
  free (disc);
  if (o->bluray)
    write_bluray (&bluray);
  else
    write_dvd (o);
}

/* ---- options ---- */

static void __attribute__ ((noreturn)) usage (int status)
{
  fputs (
    "Usage: make-stream [OPTION]... OUTDIR\n"
    "Make OUTDIR/disc/VTS_01_1.VOB … and OUTDIR/title.mkv of noise.\n"
    "\n"
    "  --seed N          what the noise is drawn from (default 1)\n"
    "  --size MB         of pictures and sound of each title, in 10^6 bytes\n"
    "                    (default 12, but none with --gops)\n"
    "  --gops N          GOPs of each title\n"
    "  --gop-bytes N     bytes of pictures in a GOP (default 312000 or, of a Blu-ray,\n"
    "                    25 Mbit/s)\n"
    "  --gop-pictures N  pictures in a GOP (default 12)\n"
    "  --equal-gops      all GOPs are the same bytes, and all frames of a track\n"
    "  --titles N        so many titles, each of other content\n"
    "  --copies N        so many titles, all of the same\n"
    "  --jump            all titles interleaved in one VOB\n"
    "\n"
    "  --bluray          a Blu-ray: of the options above --seed, --size, --gops\n"
    "                    and --gop-bytes\n"
    "  --slices N        of a picture (default 1)\n"
    "  --truehd          a track of TrueHD, too\n"
    "  --lace N          frames of sound in a block of the MKV (default 8)\n"
    "  --bursts          a frame's packets one behind the other\n"
    "  --clips N         small clips of black and silence, some of which is in the\n"
    "                    main one, too\n",
    status ? stderr : stdout);
  exit (status);
}

static uint64_t
number (const char *text, uint64_t max)
{
  char *end;
  unsigned long long n;

  errno = 0;
  n = strtoull (text, &end, 10);
  if (errno || *text < '0' || *text > '9' || *end || n < 1 || n > max)
    errx (2, "'%s' is not a number from 1 to %llu", text, (unsigned long long) max);
  return n;
}

static const struct option long_options[] = {
  { "seed", required_argument, NULL, 's' },
  { "size", required_argument, NULL, 'm' },
  { "gops", required_argument, NULL, 'g' },
  { "gop-bytes", required_argument, NULL, 'b' },
  { "gop-pictures", required_argument, NULL, 'p' },
  { "equal-gops", no_argument, NULL, 'e' },
  { "titles", required_argument, NULL, 't' },
  { "copies", required_argument, NULL, 'c' },
  { "jump", no_argument, NULL, 'j' },
  { "bluray", no_argument, NULL, 'B' },
  { "slices", required_argument, NULL, 'S' },
  { "truehd", no_argument, NULL, 'T' },
  { "lace", required_argument, NULL, 'L' },
  { "bursts", no_argument, NULL, 'U' },
  { "clips", required_argument, NULL, 'C' },
  { "help", no_argument, NULL, 'h' },
  { 0 },
};

static void
take_bluray_option (struct options *o, int option)
{
  switch (option) {
  case 'B':
    o->bluray = true;
    break;
  case 'S':
    o->slices = (unsigned) number (optarg, AVC_MAX_SLICES);
    break;
  case 'T':
    o->truehd = true;
    break;
  case 'L':
    o->lace = (unsigned) number (optarg, 8);
    break;
  case 'U':
    o->bursts = true;
    break;
  case 'C':
    o->clips = (unsigned) number (optarg, MAX_CLIPS);
    break;
  default:
    usage (option == 'h' ? 0 : 2);
  }
}

static void
take_option (struct options *o, int option)
{
  switch (option) {
  case 's':
    o->seed = number (optarg, UINT32_MAX);
    break;
  case 'm':
    o->bytes = number (optarg, 1000000) * 1000000;
    break;
  case 'g':
    o->gops = number (optarg, UINT32_MAX);
    break;
  case 'b':
    o->gop_bytes = (uint32_t) number (optarg, 100000000);
    break;
  case 'p':
    o->gop_pictures = (uint32_t) number (optarg, MAX_GOP_PICTURES);
    break;
  case 'e':
    o->equal_gops = true;
    break;
  case 't':
  case 'c':
    o->titles = (unsigned) number (optarg, MAX_TITLES);
    o->copies = option == 'c';
    break;
  case 'j':
    o->jump = true;
    break;
  default:
    take_bluray_option (o, option);
  }
}

int
main (int argc, char *argv[])
{
  struct options o = {
    .seed = 1, .gop_pictures = 12, .titles = 1, .slices = 1, .lace = 8
  };
  int option;

  while ((option = getopt_long (argc, argv, "", long_options, NULL)) != -1)
    take_option (&o, option);
  if (argc - optind != 1)
    usage (2);
  if (o.bytes == 0 && o.gops == 0)
    o.bytes = 12000000;
  if (o.gop_bytes == 0 && !o.bluray)
    o.gop_bytes = 312000;
  o.dir = argv[optind];
  write_disc (&o);
  return 0;
}

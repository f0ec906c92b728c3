/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * synthetic dvd|bluray MIB SEED: a disc, an image of about MIB mebibytes made from it, and
 * the recipe, in the current folder as `disc`, `image` and `image.mkvdup`.
 *
 * No media: random bytes in packets, of three streams, as a multiplex has them; frames of
 * the streams with headers between, as an MKV has them, the second stream lagging
 * behind the first, the third one byte-swapped.  It needs no indexer, takes a moment, and has
 * in a few mebibytes what a real film has in gigabytes.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "atomic_file.h"
#include "buffer.h"
#include "cleanup.h"
#include "merkle.h"
#include "recipe_write.h"
#include "segment_plan.h"
#include "source.h"

#define STREAMS 3
#define SPAN_LOG2 20

struct packet {
  uint64_t from;      /* of the payload, in the disc */
  uint64_t stream_at; /* of the payload, in its stream */
  uint32_t len;
};

struct stream {
  struct packet *packets;
  size_t n;
  struct buffer bytes;
  uint64_t used; /* by the image */
};

/* A span of the image. */
struct frame {
  uint64_t at, len;
  int stream; /* -1: literal */
  uint64_t stream_at;
  enum transform_kind transform;
};

static struct stream streams[STREAMS];
static struct buffer disc = BUFFER_INIT, image = BUFFER_INIT;
static struct frame *frames;
static size_t n_frames;
static uint64_t state;

static uint32_t
below (uint32_t n)
{
  state = state * UINT64_C (6364136223846793005) + 1442695040888963407;
  return (uint32_t) ((state >> 32) * n >> 32);
}

static void
random_bytes (struct buffer *b, size_t len)
{
  uint8_t *p = buffer_reserve (b, len);

  if (!p)
    errx (1, "out of memory");
  for (size_t i = 0; i < len; ++i)
    p[i] = (uint8_t) below (256);
  b->len += len;
}

static void *
grown (void *array, size_t n, size_t size)
{
  /* A power of two: as many again. */
  if ((n & (n - 1)) == 0)
    array = realloc (array, (n ? 2 * n : 1) * size);
  if (!array)
    errx (1, "out of memory");
  return array;
}

/* ---- The disc */

static void
make_packet (size_t size, size_t header)
{
  static uint32_t burst, dice;
  struct stream *s;
  uint64_t start = disc.len;
  uint32_t len;

  if (burst-- == 0) {
    burst = below (2048 * 10) / (uint32_t) size;
    dice = below (100);
  }
  s = &streams[dice < 88 ? 0 : dice < 96 ? 1 : 2];
  /* Now and then a longer header, as where a PES packet begins. */
  header += below (30) == 0 ? below (40) : 0;
  len = (uint32_t) (size - header);
  random_bytes (&disc, size);
  s->packets = grown (s->packets, s->n, sizeof *s->packets);
  s->packets[s->n++] = (struct packet){ start + header, s->bytes.len, len };
  buffer_append (&s->bytes, disc.data + start + header, len);
}

/* ---- The image */

static void
add_frame (int stream, uint64_t len, enum transform_kind transform)
{
  struct frame f = { .at = image.len, .len = len, .stream = stream };

  frames = grown (frames, n_frames, sizeof *frames);
  if (stream >= 0) {
    f.stream_at = streams[stream].used;
    f.transform = transform;
    streams[stream].used += len;
    buffer_append (&image, streams[stream].bytes.data + f.stream_at, len);
    transform_apply (transform, image.data + f.at, len);
  }
  frames[n_frames++] = f;
}

static void
add_literal (size_t len)
{
  add_frame (-1, len, TRANSFORM_NONE);
  random_bytes (&image, len);
}

static void
add_zeros (size_t len)
{
  add_frame (-1, len, TRANSFORM_NONE);
  memset (buffer_reserve (&image, len), 0, len);
  image.len += len;
}

static void
add_payload (int stream, uint64_t most)
{
  static const enum transform_kind kinds[] = { TRANSFORM_SWAP16, TRANSFORM_SWAP24 };
  enum transform_kind kind = stream == 2 ? kinds[below (2)] : TRANSFORM_NONE;
  uint64_t left = streams[stream].bytes.len - streams[stream].used;
  uint64_t len = most < left ? most : left;

  len -= len % transform_unit (kind);
  if (len > 0)
    add_frame (stream, len, kind);
}

/* Sound as far as the picture has come, which on the disc lies some way behind it. */
static void
add_sound (int stream, uint64_t most)
{
  const struct stream *s = &streams[stream], *picture = &streams[0];
  uint64_t lag = 300000 * (s->bytes.len >> 10) / (picture->bytes.len >> 10);

  while ((s->used - (s->used > lag ? lag : s->used)) * (picture->bytes.len >> 10) <
         picture->used * (s->bytes.len >> 10)) {
    uint64_t before = s->used;

    add_literal (8);
    add_payload (stream, most);
    if (s->used == before)
      break;
  }
}

static void
make_image (uint64_t size)
{
  add_zeros (100000);
  while (image.len < size) {
    uint64_t before = image.len;

    add_literal (5 + below (10));
    add_payload (0, 2000 + below (40000));
    add_sound (1, 1792);
    add_sound (2, 5000 + below (3000));
    if (below (200) == 0)
      add_zeros (below (30000));
    if (image.len - before < 500)
      break; /* the disc is used up */
  }
  add_literal (777);
}

/* ---- The recipe */

/* A lane with the packets that bring bytes [from, end) of a stream. */
static int
add_lane (struct segment_plan *plan, const struct stream *s, uint64_t from, uint64_t end)
{
  int lane = segment_plan_lane (plan, 0);

  for (size_t i = 0; i < s->n; ++i) {
    const struct packet *p = &s->packets[i];
    uint64_t a = p->stream_at > from ? p->stream_at : from;
    uint64_t b = p->stream_at + p->len < end ? p->stream_at + p->len : end;

    if (a < b && (lane < 0 ||
                  !segment_plan_piece (plan, (uint32_t) lane,
                                       p->from + (a - p->stream_at), (uint32_t) (b - a))))
      errx (1, "out of memory");
  }
  return lane;
}

/* The part of a frame that lies in [start, end) of the image, in whole units. */
static bool
clip (const struct frame *f, uint64_t start, uint64_t end, struct frame *part)
{
  unsigned unit = transform_unit (f->transform);
  uint64_t cut = start > f->at ? (start - f->at + unit - 1) / unit * unit : 0;

  if (f->at >= end || cut >= f->len)
    return false;
  *part = *f;
  part->at += cut;
  part->stream_at += cut;
  part->len = (part->at + f->len - cut < end ? f->len - cut : end - part->at);
  part->len -= part->len % unit;
  return part->at < end && part->len > 0;
}

static void
add_span (struct segment_plan *plan, enum span_kind kind, uint64_t len, int lane,
          uint64_t lane_at, enum transform_kind transform)
{
  struct plan_span span = { .kind = kind,
                            .len = (uint32_t) len,
                            .lane = (uint32_t) lane,
                            .lane_at = lane_at,
                            .transform = (uint8_t) transform };

  if (len > 0 && !segment_plan_span (plan, &span))
    errx (1, "out of memory");
}

static void
make_plan (struct segment_plan *plan, uint64_t start, uint64_t end)
{
  uint64_t from[STREAMS], to[STREAMS], at = start;
  int lanes[STREAMS];
  struct frame part;

  for (int s = 0; s < STREAMS; ++s)
    from[s] = to[s] = UINT64_MAX;
  for (size_t i = 0; i < n_frames; ++i) {
    if (frames[i].stream < 0 || !clip (&frames[i], start, end, &part))
      continue;
    if (from[part.stream] == UINT64_MAX)
      from[part.stream] = part.stream_at;
    to[part.stream] = part.stream_at + part.len;
  }
  for (int s = 0; s < STREAMS; ++s)
    lanes[s] = from[s] < to[s] ? add_lane (plan, &streams[s], from[s], to[s]) : -1;
  for (size_t i = 0; i < n_frames; ++i) {
    if (frames[i].stream < 0 || !clip (&frames[i], start, end, &part))
      continue;
    add_span (plan, SPAN_LITERAL, part.at - at, 0, 0, TRANSFORM_NONE);
    add_span (plan, SPAN_COPY, part.len, lanes[part.stream],
              part.stream_at - from[part.stream], part.transform);
    at = part.at + part.len;
  }
  add_span (plan, SPAN_LITERAL, end - at, 0, 0, TRANSFORM_NONE);
}

static void
identify_disc (struct recipe_source *id)
{
  struct error err = ERROR_INIT;
  CLEANUP_CLOSE int fd = open ("disc", O_RDONLY);
  XXH128_canonical_t hash;

  XXH128_canonicalFromHash (&hash, XXH3_128bits (disc.data, disc.len));
  memcpy (id->hash, hash.digest, sizeof id->hash);
  id->path = (char *) "disc";
  id->size = disc.len;
  if (source_sample (fd, disc.len, &id->sample, &err) == -1)
    errx (1, "%s", err.text);
}

static uint8_t *
make_merkle (struct error *err)
{
  uint8_t *stored = malloc (merkle_stored_len (image.len));

  for (uint64_t g = 0; stored && g < merkle_groups (image.len); ++g) {
    uint64_t at = g * MERKLE_GROUP;
    size_t len = image.len - at < MERKLE_GROUP ? image.len - at : MERKLE_GROUP;

    if (merkle_group_digest (image.data + at, len, image.len, stored + g * MERKLE_DIGEST,
                             err) == -1)
      errx (1, "%s", err->text);
  }
  if (!stored || merkle_finish (stored, image.len, err) == -1)
    errx (1, "%s", err->text);
  return stored;
}

static int
make_recipe (struct error *err)
{
  CLEANUP_ATOMIC_FILE struct atomic_file f = ATOMIC_FILE_INIT;
  struct segment_plan plan = { 0 };
  struct recipe_source id;
  struct recipe_writer w;
  CLEANUP_FREE uint8_t *merkle = make_merkle (err);
  uint32_t number = 0;

  identify_disc (&id);
  if (atomic_file_open (&f, "image.mkvdup", err) == -1 ||
      recipe_writer_begin (&w, f.fd, "image.mkvdup", image.len, SPAN_LOG2, err) == -1)
    return -1;
  for (uint64_t at = 0; at < image.len; at += 1u << SPAN_LOG2, ++number) {
    uint64_t end =
      at + (1u << SPAN_LOG2) < image.len ? at + (1u << SPAN_LOG2) : image.len;
    struct segment_context ctx = { number, (uint32_t) (end - at), 1, &id.size };
    CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;

    segment_plan_clear (&plan);
    make_plan (&plan, at, end);
    if (segment_encode (&plan, image.data + at, &ctx, &coded, err) == -1 ||
        recipe_writer_segment (&w, coded.data, coded.len, err) == -1)
      return -1;
  }
  segment_plan_free (&plan);
  if (recipe_writer_finish (&w, &id, 1, merkle, merkle_stored_len (image.len), NULL, NULL,
                            0, err) == -1)
    return -1;
  recipe_writer_free (&w);
  return atomic_file_commit (&f, err);
}

int
main (int argc, char *argv[])
{
  struct error err = ERROR_INIT;
  bool is_dvd;
  uint64_t size;

  if (argc != 4)
    errx (1, "usage: %s dvd|bluray MIB SEED", argv[0]);
  is_dvd = strcmp (argv[1], "dvd") == 0;
  size = strtoull (argv[2], NULL, 10) << 20;
  state = strtoull (argv[3], NULL, 10) * 2 + 1;

  while (disc.len < size + size / 8 + (1 << 20))
    make_packet (is_dvd ? 2048 : 192, is_dvd ? 38 : 8);
  make_image (size);
  if (atomic_file_put ("disc", disc.data, disc.len, &err) == -1 ||
      atomic_file_put ("image", image.data, image.len, &err) == -1 ||
      make_recipe (&err) == -1)
    errx (1, "%s", err.text);

  for (int s = 0; s < STREAMS; ++s) {
    free (streams[s].packets);
    buffer_free (&streams[s].bytes);
  }
  free (frames);
  buffer_free (&disc);
  buffer_free (&image);
  return 0;
}

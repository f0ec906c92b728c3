/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a Matroska file: blocks come in order, within the file, with frames that
 * fill them, and the same ones whatever the window's size; regions are all of it, each byte
 * once; and as an MKV whose disc is to be found: refused with a message, or read to an end, with
 * key pictures of so many bits.  To rip.c, which is built for this with smaller limits, a file of
 * 256 bytes is large.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "key_picture.h"
#include "matroska.h"
#include "mkv_regions.h"
#include "rip.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_block (const struct matroska_block *b, uint64_t done, uint64_t size)
{
  uint64_t sum = 0;

  require (done <= b->at && b->at <= b->inner && b->inner < b->body);
  require (b->body + b->track_width + 3 <= b->payload && b->payload <= b->end);
  require (b->end <= b->outer_end && b->outer_end <= size);
  require (b->n_frames >= 1 && b->n_frames <= 256);
  for (unsigned i = 0; i < b->n_frames; i++)
    sum += b->frame_size[i];
  require (sum == b->end - b->payload);
}

static void
check_tracks (const struct matroska *m)
{
  size_t n;
  const struct matroska_track *t = matroska_tracks (m, &n);

  require (n <= MATROSKA_MAX_TRACKS);
  for (size_t i = 0; i < n; i++) {
    require (memchr (t[i].codec, 0, sizeof t[i].codec) != NULL);
    require (t[i].n_stripped <= sizeof t[i].stripped);
    require (t[i].n_stripped == 0 || t[i].compression == MATROSKA_STRIPPED);
  }
}

/* The cues name places in the file; from each of some, blocks are found up to the next. */
static uint64_t
check_cues (struct matroska *m, size_t size)
{
  uint64_t sum = 0;
  struct matroska_block b;
  size_t n;
  struct matroska_cue *cues = matroska_cues (m, &n);

  require (cues != NULL && n <= MATROSKA_MAX_CUES);
  for (size_t i = 0; i < n; i++)
    require (cues[i].cluster < size);
  for (size_t i = 0; i < n && i < 16; i++) {
    sum = sum * 31 + cues[i].cluster;
    if (!matroska_seek (m, cues[i].cluster, size) || !matroska_next (m, &b))
      continue;
    check_block (&b, cues[i].cluster, size);
    sum = sum * 31 + b.payload;
  }
  free (cues);
  return sum;
}

/* Parse with one size of window; a sum over what was found. */
static uint64_t
parse (int fd, size_t size, size_t ahead)
{
  struct error err = ERROR_INIT;
  struct matroska_block b;
  struct matroska *m;
  struct window w;
  uint64_t done = 0, sum = 0;

  require (window_init (&w, fd, size, ahead, &err) == 0);
  m = matroska_open (&w);
  require (m != NULL);
  while (matroska_next (m, &b)) {
    check_block (&b, done, size);
    done = b.outer_end;
    sum = (sum + b.payload) * 31 + b.track + b.n_frames;
  }
  check_tracks (m);
  sum = sum * 31 + check_cues (m, size);
  matroska_close (m);
  window_free (&w);
  return sum;
}

/* They follow each other, to the end. */
static void
check_regions (int fd, size_t size)
{
  const struct mkv_input input = { .fd = fd, .size = size };
  struct error err = ERROR_INIT;
  struct mkv_regions *r = mkv_regions_open (&input, &err);
  struct mkv_region region;
  uint64_t done = 0;

  require (r != NULL);
  while (mkv_regions_next (r, &region)) {
    require (region.at == done && region.at < region.end && region.end <= size);
    require (region.kind < REGION_KINDS && *region_kind_name (region.kind) != '\0');
    require (region.kind != REGION_FRAME || region.block != NULL);
    done = region.end;
  }
  require (done == size);
  mkv_regions_close (r);
}

/* Rounds of a rip: their visits double, up to 32. */
#define MOST_ROUNDS 6

/* In order, each once. */
static void
check_pictures (const struct lowest *l)
{
  for (size_t i = 0; i < l->n; i++)
    require (l->numbers[i] <= KEY_PICTURE_MAX &&
             (i == 0 || l->numbers[i - 1] < l->numbers[i]));
}

static void
check_rip (int fd, size_t size)
{
  struct error err = ERROR_INIT;
  struct rip *r;
  unsigned rounds = 0;
  size_t had = 0;
  char path[32];
  int more;

  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  r = rip_open (path, &err);
  if (!r) {
    require (strncmp (err.text, path, strlen (path)) == 0);
    return;
  }
  require (rip_size (r) == size);
  while ((more = rip_read (r, &err)) == 1) {
    check_pictures (rip_pictures (r));
    require (rip_pictures (r)->n >= had && ++rounds <= MOST_ROUNDS);
    had = rip_pictures (r)->n;
  }
  require (more == 0);
  rip_close (r);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fd = memfd_create ("fuzz", MFD_CLOEXEC);

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  require (parse (fd, size, 1) == parse (fd, size, 65536));
  check_regions (fd, size);
  check_rip (fd, size);
  close (fd);
  return 0;
}
